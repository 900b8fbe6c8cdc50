package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheVersionOfTheCLibrary(t *testing.T) {
	const banner = "\x00GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\nCopyright\x00"
	for name, c := range map[string]struct{ path, content, want string }{
		"multiarch":         {"usr/lib/x86_64-linux-gnu/libc.so.6", "\x7fELF" + banner, "2.41"},
		"lib64":             {"usr/lib64/libc.so.6", banner, "2.41"},
		"none":              {"usr/lib/musl/libc.so", banner, ""},
		"without a version": {"lib/libc.so.6", "GNU ld script", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, c.path)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			got := files{root: root}.glibc()
			if got.Or("") != c.want || got.IsKnown() != (c.want != "") {
				t.Errorf("%v, want %q", got, c.want)
			}
		})
	}
}
