//go:build vm

package guest

import (
	"os"
	"testing"
)

// Bonds and bridges that NetworkManager creates, with and without an address in the
// profile.
func TestFirstDevicesMadeByNetworkManager(t *testing.T) {
	write(t, "/etc/NetworkManager/conf.d/guest.conf", "[main]\nplugins=keyfile\nno-auto-default=*\n[keyfile]\nunmanaged-devices=*,except:interface-name:nm*\n")
	// The ports are created at the same time. What udevd does to them is another
	// matter: it may look at a port before it joins, and set its address after that.
	write(t, networkDir+"/10-ports.link", "[Match]\nOriginalName=nm*p\n[Link]\nMACAddressPolicy=none\n")
	defer os.Remove(networkDir + "/10-ports.link")
	reload(t)
	if err := os.Remove("/etc/systemd/system/NetworkManager.service"); err != nil {
		t.Fatal(err)
	}
	output(t, "systemctl", "daemon-reload")
	output(t, "systemctl", "start", "NetworkManager.service")
	defer output(t, "systemctl", "stop", "NetworkManager.service")
	t.Log(output(t, "nmcli", "--version"))

	for _, c := range []struct {
		title, name, kind string
		settings          []string
		fixed             bool
		mac, typ, origin  string
	}{
		{"a bond", "nmbond0", "bond", nil, false, "", "3", "udev-persistent"},
		{"a bond, fixed", "nmbond1", "bond", nil, true, "", "2", "port"},
		{"a bond with a stable address", "nmbond3", "bond", []string{"802-3-ethernet.cloned-mac-address", "stable"}, false, "", "3", "set-by-someone"},
		{"a bond that preserves its address", "nmbond4", "bond", []string{"802-3-ethernet.cloned-mac-address", "preserve"}, true, "", "2", "port"},
		{"a bond with cloned-mac-address", "nmbond2", "bond", []string{"802-3-ethernet.cloned-mac-address", "02:00:00:00:00:52"}, false, "02:00:00:00:00:52", "3", "set-by-someone"},
		{"a bridge", "nmbr0", "bridge", []string{"bridge.stp", "no"}, false, "", "3", "udev-persistent"},
		{"a bridge, fixed", "nmbr1", "bridge", []string{"bridge.stp", "no"}, true, "", "1", "port"},
		{"a bridge with mac-address", "nmbr2", "bridge", []string{"bridge.stp", "no", "bridge.mac-address", "02:00:00:00:00:62"}, false, "02:00:00:00:00:62", "3", "set-by-someone"},
		{"a bridge with cloned-mac-address", "nmbr3", "bridge", []string{"bridge.stp", "no", "802-3-ethernet.cloned-mac-address", "02:00:00:00:00:63"}, false, "02:00:00:00:00:63", "3", "set-by-someone"},
	} {
		t.Run(c.title, func(t *testing.T) {
			if c.fixed {
				linkaudit(t, "fix", "--"+c.kind, c.name)
				defer linkaudit(t, "undo", "--"+c.kind, c.name)
			}
			port := c.name + "p"
			output(t, append([]string{"nmcli", "connection", "add", "save", "no", "type", c.kind, "ifname", c.name, "con-name", c.name,
				"autoconnect", "no", "ipv4.method", "disabled", "ipv6.method", "ignore"}, c.settings...)...)
			output(t, "nmcli", "connection", "add", "save", "no", "type", "dummy", "ifname", port, "con-name", port, "autoconnect", "no", "master", c.name)
			output(t, "nmcli", "connection", "up", port)
			// The port may be up before the address of its master is set.
			eventually(t, func() bool {
				return output(t, "nmcli", "-g", "GENERAL.STATE", "connection", "show", c.name) == "activated\n"
			}, func() string { return c.name + " is up: " + output(t, "nmcli", "device") })
			handled(t, c.name)
			mac, typ := sysfs(t, c.name, "address"), sysfs(t, c.name, "addr_assign_type")
			d := check(t, c.name)
			t.Logf("%s of type %s by %s under %s; udev derives %s; its port %s %s", mac, typ, str(d.Origin), str(d.Policy), str(d.Persistent), sysfs(t, port, "address"), sysfs(t, port, "addr_assign_type"))
			switch {
			case !c.fixed && c.origin == "udev-persistent" && typ == "2":
				// Not all releases wait for udev before a port joins.
				c.typ, c.origin = "2", "port"
			case c.kind == "bond" && c.origin == "set-by-someone" && mac == str(d.Persistent):
				// A bond gets the profile's address after it exists, and udev may be
				// even later.
				c.mac, c.origin = "", "udev-persistent"
			}
			if (mac == str(d.Persistent)) != (c.origin == "udev-persistent") || (mac == sysfs(t, port, "address")) != (c.kind == "bond" || c.origin == "port") {
				t.Errorf("%s by %s", mac, str(d.Origin))
			}
			if typ != c.typ || c.mac != "" && mac != c.mac {
				t.Errorf("%s of type %s", mac, typ)
			}
			if str(d.Origin) != c.origin || str(d.Predicted.AddEvent) != mac {
				t.Errorf("%s by %s, %s after the next add event", mac, str(d.Origin), str(d.Predicted.AddEvent))
			}
			output(t, "nmcli", "connection", "delete", port, c.name)
		})
	}
}
