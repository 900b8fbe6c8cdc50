package audit

import (
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

// Rule is one entry of the catalogue. Package words has its sentences and its help,
// docs/rules.md an example and the reason. Tests check that they agree.
type Rule struct {
	// Name is stable and in kebab-case.
	Name string
	// Severity is the default severity of a finding; the site can change it. A rule may
	// raise or lower that of single findings; docs/rules.md says when.
	Severity Severity

	// A rule has one of these: a function for a device, one for the host, the code of a
	// complaint about a file, or fleet for a rule about several hosts.
	device func(*analysis) []found
	host   func(*hostAudit) []found
	code   linkfiles.Code
	fleet  bool
	// looked reports whether the snapshot contains what the rule needs. nil means
	// always.
	looked func(*host.Snapshot) bool
	// complaintHelp is the help for one complaint. If it is nil or returns nil, the
	// rule's own help applies.
	complaintHelp func(linkfiles.Diagnostic) *linkfiles.Statement
}

// Scope is what the findings of a rule are about.
type Scope string

const (
	ScopeDevice Scope = "device"
	ScopeHost   Scope = "host"
	// ScopeFile is a .link file or drop-in. The finding belongs to a device if the file
	// is effective for it, otherwise to the host.
	ScopeFile Scope = "file"
	// ScopeFleet is several hosts; an audit of one host cannot find it.
	ScopeFleet Scope = "fleet"
)

// Scope returns what the findings of the rule are about.
func (r Rule) Scope() Scope {
	switch {
	case r.device != nil:
		return ScopeDevice
	case r.host != nil:
		return ScopeHost
	case r.fleet:
		return ScopeFleet
	}
	return ScopeFile
}

// Looked reports whether the snapshot contains what the rule needs. Only then does the
// absence of findings mean that all is well.
func (r Rule) Looked(snap *host.Snapshot) bool {
	return r.looked == nil || snap != nil && r.looked(snap)
}

// found is one finding without the site's severity.
type found struct {
	severity Severity // "": the rule's
	message  *linkfiles.Statement
	cause    *linkfiles.Statement // the setting at pos, or nil
	pos      linkfiles.Pos
	help     *linkfiles.Statement // nil: the rule's
	remedy   remedy.Command       // the command in help
}

// catalogue is every rule. Add a new rule to one of the files rules_*.go and to
// docs/rules.md.
var catalogue = func() []*Rule {
	var all []*Rule
	for _, group := range [][]Rule{
		deviceRules,
		networkdRules,
		managerRules,
		predictRules,
		guestRules,
		initramfsRules,
		hostRules,
		machineIDRules,
		overrideRules,
		vendorRules,
		fileRules,
		fleetRules,
	} {
		for i := range group {
			all = append(all, &group[i])
		}
	}
	return all
}()

var byCode = func() map[linkfiles.Code]*Rule {
	m := map[linkfiles.Code]*Rule{}
	for _, r := range catalogue {
		if r.code != "" {
			m[r.code] = r
		}
	}
	return m
}()

// Rules returns the catalogue, in the order of docs/rules.md.
func Rules() []Rule {
	out := make([]Rule, len(catalogue))
	for i, r := range catalogue {
		out[i] = *r
	}
	return out
}

// KnownRule reports whether there is a rule of that name.
func KnownRule(name string) bool { return ruleNamed(name) != nil }

func ruleNamed(name string) *Rule {
	for _, r := range catalogue {
		if r.Name == name {
			return r
		}
	}
	return nil
}
