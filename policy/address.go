package policy

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/derived"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

// ARPHRD numbers of the two device types whose address udevd derives
// (include/uapi/linux/if_arp.h).
const (
	arphrdEther      = 1
	arphrdInfiniBand = 32
)

// nameProperties are the udev properties that udevd hashes, in its order of
// preference (net_get_persistent_name, the same in systemd 239 to 262).
var nameProperties = []string{"ID_NET_NAME_ONBOARD", "ID_NET_NAME_SLOT", "ID_NET_NAME_PATH", "ID_NET_NAME_MAC"}

// releaseRules is how a span of systemd releases goes about addresses and about
// the udev database. Each entry holds from its release on, until the next one.
type releaseRules struct {
	since linkfiles.Release
	// hashesInterfaceName: a device without an ID_NET_NAME_* property is
	// hashed by its interface name (net_get_unique_predictable_data, from
	// 242 on); schemeDecides: only where the naming scheme allows it (get_mac
	// from 243 on, which brought the scheme v241 with the flag for it).
	hashesInterfaceName, schemeDecides bool
	// randomReplacesAny: "random" replaces an address of any
	// addr_assign_type but random (mac_is_random, gone with 242); later it
	// replaces a permanent one only.
	randomReplacesAny bool
	// knowsInfiniBand: only Ethernet and InfiniBand devices get a derived
	// address, of their own length (link_generate_new_hw_addr). Older
	// releases send six bytes to any device.
	knowsInfiniBand bool
	// skipsLoopback: the loopback device gets no .link file
	// (link_config_get).
	skipsLoopback bool
	// tellsDropIns: ID_NET_LINK_FILE_DROPINS is in the udev database of a
	// device whose file had drop-ins.
	tellsDropIns bool
	// recordsCleanText: the udev database takes no value that is not UTF-8 or
	// that holds a control character (property_is_valid of sd-device.c), so
	// that a .link file of such a name is applied and not recorded. Older
	// releases write whatever it is, up to a newline for who reads it.
	recordsCleanText bool
}

var releases = []releaseRules{
	{since: 239, randomReplacesAny: true},
	{since: 242, hashesInterfaceName: true},
	{since: 243, hashesInterfaceName: true, schemeDecides: true},
	{since: 249, hashesInterfaceName: true, schemeDecides: true, skipsLoopback: true},
	{since: 250, hashesInterfaceName: true, schemeDecides: true, skipsLoopback: true, knowsInfiniBand: true},
	{since: 253, hashesInterfaceName: true, schemeDecides: true, skipsLoopback: true, knowsInfiniBand: true, tellsDropIns: true},
	{since: 260, hashesInterfaceName: true, schemeDecides: true, skipsLoopback: true, knowsInfiniBand: true, tellsDropIns: true, recordsCleanText: true},
}

func rulesOf(rel linkfiles.Release) releaseRules {
	r := releases[0]
	for _, next := range releases[1:] {
		if rel >= next.since {
			r = next
		}
	}
	return r
}

func formatMAC(b []byte) string { return net.HardwareAddr(b).String() }

func parseMAC(s string) ([]byte, bool) {
	if s == "" {
		return nil, false
	}
	parts := strings.Split(s, ":")
	b := make([]byte, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 16, 8)
		if err != nil || len(p) != 2 {
			return nil, false
		}
		b[i] = byte(n)
	}
	return b, true
}

// NetworkdMAC returns the address that systemd-networkd gives to an Ethernet
// device that it creates from a .netdev file without MACAddress=
// (netdev_generate_hw_addr).
func NetworkdMAC(id [16]byte, name string) string {
	return string(AppendNetworkdMAC(nil, id, name))
}

// AppendNetworkdMAC appends what NetworkdMAC returns.
func AppendNetworkdMAC(dst []byte, id [16]byte, name string) []byte {
	return derived.AppendNetworkd(dst, id, name)
}

// AppendPersistentMAC appends the address that MACAddressPolicy=persistent
// derives for an Ethernet device, name being an ID_NET_NAME_* property or, where
// HashesInterfaceName allows it, the interface name.
func AppendPersistentMAC(dst []byte, id [16]byte, name string) []byte {
	return derived.AppendPersistent(dst, id, name)
}

// AddressFacts is what decides about an address that udevd derives.
type AddressFacts struct {
	Name string
	// ARPHRD is the kernel's device type, 1 for Ethernet.
	ARPHRD int
	// MAC is the current address; "" for a device without one.
	MAC      string
	Loopback bool
	// Names are the ID_NET_NAME_* properties; unknown where the udev
	// database is.
	Names fact.Fact[map[string]string]
	// Scheme is the naming scheme's name.
	Scheme    fact.Fact[string]
	MachineID fact.Fact[[16]byte]
}

// PersistentMAC returns the address that MACAddressPolicy=persistent derives
// for a device: absent where udevd of that release derives none (not an
// Ethernet or InfiniBand device, or no stable name under the naming scheme),
// and unknown where the machine-id, the scheme or the udev database is.
func PersistentMAC(rel linkfiles.Release, f AddressFacts) fact.Fact[host.PersistentMAC] {
	unknown := func(why string) fact.Fact[host.PersistentMAC] { return fact.Unknown[host.PersistentMAC](why) }
	rules := rulesOf(rel)
	switch {
	case f.Loopback, f.MAC == "":
		return fact.Absent[host.PersistentMAC]()
	case f.ARPHRD == arphrdEther:
	case f.ARPHRD == arphrdInfiniBand && rules.knowsInfiniBand:
	default:
		return fact.Absent[host.PersistentMAC]()
	}
	p := host.PersistentMAC{}
	if f.Names.IsUnknown() {
		return unknown(f.Names.Reason())
	}
	for _, key := range nameProperties {
		if name, ok := f.Names.Or(nil)[key]; ok {
			p.Property, p.Name = key, name
			break
		}
	}
	if p.Property == "" {
		switch hashes := hashesInterfaceName(rules, f.Scheme); {
		case hashes.IsUnknown():
			return unknown(hashes.Reason())
		case !hashes.Or(false):
			return fact.Absent[host.PersistentMAC]()
		}
		p.Property, p.Name = "INTERFACE", f.Name
	}
	id, ok := f.MachineID.Get()
	if !ok {
		if f.MachineID.IsAbsent() {
			return unknown("the machine has no machine-id")
		}
		return unknown("the machine-id: " + f.MachineID.Reason())
	}
	if f.ARPHRD == arphrdEther {
		p.MAC = string(derived.AppendPersistent(nil, id, p.Name))
		return fact.Known(p)
	}
	// InfiniBand: the first 12 of 20 bytes stay the device's own, the last 8
	// are the hash as it is (net_verify_hardware_address).
	b, ok := parseMAC(f.MAC)
	if !ok || len(b) != 20 {
		return unknown("the current InfiniBand address is not 20 bytes long")
	}
	sum := derived.Persistent(id, p.Name)
	copy(b[12:], sum[:])
	p.MAC = formatMAC(b)
	return fact.Known(p)
}

// HashesInterfaceName reports whether MACAddressPolicy=persistent makes an
// address of the interface name on the snapshot's machine, for a device without
// an ID_NET_NAME_* property.
func HashesInterfaceName(snap *host.Snapshot) fact.Fact[bool] {
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		return fact.Unknown[bool]("the systemd release: " + snap.Systemd.Release.Reason())
	}
	return hashesInterfaceName(rulesOf(rel), schemeName(snap))
}

func hashesInterfaceName(rules releaseRules, scheme fact.Fact[string]) fact.Fact[bool] {
	if !rules.hashesInterfaceName || !rules.schemeDecides {
		return fact.Known(rules.hashesInterfaceName)
	}
	name, ok := scheme.Get()
	if !ok {
		return fact.Unknown[bool]("the naming scheme: " + scheme.Reason())
	}
	return schemeHashesInterfaceName(name)
}

// schemeHashesInterfaceName reports whether the scheme has
// NAMING_STABLE_VIRTUAL_MACS. Distributions may add schemes whose flags are not
// known here.
func schemeHashesInterfaceName(scheme string) fact.Fact[bool] {
	if scheme == "latest" {
		return fact.Known(true)
	}
	if has, ok := host.SchemeHasStableVirtualMACs(scheme); ok {
		return fact.Known(has)
	}
	return fact.Unknown[bool]("the naming scheme " + strconv.Quote(scheme) + " is neither one of systemd's own nor of RHEL's, so whether it hashes interface names is not known")
}

// WithDerived returns the snapshot with what is derived from the machine-id, for the
// devices that are there and those to come. It is what is saved, for the machine-id is not.
func WithDerived(of *host.Snapshot) *host.Snapshot {
	with := *of
	snap := &with
	snap.Devices = slices.Clone(of.Devices)
	for i := range snap.Devices {
		d := &snap.Devices[i]
		d.PersistentMAC, d.NetworkdMAC = persistentByOwnID(snap, d), networkdMACOf(snap, d)
		d.OfOtherID, _ = ofOtherID(snap, d)
	}
	snap.ToCome = nil
	toCome := DeclaredToCome(snap, nil)
	if snap.Offline {
		for _, kind := range host.DefaultKinds {
			if usual := (Target{Name: UsualName(kind), Kind: kind}); !slices.Contains(toCome, usual) {
				toCome = append(toCome, usual)
			}
		}
	}
	for _, d := range toCome {
		t := host.ToCome{Name: d.Name, Kind: d.Kind, PersistentMAC: fact.Unknown[host.PersistentMAC](noSuchDevice)}
		if rel, ok := snap.Systemd.Release.Get(); ok {
			t.PersistentMAC = persistentToCome(snap, rel, d.Name, d.Kind)
		}
		t.NetworkdMAC = networkdMACOf(snap, &host.Device{Name: d.Name, ARPHRD: arphrdEther})
		snap.ToCome = append(snap.ToCome, t)
	}
	return snap
}

// persistentToCome is PersistentMAC of a device that does not exist yet.
func persistentToCome(snap *host.Snapshot, rel linkfiles.Release, name, kind string) fact.Fact[host.PersistentMAC] {
	if !kinds[kind].random {
		return fact.Unknown[host.PersistentMAC](noSuchDevice)
	}
	if t := toCome(snap, name, kind); t != nil {
		return t.PersistentMAC
	}
	return PersistentMAC(rel, AddressFacts{
		Name: name, ARPHRD: arphrdEther, MAC: "random",
		Names:     fact.Known(map[string]string{}),
		Scheme:    schemeName(snap),
		MachineID: snap.System.MachineID.ID(),
	})
}

// toCome is what was saved of a device that does not exist, nil for nothing.
func toCome(snap *host.Snapshot, name, kind string) *host.ToCome {
	for i := range snap.ToCome {
		if t := &snap.ToCome[i]; t.Name == name && (kind == "" || t.Kind == kind) {
			return t
		}
	}
	return nil
}

// networkdMACOf is what systemd-networkd derives for a device of the name: what was saved
// of it or, where nothing was, what the machine-id gives.
func networkdMACOf(snap *host.Snapshot, d *host.Device) fact.Fact[string] {
	if !notCollected(d.NetworkdMAC) {
		return d.NetworkdMAC
	}
	if d.ARPHRD != arphrdEther {
		return fact.Absent[string]()
	}
	id, ok := snap.System.MachineID.ID().Get()
	if !ok {
		return fact.Unknown[string]("the machine-id: " + snap.System.MachineID.ID().Reason())
	}
	return fact.Known(NetworkdMAC(id, d.Name))
}

// OtherMachineIDsMatter reports whether a device has an address
// that may be derived, but not from the present machine-id and the device's name:
// another machine-id may explain it. Where the machine has none, they matter too.
func OtherMachineIDsMatter(id fact.Fact[[16]byte], state host.MachineIDState, devices []host.Device) bool {
	if state.None() {
		return true // they tell what the next boot takes
	}
	return slices.ContainsFunc(devices, func(d host.Device) bool {
		return mayBeDerived(&d) && (!id.IsKnown() || derived.OfOtherName(id, d.Name, d.MAC))
	})
}

// mayBeDerived: what udevd and networkd derive for an Ethernet device.
func mayBeDerived(d *host.Device) bool {
	return d.AddrAssignType.Or(host.AddrPerm) == host.AddrSet && derived.Possible(d.MAC)
}

// ofOtherID is Device.OfOtherID. That an address of 46 bits equals the one
// derived by accident is not to be reckoned with.
func ofOtherID(snap *host.Snapshot, d *host.Device) (host.OfOtherID, bool) {
	if d.OfOtherID != (host.OfOtherID{}) {
		return d.OfOtherID, true
	}
	if !mayBeDerived(d) {
		return host.OfOtherID{}, false
	}
	for _, other := range snap.OtherMachineIDs {
		id, ok := other.ID.ID().Get()
		if present, _ := snap.System.MachineID.Is(id); !ok || present {
			continue
		}
		if p, _ := persistentMACOf(snap, d, other.ID.ID()).Get(); p.MAC == d.MAC {
			return host.OfOtherID{Source: other.Source, Name: p.Name}, true
		}
		if d.ARPHRD == arphrdEther && NetworkdMAC(id, d.Name) == d.MAC {
			return host.OfOtherID{Source: other.Source, Networkd: true, Name: d.Name}, true
		}
	}
	return host.OfOtherID{}, false
}

func notCollected[T any](f fact.Fact[T]) bool {
	return f.IsUnknown() && f.Reason() == fact.Fact[T]{}.Reason()
}

// persistentByOwnID is what MACAddressPolicy=persistent derives for a device: what was saved
// of it or, where nothing was, what the machine-id gives.
func persistentByOwnID(snap *host.Snapshot, d *host.Device) fact.Fact[host.PersistentMAC] {
	if !notCollected(d.PersistentMAC) {
		return d.PersistentMAC
	}
	return persistentMACOf(snap, d, snap.System.MachineID.ID())
}

// persistentMACOf is PersistentMAC of a device of the snapshot on a machine with
// that ID.
func persistentMACOf(snap *host.Snapshot, d *host.Device, id fact.Fact[[16]byte]) fact.Fact[host.PersistentMAC] {
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		return fact.Unknown[host.PersistentMAC]("the systemd release: " + snap.Systemd.Release.Reason())
	}
	names := d.UdevDB
	if !names.IsKnown() {
		// net_id names a device by its parent; the kinds in the table have
		// none, whatever the udev database would say.
		if withoutParent(d.Kind) {
			names = fact.Known(map[string]string{})
		} else if names.IsAbsent() {
			names = fact.Unknown[map[string]string]("udev has no record of the device")
		} else {
			names = fact.Unknown[map[string]string]("the udev database: " + d.UdevDB.Reason())
		}
	}
	return PersistentMAC(rel, AddressFacts{
		Name:      d.Name,
		ARPHRD:    d.ARPHRD,
		MAC:       d.MAC,
		Loopback:  d.Loopback(),
		Names:     names,
		Scheme:    schemeName(snap),
		MachineID: id,
	})
}

func schemeName(snap *host.Snapshot) fact.Fact[string] {
	s, ok := snap.NamingScheme.Get()
	if !ok {
		return fact.Unknown[string](snap.NamingScheme.Reason())
	}
	return fact.Known(s.Name)
}

// AddressAction is what udevd's handling of an add event does to an address.
type AddressAction struct {
	Do AddressVerb
	// MAC is the address for Set.
	MAC string
	// Why is the reason in one line.
	Why string
}

// AddressVerb is one of the things that can happen to an address.
type AddressVerb string

const (
	Leave     AddressVerb = "leave"
	Set       AddressVerb = "set"
	SetRandom AddressVerb = "set-random"
)

// OnAdd returns what udevd of the given release does to the device's address
// when it handles its add event: policy is the effective MACAddressPolicy=
// ("" and "none" are the same), macAddress the effective [Link] MACAddress=.
// It is what udevd asks of the kernel; a driver may still refuse.
//
// Sources: link_config_apply and get_mac (239 to 249),
// link_generate_new_hw_addr and net_verify_hardware_address (250 on).
func OnAdd(rel linkfiles.Release, policy, macAddress string, assign fact.Fact[host.AddrAssignType], f AddressFacts, persistent fact.Fact[host.PersistentMAC]) fact.Fact[AddressAction] {
	leave := func(why string) fact.Fact[AddressAction] {
		return fact.Known(AddressAction{Do: Leave, Why: why})
	}
	unknown := func(why string) fact.Fact[AddressAction] { return fact.Unknown[AddressAction](why) }
	rules := rulesOf(rel)

	if f.Loopback && rules.skipsLoopback {
		return leave("the loopback device never gets a .link file")
	}
	if f.MAC == "" && rules.knowsInfiniBand {
		return leave("the device has no address")
	}
	if policy != "persistent" && policy != "random" {
		return onAddStatic(rules, macAddress, f)
	}
	if rules.knowsInfiniBand && f.ARPHRD != arphrdEther && f.ARPHRD != arphrdInfiniBand {
		return leave("the device is neither Ethernet nor InfiniBand")
	}
	unchecked := unknown("systemd before 250 sends a six-byte address to a device of another type than Ethernet; whether the driver takes it is not known")
	sends := !rules.knowsInfiniBand && f.ARPHRD != arphrdEther
	t, ok := assign.Get()
	if !ok {
		return unknown("addr_assign_type: " + assign.Reason())
	}
	if policy == "random" {
		if t == host.AddrPerm || rules.randomReplacesAny && t != host.AddrRandom {
			if sends {
				return unchecked
			}
			return fact.Known(AddressAction{Do: SetRandom, Why: "the policy is random and the address is " + t.String()})
		}
		return leave("random leaves an address alone whose addr_assign_type is " + t.String())
	}
	if t != host.AddrRandom {
		return leave("persistent leaves an address alone whose addr_assign_type is " + t.String())
	}
	if sends {
		return unchecked
	}
	p, ok := persistent.Get()
	switch {
	case persistent.IsAbsent():
		return leave("udevd finds no stable name to derive an address from")
	case !ok:
		return unknown("the persistent address: " + persistent.Reason())
	}
	if p.MAC == f.MAC && rules.knowsInfiniBand {
		return leave("the address is the derived one already")
	}
	return fact.Known(AddressAction{Do: Set, MAC: p.MAC, Why: "the policy is persistent and the address is random"})
}

func onAddStatic(rules releaseRules, macAddress string, f AddressFacts) fact.Fact[AddressAction] {
	leave := func(why string) fact.Fact[AddressAction] {
		return fact.Known(AddressAction{Do: Leave, Why: why})
	}
	if macAddress == "" {
		return leave("no policy and no MACAddress=")
	}
	b, ok := parseMAC(macAddress)
	if !ok {
		return fact.Unknown[AddressAction]("MACAddress= is not understood")
	}
	set := func() fact.Fact[AddressAction] {
		return fact.Known(AddressAction{Do: Set, MAC: formatMAC(b), Why: "MACAddress="})
	}
	if !rules.knowsInfiniBand {
		// Sent as it is; what is not a six-byte unicast address on an
		// Ethernet device is the driver's to refuse.
		if f.ARPHRD == arphrdEther && len(b) == 6 && b[0]&1 == 0 && !zero(b) {
			return set()
		}
		return fact.Unknown[AddressAction]("systemd before 250 sends MACAddress= unchecked; whether the driver takes it is not known")
	}
	switch f.ARPHRD {
	case arphrdEther:
		switch {
		case len(b) != 6:
			return leave("MACAddress= is not six bytes long: udevd refuses it")
		case zero(b), formatMAC(b) == "ff:ff:ff:ff:ff:ff":
			return leave("MACAddress= is null or broadcast: udevd refuses it")
		}
		b[0] &^= 1
	case arphrdInfiniBand:
		old, ok := parseMAC(f.MAC)
		switch {
		case len(b) != 20:
			return leave("MACAddress= is not 20 bytes long: udevd refuses it")
		case zero(b[12:]):
			return leave("the last 8 bytes of MACAddress= are null: udevd refuses it")
		case !ok || len(old) != 20:
			return fact.Unknown[AddressAction]("the current InfiniBand address is not 20 bytes long")
		}
		copy(b, old[:12])
	default:
		return leave("the device is neither Ethernet nor InfiniBand: udevd refuses MACAddress=")
	}
	if formatMAC(b) == f.MAC {
		return leave("the address is that of MACAddress= already")
	}
	return set()
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
