package audit

import (
	"linkaudit/internal/derived"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
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

// Provenance is who gave a device its live address, as far as that can be shown.
type Provenance struct {
	// Origin is one of the Origin constants; absent for a device without an address;
	// unknown with the candidates.
	Origin fact.Fact[string]
	// OriginCandidates are the Origin constants that remain possible where Origin is
	// unknown.
	OriginCandidates []string
	// OriginPort names the port whose address the device has, where Origin is
	// OriginPort, and where somebody set it to that (OriginSomeone).
	OriginPort string
	// OfOtherID, where Origin is OriginUdev or OriginNetworkd, is what the address is
	// made of if that is not the present machine-id; the zero value where it is.
	OfOtherID host.OfOtherID
}

// provenance works out who gave the device its live address:
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
func (s *inForce) provenance() Provenance {
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
	return doubtful(say("assign-type-not-known"))
}

// shown is an origin that nothing speaks against.
func shown(origin string) Provenance { return Provenance{Origin: fact.Known(origin)} }

func ofPort(name string) Provenance {
	return Provenance{Origin: fact.Known(OriginPort), OriginPort: name}
}

// doubtful is what cannot be told, and who remains possible.
func doubtful(why *linkfiles.Statement, candidates ...string) Provenance {
	return Provenance{Origin: fact.Unknown[string](why), OriginCandidates: candidates}
}

// originOfSet is about addr_assign_type 3: each of those who set addresses is asked in
// turn whether it was him, or may have been.
func (s *inForce) originOfSet(d *host.Device) Provenance {
	for _, ask := range []func(*host.Device) (Provenance, bool){s.setByDriver, s.setByFile, s.setByOtherMachineID} {
		if by, answered := ask(d); answered {
			return by
		}
	}
	return s.setWithThisMachineID(d)
}

// setByDriver is about drivers that call an address set which nobody set.
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

// setByFile is about MACAddress= and MACAddressPolicy=random of the .link files.
func (s *inForce) setByFile(d *host.Device) (by Provenance, answered bool) {
	policy := s.Policy.Or("")
	if set, ok := s.macAddress(); ok && policy != "persistent" && policy != "random" && set == d.MAC && s.appliedIsEffective() {
		return shown(OriginLinkFile), true
	}
	if policy == "random" || s.appliedPolicy() == "random" {
		return doubtful(say("origin-udev-random-or-someone"), OriginUdevRandom, OriginSomeone), true
	}
	return by, false
}

// udevActed reports whether udevd may have set the persistent address: it applied a file,
// or the policy is in force.
func (s *inForce) udevActed() bool {
	return s.Policy.Or("") == "persistent" || s.Applied.IsKnown()
}

// setByOtherMachineID is about addresses that are made of a machine-id which the machine
// has no more, and of which it shows a trace.
func (s *inForce) setByOtherMachineID(d *host.Device) (by Provenance, answered bool) {
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

// setWithThisMachineID is about addresses that are made of the present machine-id, and
// what is left when they are not.
func (s *inForce) setWithThisMachineID(d *host.Device) Provenance {
	networkd, persistent := networkdMACOf(s.snap, d), s.Persistent
	ofUdev := persistent.Or(host.PersistentMAC{}).MAC == d.MAC
	switch {
	case networkd.Or("") == d.MAC:
		return shown(OriginNetworkd)
	case persistent.IsUnknown():
		return doubtful(say("origin-udev-not-known", "why", persistent.Reason()), OriginUdev, OriginSomeone)
	case ofUdev && s.udevActed():
		return shown(OriginUdev)
	case ofUdev:
		return doubtful(say("origin-udev-or-someone"), OriginUdev, OriginSomeone)
	case networkd.IsUnknown():
		return doubtful(say("origin-networkd-not-known", "why", networkd.Reason()), OriginNetworkd, OriginSomeone)
	case ofEarlierName(d):
		return doubtful(say("origin-earlier-name-or-someone"), OriginUdev, OriginNetworkd, OriginSomeone)
	}
	return Provenance{Origin: fact.Known(OriginSomeone), OriginPort: portToTakeAfter(d)}
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
func (s *attributed) asNow() (origin, port string) {
	if origin = s.Origin.Or(""); origin == OriginPort {
		port = s.OriginPort
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

// fileSets reports whether the address is MACAddress= of the effective file.
func (r *DeviceResult) fileSets(mac linkfiles.MAC) bool {
	f := r.LinkFile.Or(nil)
	if f == nil {
		return false
	}
	set, ok := f.MACAddress()
	return ok && set.Value == string(mac)
}
