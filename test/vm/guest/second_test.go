//go:build vm

package guest

import (
	"encoding/json"
	"os"
	"testing"
)

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
		if mac != eth0Address || typ != "2" || str(d.Origin) != "port" || str(d.Policy) != "none" || d.found("policy-overrides-ports") || d.found("address-changes-on-restart") || d.found("address-changes-on-boot") {
			t.Errorf("%s: %s of type %s, by %s under %s: %+v", step, mac, typ, str(d.Origin), str(d.Policy), d.Findings)
		}
	}
	portsAddress("at boot")
	var f forecast
	if b, err := os.ReadFile(forecastFile); err != nil {
		t.Error(err)
	} else if err := json.Unmarshal(b, &f); err != nil || len(f.Outcomes["boot"]) == 0 {
		t.Errorf("%v: %s", err, b)
	}
	f.holds(t, "boot", "bond1")
	f = predict(t, "bond1")
	output(t, "systemctl", "restart", "networking.service")
	settle(t)
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
