package words

import (
	"strings"
	"testing"
)

// A summary fits into a line of a table, and help into a line behind "fix:".
func TestRulesAreSaidInALine(t *testing.T) {
	for _, g := range ruleGroups {
		for _, r := range g.rules {
			if n := len(strings.Fields(r.summary)); n > 18 || !strings.HasSuffix(r.summary, ".") || strings.Contains(r.summary, "|") {
				t.Errorf("%s: the summary of %d words is no short sentence: %s", r.name, n, r.summary)
			}
			if first := r.help[:1]; first != strings.ToLower(first) || strings.HasSuffix(r.help, ".") {
				t.Errorf("%s: the help begins with a capital or ends with a full stop: %s", r.name, r.help)
			}
		}
	}
}
