package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

const defaultLink = "/usr/lib/systemd/network/99-default.link"

// about is a statement in its own words, which names the device.
func about(device, text string) *linkfiles.Statement {
	told := fact.Told(text)
	told.Details = []linkfiles.Detail{{Name: "device", Value: device}}
	return told
}

// debian11 is the audit of a bond on Debian 11 right after boot.
func debian11() *audit.Result {
	snap := &host.Snapshot{
		Schema:       host.SnapshotSchema,
		System:       linkfiles.System{Hostname: fact.Known("bullseye")},
		Systemd:      host.Systemd{Release: fact.Known(linkfiles.Release(247))},
		NamingScheme: fact.Known(host.NamingScheme{Name: "v247", Source: "default of the release"}),
		Udev:         host.Udev{Running: fact.Known(true)},
		Devices: []host.Device{{
			Index: 3, Name: "bond0", Kind: "bond", MAC: "42:e2:89:5b:6d:de",
			Ports:          []host.Port{{Name: "enp0s8", MAC: "42:e2:89:5b:6d:de", PermanentMAC: "08:00:27:e2:37:5f"}},
			Bond:           &host.Bond{Mode: "active-backup", FailOverMAC: "none"},
			AddrAssignType: fact.Known(host.AddrSet),
		}},
	}
	return &audit.Result{
		Snapshot: snap,
		Devices: []audit.DeviceResult{{
			Name: "bond0", Kind: "bond", Present: true, Device: &snap.Devices[0],
			LinkFile:     fact.Known(&linkfiles.File{Name: "99-default.link", Path: defaultLink}),
			Policy:       fact.Known("persistent"),
			PolicySource: linkfiles.Pos{File: defaultLink, Line: 16},
			Declarations: fact.Known([]netconf.Declaration{}),
			Applied:      fact.Known(defaultLink),
			Persistent:   fact.Known(host.PersistentMAC{MAC: "42:e2:89:5b:6d:de", Property: "INTERFACE", Name: "bond0"}),
			Provenance:   audit.Provenance{Origin: fact.Known("udev-persistent")},
			Findings: []audit.Finding{
				{Rule: "address-set-by-udev", Severity: audit.Info, Message: fact.Told("udev derived the address"), Help: fact.Told("")},
				{Rule: "policy-overrides-ports", Severity: audit.Warning,
					Message: about("bond0", "bond0 has a MAC address made up by udev, not that of its port"),
					Cause:   fact.Told("MACAddressPolicy=persistent"),
					File:    defaultLink, Line: 16,
					Help: fact.Told("set MACAddressPolicy=none in a .link file that sorts before 99-default.link and matches bond0")},
			},
		}},
	}
}

// hostile is an audit in which all text from outside tries to send control characters
// to the terminal.
func hostile() *audit.Result {
	evil := "\x1b[2Jx\x9b\xff\u202e\r\n\u2066\u0085y"
	dev := &host.Device{Name: evil, Kind: evil, MAC: linkfiles.MAC(evil), PermanentMAC: linkfiles.MAC(evil + "p"), Master: evil,
		Ports: []host.Port{{Name: evil, MAC: linkfiles.MAC(evil), PermanentMAC: linkfiles.MAC(evil + "p")}}, Bond: &host.Bond{Mode: evil, FailOverMAC: evil},
		AddrAssignType: fact.Unknown[host.AddrAssignType](fact.Told(evil))}
	finding := audit.Finding{Rule: evil, Severity: audit.Error, Message: fact.Told(evil), File: "/etc/a b/" + evil, Line: 3, Help: fact.Told(evil)}
	return &audit.Result{
		Snapshot: &host.Snapshot{System: linkfiles.System{Hostname: fact.Known(evil)}},
		Devices: []audit.DeviceResult{
			{Name: evil, Kind: evil, Present: true, Device: dev,
				LinkFile:     fact.Known(&linkfiles.File{Path: evil, DropIns: []string{evil}}),
				Policy:       fact.Known(evil),
				PolicySource: linkfiles.Pos{File: evil, Line: 1},
				Applied:      fact.Known(evil + "other"),
				Persistent:   fact.Known(host.PersistentMAC{MAC: linkfiles.MAC(evil), Name: evil}),
				Provenance:   audit.Provenance{Origin: fact.Known(evil)},
				Findings:     []audit.Finding{finding}},
			{Name: evil, Kind: evil,
				LinkFile: fact.Unknown[*linkfiles.File](fact.Told(evil)), Policy: fact.Unknown[string](fact.Told(evil)),
				Applied: fact.Unknown[string](fact.Told(evil)), Persistent: fact.Unknown[host.PersistentMAC](fact.Told(evil)),
				Provenance: audit.Provenance{Origin: fact.Unknown[string](fact.Told(evil))}},
		},
		Findings: []audit.Finding{finding},
	}
}

func render(t *testing.T, res *audit.Result, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := writeAuditText(&b, res, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextReportOfTheDebian11Bond(t *testing.T) {
	want := `bond0 (bond): 1 warning
  warning: bond0 has a MAC address made up by udev, not that of its port
    [policy-overrides-ports]
    because of MACAddressPolicy=persistent,
      /usr/lib/systemd/network/99-default.link:16
    fix: set MACAddressPolicy=none in a .link file that sorts before
      99-default.link and matches bond0

  .link file /usr/lib/systemd/network/99-default.link
  policy     persistent at /usr/lib/systemd/network/99-default.link:16
  address    42:e2:89:5b:6d:de, set by udev, addr_assign_type 3 (set)
  bond       mode active-backup, fail_over_mac none
  ports      enp0s8 42:e2:89:5b:6d:de (permanent 08:00:27:e2:37:5f)
  applied    this .link file (udev database)

1 device audited: 1 warning.
1 info not shown; --severity info shows all.
`
	if diff := cmp.Diff(want, render(t, debian11(), Options{})); diff != "" {
		t.Error(diff)
	}
}

func TestQuietIsOneLineForEachFinding(t *testing.T) {
	want := defaultLink + `:16: warning: bond0: bond0 has a MAC address made up by udev, not that of its port [policy-overrides-ports]
`
	if diff := cmp.Diff(want, render(t, debian11(), Options{Quiet: true})); diff != "" {
		t.Error(diff)
	}
	if got := render(t, debian11(), Options{Quiet: true, Threshold: audit.Error}); got != "" {
		t.Errorf("above the threshold there is nothing, but got %q", got)
	}
}

func TestNothingToAuditPointsToTheExample(t *testing.T) {
	want := `Nothing to audit: no bond, bridge or team here. To see an example:
  linkaudit example
`
	res := &audit.Result{Snapshot: &host.Snapshot{}}
	if diff := cmp.Diff(want, render(t, res, Options{Selection: "bond, bridge or team"})); diff != "" {
		t.Error(diff)
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]+m")

func TestColourAddsNothingButSGRSequences(t *testing.T) {
	colour := render(t, debian11(), Options{Color: true})
	if !sgr.MatchString(colour) {
		t.Error("no colour")
	}
	if diff := cmp.Diff(render(t, debian11(), Options{}), sgr.ReplaceAllString(colour, "")); diff != "" {
		t.Error(diff)
	}
}

func TestNothingFromOutsideReachesTheTerminalUnescaped(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "quiet": {Quiet: true}, "colour": {Color: true}, "infos too": {Threshold: audit.Info}} {
		t.Run(name, func(t *testing.T) {
			out := sgr.ReplaceAllString(render(t, hostile(), o), "")
			for _, r := range []string{"\x1b", "\x9b", "\xff", "\u202e", "\u2066", "\u0085", "\r", "\x00"} {
				if strings.Contains(out, r) {
					t.Errorf("%q in the output:\n%q", r, out)
				}
			}
		})
	}
	var b bytes.Buffer
	if err := writeAuditJSON(&b, hostile(), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{"\x1b", "\u202e", "\u2066", "\u0085", "\r"} {
		if strings.Contains(b.String(), r) {
			t.Errorf("%q in the JSON", r)
		}
	}
	var back struct{ Devices []struct{ Name string } }
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	// JSON cannot have bytes that are not UTF-8; they become U+FFFD.
	if want := "\x1b[2Jx\ufffd\ufffd\u202e\r\n\u2066\u0085y"; back.Devices[0].Name != want {
		t.Errorf("the name came back as %q", back.Devices[0].Name)
	}
}

func TestLinesHaveAtMost80ColumnsUnlessAWordIsLonger(t *testing.T) {
	res := debian11()
	res.Devices[0].Findings[1].Message = fact.Told(strings.Repeat("配列 word ", 60))
	for i := range 40 {
		res.Devices[0].Device.Ports = append(res.Devices[0].Device.Ports, host.Port{Name: "eth" + strings.Repeat("x", i%12), MAC: "02:00:00:00:00:01"})
	}
	for line := range strings.SplitSeq(render(t, res, Options{}), "\n") {
		if n := columns(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestEscape(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain text stays":                      {"bond0 is Ok, größer 配列", "bond0 is Ok, größer 配列"},
		"a backslash stays":                     {`foo\x2dbar.link`, `foo\x2dbar.link`},
		"a terminal sequence is shown":          {"\x1b[31m", `\x1b[31m`},
		"a line break stays on the line":        {"a\nb\r\tc", `a\nb\r\tc`},
		"DEL and C1 are control characters":     {"\x7f\u009b", `\x7f\u{009b}`},
		"a byte that is not UTF-8 is shown":     {"a\xff\xc3", `a\xff\xc3`},
		"a real U+FFFD stays":                   {"\ufffd", "\ufffd"},
		"bidirectional overrides are shown":     {"\u202egpj\u2069", `\u{202e}gpj\u{2069}`},
		"invisible characters are shown":        {"a\u200bb\ufeff", `a\u{200b}b\u{feff}`},
		"spaces other than U+0020 are shown":    {"a\u00a0b\u2028", `a\u{00a0}b\u{2028}`},
		"characters beyond the BMP have no \\u": {"\U000e0041", `\u{e0041}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Escape(c.in); got != c.want {
				t.Errorf("Escape(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestPathsWithSpacesAreQuotedAndNotBroken(t *testing.T) {
	p := Options{}.newPrinter()
	p.para("", 2, text(strings.Repeat("x", 70)+" "+word("/etc/my dir/a b.link")))
	want := strings.Repeat("x", 70) + "\n  \"/etc/my dir/a b.link\"\n"
	if diff := cmp.Diff(want, p.buf.String()); diff != "" {
		t.Error(diff)
	}
}

func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "schema", name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, doc []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%#v\n%s", err, doc)
	}
}

func TestCheckJSONFollowsItsSchema(t *testing.T) {
	s := schema(t, "check.schema.json")
	offline := debian11()
	offline.Snapshot.Offline = true
	offline.Snapshot.Systemd.Release = fact.Unknown[linkfiles.Release](fact.Told("no udevadm"))
	offline.Devices = []audit.DeviceResult{{Name: "bond7", Kind: "bond", LinkFile: fact.Absent[*linkfiles.File](), Policy: fact.Absent[string]()}}
	for name, res := range map[string]*audit.Result{
		"a host with a bond":               debian11(),
		"a device that does not exist yet": offline,
		"everything unknown or hostile":    hostile(),
		"nothing at all":                   {},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeAuditJSON(&b, res, Options{}); err != nil {
				t.Fatal(err)
			}
			validate(t, s, b.Bytes())
		})
	}
}

func TestCheckJSONOfTheDebian11Bond(t *testing.T) {
	var b bytes.Buffer
	if err := writeAuditJSON(&b, debian11(), Options{}); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/debian11.check.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/debian11.check.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

// Devices are encoded one at a time, but the text is that of one value.
func TestCheckJSONIsFormattedAsOneValue(t *testing.T) {
	for _, devices := range []int{0, 1, 3, 100} { // 100 are written in pieces
		t.Run(fmt.Sprintf("%d devices", devices), func(t *testing.T) {
			res := hostile()
			res.Snapshot.System.Hostname = fact.Known(`"devices": []`)
			one := res.Devices[0]
			res.Devices = nil
			for range devices {
				res.Devices = append(res.Devices, one)
			}
			var many, line, want bytes.Buffer
			if err := writeAuditJSON(&many, res, Options{}); err != nil {
				t.Fatal(err)
			}
			if err := json.Indent(&want, many.Bytes(), "", "  "); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), many.String()); diff != "" {
				t.Errorf("the text is not indented as encoding/json does it:\n%s", diff)
			}
			if err := writeCheckJSON(&line, res, "a", onOneLine); err != nil {
				t.Fatal(err)
			}
			want.Reset()
			if err := json.Compact(&want, line.Bytes()); err != nil {
				t.Fatal(err)
			}
			if want.String()+"\n" != line.String() {
				t.Errorf("the line is not as compact as encoding/json makes it:\n%s", &line)
			}
			var got struct{ Devices []any }
			if err := json.Unmarshal(many.Bytes(), &got); err != nil || len(got.Devices) != devices {
				t.Errorf("%d devices in the text, %v", len(got.Devices), err)
			}
		})
	}
}

func TestLintFollowsItsSchemaAndBeginsWithThePosition(t *testing.T) {
	l := Lint{
		Release: 247,
		Files:   []*linkfiles.File{{Path: "/etc/systemd/network/10-bond.link", State: linkfiles.StateMatchEmpty, Why: "nothing valid in [Match]"}},
		Findings: []audit.Finding{{Rule: "match-empty", Severity: audit.Error, File: "/etc/systemd/network/10-bond.link", Line: 2,
			Message: fact.Told("systemd 247 does not know Kind=, so [Match] is empty and udev ignores the file"),
			Help:    fact.Told("use Driver=bonding, which every release knows")}},
	}
	var b bytes.Buffer
	if err := writeLintJSON(&b, l, Options{}); err != nil {
		t.Fatal(err)
	}
	s := schema(t, "lint.schema.json")
	validate(t, s, b.Bytes())
	b.Reset()
	if err := writeLintJSON(&b, Lint{Release: 262}, Options{}); err != nil {
		t.Fatal(err)
	}
	validate(t, s, b.Bytes())

	b.Reset()
	if err := writeLintText(&b, l, Options{}); err != nil {
		t.Fatal(err)
	}
	want := `/etc/systemd/network/10-bond.link:2: error: systemd 247 does not know Kind=, so
    [Match] is empty and udev ignores the file [match-empty]
    fix: use Driver=bonding, which every release knows

1 .link file read as systemd 247 does: 1 error.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSnapshotsFollowTheirSchema(t *testing.T) {
	s := schema(t, "snapshot.schema.json")
	example, err := os.ReadFile("../../cmd/linkaudit/example.json")
	if err != nil {
		t.Fatal(err)
	}
	empty, err := json.Marshal(host.Snapshot{Schema: host.SnapshotSchema, Taken: time.Unix(0, 0), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string][]byte{"the bundled example": example, "one in which nothing is known": empty} {
		t.Run(name, func(t *testing.T) { validate(t, s, doc) })
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestAnOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := writeAuditText(failingWriter{}, debian11(), Options{}); err == nil {
		t.Error("text returns no error")
	}
	if err := writeAuditJSON(failingWriter{}, debian11(), Options{}); err == nil {
		t.Error("JSON returns no error")
	}
}
