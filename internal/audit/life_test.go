package audit

import (
	"fmt"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy/address"
)

const nic2MAC = "08:00:27:e2:37:60"

var nic2 = host.Port{Index: 8, Name: "enp0s9", MAC: nic2MAC, PermanentMAC: nic2MAC}

// said returns a prediction as text: the address or "?", and each outcome.
func said(p Prediction) string {
	var out []string
	for _, o := range p.Outcomes {
		s := string(o.MAC)
		if s == "" {
			s = "made up"
		}
		s += " " + o.Origin
		if o.Port != "" {
			s += " " + o.Port
		}
		if o.When != nil {
			s += " if " + words.Of(o.When)
		}
		out = append(out, s)
	}
	mac := string(p.MAC.Or("?"))
	if p.MAC.IsAbsent() {
		mac = "-"
	}
	return mac + ": " + strings.Join(out, "; ")
}

// test/vm and test/namespace compare predictions with what kernels and udev do. This
// tests the parts that predictions consist of.
func TestEveryOutcomeOfAnEventIsPredicted(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	with := func(link string) map[string]string {
		return map[string]string{defaultPath: defaultLink, "/etc/systemd/network/10-b.link": "[Match]\nOriginalName=bond* br*\n[Link]\n" + link + "\n"}
	}
	none := with("MACAddressPolicy=none")
	bond := func(mode, failOver, mac string, assign host.AddrAssignType, ports ...host.Port) host.Device {
		d := master("bond", "bond0", mac, assign, ports...)
		d.Bond = &host.Bond{Mode: mode, FailOverMAC: failOver}
		return d
	}
	const made, other = "ba:5c:22:23:27:0b", "02:00:00:00:00:77"
	race := bondDerived + " udev-persistent if udev is done before a port joins; " +
		nicMAC + " port enp0s8 if a port joins before udev is done"
	byOrder := "?: " + nicMAC + " port enp0s8 if enp0s8 joins first; " + nic2MAC + " port enp0s9 if enp0s9 joins first"
	ofNetworkd := string(address.Networkd(testID, "bond0"))
	for name, c := range map[string]struct {
		snap                   *host.Snapshot
		boot, recreate, rejoin string
	}{
		"a bond with udev's address": {machine(vendor, master("bond", "bond0", bondDerived, 3, nic)),
			"?: " + race, "?: " + race, nicMAC + ": " + nicMAC + " port enp0s8"},
		"a bond without ports": {machine(vendor, master("bond", "bond0", bondDerived, 3)),
			bondDerived + ": " + bondDerived + " udev-persistent", bondDerived + ": " + bondDerived + " udev-persistent", "-: "},
		"a bond under none with two ports": {machine(none, master("bond", "bond0", nicMAC, 2, nic, nic2)), byOrder, byOrder, byOrder},
		"a bond with an address that somebody set": {machine(none, master("bond", "bond0", other, 3, nic)),
			"?: " + nicMAC + " port enp0s8 if it is created without an address; " + other + " set-by-someone if it is created with this address",
			"?: " + nicMAC + " port enp0s8 if it is created without an address; " + other + " set-by-someone if it is created with this address",
			nicMAC + ": " + nicMAC + " port enp0s8"},
		"a bond of systemd-networkd": {machine(vendor, master("bond", "bond0", ofNetworkd, 3, nic)),
			ofNetworkd + ": " + ofNetworkd + " networkd-persistent",
			ofNetworkd + ": " + ofNetworkd + " networkd-persistent", nicMAC + ": " + nicMAC + " port enp0s8"},
		"a bond with MACAddress= from a file": {machine(with("MACAddress="+other), func() host.Device {
			d := master("bond", "bond0", other, 3, nic)
			d.UdevDB = fact.Known(map[string]string{"ID_NET_LINK_FILE": "/etc/systemd/network/10-b.link"})
			return d
		}()), other + ": " + other + " link-file", other + ": " + other + " link-file", nicMAC + ": " + nicMAC + " port enp0s8"},
		"fail_over_mac=active": {machine(vendor, bond("active-backup", "active", nicMAC, 2, nic)),
			nicMAC + ": " + nicMAC + " port enp0s8", nicMAC + ": " + nicMAC + " port enp0s8", nicMAC + ": " + nicMAC + " port enp0s8"},
		"fail_over_mac=follow": {machine(vendor, bond("active-backup", "follow", made, 3, nic)),
			"?: made up kernel-random if it is created without an address and udev is done before a port joins; " +
				nicMAC + " port enp0s8 if it is created without an address and a port joins before udev is done; " +
				made + " set-by-someone if it is created with this address", "", nicMAC + ": " + nicMAC + " port enp0s8"},
		"a bridge with udev's address": {machine(vendor, master("bridge", "br0", bridgeDerived, 3, nic)),
			bridgeDerived + ": " + bridgeDerived + " udev-persistent", bridgeDerived + ": " + bridgeDerived + " udev-persistent", bridgeDerived + ": " + bridgeDerived + " udev-persistent"},
		"a bridge that udev has not handled yet": {machine(vendor, master("bridge", "br0", nicMAC, 1, nic2, nic)),
			bridgeDerived + ": " + bridgeDerived + " udev-persistent", bridgeDerived + ": " + bridgeDerived + " udev-persistent", nicMAC + ": " + nicMAC + " port enp0s8"},
		"a bridge under none": {machine(none, master("bridge", "br0", nicMAC, 1, nic2, nic)),
			nicMAC + ": " + nicMAC + " port enp0s8", nicMAC + ": " + nicMAC + " port enp0s8", nicMAC + ": " + nicMAC + " port enp0s8"},
		"a team under none": {machine(map[string]string{defaultPath: noneLink}, master("team", "team0", made, 1, nic)),
			"?: made up kernel-random", "?: made up kernel-random", made + ": " + made + " kernel-random"},
	} {
		r := check(c.snap, Options{}).Devices[0]
		got := map[Event]string{}
		for _, p := range r.Predicted {
			got[p.Event] = said(p)
		}
		if c.recreate == "" {
			c.recreate = c.boot
		}
		for e, want := range map[Event]string{EventBoot: c.boot, EventRecreate: c.recreate, EventPortsRejoin: c.rejoin} {
			if got[e] != want {
				t.Errorf("%s: %s\n got %s\nwant %s", name, e, got[e], want)
			}
		}
	}
}

func TestTheSeverityOfAChange(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	for name, c := range map[string]struct {
		change func(*host.Device)
		want   Severity
	}{
		"a bond":                       {func(*host.Device) {}, Warning},
		"802.3ad":                      {func(d *host.Device) { d.Bond = &host.Bond{Mode: "802.3ad", FailOverMAC: "none"} }, Error},
		"802.3ad with a system ID set": {func(d *host.Device) { d.Bond = &host.Bond{Mode: "802.3ad", ADActorSystem: "02:00:00:00:00:05"} }, Warning},
		"a DHCP lease":                 {func(d *host.Device) { d.DynamicIPv4 = true }, Error},
		"a card in a cloud":            {func(d *host.Device) { d.Ports[0].Driver = "ena" }, Error},
	} {
		d := master("bond", "bond0", bondDerived, 3, nic)
		c.change(&d)
		r := check(machine(vendor, d), Options{}).Devices[0]
		want := fmt.Sprintf("address-changes-on-boot/%s", c.want)
		if got := brief(r.Findings); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if lacp := strings.Contains(brief(r.Findings), "lacp-system-id-affected"); lacp != (name == "802.3ad") {
			t.Errorf("%s: %s", name, brief(r.Findings))
		}
	}
	inner := host.Port{Index: 9, Name: "veth0", MAC: "02:00:00:00:00:09"}
	r := check(machine(vendor, master("bridge", "br0", string(inner.MAC), 1, inner)), Options{}).Devices[0]
	if got := brief(r.Findings); !strings.Contains(got, "address-changes-on-udev-event/info") {
		t.Errorf("a bridge without an uplink: %s", got)
	}
}

// A device without saved addresses: they are computed.
func TestTheOriginOfAnAddressThatADeviceHad(t *testing.T) {
	snap := machine(map[string]string{defaultPath: defaultLink}, master("bond", "bond0", nicMAC, host.AddrStolen, nic))
	d := check(snap, Options{}).Devices[0]
	for name, c := range map[string]struct{ mac, origin, port string }{
		"a port's":   {nicMAC, OriginPort, "enp0s8"},
		"udevd's":    {bondDerived, OriginUdev, ""},
		"networkd's": {string(address.Networkd(testID, "bond0")), OriginNetworkd, ""},
		"another":    {"02:00:00:00:00:99", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ports := d.Device.Ports
			if origin, port := d.OriginOf(linkfiles.MAC(c.mac), ports); origin != c.origin || port != c.port {
				t.Errorf("%s %s", origin, port)
			}
		})
	}
}
