package linkfiles

import "slices"

// UndecidedFile is a file that may or may not apply to a device.
type UndecidedFile struct {
	File *File
	// Reason names the first condition that is unknown, and why; Pos is its line.
	Reason *Statement
	Pos    Pos
}

// Decision is which file udevd applies to a device.
type Decision struct {
	// File is the effective link file: absent if none applies, unknown (with the
	// reason) if an earlier file may or may not apply.
	File Fact[*File]
	// Unknown are the files that may or may not apply and make File unknown.
	Unknown []UndecidedFile
	// Otherwise is the file that applies if none of Unknown does, nil if none does.
	// It is set only if File is unknown.
	Otherwise *File
	// NameUnpredictable is udevd's warning that it chose the file by a name that the
	// kernel only enumerated (name_assign_type 1).
	NameUnpredictable bool
}

// Fate is what happens to a file when udevd looks for the one that applies to a
// device.
type Fate string

const (
	// FateApplies: udevd applies this file.
	FateApplies Fate = "applies"
	// FateOtherwise: udevd applies this file unless an earlier one applies, which is
	// unknown (FateUnknown).
	FateOtherwise Fate = "applies-otherwise"
	// FateUnknown: unknown whether the file matches.
	FateUnknown Fate = "unknown"
	// FateNoMatch: a condition of [Match] is not met.
	FateNoMatch Fate = "no-match"
	// FateUnused: udevd uses the file for no device: it is masked, broken or
	// has nothing in [Match] (File.State).
	FateUnused Fate = "unused"
	// FateLater: the file matches, but an earlier one applies.
	FateLater Fate = "later"
)

// Verdict is the fate of one file, and why.
type Verdict struct {
	File *File
	Fate Fate
	// Reached is false for a file that udevd does not read because an earlier one
	// applies. Fate is what would happen to it anyway.
	Reached bool
	// Reason names the first condition that is not met or unknown, with what the file
	// asks for and what there is; nil if all are met.
	Reason *Statement
	// Key is the key of that condition, "" if the reason is about the whole file; Pos
	// is its line.
	Key string
	Pos Pos
}

// Values of /sys/class/net/NAME/name_assign_type (NET_NAME_* of
// include/uapi/linux/netdevice.h).
const (
	nameEnum    = 1
	nameRenamed = 4
)

// Decider works out which file of a tree applies to the devices of one machine.
type Decider struct {
	tree *Tree
	// files are those of the tree with the results of their conditions on the machine.
	files []machineFile
	// live are the places of those that can apply to any device.
	live  []int
	index *index // nil where there are few files
}

// machineFile is a file, and what is the same for all devices of a machine.
type machineFile struct {
	*File
	mismatch mismatch
}

// For returns the Decider for the machine sys. It tests the conditions that are the same for
// all devices once.
func (t *Tree) For(sys *System) *Decider {
	d := &Decider{tree: t, files: make([]machineFile, len(t.Files)), live: make([]int, 0, len(t.Files))}
	for i, f := range t.Files {
		d.files[i] = machineFile{f, t.askSystem(f, sys)}
		if d.files[i].mismatch.result != ConditionNotMet {
			d.live = append(d.live, i)
		}
	}
	if t.format == LinkFiles.format() {
		d.index = newIndex(d.files, d.live)
	}
	return d
}

// Uses reports whether the file can apply to any device of the machine. udevd does not log
// some complaints (Late) about a file that cannot.
func (d *Decider) Uses(f *File) bool {
	return slices.ContainsFunc(d.live, func(i int) bool { return d.files[i].File == f })
}

// Decide works out which file udevd applies to dev: link_get_config() of
// link-config.c.
func (d *Decider) Decide(dev *Device) Decision {
	out := Decision{File: Absent[*File]()}
	everyFile := d.tree.refuses(dev)
	switch everyFile.result {
	case ConditionNotMet:
		return out
	case ConditionUndecided:
		out.File = Unknown[*File](everyFile.statement())
		return out
	}
	places, ok := d.index.candidates(&d.tree.quirks, dev)
	if !ok {
		places = d.live
	}
	s := search{tree: d.tree}
	for _, i := range places {
		fate, m := s.next(&d.files[i], dev)
		switch fate {
		case FateUnknown:
			out.Unknown = append(out.Unknown, UndecidedFile{File: d.files[i].File, Reason: m.statement(), Pos: m.pos})
			continue
		case FateApplies:
			out.File = Known(d.files[i].File)
			out.NameUnpredictable = d.files[i].byEnumeratedName(&d.tree.quirks, dev)
		case FateOtherwise:
			out.Otherwise = d.files[i].File
		}
		if s.found {
			break
		}
	}
	if len(out.Unknown) > 0 {
		out.File = Unknown[*File](Say("at", "pos", out.Unknown[0].Pos, "what", out.Unknown[0].Reason))
	}
	return out
}

// Explain returns the fate of every file of the tree, in udevd's order. If Decide knows the
// file that applies, that one has FateApplies.
func (d *Decider) Explain(dev *Device) []Verdict {
	out := make([]Verdict, 0, len(d.files))
	s := search{tree: d.tree, everyFile: d.tree.refuses(dev)}
	for i := range d.files {
		v := Verdict{File: d.files[i].File, Reached: !s.found}
		var m mismatch
		v.Fate, m = s.next(&d.files[i], dev)
		v.Reason, v.Pos, v.Key = m.statement(), m.pos, m.key()
		out = append(out, v)
	}
	return out
}

// Decide is For(sys).Decide(dev), for a single device.
func (t *Tree) Decide(sys *System, dev *Device) Decision { return t.For(sys).Decide(dev) }

// search goes through the files of a tree for one device. (It does not hold the device,
// which so can stay on the stack.)
type search struct {
	tree *Tree
	// everyFile is why no file is applied to the device.
	everyFile mismatch
	// found: a file applies; doubt: one before it may.
	found, doubt bool
}

// next says what happens to the next file, and why.
func (s *search) next(f *machineFile, dev *Device) (Fate, mismatch) {
	m := s.test(f, dev)
	switch {
	case m.result == ConditionUndecided:
		s.doubt = s.doubt || !s.found
		return FateUnknown, m
	case m.result == ConditionNotMet && f.State != StateActive:
		return FateUnused, m
	case m.result == ConditionNotMet:
		return FateNoMatch, m
	case s.found:
		return FateLater, m
	}
	s.found = true
	if s.doubt {
		return FateOtherwise, m
	}
	return FateApplies, m
}

// test checks in this order: whether udevd uses the file at all, whether it uses any for the
// device, the machine, and the device.
func (s *search) test(f *machineFile, dev *Device) mismatch {
	m := f.mismatch
	switch {
	case m.result == ConditionNotMet && f.State != StateActive:
	case s.everyFile.result != ConditionMet:
		m = s.everyFile
		m.pos = Pos{f.Path, 0}
	case m.result != ConditionNotMet && f.State != StateUnknown:
		m.and(f.match.testDevice(&s.tree.quirks, dev))
		if m.result != ConditionNotMet {
			m.and(f.testRenamed(&s.tree.quirks, dev))
		}
	}
	return m
}

// refuses says why no file is applied to the device, or why that is unknown.
func (t *Tree) refuses(dev *Device) mismatch {
	switch {
	case dev.Loopback && t.quirks.loopback:
		return mismatch{result: ConditionNotMet, why: wholeFile, because: Say("loopback-has-no-file", "release", int(t.Release))}
	case t.quirks.cleanText && !CleanText(dev.Name):
		return mismatch{result: ConditionNotMet, why: wholeFile, because: Say("name-is-not-text", "release", int(t.Release))}
	case t.unread != "":
		return mismatch{result: ConditionUndecided, why: wholeFile, because: Told(t.unread)}
	}
	return mismatch{}
}

// askSystem tests what is the same for all devices.
func (t *Tree) askSystem(f *File, sys *System) mismatch {
	switch f.State {
	case StateMasked, StateRejected, StateMatchEmpty:
		return mismatch{result: ConditionNotMet, why: wholeFile, pos: Pos{f.Path, 0}, because: Told(f.Why)}
	case StateUnknown:
		return mismatch{result: ConditionUndecided, why: wholeFile, pos: Pos{f.Path, 0}, because: Told(f.Why)}
	}
	return f.match.testSystem(t.Release, &t.quirks, sys)
}

// Conditions says whether the machine meets the file's conditions, so it is used for some
// devices, and if not, or if that is unknown, why.
func (t *Tree) Conditions(f *File, sys *System) (ConditionResult, *Statement) {
	m := t.askSystem(f, sys)
	switch {
	case m.result == ConditionMet:
		return m.result, nil
	case m.result == ConditionUndecided:
		return m.result, Say("at", "pos", m.pos, "what", m.statement())
	case f.State != StateActive:
		return m.result, Say("file-not-used", "why", m.statement())
	}
	return m.result, m.statement()
}

// Unread is why some files of the tree are unknown, "" if none are.
func (t *Tree) Unread() string { return t.unread }

// chosenByName returns the condition that makes the origin of the device's name matter:
// OriginalName=, except in releases where a "*" asks for no name.
func (f *File) chosenByName(q *quirks) *condition {
	c := f.match.by(byName)
	if c == nil || q.starExempt && hasStar(c.wants) {
		return nil
	}
	return c
}

// byEnumeratedName reports whether udevd warns that it chose the file by a name that the
// kernel only enumerated.
func (f *File) byEnumeratedName(q *quirks, dev *Device) bool {
	assign, _ := dev.NameAssignType.Get()
	return assign == nameEnum && f.chosenByName(q) != nil
}

// testRenamed is the test of link_get_config() for a renamed device.
func (f *File) testRenamed(q *quirks, dev *Device) mismatch {
	if !q.renamedNameSkips {
		return mismatch{}
	}
	c := f.chosenByName(q)
	if c == nil {
		return mismatch{}
	}
	assign, ok := dev.NameAssignType.Get()
	switch {
	case ok && assign == nameRenamed:
		return c.mismatch(c.pos(), renamed, actual{})
	case dev.NameAssignType.IsUnknown():
		return c.undecided(c.pos(), renamedUnknown, dev.NameAssignType.Reason())
	}
	return mismatch{}
}
