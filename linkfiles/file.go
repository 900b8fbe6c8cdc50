package linkfiles

import (
	"fmt"
	"strings"
)

// FileState says what udevd does with a file, for any device.
type FileState string

// The states of a file.
const (
	StateActive     FileState = "active"   // used for the devices that it matches
	StateMasked     FileState = "masked"   // empty, or a link to /dev/null
	StateRejected   FileState = "rejected" // an error that makes udevd drop the whole file
	StateMatchEmpty FileState = "no-match" // no valid setting in [Match]: ignored since 245
	StateUnknown    FileState = "unknown"  // could not be read here; udevd may be able to
)

// File is one .link file with its drop-ins merged into it.
type File struct {
	Name    string   // base name
	Path    string   // the path udevd names
	DropIns []string // the drop-ins udevd reads, in its order
	State   FileState
	// Why explains every state but StateActive, in one line.
	Why string
	// Assignments are all "key = value" of known sections, in the order
	// udevd reads them.
	Assignments []Assignment
	Diagnostics []Diagnostic

	// passedOver: the file does not exist; no release stops reading there (load_link of
	// link-config.c).
	passedOver bool

	match      matchSection
	policy     *Setting
	macAddress *Setting
	// unlisted is how many complaints Diagnostics leaves out.
	unlisted int
	// settings are the effective ones of a .netdev or .network file, by
	// "Section.Key".
	settings map[string]Setting
}

// Setting is one effective value of a file, and the line that set it.
type Setting struct {
	Value string
	Pos   Pos
}

// MACAddressPolicy returns the effective MACAddressPolicy= of the file and its drop-ins:
// "persistent", "random" or "none", and false if nothing sets it.
func (f *File) MACAddressPolicy() (Setting, bool) { return deref(f.policy) }

// MACAddress returns the effective [Link] MACAddress=, lower-case with colons.
func (f *File) MACAddress() (Setting, bool) { return deref(f.macAddress) }

// LinkName returns [Link] Name=, false if nothing sets it. It does not check whether udevd
// accepts it unchanged.
func (f *File) LinkName() (Setting, bool) {
	var s Setting
	for _, a := range f.Assignments {
		if a.Section == "Link" && a.Key == "Name" && a.Taken {
			s = Setting{a.Value, a.Pos}
		}
	}
	return s, s.Value != ""
}

// Setting returns the effective value of a key of a .netdev or .network file that is in the
// table of its type (configtype.go), in systemd's form: an address lower-case with colons, a
// boolean as "yes" or "no".
func (f *File) Setting(section, key string) (Setting, bool) {
	s, ok := f.settings[section+"."+key]
	return s, ok
}

// set keeps or drops a value of a .netdev or .network file.
func (f *File) set(id string, eff effect, stored string, pos Pos) {
	switch eff {
	case effectTaken:
		if f.settings == nil {
			f.settings = map[string]Setting{}
		}
		f.settings[id] = Setting{stored, pos}
	case effectReset:
		delete(f.settings, id)
	}
}

func deref(s *Setting) (Setting, bool) {
	if s == nil {
		return Setting{}, false
	}
	return *s, true
}

// repeatFailure repeats the last complaint about a part for the whole file, in the releases
// that do.
func (f *File) repeatFailure(t *Tree, path string) {
	if !t.quirks.failureRepeated {
		return
	}
	last := f.Diagnostics[len(f.Diagnostics)-1]
	f.Diagnostics = append(f.Diagnostics, Diagnostic{
		Pos: Pos{path, 0}, Code: last.Code, Level: LevelError, Repeats: true,
		Message: "the whole file is ignored because of " + last.Pos.String(),
	})
}

// maxDiagnostics is how many complaints about a file are listed. A file of a million lines
// would take gigabytes of memory.
const maxDiagnostics = 1000

// complain adds what udevd says about the file.
func (f *File) complain(pos Pos, code Code, level Level, text string) {
	if len(f.Diagnostics) == maxDiagnostics {
		f.unlisted++
		f.Diagnostics = f.Diagnostics[:maxDiagnostics-1] // the last one says why a file is refused
	}
	f.Diagnostics = append(f.Diagnostics, Diagnostic{Pos: pos, Code: code, Level: level, Message: text})
}

// countUnlisted adds how many complaints are left out.
func (f *File) countUnlisted() {
	if f.unlisted == 0 {
		return
	}
	last := f.Diagnostics[len(f.Diagnostics)-1]
	f.Diagnostics = append(f.Diagnostics, Diagnostic{Pos: Pos{f.Path, 0}, Code: last.Code, Level: last.Level,
		Message: fmt.Sprintf("more problems before the last one, not listed: %d", f.unlisted)})
}

// warnMode is stat_warn_permissions() of fileio.c.
func (f *File) warnMode(c candidate) {
	if c.entry.Type != TypeRegular {
		return
	}
	if c.entry.Mode&0o111 != 0 {
		f.complain(Pos{c.path, 0}, CodeFileMode, LevelWarning, "the file is executable; it is read anyway")
	}
	if c.entry.Mode&0o002 != 0 {
		f.complain(Pos{c.path, 0}, CodeFileMode, LevelWarning, "anyone can write to the file; it is read anyway")
	}
}

// take is next_assignment() of conf-parser.c.
func (f *File) take(p *parser, a Assignment) {
	switch {
	case p.format.knowsKey(p.rel, a.Section, a.Key):
		if a.Section == "Match" {
			f.takeMatch(p, a)
		} else {
			f.takeValue(p, a)
		}
	case !strings.HasPrefix(a.Key, "X-") && !p.format.partial:
		p.complain(a.Pos, CodeUnknownKey, LevelWarning,
			fmt.Sprintf("unknown key %q in section [%s], ignoring it%s", a.Key, a.Section, newerKey(p.rel, a.Section, a.Key)))
	}
}

// takeMatch takes a line of [Match].
func (f *File) takeMatch(p *parser, a Assignment) {
	a.Taken = f.match.set(p, p.format.keys[a.Section][a.Key].match, a)
	if comment := inlineComment(a.Value); comment != "" && a.Taken {
		p.complain(a.Pos, CodeCommentInMatch, LevelWarning, fmt.Sprintf("%q is not a comment, because it does not start the line: its words are part of %s=", comment, a.Key))
	}
	f.keep(a)
}

// takeValue takes a line of another section.
func (f *File) takeValue(p *parser, a Assignment) {
	value := p.format.checkValue(p.rel, a.Section, a.Key, a.Value)
	for _, c := range value.complaints {
		p.complain(a.Pos, c.code, c.level, c.text)
	}
	if p.mode&0o007 != 0 && exposesPassword(p.rel, a.Section, a.Key, a.Value) {
		p.complain(Pos{a.File, 0}, CodeFileMode, LevelWarning, "the file has a password, and other users can access it")
	}
	if set, holds := f.heldBefore(p, a, value); holds {
		p.complain(a.Pos, CodeInvalidValue, LevelWarning, fmt.Sprintf("%s= is already %s, ignoring it", a.Key, set.Value))
		value.effect = effectIgnored
	}
	if p.q.dropInsHalf && a.File != f.Path && !halfRead[a.Section+"."+a.Key] {
		value.effect = effectIgnored
	}
	a.Taken = value.effect != effectIgnored
	f.keep(a)
	f.put(p.format.partial, a, value)
}

// heldBefore is another value that the key already has, if the first one counts.
func (f *File) heldBefore(p *parser, a Assignment, value parsed) (set Setting, holds bool) {
	if value.effect != effectTaken || !p.format.firstHolds(p.rel, a.Section, a.Key) {
		return set, false
	}
	set, is := f.Setting(a.Section, a.Key)
	return set, is && set.Value != value.stored
}

// put keeps or drops the value of a line: all lines of .netdev and .network files, for .link
// files those about addresses.
func (f *File) put(all bool, a Assignment, value parsed) {
	var slot **Setting
	switch id := a.Section + "." + a.Key; {
	case all:
		f.set(id, value.effect, value.stored, a.Pos)
		return
	case id == "Link.MACAddressPolicy":
		slot = &f.policy
	case id == "Link.MACAddress":
		slot = &f.macAddress
	default:
		return
	}
	switch value.effect {
	case effectTaken:
		*slot = &Setting{value.stored, a.Pos}
	case effectReset:
		*slot = nil
	}
}

// keep adds a line to the file. Most files have a few.
func (f *File) keep(a Assignment) {
	if f.Assignments == nil {
		f.Assignments = make([]Assignment, 0, 4)
	}
	f.Assignments = append(f.Assignments, a)
}

// inlineComment is the end of a value that looks like a comment, "" if there is none.
// config_parse() of conf-parser.c knows comments only at the start of a line, and udevd does
// not warn.
func inlineComment(value string) string {
	for i := range len(value) {
		if (value[i] == '#' || value[i] == ';') && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			return value[i:]
		}
	}
	return ""
}

// newerKey and newerSection say which release adds what this one lacks.
func newerKey(rel Release, section, key string) string {
	if row := LinkFiles.format().keys[section][key]; row != nil {
		return row.known.elsewhere(rel)
	}
	return ""
}

func newerSection(rel Release, name string) string {
	if known := sections[name]; rel < known.first {
		return known.elsewhere(rel)
	}
	return ""
}

// elsewhere says which release added what this one lacks, or removed it.
func (s span) elsewhere(rel Release) string {
	switch {
	case rel < s.first:
		return fmt.Sprintf(" (new in systemd %d)", s.first)
	case rel > s.last:
		return fmt.Sprintf(" (systemd %d removed it)", s.last+1)
	}
	return ""
}

// finish is the end of link_load_one(), after everything is read.
func (f *File) finish(t *Tree) {
	if d, ok := rejectsFile(t.Release, f.Assignments); ok && !t.format.partial {
		f.State, f.Why = StateRejected, fmt.Sprintf("%s: %s", d.Pos, d.Message)
		if !t.quirks.failureRepeated {
			// Releases that stop at such a file do not log that.
			d.Level = LevelInfo
		}
		f.Diagnostics = append(f.Diagnostics, d)
		return
	}
	if !t.format.matchOptional && f.match.empty() {
		switch {
		case !t.quirks.emptyMatchAll:
			f.State, f.Why = StateMatchEmpty, "it has no valid setting in [Match]"
			f.complain(Pos{f.Path, 0}, CodeMatchEmpty, LevelWarning, "no valid setting in [Match], the file is ignored; "+t.format.nameKey+"=* would match every device")
			return
		case t.quirks.emptyMatchWarns:
			f.complain(Pos{f.Path, 0}, CodeMatchEmpty, LevelWarning, "no valid setting in [Match], the file matches every device; write "+t.format.nameKey+"=* if intended")
		}
	}
	if t.format.partial {
		return
	}
	for _, d := range finishLink(t.Release, f.Assignments) {
		d.Late = true
		f.Diagnostics = append(f.Diagnostics, d)
	}
}
