//go:build vm

package guest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// netdevNone is the first release whose systemd-networkd knows MACAddress=none in a
// .netdev file. From it on, networkd also derives an address for a bridge: 243 to 249
// do not.
const netdevNone = 250

// reloadsNetDevs is the first release in which networkctl reload creates a deleted
// device again, with its ports.
const reloadsNetDevs = 257

// systemd-networkd sets an address of its own on the devices that it creates, and no
// .link file changes it. If the .netdev file has an address, it sets that one; with
// MACAddress=none it leaves the address to udev.
func TestFirstDevicesMadeByNetworkd(t *testing.T) {
	cases := []struct{ title, name, kind, setting, origin, typ string }{
		{"a bond without an address", "bond20", "bond", "", "networkd-persistent", "3"},
		{"a bond with an address", "bond21", "bond", "MACAddress=02:00:00:00:00:21\n", "set-by-someone", "3"},
		{"a bond with none", "bond22", "bond", "MACAddress=none\n", "udev-persistent", "3"},
		{"a bond with none and a port, fixed", "bond25", "bond", "MACAddress=none\n", "port", "2"},
		{"a bond without an address, with a port", "bond26", "bond", "", "networkd-persistent", "3"},
		{"a bond with none, fixed", "bond23", "bond", "MACAddress=none\n", "kernel-random", "1"},
		{"a bond without an address, fixed", "bond24", "bond", "", "networkd-persistent", "3"},
		{"a bridge without an address", "br20", "bridge", "", "networkd-persistent", "3"},
		{"a bridge with an address", "br21", "bridge", "MACAddress=02:00:00:00:00:21\n", "set-by-someone", "3"},
		{"a bridge with none", "br22", "bridge", "MACAddress=none\n", "udev-persistent", "3"},
		{"a bridge with none, fixed", "br23", "bridge", "MACAddress=none\n", "kernel-random", "1"},
	}
	fixed := map[string]bool{"bond23": true, "bond24": true, "bond25": true, "br23": true}
	ports := []string{"bond25", "bond26"}
	for _, bond := range ports {
		for name, content := range map[string]string{
			"/11-port-" + bond + ".netdev":  "[NetDev]\nName=p" + bond + "\nKind=dummy\nMACAddress=02:00:00:00:01:" + bond[4:] + "\n",
			"/11-port-" + bond + ".network": "[Match]\nName=p" + bond + "\n[Network]\nBond=" + bond + "\n",
			"/11-" + bond + ".network":      "[Match]\nName=" + bond + "\n[Network]\nLinkLocalAddressing=no\n",
		} {
			write(t, networkDir+name, content)
			defer os.Remove(networkDir + name)
		}
	}
	for _, c := range cases {
		netdev := networkDir + "/10-" + c.name + ".netdev"
		write(t, netdev, "[NetDev]\nName="+c.name+"\nKind="+c.kind+"\n"+c.setting)
		defer os.Remove(netdev)
		if fixed[c.name] {
			linkaudit(t, "fix", "--"+c.kind, c.name)
			defer linkaudit(t, "undo", "--"+c.kind, c.name)
		}
	}
	output(t, "systemctl", "restart", "systemd-networkd.service")
	defer output(t, "systemctl", "stop", "systemd-networkd.service", "systemd-networkd.socket")
	for _, c := range cases {
		appears(t, c.name)
		defer ip(t, "del", c.name)
	}
	for _, bond := range ports {
		appears(t, bond+"/lower_p"+bond)
		defer ip(t, "del", "p"+bond)
	}
	for _, c := range cases {
		handled(t, c.name)
	}
	older := release(t) < netdevNone
	for _, c := range cases {
		t.Run(c.title, func(t *testing.T) {
			switch {
			case older && c.kind == "bridge" && fixed[c.name]:
				c.origin, c.typ = "kernel-random", "1"
			case older && c.kind == "bridge" && c.origin != "set-by-someone":
				c.origin, c.typ = "udev-persistent", "3"
			case older && c.setting == "MACAddress=none\n":
				c.origin, c.typ = "networkd-persistent", "3"
			}
			mac, typ := sysfs(t, c.name, "address"), sysfs(t, c.name, "addr_assign_type")
			d := check(t, c.name)
			t.Logf("%s of type %s, by %s", mac, typ, str(d.Origin))
			if typ != c.typ || (mac == str(d.Persistent)) != (c.origin == "udev-persistent") || (mac == "02:00:00:00:00:21") != (c.origin == "set-by-someone") {
				t.Errorf("%s of type %s; udev would derive %s", mac, typ, str(d.Persistent))
			}
			if str(d.Origin) != c.origin || str(d.Predicted.AddEvent) != mac {
				t.Errorf("%s by %s, %s after the next add event", mac, str(d.Origin), str(d.Predicted.AddEvent))
			}
			if want := map[bool]string{true: "none", false: "persistent"}[fixed[c.name]]; str(d.Policy) != want {
				t.Errorf("policy %s", str(d.Policy))
			}
		})
	}
}

// Fix for a bond that systemd-networkd creates: with both files, and recreated as fix
// says, it has its port's address. Before and after, check predicts what happens to it.
func TestFirstNetworkdRemedy(t *testing.T) {
	const bond, port, portsAddress = "bond27", "pbond27", "02:00:00:00:01:27"
	for name, content := range map[string]string{
		"/12-bond27.netdev":  "[NetDev]\nName=" + bond + "\nKind=bond\n",
		"/12-bond27.network": "[Match]\nName=" + bond + "\n[Network]\nLinkLocalAddressing=no\n",
		"/12-port27.netdev":  "[NetDev]\nName=" + port + "\nKind=dummy\nMACAddress=" + portsAddress + "\n",
		"/12-port27.network": "[Match]\nName=" + port + "\n[Network]\nBond=" + bond + "\n",
	} {
		write(t, networkDir+name, content)
		defer os.Remove(networkDir + name)
	}
	output(t, "systemctl", "restart", "systemd-networkd.service")
	defer output(t, "systemctl", "stop", "systemd-networkd.service", "systemd-networkd.socket")
	made := func(origin, typ string) {
		t.Helper()
		appears(t, bond+"/lower_"+port)
		handled(t, bond)
		d := check(t, bond)
		t.Logf("%s of type %s, by %s: %+v", sysfs(t, bond, "address"), sysfs(t, bond, "addr_assign_type"), str(d.Origin), d.Findings)
		if str(d.Origin) != origin || sysfs(t, bond, "addr_assign_type") != typ {
			t.Errorf("by %s, type %s; expected %s, %s", str(d.Origin), sysfs(t, bond, "addr_assign_type"), origin, typ)
		}
		if wants := origin == "networkd-persistent"; d.found("networkd-sets-address") != wants {
			t.Errorf("networkd-sets-address: %v, expected %v", !wants, wants)
		}
	}
	defer func() { ip(t, "del", bond); ip(t, "del", port) }()
	made("networkd-persistent", "3")

	then := []string{"networkctl", "reload"}
	if release(t) < reloadsNetDevs {
		then = []string{"systemctl", "restart", "systemd-networkd.service"}
	}
	recreate := func(f forecast) {
		t.Helper()
		ip(t, "del", port)
		output(t, "networkctl", "delete", bond)
		output(t, then...)
		appears(t, bond+"/lower_"+port)
		handled(t, bond)
		f.holds(t, "recreate", bond)
	}
	recreate(predict(t, bond))
	made("networkd-persistent", "3")

	if release(t) < netdevNone {
		out, err := exec.Command("linkaudit", "fix", "--bond", bond).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "does not know MACAddress=none") {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	said := linkaudit(t, "fix", "--bond", bond)
	if said = strings.Join(strings.Fields(said), " "); !strings.Contains(said, "(networkctl delete "+bond+", then "+strings.Join(then, " ")+")") {
		t.Errorf("the output of fix does not have what is left to do:\n%s", said)
	}
	f := predict(t, bond)
	output(t, "networkctl", "reload")
	if str(check(t, bond).Origin) != "networkd-persistent" {
		t.Error("a reload alone changed the address")
	}
	recreate(f)
	made("port", "2")
	if mac := sysfs(t, bond, "address"); mac != portsAddress {
		t.Errorf("%s, not the port's", mac)
	}
	linkaudit(t, "undo", "--bond", bond)
	recreate(predict(t, bond))
	made("networkd-persistent", "3")
}
