package linkfiles

import "fmt"

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
