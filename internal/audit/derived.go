package audit

import (
	"slices"

	"linkaudit/internal/derived"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/address"
)

// HashesInterfaceName reports whether MACAddressPolicy=persistent makes an
// address of the interface name on the snapshot's machine, for a device without
// an ID_NET_NAME_* property.
func HashesInterfaceName(snap *host.Snapshot) fact.Fact[bool] {
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		return fact.Unknown[bool](say("systemd-release", "why", snap.Systemd.Release.Reason()))
	}
	return address.HashesInterfaceName(rel, schemeName(snap))
}

// WithDerived returns the snapshot with what is derived from the machine-id, for the
// devices that are there and those to come. It is what is saved, for the machine-id is not.
func WithDerived(of *host.Snapshot) *host.Snapshot {
	with := *of
	snap := &with
	snap.Devices = slices.Clone(of.Devices)
	for i := range snap.Devices {
		d := &snap.Devices[i]
		d.PersistentMAC, d.NetworkdMAC = inWords(persistentByOwnID(snap, d)), inWords(networkdMACOf(snap, d))
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
		t := host.ToCome{Name: d.Name, Kind: d.Kind, PersistentMAC: fact.Unknown[host.PersistentMAC](policy.NoSuchDevice)}
		if rel, ok := snap.Systemd.Release.Get(); ok {
			t.PersistentMAC = persistentToCome(snap, rel, d.Name, d.Kind)
		}
		t.PersistentMAC = inWords(t.PersistentMAC)
		t.NetworkdMAC = inWords(networkdMACOf(snap, &host.Device{Name: d.Name, ARPHRD: address.Ether}))
		snap.ToCome = append(snap.ToCome, t)
	}
	return snap
}

// inWords is the fact with its reason as a snapshot keeps it.
func inWords[T any](f fact.Fact[T]) fact.Fact[T] {
	if !f.IsUnknown() {
		return f
	}
	return fact.Unknown[T](fact.Told(words.Of(f.Reason())))
}

// persistentToCome is address.Persistent of a device that does not exist yet.
func persistentToCome(snap *host.Snapshot, rel linkfiles.Release, name, kind string) fact.Fact[host.PersistentMAC] {
	t := toCome(snap, name, kind)
	switch {
	case !policy.StartsRandom(kind), t != nil && t.PersistentMAC.IsUnknown() && !snap.Systemd.Release.IsKnown():
		return fact.Unknown[host.PersistentMAC](policy.NoSuchDevice)
	case t != nil:
		return t.PersistentMAC
	}
	return address.Persistent(rel, address.Facts{
		Name: name, ARPHRD: address.Ether, MAC: "random",
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
func networkdMACOf(snap *host.Snapshot, d *host.Device) fact.Fact[linkfiles.MAC] {
	if d.NetworkdMAC.Collected() {
		return d.NetworkdMAC
	}
	if d.ARPHRD != address.Ether {
		return fact.Absent[linkfiles.MAC]()
	}
	id, ok := snap.System.MachineID.ID().Get()
	if !ok {
		return fact.Unknown[linkfiles.MAC](say("machine-id", "why", snap.System.MachineID.ID().Reason()))
	}
	return fact.Known(address.Networkd(id, d.Name))
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
		if d.ARPHRD == address.Ether && address.Networkd(id, d.Name) == d.MAC {
			return host.OfOtherID{Source: other.Source, Networkd: true, Name: d.Name}, true
		}
	}
	return host.OfOtherID{}, false
}

// persistentByOwnID is what MACAddressPolicy=persistent derives for a device: what was saved
// of it or, where nothing was, what the machine-id gives.
func persistentByOwnID(snap *host.Snapshot, d *host.Device) fact.Fact[host.PersistentMAC] {
	if d.PersistentMAC.Collected() {
		return d.PersistentMAC
	}
	return persistentMACOf(snap, d, snap.System.MachineID.ID())
}

// persistentMACOf is address.Persistent of a device of the snapshot on a machine with
// that ID.
func persistentMACOf(snap *host.Snapshot, d *host.Device, id fact.Fact[[16]byte]) fact.Fact[host.PersistentMAC] {
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		return fact.Unknown[host.PersistentMAC](say("systemd-release", "why", snap.Systemd.Release.Reason()))
	}
	names := d.UdevDB
	if !names.IsKnown() {
		// net_id names a device by its parent; the kinds in the table have
		// none, whatever the udev database would say.
		if policy.OnNoBus(d.Kind) {
			names = fact.Known(map[string]string{})
		} else if names.IsAbsent() {
			names = fact.Unknown[map[string]string](say("no-udev-record"))
		} else {
			names = fact.Unknown[map[string]string](say("udev-database", "why", d.UdevDB.Reason()))
		}
	}
	return address.Persistent(rel, address.Facts{
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
