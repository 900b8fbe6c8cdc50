package audit

import (
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// The state after linkaudit fix --apply: the device has the address of the next boot,
// set by hand, and udev applied another file. Nothing is left to do, and the exit
// status says so.
func TestAfterAFixNothingIsLeftToDo(t *testing.T) {
	nic2 := host.Port{Index: 8, Name: "enp0s9", MAC: nicMAC, PermanentMAC: "08:00:27:00:00:02"}
	none := map[string]string{defaultPath: defaultLink, "/etc/systemd/network/60-x.link": "[Match]\nOriginalName=bond0 br0\n[Link]\nMACAddressPolicy=none\n"}
	noneNow := map[string]string{defaultPath: defaultLink + "MACAddressPolicy=none\n"}
	veth := host.Port{Index: 9, Name: "vethA", MAC: "02:00:00:00:00:09", Kind: "veth"}
	for name, c := range map[string]struct {
		snap         *host.Snapshot
		origin, port string
		want         string
	}{
		"a bond":                {machine(none, master("bond", "bond0", nicMAC, 3, nic)), "set-by-someone", "enp0s8", "applied-file-differs/info"},
		"a bond of two ports":   {machine(none, master("bond", "bond0", nicMAC, 3, nic, nic2)), "set-by-someone", "enp0s8", "applied-file-differs/info ports-order-decides/info prediction-unknown/info"},
		"a bridge":              {machine(none, master("bridge", "br0", nicMAC, 3, nic)), "set-by-someone", "enp0s8", "applied-file-differs/info"},
		"not repaired":          {machine(none, master("bond", "bond0", bondDerived, 3, nic)), "udev-persistent", "", "address-set-by-udev/warning applied-file-differs/warning"},
		"another address":       {machine(none, master("bridge", "br0", "02:00:00:00:00:77", 3, nic)), "set-by-someone", "", "applied-file-differs/warning prediction-unknown/info"},
		"persistent later":      {machine(map[string]string{"/etc/systemd/network/10-all.link": defaultLink}, master("bond", "bond0", nicMAC, 2, nic)), "port", "enp0s8", "address-changes-on-boot/warning applied-file-differs/warning policy-overrides-ports/error"},
		"the same file, edited": {machine(noneNow, master("bond", "bond0", nicMAC, 3, nic)), "set-by-someone", "enp0s8", ""},
		"a bond's port with the bond's address proves nothing": {machine(none, master("bond", "bond0", "02:00:00:00:00:77", 3,
			host.Port{Index: 4, Name: "enp0s8", MAC: "02:00:00:00:00:77", PermanentMAC: nicMAC})), "set-by-someone", "", "address-changes-on-restart/warning applied-file-differs/warning prediction-unknown/info"},
		"a bridge with ports that get new random addresses": {machine(none, master("bridge", "br0", string(veth.MAC), 3, veth)), "set-by-someone", "vethA", "applied-file-differs/info prediction-unknown/info"},
	} {
		d := check(c.snap, Options{}).Devices[0]
		if d.Origin.Or("?") != c.origin || d.OriginPort != c.port {
			t.Errorf("%s: origin %v, port %q", name, d.Origin, d.OriginPort)
		}
		if got := brief(d.Findings); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// check assumes the same device as fix. A device created without an address has a
// random one, so a file that names a card's address does not match. A device that a
// program creates with an address has that one. With a name but no kind, nothing is
// known.
func TestTheFileForADeviceThatDoesNotExist(t *testing.T) {
	const card = "/etc/systemd/network/10-lan.link"
	files := map[string]string{defaultPath: defaultLink, card: "[Match]\nMACAddress=" + nicMAC + "\n[Link]\nName=lan0\n"}
	declares := func(way netconf.Way, mac string, atCreation bool) *host.Snapshot {
		snap := machine(files)
		snap.Declarations = fact.Known([]netconf.Declaration{{Program: netconf.NetworkManager, Device: "br0", Kind: "bridge", Creates: true,
			Address: netconf.Address{Way: way, MAC: linkfiles.MAC(mac), AtCreation: atCreation}}})
		return snap
	}
	for name, c := range map[string]struct {
		snap *host.Snapshot
		kind string
		want string
	}{
		"a bridge":                 {machine(files), "bridge", defaultPath},
		"a bond":                   {machine(files), "bond", defaultPath},
		"a kind outside the table": {machine(files), "macvlan", defaultPath},
		"without a kind":           {machine(files), "", "?"},
		"a bridge that gets the card's address later": {declares(netconf.WayExplicit, nicMAC, false), "bridge", defaultPath},
		"a bridge that is created with it":            {declares(netconf.WayExplicit, nicMAC, true), "bridge", card},
		"a bridge that is created without it":         {declares(netconf.WayNone, "", false), "bridge", defaultPath},
	} {
		d := check(c.snap, Options{Targets: []Target{{"br0", c.kind}}}).Devices[0]
		got := "?"
		if f, ok := d.LinkFile.Get(); ok {
			got = f.Path
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, d.LinkFile, c.want)
		}
	}
}
