package audit

import (
	"fmt"
	"slices"
	"strings"

	"linkaudit/internal/host"
)

// fleetRules look at several hosts together. They have no code here: package
// fleet gathers what they judge.
var fleetRules = []Rule{
	{
		Name: "shared-address", Severity: Error, fleet: true,
	},
	{
		Name: "shared-machine-id", Severity: Error, fleet: true,
	},
	{
		Name: "policy-differs", Severity: Warning, fleet: true,
	},
}

// Shared is something that devices or hosts have in common.
type Shared struct {
	// Value is the address, or the fingerprint of the machine-id.
	Value string
	// Hosts is how many have it, Outward on how many a device with it
	// reaches the network, and Unsure on how many it may.
	Hosts, Outward, Unsure int
	// Claims are those of the first few hosts.
	Claims []Claim
}

// Claim is that a device of a host has something.
type Claim struct {
	Host   string `json:"host"`
	Source string `json:"source"`
	Device string `json:"device"`
}

func (c Claim) String() string {
	if c.Device == "" {
		return fmt.Sprintf("%s (%s)", c.Host, c.Source)
	}
	return fmt.Sprintf("%s on %s (%s)", c.Device, c.Host, c.Source)
}

// Reach is whether other machines see a device's address.
type Reach int

const (
	// Inside: it is known to the guests behind it at most.
	Inside Reach = iota
	// Unsure: it depends on what the device is plugged into.
	Unsure
	// Outward: it is seen on a network.
	Outward
)

// ReachOf tells it by the kind of the device and by the ports of a bridge.
func ReachOf(d *host.Device) Reach {
	switch d.Kind {
	case "bridge":
		if uplink(d) == "" {
			return Inside
		}
		return Outward
	case "veth", "tun", "dummy":
		return Unsure
	}
	return Outward
}

// vrrp are the addresses that routers share on purpose (RFC 9568, section 7.3).
var vrrp = []string{"00:00:5e:00:01:", "00:00:5e:00:02:"}

// SharedAddress judges an address that several hosts carry.
func SharedAddress(site Site, s Shared) []Finding {
	f := found{message: fmt.Sprintf("%d hosts carry the address %s: %s", s.Hosts, s.Value, s.list())}
	switch {
	case slices.ContainsFunc(vrrp, func(prefix string) bool { return strings.HasPrefix(s.Value, prefix) }):
		f.severity = Info
		f.message += "; it is one of a virtual router (VRRP), which is meant to be shared"
	case s.Outward > 1:
	case s.Outward+s.Unsure > 1:
		f.severity = Warning
	default:
		f.severity = Info
		f.message += "; no device with it leads to a network"
	}
	return weigh(nil, site, ruleNamed("shared-address"), []found{f})
}

// SharedMachineID judges a machine-id that several hosts have. The value is its
// fingerprint: the machine-id itself is confidential (machine-id(5)).
func SharedMachineID(site Site, s Shared) []Finding {
	return weigh(nil, site, ruleNamed("shared-machine-id"), []found{{
		message: fmt.Sprintf("%d hosts have one machine-id (fingerprint %.12s): %s", s.Hosts, s.Value, s.list()),
	}})
}

// PolicyDiffers judges the policies that devices of one name and kind have on
// different hosts; there are at least two.
func PolicyDiffers(site Site, name, kind string, policies map[string]Shared) []Finding {
	var parts []string
	for _, policy := range []string{"persistent", "random", "none"} {
		if s, ok := policies[policy]; ok {
			parts = append(parts, fmt.Sprintf("%s on %d (%s)", policy, s.Hosts, s.list()))
		}
	}
	return weigh(nil, site, ruleNamed("policy-differs"), []found{{
		message: fmt.Sprintf("the policy of %s %s is not the same everywhere: %s", kind, name, strings.Join(parts, ", ")),
	}})
}

// list names the first few, and says that there are more.
func (s Shared) list() string {
	var names []string
	for _, c := range s.Claims {
		names = append(names, c.String())
	}
	if s.Hosts > len(names) {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}
