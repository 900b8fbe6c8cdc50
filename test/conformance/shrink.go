package conformance

import (
	"bytes"
	"slices"
)

// shrinkBudget is how many times shrinking one case may ask udevadm.
const shrinkBudget = 600

// shrink reduces the case to the one device and to the smallest tree on which the
// verdicts still differ in the same kind of way, and leaves that tree laid out. The
// result has udevd's answer.
func shrink(oracle *Oracle, c *Case, device int, wanted string) (*Case, error) {
	budget := shrinkBudget
	var failure error
	differs := func(t Tree) bool {
		if failure != nil || budget <= 0 {
			return false
		}
		budget--
		try := &Case{Machine: c.Machine, Devices: c.Devices[device : device+1], Tree: t}
		udevd, err := oracle.Ask(try)
		if err != nil {
			failure = err
			return false
		}
		ours := comparable(oracle.Release, Ours(oracle.Root(), try, oracle.Release)[0])
		return kind(Difference(udevd[0], ours)) == wanted
	}
	tree := shrinkTree(slices.Clone(c.Tree), differs)
	if failure != nil {
		return nil, failure
	}
	small := &Case{Machine: c.Machine, Devices: slices.Clone(c.Devices[device : device+1]), Tree: tree}
	udevd, err := oracle.Ask(small)
	if err != nil {
		return nil, err
	}
	small.Udevd = []Answer{{oracle.Release, small.Devices[0].Name, udevd[0]}}
	return small, nil
}

// shrinkTree drops nodes, then lines, then bytes, as long as differs holds.
func shrinkTree(t Tree, differs func(Tree) bool) Tree {
	t = without(t, differs)
	for i := range t {
		if t[i].Kind != NodeFile {
			continue
		}
		replace := func(content []byte) Tree {
			u := slices.Clone(t)
			u[i].Content = content
			return u
		}
		if t[i].Mode != 0 {
			u := slices.Clone(t)
			if u[i].Mode = 0; differs(u) {
				t = u
			}
		}
		lines := without(slices.Collect(bytes.Lines(t[i].Content)), func(l [][]byte) bool {
			return differs(replace(bytes.Join(l, nil)))
		})
		t = replace(bytes.Join(lines, nil))
		t = replace(without(t[i].Content, func(b []byte) bool { return differs(replace(b)) }))
	}
	return without(t, differs)
}

// without drops elements, in ever smaller runs, as long as differs holds for the rest.
func without[S ~[]T, T any](all S, differs func(S) bool) S {
	for size := len(all); size > 0; size /= 2 {
		for at := 0; at < len(all); {
			rest := slices.Concat(all[:at], all[min(at+size, len(all)):])
			if differs(rest) {
				all = rest
			} else {
				at += size
			}
		}
	}
	return all
}
