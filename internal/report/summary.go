package report

import (
	"fmt"
	"strings"

	"linkaudit/internal/audit"
)

// Summary counts the audited devices and the findings.
type Summary struct {
	Devices  int `json:"devices"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
}

// Count counts the devices and all findings of an audit, of any severity.
func Count(res *audit.Result) Summary {
	s := Summary{Devices: len(res.Devices)}
	for i := range res.Devices {
		s.add(res.Devices[i].Findings)
	}
	s.add(res.Findings)
	return s
}

// CountFindings counts findings that belong to no device.
func CountFindings(findings []audit.Finding) Summary {
	var s Summary
	s.add(findings)
	return s
}

func (s *Summary) add(findings []audit.Finding) {
	for _, f := range findings {
		switch f.Severity {
		case audit.Error:
			s.Errors++
		case audit.Warning:
			s.Warnings++
		default:
			s.Infos++
		}
	}
}

func (s Summary) plus(o Summary) Summary {
	return Summary{s.Devices + o.Devices, s.Errors + o.Errors, s.Warnings + o.Warnings, s.Infos + o.Infos}
}

// AtLeast is the number of findings at or above the threshold.
func (s Summary) AtLeast(threshold audit.Severity) int {
	switch threshold {
	case audit.Error:
		return s.Errors
	case audit.Warning:
		return s.Errors + s.Warnings
	}
	return s.Errors + s.Warnings + s.Infos
}

// hiddenBy is the number of findings below the threshold.
func (s Summary) hiddenBy(threshold audit.Severity) int {
	return s.AtLeast(audit.Info) - s.AtLeast(threshold)
}

// words says what was found at or above the threshold, for instance "1 error, 2
// warnings" or "ok".
func (s Summary) words(threshold audit.Severity) string {
	var parts []string
	if s.Errors > 0 {
		parts = append(parts, Number(s.Errors, "error"))
	}
	if s.Warnings > 0 && threshold != audit.Error {
		parts = append(parts, Number(s.Warnings, "warning"))
	}
	if s.Infos > 0 && threshold == audit.Info {
		parts = append(parts, Number(s.Infos, "info"))
	}
	if len(parts) == 0 {
		return "ok"
	}
	return strings.Join(parts, ", ")
}

func (s Summary) worstStyle(threshold audit.Severity) style {
	switch {
	case s.Errors > 0:
		return red
	case s.Warnings > 0 && threshold != audit.Error:
		return yellow
	case s.Infos > 0 && threshold == audit.Info:
		return cyan
	}
	return green
}

// Number is a count with its noun: "1 finding", "2 findings".
func Number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
