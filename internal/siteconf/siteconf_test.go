package siteconf

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"linkaudit/internal/audit"
)

// tree writes files below a fresh root.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestNoFilesMeanNoExpectation(t *testing.T) {
	c, err := Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if p, ignore, at := c.Expect("bond0", "bond"); p != "" || ignore || at.File != "" {
		t.Errorf("got %q %v %v", p, ignore, at)
	}
	if s, on := c.Severity("unknown-key", audit.Warning); s != audit.Warning || !on {
		t.Errorf("got %s %v", s, on)
	}
}

func TestTheMostSpecificAndThenTheLastSettingDecides(t *testing.T) {
	root := tree(t, map[string]string{
		"etc/linkaudit.conf": "# site\n[kind bridge]\npolicy = any\n\n[device \"bond*\"]\npolicy=none\n",
		"etc/linkaudit.conf.d/10-a.conf": "[device \"docker*\"]\nignore=yes\n[device \"bond9\"]\npolicy=persistent\n" +
			"[rules]\nshadowed-file=off\nunknown-key=error\n",
		"etc/linkaudit.conf.d/20-b.conf":   "[kind bond]\npolicy=random\nignore=yes\n[rules]\nunknown-key=info\n[device \"docker1\"]\nignore=no\n",
		"etc/linkaudit.conf.d/README":      "not read",
		"etc/linkaudit.conf.d/.hidden.con": "not read",
	})
	c, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		name, kind, policy string
		ignore             bool
		at                 string
	}{
		{"br0", "bridge", "any", false, "/etc/linkaudit.conf:3"},
		{"bond0", "bond", "none", true, "/etc/linkaudit.conf:6"},
		{"bond9", "bond", "persistent", true, "/etc/linkaudit.conf.d/10-a.conf:4"},
		{"lacp0", "bond", "random", true, "/etc/linkaudit.conf.d/20-b.conf:2"},
		{"docker0", "bridge", "any", true, "/etc/linkaudit.conf:3"},
		{"docker1", "bridge", "any", false, "/etc/linkaudit.conf:3"},
		{"veth0", "veth", "", false, ""},
	} {
		t.Run(w.name, func(t *testing.T) {
			p, ignore, at := c.Expect(w.name, w.kind)
			if p != w.policy || ignore != w.ignore || at.String() != w.at {
				t.Errorf("got %q %v %s, want %q %v %s", p, ignore, at, w.policy, w.ignore, w.at)
			}
		})
	}
	if _, on := c.Severity("shadowed-file", audit.Info); on {
		t.Error("shadowed-file is not off")
	}
	if s, on := c.Severity("unknown-key", audit.Warning); s != audit.Info || !on {
		t.Errorf("unknown-key: got %s %v", s, on)
	}
}

func TestAMistakeIsOneLineWithItsPlace(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"an unknown section":               {"\n[devices]\n", `:2: unknown section [devices] (use [device "GLOB"], [kind NAME] or [rules])`},
		"go-ini's default section":         {"[DEFAULT]\n", `:1: unknown section [DEFAULT] (use [device "GLOB"], [kind NAME] or [rules])`},
		"a section without its name":       {"[device]\n", `:1: unknown section [device] (use [device "GLOB"], [kind NAME] or [rules])`},
		"a bad glob":                       {"[device \"bond[\"]\n", `:1: unknown section [device "bond["] (use [device "GLOB"], [kind NAME] or [rules])`},
		"an unknown key":                   {"[kind bond]\n\npolcy=none\n", `:3: unknown key "polcy" (use policy or ignore)`},
		"a bad policy":                     {"[kind bond]\npolicy=nothing\n", `:2: invalid policy "nothing" (use none, persistent, random or any)`},
		"a comment behind a value":         {"[kind bond]\npolicy=none # x\n", `:2: invalid policy "none # x" (use none, persistent, random or any)`},
		"a bad ignore":                     {"[kind bond]\nignore=maybe\n", `:2: invalid ignore "maybe" (use yes or no)`},
		"an unknown rule":                  {"[rules]\nno-such-rule=off\n", `:2: unknown rule "no-such-rule" (see linkaudit(1))`},
		"a bad severity":                   {"[rules]\nunknown-key=fatal\n", `:2: invalid severity "fatal" of unknown-key (use off, info, warning or error)`},
		"a key set twice":                  {"[rules]\nunknown-key=off\nunknown-key=info\n", ":3: unknown-key is set twice in [rules], first on line 2 (remove one)"},
		"a section that occurs twice":      {"[rules]\n[kind bond]\n[rules]\n", ":3: section [rules] occurs twice, first on line 1 (join the two)"},
		"a key before a section":           {"policy=none\n", ":1: policy is before the first section (write a section header above it)"},
		"a line that is nothing":           {"[rules]\nunknown-key\n", ":2: invalid line (use [NAME] or KEY=VALUE)"},
		"an unfinished header":             {"[rules\n", ":1: invalid section header (use [NAME], alone on its line)"},
		"a quoted value":                   {"[kind bond]\npolicy=\"none\"\n", `:2: invalid policy "none" (write the value without quotes)`},
		"the key that go-ini would number": {"[rules]\n-=off\n", `:2: invalid key "-"`},
		"NUL bytes":                        {"[rules]\n\x00\n", ":2: not UTF-8, or with control characters (write plain text)"},
		"an escape sequence":               {"[rules]\n# \x1b[31m\n", ":2: not UTF-8, or with control characters (write plain text)"},
		"Latin-1":                          {"[rules]\n# \xe9\n", ":2: not UTF-8, or with control characters (write plain text)"},
		"too large":                        {strings.Repeat("#", MaxSize+1), ": larger than 1 MiB, the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(tree(t, map[string]string{"etc/linkaudit.conf": c.content}))
			if err == nil || err.Error() != "/etc/linkaudit.conf"+c.want {
				t.Errorf("got  %v\nwant /etc/linkaudit.conf%s", err, c.want)
			}
		})
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	_, err := Load(tree(t, map[string]string{
		"etc/linkaudit.conf":          "[kind bond]\npolicy=x\n[rules]\ny=off\n",
		"etc/linkaudit.conf.d/z.conf": "[w]\n",
	}))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoRegularFileIsRefusedAtOnce(t *testing.T) {
	root := tree(t, map[string]string{"etc/x": ""})
	conf := filepath.Join(root, "etc/linkaudit.conf")
	check := func(want string) {
		t.Helper()
		if _, err := Load(root); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		os.Remove(conf)
	}
	if err := syscall.Mkfifo(conf, 0o644); err != nil {
		t.Fatal(err)
	}
	check("/etc/linkaudit.conf: not a regular file")
	os.Mkdir(conf, 0o755)
	check("/etc/linkaudit.conf: not a regular file")
	os.Symlink("/etc", conf) // the root's own, not the machine's
	check("/etc/linkaudit.conf: not a regular file")
	os.Symlink("linkaudit.conf", conf)
	check("/etc/linkaudit.conf: too many levels of symbolic links")
	os.WriteFile(filepath.Join(root, "etc/linkaudit.conf.d"), nil, 0o644)
	check("/etc/linkaudit.conf.d: not a directory")
}

func TestAnExtraFileMustExist(t *testing.T) {
	_, err := Load(t.TempDir(), "/no/such.conf")
	if err == nil || err.Error() != "/no/such.conf: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

// The index has the lines, go-ini the values: both must see the same sections and keys.
func FuzzTheIndexSeesWhatGoIniSees(f *testing.F) {
	f.Add("[device \"bond*\"]\npolicy = none\n; c\n[rules]\r\nunknown-key=off\n")
	f.Add("\ufeff[kind bond]\npolicy=\\\nignore=yes\n")
	f.Add("[a]\nx=\"\"\"y\nz=1\n\"\"\"\n")
	f.Add("[a]b]\nx:y=z\n[ c ]\n")
	f.Fuzz(func(t *testing.T, content string) {
		c := &Config{rules: map[string]verdict{}}
		for _, err := range c.parse("f", []byte(content)) {
			e := err.(*Error)
			if e.Line == 0 || strings.Contains(e.Message, "\n") {
				t.Errorf("%q: %q", content, e)
			}
		}
	})
}

func TestTheDocumentedExampleIsValid(t *testing.T) {
	doc, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```ini\n")
	example, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("docs/configuration.md has no ini example")
	}
	if _, err := Load(tree(t, map[string]string{"etc/linkaudit.conf": example})); err != nil {
		t.Error(err)
	}
}
