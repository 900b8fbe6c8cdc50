package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"linkaudit/test/doccmd"
)

// Every command that a page shows is run by some suite.
func TestEveryCommandHasARunner(t *testing.T) {
	pages, err := doccmd.Pages("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile("../" + page)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := doccmd.Parse(page, string(text)); err != nil {
			t.Error(err)
		}
	}
}

// The commands of the blocks for "ci" are lines of .ci/run.
func TestCIRunsTheCommandsForBuilders(t *testing.T) {
	blocks, err := doccmd.All("..", "ci")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(script)) {
		lines = append(lines, beside.ReplaceAllString(bare(line), ""))
	}
	for _, b := range blocks {
		for _, c := range b.Commands {
			if !slices.Contains(lines, bare(c.Text)) {
				t.Errorf("%s:%d: .ci/run has no line %q", b.File, c.Line, bare(c.Text))
			}
		}
	}
}

// beside is what starts a command of .ci/run beside others, with the name that it has there.
var beside = regexp.MustCompile(`^beside [a-z]+ `)

// bare is a command without its comment.
func bare(line string) string {
	command, _, _ := strings.Cut(line, " #")
	return strings.TrimSpace(command)
}
