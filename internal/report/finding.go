package report

import (
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// findingJSON is the JSON of a finding.
type findingJSON struct {
	Rule     string         `json:"rule"`
	Severity audit.Severity `json:"severity"`
	Message  string         `json:"message"`
	Cause    string         `json:"cause"`
	File     string         `json:"file"`
	Line     int            `json:"line"`
	Help     string         `json:"help"`
	Remedy   remedy.Command `json:"remedy"`
}

func newFindingJSON(f audit.Finding) findingJSON {
	return findingJSON{f.Rule, f.Severity, words.Of(f.Message), words.Of(f.Cause), f.File, f.Line, helpOf(f), f.Remedy}
}

// finding turns the JSON of a finding back into one, with its texts unchanged.
func (j *findingJSON) finding() *audit.Finding {
	if j == nil {
		return nil
	}
	f := &audit.Finding{
		Rule: j.Rule, Severity: j.Severity, Message: linkfiles.Told(j.Message), File: j.File, Line: j.Line,
		Help: linkfiles.Told(j.Help), Remedy: j.Remedy,
	}
	if j.Cause != "" {
		f.Cause = linkfiles.Told(j.Cause)
	}
	return f
}

func findingsJSON(findings []audit.Finding) []findingJSON {
	out := make([]findingJSON, len(findings))
	for i, f := range findings {
		out[i] = newFindingJSON(f)
	}
	return out
}

// causeLine is the second line of a finding: the setting that caused it, and its
// position. It is "" if there is none, or if the message already has the file.
func causeLine(f audit.Finding) string {
	at := ""
	if f.File != "" {
		at = linkfiles.Pos{File: f.File, Line: f.Line}.String()
	}
	switch {
	case f.Cause != nil && at != "":
		return "because of " + words.Of(f.Cause) + ", " + at
	case f.Cause != nil:
		return "because of " + words.Of(f.Cause)
	case at == "":
		return ""
	}
	if message := words.Of(f.Message); strings.Contains(message, at+" ") || strings.HasSuffix(message, at) {
		return ""
	}
	return "at " + at
}

// fixLine is the third line of a finding: what to do.
func fixLine(f audit.Finding) string {
	switch help := helpOf(f); {
	case help == "", strings.HasPrefix(help, "nothing to do"):
		return help
	default:
		return "fix: " + help
	}
}

// helpOf is the help of a finding, or else that of its rule.
func helpOf(f audit.Finding) string {
	return words.Help(f.Rule, f.Help)
}
