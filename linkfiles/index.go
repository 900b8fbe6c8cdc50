package linkfiles

import (
	"slices"
	"strings"
)

// index finds the files that may match a device among many with an address, a name or a path,
// as is usual for network cards. The files that it leaves out would fail on their
// MACAddress=, OriginalName= or Path=, and one failed condition fails a file whatever the
// others are.
type index struct {
	// byMAC and byName have places in Decider.files, ascending. A file is in one of the
	// two, under each of its addresses or names, or it is in others, which is for any
	// path, too. pathless is others without the files that need a path.
	byMAC            map[MAC][]int
	byName           map[string][]int
	others, pathless []int
}

// indexFrom is the number of files from which an index pays off.
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

// add adds the file of a place under what it asks for.
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

// addNames adds the file of a place under names, which may repeat.
func (x *index) addNames(i int, names []pattern) {
	for _, p := range names {
		if at := x.byName[p.text]; len(at) == 0 || at[len(at)-1] != i {
			x.byName[p.text] = append(at, i)
		}
	}
}

// mayFitOthers reports whether the pattern may match other strings than its own text.
func (p pattern) mayFitOthers() bool { return !p.literal() }

// mayInvert reports whether the pattern matches other texts, in some release.
func (p pattern) mayInvert() bool { return p.invert || strings.HasPrefix(p.text, "!") }

// candidates yields the places of the files that may match the device, in order; false if
// any file may.
func (x *index) candidates(q *quirks, dev *Device) ([]int, bool) {
	if x == nil {
		return nil, false
	}
	mac, ok := dev.current(q).Get()
	if !ok {
		// Without an address, MACAddress= matches in some releases and is unknown in
		// others.
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
