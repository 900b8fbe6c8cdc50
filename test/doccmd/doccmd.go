// Package doccmd finds the commands in the documentation for tests that run them.
//
// A block of commands in README.md, docs, contrib or manual is fenced as
//
//	```sh RUNNER
//
// where RUNNER names the suite that runs it, one of Runners. The block is bash: a
// command begins in a line that is not indented, and the indented lines below it,
// here-documents and lines after a backslash belong to it. If a comment at the end of one
// of its lines ends in "exit status N", the command must exit with that status instead
// of 0.
package doccmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Runners are the suites that run blocks, and where each is.
var Runners = map[string]string{
	"ansible":    "test/ecosystem/ansible",
	"ci":         ".ci/run has each of these lines; docs/commands_test.go looks",
	"hooks":      "test/ecosystem/hooks",
	"initramfs":  "test/initramfs, in a root with an image of initramfs-tools",
	"manual":     "cmd/linkaudit/manual_test.go: on a saved snapshot and a small image, without root",
	"packages":   "test/ecosystem/packages",
	"prometheus": "test/ecosystem/prometheus",
	"puppet":     "test/ecosystem/puppet",
	"shell":      "test/ecosystem/puppet",
	"saved":      "test/ecosystem/docs: on saved snapshots and an image, without a machine to audit",
	"vm":         "test/vm, under trixie, with a bond and a bridge",
}

// A Block is one fenced block of commands.
type Block struct {
	File     string // relative to the tree
	Line     int    // of the fence
	Runner   string
	Commands []Command
}

// A Command is one of a block.
type Command struct {
	Line   int
	Text   string // with all its lines
	Status int    // the exit status it has to have
}

// Name is FILE:LINE.
func (b Block) Name() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

// Script is the block as a bash script. At the first command with a wrong exit status
// it exits 1 and names the command on standard error.
func (b Block) Script() string {
	var s strings.Builder
	for _, c := range b.Commands {
		fmt.Fprintf(&s, "%s\nstatus=$?; [ $status = %d ] || { echo '%s:%d: exit status '$status', not %d' >&2; exit 1; }\n",
			c.Text, c.Status, b.File, c.Line, c.Status)
	}
	return s.String()
}

// Pages are the Markdown files of the documentation below root, relative to root; those
// of manual become man pages.
func Pages(root string) ([]string, error) {
	pages := []string{"README.md"}
	for _, dir := range []string{"docs", "contrib", "internal/manual"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".md" && d.Type().IsRegular() {
				path, err = filepath.Rel(root, path)
				pages = append(pages, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// All are the blocks of runner in all pages below root. It is an error if there are
// none: a suite that runs nothing would pass.
func All(root, runner string) ([]Block, error) {
	if _, ok := Runners[runner]; !ok {
		return nil, fmt.Errorf("doccmd has no runner %q", runner)
	}
	pages, err := Pages(root)
	if err != nil {
		return nil, err
	}
	var blocks []Block
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			return nil, err
		}
		all, err := Parse(page, string(text))
		if err != nil {
			return nil, err
		}
		for _, b := range all {
			if b.Runner == runner {
				blocks = append(blocks, b)
			}
		}
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("no page has a block of commands for %q", runner)
	}
	return blocks, nil
}

var (
	exitStatus = regexp.MustCompile(`#.*\bexit status (\d+)$`)
	// hereDocument is the start of a here-document, and the word that ends it.
	hereDocument = regexp.MustCompile(`<<-?\s*['"]?(\w+)['"]?`)
	// continued are lines that end a compound command.
	continued = regexp.MustCompile(`^(done|fi|esac|\}|\))`)
	// shown are commands outside a runner's block.
	shown = regexp.MustCompile(`^(\$ |sudo |linkaudit |\./linkaudit |make |apt-get |systemctl |udevadm |ip |ansible(-[a-z]+)? |puppet )`)
)

// played are pages with blocks of their own kind, with output, which have a test of
// their own.
var played = map[string]string{
	"docs/rules.md":       "cmd/linkaudit/rules_test.go",
	"docs/walkthrough.md": "test/vm/walkthrough_test.go",
}

// Parse finds the blocks of a page. A command that no runner runs is an error: one in
// an indented block, or in a fence of another kind that is not made by "make readme"
// and friends (<!-- captured: COMMAND -->).
func Parse(file, text string) ([]Block, error) {
	p := parser{file: file}
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(i+1, line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	if p.fence != "" {
		return nil, fmt.Errorf("%s: a fenced block has no end", file)
	}
	return p.blocks, nil
}

type parser struct {
	file     string
	blocks   []Block
	fence    string // of the current block, "" outside
	in       bool   // in a runner's block
	captured bool   // the block is captured output
	end      string // of the current here-document
	open     bool   // the last line ended in a backslash
}

func (p *parser) line(number int, line string) error {
	bare := strings.TrimSpace(line)
	switch {
	case p.fence == "" && bare == "```console" && played[p.file] != "":
		p.fence, p.captured = "```", true
	case p.fence == "" && strings.HasPrefix(bare, "```"):
		return p.begin(number, line, bare)
	case p.fence != "" && bare == p.fence:
		if p.in && (p.end != "" || p.open || len(p.blocks[len(p.blocks)-1].Commands) == 0) {
			return errors.New("the block ends within a command, or has none")
		}
		p.fence, p.in, p.captured = "", false, false
	case p.in:
		return p.command(number, line, bare)
	default:
		return p.outside(line, bare)
	}
	return nil
}

// begin handles the line that begins a fenced block.
func (p *parser) begin(number int, line, bare string) error {
	p.fence = bare[:len(bare)-len(strings.TrimLeft(bare, "`"))]
	info := strings.Fields(strings.TrimLeft(bare, "`"))
	p.in = len(info) > 0 && slices.Contains([]string{"sh", "bash", "shell", "console"}, info[0])
	if !p.in {
		return nil
	}
	if line != bare || len(info) != 2 || info[0] != "sh" {
		return errors.New("a block of commands begins with ```sh RUNNER, not indented")
	}
	if _, ok := Runners[info[1]]; !ok {
		return fmt.Errorf("there is no runner %q", info[1])
	}
	p.blocks = append(p.blocks, Block{File: p.file, Line: number, Runner: info[1]})
	return nil
}

// outside handles a line that no runner runs.
func (p *parser) outside(line, bare string) error {
	indented := strings.HasPrefix(line, "    ")
	switch {
	case p.fence == "" && strings.HasPrefix(bare, "<!-- captured"):
		p.captured = true
	case p.fence == "" && bare != "" && !indented:
		p.captured = false
	case !p.captured && played[p.file] == "" && (p.fence != "" || indented) && shown.MatchString(bare):
		return errors.New("a command that no test runs: put it into a block ```sh RUNNER")
	}
	return nil
}

// command handles a line of a runner's block.
func (p *parser) command(number int, line, bare string) error {
	b := &p.blocks[len(p.blocks)-1]
	last := len(b.Commands) - 1
	switch {
	case p.end != "":
		b.Commands[last].Text += "\n" + line
		if bare == p.end {
			p.end = ""
		}
		return nil
	case p.open, last >= 0 && bare != "" && (line[0] == ' ' || line[0] == '\t' || continued.MatchString(line)):
		b.Commands[last].Text += "\n" + line
	case bare == "" || bare[0] == '#':
		return nil
	case line != strings.TrimLeft(line, " \t"):
		return errors.New("the block's first line is indented")
	default:
		b.Commands = append(b.Commands, Command{Line: number, Text: line})
		last++
	}
	p.open = strings.HasSuffix(line, `\`)
	if m := exitStatus.FindStringSubmatch(line); m != nil {
		b.Commands[last].Status, _ = strconv.Atoi(m[1])
	}
	if m := hereDocument.FindStringSubmatch(line); m != nil {
		p.end = m[1]
	}
	return nil
}
