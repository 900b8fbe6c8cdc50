package audit

import (
	"slices"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// The ports are like those that these programs create. A tap of libvirt and a veth of
// LXC have an address that begins with fe. Those of Proxmox and CNI have one that the
// kernel made up.
func TestABridgeThatFollowsItsGuests(t *testing.T) {
	port := func(name, kind, mac string) host.Port {
		return host.Port{Name: name, Kind: kind, MAC: linkfiles.MAC(mac)}
	}
	card := host.Port{Name: "enp1s0", MAC: "b4:2e:99:00:00:01", PermanentMAC: "b4:2e:99:00:00:01"}
	xerox := host.Port{Name: "enp1s0", MAC: "00:1b:21:00:00:01", PermanentMAC: "00:1b:21:00:00:01"}
	none := map[string]string{defaultPath: defaultLink, vendorDir + "/98-default-mac-none.link": noneLink}
	vendor := map[string]string{defaultPath: defaultLink}
	declared := func(snap *host.Snapshot, d netconf.Declaration) *host.Snapshot {
		d.Device, d.Kind, d.Creates = "br0", "bridge", true
		d.Pos = linkfiles.Pos{File: "/etc/network/interfaces", Line: 7}
		snap.Declarations = fact.Known([]netconf.Declaration{d})
		return snap
	}
	bridge := func(mac string, assign host.AddrAssignType, ports ...host.Port) host.Device {
		d := master("bridge", "br0", mac, assign, ports...)
		d.UdevDB = fact.Known(map[string]string{"ID_NET_LINK_FILE": vendorDir + "/98-default-mac-none.link"})
		return d
	}
	const follows, info = "bridge-follows-guests/warning", "bridge-follows-guests/info"
	for name, c := range map[string]struct {
		snap  *host.Snapshot
		want  string
		event string // the address when a guest starts or stops, "?" for unknown
		said  []string
	}{
		"no guest":                  {machine(none, bridge(string(card.MAC), 1, card)), "", "", nil},
		"libvirt":                   {machine(none, bridge(string(card.MAC), 1, card, port("vnet0", "tun", "fe:54:00:12:34:56"))), "", string(card.MAC), nil},
		"LXC":                       {machine(none, bridge(string(card.MAC), 1, card, port("vethX1Y2Z3", "veth", "fe:a1:b2:c3:d4:e5"))), "", string(card.MAC), nil},
		"Calico":                    {machine(none, bridge(string(card.MAC), 1, card, port("cali1234", "veth", "ee:ee:ee:ee:ee:ee"))), "", string(card.MAC), nil},
		"Proxmox":                   {machine(none, bridge(string(card.MAC), 1, card, port("fwpr100p0", "veth", "ba:00:00:00:00:01"), port("tap101i0", "tun", "ce:00:00:00:00:01"))), follows, "?", []string{"fwpr100p0, tap101i0", "under another address", "ip link set dev br0 address b4:2e:99:00:00:01", "98-default-mac-none.link"}},
		"a guest has the address":   {machine(none, bridge("02:00:00:00:00:31", 1, card, wire)), follows, "?", []string{"now it is that of veth1", "address b4:2e:99:00:00:01,"}},
		"a card with a low address": {machine(none, bridge(string(xerox.MAC), 1, xerox, port("tap101i0", "tun", "ce:00:00:00:00:01"))), "", string(xerox.MAC), nil},
		"guests alone":              {machine(none, bridge("02:00:00:00:00:31", 1, wire)), info, "?", []string{"veth1", "address " + bridgeDerived}},
		"a bond below":              {machine(none, bridge("b4:2e:99:00:00:02", 1, port("bond0", "bond", "b4:2e:99:00:00:02"), port("tap0", "tun", "ce:00:00:00:00:01"))), follows, "?", nil},
		"an explicit address":       {machine(none, bridge("b4:2e:99:00:00:09", 3, card, wire)), "", "b4:2e:99:00:00:09", nil},
		"no file applies":           {machine(nil, bridge(string(card.MAC), 1, card, wire)), follows, "?", nil},
		"persistent":                {machine(vendor, bridge(bridgeDerived, 3, card, wire)), "", bridgeDerived, nil},
		"none since":                {machine(none, bridge(bridgeDerived, 3, card, wire)), follows, bridgeDerived, []string{"of br0 will follow its guests"}},
		"ifupdown": {declared(machine(none, bridge(string(card.MAC), 1, card, wire)), netconf.Declaration{Program: netconf.Ifupdown, Ports: []string{"enp1s0"}, Address: netconf.Address{Way: netconf.WayNone}}), follows, "?",
			[]string{"write hwaddress b4:2e:99:00:00:01 in the stanza at /etc/network/interfaces:7, then ifdown br0 && ifup br0"}},
		"a declared veth":    {declared(machine(none, bridge(string(wire.MAC), 1, card, wire)), netconf.Declaration{Program: netconf.Ifupdown, Ports: []string{"enp1s0", "veth1"}, Address: netconf.Address{Way: netconf.WayNone}}), "", "", nil},
		"a declared address": {declared(machine(none, bridge(string(card.MAC), 1, card, wire)), netconf.Declaration{Program: netconf.NetworkManager, Address: netconf.Address{Way: netconf.WayExplicit, MAC: card.MAC, AtCreation: true}}), "", "?", nil},
	} {
		d := check(c.snap, Options{}).Devices[0]
		got, text := "", ""
		for _, f := range d.Findings {
			if f.Rule == "bridge-follows-guests" {
				got, text = f.Rule+"/"+string(f.Severity), words.Of(f.Message)+" "+words.Help(f.Rule, f.Help)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q of %s, want %q", name, got, brief(d.Findings), c.want)
		}
		for _, words := range c.said {
			if !strings.Contains(text, words) {
				t.Errorf("%s: %q does not say %q", name, text, words)
			}
		}
		i := slices.IndexFunc(d.Predicted, func(p Prediction) bool { return p.Event == EventGuests })
		after := d.Predicted[i].MAC.Or("?")
		if d.Predicted[i].MAC.IsAbsent() {
			after = ""
		}
		if after != linkfiles.MAC(c.event) {
			t.Errorf("%s: when a guest starts or stops: %v, want %q", name, d.Predicted[i].MAC, c.event)
		}
		// fix warns about the same bridges in advance.
		if notes := GuestsUnderNone(c.snap, "br0", "bridge", remedy.Place{}); (len(notes) == 1) != (c.want != "" || name == "persistent") {
			t.Errorf("%s: the plan says %q", name, notes)
		}
	}
}

func TestPredictionForABridgeWhenAGuestStops(t *testing.T) {
	card := host.Port{Name: "enp1s0", MAC: "b4:2e:99:00:00:01", PermanentMAC: "b4:2e:99:00:00:01"}
	none := map[string]string{defaultPath: noneLink}
	d := check(machine(none, master("bridge", "br0", string(wire.MAC), 1, card, wire)), Options{}).Devices[0]
	want := "?: " + wire.MAC.String() + " port veth1 if veth1 stays, and no guest with a lower address starts; " +
		card.MAC.String() + " port enp1s0 if veth1 leaves; made up port if a guest with a lower address starts"
	if got := said(d.Predicted[len(d.Predicted)-1]); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// fix does not advise MACAddressPolicy=none for a bridge with guests.
func TestTheRemedyOfABridgeWithGuestsIsAnExplicitAddress(t *testing.T) {
	snap := machine(map[string]string{defaultPath: defaultLink}, master("bridge", "br0", bridgeDerived, 3, nic, wire))
	x := Explain(snap, linkfiles.Parse(&snap.Files, 247), Target{Name: "br0"}, nil, remedy.Place{})
	for _, f := range x.Device.Findings {
		if f.Rule == "policy-overrides-ports" && (strings.Contains(words.Help(f.Rule, f.Help), "linkaudit fix") || !strings.Contains(words.Help(f.Rule, f.Help), "address "+nicMAC)) {
			t.Errorf("%+v", f)
		}
	}
	if x.Fix.Name != "" {
		t.Errorf("fix: %s", x.Fix)
	}
}
