//go:build vm

package guest

import (
	"os"
	"strings"
	"testing"
)

// If an image has no machine ID and cannot be written, systemd makes one up at boot. It
// is for this boot only, and so are the addresses.
func TestFourthBootWithoutMachineID(t *testing.T) {
	id, err := os.ReadFile("/run/machine-id")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile("/etc/machine-id"); err != nil || string(b) != string(id) || strings.HasPrefix(string(id), "0123") {
		t.Fatalf("/etc/machine-id holds %q, /run/machine-id %q: %v", b, id, err)
	}
	d := check(t, "bond9")
	before, err := os.ReadFile("/run/bond9")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("in the initramfs: %s", before)
	if mac := sysfs(t, "bond9", "address"); mac != str(d.Persistent) || str(d.Origin) != "udev-persistent" || !d.found("policy-overrides-ports") || strings.Contains(string(before), mac) {
		t.Errorf("bond9 of the initramfs has %s: %+v", mac, d)
	}
	free(t)
	for name, kind := range map[string]string{"bond0": "bond", "br0": "bridge"} {
		t.Run(name, func(t *testing.T) {
			create(t, name, kind)
			d := check(t, name)
			if mac := sysfs(t, name, "address"); mac != str(d.Persistent) || mac == bond0Persistent || str(d.Origin) != "udev-persistent" || str(d.Predicted.AddEvent) != mac {
				t.Errorf("it has %s: %+v", mac, d)
			}
			ip(t, "del", name)
		})
	}
	create(t, "bond0", "bond")
	if a := auditOf(t, "bond0"); !a.found("machine-id-transient") || a.Devices[0].Predicted.Boot != nil {
		t.Errorf("the next boot makes up another machine-id: %+v", a)
	}
	ip(t, "del", "bond0")
	linkaudit(t, "fix", "--bond", "bond0")
	create(t, "bond0", "bond")
	is(t, "fixed", "bond0", "random", "1", "kernel-random", "none")
	ip(t, "set", "eth0", "master", "bond0")
	is(t, "a port joins", "bond0", eth0Address, "2", "port", "none")
}
