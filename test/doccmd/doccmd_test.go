package doccmd

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got, err := Parse("page.md", strings.Join([]string{
		"```sh vm",
		"# a comment",
		"linkaudit check bond0   # exit status 1",
		"",
		"for d in a b; do",
		"  echo $d",
		"done",
		"cat >f <<'EOF'",
		"one",
		"",
		"  two",
		"EOF",
		`echo a \`,
		"b",
		"```",
		"<!-- captured: linkaudit example -->",
		"```",
		"$ linkaudit example",
		"```",
		"```yaml",
		"a: b",
		"```",
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{{File: "page.md", Line: 1, Runner: "vm", Commands: []Command{
		{3, "linkaudit check bond0   # exit status 1", 1},
		{5, "for d in a b; do\n  echo $d\ndone", 0},
		{8, "cat >f <<'EOF'\none\n\n  two\nEOF", 0},
		{13, "echo a \\\nb", 0},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScriptStopsAtTheFirstFailure(t *testing.T) {
	b := Block{File: "page.md", Line: 1, Commands: []Command{
		{2, "a=1", 0}, {3, "false # exit status 1", 1}, {4, "echo $a", 0}, {5, "(exit 3)", 0}, {6, "echo not reached", 0},
	}}
	bash := exec.Command("bash", "-c", b.Script())
	bash.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	out, err := bash.CombinedOutput()
	if want := "1\npage.md:5: exit status 3, not 0\n"; err == nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ page, want string }{
		{"```sh\nls\n```", "page.md:1: a block of commands begins with"},
		{"```console\n$ ls\n```", "page.md:1: a block of commands begins with"},
		{"```sh nobody\nls\n```", `page.md:1: there is no runner "nobody"`},
		{"```sh vm\n```", "page.md:2: the block ends within a command"},
		{"```sh vm\ncat <<EOF\n```", "page.md:3: the block ends within a command"},
		{"```sh vm\nls", "page.md: a fenced block has no end"},
		{"text\n\n    linkaudit check", "page.md:3: a command that no test runs"},
		{"```\n$ linkaudit check\n```", "page.md:2: a command that no test runs"},
	} {
		t.Run(fmt.Sprintf("%q", tt.page), func(t *testing.T) {
			if _, err := Parse("page.md", tt.page); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}
