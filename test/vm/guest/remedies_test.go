//go:build vm

package guest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What people do instead of writing a file for the one device, and where each way
// fails: the rows of docs/alternatives.md.
func TestFirstAlternatives(t *testing.T) {
	n := release(t)
	shipped, err := os.ReadFile(defaultLink)
	if err != nil {
		t.Fatal(err)
	}
	dropIn := networkDir + "/99-default.link.d/policy.conf"

	// made says whether udev set the device's persistent address, and which file udev
	// recorded.
	made := func(t *testing.T, name, kind string) (byUdev bool, file string) {
		t.Helper()
		create(t, name, kind)
		defer ip(t, "del", name)
		for line := range strings.Lines(output(t, "udevadm", "info", "--query=property", "/sys/class/net/"+name)) {
			if value, ok := strings.CutPrefix(line, "ID_NET_LINK_FILE="); ok {
				file = strings.TrimSpace(value)
			}
		}
		return sysfs(t, name, "addr_assign_type") == "3", file
	}
	for _, way := range []struct {
		title, file, content string
		// what udev does to bond3, and to dummy3, which is not intended
		bond, dummy     bool
		bondOf, dummyOf string // the files
	}{
		{title: "nothing", bond: true, dummy: true, bondOf: defaultLink, dummyOf: defaultLink},
		{
			title: "a copy of 99-default.link in /etc", file: networkDir + "/99-default.link",
			content: strings.ReplaceAll(string(shipped), "=persistent", "=none"),
			bondOf:  networkDir + "/99-default.link", dummyOf: networkDir + "/99-default.link",
		},
		{title: "a mask of 99-default.link", file: networkDir + "/99-default.link"},
		{
			title: "a drop-in for 99-default.link", file: dropIn, content: "[Link]\nMACAddressPolicy=none\n",
			bond: n < 248, dummy: n < 248, bondOf: defaultLink, dummyOf: defaultLink,
		},
		{
			// The drop-in's condition becomes one of the whole file.
			title: "a drop-in with a [Match] of its own", file: dropIn, content: "[Match]\nType=bond\n[Link]\nMACAddressPolicy=none\n",
			bond: n < 248, dummy: n < 248, bondOf: defaultLink, dummyOf: map[bool]string{true: defaultLink}[n < 248],
		},
		{
			title: "a file for Kind=bond", file: networkDir + "/50-bonds.link", content: "[Match]\nKind=bond\n[Link]\nMACAddressPolicy=none\n",
			bond: n < 251, dummy: true, bondOf: map[bool]string{true: defaultLink, false: networkDir + "/50-bonds.link"}[n < 251], dummyOf: defaultLink,
		},
		{
			title: "a file that sorts after the default", file: networkDir + "/bonds.link", content: "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=none\n",
			bond: true, dummy: true, bondOf: defaultLink, dummyOf: defaultLink,
		},
	} {
		t.Run(way.title, func(t *testing.T) {
			if way.file != "" {
				write(t, way.file, way.content)
				reload(t)
				defer func() {
					os.Remove(way.file)
					os.Remove(filepath.Dir(dropIn))
					reload(t)
				}()
			}
			for name, want := range map[string]struct {
				kind   string
				byUdev bool
				file   string
			}{"bond3": {"bond", way.bond, way.bondOf}, "dummy3": {"dummy", way.dummy, way.dummyOf}} {
				t.Run(name, func(t *testing.T) {
					byUdev, file := made(t, name, want.kind)
					if strings.HasPrefix(file, "/lib/") {
						file = "/usr" + file
					}
					if byUdev != want.byUdev || file != want.file {
						t.Errorf("an address of udevd's: %v, file %q; want %v, %q", byUdev, file, want.byUdev, want.file)
					}
				})
			}
		})
	}

	t.Run("a file with the policy alone", func(t *testing.T) {
		for name, content := range map[string]string{
			"/70-site.link":  "[Match]\nOriginalName=bond*\n[Link]\nMTUBytes=1400\nMACAddressPolicy=persistent\n",
			"/50-bond0.link": "[Match]\nOriginalName=bond0\n[Link]\nMACAddressPolicy=none\n",
		} {
			write(t, networkDir+name, content)
			defer os.Remove(networkDir + name)
		}
		mtu := func(want string) {
			t.Helper()
			create(t, "bond0", "bond")
			if got := sysfs(t, "bond0", "mtu"); got != want || sysfs(t, "bond0", "addr_assign_type") != "1" {
				t.Errorf("MTU %s, not %s", got, want)
			}
			ip(t, "del", "bond0")
		}
		mtu("1500")
		os.Remove(networkDir + "/50-bond0.link")
		linkaudit(t, "fix", "--bond", "bond0")
		mtu("1400")
		linkaudit(t, "undo", "--bond", "bond0")
	})

	// An address that a script or a person sets is lost with the last port. So is the
	// one that the bond was created with.
	t.Run("an address that somebody gives", func(t *testing.T) {
		const address = "02:00:00:00:00:79"
		free(t)
		create(t, "bond0", "bond")
		defer ip(t, "del", "bond0")
		for range 2 {
			ip(t, "set", "bond0", "address", address)
			ip(t, "set", "eth0", "master", "bond0")
			is(t, "given", "bond0", address, "3", "set-by-someone", "persistent")
			ip(t, "set", "eth0", "nomaster")
			is(t, "the last port leaves", "bond0", "random", "1", "kernel-random", "persistent")
		}
		ip(t, "del", "bond0")
		ip(t, "add", "bond0", "address", address, "type", "bond")
		handled(t, "bond0")
		is(t, "made with it", "bond0", address, "3", "set-by-someone", "persistent")
		ip(t, "set", "eth0", "master", "bond0")
		ip(t, "set", "eth0", "nomaster")
		is(t, "the last port leaves", "bond0", "random", "1", "kernel-random", "persistent")
	})

	t.Run("net.ifnames=0", func(t *testing.T) {
		if line, err := os.ReadFile("/proc/cmdline"); err != nil || !strings.Contains(string(line), " net.ifnames=0 ") {
			t.Fatalf("%v: %s", err, line)
		}
		if byUdev, _ := made(t, "bond3", "bond"); !byUdev {
			t.Error("udev set no address on the bond")
		}
	})
}
