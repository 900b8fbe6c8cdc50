package change

import (
	"fmt"

	"linkaudit/internal/host"
	"linkaudit/policy"
)

// LiveChange is what would bring the address of a device that exists in line
// with MACAddressPolicy=none.
type LiveChange struct {
	Device string
	// Was is the present address.
	Was string
	// MAC is the address to set, "" where the present one will do; From the
	// port whose it is.
	MAC, From string
	// Disturbs says why setting it now disturbs traffic, "" if it does not.
	Disturbs string
	// Cannot says why no address is known to set.
	Cannot string
}

// iffUp and iffLowerUp are IFF_UP and IFF_LOWER_UP of include/uapi/linux/if.h.
const (
	iffUp      = 1 << 0
	iffLowerUp = 1 << 16
)

// kernelsAddress works out the address that the kernel would have given the device:
// for a bridge the lowest of its ports' (br_stp_recalculate_bridge_id()), for a
// bond or team that of its first port. Only an address that somebody set is
// another one than the kernel's. Ports of guests, which come and go, are left out:
// lasting are the others.
func kernelsAddress(d *host.Device, lasting []host.Port) LiveChange {
	c := LiveChange{Device: d.Name, Was: d.MAC}
	t, ok := d.AddrAssignType.Get()
	switch {
	case !ok:
		c.Cannot = "its addr_assign_type is not known: " + d.AddrAssignType.Reason()
		return c
	case t != host.AddrSet:
		return c
	case d.Bond.IgnoresAddress():
		c.Cannot = fmt.Sprintf("with fail_over_mac=%s its driver takes no address", d.Bond.FailOverMAC)
		return c
	case len(d.Ports) == 0:
		c.Cannot = "it has no port whose address it could take"
		return c
	}
	switch d.Kind {
	case "bridge":
		p, ok := policy.LowestPort(lasting)
		if !ok {
			c.Cannot = "all of its ports are those of guests, which come and go"
			return c
		}
		c.MAC, c.From = p.MAC, p.Name
	case "bond", "team":
		p := d.Ports[0]
		if len(lasting) > 0 {
			p = lasting[0]
		}
		if p.PermanentMAC == "" {
			c.Cannot = fmt.Sprintf("its first port %s has no permanent address, and carries that of the %s now", p.Name, d.Kind)
			return c
		}
		c.MAC, c.From = p.PermanentMAC, p.Name
	default:
		c.Cannot = fmt.Sprintf("whose address a device of kind %q takes is not known", d.Kind)
		return c
	}
	if c.MAC == d.MAC {
		c.MAC, c.From = "", ""
		return c
	}
	if d.Flags&iffUp != 0 && d.Flags&iffLowerUp != 0 {
		c.Disturbs = fmt.Sprintf("%s is up: its neighbours send to %s until they ask for the address again, and DHCP may give another lease", d.Name, d.MAC)
	}
	return c
}
