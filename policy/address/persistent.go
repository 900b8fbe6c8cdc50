package address

import (
	"linkaudit/internal/derived"
	"linkaudit/linkfiles"
)

// ARPHRD numbers of the two device types whose address udevd derives
// (include/uapi/linux/if_arp.h).
const (
	Ether      = 1
	InfiniBand = 32
)

// nameProperties are the udev properties that udevd hashes, in its order of
// preference (net_get_persistent_name, the same in systemd 239 to 262).
var nameProperties = []string{"ID_NET_NAME_ONBOARD", "ID_NET_NAME_SLOT", "ID_NET_NAME_PATH", "ID_NET_NAME_MAC"}

// PersistentMAC is an address of MACAddressPolicy=persistent and the name that it was derived
// from.
type PersistentMAC struct {
	MAC linkfiles.MAC `json:"mac"`
	// Property is where the name comes from: "ID_NET_NAME_PATH", ... or
	// "INTERFACE" for the interface name itself.
	Property string `json:"property"`
	Name     string `json:"name"`
}

// Facts are what decides about an address that udevd derives.
type Facts struct {
	Name string
	// ARPHRD is the kernel's device type, 1 for Ethernet.
	ARPHRD int
	// MAC is the current address; "" for a device without one.
	MAC      linkfiles.MAC
	Loopback bool
	// Names are the ID_NET_NAME_* properties; unknown if the udev database is.
	Names linkfiles.Fact[map[string]string]
	// Scheme is the naming scheme's name.
	Scheme    linkfiles.Fact[string]
	MachineID linkfiles.Fact[[16]byte]
}

// Persistent returns the address that MACAddressPolicy=persistent derives for a device: absent
// if udevd of that release derives none (not an Ethernet or InfiniBand device, or no stable
// name under the naming scheme), and unknown if the machine ID, the scheme or the udev
// database is.
func Persistent(rel linkfiles.Release, f Facts) linkfiles.Fact[PersistentMAC] {
	hasNone := f.Loopback || f.MAC == ""
	if hasNone || f.ARPHRD != Ether && (f.ARPHRD != InfiniBand || rel < knowsInfiniBand) {
		return linkfiles.Absent[PersistentMAC]()
	}
	from := hashedName(rel, f)
	p, ok := from.Get()
	if !ok {
		return from
	}
	id, ok := f.MachineID.Get()
	switch {
	case f.MachineID.IsAbsent():
		return linkfiles.Unknown[PersistentMAC](linkfiles.Say("no-machine-id"))
	case !ok:
		return linkfiles.Unknown[PersistentMAC](linkfiles.Say("machine-id", "why", f.MachineID.Reason()))
	}
	if f.ARPHRD == Ether {
		p.MAC = linkfiles.MAC(derived.AppendPersistent(nil, id, p.Name))
		return linkfiles.Known(p)
	}
	// InfiniBand: the first 12 of 20 bytes stay the device's own, the last 8 are the plain
	// hash (net_verify_hardware_address).
	b := f.MAC.Octets()
	if len(b) != 20 {
		return linkfiles.Unknown[PersistentMAC](linkfiles.Say("infiniband-address-length"))
	}
	sum := derived.Persistent(id, p.Name)
	copy(b[12:], sum[:])
	p.MAC = linkfiles.MACOf(b)
	return linkfiles.Known(p)
}

// hashedName is the property that udevd hashes, and its value, without an address yet; absent
// if there is none.
func hashedName(rel linkfiles.Release, f Facts) linkfiles.Fact[PersistentMAC] {
	if f.Names.IsUnknown() {
		return linkfiles.Unknown[PersistentMAC](f.Names.Reason())
	}
	for _, key := range nameProperties {
		if name, ok := f.Names.Or(nil)[key]; ok {
			return linkfiles.Known(PersistentMAC{Property: key, Name: name})
		}
	}
	switch hashes := HashesInterfaceName(rel, f.Scheme); {
	case hashes.IsUnknown():
		return linkfiles.Unknown[PersistentMAC](hashes.Reason())
	case !hashes.Or(false):
		return linkfiles.Absent[PersistentMAC]()
	}
	return linkfiles.Known(PersistentMAC{Property: "INTERFACE", Name: f.Name})
}

// HashesInterfaceName reports whether MACAddressPolicy=persistent derives an address from the
// interface name for a device without an ID_NET_NAME_* property, under a naming scheme.
func HashesInterfaceName(rel linkfiles.Release, scheme linkfiles.Fact[string]) linkfiles.Fact[bool] {
	if rel < schemeDecides {
		return linkfiles.Known(rel >= hashesInterfaceName)
	}
	name, ok := scheme.Get()
	if !ok {
		return linkfiles.Unknown[bool](linkfiles.Say("naming-scheme", "why", scheme.Reason()))
	}
	return schemeHashesInterfaceName(name)
}

// schemeHashesInterfaceName reports whether the scheme has NAMING_STABLE_VIRTUAL_MACS.
// Distributions may add schemes with other flags.
func schemeHashesInterfaceName(scheme string) linkfiles.Fact[bool] {
	if scheme == "latest" {
		return linkfiles.Known(true)
	}
	if has, ok := hasStableVirtualMACs(scheme); ok {
		return linkfiles.Known(has)
	}
	return linkfiles.Unknown[bool](linkfiles.Say("naming-scheme-of-others", "scheme", scheme))
}
