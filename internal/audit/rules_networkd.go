package audit

import (
	"cmp"
	"fmt"
	"path"

	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// networkdRules are about what systemd-networkd does to an address.
var networkdRules = []Rule{
	{
		Name: "networkd-sets-address", Severity: Warning,
		device: networkdSetsAddress,
	},
}

func networkdSetsAddress(s *analysis) []found {
	says := s.networkd()
	a := says.address()
	if a == nil {
		return nil
	}
	name := cmp.Or(s.Kind, "device") + " " + s.Name
	f := found{pos: a.Pos, severity: Info}
	mac, _ := s.networkdAddress()
	shown := mac.Or("")
	switch {
	case a.Way == netconf.WayUnknown:
		f.message = fmt.Sprintf("whether systemd-networkd gives %s its address, so that no .link file changes it, is not known: %s", name, a.Unknown)
		f.advice = helpUnknown
		return []found{f}
	case says.sets != nil:
		f.message = fmt.Sprintf("systemd-networkd sets the address of %s to %s", name, shown)
	case a.Way == netconf.WayNetworkd:
		f.message = fmt.Sprintf("systemd-networkd creates %s with an address that it derives from the machine-id", name)
		if shown != "" {
			f.message += " (" + shown + ")"
		}
		f.remedy, f.advice = s.networkdHelp(says.creates)
		if takesPortAddress[s.Kind] {
			f.severity = Warning
		}
	default:
		f.message = fmt.Sprintf("systemd-networkd creates %s with the address %s", name, shown)
	}
	f.message += ", and no .link file changes that"
	if asked := s.asksForNone(); asked != "" {
		f.severity = Error
		f.message += ": " + asked
		f.remedy, f.advice = s.networkdHelp(says.creates)
	}
	return []found{f}
}

// asksForNone says who wants the address left to the kernel, "" where nobody
// does: an override of linkaudit's, or the site.
func (s *inForce) asksForNone() string {
	switch {
	case s.Policy.Or("") == "none" && override.OwnName(path.Base(s.PolicySource.File)):
		return fmt.Sprintf("MACAddressPolicy=none at %s has no effect", s.PolicySource)
	case s.expected == "none":
		return fmt.Sprintf("%s expects none", s.expectedAt)
	}
	return ""
}

// networkdHelp is the remedy that the release has for a device that is created
// with an address; d is nil where a .network file sets it.
func (s *inForce) networkdHelp(d *netconf.Declaration) (Remedy, *linkfiles.Statement) {
	switch {
	case d == nil:
		return Remedy{}, nil
	case !linkfiles.NetDevAddressNone(s.tree.Release):
		return Remedy{}, say("netdev-knows-no-none", "release", s.tree.Release, "file", d.Pos.File)
	}
	return s.fixWith(say("sets-both-none"))
}
