package audit

import (
	"path"
	"slices"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// managerRules are about other programs that make the device or give it an
// address.
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
			return notKnown(s.Declarations, say("what-is-declared", "device", s.Name))
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
		return nil // networkd-sets-address speaks of it
	}
	return []found{s.weighManager(d)}
}

// weighManager weighs by what comes of it: a program that gives the device the address it
// carries is as somebody meant it to be; one whose address the device has not, or that is
// there though somebody asks for none, is not.
func (s *analysis) weighManager(d *netconf.Declaration) found {
	dev, program, gives, against := s.Device, d.Program, giving(*d, s.Name), s.asksForNone()
	f := found{
		pos:     d.Address.Pos,
		message: say("manager-sets-address", "program", program, "gives", gives),
		help:    say("change-if-not-meant", "setting", settingAt(*d, s.opt.Place)),
	}
	switch {
	case dev != nil && dev.Bond.IgnoresAddress():
		f.message = say("manager-sets-address-in-vain", "program", program, "gives", gives, "fail_over_mac", dev.Bond.FailOverMAC)
	case dev != nil && d.Address.Way == netconf.WayExplicit && dev.MAC != d.Address.MAC:
		f.severity = Warning
		f.message = say("manager-address-not-carried", "program", program, "gives", gives, "mac", dev.MAC)
		f.help = say("bring-up-or-correct", "program", by(*d))
	case d.Address.AtCreation && against != nil:
		f.severity = Error
		f.message = say("manager-creates-with-address", "program", program, "gives", gives, "against", against)
	case d.Address.Way == netconf.WayNetworkd && takesPortAddress[s.Kind]:
		f.severity = Warning // as networkd-sets-address does
		if linkfiles.NetDevAddressNone(s.tree.Release) {
			f.remedy, f.help = s.networkdHelp(d)
		}
	case s.setsOther(d.Address.MAC):
		f.severity = Warning
		set, _ := s.file.MACAddress()
		f.message = say("manager-and-file-set-address", "program", program, "gives", gives, "pos", set.Pos, "mac", set.Value)
		f.help = say("have-one-set-address")
	case s.Manager != nil && !s.Manager.Certain && s.Policy.Or("") == "persistent":
		f.message = say("manager-or-udevd-sets-address", "program", program, "gives", gives)
	}
	return f
}

// giving says which address a program gives a device. It goes on after the name of the
// program.
func giving(d netconf.Declaration, name string) *linkfiles.Statement {
	switch a := d.Address; a.Way {
	case netconf.WayExplicit:
		return say("gives-explicit", "device", name, "mac", a.MAC, "key", a.Key)
	case netconf.WayNetworkd:
		return say("gives-by-networkd", "device", name)
	case netconf.WayPort:
		return say("gives-of-port", "device", name, "port", a.Port, "key", a.Key)
	case netconf.WayPermanent:
		return say("gives-permanent", "device", name, "key", a.Key)
	case netconf.WayRandom:
		return say("gives-made-up", "device", name, "key", a.Key)
	default:
		return say("gives-derived", "device", name, "key", a.Key)
	}
}

// managerUnknown is for declarations of which it cannot be told what they do to
// the address.
func (s *subject) managerUnknown() (all []found) {
	for _, d := range s.Declarations.Or(nil) {
		if maySetAddress(d) {
			all = append(all, found{
				pos:     d.Address.Pos,
				message: say("manager-may-set-address", "program", d.Program, "device", s.Name, "why", d.Address.Unknown),
				help:    say("look-at-setting"),
			})
		}
	}
	return all
}

// setsOther reports whether the file in force sets another address than mac.
func (s *inForce) setsOther(mac linkfiles.MAC) bool {
	address, ok := s.macAddress()
	return ok && address != mac
}

// acting are the declarations that are acted on.
func acting(of []netconf.Declaration) (out []netconf.Declaration) {
	for _, d := range of {
		if d.Ignored == "" && (d.Creates || setsAddress(d)) {
			out = append(out, d)
		}
	}
	return out
}

// declaredTwice compares the declarations that are acted on. What netplan made
// of its own file is not another one.
func declaredTwice(s *analysis) []found {
	// What a file of a program says often is one with respect to the others.
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

// declaredPortMissing names each port once, by the first declaration that does.
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

// declarationNotEnabled weighs little where the device is there all the same, or
// another program creates it.
func declarationNotEnabled(a *hostAudit) (all []found) {
	declared := a.snap.Declarations.Or(nil)
	there := host.DeviceNames(a.snap.Devices) // or it will be
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

// missingPort is a port that is declared and does not exist.
type missingPort struct {
	name string
	by   netconf.Program
	at   linkfiles.Pos
}

// missingPorts are those of a device that exists.
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
