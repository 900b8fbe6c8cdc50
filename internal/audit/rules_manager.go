package audit

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
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
				f := found{message: fmt.Sprintf("%s: %s", p.Program, p.Message), pos: p.Pos}
				if p.Refused {
					f.severity = Warning
				}
				all = append(all, f)
			}
			return all
		},
	},
}

// managerSetsAddress weighs by what comes of it: a program that gives the device
// the address it carries is as somebody meant it to be; one whose address the
// device has not, or that is there though somebody asks for none, is not.
func managerSetsAddress(s *analysis) []found {
	d := FindManager(s.Declarations.Or(nil))
	switch {
	case d == nil:
		return s.managerUnknown()
	case by(*d) == netconf.Networkd && s.networkd().address() != nil:
		return nil // networkd-sets-address speaks of it
	}
	name, dev := s.Name, s.Device
	f := found{
		pos:     d.Address.Pos,
		message: fmt.Sprintf("%s %s", d.Program, words.Of(giving(*d, name))),
		advice:  say("change-if-not-meant", "setting", settingAt(*d, s.opt.Place)),
	}
	switch {
	case dev != nil && dev.Bond.IgnoresAddress():
		f.message += fmt.Sprintf(", but with fail_over_mac=%s the bond takes none", dev.Bond.FailOverMAC)
	case dev != nil && d.Address.Way == netconf.WayExplicit && dev.MAC != d.Address.MAC:
		f.severity = Warning
		f.message += ", but it carries " + cmp.Or(dev.MAC, "none")
		f.advice = nil
		f.help = fmt.Sprintf("Have %s bring the device up anew, or correct the setting.", by(*d))
	case d.Address.AtCreation && s.asksForNone() != "":
		f.severity = Error
		f.message += " as it creates it: " + s.asksForNone()
	case d.Address.Way == netconf.WayNetworkd && takesPortAddress[s.Kind]:
		f.severity = Warning // as networkd-sets-address does
		if linkfiles.NetDevAddressNone(s.tree.Release) {
			f.remedy, f.advice = s.networkdHelp(d)
		}
	case s.setsOther(d.Address.MAC):
		f.severity = Warning
		set, _ := s.file.MACAddress()
		f.message += fmt.Sprintf(", and %s asks for MACAddress=%s", set.Pos, set.Value)
		f.advice = nil
		f.help = "Have one of the two set the address."
	case s.Manager != nil && !s.Manager.Certain && s.Policy.Or("") == "persistent":
		f.message += ", unless udevd, which MACAddressPolicy=persistent has set one as well, is later"
	}
	return []found{f}
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
		if d.Program != netconf.Networkd && d.Address.Way == netconf.WayUnknown && d.Ignored == "" {
			all = append(all, found{
				pos:     d.Address.Pos,
				message: fmt.Sprintf("whether %s gives %s an address is not known: %s", d.Program, s.Name, d.Address.Unknown),
				help:    "Look at the setting: if it sets one, no .link file changes it.",
			})
		}
	}
	return all
}

// setsOther reports whether the file in force sets another address than mac.
func (s *inForce) setsOther(mac string) bool {
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
				message: fmt.Sprintf("%s and %s both declare %s, at %s and %s", a.Program, b.Program, s.Name, a.Pos, b.Pos),
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
			message: fmt.Sprintf("%s names %s as a port of %s, but no device has that name", m.by, m.name, s.Name),
			help:    fmt.Sprintf("Write the present name of the port at %s (ip link shows the names), or give it the name %s by a .link file; then bring %s up again.", m.at, m.name, s.Name),
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
		if !d.Creates || d.Ignored != netconf.NotEnabled {
			continue
		}
		f := found{
			pos:     d.Pos,
			message: fmt.Sprintf("%s declares %s %s, but %s", path.Base(d.Pos.File), d.Kind, d.Device, d.Ignored),
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
