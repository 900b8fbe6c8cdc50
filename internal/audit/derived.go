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

// HashesInterfaceName reports whether MACAddressPolicy=persistent derives the address
// from the interface name on the snapshot's machine, for a device without an
// ID_NET_NAME_* property.
func HashesInterfaceName(snap *host.Snapshot) fact.Fact[bool] {
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		return fact.Unknown[bool](say("systemd-release", "why", snap.Systemd.Release.Reason()))
	}
	return address.HashesInterfaceName(rel, schemeName(snap))
}

// WithDerived returns the snapshot with all addresses derived from the machine ID, for
// existing and future devices. A snapshot file stores these instead of the machine ID.
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
	targets := FutureTargets(snap, nil)
	if snap.Offline {
		for _, kind := range host.DefaultKinds {
			if usual := (Target{Name: UsualName(kind), Kind: kind}); !slices.Contains(targets, usual) {
				targets = append(targets, usual)
			}
		}
	}
	for _, d := range targets {
		t := host.ToCome{Name: d.Name, Kind: d.Kind, PersistentMAC: fact.Unknown[host.PersistentMAC](policy.NoSuchDevice)}
		if rel, ok := snap.Systemd.Release.Get(); ok {
			t.PersistentMAC = futurePersistent(snap, rel, d.Name, d.Kind)
		}
		t.PersistentMAC = inWords(t.PersistentMAC)
		t.NetworkdMAC = inWords(networkdMACOf(snap, &host.Device{Name: d.Name, ARPHRD: address.Ether}))
		snap.ToCome = append(snap.ToCome, t)
	}
	return snap
}

// inWords turns the reason of a fact into the text that a snapshot stores.
func inWords[T any](f fact.Fact[T]) fact.Fact[T] {
	if !f.IsUnknown() {
		return f
	}
	return fact.Unknown[T](fact.Told(words.Of(f.Reason())))
}

// futurePersistent is address.Persistent for a device that does not exist yet.
func futurePersistent(snap *host.Snapshot, rel linkfiles.Release, name, kind string) fact.Fact[host.PersistentMAC] {
	t := savedFuture(snap, name, kind)
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

// savedFuture returns the saved addresses of a device that does not exist, nil if none
// were saved.
func savedFuture(snap *host.Snapshot, name, kind string) *host.ToCome {
	for i := range snap.ToCome {
		if t := &snap.ToCome[i]; t.Name == name && (kind == "" || t.Kind == kind) {
			return t
		}
	}
	return nil
}

// networkdMACOf returns the address that systemd-networkd derives for the device's
// name. A saved address takes precedence over the machine ID.
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

// OtherMachineIDsMatter reports whether another machine ID may explain the address of a
// device: it may be a derived address, but not from the present machine ID and the
// device's name. They also matter if the machine has no machine ID now.
func OtherMachineIDsMatter(id fact.Fact[[16]byte], state host.MachineIDState, devices []host.Device) bool {
	if state.None() {
		return true // they tell which ID the next boot uses
	}
	return slices.ContainsFunc(devices, func(d host.Device) bool {
		return mayBeDerived(&d) && (!id.IsKnown() || derived.OfOtherName(id, d.Name, d.MAC))
	})
}

// mayBeDerived reports whether the address looks like one that udev or networkd derives
// for an Ethernet device.
func mayBeDerived(d *host.Device) bool {
	return d.AddrAssignType.Or(host.AddrPerm) == host.AddrSet && derived.Possible(d.MAC)
}

// ofOtherID returns Device.OfOtherID, or works it out. A derived address has 46 bits,
// so an accidental match is too unlikely to matter.
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

// persistentByOwnID returns the address that MACAddressPolicy=persistent derives for a
// device. A saved address takes precedence over the machine ID.
func persistentByOwnID(snap *host.Snapshot, d *host.Device) fact.Fact[host.PersistentMAC] {
	if d.PersistentMAC.Collected() {
		return d.PersistentMAC
	}
	return persistentMACOf(snap, d, snap.System.MachineID.ID())
}

// persistentMACOf is address.Persistent for a device of the snapshot and a machine ID.
func persistentMACOf(snap *host.Snapshot, d *host.Device, id fact.Fact[[16]byte]) fact.Fact[host.PersistentMAC] {
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		return fact.Unknown[host.PersistentMAC](say("systemd-release", "why", snap.Systemd.Release.Reason()))
	}
	names := d.UdevDB
	if !names.IsKnown() {
		// net_id names a device after its parent. These kinds have no parent, whatever
		// the udev database says.
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
