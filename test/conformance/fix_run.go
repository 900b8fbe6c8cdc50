package conformance

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"linkaudit/test/tool"
)

// fixTotals counts the results of one release.
type fixTotals struct {
	trees    int
	what     map[string]int
	reasons  map[string]int
	marks    map[string]int
	failures int
}

func (t *fixTotals) count(r fixResult) {
	t.trees++
	t.what[r.what]++
	if r.reason != "" {
		t.reasons[r.reason]++
	}
	slices.Sort(r.marks)
	for _, m := range slices.Compact(r.marks) {
		t.marks[m]++
	}
}

func (t *fixTotals) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d trees:", t.trees)
	for i, what := range slices.Sorted(maps.Keys(t.what)) {
		fmt.Fprintf(&b, "%s %s %d (%d%%)", strings.Repeat(",", min(i, 1)), what, t.what[what], 100*t.what[what]/t.trees)
	}
	fmt.Fprintf(&b, "; %d problems\n", t.failures)
	list := func(head string, of map[string]int) {
		for _, what := range slices.SortedFunc(maps.Keys(of), func(x, y string) int { return cmp.Or(of[y]-of[x], strings.Compare(x, y)) }) {
			fmt.Fprintf(&b, "  %s%5d  %s\n", head, of[what], what)
		}
	}
	list("", t.marks)
	list("refused ", t.reasons)
	return b.String()
}

// Fixes tries fix and undo on Options.Trees generated trees for each release, or only
// on those with the indices, and returns an error if anything is wrong.
func Fixes(o Options, indices []string) error {
	var only []uint64
	for _, text := range indices {
		index, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return err
		}
		only = append(only, index)
	}
	return o.eachSuite("%d fixes are not as they have to be", func(o Options, suite string) (int, error) {
		if only != nil {
			return fixSuite(o, suite, only)
		}
		// The running udevd mostly waits: it may do that meanwhile.
		var (
			wg   sync.WaitGroup
			log  bytes.Buffer
			more int
			late error
		)
		wg.Go(func() {
			o := o
			o.Log = &log
			more, late = fixOutcomes(o, suite)
		})
		failures, err := fixSuite(o, suite, only)
		wg.Wait()
		o.Log.Write(log.Bytes())
		return failures + more, errors.Join(err, late)
	})
}

func fixSuite(o Options, suite string, only []uint64) (int, error) {
	var (
		mu      sync.Mutex
		release int
	)
	total := &fixTotals{what: map[string]int{}, reasons: map[string]int{}, marks: map[string]int{}}
	work := func(oracle *Oracle, piece int) error {
		index := uint64(piece)
		if only != nil {
			index = only[piece]
		}
		f, err := generateFix(o.Seed, index, oracle.Devices)
		if err != nil {
			return err
		}
		r, err := f.check(oracle)
		if err != nil {
			return fmt.Errorf("seed %d, index %d: %w", o.Seed, index, err)
		}
		var small *fixCase
		if r.problem != "" {
			if small, err = f.shrink(oracle, r.problem); err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		release = oracle.Release
		total.count(r)
		if o.Raw != nil && r.reason != "" {
			fmt.Fprintf(o.Raw, "udev %d, seed %d, index %d, target %s (unseen %v): %s\n", oracle.Release, o.Seed, index, f.Target, f.Unseen, r.reason)
			if only != nil {
				fmt.Fprintf(o.Raw, "%v\n%s", r.err, f.Format())
			}
		}
		if r.problem == "" {
			return nil
		}
		total.failures++
		fmt.Fprintf(o.Log, "--- fix: udev %d, seed %d, index %d, target %s (unseen %v, bare %v): %s\n%s",
			oracle.Release, o.Seed, index, f.Target, f.Unseen, f.Bare, r.problem, small.Format())
		if small.Former != nil {
			fmt.Fprintf(o.Log, "former override %s:\n%s", small.Former.Path, small.Former.Content)
		}
		if total.failures >= o.MaxFailures {
			return tool.ErrEnough
		}
		return nil
	}
	trees := o.Trees
	if only != nil {
		trees = len(only)
	}
	if err := o.oracles(suite, work).Work(trees); err != nil {
		return total.failures, err
	}
	fmt.Fprintf(o.Log, "udev %d (%s), seed %d: fix and undo on %s", release, suite, o.Seed, total)
	return total.failures, nil
}

// shrink finds the smallest tree with a problem of the same kind.
func (f *fixCase) shrink(o *Oracle, problem string) (*fixCase, error) {
	kindOf := func(problem string) string {
		kind, _, _ := strings.Cut(problem, ":")
		return kind
	}
	budget := fixShrinkBudget
	var failure error
	still := func(try *fixCase) bool {
		if failure != nil || budget <= 0 {
			return false
		}
		budget--
		r, err := try.check(o)
		failure = err
		return err == nil && r.problem != "" && kindOf(r.problem) == kindOf(problem)
	}
	small := *f
	if small.Former = nil; f.Former != nil && !still(&small) {
		small.Former = f.Former
	}
	with := func(t Tree) *fixCase {
		try := small
		c := *f.Case
		c.Tree = t
		try.Case = &c
		return &try
	}
	tree := shrinkTree(slices.Clone(f.Tree), func(t Tree) bool { return still(with(t)) })
	return with(tree), failure
}
