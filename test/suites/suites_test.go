package suites

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/tool"
)

var update = flag.Bool("update", false, "write the table of docs/hacking.md")

// project is a repository with two packages. One imports the other.
func project(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":         "module example\n\ngo 1.26\n",
		"a/a.go":         "package a\n\nimport _ \"embed\"\n\n//go:embed embedded.md\nvar Page string\n",
		"a/testdata/one": "1\n",
		"b/b.go":         "package b\n\nimport _ \"example/a\"\n",
		"page.md":        "text\n",
		"a/page.md":      "text\n",
		"a/embedded.md":  "text\n",
		".gitignore":     "/dist/\n",
	} {
		write(t, filepath.Join(top, name), content)
	}
	for _, args := range [][]string{{"init", "-q", "--template="}, {"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false", "commit", "-qm", "x"}} {
		if _, err := git(top, args...); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ran runs suites of a project and returns the output.
func ran(t *testing.T, top string, table []Suite) (string, error) {
	t.Helper()
	for i := range table {
		if table[i].Limit == 0 {
			table[i].Limit = time.Minute
		}
		if table[i].Cases == nil {
			table[i].Cases = regexp.MustCompile(`(?m)^case`)
		}
	}
	var out bytes.Buffer
	err := Run(context.Background(), Options{Top: top, Tier: Full, Out: &out, Processors: 2}, table)
	if err != nil && !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	return out.String(), err
}

func TestATableEndsWithHowManyPassed(t *testing.T) {
	top := project(t)
	said, err := ran(t, top, []Suite{
		{Name: "good", Full: []string{"echo case; echo case"}},
		{Name: "bad", Full: []string{"echo case; echo the reason; exit 3", "echo never"}},
		{Name: "behind", Full: []string{"echo case"}, After: []string{"bad"}},
		{Name: "idle", Full: []string{"true"}},
	})
	if err == nil {
		t.Error("no error if suites fail")
	}
	for _, want := range []string{
		`(?m)^good +2 +\d+  passed$`,
		`(?m)^bad +1 +\d+  FAILED: exit status 3$`,
		`(?m)^behind +NOT RUN: bad did not pass$`,
		`(?m)^idle +0 +\d+  FAILED: it looked at nothing$`,
		`(?m)^  \| the reason$`,
		`\n1 passed, 2 failed, 1 skipped\n$`,
	} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("no %s in\n%s", want, said)
		}
	}
	if strings.Contains(said, "| never") {
		t.Error("a suite goes on after a command that failed")
	}
}

func TestASuiteWaitsForThoseBeforeIt(t *testing.T) {
	top := project(t)
	if said, err := ran(t, top, []Suite{
		{Name: "second", Full: []string{"cat made; echo case"}, After: []string{"first"}},
		{Name: "first", Full: []string{"echo case | tee made"}},
	}); err != nil {
		t.Error(said)
	}
}

func TestSuitesRunSideBySideUnlessTheyNeedBothProcessors(t *testing.T) {
	top := project(t)
	// Each of the first two waits for the other; the third finds neither.
	if said, err := ran(t, top, []Suite{
		{Name: "a", Full: []string{"mkfifo fifo", "echo case | tee fifo", "rm fifo"}},
		{Name: "b", Full: []string{"until [ -p fifo ]; do :; done; cat fifo"}},
		{Name: "both", Both: true, Full: []string{"[ ! -e fifo ]; echo case"}},
	}); err != nil {
		t.Error(said)
	}
}

func TestWhatHangsIsKilledWithADump(t *testing.T) {
	top := project(t)
	write(t, filepath.Join(top, "a/hang_test.go"), "package a\n\nimport \"testing\"\n\nfunc TestHangs(t *testing.T) { println(\"hangs now\"); select {} }\n\nfunc init() { go func() { for { } }() }\n")
	name := filepath.Join(top, "a.test")
	build := exec.Command("go", "test", "-c", "-o", name, "./a")
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// A background process with a session of its own, and a Go program.
	said, err := ran(t, top, []Suite{{Name: "hangs", Limit: time.Second, Full: []string{"setsid sleep 271828 & " + name}}})
	if err == nil || !strings.Contains(said, "FAILED: it did not end within") {
		t.Error(said)
	}
	log, err := os.ReadFile(filepath.Join(top, "dist/suites/full/hangs.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sleep 271828", "a.test", "hangs now", "goroutine ", "example/a.TestHangs"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	for _, p := range processes() {
		if strings.Contains(p.command, "sleep 271828") && p.state != "Z" {
			unix.Kill(p.pid, unix.SIGKILL)
			t.Errorf("%d is left: %s", p.pid, p.command)
		}
	}
}

func TestWhatASuiteLeavesIsKilled(t *testing.T) {
	top := project(t)
	if said, err := ran(t, top, []Suite{{Name: "leaves", Full: []string{"sleep 161803 >/dev/null 2>&1 & echo case"}}}); err != nil {
		t.Error(said)
	}
	gone := func() bool {
		return !slices.ContainsFunc(processes(), func(p process) bool { return strings.HasPrefix(p.command, "sleep 161803") && p.state != "Z" })
	}
	if !tool.Until(time.Minute, gone) {
		t.Error("a process is left")
	}
}

// A suite may wait until a process is gone whose parent was gone before, as the first
// process of a PID namespace does.
func TestWhatIsAdoptedIsWaitedFor(t *testing.T) {
	top := project(t)
	orphan := `sh -c 'sleep 0.1 & echo $! >pid'; while kill -0 $(cat pid) 2>/dev/null; do sleep 0.1; done; echo case`
	if said, err := ran(t, top, []Suite{{Name: "orphan", Full: []string{orphan}, Limit: time.Minute}}); err != nil {
		t.Error(said)
	}
}

func TestARunGoesOnWhereTheLastOneStopped(t *testing.T) {
	top := project(t)
	table := func() []Suite {
		return []Suite{
			{Name: "b", Of: []string{"b"}, Full: []string{"echo case; echo b >>dist/ran"}, After: []string{"a"}},
			{Name: "a", Of: []string{"a"}, Full: []string{"echo case; echo a >>dist/ran"}},
			{Name: "page", Files: []string{"page.md"}, Full: []string{"echo case; echo page >>dist/ran; grep -q right page.md"}, After: []string{"b"}},
		}
	}
	runs := func(change func(), want string) {
		t.Helper()
		if change != nil {
			change()
		}
		os.Remove(filepath.Join(top, "dist/ran"))
		said, _ := ran(t, top, table())
		got, _ := os.ReadFile(filepath.Join(top, "dist/ran"))
		if names := strings.Join(strings.Fields(string(got)), " "); names != want {
			t.Errorf("it ran %q, and not %q:\n%s", names, want, said)
		}
	}
	runs(nil, "a b page")
	runs(nil, "page") // it failed
	runs(func() { write(t, filepath.Join(top, "page.md"), "right\n") }, "page")
	runs(nil, "")
	runs(func() { write(t, filepath.Join(top, "b/new.go"), "package b\n") }, "b")
	runs(func() { write(t, filepath.Join(top, "a/testdata/one"), "2\n") }, "a b")
	runs(func() { write(t, filepath.Join(top, "go.mod"), "module example\n\ngo 1.26.0\n") }, "a b page")
}

func TestAffectedFollowsTheImports(t *testing.T) {
	top := project(t)
	table := []Suite{
		{Name: "a", Of: []string{"a"}}, {Name: "b", Of: []string{"b"}},
		{Name: "page", Files: []string{"page.md"}}, {Name: "all", Files: []string{"."}},
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T)
		want   string
	}{
		{"a file of Go", func(t *testing.T) {
			write(t, filepath.Join(top, "b/b.go"), "package b\n\nimport _ \"example/a\"\n\nvar B int\n")
		}, "b all"},
		{"a new file of testdata", func(t *testing.T) { write(t, filepath.Join(top, "a/testdata/two"), "2\n") }, "a b all"},
		{"a file of testdata that is gone", func(*testing.T) { os.Remove(filepath.Join(top, "a/testdata/one")) }, "a b all"},
		{"a page", func(t *testing.T) { write(t, filepath.Join(top, "page.md"), "2\n") }, "page all"},
		{"a page beside a package", func(t *testing.T) { write(t, filepath.Join(top, "a/page.md"), "2\n") }, "all"},
		{"a page that is embedded", func(t *testing.T) { write(t, filepath.Join(top, "a/embedded.md"), "2\n") }, "a b all"},
		{"nothing", func(*testing.T) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := git(top, "checkout", "-q", "."); err != nil {
				t.Fatal(err)
			}
			if _, err := git(top, "clean", "-qfd"); err != nil {
				t.Fatal(err)
			}
			c.change(t)
			tree, err := ReadTree(top)
			if err != nil {
				t.Fatal(err)
			}
			files, err := tree.Changed("HEAD")
			if err != nil {
				t.Fatal(err)
			}
			affected, _, err := tree.Affected(table, files)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(namesOf(affected), " "); got != c.want {
				t.Errorf("%v affects %q, and not %q", files, got, c.want)
			}
		})
	}
}

func TestASkippedTestNeedsAReason(t *testing.T) {
	const log = `=== RUN   TestA
    a_test.go:1: only in make full
--- SKIP: TestA (0.00s)
=== RUN   TestB
=== RUN   TestB/one
    b_test.go:7: no bonding here
=== RUN   TestB/two
    b_test.go:9: it is fine
--- PASS: TestB (0.00s)
    --- SKIP: TestB/one (0.00s)
    --- SKIP: TestB/two (0.00s)
`
	s := Suite{MaySkip: []string{"it is fine"}}
	if got := s.unexplained(log, CI); !slices.Equal(got, []string{`TestB/one: ["no bonding here"]`}) {
		t.Errorf("%q", got)
	}
	if got := s.unexplained(log, Full); len(got) != 2 {
		t.Errorf("in full: %q", got)
	}
	if got := s.cases(log); got != 1 {
		t.Errorf("%d cases", got)
	}
}

func TestTheSeedGoesByTheCommit(t *testing.T) {
	// The first four bytes of SHA-256("a").
	if a := seed("a"); a != 0xca978112 || a == seed("b") {
		t.Errorf("the commit a gives %#x", a)
	}
}

// The table is about packages and files that exist, and has every package of the
// product.
func TestTheTableIsAboutThisTree(t *testing.T) {
	tree, err := ReadTree(top(t))
	if err != nil {
		t.Fatal(err)
	}
	about := map[string]bool{}
	names := map[string]bool{}
	for _, s := range Table {
		if names[s.Name] {
			t.Errorf("there are two suites %s", s.Name)
		}
		names[s.Name] = true
		if s.Limit == 0 || s.Proves == "" {
			t.Errorf("%s has no limit, or proves nothing", s.Name)
		}
		if !s.Prepares && len(s.Of)+len(s.Files) == 0 {
			t.Errorf("%s depends on nothing", s.Name)
		}
		if _, err := tree.Inputs(&s); err != nil {
			t.Error(err)
		}
		for _, dir := range s.About {
			about[dir] = true
			if info, err := os.Stat(filepath.Join(top(t), dir)); err != nil || !info.IsDir() {
				t.Errorf("%s is about %s, which is not a directory", s.Name, dir)
			}
		}
	}
	for _, s := range Table {
		for _, name := range s.After {
			if !names[name] {
				t.Errorf("%s comes after %s, which is not a suite", s.Name, name)
			}
		}
	}
	for dir := range tree.imports {
		made := strings.HasPrefix(dir, "test") || dir == "internal/manual/generate"
		if !made && !about[dir] {
			t.Errorf("no suite is about package %s", dir)
		}
	}
	for _, tier := range []Tier{CI, Full} {
		if _, err := Of(Table, tier); err != nil {
			t.Error(err)
		}
	}
	if _, err := Of(Table, CI, "fuzz"); err == nil {
		t.Error("fuzz is in the tier of .ci/run")
	}
}

func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// docs/hacking.md has two tables between comments: all suites, and the suites of each
// package.
func TestThePageHasTheTables(t *testing.T) {
	const page = "../../docs/hacking.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, string(text), "suites", suitesTable())
	want = between(t, want, "packages", packagesTable())
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Error("the tables of docs/hacking.md are not those of table.go; go test ./test/suites -update writes them")
	}
}

// between puts a table between the comments "NAME" and "end of NAME".
func between(t *testing.T, text, name, table string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, "<!-- "+name+" -->\n")
	_, after, ends := strings.Cut(rest, "<!-- end of "+name+" -->")
	if !ok || !ends {
		t.Fatalf("docs/hacking.md has no place for the %s", name)
	}
	return before + "<!-- " + name + " -->\n" + table + "<!-- end of " + name + " -->" + after
}

func suitesTable() string {
	var b strings.Builder
	b.WriteString("| suite | proves that | `.ci/run` | `make full` |\n| --- | --- | --- | --- |\n")
	mark := func(commands []string) string {
		if len(commands) == 0 {
			return ""
		}
		return "yes"
	}
	for _, s := range Table {
		if !s.Prepares {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.Name, s.Proves, mark(s.CI), mark(s.Full))
		}
	}
	return b.String()
}

func packagesTable() string {
	about := map[string][]string{}
	for _, s := range Table {
		for _, dir := range s.About {
			if s.Name != "check" { // every package has it
				about[dir] = append(about[dir], s.Name)
			}
		}
	}
	var b strings.Builder
	b.WriteString("| package | suites |\n| --- | --- |\n")
	for _, dir := range slices.Sorted(maps.Keys(about)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", dir, strings.Join(short(about[dir]), ", "))
	}
	return b.String()
}

// short writes "vm-*" if all suites whose names begin so are there, and "soak-*".
func short(names []string) []string {
	for _, prefix := range []string{"soak-", "vm-"} {
		missing := slices.ContainsFunc(Table, func(s Suite) bool {
			return strings.HasPrefix(s.Name, prefix) && !slices.Contains(names, s.Name)
		})
		if !missing {
			names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, prefix) })
			names = append(names, prefix+"*")
		}
	}
	return names
}
