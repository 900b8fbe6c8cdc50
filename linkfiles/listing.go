package linkfiles

import (
	"fmt"
	"slices"
	"strings"
)

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
	t.unread = fmt.Sprintf("cannot read %s: %s", d.Path, d.Err)
	t.Diagnostics = append(t.Diagnostics, Diagnostic{
		Pos: Pos{d.Path, 0}, Code: CodeUnreadable, Level: LevelError, Err: d.Err,
		Message: fmt.Sprintf("cannot read the directory (%s), so it is unknown which %s are in it", d.Err, what),
	})
}

// noDirectory notes what is there instead of a directory.
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
		Message: fmt.Sprintf("not a directory but %s: %s reads nothing from it", what, t.format.reader),
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

// list is conf_files_list_strv() of conf-files.c: each name once, from the first directory
// that has it, sorted by the bytes of the name. open says how to open the files.
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

// join joins a directory and a name; the directory of a file given by itself is "".
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

// dropInsUnsupported notes the *.conf files of a release without drop-ins.
func (t *Tree) dropInsUnsupported(ds []*Dir) {
	for _, d := range ds {
		for _, e := range d.Entries {
			t.Diagnostics = append(t.Diagnostics, Diagnostic{Pos: Pos{join(d.resolved(), e.Name), 0}, Code: CodeDropInUnsupported, Level: LevelWarning, Message: fmt.Sprintf("not read: systemd %d reads no drop-ins of %s files (systemd 248 and newer do)", t.Release, t.format.suffix)})
		}
	}
}

// dropInFiles returns the *.conf files of a file's NAME.d directories.
func (t *Tree) dropInFiles(ds []*Dir) []candidate {
	if len(ds) == 0 {
		return nil
	}
	if !t.quirks.dropIns {
		t.dropInsUnsupported(ds)
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

// leadsNowhere reports whether following the name fails before its end: a loop of links, or
// a path through something that is not a directory.
func (e *Entry) leadsNowhere() bool {
	return e.Type == TypeMissing && e.Err != "" && e.Err != "ENOENT"
}

// opened is the entry for open(2).
func (e *Entry) opened() *Entry {
	switch {
	case e.Links > maxSymlinks:
		return e.nowhere("ELOOP")
	case e.Slash:
		return e.nowhere("ENOTDIR")
	}
	return e
}

// chased is the entry for chase() of chase.c.
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

// nowhere is the entry if following it fails.
func (e *Entry) nowhere(err Errno) *Entry {
	return &Entry{Name: e.Name, Symlink: e.Symlink, Links: e.Links, Type: TypeMissing, Err: err}
}

func missing(e *Entry) string {
	switch {
	case e.Err == "ELOOP" && e.Links > 0 && e.Links <= mostLinks:
		return fmt.Sprintf("a symbolic link with %d more after it, which is too many", e.Links-1)
	case e.Err == "ENOTDIR" && e.Links > 0:
		return "a symbolic link that uses a file as a directory"
	case e.Back:
		return "a symbolic link through a missing directory"
	case e.Err == "ELOOP":
		return "a loop of symbolic links"
	case e.leadsNowhere():
		return fmt.Sprintf("a symbolic link that cannot be followed (%s)", e.Err)
	}
	return "a symbolic link to nothing"
}
