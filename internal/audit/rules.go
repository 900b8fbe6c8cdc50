package audit

import (
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

// Rule is one entry of the catalogue. Package words has a sentence about each and what
// to do, docs/rules.md an example and the reason; tests keep them in step.
type Rule struct {
	// Name is stable and in kebab-case.
	Name string
	// Severity is the severity of a finding unless the site says otherwise.
	// A rule may make single findings lighter or heavier; its entry in
	// docs/rules.md says when.
	Severity Severity

	// A rule has one of four: a look at one device, a look at the host, the
	// code of a complaint about a file, or that it is about several hosts.
	device func(*analysis) []found
	host   func(*hostAudit) []found
	code   linkfiles.Code
	fleet  bool
	// looked, where set, says whether an audit of the snapshot can find anything:
	// whether what the rule is about was looked at.
	looked func(*host.Snapshot) bool
	// complaintHelp, where set, is the help that fits one complaint, nil for
	// the rule's own.
	complaintHelp func(linkfiles.Diagnostic) *linkfiles.Statement
}

// Scope is what the findings of a rule are about.
type Scope string

const (
	ScopeDevice Scope = "device"
	ScopeHost   Scope = "host"
	// ScopeFile is a .link file or drop-in: of a device where that has the
	// file, of the host otherwise.
	ScopeFile Scope = "file"
	// ScopeFleet is several hosts: an audit of one cannot find it.
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

// Looked reports whether an audit of the snapshot looked at what the rule is
// about, so that no finding means that there is nothing to find.
func (r Rule) Looked(snap *host.Snapshot) bool {
	return r.looked == nil || snap != nil && r.looked(snap)
}

// found is one finding before the site's configuration has weighed it.
type found struct {
	severity Severity // "" for the rule's own
	message  *linkfiles.Statement
	pos      linkfiles.Pos
	help     *linkfiles.Statement // nil for the rule's own
	remedy   remedy.Command       // the command in help
}

// catalogue is every rule there is. A new rule is added in one of the files
// rules_*.go, and in docs/rules.md.
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
