package policy

import "linkaudit/linkfiles"

// Rule is one entry of the catalogue. docs/rules.md has an example, the reason
// and the remedy for each; a test keeps the two in step.
type Rule struct {
	// Name is stable and in kebab-case.
	Name string
	// Severity is the severity of a finding unless the site says otherwise.
	// A rule may make single findings lighter or heavier; its entry in
	// docs/rules.md says when.
	Severity Severity
	// Summary says in one line what the rule finds.
	Summary string
	// Help says what to do, in one sentence.
	Help string

	// A rule has one of three: a look at one device, a look at the host, or
	// the code of a complaint about a file.
	device func(*subject) []found
	host   func(*audit) []found
	code   linkfiles.Code
	// complaintHelp, where set, is the help that fits one complaint, "" for
	// Help.
	complaintHelp func(linkfiles.Diagnostic) string
}

// found is one finding before the site's configuration has weighed it.
type found struct {
	severity Severity // "" for the rule's own
	message  string
	pos      linkfiles.Pos
	help     string // "" for the rule's own
}

// catalogue is every rule there is. A new rule is added here, in
// rules_device.go, rules_predict.go, rules_host.go, rules_override.go or rules_file.go, and in
// docs/rules.md.
var catalogue = func() []*Rule {
	var all []*Rule
	for _, group := range [][]Rule{deviceRules, predictRules, hostRules, overrideRules, fileRules} {
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
func KnownRule(name string) bool {
	for _, r := range catalogue {
		if r.Name == name {
			return true
		}
	}
	return false
}
