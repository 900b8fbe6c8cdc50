package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

// audits write a result in the formats for other programs, with fixed times and
// versions.
var audits = map[string]func(io.Writer, *audit.Result) error{
	"prometheus": func(w io.Writer, res *audit.Result) error {
		return writePrometheus(w, res, Options{Build: Build{Version: "v1.2", Revision: "0123456789ab", Go: "go1.26.0"}})
	},
	"nagios": func(w io.Writer, res *audit.Result) error { return writeNagios(w, res, Options{}) },
	"sarif": func(w io.Writer, res *audit.Result) error {
		return writeSARIF(w, res, Options{Build: Build{Version: "v1.2"}, Root: "/"})
	},
	"junit": func(w io.Writer, res *audit.Result) error { return writeJUnit(w, res, Options{}) },
}

// predicted is the Debian 11 bond with predictions.
func predicted() *audit.Result {
	res := debian11()
	res.Snapshot.Taken = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := &res.Devices[0]
	d.Predicted = []audit.Prediction{
		{Event: audit.EventBoot, MAC: fact.Unknown[linkfiles.MAC](fact.Told("a race")), Outcomes: []audit.Outcome{{MAC: d.Device.MAC, Origin: audit.OriginUdev}, {MAC: "08:00:27:e2:37:5f", Origin: audit.OriginPort}}},
		{Event: audit.EventUdevAdd, MAC: fact.Known(d.Device.MAC), Outcomes: []audit.Outcome{{MAC: d.Device.MAC, Origin: audit.OriginUdev}}},
		{Event: audit.EventRecreate, MAC: fact.Unknown[linkfiles.MAC](fact.Told("made up then")), Outcomes: []audit.Outcome{{Origin: audit.OriginKernel}}},
		{Event: audit.EventPortsRejoin, MAC: fact.Unknown[linkfiles.MAC](fact.Told("nobody knows"))},
	}
	res.Findings = []audit.Finding{{Rule: "udevd-unknown", Severity: audit.Info, Message: fact.Told("whether systemd-udevd runs is unknown"), Help: fact.Told("ask as root")}}
	return res
}

func TestFormatsOfTheDebian11Bond(t *testing.T) {
	for name, write := range audits {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b, predicted()); err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/debian11.check."+name, withoutRules(b.Bytes()))
		})
	}
}

// rules matches the rules in SARIF. They change with each new rule, so golden files
// leave them out.
var rules = regexp.MustCompile(`(?s)"rules": \[.*?\n          \]`)

func withoutRules(b []byte) []byte {
	return regexp.MustCompile(`"ruleIndex": \d+`).ReplaceAll(rules.ReplaceAll(b, []byte(`"rules": []`)), []byte(`"ruleIndex": 0`))
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s:\n%s", path, diff)
	}
}

// namedResult is an audit with a name for a subtest.
type namedResult struct {
	name string
	*audit.Result
}

// hostileResults are audits in which all text from outside is hostile.
func hostileResults() []namedResult {
	out := []namedResult{{"all at once", hostile()}, {"nothing", &audit.Result{}}}
	for i, evil := range append(slices.Clone(hostileTexts), strings.Join(hostileTexts, " ")) {
		res := hostile()
		res.Snapshot.System.Hostname = fact.Known(evil)
		d := &res.Devices[0]
		d.Name, d.Kind, d.Device.MAC, d.Device.Name = evil, evil, linkfiles.MAC(evil), evil
		d.LinkFile = fact.Known(&linkfiles.File{Path: "/etc/systemd/network/" + evil})
		d.Policy, d.Origin = fact.Known(evil), fact.Known(evil)
		d.Persistent = fact.Known(host.PersistentMAC{MAC: linkfiles.MAC(evil)})
		d.Predicted = []audit.Prediction{{Event: audit.EventBoot, Outcomes: []audit.Outcome{{MAC: linkfiles.MAC(evil)}}}}
		f := audit.Finding{Rule: evil, Severity: audit.Warning, Message: fact.Told(evil), File: "/etc/" + evil, Line: 3, Help: fact.Told(evil)}
		d.Findings = []audit.Finding{f}
		res.Devices[1].Name = evil + "2"
		res.Findings = []audit.Finding{f, {Rule: evil, Severity: audit.Info, Message: fact.Told(evil)}}
		out = append(out, namedResult{nthText(i, evil), res})
	}
	return out
}

func TestEveryFormatEscapesForTheTerminal(t *testing.T) {
	for name, write := range audits {
		t.Run(name, func(t *testing.T) {
			for _, res := range hostileResults() {
				t.Run(res.name, func(t *testing.T) {
					var b bytes.Buffer
					if err := write(&b, res.Result); err != nil {
						t.Fatal(err)
					}
					for line := range strings.Lines(b.String()) {
						if line = strings.TrimSuffix(line, "\n"); !printable(line) {
							t.Errorf("%q", line)
						}
					}
				})
			}
		})
	}
}

func TestAFormatThatCannotBeWrittenIsAnError(t *testing.T) {
	for name, write := range audits {
		t.Run(name, func(t *testing.T) {
			if err := write(failingWriter{}, debian11()); err == nil {
				t.Error("it returns no error")
			}
		})
	}
	for name, err := range map[string]error{
		"LintSARIF":     writeLintSARIF(failingWriter{}, Lint{}, Options{}),
		"LintJUnit":     writeLintJUnit(failingWriter{}, Lint{}, Options{}),
		"NagiosUnknown": writeNagiosUnknown(failingWriter{}, "x"),
	} {
		t.Run(name, func(t *testing.T) {
			if err == nil {
				t.Error("it returns no error")
			}
		})
	}
}

// metricLine matches a line of Prometheus' text format, strictly by its grammar.
var metricLine = regexp.MustCompile(`^(# HELP linkaudit_[a-z_]+ [^\\]+|# TYPE linkaudit_[a-z_]+ gauge|linkaudit_[a-z_]+(\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)+\})? \d+|# EOF)$`)

func TestEveryMetricIsWellFormedAndUnique(t *testing.T) {
	for _, res := range hostileResults() {
		t.Run(res.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := audits["prometheus"](&b, res.Result); err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n") {
				if !metricLine.MatchString(line) || !utf8.ValidString(line) {
					t.Errorf("%q", line)
				}
				series := line[:strings.LastIndexByte(line, ' ')]
				if seen[series] {
					t.Errorf("duplicate: %s", line)
				}
				seen[series] = true
			}
		})
	}
}

// Prometheus refuses a whole scrape if a series occurs twice.
func TestDevicesHaveDifferentLabels(t *testing.T) {
	names := []string{"a\xff", `a\xff`, `a\\xff`, "a\ufffd", `a\`, `a\\`, "a\x7f", `a\x7f`, `a\u{200b}`, "a\u200b", `\n`, "\x01"}
	seen := map[string]string{}
	for _, name := range names {
		label := deviceLabel(name)
		if other, ok := seen[label]; ok {
			t.Errorf("%q and %q are both %s", name, other, label)
		}
		seen[label] = name
	}
	if got := deviceLabel("bond0.100"); got != "bond0.100" {
		t.Errorf("a name that needs no escapes became %s", got)
	}
}

func TestOneSeriesForTheFindingsOfARule(t *testing.T) {
	f := audit.Finding{Rule: "unknown-key", Severity: audit.Warning, File: "/x.link", Line: 1}
	g := f
	g.Line = 2
	var b bytes.Buffer
	if err := audits["prometheus"](&b, &audit.Result{Findings: []audit.Finding{f, g}}); err != nil {
		t.Fatal(err)
	}
	if want := `linkaudit_findings{device="",rule="unknown-key",severity="warning"} 2` + "\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %s in\n%s", want, b.String())
	}
}

func TestAnUnknownFactHasTheLabelUnknown(t *testing.T) {
	res := debian11()
	d := &res.Devices[0]
	d.LinkFile, d.Policy = fact.Unknown[*linkfiles.File](fact.Told("why")), fact.Absent[string]()
	res.Snapshot.Udev.Running = fact.Unknown[bool](fact.Told("why"))
	var b bytes.Buffer
	if err := audits["prometheus"](&b, res); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`link_file="unknown"`, `policy=""`, `udevd="unknown"`, `linkaudit_device_unknown_facts{device="bond0"} 1`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

// Monitoring systems split a plugin's output at | and line breaks.
var pluginOutput = regexp.MustCompile(`^LINKAUDIT (OK|WARNING|CRITICAL) - [^|\n]+ \| devices=\d+;;;0 errors=\d+;;0;0 warnings=\d+;0?;;0 infos=\d+;0?;;0\n([^|\n]+\n)*$`)

func TestAPluginsOutputIsEscaped(t *testing.T) {
	for _, res := range hostileResults() {
		t.Run(res.name, func(t *testing.T) {
			for _, threshold := range []audit.Severity{"", audit.Info, audit.Error} {
				t.Run(fmt.Sprintf("threshold %q", threshold), func(t *testing.T) {
					var b bytes.Buffer
					if err := writeNagios(&b, res.Result, Options{Threshold: threshold}); err != nil {
						t.Fatal(err)
					}
					if !pluginOutput.MatchString(b.String()) {
						t.Errorf("%q", b.String())
					}
				})
			}
		})
	}
	var b bytes.Buffer
	if err := writeNagiosUnknown(&b, "a|b\nc"); err != nil {
		t.Fatal(err)
	}
	if want := `LINKAUDIT UNKNOWN - a\x7cb\nc` + "\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestThePluginsStateFollowsTheThreshold(t *testing.T) {
	with := func(severities ...audit.Severity) *audit.Result {
		res := &audit.Result{Devices: []audit.DeviceResult{{Name: "bond0"}}}
		for _, s := range severities {
			res.Devices[0].Findings = append(res.Devices[0].Findings, audit.Finding{Rule: "r-" + string(s), Severity: s, Message: fact.Told("m")})
		}
		return res
	}
	for name, c := range map[string]struct {
		res       *audit.Result
		threshold audit.Severity
		want      string
	}{
		"nothing":                             {with(), "", "LINKAUDIT OK - 1 device audited, nothing found | devices=1;;;0 errors=0;;0;0 warnings=0;0;;0 infos=0;;;0\n"},
		"infos do not count":                  {with(audit.Info), "", "LINKAUDIT OK - 1 device audited, nothing found | devices=1;;;0 errors=0;;0;0 warnings=0;0;;0 infos=1;;;0\n"},
		"unless asked for":                    {with(audit.Info), audit.Info, "LINKAUDIT WARNING - 1 info, 1 device audited: bond0 r-info | devices=1;;;0 errors=0;;0;0 warnings=0;0;;0 infos=1;0;;0\ninfo: bond0: m [r-info]\n"},
		"a warning":                           {with(audit.Warning), "", "LINKAUDIT WARNING - 1 warning, 1 device audited: bond0 r-warning | devices=1;;;0 errors=0;;0;0 warnings=1;0;;0 infos=0;;;0\nwarning: bond0: m [r-warning]\n"},
		"a warning when errors are asked for": {with(audit.Warning), audit.Error, "LINKAUDIT OK - 1 device audited, nothing found | devices=1;;;0 errors=0;;0;0 warnings=1;;;0 infos=0;;;0\n"},
		"an error":                            {with(audit.Warning, audit.Error), audit.Error, "LINKAUDIT CRITICAL - 1 error, 1 device audited: bond0 r-error | devices=1;;;0 errors=1;;0;0 warnings=1;;;0 infos=0;;;0\nerror: bond0: m [r-error]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeNagios(&b, c.res, Options{Threshold: c.threshold}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPluginsLongTextIsBounded(t *testing.T) {
	res := &audit.Result{}
	for i := range 1000 {
		res.Findings = append(res.Findings, audit.Finding{Rule: "r", Severity: audit.Warning, Message: fact.Told(fmt.Sprint(i))})
	}
	var b bytes.Buffer
	if err := writeNagios(&b, res, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 22 || !strings.HasSuffix(b.String(), "\nand 980 more: linkaudit check shows all\n") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

type sarifBack struct {
	Runs []struct {
		OriginalURIBaseIDs map[string]struct{ URI string }
		Tool               struct {
			Driver struct{ Rules []struct{ ID string } }
		}
		Results []struct {
			RuleID    string
			RuleIndex int
			Level     string
			Message   struct{ Text string }
			Locations []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI, URIBaseID string }
					Region           struct{ StartLine int }
				}
				LogicalLocations []struct{ Name string }
			}
			PartialFingerprints map[string]string
		}
	}
}

func readSARIF(t *testing.T, write func(io.Writer) error) sarifBack {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	var back sarifBack
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// GitHub refuses a log with a result without a file, and merges results with the same
// fingerprint.
func TestEveryResultHasAFileARuleAndAUniqueFingerprint(t *testing.T) {
	for _, res := range append(hostileResults(), namedResult{"predicted", predicted()}) {
		t.Run(res.name, func(t *testing.T) {
			run := readSARIF(t, func(w io.Writer) error { return audits["sarif"](w, res.Result) }).Runs[0]
			seen := map[string]bool{}
			for _, r := range run.Results {
				if len(r.Locations) != 1 || r.Locations[0].PhysicalLocation.ArtifactLocation.URI == "" {
					t.Errorf("no file: %+v", r)
					continue
				}
				at := r.Locations[0].PhysicalLocation.ArtifactLocation
				if u, err := url.Parse(at.URI); err != nil || u.IsAbs() || u.Fragment != "" || u.RawQuery != "" || strings.HasPrefix(u.Path, "/") || at.URIBaseID != "ROOT" {
					t.Errorf("%q is no relative reference (%v)", at.URI, err)
				}
				if r.RuleIndex >= 0 && run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
					t.Errorf("rule %d is not %s", r.RuleIndex, r.RuleID)
				}
				if strings.Contains(r.Message.Text, "](") {
					t.Errorf("a link in %s", r.Message.Text)
				}
				sum := r.PartialFingerprints["primaryLocationLineHash"]
				if sum == "" || seen[sum] {
					t.Errorf("the fingerprint %q is missing or not its own", sum)
				}
				seen[sum] = true
			}
		})
	}
}

// SARIF 2.1.0, 3.11.5 and 3.11.6: a plain text message may contain links, and arguments
// in braces.
func TestAMessageHasNoLinksAndArguments(t *testing.T) {
	if got, want := sarifText("[x](http://y) {0}").Text, "[x] (http://y) {{0}}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTwoFindingsInOneFileHaveDifferentFingerprints(t *testing.T) {
	f := audit.Finding{Rule: "unknown-key", Severity: audit.Warning, File: "/etc/x.link", Line: 3}
	g := f
	g.Line = 4
	res := &audit.Result{Findings: []audit.Finding{f, g}}
	results := readSARIF(t, func(w io.Writer) error { return audits["sarif"](w, res) }).Runs[0].Results
	if results[0].PartialFingerprints["primaryLocationLineHash"] == results[1].PartialFingerprints["primaryLocationLineHash"] {
		t.Error("they have the same fingerprint")
	}
}

func TestAFingerprintDoesNotDependOnTheLine(t *testing.T) {
	sum := func(line int) string {
		res := &audit.Result{Findings: []audit.Finding{{Rule: "unknown-key", Severity: audit.Warning, File: "/etc/x.link", Line: line}}}
		return readSARIF(t, func(w io.Writer) error { return audits["sarif"](w, res) }).Runs[0].Results[0].PartialFingerprints["primaryLocationLineHash"]
	}
	if sum(3) != sum(30) {
		t.Error("the fingerprint changed")
	}
}

func TestFileLocationsInSARIF(t *testing.T) {
	for name, c := range map[string]struct {
		o          Options
		file, want string
	}{
		"a machine":                             {Options{Root: "/"}, "/etc/x.link", "ROOT etc/x.link"},
		"an image elsewhere":                    {Options{Root: "/mnt/i", SourceRoot: "/src"}, "/etc/x.link", "ROOT etc/x.link"},
		"an image in a working copy":            {Options{Root: "/src/i", SourceRoot: "/src"}, "/etc/x.link", "%SRCROOT% i/etc/x.link"},
		"a file named":                          {Options{SourceRoot: "/src"}, "net/x.link", "%SRCROOT% net/x.link"},
		"a file named with a dot":               {Options{SourceRoot: "/src"}, "./x.link", "%SRCROOT% x.link"},
		"a named file elsewhere":                {Options{SourceRoot: "/src"}, "../x.link", " file:///x.link"},
		"a file named by its absolute path":     {Options{SourceRoot: "/src"}, "/etc/x.link", " file:///etc/x.link"},
		"a directory with the same beginning":   {Options{SourceRoot: "/src"}, "/src2/x.link", " file:///src2/x.link"},
		"without a working directory":           {Options{}, "x.link", " x.link"},
		"names that URIs cannot hold":           {Options{Root: "/"}, "/etc/a b%\xff:?#[.link", "ROOT etc/a%20b%25%FF%3A%3F%23%5B.link"},
		"the same in the first segment":         {Options{Root: "/etc"}, "/a:b.link", "ROOT a%3Ab.link"},
		"a working copy that is the whole tree": {Options{Root: "/i", SourceRoot: "/"}, "/x.link", "%SRCROOT% i/x.link"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newSARIF(c.o).artifact(c.file)
			if got := a.URIBaseID + " " + a.URI; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

type junitBack struct {
	Suites []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Class   string `xml:"classname,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
		SystemOut string `xml:"system-out"`
	} `xml:"testsuite"`
}

func readJUnit(t *testing.T, write func(io.Writer) error) junitBack {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	var back junitBack
	if err := xml.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatalf("%v\n%s", err, b.Bytes())
	}
	return back
}

func TestCountsInJUnit(t *testing.T) {
	for _, res := range append(hostileResults(), namedResult{"predicted", predicted()}) {
		t.Run(res.name, func(t *testing.T) {
			for _, threshold := range []audit.Severity{"", audit.Info, audit.Error} {
				t.Run(fmt.Sprintf("threshold %q", threshold), func(t *testing.T) {
					back := readJUnit(t, func(w io.Writer) error { return writeJUnit(w, res.Result, Options{Threshold: threshold}) })
					if len(back.Suites) != len(res.Devices)+1 {
						t.Errorf("%d suites of %d devices", len(back.Suites), len(res.Devices))
					}
					for _, s := range back.Suites {
						failures := 0
						for _, c := range s.Cases {
							if c.Failure != nil {
								failures++
							}
						}
						if s.Tests != len(s.Cases) || s.Failures != failures {
							t.Errorf("%s says %d tests and %d failures, has %d and %d", s.Name, s.Tests, s.Failures, len(s.Cases), failures)
						}
					}
				})
			}
		})
	}
}

func TestAJUnitTestFailsAtTheThreshold(t *testing.T) {
	f := func(severity audit.Severity, line int) audit.Finding {
		return audit.Finding{Rule: "unknown-key", Severity: severity, Message: fact.Told(fmt.Sprintf("message %d", line)), File: "/etc/x.link", Line: line, Help: fact.Told("")}
	}
	l := Lint{Release: 252, Files: []*linkfiles.File{{Path: "/etc/x.link", DropIns: []string{"/etc/x.link.d/y.conf"}}, {Path: "/etc/good.link"}},
		Findings: []audit.Finding{f(audit.Info, 1), f(audit.Warning, 2), f(audit.Error, 3), {Rule: "unreadable-file", Severity: audit.Warning, File: "/etc/elsewhere"}}}
	s := readJUnit(t, func(w io.Writer) error { return writeLintJUnit(w, l, Options{}) }).Suites[0]
	var got []string
	for _, c := range s.Cases {
		line := c.Name
		if c.Failure != nil {
			line += " failed: " + c.Failure.Message
		}
		got = append(got, line)
	}
	want := []string{"/etc/x.link failed: message 3 (and 1 more finding)", "/etc/x.link.d/y.conf", "/etc/good.link", "/etc/elsewhere failed: "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := "/etc/x.link:3: error: message 3 [unknown-key]\n/etc/x.link:2: warning: message 2 [unknown-key]\n"; s.Cases[0].Failure.Text != want {
		t.Errorf("%q", s.Cases[0].Failure.Text)
	}
	if want := "/etc/x.link:1: info: message 1 [unknown-key]\n"; s.SystemOut != want {
		t.Errorf("%q", s.SystemOut)
	}
}

// Jenkins takes everything before the last dot of a class name as its package.
func TestADotInANameMakesNoPackage(t *testing.T) {
	if got := className("eth0.100"); got != "linkaudit.eth0_100" {
		t.Error(got)
	}
}
