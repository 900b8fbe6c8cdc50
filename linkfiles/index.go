package linkfiles

import (
	"slices"
	"strings"
)

// index finds the files that may fit a device among many that name an address,
// a name or a path each, as is usual for files made for network cards. A file
// that it leaves out would have failed on its MACAddress=, OriginalName= or
// Path=, and one failed condition fails a file whatever the others say or
// cannot say.
type index struct {
	// byMAC and byName hold places in Decider.files, ascending. A file is in
	// one of the two, and there under each of its addresses or names, or it
	// is in others, which has those for any path too. pathless is others
	// without the files that need some path.
	byMAC            map[MAC][]int
	byName           map[string][]int
	others, pathless []int
}

// indexFrom is the number of files from which on an index pays off.
const indexFrom = 8

func newIndex(files []machineFile, live []int) *index {
	if len(live) < indexFrom {
		return nil
	}
	x := &index{byMAC: map[MAC][]int{}, byName: map[string][]int{}}
	for _, i := range live {
		x.add(i, files[i].File)
	}
	return x
}

// add puts the file of a place under what it asks for.
func (x *index) add(i int, f *File) {
	if f.State != StateActive {
		x.others = append(x.others, i)
		x.pathless = append(x.pathless, i)
		return
	}
	if c := f.match.by(byAddress); c != nil {
		for addr := range c.addrs {
			x.byMAC[addr] = append(x.byMAC[addr], i)
		}
		return
	}
	if c := f.match.by(byName); c != nil && !slices.ContainsFunc(c.wants, pattern.mayFitOthers) {
		x.addNames(i, c.wants)
		return
	}
	x.others = append(x.others, i)
	if c := f.match.by(byPath); c == nil || slices.ContainsFunc(c.wants, pattern.mayInvert) {
		x.pathless = append(x.pathless, i)
	}
}

// addNames puts the file of a place under names, of which one may come again.
func (x *index) addNames(i int, names []pattern) {
	for _, p := range names {
		if at := x.byName[p.text]; len(at) == 0 || at[len(at)-1] != i {
			x.byName[p.text] = append(at, i)
		}
	}
}

// mayFitOthers reports whether the pattern may fit more than the string that it is.
func (p pattern) mayFitOthers() bool { return !p.literal() }

// mayInvert reports whether the pattern fits what has not the text, in some release.
func (p pattern) mayInvert() bool { return p.invert || strings.HasPrefix(p.text, "!") }

// candidates yields the places of the files that may fit the device, in order;
// false where that may be any of them.
func (x *index) candidates(q *quirks, dev *Device) ([]int, bool) {
	if x == nil {
		return nil, false
	}
	mac, ok := dev.current(q).Get()
	if !ok {
		// Without an address, MACAddress= fits in some releases and
		// cannot be told in others.
		return nil, false
	}
	others := x.others
	if dev.Path.IsAbsent() {
		others = x.pathless
	}
	byMAC, byName := x.byMAC[mac], x.byName[dev.name(q)]
	if len(byMAC)+len(byName) == 0 {
		return others, true
	}
	all := slices.Concat(others, byMAC, byName)
	slices.Sort(all)
	return all, true
}
