// Package suites runs the suites of the project: what .ci/run does in its time, and
// everything at full length. table.go says which suites there are, what each runs in
// which tier and which packages it is about; this package decides nothing about
// linkaudit itself.
//
// Suites that need only one processor run side by side. One that hangs is killed, and
// its log then ends with the processes that it had and the goroutines of those that are
// Go programs. The state of a run is kept, so that the next one does only what is left
// and what has changed since (inputs.go).
package suites

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Tier says how much of the suites is run.
type Tier string

// The tiers.
const (
	CI   Tier = "ci"   // .ci/run: before a change lands, in 20 minutes on two processors
	Full Tier = "full" // make full: everything else, at full length
)

// A Suite is one line of the table.
type Suite struct {
	Name string
	// Proves is what its success means, as one phrase.
	Proves string
	// CI and Full are its commands in each tier, for bash, in order; the first that fails
	// ends it. Without one it is not in that tier.
	CI, Full []string
	// After are suites that have to have passed before, where they are in the tier.
	After []string
	// About are the directories of the product, packages most of them, whose behaviour it
	// is meant to prove. What it depends on is more: see Of.
	About []string
	// Of are packages of Go; a change of one of them, or of what they import, is a
	// reason to run the suite again. Files are directories and files that no package
	// has, with the same meaning. "." stands for every file of the tree.
	Of, Files []string
	// Both says that it needs both processors for itself.
	Both bool
	// Limit is how long it may take on a quiet machine of two processors before it
	// counts as hung: several times what it does take.
	Limit time.Duration
	// Cases finds the cases of what it prints: the sum of the first groups, or with no
	// group one for each match. Without it, tests of Go are counted.
	Cases *regexp.Regexp
	// MaySkip are what tests may say that are skipped, beside those of the other tier.
	MaySkip []string
	// Part says that suites with other names do the whole of it in make full.
	Part bool
	// Prepares says that it makes what other suites need, and proves nothing.
	Prepares bool
}

// In returns the commands in a tier.
func (s *Suite) In(tier Tier) []string {
	if tier == CI {
		return s.CI
	}
	return s.Full
}

// Of returns the suites of a tier in the order of the table. With names it is those, and
// what they need before; a name that is not in the tier is an error.
func Of(table []Suite, tier Tier, names ...string) ([]Suite, error) {
	var all []Suite
	for _, s := range table {
		if len(s.In(tier)) > 0 {
			all = append(all, s)
		}
	}
	if len(names) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	var want func(name string) error
	want = func(name string) error {
		i := slices.IndexFunc(all, func(s Suite) bool { return s.Name == name })
		if i < 0 {
			return fmt.Errorf("no suite %q in tier %s (use %s)", name, tier, strings.Join(namesOf(all), ", "))
		}
		if wanted[name] {
			return nil
		}
		wanted[name] = true
		for _, before := range all[i].After {
			if slices.ContainsFunc(all, func(s Suite) bool { return s.Name == before }) {
				if err := want(before); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, name := range names {
		if err := want(name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(s Suite) bool { return !wanted[s.Name] }), nil
}

func namesOf(suites []Suite) (names []string) {
	for _, s := range suites {
		names = append(names, s.Name)
	}
	return names
}

// seed is the number from which a run draws whatever it draws, derived from the commit:
// the same commit gives the same run.
func seed(commit string) uint64 {
	sum := sha256.Sum256([]byte(commit))
	return binary.BigEndian.Uint64(sum[:]) >> 32 // what every program that gets it can hold
}

// git runs git(1) in the tree and returns what it prints.
func git(top string, args ...string) (string, error) {
	// It is about this tree, whatever the environment names and the user configured.
	cmd := exec.Command("git", append([]string{"-C", top, "-c", "core.excludesFile=", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return string(out), nil
}

var (
	skipped = regexp.MustCompile(`^\s*--- SKIP: (\S+)`)
	passed  = regexp.MustCompile(`(?m)^\s*--- PASS: \S+`)
	// current is how "go test -v" says which test prints what follows.
	current = regexp.MustCompile(`^=== (?:RUN|CONT|NAME)\s+(\S+)`)
	message = regexp.MustCompile(`^\s+\S+\.go:\d+: (.*)$`)
)

// onlyInFull is what [linkaudit/test/tool.OnlyInFull] says.
const onlyInFull = "only in make full"

// unexplained returns the tests that were skipped without a reason that the suite may
// have: what is not there on a machine must be installed, not left out.
func (s *Suite) unexplained(log string, tier Tier) (tests []string) {
	said := map[string][]string{} // by each test
	test := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		if m := current.FindStringSubmatch(line); m != nil {
			test = m[1]
		} else if m := message.FindStringSubmatch(line); m != nil {
			said[test] = append(said[test], m[1])
		} else if m := skipped.FindStringSubmatch(line); m != nil {
			may := func(why string) bool {
				return tier == CI && why == onlyInFull || slices.Contains(s.MaySkip, why)
			}
			if !slices.ContainsFunc(said[m[1]], may) {
				tests = append(tests, fmt.Sprintf("%s: %q", m[1], said[m[1]]))
			}
		}
	}
	return tests
}

// cases counts what a suite looked at.
func (s *Suite) cases(log string) int {
	if s.Prepares {
		return 0
	}
	n := 0
	for _, m := range cmp.Or(s.Cases, passed).FindAllStringSubmatch(log, -1) {
		if len(m) < 2 {
			n++
			continue
		}
		k, _ := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		n += k
	}
	return n
}
