package linkfiles

import (
	"fmt"
	"slices"
)

// load is link_load_one() of link-config.c without the conditions, which the Decider tests.
// dropIns are the directories of the file's drop-ins.
func (t *Tree) load(c candidate, dropIns []*Dir) *File {
	f := &File{Name: c.entry.Name, Path: c.path, State: StateActive}
	// A masked or missing file disables its drop-ins, too.
	if why := t.masks(c.entry); why != "" {
		f.State, f.Why = StateMasked, why
		f.complain(Pos{c.path, 0}, CodeMaskedFile, LevelInfo, "masked: the file is "+why)
		return f
	}
	if c.entry.Type == TypeMissing {
		f.State, f.Why, f.passedOver = StateRejected, missing(c.entry), !c.entry.leadsNowhere()
		f.complain(Pos{c.path, 0}, CodeUnreadable, t.missingLevel(c.entry), "the file is not used: it is "+f.Why)
		return f
	}
	t.parseParts(f, c, t.parts(f, c, dropIns))
	f.countUnlisted()
	return f
}

// parts returns the files that are read as one, in order, and notes the drop-ins among them.
func (t *Tree) parts(f *File, c candidate, dropIns []*Dir) []candidate {
	drop := t.dropInFiles(dropIns)
	parts := []candidate{c}
	if t.quirks.dropInTwin && slices.ContainsFunc(drop, func(d candidate) bool { return d.entry.Inode != 0 && d.entry.Inode == c.entry.Inode }) {
		parts = nil
	}
	if t.quirks.regularOnly && c.entry.Dot {
		parts = nil // chased, it also leads to nothing, and is skipped
	}
	for _, d := range drop {
		f.DropIns = append(f.DropIns, d.path)
		if d.entry.Type != TypeMissing || d.entry.leadsNowhere() {
			parts = append(parts, d)
		}
	}
	return parts
}

// parseParts is config_parse_many() of conf-parser.c. Since 255 it opens all drop-ins
// before it reads the first line, and the main file after them.
func (t *Tree) parseParts(f *File, main candidate, parts []candidate) {
	if t.quirks.dropInTwin && !t.openParts(f, main, parts) {
		return
	}
	p := &parser{rel: t.Release, format: t.format, q: &t.quirks, complain: f.complain}
	p.assign = func(a Assignment) { f.take(p, a) }
	for _, part := range parts {
		if state, why := t.cannotRead(part.entry); why != "" {
			t.reject(f, main, part, state, LevelError, why)
			if state == StateRejected && part != main {
				f.repeatFailure(t, main.path)
			}
			return
		}
		f.warnMode(part)
		p.mode = part.entry.opened().Mode // stat(2) of the name; 0 where that fails
		if !p.parse(part.path, part.entry.Content) {
			last := f.Diagnostics[len(f.Diagnostics)-1]
			f.State, f.Why = StateRejected, fmt.Sprintf("%s: %s", last.Pos, last.Message)
			f.repeatFailure(t, main.path)
			return
		}
	}
	f.finish(t)
}

// openParts reports whether all parts can be opened, and otherwise rejects the file.
func (t *Tree) openParts(f *File, main candidate, parts []candidate) bool {
	for _, part := range parts {
		if why := t.cannotOpen(part.entry); why != "" && part != main {
			level := LevelInfo
			if t.quirks.openFailureWarns {
				level = LevelWarning
			}
			t.reject(f, main, part, StateRejected, level, why)
			return false
		}
	}
	if why := t.cannotOpen(main.entry); why != "" && slices.Contains(parts, main) {
		t.reject(f, main, main, StateRejected, LevelWarning, why)
		return false
	}
	return true
}

// reject rejects a file because of one of its parts.
func (t *Tree) reject(f *File, main, part candidate, state FileState, level Level, why string) {
	f.State, f.Why = state, why
	of := ""
	if part != main {
		f.Why = fmt.Sprintf("its drop-in %s is %s", part.path, why)
		of = ", a drop-in of " + main.path + ", which is then not used at all"
	}
	text := "the file is not used: it is " + why + of
	if state == StateUnknown {
		text = "unknown what " + t.format.reader + " does with the file: it is " + why
	}
	f.complain(Pos{part.path, 0}, CodeUnreadable, level, text)
	f.Diagnostics[len(f.Diagnostics)-1].Err = part.entry.Err
}

// masks says how an entry masks its name, "" if it does not: null_or_empty() of
// stat-util.c, which treats any character device like /dev/null.
func (t *Tree) masks(e *Entry) string {
	switch {
	case e.Type == TypeNull:
		return "a link to /dev/null"
	case e.Type == TypeChar:
		return "a character device"
	case e.Type == TypeBlock && t.quirks.blockDeviceMasks:
		return "a block device"
	case e.Type == TypeRegular && len(e.Content) == 0 && e.Err == "" && e.Refused == "":
		return "empty"
	}
	return ""
}

// missingLevel is the level at which udevd reports a missing main file.
func (t *Tree) missingLevel(e *Entry) Level {
	switch {
	case t.quirks.danglingWarns:
		return LevelWarning
	case e.leadsNowhere() && t.quirks.failureRepeated:
		return LevelError
	}
	return LevelInfo
}

// cannotOpen says why a release with dropInTwin fails to open an entry, "" if
// it does not.
func (t *Tree) cannotOpen(e *Entry) string {
	switch {
	case e.Type == TypeMissing:
		return missing(e)
	case e.Type == TypeRegular || !t.quirks.regularOnly:
		return ""
	case e.Type == TypeNull:
		return fmt.Sprintf("a link to /dev/null, which masks a drop-in up to systemd 259 but makes systemd %d ignore the whole %s file; an empty file masks it in every release", t.Release, t.format.suffix)
	}
	return typeNames[e.Type]
}

var typeNames = map[FileType]string{
	TypeDirectory: "a directory", TypeNull: "a link to /dev/null", TypeChar: "a character device",
	TypeBlock: "a block device", TypeFIFO: "a FIFO", TypeSocket: "a socket",
}

// cannotRead says why the text of an entry cannot be read: by udevd (StateRejected), or by
// this program (StateUnknown).
func (t *Tree) cannotRead(e *Entry) (FileState, string) {
	switch e.Type {
	case TypeMissing:
		return StateRejected, missing(e)
	case TypeDirectory, TypeSocket:
		return StateRejected, typeNames[e.Type]
	case TypeChar, TypeBlock:
		return StateUnknown, typeNames[e.Type] + ", from which " + t.format.reader + " reads"
	case TypeFIFO:
		return StateUnknown, fmt.Sprintf("a FIFO, and %s %d waits until something writes to it", t.format.reader, t.Release)
	}
	switch {
	case e.Refused != "":
		return StateUnknown, "a file that was not read: " + e.Refused
	case e.Err != "":
		return StateUnknown, fmt.Sprintf("a file that cannot be read here (%s)", e.Err)
	}
	return StateActive, ""
}
