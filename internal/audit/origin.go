package audit

import (
	"linkaudit/internal/derived"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// The origins of a live address. The documentation of provenance says how each is
// found.
const (
	OriginUdev     = "udev-persistent"
	OriginLinkFile = "link-file"
	// OriginUdevRandom is MACAddressPolicy=random. No live address has this origin,
	// because its address cannot be told from one that a person set.
	OriginUdevRandom = "udev-random"
	OriginKernel     = "kernel-random"
	OriginPort       = "port"
	OriginLower      = "lower"
	OriginMaster     = "master"
	OriginPermanent  = "permanent"
	OriginNetworkd   = "networkd-persistent"
	OriginSomeone    = "set-by-someone"
)

// Provenance says who set the live address of a device, as far as that can be found
// out.
type Provenance struct {
	// Origin is one of the Origin constants; absent for a device without an address. It
	// is unknown if there are several candidates.
	Origin fact.Fact[string]
	// OriginCandidates are the possible Origin constants if Origin is unknown.
	OriginCandidates []string
	// OriginPort is the port with the same address, if Origin is OriginPort or
	// OriginSomeone.
	OriginPort string
	// OfOtherID says what the address was derived from, if Origin is OriginUdev or
	// OriginNetworkd and it was not derived from the present machine ID.
	OfOtherID host.OfOtherID
}

// provenance finds out who set the live address of the device:
//
//   - permanent: addr_assign_type is 0, or the address equals the permanent one.
//     It is the hardware's own.
//   - kernel-random: addr_assign_type is 1. The driver made up a random address.
//   - port: the driver took the address of a port. A bond then has type 2. A bridge
//     keeps type 1, because br_stp_recalculate_bridge_id() sets only the address, so
//     a port with the same address is the evidence.
//   - lower: addr_assign_type is 2 and the device has no ports. The driver took the
//     address of the device below, as for a VLAN.
//   - master: the device is a port of a bond, and the bonding driver sets the bond's
//     address on all ports. It does so except in active-backup mode with fail_over_mac
//     active or follow.
//   - udev-persistent: addr_assign_type is 3, and the address is the one that
//     MACAddressPolicy=persistent derives, a keyed hash of the machine ID that only
//     udev computes. Also, this policy is effective, or udev applied a file to the
//     device. If the machine has a trace of another machine ID and the address
//     was derived from that, OfOtherID says so.
//   - link-file: addr_assign_type is 3, and the address is MACAddress= of the
//     effective file, which udev also applied.
//   - networkd-persistent: addr_assign_type is 3, and the address is the one that
//     systemd-networkd derives for this name with another keyed hash, from the present
//     machine ID or another one as above.
//   - set-by-someone: addr_assign_type is 3, and neither udev nor systemd-networkd
//     derives this address for the device. A program or a person set it. The origin
//     is unknown if the kernel says that the device was renamed and the address may
//     be derived from an earlier name.
func (s *decided) provenance() Provenance {
	d := s.Device
	if d == nil {
		return doubtful(policy.NoSuchDevice)
	}
	if d.MAC == "" {
		return Provenance{Origin: fact.Absent[string]()}
	}
	t, ok := d.AddrAssignType.Get()
	if !ok {
		return doubtful(say("assign-type", "why", d.AddrAssignType.Reason()))
	}
	switch t {
	case host.AddrPerm:
		return shown(OriginPermanent)
	case host.AddrRandom:
		if port := portWithAddress(d); d.Kind == "bridge" && port != "" {
			return ofPort(port)
		}
		return shown(OriginKernel)
	case host.AddrStolen:
		if len(d.Ports) > 0 || d.Kind == "bond" {
			return ofPort(portWithAddress(d))
		}
		return shown(OriginLower)
	case host.AddrSet:
		return s.originOfSet(d)
	}
	return doubtful(say("assign-type-not-understood"))
}

// shown is an origin that no evidence contradicts.
func shown(origin string) Provenance { return Provenance{Origin: fact.Known(origin)} }

func ofPort(name string) Provenance {
	return Provenance{Origin: fact.Known(OriginPort), OriginPort: name}
}

// doubtful is an unknown origin with its candidates.
func doubtful(why *linkfiles.Statement, candidates ...string) Provenance {
	return Provenance{Origin: fact.Unknown[string](why), OriginCandidates: candidates}
}

// originOfSet handles addr_assign_type 3: it asks, for each program that sets
// addresses, whether it did, or may have.
func (s *decided) originOfSet(d *host.Device) Provenance {
	for _, ask := range []func(*host.Device) (Provenance, bool){s.setByDriver, s.setByFile, s.setByOtherMachineID} {
		if by, answered := ask(d); answered {
			return by
		}
	}
	return s.setWithThisMachineID(d)
}

// setByDriver handles drivers that mark an address as set although no program set it.
func (s *subject) setByDriver(d *host.Device) (by Provenance, answered bool) {
	switch {
	case d.MAC == d.PermanentMAC:
		return shown(OriginPermanent), true
	case d.Bond.IgnoresAddress():
		return doubtful(say("origin-kernel-or-creator", "fail_over_mac", d.Bond.FailOverMAC), OriginKernel, OriginSomeone), true
	case d.Master == "":
		return by, false
	}
	m := s.byName()[d.Master]
	switch {
	case m != nil && m.MAC != d.MAC:
		return by, false
	case m != nil && m.Bond != nil && !m.Bond.IgnoresAddress():
		return shown(OriginMaster), true
	}
	return doubtful(say("origin-master-or-someone", "master", d.Master), OriginMaster, OriginSomeone), true
}

// setByFile handles MACAddress= and MACAddressPolicy=random of .link files.
func (s *decided) setByFile(d *host.Device) (by Provenance, answered bool) {
	policy := s.Policy.Or("")
	if set, ok := s.macAddress(); ok && policy != "persistent" && policy != "random" && set == d.MAC && s.appliedIsEffective() {
		return shown(OriginLinkFile), true
	}
	if policy == "random" || s.appliedPolicy() == "random" {
		return doubtful(say("origin-udev-random-or-someone"), OriginUdevRandom, OriginSomeone), true
	}
	return by, false
}

// udevActed reports whether udev may have set the persistent address: it applied a
// file, or the policy is effective.
func (s *decided) udevActed() bool {
	return s.Policy.Or("") == "persistent" || s.Applied.IsKnown()
}

// setByOtherMachineID handles addresses derived from a machine ID that the machine no
// longer has, if the machine still has a trace of that ID.
func (s *decided) setByOtherMachineID(d *host.Device) (by Provenance, answered bool) {
	other, ok := ofOtherID(s.snap, d)
	if !ok || networkdMACOf(s.snap, d).Or("") == d.MAC || s.Persistent.Or(host.PersistentMAC{}).MAC == d.MAC {
		return by, false
	}
	switch {
	case other.Networkd:
		return Provenance{Origin: fact.Known(OriginNetworkd), OfOtherID: other}, true
	case s.udevActed():
		return Provenance{Origin: fact.Known(OriginUdev), OfOtherID: other}, true
	}
	return doubtful(say("origin-other-machine-id-or-someone"), OriginUdev, OriginSomeone), true
}

// setWithThisMachineID handles addresses derived from the present machine ID, and all
// remaining ones.
func (s *decided) setWithThisMachineID(d *host.Device) Provenance {
	networkd, persistent := networkdMACOf(s.snap, d), s.Persistent
	ofUdev := persistent.Or(host.PersistentMAC{}).MAC == d.MAC
	switch {
	case networkd.Or("") == d.MAC:
		return shown(OriginNetworkd)
	case persistent.IsUnknown():
		return doubtful(say("origin-udev-unknown", "why", persistent.Reason()), OriginUdev, OriginSomeone)
	case ofUdev && s.udevActed():
		return shown(OriginUdev)
	case ofUdev:
		return doubtful(say("origin-udev-or-someone"), OriginUdev, OriginSomeone)
	case networkd.IsUnknown():
		return doubtful(say("origin-networkd-unknown", "why", networkd.Reason()), OriginNetworkd, OriginSomeone)
	case ofEarlierName(d):
		return doubtful(say("origin-earlier-name-or-someone"), OriginUdev, OriginNetworkd, OriginSomeone)
	}
	return Provenance{Origin: fact.Known(OriginSomeone), OriginPort: portWithSetAddress(d)}
}

// portWithSetAddress returns the port with an own or permanent address that somebody set
// on the device, "" for none. The present address counts only for ports of a bridge:
// that of a bond's or team's port may be the master's.
func portWithSetAddress(d *host.Device) string {
	for _, p := range d.Ports {
		if p.OwnMAC == d.MAC || p.PermanentMAC == d.MAC || d.Kind == "bridge" && p.MAC == d.MAC {
			return p.Name
		}
	}
	return ""
}

// asNow returns the origin and port of the present address, for an outcome that does
// not change it.
func (s *attributed) asNow() (origin, port string) {
	if origin = s.Origin.Or(""); origin == OriginPort {
		port = s.OriginPort
	}
	return origin, port
}

// ofEarlierName reports whether the address may be derived from an earlier name of the
// device.
func ofEarlierName(d *host.Device) bool {
	return d.NameAssignType.Or(0) == host.NameRenamed && derived.Possible(d.MAC)
}

// portWithAddress returns the port with the device's address as its own, permanent or
// present one, "" for none.
func portWithAddress(d *host.Device) string {
	for _, p := range d.Ports {
		if p.OwnMAC == d.MAC || p.PermanentMAC == d.MAC {
			return p.Name
		}
	}
	for _, p := range d.Ports {
		if p.MAC == d.MAC {
			return p.Name
		}
	}
	return ""
}

// OriginOf returns the origin of an address that the device has or had, "" if it is
// unknown. It compares the address with those of the ports, udev, systemd-networkd, the
// effective file and the hardware. ports are the ports at that time. Unlike Origin, it
// uses the address alone.
func (r *DeviceResult) OriginOf(mac linkfiles.MAC, ports []host.Port) (origin, port string) {
	d := r.Device
	if d == nil || mac == "" {
		return "", ""
	}
	then := *d
	then.MAC, then.Ports = mac, ports
	if p := portWithAddress(&then); p != "" {
		return OriginPort, p
	}
	switch mac {
	case d.PermanentMAC:
		return OriginPermanent, ""
	case r.Persistent.Or(host.PersistentMAC{}).MAC:
		return OriginUdev, ""
	}
	if r.snap != nil && networkdMACOf(r.snap, d).Or("") == mac {
		return OriginNetworkd, ""
	}
	if r.fileSets(mac) {
		return OriginLinkFile, ""
	}
	return "", ""
}

// fileSets reports whether mac is MACAddress= of the effective file.
func (r *DeviceResult) fileSets(mac linkfiles.MAC) bool {
	f := r.LinkFile.Or(nil)
	if f == nil {
		return false
	}
	set, ok := f.MACAddress()
	return ok && set.Value == string(mac)
}
