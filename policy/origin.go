package policy

import (
	"linkaudit/internal/derived"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
)

// The origins of a live address. What each one rests on is said in origin.
const (
	OriginUdev     = "udev-persistent"
	OriginLinkFile = "link-file"
	// OriginUdevRandom is MACAddressPolicy=random. It is never shown of a live
	// address: anybody may have set that.
	OriginUdevRandom = "udev-random"
	OriginKernel     = "kernel-random"
	OriginPort       = "port"
	OriginLower      = "lower"
	OriginMaster     = "master"
	OriginPermanent  = "permanent"
	OriginNetworkd   = "networkd-persistent"
	OriginSomeone    = "set-by-someone"
)

// origin works out who gave the device its live address:
//
//   - permanent: addr_assign_type is 0, or the address equals the permanent
//     one; the hardware's own.
//   - kernel-random: addr_assign_type is 1; the driver made up a random one.
//   - port: the driver took a port's. A bond then shows type 2. A bridge keeps
//     type 1 (br_stp_recalculate_bridge_id sets only the address), so there it
//     is shown by a port with the same address.
//   - lower: addr_assign_type is 2 on a device that has no ports; the driver
//     took the address of the device beneath (a VLAN does).
//   - master: the device is a port of a bond whose driver gives the bond's
//     address to all of its ports: any but one in active-backup mode with
//     fail_over_mac active or follow.
//   - udev-persistent: addr_assign_type is 3, and the address is the one that
//     MACAddressPolicy=persistent derives (a keyed hash of the machine-id that
//     nothing but udevd makes) while the policy in force is persistent or
//     udevd applied a file to the device.
//     Where it is made of another machine-id, of which the machine shows a
//     trace, OfOtherID says so.
//   - link-file: addr_assign_type is 3, and the address is MACAddress= of the
//     effective file, which is the file that udevd applied.
//   - networkd-persistent: addr_assign_type is 3, and the address is the one that
//     systemd-networkd derives for this name by a keyed hash of its own, of the
//     present machine-id or another one as above.
//   - set-by-someone: addr_assign_type is 3, and the address is none that udevd
//     or systemd-networkd derive for the device: a program or a person set it.
//     Where the kernel says that the device was renamed, and it may be one that
//     they derived for an earlier name, that is not known.
func (s *subject) origin() fact.Fact[string] {
	d := s.res.Device
	if d == nil {
		return fact.Unknown[string](noSuchDevice)
	}
	if d.MAC == "" {
		return fact.Absent[string]()
	}
	t, ok := d.AddrAssignType.Get()
	if !ok {
		return fact.Unknown[string]("addr_assign_type: " + d.AddrAssignType.Reason())
	}
	switch t {
	case host.AddrPerm:
		return fact.Known(OriginPermanent)
	case host.AddrRandom:
		if d.Kind == "bridge" && portWithAddress(d) != "" {
			return fact.Known(OriginPort)
		}
		return fact.Known(OriginKernel)
	case host.AddrStolen:
		if len(d.Ports) > 0 || d.Kind == "bond" {
			return fact.Known(OriginPort)
		}
		return fact.Known(OriginLower)
	case host.AddrSet:
		return s.originOfSet(d)
	}
	return fact.Unknown[string]("the kernel shows an addr_assign_type that is not known here")
}

func (s *subject) originOfSet(d *host.Device) fact.Fact[string] {
	unknown := func(why string, candidates ...string) fact.Fact[string] {
		s.res.OriginCandidates = candidates
		return fact.Unknown[string](why)
	}
	if d.MAC == d.PermanentMAC {
		return fact.Known(OriginPermanent)
	}
	if d.Bond.IgnoresAddress() {
		return unknown("the kernel, or whoever created the bond: with fail_over_mac="+d.Bond.FailOverMAC+" the driver takes no address, but notes it as set", OriginKernel, OriginSomeone)
	}
	if d.Master != "" {
		m := s.byName()[d.Master]
		switch {
		case m == nil:
			return unknown("its master "+d.Master+", or whoever set it", OriginMaster, OriginSomeone)
		case m.MAC == d.MAC && m.Bond != nil && !m.Bond.IgnoresAddress():
			return fact.Known(OriginMaster)
		case m.MAC == d.MAC:
			return unknown("its master "+d.Master+", or whoever set it", OriginMaster, OriginSomeone)
		}
	}
	policy := s.res.Policy.Or("")
	if set, ok := s.macAddress(); ok && policy != "persistent" && policy != "random" && set == d.MAC && s.appliedIsEffective() {
		return fact.Known(OriginLinkFile)
	}
	if policy == "random" || s.appliedPolicy() == "random" {
		return unknown("udev by MACAddressPolicy=random, or someone who set it", OriginUdevRandom, OriginSomeone)
	}
	n := networkdMACOf(s.snap, d)
	if n.Or("") == d.MAC {
		return fact.Known(OriginNetworkd)
	}
	p := s.res.Persistent
	if other, ok := ofOtherID(s.snap, d); ok && p.Or(host.PersistentMAC{}).MAC != d.MAC {
		switch {
		case other.Networkd:
			s.res.OfOtherID = other
			return fact.Known(OriginNetworkd)
		case policy == "persistent" || s.res.Applied.IsKnown():
			s.res.OfOtherID = other
			return fact.Known(OriginUdev)
		}
		return unknown("udev, or someone who set the address that MACAddressPolicy=persistent derives from another machine-id", OriginUdev, OriginSomeone)
	}
	switch {
	case p.IsUnknown():
		return unknown("udev or someone who set it; the persistent address is not known: "+p.Reason(), OriginUdev, OriginSomeone)
	case n.IsUnknown() && p.Or(host.PersistentMAC{}).MAC != d.MAC:
		return unknown("systemd-networkd or someone who set it; the address that networkd derives is not known: "+n.Reason(), OriginNetworkd, OriginSomeone)
	case p.Or(host.PersistentMAC{}).MAC != d.MAC:
		if ofEarlierName(d) {
			return unknown("udev or systemd-networkd by a name that the device had before, or someone who set it", OriginUdev, OriginNetworkd, OriginSomeone)
		}
		return fact.Known(OriginSomeone)
	case policy == "persistent" || s.res.Applied.IsKnown():
		return fact.Known(OriginUdev)
	}
	return unknown("udev, or someone who set the address that MACAddressPolicy=persistent derives", OriginUdev, OriginSomeone)
}

// originPort works out DeviceResult.OriginPort.
func (s *subject) originPort() string {
	switch s.res.Origin.Or("") {
	case OriginPort:
		return portWithAddress(s.res.Device)
	case OriginSomeone:
		return portToTakeAfter(s.res.Device)
	}
	return ""
}

// portToTakeAfter names the port whose own address somebody gave the device, ""
// if none has it. What a port of a bond or team has now may be the master's.
func portToTakeAfter(d *host.Device) string {
	for _, p := range d.Ports {
		if p.OwnMAC == d.MAC || p.PermanentMAC == d.MAC || d.Kind == "bridge" && p.MAC == d.MAC {
			return p.Name
		}
	}
	return ""
}

// asNow are origin and port of the present address, for an outcome that is the
// same.
func (s *subject) asNow() (origin, port string) {
	if origin = s.res.Origin.Or(""); origin == OriginPort {
		port = s.res.OriginPort
	}
	return origin, port
}

// ofEarlierName reports whether the address may be one that was derived from a
// name that the device had before.
func ofEarlierName(d *host.Device) bool {
	return d.NameAssignType.Or(0) == host.NameRenamed && derived.Possible(d.MAC)
}

// portWithAddress names the port whose own, permanent or current address the
// device carries, "" if none does.
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

// OriginOf returns the origin of an address that the device had, or has, by what
// derives the same one: its ports, udevd, systemd-networkd, the effective file, the
// hardware. It is "" where none does; ports are those of that moment. Unlike
// Origin it goes by the address alone.
func (r *DeviceResult) OriginOf(mac string, ports []host.Port) (origin, port string) {
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
	case d.NetworkdMAC.Or(""):
		return OriginNetworkd, ""
	}
	if f := r.LinkFile.Or(nil); f != nil {
		if set, ok := f.MACAddress(); ok && set.Value == mac {
			return OriginLinkFile, ""
		}
	}
	return "", ""
}
