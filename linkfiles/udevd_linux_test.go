package linkfiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The layout is NixOS's as it is documented, not taken from a real host: /nix/store/HASH-systemd-255.6, with
// lib/systemd/systemd-udevd a link to bin/udevadm.
func TestAUdevdOutsideOfUsrLibHasItsFilesBesideIt(t *testing.T) {
	const (
		a    = "nix/store/aaa-systemd-255.6/"
		b    = "nix/store/bbb-systemd-256.2/"
		file = "lib/systemd/network/99-default.link"
		exe  = "lib/systemd/systemd-udevd"
	)
	installed := func(at string) map[string]string {
		return map[string]string{at + file: "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n", at + "bin/udevadm": "x", at + exe: "-> ../../bin/udevadm"}
	}
	for name, c := range map[string]struct {
		trees []map[string]string
		dir   string // "" for none
	}{
		"the only one in the store": {[]map[string]string{installed(a)}, "/" + a + "lib/systemd/network"},
		"the system's of two": {[]map[string]string{installed(a), installed(b), {"nix/var/nix/profiles/system": "-> /nix/store/sys", "nix/store/sys/systemd": "-> /" + b}},
			"/" + b + "lib/systemd/network"},
		"the service's of two": {[]map[string]string{installed(a), installed(b), {"etc/systemd/system/systemd-udevd.service": "[Service]\nExecStart=\nExecStart=!/" + a + exe + " --x\n"}},
			"/" + a + "lib/systemd/network"},
		"two, and nothing tells":     {[]map[string]string{installed(a), installed(b)}, ""},
		"a link that tries to leave": {[]map[string]string{{"nix/var/nix/profiles/system": "-> ../../../../../../../../../../"}}, ""},
		"another prefix, by the service": {[]map[string]string{installed("opt/systemd/"), {"etc/systemd/system/systemd-udevd.service": "[Service]\nExecStart=/opt/systemd/" + exe + "\n"}},
			"/opt/systemd/lib/systemd/network"},
		"the usual place comes first": {[]map[string]string{installed(a), installed("usr/")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, tree := range c.trees {
				for path, content := range tree {
					at := filepath.Join(root, path)
					err := os.MkdirAll(filepath.Dir(at), 0o755)
					if err == nil {
						if to, link := strings.CutPrefix(content, "-> "); link {
							err = os.Symlink(to, at)
						} else {
							err = os.WriteFile(at, []byte(content), 0o644)
						}
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			store, err := Read(root)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, d := range store.Dirs[len(SearchPath):] {
				got = d.Path
			}
			if got != c.dir {
				t.Errorf("searched %q as well, want %q", got, c.dir)
			}
			tree := Parse(store, 255)
			if c.dir != "" && (len(tree.Files) != 1 || tree.Files[0].Path != c.dir+"/99-default.link") {
				t.Errorf("files: %v", tree.Files)
			}
		})
	}
}
