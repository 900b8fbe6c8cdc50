//go:build vm

package guest

import (
	"encoding/json"
	"os"
	"testing"
)

// keepsPortsAddress checks that bond1, created by ifupdown, has a port's address at
// boot, after a restart of the network scripts, and after a port joins again.
func keepsPortsAddress(t *testing.T) {
	t.Helper()
	if !has("bond1") {
		t.Fatal("ifupdown made no bond1")
	}
	portsAddress := func(step string) {
		t.Helper()
		mac, typ := sysfs(t, "bond1", "address"), sysfs(t, "bond1", "addr_assign_type")
		d := check(t, "bond1")
		if mac != eth0Address || typ != "2" || str(d.Origin) != "port" || str(d.Policy) != "none" || d.found("policy-overrides-ports") || d.found("address-changes-on-restart") || d.found("address-changes-on-boot") {
			t.Errorf("%s: %s of type %s, by %s under %s: %+v", step, mac, typ, str(d.Origin), str(d.Policy), d.Findings)
		}
	}
	portsAddress("at boot")
	f := predict(t, "bond1")
	output(t, "systemctl", "restart", "networking.service")
	handled(t, "bond1")
	portsAddress("after a restart of networking")
	f.holds(t, "recreate", "bond1")
	for _, port := range []string{"eth0", "eth1"} {
		ip(t, "set", port, "nomaster")
	}
	for _, port := range []string{"eth0", "eth1"} {
		ip(t, "set", port, "down")
		ip(t, "set", port, "master", "bond1")
	}
	portsAddress("after the ports came back")
}

func TestSecondBootOfABondThatWasFixed(t *testing.T) {
	var f forecast
	if b, err := os.ReadFile(forecastFile); err != nil {
		t.Error(err)
	} else if err := json.Unmarshal(b, &f); err != nil || len(f.Outcomes["boot"]) == 0 {
		t.Errorf("%v: %s", err, b)
	}
	f.holds(t, "boot", "bond1")
	keepsPortsAddress(t)
}

// Bonds that exist before the system's udevd starts: udev replays their add events and
// decides by what it finds then.
func TestSecondBondsOfTheInitramfs(t *testing.T) {
	for _, c := range []struct{ name, title, typ, origin, policy, finding string }{
		{"bond6", "made under a udevd of the initramfs that lacks the override", "3", "udev-persistent", "none", "address-set-by-udev"},
		{"bond7", "made before any udevd, and fixed", "1", "kernel-random", "none", ""},
		{"bond8", "made before any udevd, with a port", "2", "port", "persistent", "policy-overrides-ports"},
		{"bond9", "made before any udevd", "3", "udev-persistent", "persistent", "policy-overrides-ports"},
	} {
		t.Run(c.title, func(t *testing.T) {
			mac, typ := sysfs(t, c.name, "address"), sysfs(t, c.name, "addr_assign_type")
			d := check(t, c.name)
			t.Logf("%s of type %s, by %s under %s: %+v", mac, typ, str(d.Origin), str(d.Policy), d.Findings)
			if typ != c.typ || (mac == str(d.Persistent)) != (c.origin == "udev-persistent") {
				t.Errorf("%s of type %s", mac, typ)
			}
			if str(d.Origin) != c.origin || str(d.Policy) != c.policy || str(d.Predicted.AddEvent) != mac {
				t.Errorf("%s by %s under %s, %s after the next add event", mac, str(d.Origin), str(d.Policy), str(d.Predicted.AddEvent))
			}
			if c.finding == "" && (d.found("policy-overrides-ports") || d.found("address-set-by-udev")) || c.finding != "" && !d.found(c.finding) {
				t.Errorf("%+v", d.Findings)
			}
		})
	}
	if bond, port := sysfs(t, "bond8", "address"), sysfs(t, "dummy8", "address"); bond != port {
		t.Errorf("bond8 has %s and its port %s", bond, port)
	}
	if d := check(t, "dummy8"); str(d.Origin) != "master" {
		t.Errorf("the address of bond8's port is by %s", str(d.Origin))
	}
	ip(t, "del", "bond6")
	create(t, "bond6", "bond")
	is(t, "recreated", "bond6", "random", "1", "kernel-random", "none")
}
