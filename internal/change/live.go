package change

import (
	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// LiveChange makes the address of an existing device what it is with
// MACAddressPolicy=none.
type LiveChange struct {
	Device string
	// Was is the present address.
	Was linkfiles.MAC
	// MAC is the address to set, "" if the present one is right; From is the port
	// that has it.
	MAC  linkfiles.MAC
	From string
	// Disturbs: the device is up, so that setting it now disturbs traffic.
	Disturbs bool
	// cannot is why there is no address to set.
	cannot cannotSet
}

// cannotSet is why there is no address to set for a device, and what the reason is about.
type cannotSet struct {
	reason cannotReason
	about  string
}

type cannotReason int

const (
	canSet cannotReason = iota
	// typeUnknown: its addr_assign_type is unknown; the reason is in about.
	typeUnknown
	// driverTakesNone: a bond with this fail_over_mac takes no address.
	driverTakesNone
	noPort
	// guestsAlone: all of its ports are those of guests.
	guestsAlone
	// notPermanent: the first port has no permanent address.
	notPermanent
	// kindUnknown: the rule for devices of the kind is unknown.
	kindUnknown
)

// iffUp and iffLowerUp are IFF_UP and IFF_LOWER_UP of include/uapi/linux/if.h.
const (
	iffUp      = 1 << 0
	iffLowerUp = 1 << 16
)

// kernelsAddress works out the address that the kernel would choose for the device. It
// differs only if somebody set the present one. Ports of guests come and go, and are left
// out: lasting are the others.
func kernelsAddress(d *host.Device, lasting []host.Port) LiveChange {
	c := LiveChange{Device: d.Name, Was: d.MAC}
	t, ok := d.AddrAssignType.Get()
	switch {
	case !ok:
		c.cannot = cannotSet{typeUnknown, words.Of(d.AddrAssignType.Reason())}
		return c
	case t != host.AddrSet:
		return c
	case d.Bond.IgnoresAddress():
		c.cannot = cannotSet{driverTakesNone, d.Bond.FailOverMAC}
		return c
	case len(d.Ports) == 0:
		c.cannot = cannotSet{reason: noPort}
		return c
	}
	mac, from, cannot := portsAddress(d, lasting)
	if c.cannot = cannot; cannot.reason != canSet || mac == d.MAC {
		return c
	}
	c.MAC, c.From = mac, from
	c.Disturbs = d.Flags&iffUp != 0 && d.Flags&iffLowerUp != 0
	return c
}

// portsAddress is the address that the kernel would take from the ports, and the port: for
// a bridge the lowest address (br_stp_recalculate_bridge_id()), for a bond or team that of
// its first port.
func portsAddress(d *host.Device, lasting []host.Port) (mac linkfiles.MAC, from string, cannot cannotSet) {
	switch d.Kind {
	case "bridge":
		p, ok := audit.LowestPort(lasting)
		if !ok {
			return "", "", cannotSet{reason: guestsAlone}
		}
		return p.MAC, p.Name, cannotSet{}
	case "bond", "team":
		p := d.Ports[0]
		if len(lasting) > 0 {
			p = lasting[0]
		}
		if p.PermanentMAC == "" {
			return "", "", cannotSet{notPermanent, p.Name}
		}
		return p.PermanentMAC, p.Name, cannotSet{}
	}
	return "", "", cannotSet{kindUnknown, d.Kind}
}
