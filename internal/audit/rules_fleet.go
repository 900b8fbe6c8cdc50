package audit

import (
	"slices"
	"strings"

	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

// fleetRules are about several hosts. They have no function here: package fleet
// collects the data and calls the functions below.
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

// Shared is a value that several devices or hosts have.
type Shared struct {
	// Value is the address, or the fingerprint of the machine ID.
	Value string
	// Hosts is the number of hosts with the value. On Outward of them, a device with it
	// reaches the network; on Unsure of them, one may.
	Hosts, Outward, Unsure int
	// Claims are those of the first few hosts.
	Claims []Claim
}

// Claim says that a device of a host has the value.
type Claim struct {
	Host   string `json:"host"`
	Source string `json:"source"`
	Device string `json:"device"`
}

func (c Claim) statement() *linkfiles.Statement {
	return say("claim", "device", c.Device, "host", c.Host, "source", c.Source)
}

// Reach says whether other machines see a device's address.
type Reach int

const (
	// Inside: only guests behind the device can see it.
	Inside Reach = iota
	// Unsure: that depends on what the device is connected to.
	Unsure
	// Outward: it is seen on a network.
	Outward
)

// ReachOf decides by the kind of the device and the ports of a bridge.
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

// vrrp are the prefixes of addresses that routers share on purpose (RFC 9568, section
// 7.3).
var vrrp = []string{"00:00:5e:00:01:", "00:00:5e:00:02:"}

// SharedAddress judges an address that several hosts have.
func SharedAddress(site Site, s Shared) []Finding {
	virtual := slices.ContainsFunc(vrrp, func(prefix string) bool { return strings.HasPrefix(s.Value, prefix) })
	inside := !virtual && s.Outward+s.Unsure <= 1
	f := found{message: say("shared-address", "hosts", s.Hosts, "mac", s.Value, "claims", s.list(), "virtual", virtual, "inside", inside)}
	switch {
	case virtual || inside:
		f.severity = Info
	case s.Outward <= 1:
		f.severity = Warning
	}
	return weigh(nil, site, ruleNamed("shared-address"), []found{f})
}

// SharedMachineID judges a machine ID that several hosts have. The value is its
// fingerprint, because the machine ID itself is confidential (machine-id(5)).
func SharedMachineID(site Site, s Shared) []Finding {
	return weigh(nil, site, ruleNamed("shared-machine-id"), []found{{
		message: say("shared-machine-id", "hosts", s.Hosts, "fingerprint", s.Value[:min(len(s.Value), 12)], "claims", s.list()),
	}})
}

// PolicyDiffers judges the policies of devices with one name and kind on different
// hosts. policies has at least two.
func PolicyDiffers(site Site, name, kind string, policies map[string]Shared) []Finding {
	var all []*linkfiles.Statement
	for _, policy := range []string{"persistent", "random", "none"} {
		if s, ok := policies[policy]; ok {
			all = append(all, say("policy-on-hosts", "policy", policy, "hosts", s.Hosts, "claims", s.list()))
		}
	}
	return weigh(nil, site, ruleNamed("policy-differs"), []found{{
		message: say("policy-differs", "kind", kind, "device", name, "policies", all),
	}})
}

// list names the first few hosts, and says whether there are more.
func (s Shared) list() *linkfiles.Statement {
	all := make([]*linkfiles.Statement, len(s.Claims))
	for i, c := range s.Claims {
		all[i] = c.statement()
	}
	return say("claims", "all", all, "more", s.Hosts > len(all))
}
