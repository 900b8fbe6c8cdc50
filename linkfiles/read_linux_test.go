package linkfiles

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree makes files, and symbolic links where the content begins with "-> ".
func tree(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := cutArrow(content); ok {
			err = os.Symlink(target, at)
		} else {
			if err = os.WriteFile(at, []byte(content), 0o644); err == nil {
				err = os.Chmod(at, 0o644) // whatever the umask is
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func cutArrow(s string) (string, bool) {
	if len(s) > 3 && s[:3] == "-> " {
		return s[3:], true
	}
	return "", false
}

// Where /usr is merged, /lib/systemd/network is /usr/lib/systemd/network: it is in
// the store under both paths.
func TestADirectoryWithTwoPathsIsReadUnderBoth(t *testing.T) {
	const lib, usr = "/lib/systemd/network", "/usr/lib/systemd/network"
	root := tree(t, map[string]string{
		"lib":                                  "-> usr/lib",
		usr + "/10-a.link":                     "[Match]\n",
		usr + "/20-linked.link":                "-> 10-a.link",
		usr + "/10-a.link.d/x.conf":            "[Link]\n",
		usr + "/20-linked.link.d":              "-> 10-a.link.d",
		"/etc/systemd/network/10-a.link.d":     "-> ../../../usr/lib/systemd/network/10-a.link.d",
		"/run/systemd/network/30-nowhere.link": "-> nothing",
	})
	store, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	plain := func(name, content string, inode int) Entry {
		return Entry{Name: name, Type: TypeRegular, Inode: inode, Mode: 0o644, Size: int64(len(content)), Content: []byte(content)}
	}
	dropIn := []Entry{plain("x.conf", "[Link]\n", 1)}
	linked := plain("20-linked.link", "[Match]\n", 2)
	linked.Symlink, linked.Resolved = "10-a.link", usr+"/10-a.link"
	entries := []Entry{plain("10-a.link", "[Match]\n", 2), linked}
	want := &Store{Dirs: []Dir{
		{Path: "/etc/systemd/network", DropIns: []Dir{{Path: "/etc/systemd/network/10-a.link.d", Resolved: usr + "/10-a.link.d", Entries: dropIn}}},
		{Path: "/run/systemd/network", Entries: []Entry{{Name: "30-nowhere.link", Type: TypeMissing, Symlink: "nothing", Err: "ENOENT"}}},
		{Path: "/usr/local/lib/systemd/network"},
		{Path: usr, Entries: entries, DropIns: []Dir{
			{Path: usr + "/10-a.link.d", Entries: dropIn},
			{Path: usr + "/20-linked.link.d", Resolved: usr + "/10-a.link.d", Entries: dropIn},
		}},
		{Path: lib, Resolved: usr, Entries: entries, DropIns: []Dir{
			{Path: lib + "/10-a.link.d", Resolved: usr + "/10-a.link.d", Entries: dropIn},
			{Path: lib + "/20-linked.link.d", Resolved: usr + "/10-a.link.d", Entries: dropIn},
		}},
	}}
	if diff := cmp.Diff(want, store); diff != "" {
		t.Error(diff)
	}
	// What is changed in one is not changed in the other.
	store.Dirs[3].Entries[0].Name = "changed"
	store.Dirs[3].DropIns[0].Entries[0].Name = "changed"
	if diff := cmp.Diff(want.Dirs[4], store.Dirs[4]); diff != "" {
		t.Error(diff)
	}
}

// A directory that is a second path of one that is not there is not there either.
func TestASecondPathToNothingIsNothing(t *testing.T) {
	root := tree(t, map[string]string{"lib": "-> usr/lib", "/usr/lib/x": ""})
	store, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Dir{Path: "/lib/systemd/network"}, store.Dirs[4]); diff != "" {
		t.Error(diff)
	}
}

// A file and an image may be named from the working directory: their links lead where they
// do from the root.
func TestRelativePathsHaveTheSameLinks(t *testing.T) {
	root := tree(t, map[string]string{
		"img/etc/systemd/network/10-a.link":          "[Match]\n",
		"img/etc/systemd/network/10-a.link.d/m.conf": "-> /dev/null",
		"img/etc/systemd/network/10-a.link.d/s.conf": "-> ../10-a.link",
		"img/etc/systemd/network/20-same.link":       "-> 10-a.link",
		"img/etc/systemd/network/30-mask.link":       "-> /dev/null",
		"img/etc/systemd/network/40-absolute.link":   "-> /etc/systemd/network/10-a.link",
	})
	read := func(what string) (image *Store, files []*Store) {
		image, err := Read(filepath.Join(what, "img"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"10-a", "20-same", "30-mask"} {
			file, err := ReadFile(filepath.Join(what, "img/etc/systemd/network", name+".link"))
			if err != nil {
				t.Fatal(err)
			}
			file.Dirs[0].Path = ""
			for i := range file.Dirs[0].DropIns {
				file.Dirs[0].DropIns[i].Path = ""
			}
			files = append(files, file)
		}
		return image, files
	}
	wantImage, wantFiles := read(root)
	t.Chdir(root)
	image, files := read(".")
	if diff := cmp.Diff(wantImage, image); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantFiles, files); diff != "" {
		t.Error(diff)
	}
	t.Chdir("img/etc/systemd/network")
	if file, err := ReadFile("30-mask.link"); err != nil || file.Dirs[0].Entries[0].Type != TypeNull {
		t.Errorf("%v, %v", file, err)
	}
	if len(wantFiles[0].Dirs[0].DropIns) != 1 || len(wantFiles[0].Dirs[0].DropIns[0].Entries) != 2 {
		t.Errorf("%+v", wantFiles[0])
	}
}
