// Package suites runs the suites of the project: what .ci/run does in its time, and
// everything at full length. table.go lists the suites, what each runs in which tier and
// which packages it is about. This package decides nothing about linkaudit itself.
//
// Suites that need only one processor run side by side. A suite that hangs is killed, and
// its log then ends with its processes and the goroutines of its Go programs. The state of
// a run is kept: the next run does only what is left and what has changed since
// (inputs.go).
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

// A Tier says how much of the suites to run.
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
	// CI and Full are its commands in each tier, for bash, in order; the first failure
	// ends it. Without commands it is not in that tier.
	CI, Full []string
	// After are suites that must have passed before, if they are in the tier.
	After []string
	// About are the directories of the product, mostly packages, whose behaviour it
	// proves. It depends on more: see Of.
	About []string
	// Of are Go packages: a change of one of them, or of what they import, is a reason
	// to run the suite again. Files are directories and files without a package, with
	// the same meaning. "." means every file of the tree.
	Of, Files []string
	// Both says that it needs both processors for itself.
	Both bool
	// Limit is how long it may take on a quiet machine of two processors before it
	// counts as hung: several times its usual time.
	Limit time.Duration
	// Cases finds the cases in its output: the sum of the first groups, or without a
	// group one for each match. Without it, Go tests are counted.
	Cases *regexp.Regexp
	// MaySkip are the reasons that skipped tests may have, besides those of the other
	// tier.
	MaySkip []string
	// Part says that in make full, suites with other names do all of it.
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

// Of returns the suites of a tier in the order of the table. With names, only those and
// the suites that they need; a name that is not in the tier is an error.
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

// seed is the number from which a run draws all random choices. It is derived from the
// commit: the same commit gives the same run.
func seed(commit string) uint64 {
	sum := sha256.Sum256([]byte(commit))
	return binary.BigEndian.Uint64(sum[:]) >> 32 // fits all programs that get it
}

// git runs git(1) in the tree and returns what it prints.
func git(top string, args ...string) (string, error) {
	// It is about this tree, whatever the environment and the user's configuration say.
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
	// current is how "go test -v" says which test prints the following lines.
	current = regexp.MustCompile(`^=== (?:RUN|CONT|NAME)\s+(\S+)`)
	message = regexp.MustCompile(`^\s+\S+\.go:\d+: (.*)$`)
)

// onlyInFull is the message of [linkaudit/test/tool.OnlyInFull].
const onlyInFull = "only in make full"

// unexplained returns the tests that were skipped without an allowed reason: what a
// machine lacks must be installed, not left out.
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

// cases counts what a suite checked.
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
