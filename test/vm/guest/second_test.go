//go:build vm

package guest

import "testing"

// After the fix and a boot the bond carries a port's address: at boot, after a
// restart of the network scripts, and whenever a port comes back.
func TestSecondBootOfABondThatWasFixed(t *testing.T) {
	if !has("bond1") {
		t.Fatal("ifupdown made no bond1")
	}
	portsAddress := func(step string) {
		t.Helper()
		mac, typ := sysfs(t, "bond1", "address"), sysfs(t, "bond1", "addr_assign_type")
		d := check(t, "bond1")
		if mac != eth0Address || typ != "2" || str(d.Origin) != "port" || str(d.Policy) != "none" || len(d.Findings) != 0 {
			t.Errorf("%s: %s of type %s, by %s under %s: %+v", step, mac, typ, str(d.Origin), str(d.Policy), d.Findings)
		}
	}
	portsAddress("at boot")
	output(t, "systemctl", "restart", "networking.service")
	settle(t)
	portsAddress("after a restart of networking")
	for _, port := range []string{"eth0", "eth1"} {
		ip(t, "set", port, "nomaster")
	}
	for _, port := range []string{"eth0", "eth1"} {
		ip(t, "set", port, "down")
		ip(t, "set", port, "master", "bond1")
	}
	portsAddress("after the ports came back")
}
