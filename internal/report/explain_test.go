package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

var update = flag.Bool("update", false, "write the expected output of explanations")

// fates is a bond on a host with a file for each fate.
func fates() *audit.Explanation {
	file := func(name, text string) linkfiles.Entry {
		return linkfiles.Entry{Name: name, Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte(text)}
	}
	snap := &host.Snapshot{
		Schema:       host.SnapshotSchema,
		System:       linkfiles.System{Hostname: fact.Known("stage"), MachineID: linkfiles.KnownMachineID([16]byte{1, 0x23}).Confidential()},
		Systemd:      host.Systemd{Release: fact.Known(linkfiles.Release(252))},
		NamingScheme: fact.Known(host.NamingScheme{Name: "v252"}),
		Udev:         host.Udev{Running: fact.Known(true), SetupLinkRule: fact.Known("/usr/lib/udev/rules.d/80-net-setup-link.rules")},
		Declarations: fact.Known([]netconf.Declaration{}),
		Devices: []host.Device{
			{Index: 2, Name: "eth0", ARPHRD: 1, MAC: "02:00:00:00:00:01", PermanentMAC: "02:00:00:00:00:01", Master: "bond0", AddrAssignType: fact.Known(host.AddrPerm)},
			{Index: 4, Name: "bond0", Kind: "bond", ARPHRD: 1, MAC: "02:00:00:00:00:01",
				Ports:          []host.Port{{Name: "eth0", MAC: "02:00:00:00:00:01", PermanentMAC: "02:00:00:00:00:01", OwnMAC: "02:00:00:00:00:01"}, {Name: "eth1", MAC: "02:00:00:00:00:01", PermanentMAC: "02:00:00:00:00:02", OwnMAC: "02:00:00:00:00:02"}},
				Bond:           &host.Bond{Mode: "802.3ad", FailOverMAC: "none"},
				AddrAssignType: fact.Known(host.AddrStolen), NameAssignType: fact.Known(3),
				DevType: fact.Known("bond"), Driver: fact.Known("bonding"),
				UEvent: fact.Known(map[string]string{"DEVTYPE": "bond", "INTERFACE": "bond0"}),
				UdevDB: fact.Known(map[string]string{"ID_NET_LINK_FILE": "/etc/systemd/network/30-bond.link"}),
			}},
		Files: linkfiles.Store{Dirs: []linkfiles.Dir{
			{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{
				{Name: "05-off.link", Type: linkfiles.TypeNull},
				file("10-eth.link", "[Match]\nOriginalName=eth*\n"),
				file("20-here.link", "[Match]\nHost=elsewhere\nKind=bond\n"),
				file("30-bond.link", "[Match]\nKind=bond\nHost=01230000000000000000000000000000\n[Link]\nMACAddressPolicy=persistent\nMTUBytes=1500\nMTUBytes=junk\nWakeOnLanPassword=00:11:22:33:44:55\n"),
				file("40-later.link", "[Match]\nOriginalName=*\n"),
			}, DropIns: []linkfiles.Dir{{Path: "/etc/systemd/network/30-bond.link.d", Entries: []linkfiles.Entry{
				file("50-none.conf", "[Link]\nMACAddressPolicy=none\nAlternativeName=uplink\nMTUBytes=\n"),
			}}}},
			{Path: "/usr/lib/systemd/network", Entries: []linkfiles.Entry{
				file("10-eth.link", "[Match]\nOriginalName=eth*\n"),
				file("99-default.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n"),
			}},
		}},
	}
	return audit.Explain(snap, linkfiles.Parse(&snap.Files, 252), audit.Target{Name: "bond0", Kind: "bond"}, nil, remedy.Place{})
}

// hostileTexts try to end a string, a label or a line of any format, or to send control
// characters to the terminal.
var hostileTexts = []string{
	`a"b`, `a\`, `\`, `\"`, `a\n`, `\N\G`, "a]b", `a"]; n0 -> n9; "`, "a;b", `"--> n0`, "<script>alert(1)</script>", "<br/>", "&lt;&amp;&quot;", "#quot;", "#35;", "%%{init: {}}%%", "%% x",
	"style:x#y;", "classDef x:#y;", "`md`", "**b**", "_i_", "a|b", "{x}", "(x)", "end", "x\x1b[2Jy", "x\ny", "x\r\ny", "\xff\xfe", "\u202egpj", "\u2028", "größer 配列 😀", "a  b", " a ", "\x00", "1. list", "- list", "a'b", "//", "/*", "-->", "~~~", ":::x", "@{shape: x}", "$$x$$",
}

// nthText names a subtest after a hostile text and its number, because the texts are
// hard to type.
func nthText(i int, text string) string { return fmt.Sprintf("%d %+.20q", i, text) }

// namedExplanation is an explanation with a name for a subtest.
type namedExplanation struct {
	name string
	*audit.Explanation
}

func hostileExplanations() []namedExplanation {
	var out []namedExplanation
	for i, evil := range append(slices.Clone(hostileTexts), strings.Join(hostileTexts, " ")) {
		res := hostile()
		d := &res.Devices[0]
		d.Name, d.Kind, d.Device.Name, d.Device.MAC = evil, evil, evil, linkfiles.MAC(evil)
		d.Device.Ports[0].Name, d.Device.Bond.Mode = evil, evil
		d.LinkFile = fact.Known(&linkfiles.File{Path: evil, Name: evil, State: linkfiles.StateActive, DropIns: []string{evil}})
		d.Policy, d.PolicySource = fact.Known(evil), linkfiles.Pos{File: evil, Line: 7}
		d.Origin, d.OriginPort = fact.Known(audit.OriginPort), evil
		pos := linkfiles.Pos{File: evil, Line: 2}
		d.Declarations = fact.Known([]netconf.Declaration{{
			Program: netconf.Program(evil), Renderer: netconf.Program(evil), Device: evil, Kind: evil, Creates: true, Ports: []string{evil}, Pos: pos,
			Address: netconf.Address{Way: netconf.WayUnknown, Key: evil, Port: evil, Unknown: evil, Pos: pos},
		}, {Program: netconf.Program(evil), Ignored: evil, Pos: pos}})
		d.Steps, d.Wins = []audit.Step{{Who: fact.Told(evil), Does: fact.Told(evil), Pos: pos}}, fact.Told(evil)
		d.Predicted = []audit.Prediction{
			{Event: audit.EventBoot, MAC: fact.Unknown[linkfiles.MAC](fact.Told(evil)), Outcomes: []audit.Outcome{{MAC: linkfiles.MAC(evil), Origin: evil, When: fact.Told(evil)}, {Origin: audit.OriginPort, Port: evil, When: fact.Told(evil)}}},
			{Event: audit.EventUdevAdd, MAC: fact.Unknown[linkfiles.MAC](fact.Told(evil))},
			{Event: audit.EventRecreate, MAC: fact.Known(linkfiles.MAC(evil))},
			{Event: audit.EventPortsRejoin, MAC: fact.Absent[linkfiles.MAC]()},
		}
		f, _ := d.LinkFile.Get()
		out = append(out, namedExplanation{nthText(i, evil), &audit.Explanation{
			Result: res, Device: d, Evidence: linkfiles.Told(evil), Fix: remedy.Command{Name: "fix", Target: override.Target{Kind: evil, Name: evil}, Place: remedy.Place{Root: evil, Host: evil}}, Source: f,
			Files: []linkfiles.Verdict{
				{File: &linkfiles.File{Path: evil, Name: evil, State: linkfiles.StateActive}, Fate: linkfiles.FateNoMatch, Reached: true, Reason: fact.Told(evil), Key: evil, Pos: linkfiles.Pos{File: evil, Line: 3}},
				{File: &linkfiles.File{Path: evil, Name: evil, State: linkfiles.StateRejected, Why: evil}, Fate: linkfiles.FateUnused, Reached: true, Reason: fact.Told(evil)},
				{File: f, Fate: linkfiles.FateApplies, Reached: true},
				{File: &linkfiles.File{Path: evil, Name: evil, State: linkfiles.StateActive}, Fate: linkfiles.FateUnknown, Reason: fact.Told(evil), Pos: linkfiles.Pos{File: evil + "x", Line: 3}},
			},
			NotRead: []linkfiles.Diagnostic{{Pos: linkfiles.Pos{File: evil, Line: 1}, Message: evil}},
			Settings: []linkfiles.SettingLine{
				{Assignment: linkfiles.Assignment{Section: "Match", Key: evil, Value: evil, Pos: linkfiles.Pos{File: evil, Line: 1}}, State: linkfiles.SettingEffective},
				{Assignment: linkfiles.Assignment{Section: "Link", Key: evil, Value: evil, Pos: linkfiles.Pos{File: evil, Line: 1}}, State: linkfiles.SettingReset, By: linkfiles.Pos{File: evil, Line: 2}},
			},
		}})
		// The same text with a device about which nothing is known.
		out = append(out, namedExplanation{nthText(i, evil) + ", device unknown", &audit.Explanation{Result: res, Device: &res.Devices[1], Files: out[len(out)-1].Files[:2]}})
	}
	return out
}

// pictured are explanations for pictures.
func pictured() []namedExplanation {
	return append(hostileExplanations(), namedExplanation{"every fate", fates()}, namedExplanation{"many files", manyFiles(1000)})
}

type writer func(io.Writer, *audit.Explanation) error

var formats = map[string]writer{
	"txt":     func(w io.Writer, x *audit.Explanation) error { return writeExplanationText(w, x, Options{}) },
	"json":    func(w io.Writer, x *audit.Explanation) error { return writeExplanationJSON(w, x, Options{}) },
	"dot":     func(w io.Writer, x *audit.Explanation) error { return writeDOT(w, x, Options{}) },
	"mermaid": func(w io.Writer, x *audit.Explanation) error { return writeMermaid(w, x, Options{}) },
}

func explained(t *testing.T, write writer, x *audit.Explanation) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, x); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExplanationOfABondWithAllFates(t *testing.T) {
	for format, write := range formats {
		t.Run(format, func(t *testing.T) {
			got := explained(t, write, fates())
			name := "testdata/fates.explain." + format
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			for _, secret := range []string{"0123000000", "00:11:22:33:44:55"} {
				if strings.Contains(got, secret) {
					t.Errorf("%s is in it:\n%s", secret, got)
				}
			}
		})
	}
}

func TestExplainJSONFollowsItsSchema(t *testing.T) {
	s := schema(t, "explain.schema.json")
	for _, x := range append(hostileExplanations(), namedExplanation{"every fate", fates()}) {
		t.Run(x.name, func(t *testing.T) {
			var b, check bytes.Buffer
			if err := writeExplanationJSON(&b, x.Explanation, Options{}); err != nil {
				t.Fatal(err)
			}
			validate(t, s, b.Bytes())
			if err := writeAuditJSON(&check, &audit.Result{Snapshot: x.Result.Snapshot, Devices: []audit.DeviceResult{*x.Device}}, Options{}); err != nil {
				t.Fatal(err)
			}
			var mine struct{ Device, Host any }
			var checks struct {
				Devices []any
				Host    any
			}
			if err := json.Unmarshal(b.Bytes(), &mine); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(check.Bytes(), &checks); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{checks.Devices[0], checks.Host}, []any{mine.Device, mine.Host}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingInAnExplanationReachesTheTerminalUnescaped(t *testing.T) {
	formats := map[string]writer{"colour": func(w io.Writer, x *audit.Explanation) error {
		var b bytes.Buffer
		err := writeExplanationText(&b, x, Options{Color: true, Width: 40, AllFiles: true})
		io.WriteString(w, sgr.ReplaceAllString(b.String(), ""))
		return err
	}, "txt": formats["txt"], "json": formats["json"], "dot": formats["dot"], "mermaid": formats["mermaid"]}
	for format, write := range formats {
		t.Run(format, func(t *testing.T) {
			for _, x := range hostileExplanations() {
				t.Run(x.name, func(t *testing.T) {
					out := explained(t, write, x.Explanation)
					for _, r := range []string{"\x1b", "\x9b", "\u202e", "\u2028", "\u2066", "\u0085", "\r", "\x00"} {
						if strings.Contains(out, r) {
							t.Errorf("%q in the output:\n%q", r, out)
						}
					}
				})
			}
		})
	}
}

func TestExplanationsAreNoWiderThanThePage(t *testing.T) {
	for _, width := range []int{0, 40, 60} {
		t.Run(fmt.Sprintf("width %d", width), func(t *testing.T) {
			var b bytes.Buffer
			if err := writeExplanationText(&b, fates(), Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.SplitSeq(b.String(), "\n") {
				limit := width
				if width == 0 {
					limit = 80
				}
				// A longer path or address is not broken.
				if n := columns(line); n > limit && !strings.ContainsAny(line, "/:") {
					t.Errorf("%d columns of %d: %s", n, limit, line)
				}
			}
		})
	}
}

func TestManyFilesAreCountedWithoutAllFiles(t *testing.T) {
	x := manyFiles(1000)
	text := explained(t, formats["txt"], x)
	if n := strings.Count(text, "\n"); n > 110 {
		t.Errorf("%d lines", n)
	}
	for _, want := range []string{"0800-x.link: its [Match]", "398 do not match by MACAddress=, 397 do not match by OriginalName=", "not looked at because an earlier", "--all-files shows each file."} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	var all bytes.Buffer
	if err := writeExplanationText(&all, x, Options{AllFiles: true}); err != nil {
		t.Fatal(err)
	}
	for _, v := range x.Files {
		if !strings.Contains(all.String(), v.File.Path) {
			t.Fatalf("no %s with --all-files", v.File.Path)
		}
	}
	if dot := explained(t, formats["dot"], x); strings.Count(dot, "\n") > 60 {
		t.Errorf("the picture is too large:\n%s", dot)
	}
	var doc struct{ Files []any }
	if err := json.Unmarshal([]byte(explained(t, formats["json"], x)), &doc); err != nil || len(doc.Files) != 1000 {
		t.Errorf("%d files in JSON (%v)", len(doc.Files), err)
	}
}

// manyFiles is fates with a tree of n files. The 800th one applies.
func manyFiles(n int) *audit.Explanation {
	snap := fates().Result.Snapshot
	dir := linkfiles.Dir{Path: "/etc/systemd/network"}
	for i := range n {
		match := fmt.Sprintf("MACAddress=06:00:00:00:%02x:%02x", i>>8, i&0xff)
		switch {
		case i == 800:
			match = "Kind=bond"
		case i%2 == 1:
			match = fmt.Sprintf("OriginalName=en%d", i)
		}
		dir.Entries = append(dir.Entries, linkfiles.Entry{Name: fmt.Sprintf("%04d-x.link", i), Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte("[Match]\n" + match + "\n")})
	}
	snap.Files = linkfiles.Store{Dirs: []linkfiles.Dir{dir}}
	return audit.Explain(snap, linkfiles.Parse(&snap.Files, 252), audit.Target{Name: "bond0"}, nil, remedy.Place{})
}

// dotStatement matches a line of the DOT that writeDOT produces.
var dotStatement = regexp.MustCompile(`^(?:digraph linkaudit \{|\}|  charset="UTF-8";|  labelloc=t;|  label=` + dotString + `;|  (?:node|edge) \[[a-z]+="sans-serif"(?:, fontsize=10)?\];|  n\d+ \[label=` + dotString + `, shape=[a-z]+(?:, [a-z]+=(?:[a-z0-9]+|"filled,bold"))*\];|  n\d+ -> n\d+(?: \[(?:label=` + dotString + `)?(?:, )?(?:style=dotted)?\])?;)$`)

const dotString = `"((?:[^"\\]|\\["\\n])*)"`

func TestGraphvizPicturesEscapeHostileTexts(t *testing.T) {
	for _, x := range pictured() {
		t.Run(x.name, func(t *testing.T) {
			out := explained(t, formats["dot"], x.Explanation)
			for line := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
				if !dotStatement.MatchString(line) {
					t.Errorf("no statement of DOT: %s", line)
				}
			}
			unescape := strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, " ", "&amp;", "&")
			if strings.Contains(out, "label=") && !shows(out, regexp.MustCompile("label="+dotString), unescape.Replace, x.Device.Name) {
				t.Errorf("%q is in no label of\n%s", x.Device.Name, out)
			}
		})
	}
}

// mermaidStatement matches a line of the Mermaid that writeMermaid produces.
var mermaidStatement = regexp.MustCompile(`^(?:flowchart TD|  n\d+(?:\[` + mermaidString + `\]|\(\[` + mermaidString + `\]\)|\(` + mermaidString + `\))|  n\d+ (?:-->|-\.->)(?:\|` + mermaidString + `\|)? n\d+|  classDef [a-z]+ [a-z0-9:, -]+|  class n\d+(?:,n\d+)* [a-z]+)$`)

const mermaidString = `"((?:[A-Za-z0-9 ./:=,-]|#[0-9]+;|<br/>)*)"`

// Mermaid's encodeEntities() removes the last ";" from what these match.
var mermaidTrap = regexp.MustCompile(`(?:style|classDef).*:\S*#.*;`)

var mermaidCode = regexp.MustCompile(`#([0-9]+);`)

func decodeMermaid(label string) string {
	return mermaidCode.ReplaceAllStringFunc(strings.ReplaceAll(label, "<br/>", " "), func(c string) string {
		n, _ := strconv.Atoi(c[1 : len(c)-1])
		return string(rune(n))
	})
}

func TestMermaidPicturesEscapeHostileTexts(t *testing.T) {
	for _, x := range pictured() {
		t.Run(x.name, func(t *testing.T) {
			out := explained(t, formats["mermaid"], x.Explanation)
			for line := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
				if !mermaidStatement.MatchString(line) {
					t.Errorf("no statement of Mermaid: %s", line)
				}
				if mermaidTrap.MatchString(line) {
					t.Errorf("Mermaid takes it for a style: %s", line)
				}
			}
			if !shows(out, regexp.MustCompile(mermaidString), decodeMermaid, x.Device.Name) {
				t.Errorf("%q is in no label of\n%s", x.Device.Name, out)
			}
		})
	}
}

// shows reports whether a label in a picture has this text, escaped for people.
func shows(picture string, label *regexp.Regexp, decode func(string) string, text string) bool {
	for _, m := range label.FindAllStringSubmatch(picture, -1) {
		if strings.Contains(decode(m[1]), Escape(text)) {
			return true
		}
	}
	return false
}

func TestAnExplanationThatCannotBeWrittenIsAnError(t *testing.T) {
	for format, write := range formats {
		t.Run(format, func(t *testing.T) {
			if write(failingWriter{}, fates()) == nil {
				t.Error("no error")
			}
		})
	}
}

// FuzzLabels: for any text, a label in a picture is one quoted string with the text
// that a terminal would show.
func FuzzLabels(f *testing.F) {
	for _, s := range hostileTexts {
		f.Add(s)
	}
	dot, mermaid := regexp.MustCompile("^"+dotString+"$"), regexp.MustCompile("^"+mermaidString+"$")
	f.Fuzz(func(t *testing.T, s string) {
		want := strings.Join(fold(Escape(s)), " ")
		if want != Escape(s) {
			t.Fatalf("folded: %q", want)
		}
		m := dot.FindStringSubmatch(dotQuote(s))
		if m == nil || strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, " ", "&amp;", "&").Replace(m[1]) != want {
			t.Errorf("dot: %s", dotQuote(s))
		}
		m = mermaid.FindStringSubmatch(mermaidQuote(s))
		if m == nil || decodeMermaid(m[1]) != want || mermaidTrap.MatchString(mermaidQuote(s)) {
			t.Errorf("mermaid: %s", mermaidQuote(s))
		}
	})
}
