package audit

import (
	"slices"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/address"
)

// futureDeclarations returns, for each device that does not exist yet, the first
// declaration that creates it.
func futureDeclarations(there []host.Device, all []netconf.Declaration) (out []netconf.Declaration) {
	seen := host.DeviceNames(there)
	for _, d := range all {
		if d.Creates && !d.Pattern && d.Ignored == "" && d.Kind != "" && !seen[d.Device] {
			seen[d.Device] = true
			out = append(out, d)
		}
	}
	return out
}

// FutureTargets returns the devices of these kinds that the snapshot's declarations
// create and that do not exist yet. No kinds means all kinds.
func FutureTargets(snap *host.Snapshot, kinds []string) (out []Target) {
	for _, d := range futureDeclarations(snap.Devices, snap.Declarations.Or(nil)) {
		if len(kinds) == 0 || slices.Contains(kinds, d.Kind) {
			out = append(out, Target{Name: d.Device, Kind: d.Kind})
		}
	}
	return out
}

// UsualName is the usual name of the first device of a kind. An image has no devices,
// so its declared devices are audited. For a kind without declared devices, the one
// with this name is audited.
func UsualName(kind string) string {
	if kind == "bridge" {
		return "br0"
	}
	return kind + "0"
}

// FuturePorts returns the missing declared ports of future devices, because a future
// device's address depends on theirs. It returns nil unless a future device has one of
// the kinds and, if names is not empty, one of the names.
func FuturePorts(there []host.Device, all []netconf.Declaration, kinds, names []string) (ports []string) {
	absent, wanted := map[string]bool{}, false
	for _, d := range futureDeclarations(there, all) {
		absent[d.Device] = true
		wanted = wanted || slices.Contains(kinds, d.Kind) && (len(names) == 0 || slices.Contains(names, d.Device))
	}
	if !wanted {
		return nil
	}
	have := host.DeviceNames(there)
	for _, d := range all {
		if !absent[d.Device] || d.Ignored != "" {
			continue
		}
		for _, name := range d.Ports {
			if !have[name] {
				ports = append(ports, name)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// isDeclared reports whether the device does not exist yet, and a program creates it or
// sets its address.
func (s *attributed) isDeclared() bool {
	return s.Device == nil && (creatorOf(s.Declarations.Or(nil)) != nil || s.Manager != nil)
}

// future is a future device as declared.
func (s *subject) future() *host.Device {
	d := &host.Device{Name: s.Name, Kind: s.Kind, ARPHRD: address.Ether, AddrAssignType: fact.Known(host.AddrRandom)}
	seen := map[string]bool{}
	for _, declared := range acting(s.Declarations.Or(nil)) {
		for _, name := range declared.Ports {
			if !seen[name] {
				seen[name] = true
				d.Ports = append(d.Ports, s.futurePort(name))
			}
		}
	}
	return d
}

// futurePort returns the port with this name: an existing device, or only the kind of a
// declared one.
func (s *subject) futurePort(name string) host.Port {
	if d := s.byName()[name]; d != nil {
		return host.Port{Index: d.Index, Name: d.Name, MAC: d.MAC, PermanentMAC: d.PermanentMAC, Kind: d.Kind}
	}
	p := host.Port{Name: name}
	all := s.snap.Declarations.Or(nil)
	for _, i := range s.declared().of(name) {
		if d := all[i]; d.Creates && d.Ignored == "" && !d.Pattern {
			p.Kind = d.Kind
		}
	}
	return p
}

// futureUplink is uplink for a future device. An image has no devices, so a port that
// no configuration creates is assumed to be hardware.
func (s *subject) futureUplink(d *host.Device) string {
	if name := uplink(d); name != "" || !s.snap.Offline {
		return name
	}
	for _, p := range d.Ports {
		if p.Kind == "" {
			return p.Name
		}
	}
	return ""
}

// createdAt reports whether the event may create a device that does not exist. At a
// boot, only a program that creates it without a request does.
func createdAt(e Event, creator *netconf.Declaration) bool {
	switch e {
	case EventPortsRejoin, EventGuests:
		return false
	case EventBoot:
		return creator != nil && !creator.OnRequest
	}
	return true
}

// afterCreation predicts the address of a future device, created as declared.
func (s *forecast) afterCreation(e Event) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	atBoot := e == EventBoot
	if !createdAt(e, creatorOf(s.Declarations.Or(nil))) {
		return nil, fact.Unknown[linkfiles.MAC](policy.NoSuchDevice)
	}
	managed, origin := s.managerAddress()
	if managed.IsKnown() && (!atBoot || s.bootedInImage() == nil) {
		if atBoot && origin == OriginNetworkd {
			if managed = keptAtBoot(s.snap, managed); managed.IsUnknown() {
				return nil, managed
			}
		}
		out := []Outcome{{MAC: managed.Or(""), Origin: origin}}
		return out, agreed(out)
	}
	if !policy.Modelled(s.Kind) {
		return nil, fact.Unknown[linkfiles.MAC](policy.NoSuchDevice)
	}
	return s.recreated(s.future(), atBoot)
}
