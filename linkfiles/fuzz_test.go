package linkfiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// storeOf is a Store with one file and, where it is not empty, one drop-in.
func storeOf(main, dropIn string) *Store {
	file := func(name, text string) Entry {
		return Entry{Name: name, Type: TypeRegular, Mode: 0o644, Size: int64(len(text)), Content: []byte(text)}
	}
	d := Dir{Path: etcDir, Entries: []Entry{file("10-x.link", main)}}
	if dropIn != "" {
		d.DropIns = []Dir{{Path: etcDir + "/10-x.link.d", Entries: []Entry{file("y.conf", dropIn)}}}
	}
	return &Store{Dirs: []Dir{d}}
}

func bridge() *Device {
	return &Device{
		Name: "br0", MAC: Known[MAC]("96:85:c5:ce:a2:4b"), PermMAC: Absent[MAC](),
		Driver: Known("bridge"), Kind: Known("bridge"), Type: Known("bridge"), Path: Absent[string](),
		NameAssignType: Known(3),
		Properties: func(key string) Fact[string] {
			if key == "ID_NET_DRIVER" {
				return Known("bridge")
			}
			return Absent[string]()
		},
	}
}

func testSystem() *System {
	return &System{
		Hostname: Known("host1"), MachineID: KnownMachineID([16]byte{1, 0x23}), BootID: Absent[string](), ProductUUID: Absent[string](),
		Virtualization: Known(Virt{ID: "kvm", VM: true}), KernelCommandLine: Known("quiet root=/dev/sda1 'a b'"),
		KernelRelease: Known("6.1.0-40-cloud-amd64"), Architecture: Known("x86-64"), Credentials: Known([]string{"c1"}),
		Firmware: Known(Firmware{UEFI: true, SMBIOS: map[string]string{"sys_vendor": "QEMU"}}), MachineTags: Known([]string{"web"}),
	}
}

// seeds gives a fuzz target every .link file that the tests have.
func seeds(f *testing.F) []string {
	var out []string
	for _, glob := range []string{"testdata/values/*.link", "../testdata/conformance/*.txtar"} {
		paths, err := filepath.Glob(glob)
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range paths {
			b, err := os.ReadFile(p)
			if err != nil {
				f.Fatal(err)
			}
			if len(b) < 1<<14 {
				out = append(out, string(b))
			}
		}
	}
	return append(out,
		"[Match]\nOriginalName=br*\n[Link]\nMACAddressPolicy=none\n",
		"\xef\xbb\xbf[Match]\r\nKind=bond \\\n# comment\n bridge\n\n[Link]\nMACAddress=02:00:00:00:00:01\nMACAddressPolicy=persistent\n",
		"[Match]\nKernelVersion=>=5.4 !$=6.*\nHost=!host?\nVirtualization=vm\nFirmware=smbios-field(sys_vendor $= Q*)\nProperty=\"A=b c\" \\x41=1\n",
		"[Match\n", "=\n", "[Match]\nOriginalName=[[:alpha:]]*[!0-8]\n", "[X-a]\nb\n[Link]\nName\x00=x\\\n", ".include x\n")
}

// FuzzParse: no text makes any release's reader panic, every complaint names a
// place in the text, and what is taken is a line of it.
func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, "")
		f.Add("[Match]\nOriginalName=*\n", s)
	}
	f.Fuzz(func(t *testing.T, main, dropIn string) {
		store := storeOf(main, dropIn)
		lines := 2 + strings.Count(main, "\n") + strings.Count(main, "\r") + strings.Count(main, "\x00") +
			strings.Count(dropIn, "\n") + strings.Count(dropIn, "\r") + strings.Count(dropIn, "\x00")
		for rel := OldestRelease; rel <= NewestRelease; rel++ {
			tree := Parse(store, rel)
			if len(tree.Files) != 1 {
				t.Fatalf("%d: %d files", rel, len(tree.Files))
			}
			file := tree.Files[0]
			for _, d := range append(tree.Diagnostics, file.Diagnostics...) {
				if d.Line < 0 || d.Line > lines || d.Message == "" || d.File == "" {
					t.Fatalf("%d: diagnostic without a place: %+v", rel, d)
				}
			}
			for _, a := range file.Assignments {
				ends := "\n\x00"
				if rel.quirks().returnEndsLine {
					ends += "\r"
				}
				if a.Line < 1 || a.Line > lines || strings.ContainsAny(a.Value, ends) {
					t.Fatalf("%d: assignment without a line: %+v", rel, a)
				}
			}
			if s, ok := file.MACAddressPolicy(); ok && s.Value != "persistent" && s.Value != "random" && s.Value != "none" {
				t.Fatalf("%d: policy %q", rel, s.Value)
			}
			tree.Needs()
			if dec := tree.For(testSystem()).Decide(bridge()); !dec.File.IsUnknown() && file.State == StateUnknown {
				t.Fatalf("%d: a decision in spite of an unknown file", rel)
			}
		}
	})
}

// FuzzWords: splitting ends, gives no separators outside of quotes, and is
// repeatable from where it stopped.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"a b", `"a b" 'c' d\ e`, `\x41\101\u00e9\U0001F600\s`, `a\`, `"a`, "\t \r\n", `a"b"c'd'`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, syntax := range []wordSyntax{
			plainWords, quotedWords,
			{separators: valueSpace, unquote: true, unescape: true},
			{separators: valueSpace, unquote: true, literal: true},
			{separators: valueSpace, unquote: true, relaxed: true},
		} {
			for _, rel := range []Release{OldestRelease, NewestRelease} {
				rest := s
				for range len(s) + 1 {
					word, next, ok, err := syntax.nextWord(rel, rest)
					if err != nil || !ok {
						break
					}
					if len(next) >= len(rest) {
						t.Fatalf("no progress on %q", rest)
					}
					if !syntax.unquote && !strings.Contains(s, `\`) && (word == "" || strings.ContainsAny(word, valueSpace)) {
						t.Fatalf("word %q of %q", word, s)
					}
					rest = next
				}
			}
		}
	})
}

// FuzzGlob: matching ends, agrees with itself where a pattern has no special
// character, and a star alone fits all.
func FuzzGlob(f *testing.F) {
	f.Add("br[0-9]*", "br0", false)
	f.Add("[[:alpha:][=x=][.-.]]\\*?", "a*b", true)
	f.Add("*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaa", false)
	f.Fuzz(func(t *testing.T, pattern, name string, fold bool) {
		for _, g := range []glob{{fold: fold}, {fold: fold, unclosedFails: true}} {
			got := g.match(pattern, name)
			if !strings.ContainsAny(pattern, `*?[\`) && !fold && got != (pattern == name) {
				t.Fatalf("match(%q, %q) = %v", pattern, name, got)
			}
			if !g.match("*", name) || !g.match(pattern, name) && got {
				t.Fatal("not repeatable")
			}
		}
	})
}

// FuzzVersions: comparing is antisymmetric, and every expression has an end.
func FuzzVersions(f *testing.F) {
	f.Add("6.1.0-40", ">=5.4 <7", "6.1.0-9")
	f.Add("5.10~rc1", "= 5.10", "5.10^1")
	f.Fuzz(func(t *testing.T, a, expr, b string) {
		uapi := func(zeroIsNothing bool) func(a, b string) int {
			return func(a, b string) int { return verscmpUAPI(a, b, zeroIsNothing) }
		}
		for _, cmp := range []func(a, b string) int{verscmp, uapi(true), uapi(false)} {
			if x, y := cmp(a, b), cmp(b, a); (x > 0) != (y < 0) || (x == 0) != (y == 0) {
				t.Fatalf("compare(%q, %q) = %d and %d", a, b, x, y)
			}
		}
		for rel := OldestRelease; rel <= NewestRelease; rel++ {
			q := rel.quirks()
			_, _ = versionMatches(rel, &q, expr, a)
		}
	})
}
