package conformance

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestATreeHasItsModesUnderAnyUmask(t *testing.T) {
	tree := Tree{
		{Path: "/etc/systemd/network/10-a.link", Kind: NodeFile, Content: []byte("[Link]\n")},
		{Path: "/etc/systemd/network/20-b.link", Kind: NodeFile, Mode: 0o666},
		{Path: "/etc/systemd/network/30-c.link", Kind: NodeFile, Mode: 0o600},
		{Path: "/run/systemd/network/10-a.link.d", Kind: NodeDir},
		{Path: "/run/systemd/network/40-d.link", Kind: NodeFIFO},
		{Path: "/run/systemd/network/50-e.link", Kind: NodeSymlink, Target: "/dev/null"},
	}
	const want = `drwxr-xr-x etc
drwxr-xr-x etc/systemd
drwxr-xr-x etc/systemd/network
-rw-r--r-- etc/systemd/network/10-a.link
-rw-rw-rw- etc/systemd/network/20-b.link
-rw------- etc/systemd/network/30-c.link
drwxr-xr-x run
drwxr-xr-x run/systemd
drwxr-xr-x run/systemd/network
drwxr-xr-x run/systemd/network/10-a.link.d
prw-r--r-- run/systemd/network/40-d.link
Lrwxrwxrwx run/systemd/network/50-e.link
`
	for _, umask := range []int{0, 0o022, 0o077} {
		t.Run(fmt.Sprintf("umask %#o", umask), func(t *testing.T) {
			root := t.TempDir()
			err := func() error {
				defer syscall.Umask(syscall.Umask(umask))
				return tree.Write(root)
			}()
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			err = filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
				if err != nil || p == root {
					return err
				}
				info, err := e.Info()
				if err == nil {
					fmt.Fprintf(&got, "%v %s\n", info.Mode(), strings.TrimPrefix(p, root+"/"))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != want {
				t.Errorf("the tree is\n%s", got.String())
			}
		})
	}
}
