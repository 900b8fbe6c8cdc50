package audit

import (
	"path"
	"slices"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// managerRules are about network managers that create the device or set its address.
var managerRules = []Rule{
	{
		Name: "manager-sets-address", Severity: Info,
		device: managerSetsAddress,
	},
	{
		Name: "declared-twice", Severity: Warning,
		device: declaredTwice,
	},
	{
		Name: "declared-port-missing", Severity: Error,
		device: declaredPortMissing,
	},
	{
		Name: "declaration-not-enabled", Severity: Warning,
		host: declarationNotEnabled,
	},
	{
		Name: "declarations-unknown", Severity: Info,
		device: func(s *analysis) []found {
			if !s.Declarations.IsUnknown() {
				return nil
			}
			return unknownFinding(s.Declarations, say("what-is-declared", "device", s.Name))
		},
	},
	{
		Name: "manager-file-unreadable", Severity: Info,
		host: func(a *hostAudit) (all []found) {
			for _, p := range a.snap.DeclarationProblems {
				f := found{message: say("manager-file-unreadable", "program", p.Program, "why", linkfiles.Told(p.Message)), pos: p.Pos}
				if p.Refused {
					f.severity = Warning
				}
				all = append(all, f)
			}
			return all
		},
	},
}

func managerSetsAddress(s *analysis) []found {
	d := FindManager(s.Declarations.Or(nil))
	switch {
	case d == nil:
		return s.managerUnknown()
	case by(*d) == netconf.Networkd && s.networkd().address() != nil:
		return nil // networkd-sets-address reports it
	}
	return []found{s.weighManager(d)}
}

// weighManager sets the severity by consequence. It is an info if a program set the
// address that the device has, because somebody configured it. It is higher if the
// device has another address, or if somebody asks for no address.
func (s *analysis) weighManager(d *netconf.Declaration) found {
	dev, program, sets, against := s.Device, d.Program, addressSentence(*d, s.Name), s.asksForNone()
	f := found{
		cause:   settingOf(d.Address),
		pos:     d.Address.Pos,
		message: say("manager-sets-address", "program", program, "sets", sets),
		help:    say("change-if-not-intended", "setting", settingAt(*d, s.opt.Place)),
	}
	switch {
	case dev != nil && dev.Bond.IgnoresAddress():
		f.message = say("manager-address-ignored-by-bond", "program", program, "sets", sets, "fail_over_mac", dev.Bond.FailOverMAC)
	case dev != nil && d.Address.Way == netconf.WayExplicit && dev.MAC != d.Address.MAC:
		f.severity = Warning
		f.message = say("manager-address-differs", "program", program, "sets", sets, "mac", dev.MAC)
		f.help = say("bring-up-or-correct", "program", by(*d))
	case d.Address.AtCreation && against != nil:
		f.severity = Error
		f.message = say("manager-creates-with-address", "program", program, "sets", sets, "against", against)
	case d.Address.Way == netconf.WayNetworkd && takesPortAddress[s.Kind]:
		f.severity = Warning // as for networkd-sets-address
		if linkfiles.NetDevAddressNone(s.tree.Release) {
			f.remedy, f.help = s.networkdHelp(d)
		}
	case s.setsOther(d.Address.MAC):
		f.severity = Warning
		set, _ := s.file.MACAddress()
		f.message = say("manager-and-file-set-address", "program", program, "sets", sets, "pos", set.Pos, "mac", set.Value)
		f.help = say("remove-one-setting")
	case s.Manager != nil && !s.Manager.Certain && s.Policy.Or("") == "persistent":
		f.message = say("manager-or-udevd-sets-address", "program", program, "sets", sets)
	}
	return f
}

// settingOf is the setting by which a program sets an address, nil for none: networkd
// derives one without a setting.
func settingOf(a netconf.Address) *linkfiles.Statement {
	if a.Key == "" || a.Way == netconf.WayNetworkd {
		return nil
	}
	return say("manager-setting", "key", a.Key)
}

// addressSentence says which address a program sets. It follows the name of the program.
func addressSentence(d netconf.Declaration, name string) *linkfiles.Statement {
	switch a := d.Address; a.Way {
	case netconf.WayExplicit:
		return say("sets-explicit-address-of", "device", name, "mac", a.MAC)
	case netconf.WayNetworkd:
		return say("lets-networkd-derive-address-of", "device", name)
	case netconf.WayPort:
		return say("sets-port-address-of", "device", name, "port", a.Port)
	case netconf.WayPermanent:
		return say("sets-permanent-address-of", "device", name)
	case netconf.WayRandom:
		return say("sets-random-address-of", "device", name)
	default:
		return say("sets-derived-address-of", "device", name)
	}
}

// managerUnknown reports declarations with an unknown effect on the address.
func (s *subject) managerUnknown() (all []found) {
	for _, d := range s.Declarations.Or(nil) {
		if maySetAddress(d) {
			all = append(all, found{
				cause:   settingOf(d.Address),
				pos:     d.Address.Pos,
				message: say("manager-may-set-address", "program", d.Program, "device", s.Name, "why", d.Address.Unknown),
				help:    say("look-at-setting"),
			})
		}
	}
	return all
}

// setsOther reports whether the effective file sets an address other than mac.
func (s *decided) setsOther(mac linkfiles.MAC) bool {
	address, ok := s.macAddress()
	return ok && address != mac
}

// acting are the declarations in use.
func acting(of []netconf.Declaration) (out []netconf.Declaration) {
	for _, d := range of {
		if d.Ignored == "" && (d.Creates || setsAddress(d)) {
			out = append(out, d)
		}
	}
	return out
}

// declaredTwice compares the declarations in use. Those that netplan generated count as
// netplan's own.
func declaredTwice(s *analysis) []found {
	// One file often has several declarations of a program; they count once.
	type source struct {
		program, renderer netconf.Program
		file              string
	}
	seen := map[source]bool{}
	of := slices.DeleteFunc(acting(s.Declarations.Or(nil)), func(d netconf.Declaration) bool {
		from := source{d.Program, d.Renderer, d.Pos.File}
		again := seen[from]
		seen[from] = true
		return again
	})
	for i, a := range of {
		for _, b := range of[i+1:] {
			if a.Program == b.Program || rendered(a, b) || rendered(b, a) {
				continue
			}
			return []found{{
				pos:     b.Pos,
				message: say("declared-twice", "one", a.Program, "other", b.Program, "device", s.Name, "pos", a.Pos, "other_pos", b.Pos),
			}}
		}
	}
	return nil
}

// declaredPortMissing reports each port once, with the first declaration that names it.
func declaredPortMissing(s *analysis) (all []found) {
	for _, m := range s.missingPorts() {
		f := found{
			pos:     m.at,
			message: say("declared-port-missing", "program", m.by, "port", m.name, "device", s.Name),
			help:    say("name-port-as-it-is", "pos", m.at, "port", m.name, "device", s.Name),
		}
		if uplink(s.Device) != "" {
			f.severity = Warning // another port does the work
		}
		all = append(all, f)
	}
	return all
}

// declarationNotEnabled is only an info if the device exists anyway, or another program
// creates it.
func declarationNotEnabled(a *hostAudit) (all []found) {
	declared := a.snap.Declarations.Or(nil)
	there := host.DeviceNames(a.snap.Devices) // existing and declared devices
	for i := range declared {
		if declared[i].Creates && declared[i].Ignored == "" {
			there[declared[i].Device] = true
		}
	}
	for _, d := range declared {
		if !d.Creates || !d.NotEnabled() {
			continue
		}
		f := found{
			pos:     d.Pos,
			message: say("declaration-not-enabled", "file", path.Base(d.Pos.File), "kind", d.Kind, "device", d.Device, "why", d.Ignored),
		}
		if there[d.Device] {
			f.severity = Info
		}
		all = append(all, f)
	}
	return all
}

// missingPort is a declared port that does not exist.
type missingPort struct {
	name string
	by   netconf.Program
	at   linkfiles.Pos
}

// missingPorts are the missing ports of an existing device.
func (s *subject) missingPorts() (all []missingPort) {
	if s.Device == nil || len(s.snap.MissingPorts) == 0 {
		return nil
	}
	named := map[string]bool{}
	for _, d := range s.Declarations.Or(nil) {
		if d.Ignored != "" {
			continue
		}
		for i, name := range d.Ports {
			if _, missing := slices.BinarySearch(s.snap.MissingPorts, name); missing && !named[name] {
				named[name] = true
				all = append(all, missingPort{name, d.Program, d.PortAt(i)})
			}
		}
	}
	return all
}
