package linkfiles

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// udevSays is what test/capture-values recorded of one real udevd.
type udevSays struct {
	Systemd string              `json:"systemd"`
	Release Release             `json:"release"`
	Lines   map[string][]string `json:"lines"`
	Effects map[string]string   `json:"effects"`
	Wholes  map[string][]string `json:"wholes"`
}

// captures calls f with every recorded udevd.
func captures(t *testing.T, f func(t *testing.T, says udevSays)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "values", "udev-*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var says udevSays
		if err := json.Unmarshal(b, &says); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run("systemd "+says.Systemd, func(t *testing.T) { f(t, says) })
	}
}

// valueCase is one line of testdata/values/cases.link.
type valueCase struct {
	line                string
	section, key, value string // key is "" for a section's header
}

func readValueCases(t *testing.T) []valueCase {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "values", "cases.link"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []valueCase
	section := ""
	for _, l := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		c := valueCase{line: l}
		if strings.HasPrefix(l, "[") {
			section = strings.Trim(l, "[]")
		} else if k, v, ok := strings.Cut(l, "="); ok && !strings.HasPrefix(l, "#") {
			c.key, c.value = k, strings.Trim(v, " \t\n\r")
		}
		c.section = section
		cases = append(cases, c)
	}
	return cases
}

func TestValuesDrawTheComplaintsOfRealUdevs(t *testing.T) {
	cases := readValueCases(t)
	captures(t, func(t *testing.T, says udevSays) {
		compared := 0
		for i, c := range cases {
			got := says.Lines[strconv.Itoa(i+1)]
			want := expectedComplaints(says.Release, c)
			if c.section == "Match" && c.key != "" && KeyKnown(says.Release, c.section, c.key) {
				// The value is the matcher's business.
				if slices.Contains(got, "unknown-key") {
					t.Errorf("line %d: %s= is unknown to udev, known to KeyKnown", i+1, c.key)
				}
				continue
			}
			if !slices.Equal(got, want) {
				t.Errorf("line %d: [%s] %.80q: udev complains %v, we say %v", i+1, c.section, c.line, got, want)
			}
			compared++
		}
		if compared < 7000 {
			t.Errorf("only %d lines compared", compared)
		}
	})
}

// expectedComplaints spells what the code under test says about a line as the
// captures do.
func expectedComplaints(rel Release, c valueCase) []string {
	known := linkSectionKnown(rel, c.section)
	switch {
	case c.key == "" && !known && strings.HasPrefix(c.line, "["):
		return []string{"unknown-section"}
	case c.key == "" || !known:
		return nil
	case !KeyKnown(rel, c.section, c.key):
		return []string{"unknown-key"}
	}
	complaints := checkLinkValue(rel, c.section, c.key, c.value).complaints
	var levels []string
	for _, x := range complaints {
		if x.level == LevelInfo && x.code != CodeDeprecatedKey {
			continue // what udevd does not log
		}
		levels = append(levels, string(x.level))
	}
	return levels
}

func TestAValueIsTakenIgnoredOrResetsAsInRealUdevs(t *testing.T) {
	captures(t, func(t *testing.T, says udevSays) {
		if len(says.Effects) < 200 {
			t.Fatalf("only %d effects recorded", len(says.Effects))
		}
		for line, want := range says.Effects {
			t.Run(strconv.Quote(line), func(t *testing.T) {
				key, value, _ := strings.Cut(line, "=")
				is := checkLinkValue(says.Release, "Link", key, value)
				eff, stored := is.effect, is.stored
				got := map[effect]string{effectIgnored: "ignored", effectTaken: "taken", effectReset: "reset"}[eff]
				if stored == "none" {
					got = "taken as none"
				}
				if got != want {
					t.Errorf("%s by udev, %s by us", want, got)
				}
			})
		}
	})
}

func TestWholeFilesDrawTheComplaintsOfRealUdevs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "values", "wholes", "*.link"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	captures(t, func(t *testing.T, says udevSays) {
		for _, file := range files {
			name := filepath.Base(file)
			t.Run(name, func(t *testing.T) {
				// udev names several lines where one section drops another; the
				// last of them is the one that goes.
				var want []string
				for _, w := range says.Wholes[name] {
					fields := strings.Fields(w)
					if len(fields) > 2 {
						w = fields[0] + " " + fields[len(fields)-1]
					}
					want = append(want, w)
				}
				as := readAssignments(t, file, says.Release)
				var got []string
				for _, a := range as {
					// The capture's files have mode 0644.
					if exposesPassword(says.Release, a.Section, a.Key, a.Value) {
						got = append(got, "warning")
					}
				}
				for _, d := range finishLink(says.Release, as) {
					switch {
					case d.Level == LevelInfo:
					case d.Code == CodeMACAddressIgnored:
						got = append(got, string(d.Level))
					default:
						got = append(got, string(d.Level)+" "+strconv.Itoa(d.Line))
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("udev complains %q, we say %q", want, got)
				}
			})
		}
	})
}

// readAssignments reads a file of this test's own, which has nothing of the
// grammar but headers and assignments.
func readAssignments(t *testing.T, file string, rel Release) []Assignment {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var as []Assignment
	var section string
	var at Pos
	for i, l := range strings.Split(string(b), "\n") {
		pos := Pos{File: filepath.Base(file), Line: i + 1}
		if strings.HasPrefix(l, "[") {
			section, at = strings.Trim(l, "[]"), pos
		} else if k, v, ok := strings.Cut(l, "="); ok && linkSectionKnown(rel, section) {
			as = append(as, Assignment{Section: section, Key: k, Value: v, Pos: pos, SectionPos: at})
		}
	}
	return as
}

// The right sides are what inet_pton(3) and the notation itself say.
func TestAMACAddressIsStoredWithColons(t *testing.T) {
	for value, want := range map[string]string{
		"00:11:22:33:44:55": "00:11:22:33:44:55",
		"AA-bB-0-1-c-DD":    "aa:bb:00:01:0c:dd",
		"0011.2233.4455":    "00:11:22:33:44:55",
		"1.22.333":          "00:01:00:22:03:33",
		"1.2.3.4":           "01:02:03:04",
		"fe80::1":           "fe:80:00:00:00:00:00:00:00:00:00:00:00:00:00:01",
		"::ffff:1.2.3.4":    "00:00:00:00:00:00:00:00:00:00:ff:ff:01:02:03:04",
		"0:1:2:3":           "00:01:02:03",
	} {
		t.Run(value, func(t *testing.T) {
			if got := checkLinkValue(252, "Link", "MACAddress", value).stored; got != want {
				t.Errorf("%s is stored as %q, want %q", value, got, want)
			}
		})
	}
	if eff := checkLinkValue(247, "Link", "MACAddress", "1.2.3.4").effect; eff != effectIgnored {
		t.Error("systemd 247 takes an IPv4 address as MACAddress=")
	}
}

// Each row is a change that the sources of the two releases on its sides
// show, for releases that no capture stands for.
func TestValuesBetweenTheCapturedReleases(t *testing.T) {
	for _, c := range []struct {
		rel        Release
		key, value string
		want       effect
		level      Level // "" where udevd is silent
	}{
		{245, "MTUBytes", "x", effectIgnored, LevelError},
		{246, "MTUBytes", "x", effectIgnored, LevelWarning},
		{251, "MTUBytes", "60", effectIgnored, LevelWarning},
		{252, "MTUBytes", "60", effectTaken, ""},
		{246, "MACAddressPolicy", "", effectIgnored, LevelWarning},
		{247, "MACAddressPolicy", "", effectReset, ""},
		{247, "MACAddress", "", effectIgnored, LevelError},
		{248, "MACAddress", "", effectReset, ""},
		{249, "MACAddress", "::1", effectIgnored, LevelWarning},
		{250, "MACAddress", "::1", effectTaken, ""},
		{247, "Name", "all", effectTaken, ""},
		{248, "Name", "all", effectIgnored, LevelWarning},
		{247, "Name", "0x10", effectTaken, ""},
		{248, "Name", "0x10", effectIgnored, LevelWarning},
		{240, "NamePolicy", "keep", effectReset, LevelError},
		{241, "NamePolicy", "keep", effectTaken, ""},
		{246, "NamePolicy", `\mac`, effectReset, LevelWarning},
		{247, "NamePolicy", `\mac`, effectTaken, ""},
		{247, "NamePolicy", `mac\`, effectIgnored, LevelError},
		{248, "NamePolicy", `mac\`, effectIgnored, LevelWarning},
		{248, "Alias", "uplink", effectReset, ""},
		{251, "Alias", "uplink", effectTaken, ""},
		{248, "WakeOnLan", "phy magic", effectIgnored, LevelWarning},
		{249, "WakeOnLan", "phy magic", effectTaken, ""},
		{248, "AutoNegotiation", "", effectIgnored, LevelWarning},
		{249, "AutoNegotiation", "", effectReset, ""},
		{249, "RxChannels", "max", effectIgnored, LevelWarning},
		{250, "RxChannels", "max", effectTaken, ""},
		{244, "RxChannels", "0b1", effectIgnored, LevelError},
		{245, "RxChannels", "0b1", effectTaken, ""},
		{260, "ReceiveQueues", "4097", effectIgnored, LevelWarning},
		{261, "ReceiveQueues", "4097", effectTaken, ""},
		{250, "RxCoalesceSec", "1\u03bcs", effectIgnored, LevelWarning},
		{251, "RxCoalesceSec", "1\u03bcs", effectTaken, ""},
		{246, "Advertise", "50000basekr_full", effectTaken, ""},
		{247, "Advertise", "50000basekr_full", effectIgnored, LevelWarning},
		{257, "Property", "INTERFACE=x", effectTaken, ""},
		{258, "Property", "INTERFACE=x", effectIgnored, LevelWarning},
		{257, "ReceivePacketSteeringCPUMask", "0 x", effectIgnored, LevelError},
		{258, "ReceivePacketSteeringCPUMask", "0 x", effectTaken, LevelWarning},
	} {
		t.Run(fmt.Sprintf("%d/%s=%s", c.rel, c.key, c.value), func(t *testing.T) {
			is := checkLinkValue(c.rel, "Link", c.key, c.value)
			eff, complaints := is.effect, is.complaints
			var level Level
			for _, x := range complaints {
				if x.level != LevelInfo {
					level = x.level
				}
			}
			if eff != c.want || level != c.level {
				t.Errorf("systemd %d, %s=%s: effect %d, level %q; want %d, %q", c.rel, c.key, c.value, eff, level, c.want, c.level)
			}
		})
	}
}

func TestACommentBehindAValueOfMatchIsNone(t *testing.T) {
	for value, comment := range map[string]string{
		"br1 # the bridge": "# the bridge",
		"br1 ;x":           ";x",
		"br1\t#x":          "#x",
		"# br1":            "# br1",
		"br#1 a;b":         "",
		"br1":              "",
	} {
		t.Run(value, func(t *testing.T) {
			files := Parse(&Store{Dirs: []Dir{{Path: "/etc/systemd/network", Entries: []Entry{{
				Name: "10-a.link", Type: TypeRegular, Mode: 0o644, Content: []byte("[Match]\nOriginalName=" + value + "\n[Link]\nDescription=a # b\n")}}}}}, 252).Files
			var said string
			for _, d := range files[0].Diagnostics {
				if d.Code == CodeCommentInMatch {
					said += d.Message
				}
			}
			if (said != "") != (comment != "") || !strings.Contains(said, comment) || strings.Contains(said, "# b") && comment != "# br1" {
				t.Errorf("%q, want %q", said, comment)
			}
		})
	}
}

// Builds of one release differ in it: so it is told, and the release's newest has its way.
func TestAnMTUThatSomeBuildsRefuse(t *testing.T) {
	for _, c := range []struct {
		rel   Release
		value string
		told  bool
	}{
		{251, "67", true}, {252, "67", true}, {252, "68", false}, {255, "67", true}, {256, "67", false},
	} {
		t.Run(fmt.Sprintf("%d/%s", c.rel, c.value), func(t *testing.T) {
			if complaints := checkLinkValue(c.rel, "Link", "MTUBytes", c.value).complaints; (len(complaints) > 0) != c.told {
				t.Errorf("systemd %d, MTUBytes=%s: %v", c.rel, c.value, complaints)
			}
		})
	}
}

func TestAHighBitRateRejectsTheFileBeforeRelease245(t *testing.T) {
	as := func(values ...string) (out []Assignment) {
		for i, v := range values {
			out = append(out, Assignment{Section: "Link", Key: "BitsPerSecond", Value: v, Pos: Pos{"a.link", i + 1}})
		}
		return out
	}
	for _, c := range []struct {
		rel    Release
		values []string
		want   bool
	}{
		{244, []string{"10G"}, true},
		{245, []string{"10G"}, false},
		{244, []string{"4294967295"}, false},
		{244, []string{"4294967296"}, true},
		{244, []string{"10G", "1G"}, false},
		{244, []string{"10G", "x"}, true},
	} {
		t.Run(fmt.Sprintf("%d/%s", c.rel, strings.Join(c.values, " then ")), func(t *testing.T) {
			if d, got := rejectsFile(c.rel, as(c.values...)); got != c.want || got && d.Line != 1 {
				t.Errorf("%v %v", got, d)
			}
		})
	}
}

func FuzzCheckValue(f *testing.F) {
	f.Add("1K 1", uint8(6))
	f.Add(`A="1 \x20" %T`, uint8(17))
	f.Add("0-3,8", uint8(22))
	f.Fuzz(func(t *testing.T, value string, r uint8) {
		if value = strings.Trim(value, valueSpace); !validUTF8Value(value) {
			return // the grammar lets neither through
		}
		rel := OldestRelease + Release(r)%(NewestRelease-OldestRelease+1)
		for _, row := range keyTable {
			if row.parse == nil {
				continue
			}
			is := checkLinkValue(rel, row.section, row.name, value)
			eff, stored, complaints := is.effect, is.stored, is.complaints
			if eff == effectIgnored && len(complaints) == 0 {
				t.Errorf("systemd %d: %s=%q is ignored without a word", rel, row.name, value)
			}
			if (eff == effectTaken) != (stored != "") {
				t.Errorf("systemd %d: %s=%q: effect %d stores %q", rel, row.name, value, eff, stored)
			}
		}
	})
}
