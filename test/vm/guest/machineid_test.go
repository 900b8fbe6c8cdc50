//go:build vm

package guest

import (
	"os"
	"testing"
)

// Without a machine ID no persistent address can be derived: udev keeps the kernel's,
// and check reports that there is none. (At boot systemd makes up a machine ID if there
// is none.)
func TestFirstWithoutMachineID(t *testing.T) {
	const file = "/etc/machine-id"
	free(t)
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	restart := func() { output(t, "systemctl", "restart", "systemd-udevd.service") }
	defer func() {
		write(t, file, string(was))
		restart()
		create(t, "bond0", "bond")
		is(t, "the machine-id is back", "bond0", bond0Persistent, "3", "udev-persistent", "persistent")
		ip(t, "del", "bond0")
	}()
	for _, c := range []struct {
		title   string
		content *string
	}{
		{"missing", nil}, {"empty", new("")}, {"uninitialized", new("uninitialized\n")},
	} {
		t.Run(c.title, func(t *testing.T) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if c.content != nil {
				write(t, file, *c.content)
			} else {
				defer write(t, file, "")
			}
			restart()
			for name, kind := range map[string]string{"bond0": "bond", "br0": "bridge"} {
				t.Run(name, func(t *testing.T) {
					create(t, name, kind)
					is(t, "created", name, "random", "1", "kernel-random", "persistent")
					a := auditOf(t, name)
					d := a.Devices[0]
					if d.Persistent != nil || !d.found("persistent-address-unknown") || !a.found("machine-id-"+c.title) {
						t.Errorf("%+v", a)
					}
					if str(d.Predicted.AddEvent) != d.Live.MAC {
						t.Errorf("%s after the next add event", str(d.Predicted.AddEvent))
					}
					ip(t, "del", name)
				})
			}
		})
	}
}
