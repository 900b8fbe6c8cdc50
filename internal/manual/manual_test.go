package manual

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsMadeOfTheManualIsUpToDate(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		t.Run(name, func(t *testing.T) {
			got, err := os.ReadFile("../../" + name)
			if err != nil {
				t.Error(err)
				return
			}
			if diff := cmp.Diff(string(got), want); diff != "" {
				t.Errorf("it is not what the manual says; \"make man\" mends it:\n%s", diff)
			}
		})
	}
}

// small is a page with one of everything.
const small = `# prog(1), 2026-01-31

does a thing

## prog COMMAND

do a thing

Does it.

## Options that several commands have

### --root DIR; completes directories

look below DIR

## do [FILE...]; completes files

do it to each FILE

Does it to FILE, as ` + "`do --root`" + ` says; see other(5) and $HOME.

### Exit status

- 0: done

### --root (shared)

Not FILE.

### --how HOW; values well badly; default well

do it HOW: well, badly

### Examples

` + "```sh manual" + `
prog do # exit status 1
` + "```" + `

## FILES

- ` + "`/etc/prog`" + `: What it does.
`

func TestThePageHasEveryMacro(t *testing.T) {
	p, err := parse("small.md", small, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `.\" Made by "make man" of small.md: change that.
.Dd January 31, 2026
.Dt PROG 1
.Os
.Sh NAME
.Nm prog
.Nd does a thing
.Sh SYNOPSIS
.Nm
.Cm do
.Op Ar options
.Op Ar file ...
.Sh DESCRIPTION
Does it.
.Sh COMMANDS
.Ss prog do
.Bk -words
.Nm prog Cm do
.Op Fl \-root Ar dir
.Op Fl \-how Ar how
.Op Ar file ...
.Ek
.Pp
Do it to each
.Ar file .
.Pp
Does it to
.Ar file ,
as
.Cm do Fl \-root
says; see
.Xr other 5
and
.Ev HOME .
.Pp
The options are:
.Bl -tag -width Ds
.It Fl \-root Ar dir
Not
.Ar file .
.It Fl \-how Ar how
Do it
.Ar how :
well, badly.
.El
.Pp
The exit status is one of:
.Bl -tag -width Ds -compact
.It 0
Done.
.El
.Bd -literal -offset indent
prog do
.Ed
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/prog
What it does.
.El
`
	if diff := cmp.Diff(want, p.Mdoc()); diff != "" {
		t.Error(diff)
	}
}

func TestAMistakeHasItsPlace(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no title":                        {"# prog(1), 2026-01-31", "# prog", "1: the page begins with # NAME(SECTION), DATE"},
		"no summary of a command":         {"do it to each FILE\n\n", "", "19: the summary of the command is one line"},
		"a summary that is a sentence":    {"do it to each FILE", "Do it.", "19: the summary of the command is one line"},
		"a flag that the command lacks":   {"Does it to FILE", "Does it --all to FILE", "21: there is no --all here"},
		"a flag that none has":            {"`do --root`", "`do --all`", "21: no command has --all"},
		"an open literal":                 {"`do --root`", "`do --root", "21: a ` without its other"},
		"a literal in a word":             {"`do --root`", "x`do`", "21: a ` without its other"},
		"what is not shared":              {"### --root (shared)", "### --all (shared)", "27: no option --all is shared"},
		"an option twice":                 {"### --how HOW; values well badly; default well\n\ndo it HOW: well, badly", "### --root (shared)", "31: --root is there already, in line 27"},
		"an unknown attribute":            {"; default well", "; standard well", `31: an option has no attribute "standard well"`},
		"a default that is no value":      {"; default well", "; default nicely", `31: the default "nicely" is none of the values`},
		"a usage without the value":       {"do it HOW: well, badly", "well, badly", "31: the usage does not name HOW once"},
		"an unknown part of a command":    {"### Examples", "### Example", "35: neither an option (--NAME VALUE) nor More"},
		"a literal block of unknown sort": {"```sh manual", "```go", "37: a literal block is"},
		"a literal block without end":     {"# exit status 1\n```", "# exit status 1", "37: the literal block has no end"},
		"an item without a tag":           {"- 0: done", "- done", "25: an item is - TAG: TEXT"},
		"text behind an item":             {"- 0: done", "- 0: done\nx", "26: an empty line is missing"},
		"a small section":                 {"## FILES", "## Files", "41: a section has a title in capitals"},
		"a comment without end":           {"# prog(1)", "<!-- x\n# prog(1)", "1: the comment has no end"},
		"a long line":                     {"Not FILE.", strings.Repeat("x", 81), "29: longer than 80 columns"},
		"white space at the end":          {"Not FILE.", "Not FILE. ", "29: a tab, or white space"},
		"other than ASCII":                {"Not FILE.", "Not für FILE.", "29: 'ü' is not in ASCII"},
		"a value for a switch":            {"### --how HOW;", "### --how;", "31: a switch takes no value"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(small, c.old) {
				t.Fatalf("the page has no %q", c.old)
			}
			_, err := parse("small.md", strings.Replace(small, c.old, c.new, 1), nil)
			if err == nil || !strings.HasPrefix(err.Error(), "small.md:"+c.want) {
				t.Errorf("got  %v\nwant small.md:%s", err, c.want)
			}
		})
	}
}

func TestDatesAreReal(t *testing.T) {
	if _, err := parse("small.md", strings.Replace(small, "01-31", "02-31", 1), nil); err == nil {
		t.Error("the 31st of February is taken")
	}
}
