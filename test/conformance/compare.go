package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"linkaudit/test/tool"
)

// Generated compares the verdicts on generated trees, Options.Cases (tree, device)
// pairs for each release, and returns an error if any differ.
func Generated(o Options) error {
	return o.eachSuite("%d disagreements with udevd", generatedSuite)
}

// suitesAtATime is how many releases are asked side by side, with at least one worker
// each: a running udevd or systemd-networkd mostly waits.
const suitesAtATime = 2

// eachSuite runs all suites with shared workers, prints the output of each in order,
// and returns an error with the sum of the failures, in the words of format.
func (o Options) eachSuite(format string, run func(o Options, suite string) (failed int, err error)) error {
	var (
		mu     sync.Mutex
		logs   = make([]bytes.Buffer, len(o.Suites))
		done   = make([]bool, len(o.Suites))
		failed int
	)
	// print prints the output of the suites for which all earlier ones are done.
	printed := 0
	print := func() error {
		for ; printed < len(done) && done[printed]; printed++ {
			if _, err := logs[printed].WriteTo(o.Log); err != nil {
				return err
			}
		}
		return nil
	}
	err := tool.Workers[struct{}]{
		Count: suitesAtATime,
		Do: func(_ struct{}, i int) error {
			o := o
			o.Workers, o.Log = max(1, o.Workers/suitesAtATime), &logs[i]
			n, err := run(o, o.Suites[i])
			mu.Lock()
			defer mu.Unlock()
			failed += n
			if err != nil {
				return fmt.Errorf("%s: %w", o.Suites[i], err)
			}
			done[i] = true
			return print()
		},
	}.Work(len(o.Suites))
	if err != nil {
		for i := range done { // keep the output of the others
			done[i] = true
		}
		return errors.Join(print(), err)
	}
	if failed > 0 {
		return fmt.Errorf(format, failed)
	}
	return nil
}

// oracles are the workers of a suite, each with an oracle.
func (o Options) oracles(suite string, do func(oracle *Oracle, piece int) error) tool.Workers[*Oracle] {
	return tool.Workers[*Oracle]{
		Count: o.Workers,
		Open:  func() (*Oracle, error) { return StartOracle(o.root(suite)) },
		Close: (*Oracle).Close,
		Do:    do,
	}
}

// generatedSuite runs one release and returns the number of disagreements.
func generatedSuite(o Options, suite string) (int, error) {
	var (
		mu       sync.Mutex
		failures int
		total    statistics
		release  int
		lacking  []string
	)
	work := func(oracle *Oracle, piece int) error {
		index := uint64(piece)
		c, err := Generate(o.Seed, index, oracle.Devices)
		if err != nil {
			return err
		}
		udevd, err := oracle.Ask(c)
		if err != nil {
			return fmt.Errorf("seed %d, index %d: %w", o.Seed, index, err)
		}
		var ours []Verdict
		if !o.OracleOnly {
			ours = Ours(oracle.Root(), c, oracle.Release)
		}
		mu.Lock()
		release, lacking = oracle.Release, oracle.Lacking
		for i := range udevd {
			total.count(c, udevd[i])
			if udevd[i].Failure != "" {
				fmt.Fprintf(o.Log, "udev %d, seed %d, index %d, %s: %s\n",
					oracle.Release, o.Seed, index, c.Devices[i].Name, udevd[i].Failure)
			}
		}
		mu.Unlock()
		for i := range ours {
			if udevd[i].Failure != "" {
				continue // counted and printed; there is nothing to compare with
			}
			difference := Difference(udevd[i], comparable(oracle.Release, ours[i]))
			if difference == "" {
				continue
			}
			small, err := shrink(oracle, c, i, kind(difference))
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			failures++
			o.report(small, oracle, o.Seed, index)
			if failures >= o.MaxFailures {
				return tool.ErrEnough
			}
			return nil // the other devices of the tree will show the same
		}
		return nil
	}
	trees := (o.Cases + devicesPerCase - 1) / devicesPerCase
	if err := o.oracles(suite, work).Work(trees); err != nil {
		return failures, err
	}
	fmt.Fprintf(o.Log, "udev %d (%s), seed %d: %s; %d disagreements\n", release, suite, o.Seed, &total, failures)
	if len(lacking) > 0 {
		fmt.Fprintf(o.Log, "  this kernel lacks %d of the kinds of devices\n", len(lacking))
	}
	return failures, nil
}

// report prints a disagreement and writes it as a fixture.
func (o Options) report(c *Case, oracle *Oracle, seed, index uint64) {
	fmt.Fprintf(o.Log, "--- disagreement: udev %d, seed %d, index %d\n", oracle.Release, seed, index)
	ours := Ours(oracle.Root(), c, oracle.Release) // shrink left this tree laid out
	fmt.Fprint(o.Log, Difference(c.Udevd[0].Verdict, comparable(oracle.Release, ours[0])))
	c.About = fmt.Sprintf("Found by seed %d, index %d, on udev %d.", seed, index, oracle.Release)
	text := c.Format()
	if o.Fixtures == "" {
		o.Log.Write(text)
		return
	}
	name := filepath.Join(o.Fixtures, fmt.Sprintf("found-%d-%d-%d.txtar", oracle.Release, seed, index))
	if err := os.WriteFile(name, text, 0o644); err != nil {
		fmt.Fprintf(o.Log, "the fixture could not be written: %v\n%s", err, text)
		return
	}
	fmt.Fprintf(o.Log, "written to %s\n", name)
}

// statistics show whether the generator makes useful cases.
type statistics struct {
	cases, none, first, last, between int
	dropIns, complaints, failures     int
	unpredictable                     int
}

func (s *statistics) count(c *Case, v Verdict) {
	s.cases++
	if len(v.DropIns) > 0 {
		s.dropIns++
	}
	if len(v.Complaints) > 0 {
		s.complaints++
	}
	if v.Failure != "" {
		s.failures++
	}
	if v.Unpredictable {
		s.unpredictable++
	}
	names := linkNames(c.Tree)
	switch {
	case v.File == "":
		s.none++
	case path.Base(v.File) == names[0]:
		s.first++
	case path.Base(v.File) == names[len(names)-1]:
		s.last++
	default:
		s.between++
	}
}

func (s *statistics) String() string {
	percent := func(n int) int { return 100 * n / max(s.cases, 1) }
	return fmt.Sprintf("%d cases: no file %d%%, the first %d%%, the last %d%%, one between %d%%; "+
		"with drop-ins %d%%, with complaints %d%%, unpredictable name %d%%, no answer %d%%",
		s.cases, percent(s.none), percent(s.first), percent(s.last), percent(s.between),
		percent(s.dropIns), percent(s.complaints), percent(s.unpredictable), percent(s.failures))
}

// linkNames are the base names of the tree's .link files, sorted, each once.
func linkNames(t Tree) []string {
	var names []string
	for _, n := range t {
		if slices.Contains(SearchPath, path.Dir(n.Path)) && strings.HasSuffix(n.Path, ".link") {
			names = append(names, path.Base(n.Path))
		}
	}
	if len(names) == 0 {
		return []string{""}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
