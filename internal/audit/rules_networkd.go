package audit

import (
	"path"

	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

// networkdRules are about addresses that systemd-networkd sets.
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
	if a.Way == netconf.WayUnknown {
		return []found{{
			severity: Info,
			message:  say("networkd-may-set-address", "device", s.Name, "why", a.Unknown),
			cause:    settingOf(*a),
			pos:      a.Pos,
			help:     helpUnknown,
		}}
	}
	f := found{cause: settingOf(*a), pos: a.Pos, severity: Info}
	set, _ := s.networkdAddress()
	mac, against := set.Or(""), s.asksForNone()
	switch {
	case says.sets != nil:
		f.message = say("networkd-sets-address", "device", s.Name, "mac", mac, "against", against)
	case a.Way == netconf.WayNetworkd:
		f.message = say("networkd-derives-address", "device", s.Name, "mac", mac, "against", against)
		f.remedy, f.help = s.networkdHelp(says.creates)
		if takesPortAddress[s.Kind] {
			f.severity = Warning
		}
	default:
		f.message = say("networkd-creates-with-address", "device", s.Name, "mac", mac, "against", against)
	}
	if against != nil {
		f.severity = Error
		f.remedy, f.help = s.networkdHelp(says.creates)
	}
	return []found{f}
}

// asksForNone says who wants the kernel's address: an override of linkaudit or the
// site; nil if neither does.
func (s *decided) asksForNone() *linkfiles.Statement {
	switch {
	case s.Policy.Or("") == "none" && override.OwnName(path.Base(s.PolicySource.File)):
		return say("policy-none-has-no-effect", "pos", s.PolicySource)
	case s.expected == "none":
		return say("site-expects-none", "pos", s.expectedAt)
	}
	return nil
}

// networkdHelp is the remedy in this release for a device that is created with an
// address; d is nil if a .network file sets the address.
func (s *decided) networkdHelp(d *netconf.Declaration) (remedy.Command, *linkfiles.Statement) {
	switch {
	case d == nil:
		return remedy.Command{}, nil
	case !linkfiles.NetDevAddressNone(s.tree.Release):
		return remedy.Command{}, say("netdev-knows-no-none", "release", s.tree.Release, "file", d.Pos.File)
	}
	return s.fixHelp()
}
