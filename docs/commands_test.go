package docs

import (
	"os"
	"slices"
	"strings"
	"testing"

	"linkaudit/test/doccmd"
	"linkaudit/test/suites"
)

// A suite runs every command that a page shows.
func TestEveryCommandHasARunner(t *testing.T) {
	pages, err := doccmd.Pages("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile("../" + page)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := doccmd.Parse(page, string(text)); err != nil {
				t.Error(err)
			}
		})
	}
}

// The commands of "ci" blocks are commands of a suite or of test/clean-clone, or targets
// that "make check" or "make review" depends on. Values of variables may differ.
func TestSuitesRunTheCommandsForBuilders(t *testing.T) {
	blocks, err := doccmd.All("..", "ci")
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]bool{}
	for _, s := range suites.Table {
		for _, c := range slices.Concat(s.CI, s.Full) {
			run[target(c)] = true
		}
	}
	for _, file := range []string{"../test/clean-clone", "../Makefile"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if of, ok := strings.CutPrefix(line, "check: "); ok || strings.HasPrefix(line, "review: ") {
				of = strings.TrimPrefix(of, "review: ")
				for name := range strings.FieldsSeq(of) {
					run["make "+name] = true
				}
			}
			if file != "../Makefile" {
				run[target(line)] = true
			}
		}
	}
	for _, b := range blocks {
		for _, c := range b.Commands {
			if !run[target(c.Text)] {
				t.Errorf("%s:%d: no suite runs %q", b.File, c.Line, bare(c.Text))
			}
		}
	}
}

// target is the first words of a command: "make soak" for "make soak SOAK=short | tail".
func target(command string) string {
	command, _, _ = strings.Cut(bare(command), " |")
	words := strings.Fields(command)
	if len(words) > 1 && words[0] == "make" {
		return "make " + words[1]
	}
	if len(words) > 0 {
		return words[0]
	}
	return ""
}

// bare is a command without its comment.
func bare(line string) string {
	command, _, _ := strings.Cut(line, " #")
	return strings.TrimSpace(command)
}
