package audit

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
	"linkaudit/policy/life"
)

// PortsOf separates the lasting ports of a device from the ports of guests. A guest's
// port comes and goes with a virtual machine or container. It is one end of a veth, a
// tun or a tap, and no network configuration declares it as a port.
func PortsOf(snap *host.Snapshot, d *host.Device) (lasting, guests []host.Port) {
	return portsOf(d, declaredFor(snap, d.Name, d.Kind, true))
}

func portsOf(d *host.Device, of []netconf.Declaration) (lasting, guests []host.Port) {
	declared := map[string]bool{}
	for i := range of {
		if of[i].Ignored == "" {
			for _, name := range of[i].Ports {
				declared[name] = true
			}
		}
	}
	for _, p := range d.Ports {
		if (p.Kind == "veth" || p.Kind == "tun") && !declared[p.Name] {
			guests = append(guests, p)
		} else {
			lasting = append(lasting, p)
		}
	}
	return lasting, guests
}

// LowestPort returns the port that sets the address of a bridge
// (br_stp_recalculate_bridge_id()), false if there is none.
func LowestPort(ports []host.Port) (host.Port, bool) {
	if len(ports) == 0 {
		return host.Port{}, false
	}
	return slices.MinFunc(ports, func(x, y host.Port) int {
		return cmp.Or(cmp.Compare(x.MAC, y.MAC), x.Index-y.Index)
	}), true
}

// avoidedByBridges reports whether a guest's port was created with an address that a
// bridge does not take while it has another port. Addresses from libvirt
// (virNetDevTapCreateInBridgePort()) and LXC (setup_private_host_hw_addr()) begin with
// fe. Calico uses the same address for all.
func avoidedByBridges(mac linkfiles.MAC) bool {
	return strings.HasPrefix(string(mac), "fe:") || mac == "ee:ee:ee:ee:ee:ee"
}

// lowestMadeUp is the lowest address that the kernel makes up for a new device: locally
// administered, unicast (eth_random_addr()).
const lowestMadeUp linkfiles.MAC = "02:00:00:00:00:00"

// mayTake reports whether a bridge without an address of its own may take that of a
// guest. The present guests are taken as examples.
func mayTake(lasting, guests []host.Port) bool {
	low, ok := LowestPort(lasting)
	return slices.ContainsFunc(guests, func(p host.Port) bool {
		return !ok || p.MAC < low.MAC || low.MAC >= lowestMadeUp && !avoidedByBridges(p.MAC)
	})
}

// guestStartsOrStops predicts the address of a bridge after EventGuests.
func (s *attributed) guestStartsOrStops(d *host.Device) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	lasting, guests := s.portsOf(d)
	if d.Kind != "bridge" || len(guests) == 0 {
		return nil, fact.Absent[linkfiles.MAC]()
	}
	now := Outcome{MAC: d.MAC}
	now.Origin, now.Port = s.asNow()
	t, ok := d.AddrAssignType.Get()
	switch {
	case !ok:
		return nil, fact.Unknown[linkfiles.MAC](say("assign-type", "why", d.AddrAssignType.Reason()))
	case t == host.AddrSet || !mayTake(lasting, guests):
		return []Outcome{now}, fact.Known(d.MAC)
	}
	out := []Outcome{now}
	out[0].When = say("when-no-lower-guest-starts")
	if lowest, _ := LowestPort(d.Ports); slices.Contains(guests, lowest) {
		out[0].When = say("when-guest-stays", "guest", lowest.Name)
		out = append(out, afterGuestLeaves(d, lowest))
	}
	out = append(out, Outcome{Origin: OriginPort, When: say("when-lower-guest-starts")})
	return out, agreed(out)
}

// afterGuestLeaves predicts the address of a bridge that has the address of a guest.
func afterGuestLeaves(d *host.Device, guest host.Port) Outcome {
	rest := slices.DeleteFunc(slices.Clone(d.Ports), func(p host.Port) bool { return p == guest })
	without := Outcome{MAC: life.Zero, Origin: OriginKernel, When: say("when-guest-leaves", "guest", guest.Name)}
	if next, ok := LowestPort(rest); ok {
		without.MAC, without.Origin, without.Port = next.MAC, OriginPort, next.Name
	}
	return without
}

// wouldFollowGuests reports whether a bridge would take the address of a guest under
// MACAddressPolicy=none.
func wouldFollowGuests(d *host.Device, of []netconf.Declaration) bool {
	return d != nil && d.Kind == "bridge" && mayTake(portsOf(d, of))
}

// guestRules are about bridges with guests.
var guestRules = []Rule{
	{
		Name: "bridge-follows-guests", Severity: Warning,
		device: bridgeFollowsGuests,
	},
}

func bridgeFollowsGuests(s *analysis) []found {
	d := s.Device
	if d == nil || d.Kind != "bridge" || s.Manager != nil {
		return nil
	}
	lasting, guests := s.portsOf(d)
	if !mayTake(lasting, guests) {
		return nil
	}
	t, ok := d.AddrAssignType.Get()
	follows := ok && t != host.AddrSet && s.AfterAdd.Or("") == d.MAC
	if !follows && !s.leftOver() {
		return nil
	}
	remedy, or := s.orPersistent()
	return []found{{
		severity: s.consequence(),
		message:  followsGuests(d, lasting, guests, follows),
		cause:    s.cause(), pos: s.PolicySource,
		help:   say("pin-or-persistent", "pin", s.pinAddress(d), "or", or),
		remedy: remedy,
	}}
}

// followsGuests says that a bridge follows its guests, now or in the future.
func followsGuests(d *host.Device, lasting, guests []host.Port, already bool) *linkfiles.Statement {
	const few = 4
	names := make([]string, 0, few)
	for _, p := range guests[:min(len(guests), few)] {
		names = append(names, p.Name)
	}
	more := len(guests) - len(names)
	if !already {
		return say("bridge-will-follow-guests", "device", d.Name, "guests", names, "more", more, "ports", len(lasting))
	}
	has := ""
	if lowest, ok := LowestPort(d.Ports); ok && slices.Contains(guests, lowest) {
		has = lowest.Name
	}
	return say("bridge-follows-guests", "device", d.Name, "guests", names, "more", more, "guest", has, "ports", len(lasting))
}

func (s *subject) portsOf(d *host.Device) (lasting, guests []host.Port) {
	return portsOf(d, s.Declarations.Or(nil))
}

// pinAddress says where to write an explicit address.
func (s *subject) pinAddress(d *host.Device) *linkfiles.Statement {
	lasting, _ := s.portsOf(d)
	return pinned(d, creatorOf(s.Declarations.Or(nil)), lasting, s.Persistent, s.opt.Place)
}

// orPersistent is the alternative remedy: the persistent address.
func (s *decided) orPersistent() (remedy.Command, *linkfiles.Statement) {
	at := s.PolicySource
	switch {
	case override.OwnName(path.Base(at.File)):
		r := s.remedy("undo", override.Target{Kind: s.Kind, Name: s.Name})
		return r, say("or-undo", "undo", r, "device", s.Name)
	case at.File != "":
		return remedy.Command{}, say("or-file-with-persistent", "device", s.Name, "before", path.Base(at.File))
	}
	return remedy.Command{}, nil
}

// pinned says where to write an explicit address. It proposes the address that the
// bridge has without guests or, if it has no other port, the persistent one.
func pinned(d *host.Device, creator *netconf.Declaration, lasting []host.Port, persistent fact.Fact[host.PersistentMAC], at remedy.Place) *linkfiles.Statement {
	mac := persistent.Or(host.PersistentMAC{MAC: d.MAC}).MAC
	if p, ok := LowestPort(lasting); ok {
		mac = p.MAC
	}
	if creator == nil {
		now := at.Run(fmt.Sprintf("ip link set dev %s address %s", override.ShellWord(d.Name), mac))
		return say("pin-by-hand", "now", now, "mac", mac)
	}
	return say("pin-where-declared", "setting", explicitSetting(*creator, mac), "pos", creator.Pos, "then", at.TakeEffect(by(*creator), d.Name))
}

// explicitSetting is the line that sets the address of a bridge in a program's
// configuration.
func explicitSetting(d netconf.Declaration, mac linkfiles.MAC) any {
	if line := d.Program.Setting(mac); line != "" {
		return line
	}
	if d.Address.Key == "" {
		return say("address-setting", "mac", mac)
	}
	return d.Address.Key + "=" + mac.String()
}

// GuestsUnderNone returns the bridges with this name or kind that would follow their
// guests under MACAddressPolicy=none, as one sentence each with what to do instead.
// Bridges that get their address from a program are left out.
func GuestsUnderNone(snap *host.Snapshot, name, kind string, at remedy.Place) (all []*linkfiles.Statement) {
	index, declarations := indexDeclared(snap), snap.Declarations.Or(nil)
	for i := range snap.Devices {
		d := &snap.Devices[i]
		if d.Kind != "bridge" || name != "" && d.Name != name || kind != "" && d.Kind != kind {
			continue
		}
		if says := underNone(snap, d, index.pick(declarations, d.Name, d.Kind, true), at); says != nil {
			all = append(all, says)
		}
	}
	return all
}

// underNone says that the bridge would follow its guests under MACAddressPolicy=none;
// nil if it would not. of are the bridge's declarations.
func underNone(snap *host.Snapshot, d *host.Device, of []netconf.Declaration, at remedy.Place) *linkfiles.Statement {
	lasting, guests := portsOf(d, of)
	if FindManager(of) != nil || !mayTake(lasting, guests) {
		return nil
	}
	persistent := persistentByOwnID(snap, d)
	if d.AddrAssignType.Or(host.AddrRandom) == host.AddrSet && persistent.Or(host.PersistentMAC{}).MAC != d.MAC {
		return nil // the program that creates it sets one, as container engines do
	}
	already := d.AddrAssignType.Or(host.AddrSet) != host.AddrSet
	return say("guests-under-none", "follows", followsGuests(d, lasting, guests, already),
		"pin", pinned(d, creatorOf(of), lasting, persistent, at), "persistent", !already)
}
