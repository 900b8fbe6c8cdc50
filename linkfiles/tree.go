package linkfiles

import (
	"fmt"
	"slices"
	"strings"
)

// Tree is a Store as udevd of one release understands it.
type Tree struct {
	Release Release
	// Files are all *.link files in the order udevd considers them (byte
	// order of the base names), each base name once.
	Files []*File
	// Diagnostics are the complaints that belong to no file of Files, about
	// shadowed files and unreadable directories for instance.
	Diagnostics []Diagnostic

	format *format
	quirks quirks
	// unread is why no decision can be made at all: a directory that udevd
	// reads could not be read here.
	unread string
}

// FileState says what udevd does with a file, whatever the device.
type FileState string

const (
	StateActive     FileState = "active"
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

	// passedOver: the file is not there, which stops no release from
	// reading on (load_link of link-config.c).
	passedOver bool

	match      matchSection
	policy     *Setting
	macAddress *Setting
	// settings are the effective ones of a .netdev or .network file, by
	// "Section.Key".
	settings map[string]Setting
}

// Setting is one effective value of a file.
type Setting struct {
	Value string
	Pos   Pos
}

// MACAddressPolicy returns the effective MACAddressPolicy= of the file and its
// drop-ins: "persistent", "random" or "none", and false where nothing sets it.
func (f *File) MACAddressPolicy() (Setting, bool) { return deref(f.policy) }

// MACAddress returns the effective [Link] MACAddress=, lower-case with colons.
func (f *File) MACAddress() (Setting, bool) { return deref(f.macAddress) }

// Setting returns the effective value of a key of a .netdev or .network file
// that is in the table of its type (configtype.go), in the form in which systemd stores
// it: an address lower-case with colons, a boolean as "yes" or "no".
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

// Parse reads the store as the program of the given release does that the files
// are for: link_config_load() of link-config.c for .link files, netdev_load() and
// network_load() of systemd-networkd for the others. It does no I/O.
func Parse(store *Store, rel Release) *Tree {
	rel = rel.Clamp()
	t := &Tree{Release: rel, format: store.Type.format(), quirks: store.Type.quirks(rel)}
	dirs := t.searchedDirs(store)
	dropIns := dropInDirs(dirs)
	for _, c := range t.list(dirs, (*Entry).opened) {
		t.Files = append(t.Files, t.load(c, dropIns[c.entry.Name]))
	}
	switch {
	case t.quirks.abortOnError:
		t.abort()
	case t.quirks.abortForward:
		t.abortForward()
	}
	return t
}

// searchedDirs returns the directories that this release searches, each once.
func (t *Tree) searchedDirs(store *Store) []*Dir {
	var dirs []*Dir
	seen := map[string]bool{}
	for i := range store.Dirs {
		d := &store.Dirs[i]
		if d.Path == localLibDir && !t.quirks.localLib || d.Path == splitUsrDir && !t.quirks.splitUsr {
			continue
		}
		if seen[d.resolved()] {
			continue
		}
		seen[d.resolved()] = true
		if d.Err != "" {
			t.cannotList(d, "files")
		}
		t.noDirectory(d)
		dirs = append(dirs, d)
	}
	return dirs
}

// cannotList notes that a directory of files or drop-ins could not be read, so
// that no decision can be made.
func (t *Tree) cannotList(d *Dir, what string) {
	t.unread = fmt.Sprintf("%s could not be read (%s)", d.Path, d.Err)
	t.Diagnostics = append(t.Diagnostics, Diagnostic{
		Pos: Pos{d.Path, 0}, Code: CodeUnreadable, Level: LevelError, Err: d.Err,
		Message: fmt.Sprintf("the directory could not be read (%s), so it is unknown which %s are in it", d.Err, what),
	})
}

// noDirectory notes what is in the place of a directory.
func (t *Tree) noDirectory(d *Dir) {
	if d.NoDir == "" {
		return
	}
	level, what := LevelInfo, "a file"
	if t.quirks.noDirWarns {
		level = LevelWarning
	}
	if d.NoDir == "ELOOP" {
		what = "a loop of symbolic links"
	}
	t.Diagnostics = append(t.Diagnostics, Diagnostic{
		Pos: Pos{d.Path, 0}, Code: CodeUnreadable, Level: level,
		Message: fmt.Sprintf("no directory but %s, so that %s reads nothing from it", what, t.format.reader),
	})
}

func (d *Dir) resolved() string {
	if d.Resolved != "" {
		return d.Resolved
	}
	return d.Path
}

// candidate is one name of the search path: the entry that counts.
type candidate struct {
	entry *Entry
	path  string
}

// list is conf_files_list_strv() of conf-files.c: each name once, from the
// first directory that has it, sorted by the bytes of the name. open is how the files are
// opened.
func (t *Tree) list(dirs []*Dir, open func(*Entry) *Entry) []candidate {
	var out []candidate
	first := map[string]string{}
	for _, d := range dirs {
		for i := range d.Entries {
			e := &d.Entries[i]
			path := join(d.resolved(), e.Name)
			if by, ok := first[e.Name]; ok {
				t.Diagnostics = append(t.Diagnostics, Diagnostic{Pos: Pos{path, 0}, Code: CodeShadowedFile, Level: LevelInfo, Message: fmt.Sprintf("not read: %s has the same name and a higher priority", by)})
				continue
			}
			if e := t.chased(e); t.quirks.loopNotListed && (e.leadsNowhere() || e.Back) {
				level := LevelInfo
				if t.quirks.loopWarns {
					level = LevelWarning
				}
				t.Diagnostics = append(t.Diagnostics, Diagnostic{Pos: Pos{path, 0}, Code: CodeUnreadable, Level: level, Message: "not read: it is " + missing(e)})
				continue
			}
			first[e.Name] = path
			out = append(out, candidate{open(e), path})
		}
	}
	slices.SortFunc(out, func(a, b candidate) int { return strings.Compare(a.entry.Name, b.entry.Name) })
	return out
}

// join puts a name behind a directory; that of a file named on its own is "".
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// dropInDirs returns the NAME.d directories by NAME, those of one name in the order
// of the search path and each once.
func dropInDirs(dirs []*Dir) map[string][]*Dir {
	byName := map[string][]*Dir{}
	for _, d := range dirs {
		in := join(d.Path, "")
		for i := range d.DropIns {
			dd := &d.DropIns[i]
			base, inside := strings.CutPrefix(dd.Path, in)
			name, isDropIn := strings.CutSuffix(base, ".d")
			same := func(other *Dir) bool { return other.resolved() == dd.resolved() }
			if inside && isDropIn && !slices.ContainsFunc(byName[name], same) {
				byName[name] = append(byName[name], dd)
			}
		}
	}
	return byName
}

// dropInFiles returns the *.conf files of a file's NAME.d directories.
func (t *Tree) dropInFiles(ds []*Dir) []candidate {
	if len(ds) == 0 {
		return nil
	}
	if !t.quirks.dropIns {
		for _, d := range ds {
			for _, e := range d.Entries {
				t.Diagnostics = append(t.Diagnostics, Diagnostic{Pos: Pos{join(d.resolved(), e.Name), 0}, Code: CodeDropInUnsupported, Level: LevelWarning, Message: fmt.Sprintf("not read: systemd %d reads no drop-ins for %s files, 248 was the first", t.Release, t.format.suffix)})
			}
		}
		return nil
	}
	for _, d := range ds {
		if d.Err != "" {
			t.cannotList(d, "drop-ins")
		}
		t.noDirectory(d)
	}
	if t.quirks.chase {
		return t.list(ds, t.chased)
	}
	return t.list(ds, (*Entry).opened)
}

// maxDiagnostics is how many complaints about a file are listed. One of a million lines
// would take gigabytes of memory.
const maxDiagnostics = 1000

// load is link_load_one() of link-config.c, but for the conditions, which are
// left to the Decider. dropIns are the directories of the file's drop-ins.
func (t *Tree) load(c candidate, dropIns []*Dir) *File {
	f := &File{Name: c.entry.Name, Path: c.path, State: StateActive}
	more := 0
	say := func(pos Pos, code Code, level Level, text string) {
		if len(f.Diagnostics) == maxDiagnostics {
			more++
			f.Diagnostics = f.Diagnostics[:maxDiagnostics-1] // the last one tells why a file is refused
		}
		f.Diagnostics = append(f.Diagnostics, Diagnostic{Pos: pos, Code: code, Level: level, Message: text})
	}
	defer func() {
		if more > 0 {
			last := f.Diagnostics[len(f.Diagnostics)-1]
			f.Diagnostics = append(f.Diagnostics, Diagnostic{Pos: Pos{c.path, 0}, Code: last.Code, Level: last.Level,
				Message: fmt.Sprintf("%d more complaints about the file, before the last one, are not listed", more)})
		}
	}()
	// A file that masks or is not there takes its drop-ins with it.
	if why := t.masks(c.entry); why != "" {
		f.State, f.Why = StateMasked, why
		say(Pos{c.path, 0}, CodeMaskedFile, LevelInfo, "masked: the file is "+why)
		return f
	}
	if c.entry.Type == TypeMissing {
		f.State, f.Why, f.passedOver = StateRejected, missing(c.entry), !c.entry.leadsNowhere()
		say(Pos{c.path, 0}, CodeUnreadable, t.missingLevel(c.entry), "the file is not used: it is "+f.Why)
		return f
	}
	drop := t.dropInFiles(dropIns)
	parts := []candidate{c}
	if t.quirks.dropInTwin && slices.ContainsFunc(drop, func(d candidate) bool { return d.entry.Inode != 0 && d.entry.Inode == c.entry.Inode }) {
		parts = nil
	}
	if t.quirks.regularOnly && c.entry.Dot {
		parts = nil // chased, too, it leads to nothing, which is passed over
	}
	for _, d := range drop {
		f.DropIns = append(f.DropIns, d.path)
		if d.entry.Type != TypeMissing || d.entry.leadsNowhere() {
			parts = append(parts, d)
		}
	}
	t.parseParts(f, c, parts, say)
	return f
}

// parseParts is config_parse_many() of conf-parser.c. Since 255 it opens all drop-ins
// before it reads the first line, and the main file after them.
func (t *Tree) parseParts(f *File, main candidate, parts []candidate, say func(Pos, Code, Level, string)) {
	reject := func(part candidate, state FileState, level Level, why string) {
		f.State, f.Why = state, why
		of := ""
		if part != main {
			f.Why = fmt.Sprintf("its drop-in %s is %s", part.path, why)
			of = ", a drop-in of " + main.path + ", which is not used at all then"
		}
		text := "the file is not used: it is " + why + of
		if state == StateUnknown {
			text = "what " + t.format.reader + " makes of the file is unknown: it is " + why
		}
		say(Pos{part.path, 0}, CodeUnreadable, level, text)
		f.Diagnostics[len(f.Diagnostics)-1].Err = part.entry.Err
	}
	if t.quirks.dropInTwin {
		for _, part := range parts {
			if why := t.cannotOpen(part.entry); why != "" && part != main {
				level := LevelInfo
				if t.quirks.openFailureWarns {
					level = LevelWarning
				}
				reject(part, StateRejected, level, why)
				return
			}
		}
		if slices.Contains(parts, main) {
			if why := t.cannotOpen(main.entry); why != "" {
				reject(main, StateRejected, LevelWarning, why)
				return
			}
		}
	}
	p := &parser{rel: t.Release, format: t.format, q: &t.quirks, complain: say}
	p.assign = func(a Assignment) { f.take(p, a) }
	for _, part := range parts {
		if state, why := t.cannotRead(part.entry); why != "" {
			reject(part, state, LevelError, why)
			if state == StateRejected && part != main {
				f.repeatFailure(t, main.path)
			}
			return
		}
		t.warnMode(part, say)
		p.mode = part.entry.opened().Mode // stat(2) of the name; 0 where that fails
		if !p.parse(part.path, part.entry.Content) {
			last := f.Diagnostics[len(f.Diagnostics)-1]
			f.State, f.Why = StateRejected, fmt.Sprintf("%s: %s", last.Pos, last.Message)
			f.repeatFailure(t, main.path)
			return
		}
	}
	f.finish(t, say)
}

// repeatFailure says of the file as a whole what was said last of one of its
// parts, in the releases that do.
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

// masks says as what an entry masks its name, "" if it does not: null_or_empty()
// of stat-util.c, which takes any character device for /dev/null.
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

// leadsNowhere reports whether following the name fails at something else than
// the end of the way: a loop of links, or a way through what is no directory.
func (e *Entry) leadsNowhere() bool {
	return e.Type == TypeMissing && e.Err != "" && e.Err != "ENOENT"
}

// opened is the entry as open(2) has it.
func (e *Entry) opened() *Entry {
	switch {
	case e.Links > maxSymlinks:
		return e.nowhere("ELOOP")
	case e.Slash:
		return e.nowhere("ENOTDIR")
	}
	return e
}

// chased is the entry as chase() of chase.c has it.
func (t *Tree) chased(e *Entry) *Entry {
	switch {
	case e.Links > t.quirks.chaseLinks:
		return e.nowhere("ELOOP")
	case e.Dot:
		// chase_and_open() looks in the directory for its own name.
		return e.nowhere("ENOENT")
	}
	return e
}

// nowhere is the entry where following it fails.
func (e *Entry) nowhere(err Errno) *Entry {
	return &Entry{Name: e.Name, Symlink: e.Symlink, Links: e.Links, Type: TypeMissing, Err: err}
}

func missing(e *Entry) string {
	switch {
	case e.Err == "ELOOP" && e.Links > 0 && e.Links <= mostLinks:
		return fmt.Sprintf("a symbolic link that leads over %d more, which is too many", e.Links-1)
	case e.Err == "ENOTDIR" && e.Links > 0:
		return "a symbolic link that leads to a file as if it were a directory"
	case e.Back:
		return "a symbolic link through a directory that is missing"
	case e.Err == "ELOOP":
		return "a loop of symbolic links"
	case e.leadsNowhere():
		return fmt.Sprintf("a symbolic link that cannot be followed (%s)", e.Err)
	}
	return "a symbolic link to nothing"
}

// missingLevel is the level at which udevd says so of a main file.
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
		return fmt.Sprintf("a link to /dev/null, which masks a drop-in until systemd 259 but makes systemd %d ignore the whole %s file; an empty file masks in every release", t.Release, t.format.suffix)
	}
	return typeNames[e.Type]
}

var typeNames = map[FileType]string{
	TypeDirectory: "a directory", TypeNull: "a link to /dev/null", TypeChar: "a character device",
	TypeBlock: "a block device", TypeFIFO: "a FIFO", TypeSocket: "a socket",
}

// cannotRead says why the text of an entry cannot be had: by udevd
// (StateRejected), or by this program (StateUnknown).
func (t *Tree) cannotRead(e *Entry) (FileState, string) {
	switch e.Type {
	case TypeMissing:
		return StateRejected, missing(e)
	case TypeDirectory, TypeSocket:
		return StateRejected, typeNames[e.Type]
	case TypeChar, TypeBlock:
		return StateUnknown, typeNames[e.Type] + ", from which " + t.format.reader + " reads"
	case TypeFIFO:
		return StateUnknown, fmt.Sprintf("a FIFO, at which %s %d waits until somebody writes to it", t.format.reader, t.Release)
	}
	switch {
	case e.Refused != "":
		return StateUnknown, "a file that was not read: " + e.Refused
	case e.Err != "":
		return StateUnknown, fmt.Sprintf("a file that could not be read here (%s)", e.Err)
	}
	return StateActive, ""
}

// warnMode is stat_warn_permissions() of fileio.c.
func (t *Tree) warnMode(c candidate, say func(Pos, Code, Level, string)) {
	if c.entry.Type != TypeRegular {
		return
	}
	if c.entry.Mode&0o111 != 0 {
		say(Pos{c.path, 0}, CodeFileMode, LevelWarning, "the file is executable; it is read all the same")
	}
	if c.entry.Mode&0o002 != 0 {
		say(Pos{c.path, 0}, CodeFileMode, LevelWarning, "anybody may write to the file; it is read all the same")
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
		p.complain(a.Pos, CodeCommentInMatch, LevelWarning, fmt.Sprintf("%q is no comment, for it does not begin the line: its words are part of %s=", comment, a.Key))
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
		p.complain(Pos{a.File, 0}, CodeFileMode, LevelWarning, "the file holds a password and is open to others")
	}
	if p.format.firstHolds(p.rel, a.Section, a.Key) && value.effect == effectTaken {
		if set, is := f.Setting(a.Section, a.Key); is && set.Value != value.stored {
			p.complain(a.Pos, CodeInvalidValue, LevelWarning, fmt.Sprintf("%s= is %s already, ignoring it", a.Key, set.Value))
			value.effect = effectIgnored
		}
	}
	if p.q.dropInsHalf && a.File != f.Path && !halfRead[a.Section+"."+a.Key] {
		value.effect = effectIgnored
	}
	a.Taken = value.effect != effectIgnored
	f.keep(a)
	f.put(p.format.partial, a, value)
}

// put keeps or drops the value of a line: all of .netdev and .network files, of .link
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

// keep adds a line to those of the file, of which most have a few.
func (f *File) keep(a Assignment) {
	if f.Assignments == nil {
		f.Assignments = make([]Assignment, 0, 4)
	}
	f.Assignments = append(f.Assignments, a)
}

// inlineComment is the end of a value that looks like a comment, "" where there is
// none. config_parse() of conf-parser.c knows comments at the start of a line alone,
// and udevd says nothing of it.
func inlineComment(value string) string {
	for i := range len(value) {
		if (value[i] == '#' || value[i] == ';') && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			return value[i:]
		}
	}
	return ""
}

// newerKey and newerSection say which release brings what this one lacks.
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

// elsewhere says which release brings what this one lacks, or took it away.
func (s span) elsewhere(rel Release) string {
	switch {
	case rel < s.first:
		return fmt.Sprintf(" (systemd %d was the first to know it)", s.first)
	case rel > s.last:
		return fmt.Sprintf(" (systemd %d removed it)", s.last+1)
	}
	return ""
}

// finish is what link_load_one() does once all is read.
func (f *File) finish(t *Tree, say func(Pos, Code, Level, string)) {
	if d, ok := rejectsFile(t.Release, f.Assignments); ok && !t.format.partial {
		f.State, f.Why = StateRejected, fmt.Sprintf("%s: %s", d.Pos, d.Message)
		if !t.quirks.failureRepeated {
			// Releases that stop at such a file do so without a word.
			d.Level = LevelInfo
		}
		f.Diagnostics = append(f.Diagnostics, d)
		return
	}
	if !t.format.matchOptional && f.match.empty() {
		switch {
		case !t.quirks.emptyMatchAll:
			f.State, f.Why = StateMatchEmpty, "it has no valid setting in [Match]"
			say(Pos{f.Path, 0}, CodeMatchEmpty, LevelWarning, "no valid setting in [Match], the file is ignored; "+t.format.nameKey+"=* would match every device")
			return
		case t.quirks.emptyMatchWarns:
			say(Pos{f.Path, 0}, CodeMatchEmpty, LevelWarning, "no valid setting in [Match], the file matches every device; write "+t.format.nameKey+"=* if that is meant")
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

// abort plays link_config_load() of releases that stop at the first file they
// cannot parse. They read the files backwards, so that those in front of it in
// the order are missing.
func (t *Tree) abort() {
	for i := len(t.Files) - 1; i >= 0; i-- {
		if f := t.Files[i]; f.State != StateRejected || f.passedOver {
			continue
		}
		for _, f := range t.Files[:i] {
			if f.State == StateActive {
				f.State = StateRejected
				f.Why = fmt.Sprintf("systemd %d reads no file before %s, which it cannot parse", t.Release, t.Files[i].Path)
			}
		}
		return
	}
}

// abortForward is the same of releases of systemd-networkd that read the files in
// their order, so that those behind it are missing.
func (t *Tree) abortForward() {
	failed := -1
	for i, f := range t.Files {
		switch {
		case failed >= 0 && f.State == StateActive:
			f.State = StateRejected
			f.Why = fmt.Sprintf("systemd %d reads no file after %s, which it cannot parse", t.Release, t.Files[failed].Path)
		case failed < 0 && f.State == StateRejected && !f.passedOver:
			failed = i
		}
	}
}
