package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Complaint is one line that udevd logs about a file, at level "warning" or "error".
// Line is 0 if the complaint is about the whole file.
type Complaint struct {
	Level string
	File  string
	Line  int
}

func (c Complaint) String() string {
	return fmt.Sprintf("%s %s:%d", c.Level, c.File, c.Line)
}

// A Verdict is what udevd, or the code under test, says about one device and one tree.
type Verdict struct {
	File          string   // "" where no file applies
	DropIns       []string // of that file, in order
	Unpredictable bool     // warned that the name was only enumerated
	Complaints    []Complaint
	// Address is what a release says about the address that it would set, in its own
	// words. It is not part of the verdict's text.
	Address string
	// Failure says that there was no answer: a time-out, a crash, a panic.
	Failure string
}

// normalise sorts the complaints and keeps the most severe one about each line: udevd
// may say several things about one line ("Invalid section header", then "Failed to
// parse file").
func (v *Verdict) normalise() {
	slices.SortFunc(v.Complaints, func(a, b Complaint) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			strings.Compare(a.Level, b.Level), // "error" before "warning"
		)
	})
	v.Complaints = slices.CompactFunc(v.Complaints, func(a, b Complaint) bool {
		return a.File == b.File && a.Line == b.Line
	})
}

// Text is the verdict in the format of a fixture, one line each.
func (v Verdict) Text() string {
	var b strings.Builder
	if v.Failure != "" {
		fmt.Fprintf(&b, "failure %s\n", v.Failure)
	}
	if v.File != "" {
		fmt.Fprintf(&b, "file %s\n", quotePath(v.File))
	}
	for _, d := range v.DropIns {
		fmt.Fprintf(&b, "dropin %s\n", quotePath(d))
	}
	if v.Unpredictable {
		fmt.Fprintf(&b, "unpredictable\n")
	}
	for _, c := range v.Complaints {
		fmt.Fprintf(&b, "%s %s %d\n", c.Level, quotePath(c.File), c.Line)
	}
	return b.String()
}

// parseVerdict reads what Text wrote.
func parseVerdict(text string) (Verdict, error) {
	var v Verdict
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "":
		case "failure":
			v.Failure = rest
		case "unpredictable":
			v.Unpredictable = true
		case "file", "dropin":
			p, err := unquotePath(rest)
			if err != nil {
				return v, err
			}
			if word == "file" {
				v.File = p
			} else {
				v.DropIns = append(v.DropIns, p)
			}
		case "warning", "error":
			i := strings.LastIndexByte(rest, ' ')
			if i < 0 {
				return v, fmt.Errorf("no line number in %q", line)
			}
			p, err := unquotePath(rest[:i])
			if err != nil {
				return v, err
			}
			n, err := strconv.Atoi(rest[i+1:])
			if err != nil {
				return v, err
			}
			v.Complaints = append(v.Complaints, Complaint{word, p, n})
		default:
			return v, fmt.Errorf("unknown word %q in a verdict", word)
		}
	}
	v.normalise()
	return v, nil
}

// kind is a difference without its places: two differences of one kind mostly have one
// cause.
func kind(difference string) string {
	var kinds []string
	for line := range strings.Lines(difference) {
		side, rest, _ := strings.Cut(line, ": ")
		word, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		kinds = append(kinds, side+" "+word)
	}
	slices.Sort(kinds)
	return strings.Join(slices.Compact(kinds), ", ")
}

// Difference says in a few lines how two verdicts differ; "" if they do not.
func Difference(udevd, ours Verdict) string {
	if udevd.Text() == ours.Text() {
		return ""
	}
	a := strings.Split(strings.TrimSpace(udevd.Text()), "\n")
	b := strings.Split(strings.TrimSpace(ours.Text()), "\n")
	var out strings.Builder
	for _, l := range a {
		if !slices.Contains(b, l) {
			fmt.Fprintf(&out, "only udevd: %s\n", l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			fmt.Fprintf(&out, "only ours:  %s\n", l)
		}
	}
	if out.Len() == 0 {
		fmt.Fprintf(&out, "another order: udevd %v, ours %v\n", udevd.DropIns, ours.DropIns)
	}
	return out.String()
}
