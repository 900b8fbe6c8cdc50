package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Generated compares the verdicts on generated trees, Options.Cases (tree,
// device) pairs for each release, and returns an error where any differ.
func Generated(o Options) error {
	return o.eachSuite("%d disagreements with udevd", generatedSuite)
}

// suitesAtATime is how many releases are asked side by side, with a worker each at
// least: a running udevd or systemd-networkd mostly waits.
const suitesAtATime = 2

// eachSuite runs all suites, which share the workers, prints what each says in their
// order, and returns an error with the sum of what failed, in the words of format.
func (o Options) eachSuite(format string, run func(o Options, suite string) (failed int, err error)) error {
	type end struct {
		log    bytes.Buffer
		failed int
		err    error
		is     chan struct{}
	}
	turns := make(chan struct{}, suitesAtATime)
	ends := make([]end, len(o.Suites))
	for i, suite := range o.Suites {
		e := &ends[i]
		e.is = make(chan struct{})
		o := o
		o.Workers, o.Log = max(1, o.Workers/suitesAtATime), &e.log
		go func() {
			turns <- struct{}{}
			defer func() { <-turns; close(e.is) }()
			if e.failed, e.err = run(o, suite); e.err != nil {
				// Not a disagreement, but an udevd or a namespace that did not
				// come up or hear: on a busy machine that happens once.
				fmt.Fprintf(o.Log, "%s: %v: once more\n", suite, e.err)
				e.failed, e.err = run(o, suite)
			}
		}()
	}
	failed := 0
	for i, suite := range o.Suites {
		e := &ends[i]
		<-e.is
		if _, err := e.log.WriteTo(o.Log); err != nil {
			return err
		}
		if e.err != nil {
			return fmt.Errorf("%s: %w", suite, e.err)
		}
		failed += e.failed
	}
	if failed > 0 {
		return fmt.Errorf(format, failed)
	}
	return nil
}

// generatedSuite runs one release and returns the number of disagreements.
func generatedSuite(o Options, suite string) (int, error) {
	var (
		mu       sync.Mutex
		wg       sync.WaitGroup
		next     uint64
		failures int
		fatal    error
		total    statistics
		release  int
		lacking  []string
	)
	// take hands out the indices, and none any more once enough has gone wrong.
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if fatal != nil || failures >= o.MaxFailures || next*devicesPerCase >= uint64(o.Cases) {
			return 0, false
		}
		next++
		return next - 1, true
	}
	work := func() error {
		oracle, err := StartOracle(o.root(suite))
		if err != nil {
			return err
		}
		defer oracle.Close()
		mu.Lock()
		release, lacking = oracle.Release, oracle.Lacking
		mu.Unlock()
		for {
			index, ok := take()
			if !ok {
				return nil
			}
			c, err := Generate(o.Seed, index, oracle.Devices)
			if err != nil {
				return err
			}
			udevd, err := oracle.Ask(c)
			if err != nil {
				return err
			}
			var ours []Verdict
			if !o.OracleOnly {
				ours = Ours(oracle.Root(), c, oracle.Release)
			}
			mu.Lock()
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
				failures++
				o.report(small, oracle, o.Seed, index)
				mu.Unlock()
				break // the other devices of the tree will show the same
			}
		}
	}
	for range o.Workers {
		wg.Go(func() {
			if err := work(); err != nil {
				mu.Lock()
				fatal = cmp.Or(fatal, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if fatal != nil {
		return failures, fatal
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

// statistics show whether the generator makes cases that are worth it.
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
