package override

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/linkfiles"
)

// Names that the kernel allows for a device and that do harm where they are not
// quoted: in a comment, a file name or a shell.
var names = []string{"bond0", "br*", "a.b", "..x", "%n", "%2A", `q"`, `back\`, "$(x)", "é", "\xff", "\x1b[2J", "-dash", "linkaudit-sum:"}

func TestAnOverrideIsReadAsItWasWritten(t *testing.T) {
	for _, name := range names {
		for _, target := range []Target{{"bond", name}, {"", name}, {name, ""}} {
			t.Run(fmt.Sprintf("%q", target), func(t *testing.T) {
				o := &Override{
					Path: "/etc/systemd/network/" + FileName(60, target), Target: target,
					Sources:  []Source{{"/usr/lib/systemd/network/" + name + ".link", "00ff"}, {"/run/x.conf", "11"}},
					MadeDirs: []string{"/etc/" + name},
					Body:     "[Match]\nOriginalName=x\n\n[Link]\nMACAddressPolicy=none\n",
				}
				text := o.Text()
				got, ok := Parse(o.Path, text)
				if !ok {
					t.Fatalf("it is not recognized:\n%s", text)
				}
				if diff := cmp.Diff(o, got); diff != "" {
					t.Error(diff)
				}
				if !bytes.Equal(got.Text(), text) {
					t.Error("the text is another one the second time")
				}
				head := strings.TrimSuffix(string(text), o.Body)
				for line := range strings.Lines(head) {
					if !strings.HasPrefix(line, "#") || strings.ContainsFunc(line, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
						t.Errorf("the line %q is no harmless comment", line)
					}
				}
			})
		}
	}
}

func TestEveryEditIsSeen(t *testing.T) {
	o := &Override{Path: "/etc/systemd/network/60-linkaudit-device-bond0.link", Target: Target{"bond", "bond0"}, Body: "[Link]\nMACAddressPolicy=none\n"}
	text := string(o.Text())
	for i := range text {
		edited := text[:i] + "X" + text[i+1:]
		if got, ok := Parse(o.Path, []byte(edited)); ok && !got.Edited {
			t.Errorf("an X at %d is not seen:\n%s", i, edited)
		}
		if got, ok := Parse(o.Path, []byte(text[:i])); ok && !got.Edited {
			t.Errorf("that all from %d on is missing is not seen", i)
		}
	}
}

func TestNoTwoTargetsShareAFileAndNoneLeavesTheDirectory(t *testing.T) {
	seen := map[string]Target{}
	for _, name := range append(names, "kind-bond", "A", "a", "%", "%25") {
		for _, target := range []Target{{"bond", name}, {name, ""}} {
			file := FileName(7, target)
			if other, ok := seen[file]; ok {
				t.Errorf("%q and %q are both in %s", target, other, file)
			}
			seen[file] = target
			if strings.ContainsAny(file, "/\x00\n\\*?[ ") || !strings.HasPrefix(file, "07-linkaudit-") || !OwnName(file) {
				t.Errorf("%q is in %q", target, file)
			}
		}
	}
}

func TestAFileOfSomebodyElseIsNoOverride(t *testing.T) {
	for _, text := range []string{
		"", "#", "[Match]\n", "# linkaudit-target: bond bond0\n", // the mark is never the first line
		"# x\n# linkaudit-target: \"\" \"\"\n", "# x\n# linkaudit-target: bond\n", "# x\n# linkaudit-target: \"bond bond0\n",
		"[Match]\n# linkaudit-target: bond bond0\n",
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			if o, ok := Parse("/x", []byte(text)); ok {
				t.Errorf("it is taken for an override of %q", o.Target)
			}
		})
	}
	// The name alone does not make one, nor does the text under another name.
	text := (&Override{Target: Target{"bond", "bond0"}}).Text()
	store := &linkfiles.Store{Dirs: []linkfiles.Dir{{Path: Dir, Entries: []linkfiles.Entry{
		{Name: "60-linkaudit-device-x.link", Type: linkfiles.TypeRegular, Content: []byte("[Match]\n")},
		{Name: "60-other.link", Type: linkfiles.TypeRegular, Content: text},
		{Name: "60-linkaudit-device-y.link", Type: linkfiles.TypeRegular, Symlink: "/elsewhere", Content: text},
	}}, {Path: "/run/systemd/network", Entries: []linkfiles.Entry{
		{Name: "60-linkaudit-device-bond0.link", Type: linkfiles.TypeRegular, Content: text},
	}}}}
	if found := Find(store); len(found) != 0 {
		t.Errorf("found %+v", found[0])
	}
}

func FuzzParse(f *testing.F) {
	f.Add((&Override{Target: Target{"bond", "bond0"}, Sources: []Source{{"/a b", "00"}}, MadeDirs: []string{"/x"}, Body: "[Link]\n"}).Text())
	f.Add([]byte("# x\n# linkaudit-target: bond \"\\x00\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, ok := Parse("/x", text)
		if !ok {
			return
		}
		again, ok := Parse("/x", o.Text())
		if !ok || again.Edited || again.Target != o.Target {
			t.Errorf("%q became %+v", text, again)
		}
		if !o.Edited && !bytes.HasSuffix(text, []byte(o.Body)) {
			t.Errorf("the body of %q is %q", text, o.Body)
		}
	})
}

func TestACommandForAShellIsTheNameAndNothingElse(t *testing.T) {
	for _, name := range []string{"bond0", "$(id)", "`id`", `"; id; "`, "it's", `a\b`, "x\x1b[2J", "\xff\xfe'\\", "größe", "", "*", "~", "$'x'", "-x", "a b"} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			word := ShellWord(name)
			for i := range len(word) {
				if word[i] < ' ' || word[i] >= 0x7f {
					t.Errorf("%q is not printable", word)
				}
			}
			out, err := exec.Command("bash", "-c", "printf %s "+word).Output()
			if name != "-x" && (err != nil || string(out) != name) {
				t.Errorf("%s is %q, want %q (%v)", word, out, name, err)
			}
		})
	}
}

func TestOwnName(t *testing.T) {
	for name, own := range map[string]bool{
		"60-linkaudit-device-br0.link": true, "07-linkaudit-kind-bond.link": true, DropInName: true,
		"60-linkaudit-device-a-linkaudit-b.link": true, "60-linkaudit-device--.link": true,
		"60-linkaudit-device-.link": false, "60-linkaudit-device.link": false, "6-linkaudit-device-br0.link": false,
		"600-linkaudit-device-br0.link": false, "6x-linkaudit-device-br0.link": false, "60-linkaudit-bond-br0.link": false,
		"60-linkaudit-device-br0.conf": false, "60-linkaudit-device-b/r0.link": false, "60-other-device-br0.link": false, "": false,
	} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			if OwnName(name) != own {
				t.Errorf("OwnName says %v", !own)
			}
		})
	}
}
