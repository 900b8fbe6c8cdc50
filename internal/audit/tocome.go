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

// declaredToCome are the declarations that create a device which does not exist,
// one for each device.
func declaredToCome(there []host.Device, all []netconf.Declaration) (out []netconf.Declaration) {
	seen := host.DeviceNames(there)
	for _, d := range all {
		if d.Creates && !d.Pattern && d.Ignored == "" && d.Kind != "" && !seen[d.Device] {
			seen[d.Device] = true
			out = append(out, d)
		}
	}
	return out
}

// DeclaredToCome are the devices of the kinds, all where there are none, that the
// snapshot's declarations create and that do not exist.
func DeclaredToCome(snap *host.Snapshot, kinds []string) (out []Target) {
	for _, d := range declaredToCome(snap.Devices, snap.Declarations.Or(nil)) {
		if len(kinds) == 0 || slices.Contains(kinds, d.Kind) {
			out = append(out, Target{Name: d.Device, Kind: d.Kind})
		}
	}
	return out
}

// UsualName is what the first device of a kind is called. An image has no devices, so
// it is asked about those that its configuration declares or, of a kind that it
// declares none of, the one that it will most likely make.
func UsualName(kind string) string {
	if kind == "bridge" {
		return "br0"
	}
	return kind + "0"
}

// PortsToCome are the devices which declarations make ports of one that does not exist,
// and which are not among those that are there: what it has for an address depends on
// theirs. Where none of the devices to come has one of the kinds and, if there are any,
// of the names, nobody asks and there are none.
func PortsToCome(there []host.Device, all []netconf.Declaration, kinds, names []string) (ports []string) {
	absent, wanted := map[string]bool{}, false
	for _, d := range declaredToCome(there, all) {
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

// isDeclared reports whether the device does not exist and a program creates it or
// gives it an address.
func (s *attributed) isDeclared() bool {
	return s.Device == nil && (creatorOf(s.Declarations.Or(nil)) != nil || s.Manager != nil)
}

// toCome is the device that does not exist as its declarations make it.
func (s *subject) toCome() *host.Device {
	d := &host.Device{Name: s.Name, Kind: s.Kind, ARPHRD: address.Ether, AddrAssignType: fact.Known(host.AddrRandom)}
	seen := map[string]bool{}
	for _, declared := range acting(s.Declarations.Or(nil)) {
		for _, name := range declared.Ports {
			if !seen[name] {
				seen[name] = true
				d.Ports = append(d.Ports, s.portToCome(name))
			}
		}
	}
	return d
}

// portToCome is a port by its name: a device that exists or, of one that is
// declared itself, no more than its kind.
func (s *subject) portToCome(name string) host.Port {
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

// uplinkToCome is uplink of a device that does not exist. An image has no devices:
// a port that nothing is known to create there is hardware.
func (s *subject) uplinkToCome(d *host.Device) string {
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

// createdAt reports whether a device that does not exist may be created at the event: at a
// boot only by a program that needs not be asked.
func createdAt(e Event, creator *netconf.Declaration) bool {
	switch e {
	case EventPortsRejoin, EventGuests:
		return false
	case EventBoot:
		return creator != nil && !creator.OnRequest
	}
	return true
}

// onceCreated is the address of a device that does not exist yet, after what its
// declarations make of it.
func (s *foretelling) onceCreated(e Event) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	atBoot := e == EventBoot
	if !createdAt(e, creatorOf(s.Declarations.Or(nil))) {
		return nil, fact.Unknown[linkfiles.MAC](policy.NoSuchDevice)
	}
	given, origin := s.given()
	if given.IsKnown() && (!atBoot || s.bootedInImage() == nil) {
		if atBoot && origin == OriginNetworkd {
			if given = keptAtBoot(s.snap, given); given.IsUnknown() {
				return nil, given
			}
		}
		out := []Outcome{{MAC: given.Or(""), Origin: origin}}
		return out, agreed(out)
	}
	if !policy.Modelled(s.Kind) {
		return nil, fact.Unknown[linkfiles.MAC](policy.NoSuchDevice)
	}
	return s.recreated(s.toCome(), atBoot)
}
