package report

import (
	"linkaudit/internal/audit"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// findingJSON is a finding as programs read it.
type findingJSON struct {
	Rule     string         `json:"rule"`
	Severity audit.Severity `json:"severity"`
	Message  string         `json:"message"`
	File     string         `json:"file"`
	Line     int            `json:"line"`
	Help     string         `json:"help"`
	Remedy   remedy.Command `json:"remedy"`
}

func newFindingJSON(f audit.Finding) findingJSON {
	return findingJSON{f.Rule, f.Severity, words.Of(f.Message), f.File, f.Line, helpOf(f), f.Remedy}
}

// finding is one that was written before, in the words of then.
func (j *findingJSON) finding() *audit.Finding {
	if j == nil {
		return nil
	}
	return &audit.Finding{
		Rule: j.Rule, Severity: j.Severity, Message: linkfiles.Told(j.Message), File: j.File, Line: j.Line,
		Help: linkfiles.Told(j.Help), Remedy: j.Remedy,
	}
}

func findingsJSON(findings []audit.Finding) []findingJSON {
	out := make([]findingJSON, len(findings))
	for i, f := range findings {
		out[i] = newFindingJSON(f)
	}
	return out
}

// helpOf is what to do about a finding: what it says itself, or its rule.
func helpOf(f audit.Finding) string {
	return words.Help(f.Rule, f.Help)
}
