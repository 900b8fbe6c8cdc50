package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// An image whose files lead out of it, wait for a writer or have no end is read
// as far as it goes, and nothing outside of it is.
func TestDeclarationsOfAHostileImage(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	put := func(name, content string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	const iface = "iface br0 inet manual\n\thwaddress 02:00:00:00:00:01\n"
	put(outside+"/evil", strings.ReplaceAll(iface, "br0", "evil0"))
	put(root+"/sbin/ifup", "")
	put(root+"/usr/sbin/netplan", "")
	put(root+"/etc/network/interfaces", "source-directory interfaces.d\nsource ../../../"+outside+"/evil\n")
	dir := root + "/etc/network/interfaces.d/"
	put(dir+"fine", iface)
	put(root+"/inside", strings.ReplaceAll(iface, "br0", "br1"))
	link(outside+"/evil", dir+"a-out")
	link("../../../../../../../../.."+outside+"/evil", dir+"a-up")
	link("/inside", dir+"b-in")
	link("c-loop", dir+"c-loop")
	link("/dev/zero", dir+"d-zero")
	if err := unix.Mkfifo(dir+"e-fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	put(dir+"f-large", "")
	if err := os.Truncate(dir+"f-large", 2<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(root+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	link(outside, root+"/etc/netplan")

	m, err := Probe(context.Background(), root, 252)
	if err != nil {
		t.Fatal(err)
	}
	declarations, problems := m.Declarations()
	var names []string
	for _, d := range declarations {
		names = append(names, d.Device)
	}
	if got := strings.Join(names, " "); got != "br1 br0" {
		t.Errorf("declared: %s", got)
	}
	said := map[string]string{}
	for _, p := range problems {
		said[filepath.Base(p.Pos.File)] = p.Message
		if strings.Contains(p.Message, "\n") || strings.Contains(p.Message, outside) && p.Pos.File != "/etc/network/interfaces" {
			t.Errorf("%s: %s", p.Pos, p.Message)
		}
	}
	for name, want := range map[string]string{"e-fifo": "not a regular file", "f-large": "larger than", "c-loop": "too many levels of symbolic links"} {
		if !strings.Contains(said[name], want) {
			t.Errorf("%s: %q", name, said[name])
		}
	}
}
