package report

import (
	"encoding/xml"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// The parts of the JUnit format that Ant and Jenkins both support, in the order of
// their schemas.
type (
	junitReport struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		ID         int             `xml:"id,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Time       string          `xml:"time,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		SystemOut  string          `xml:"system-out"`
		SystemErr  string          `xml:"system-err"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes the result of an audit as a JUnit report. It has a suite for each
// device and one for the host, with a test for each rule about devices or the host. So
// a CI server also shows what was fixed. Tests with findings at or above the threshold
// fail; other findings are in the output of the suite.
func writeJUnit(w io.Writer, res *audit.Result, o Options) error {
	var taken time.Time
	if res.Snapshot != nil {
		taken = res.Snapshot.Taken
	}
	j := newJUnit(o, taken)
	facts := newHostJSON(res.Snapshot)
	if facts.Hostname != nil && *facts.Hostname != "" {
		j.hostname = Escape(*facts.Hostname)
	}
	rules := j.rules(res.Snapshot, audit.ScopeDevice)
	for i := range res.Devices {
		d := &res.Devices[i]
		dev := newDeviceJSON(d)
		s := j.suite("linkaudit "+Escape(d.Name),
			"kind", d.Kind, "link_file", orUnknown(dev.LinkFile), "mac_address_policy", orUnknown(dev.MACAddressPolicy),
			"origin", orUnknown(dev.Origin))
		j.tests(s, className(d.Name), rules, d.Findings, ruleOf)
	}
	s := j.suite("linkaudit host", "systemd_version", orUnknown(facts.SystemdVersion), "naming_scheme", orUnknown(facts.NamingScheme))
	j.tests(s, "linkaudit", j.rules(res.Snapshot, audit.ScopeHost, audit.ScopeFile), res.Findings, ruleOf)
	return j.write(w)
}

// writeLintJUnit writes the findings about files as a JUnit report, with a test for
// each .link file and drop-in.
func writeLintJUnit(w io.Writer, l Lint, o Options) error {
	j := newJUnit(o, o.Time)
	s := j.suite("linkaudit lint", "systemd_version", strconv.Itoa(int(l.Release)))
	var names []string
	for _, f := range l.Files {
		names = append(append(names, f.Path), f.DropIns...)
	}
	j.tests(s, "linkaudit.lint", names, l.Findings, func(f audit.Finding) string { return f.File })
	return j.write(w)
}

// junit is an unfinished report.
type junit struct {
	Options
	timestamp, hostname string
	suites              []*junitSuite
}

// newJUnit begins a report with a time. The format has no time zone.
func newJUnit(o Options, at time.Time) *junit {
	return &junit{Options: o, hostname: "localhost", timestamp: at.UTC().Format("2006-01-02T15:04:05")}
}

func (j *junit) suite(name string, properties ...string) *junitSuite {
	s := &junitSuite{Name: name, Package: "linkaudit", ID: len(j.suites), Timestamp: j.timestamp, Hostname: j.hostname, Time: "0"}
	for i := 0; i < len(properties); i += 2 {
		s.Properties = append(s.Properties, junitProperty{properties[i], Escape(properties[i+1])})
	}
	j.suites = append(j.suites, s)
	return s
}

// rules returns the names of the rules with these scopes, except those that are
// switched off or that the audit did not look at.
func (j *junit) rules(snap *host.Snapshot, scopes ...audit.Scope) []string {
	var names []string
	for _, r := range audit.Rules() {
		on := true
		if j.Site != nil {
			_, on = j.Site.Severity(r.Name, r.Severity)
		}
		if on && r.Looked(snap) && slices.Contains(scopes, r.Scope()) {
			names = append(names, r.Name)
		}
	}
	return slices.Clip(names) // each suite appends its own names
}

func ruleOf(f audit.Finding) string { return f.Rule }

// tests adds a test for each name, and for each other name that a finding has.
func (j *junit) tests(s *junitSuite, class string, names []string, findings []audit.Finding, nameOf func(audit.Finding) string) {
	byName := map[string][]audit.Finding{}
	for _, name := range names {
		byName[name] = nil
	}
	for _, f := range findings {
		name := nameOf(f)
		if _, ok := byName[name]; !ok {
			names = append(names, name)
		}
		byName[name] = append(byName[name], f)
	}
	var notes []string
	for _, name := range names {
		c := junitCase{Name: Escape(name), ClassName: class, Time: "0"}
		if name == "" {
			c.Name = "host"
		}
		c.Failure = j.failure(byName[name])
		if c.Failure != nil {
			s.Failures++
		}
		for _, f := range byName[name] {
			if !f.Severity.AtLeast(j.threshold()) {
				notes = append(notes, junitLines(f))
			}
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
	}
	s.SystemOut = strings.Join(notes, "")
}

// failure returns one failure for all findings of a test at or above the threshold,
// because a test can have only one.
func (j *junit) failure(findings []audit.Finding) *junitFailure {
	bad := shown(findings, j.threshold())
	if len(bad) == 0 {
		return nil
	}
	f := &junitFailure{Message: Escape(words.Of(bad[0].Message)), Type: string(bad[0].Severity)}
	if more := len(bad) - 1; more > 0 {
		f.Message += " (and " + Number(more, "more finding") + ")"
	}
	for _, b := range bad {
		f.Text += junitLines(b)
	}
	return f
}

// junitLines is a finding in the form of lint's output.
func junitLines(f audit.Finding) string {
	line := string(f.Severity) + ": " + words.Of(f.Message) + " [" + f.Rule + "]"
	if f.File != "" {
		line = linkfiles.Pos{File: f.File, Line: f.Line}.String() + ": " + line
	}
	line = Escape(line) + "\n"
	if f.Cause != nil {
		line += "    because of " + Escape(words.Of(f.Cause)) + "\n"
	}
	if fix := fixLine(f); fix != "" {
		line += "    " + Escape(fix) + "\n"
	}
	return line
}

// className is the class name of a device's tests. Jenkins takes everything before the
// last dot as a package.
func className(device string) string {
	return "linkaudit." + strings.ReplaceAll(Escape(device), ".", "_")
}

func (j *junit) write(w io.Writer) error {
	report := junitReport{}
	for _, s := range j.suites {
		report.Suites = append(report.Suites, *s)
	}
	out, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte(xml.Header), append(out, '\n')...))
	return err
}
