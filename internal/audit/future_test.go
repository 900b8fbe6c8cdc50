package audit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy/address"
)

// told returns what an audit says about a future device: the address after creation
// with its origin, and the findings.
func told(d *DeviceResult) string {
	for _, p := range d.Predicted {
		if p.Event != EventUdevAdd {
			continue
		}
		var all []string
		for _, o := range p.Outcomes {
			text := o.MAC.String() + " " + o.Origin
			if o.When != nil {
				text += " if " + words.Of(o.When)
			}
			all = append(all, text)
		}
		if len(all) == 0 {
			all = []string{p.MAC.Or("unknown").String()}
		}
		return strings.Join(all, "|")
	}
	return ""
}

func TestAFutureDeviceIsAuditedAsDeclared(t *testing.T) {
	const mac = "02:00:00:00:00:52"
	persistent := map[string]string{defaultPath: defaultLink}
	none := map[string]string{"/etc/systemd/network/10-x.link": "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=none\n"}
	declared := func(program netconf.Program, name, kind string, way netconf.Way, ports ...string) netconf.Declaration {
		d := declaration(program, way, "")
		d.Device, d.Kind, d.Ports = name, kind, ports
		d.Address.AtCreation = way != netconf.WayNone
		if way == netconf.WayExplicit {
			d.Address.MAC = mac
		}
		return d
	}
	card := host.Device{Index: 5, Name: "eth0", ARPHRD: 1, MAC: nicMAC, PermanentMAC: nicMAC, AddrAssignType: fact.Known(host.AddrPerm)}
	later := declared(netconf.Ifupdown, "br7", "bridge", netconf.WayExplicit)
	later.Address.AtCreation = false
	id := [16]byte{1, 2, 3}
	derived := persistentOf(id, "br7")
	ofNetworkd := address.Networkd(id, "br7").String()
	off := declared(netconf.Networkd, "br7", "bridge", netconf.WayNetworkd)
	off.Ignored = "systemd-networkd is not enabled"
	veth := declared(netconf.Networkd, "v0", "veth", netconf.WayNetworkd)
	for _, c := range []struct {
		title   string
		files   map[string]string
		of      []netconf.Declaration
		offline bool
		want    string // the expected result of told
		found   string // findings about the device, warnings and errors
	}{
		{"networkd derives one", persistent, []netconf.Declaration{declared(netconf.Networkd, "br7", "bridge", netconf.WayNetworkd)}, false,
			ofNetworkd + " networkd-persistent", "networkd-sets-address/warning"},
		{"networkd creates it with one", persistent, []netconf.Declaration{declared(netconf.Networkd, "br7", "bridge", netconf.WayExplicit)}, false,
			mac + " set-by-someone", ""},
		{"networkd creates it without one", persistent, []netconf.Declaration{declared(netconf.Networkd, "br7", "bridge", netconf.WayNone)}, false,
			derived + " udev-persistent", "policy-overrides-ports/warning"},
		{"with a port to a network", persistent, []netconf.Declaration{declared(netconf.Netplan, "br7", "bridge", netconf.WayNone, "eth0")}, false,
			derived + " udev-persistent", "policy-overrides-ports/error"},
		{"with a port to a network, policy none", none, []netconf.Declaration{declared(netconf.Netplan, "br7", "bridge", netconf.WayNone, "eth0")}, false,
			nicMAC + " port", ""},
		{"with a port to a guest", persistent, []netconf.Declaration{declared(netconf.Netplan, "br7", "bridge", netconf.WayNone, "v0"), veth}, false,
			derived + " udev-persistent", ""},
		{"with a port that does not exist", persistent, []netconf.Declaration{declared(netconf.Netplan, "br7", "bridge", netconf.WayNone, "eth9")}, false,
			derived + " udev-persistent", "policy-overrides-ports/warning"},
		{"in an image, with a port that nothing creates there", persistent, []netconf.Declaration{declared(netconf.Netplan, "br7", "bridge", netconf.WayNone, "eth9")}, true,
			derived + " udev-persistent", "policy-overrides-ports/error"},
		{"the address is set later", persistent, []netconf.Declaration{later}, false,
			mac + " set-by-someone if ifupdown is later than udev|" + derived + " udev-persistent if udev is later", ""},
		{"the address is set later, policy none", none, []netconf.Declaration{later}, false, mac + " set-by-someone", ""},
		{"networkd is not enabled", persistent, []netconf.Declaration{off}, false, derived, "policy-overrides-ports/warning"},
		{"it is not declared", persistent, nil, false, derived, "policy-overrides-ports/warning"},
	} {
		t.Run(c.title, func(t *testing.T) {
			snap := machine(c.files, card)
			snap.Offline = c.offline
			if c.offline {
				snap.Devices = nil
			}
			snap.System.MachineID = linkfiles.KnownMachineID(id)
			snap.Declarations = fact.Known(append([]netconf.Declaration{}, c.of...))
			ask := Options{Targets: []Target{{"br7", "bridge"}}}
			check := func(s *host.Snapshot, opt Options) *Result { return Check(s, linkfiles.Parse(&s.Files, 252), opt) }
			d := check(snap, ask).Devices[0]
			if got := told(&d); got != c.want {
				t.Errorf("%s", got)
			}
			var weighty []string
			for _, f := range d.Findings {
				if f.Severity != Info {
					weighty = append(weighty, fmt.Sprintf("%s/%s", f.Rule, f.Severity))
				}
			}
			if got := strings.Join(weighty, " "); got != c.found {
				t.Errorf("found %q", got)
			}

			// A saved snapshot has no machine ID but must lead to the same result. So
			// must an audit of all devices.
			snap = WithDerived(snap)
			var b bytes.Buffer
			if err := host.Save(&b, snap, false); err != nil {
				t.Fatal(err)
			}
			loaded, err := host.Load(&b)
			if err != nil {
				t.Fatal(err)
			}
			of := len(futureDeclarations(snap.Devices, snap.Declarations.Or(nil))) > 0
			for _, opt := range []Options{ask, {}} {
				for i, other := range check(loaded, opt).Devices {
					if other.Name == "br7" && of && (told(&other) != told(&d) || brief(other.Findings) != brief(d.Findings)) {
						t.Errorf("from a snapshot, %d: %s, %s; live %s, %s", i, told(&other), brief(other.Findings), told(&d), brief(d.Findings))
					}
				}
			}
			if all := check(loaded, Options{}).Devices; of != (len(all) > 0) {
				t.Errorf("audited without being named: %d", len(all))
			}
		})
	}
}

// The first port decides about a bond's address, and so does whether udev acts before
// it.
func TestAFutureBondMayTakeAPortsAddress(t *testing.T) {
	card := host.Device{Index: 5, Name: "eth0", ARPHRD: 1, MAC: nicMAC, PermanentMAC: nicMAC, AddrAssignType: fact.Known(host.AddrPerm)}
	snap := machine(map[string]string{defaultPath: defaultLink}, card)
	d := declaration(netconf.Ifupdown, netconf.WayNone, "")
	d.Device, d.Ports = "bond7", []string{"eth0"}
	snap.Declarations = fact.Known([]netconf.Declaration{d})
	got := check(snap, Options{}).Devices
	if len(got) != 1 || got[0].Present || got[0].Name != "bond7" {
		t.Fatalf("%+v", got)
	}
	derived := got[0].Persistent.Or(host.PersistentMAC{}).MAC.String()
	if said, want := told(&got[0]), derived+" udev-persistent if udev is done before a port joins|"+nicMAC+" port if a port joins before udev is done"; said != want || derived == "" {
		t.Errorf("%s", said)
	}
	if found := brief(got[0].Findings); !strings.Contains(found, "policy-overrides-ports/error") || !strings.Contains(found, "prediction-unknown/info") {
		t.Errorf("%s", found)
	}
}
