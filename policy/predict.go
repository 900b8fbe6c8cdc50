package policy

import (
	"linkaudit/fact"
	"linkaudit/host"
)

// afterAdd works out DeviceResult.AfterAdd: what OnAdd says, on a host where
// udevd gets to apply .link files at all.
func (s *subject) afterAdd() fact.Fact[string] {
	udev := s.snap.Udev
	switch {
	case udev.SetupLinkRule.IsUnknown():
		return fact.Unknown[string]("whether a udev rule runs net_setup_link: " + udev.SetupLinkRule.Reason())
	case udev.Running.IsUnknown() && !s.snap.Offline: // an image's udevd runs when the image does
		return fact.Unknown[string]("whether udevd runs: " + udev.Running.Reason())
	case !s.snap.Offline && !s.linkFilesApply(), udev.SetupLinkRule.IsAbsent(), s.decision.File.IsAbsent():
		return s.left()
	case s.decision.File.IsUnknown():
		return fact.Unknown[string]("the file that applies: " + s.decision.File.Reason())
	}
	about, assign := s.addressFacts()
	address, _ := s.macAddress()
	action := OnAdd(s.tree.Release, s.res.Policy.Or(""), address, assign, about, s.res.Persistent)
	switch does, ok := action.Get(); {
	case !ok:
		return fact.Unknown[string](action.Reason())
	case s.res.Device != nil && s.res.Device.Bond.IgnoresAddress():
		return s.left()
	case does.Do == Set:
		return fact.Known(does.MAC)
	case does.Do == SetRandom:
		return fact.Unknown[string]("MACAddressPolicy=random makes up another one")
	}
	return s.left()
}

// addressFacts is what OnAdd has to know of the device. One that is still to
// be created has a random address, as every new device of the kinds in the
// table has (kinds).
func (s *subject) addressFacts() (AddressFacts, fact.Fact[host.AddrAssignType]) {
	if d := s.res.Device; d != nil {
		return AddressFacts{Name: d.Name, ARPHRD: d.ARPHRD, MAC: d.MAC, Loopback: d.Loopback()}, d.AddrAssignType
	}
	about := AddressFacts{Name: s.res.Name, ARPHRD: arphrdEther, MAC: "random"}
	if _, ok := kinds[s.res.Kind]; ok {
		return about, fact.Known(host.AddrRandom)
	}
	return about, fact.Unknown[host.AddrAssignType](noSuchDevice)
}

// left is the address of a device that udevd leaves alone.
func (s *subject) left() fact.Fact[string] {
	if s.res.Device == nil {
		return fact.Unknown[string](noSuchDevice)
	}
	return fact.Text(s.res.Device.MAC)
}
