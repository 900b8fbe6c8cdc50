package address

import (
	"linkaudit/linkfiles"
	"linkaudit/policy/life"
)

// Action is what udevd does to an address at an event.
type Action struct {
	Do Verb
	// MAC is the address for Set.
	MAC linkfiles.MAC
}

// Verb is what happens to an address.
type Verb string

const (
	Leave     Verb = "leave"
	Set       Verb = "set"
	SetRandom Verb = "set-random"
)

// AddEvent is an add event that udevd handles for a device.
type AddEvent struct {
	Release linkfiles.Release
	// Policy is the effective MACAddressPolicy=, "" is the same as "none"; MACAddress is
	// the effective [Link] MACAddress=.
	Policy     string
	MACAddress linkfiles.MAC
	// Assign is addr_assign_type of the device when the event is handled.
	Assign linkfiles.Fact[life.AssignType]
	Device Facts
	// Persistent is what [Persistent] returns for the device.
	Persistent linkfiles.Fact[PersistentMAC]
}

// Action returns what udevd does to the device's address. That is udevd's request to the
// kernel; a driver may still refuse it.
//
// Sources: link_config_apply and get_mac (239 to 249), link_generate_new_hw_addr and
// net_verify_hardware_address (250 on).
func (e AddEvent) Action() linkfiles.Fact[Action] {
	switch {
	case e.Device.Loopback && e.Release >= skipsLoopback, e.Device.MAC == "" && e.Release >= knowsInfiniBand:
		return leave()
	case e.Policy == "persistent" || e.Policy == "random":
		return e.byPolicy()
	case e.MACAddress == "":
		return leave()
	}
	return e.byMACAddress()
}

func leave() linkfiles.Fact[Action] { return linkfiles.Known(Action{Do: Leave}) }

func (e AddEvent) byPolicy() linkfiles.Fact[Action] {
	ethernet := e.Device.ARPHRD == Ether
	if e.Release >= knowsInfiniBand && !ethernet && e.Device.ARPHRD != InfiniBand {
		return leave()
	}
	assign, ok := e.Assign.Get()
	if !ok {
		return linkfiles.Unknown[Action](linkfiles.Say("assign-type", "why", e.Assign.Reason()))
	}
	if !e.replaces(assign) {
		return leave()
	}
	if e.Release < knowsInfiniBand && !ethernet {
		return linkfiles.Unknown[Action](linkfiles.Say("driver-may-refuse-six-bytes", "since", knowsInfiniBand))
	}
	if e.Policy == "random" {
		return linkfiles.Known(Action{Do: SetRandom})
	}
	p, ok := e.Persistent.Get()
	switch {
	case e.Persistent.IsAbsent(): // udevd finds no name to derive an address from
		return leave()
	case !ok:
		return linkfiles.Unknown[Action](linkfiles.Say("persistent-address", "why", e.Persistent.Reason()))
	case p.MAC == e.Device.MAC && e.Release >= knowsInfiniBand: // it has it already
		return leave()
	}
	return linkfiles.Known(Action{Do: Set, MAC: p.MAC})
}

// replaces reports whether the policy replaces an address of this assign type.
func (e AddEvent) replaces(assign life.AssignType) bool {
	if e.Policy == "persistent" {
		return assign == life.Random
	}
	return assign == life.Permanent || e.Release < randomKeepsSet && assign != life.Random
}

func (e AddEvent) byMACAddress() linkfiles.Fact[Action] {
	b := e.MACAddress.Octets()
	if b == nil {
		return linkfiles.Unknown[Action](linkfiles.Say("mac-address-not-understood"))
	}
	if e.Release < knowsInfiniBand {
		// Sent unchanged; the driver may refuse anything but a six-byte unicast address on
		// an Ethernet device.
		if e.Device.ARPHRD == Ether && len(b) == 6 && b[0]&1 == 0 && !zero(b) {
			return linkfiles.Known(Action{Do: Set, MAC: linkfiles.MACOf(b)})
		}
		return linkfiles.Unknown[Action](linkfiles.Say("driver-may-refuse", "since", knowsInfiniBand))
	}
	switch e.Device.ARPHRD {
	case Ether:
		if len(b) != 6 || zero(b) || linkfiles.MACOf(b) == "ff:ff:ff:ff:ff:ff" {
			return leave() // udevd refuses it
		}
		b[0] &^= 1
	case InfiniBand:
		if len(b) != 20 || zero(b[12:]) {
			return leave() // likewise
		}
		old := e.Device.MAC.Octets()
		if len(old) != 20 {
			return linkfiles.Unknown[Action](linkfiles.Say("infiniband-address-length"))
		}
		copy(b, old[:12])
	default:
		return leave() // udevd refuses MACAddress= for other devices
	}
	if linkfiles.MACOf(b) == e.Device.MAC { // it has it already
		return leave()
	}
	return linkfiles.Known(Action{Do: Set, MAC: linkfiles.MACOf(b)})
}
