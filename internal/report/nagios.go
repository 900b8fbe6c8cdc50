package report

import (
	"fmt"
	"io"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// maxNagiosLines is the maximum number of findings in the long text. Nagios and Icinga
// cut it off after 8 KB, NRPE after 4 KB.
const maxNagiosLines = 20

// writeNagios writes the result of an audit as a monitoring plugin does: a line with
// the state and performance data, then a line for each finding at or above the
// threshold. The state is CRITICAL if one of these is an error, WARNING if there are
// others. Performance data count all findings.
func writeNagios(w io.Writer, res *audit.Result, o Options) error {
	sum := Count(res)
	state := "OK"
	switch {
	case sum.Errors > 0:
		state = "CRITICAL"
	case sum.AtLeast(o.threshold()) > 0:
		state = "WARNING"
	}
	var lines []string
	for i := range res.Devices {
		d := &res.Devices[i]
		for _, f := range shown(d.Findings, o.threshold()) {
			lines = append(lines, nagiosLine(d.Name, f))
		}
	}
	for _, f := range shown(res.Findings, o.threshold()) {
		lines = append(lines, nagiosLine("", f))
	}
	if more := len(lines) - maxNagiosLines; more > 0 {
		lines = append(lines[:maxNagiosLines], fmt.Sprintf("and %d more: linkaudit check shows all", more))
	}

	var b strings.Builder
	fmt.Fprintf(&b, "LINKAUDIT %s - %s | %s\n", state, nagiosText(nagiosSummary(res, sum, o)), perfdata(sum, o.threshold()))
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeNagiosUnknown writes that the audit was not possible.
func writeNagiosUnknown(w io.Writer, why string) error {
	_, err := fmt.Fprintf(w, "LINKAUDIT UNKNOWN - %s\n", nagiosText(why))
	return err
}

// nagiosSummary says what was found, with the device of the most severe finding.
func nagiosSummary(res *audit.Result, sum Summary, o Options) string {
	audited := Number(sum.Devices, "device") + " audited"
	if sum.AtLeast(o.threshold()) == 0 {
		return audited + ", nothing found"
	}
	text := sum.words(o.threshold()) + ", " + audited
	worst, of := audit.Finding{}, ""
	for i := range res.Devices {
		if fs := shown(res.Devices[i].Findings, o.threshold()); len(fs) > 0 && (worst.Rule == "" || fs[0].Severity.Compare(worst.Severity) > 0) {
			worst, of = fs[0], res.Devices[i].Name
		}
	}
	if fs := shown(res.Findings, o.threshold()); len(fs) > 0 && (worst.Rule == "" || fs[0].Severity.Compare(worst.Severity) > 0) {
		worst, of = fs[0], "this host"
	}
	return text + ": " + of + " " + worst.Rule
}

func nagiosLine(device string, f audit.Finding) string {
	line := string(f.Severity) + ": "
	if device != "" && !words.Names(f.Message, device) {
		line += device + ": "
	}
	line += words.Of(f.Message) + " [" + f.Rule + "]"
	if f.File != "" {
		line += " at " + linkfiles.Pos{File: f.File, Line: f.Line}.String()
	}
	return nagiosText(line)
}

// nagiosText is Escape for a plugin's output. In addition it replaces |, which begins
// performance data even in the long text.
func nagiosText(s string) string {
	return strings.ReplaceAll(Escape(s), "|", `\x7c`)
}

// perfdata is the counts with the thresholds that decided the state.
func perfdata(s Summary, threshold audit.Severity) string {
	warn := func(severity audit.Severity) string {
		if severity.AtLeast(threshold) {
			return "0"
		}
		return ""
	}
	return fmt.Sprintf("devices=%d;;;0 errors=%d;;0;0 warnings=%d;%s;;0 infos=%d;%s;;0",
		s.Devices, s.Errors, s.Warnings, warn(audit.Warning), s.Infos, warn(audit.Info))
}
