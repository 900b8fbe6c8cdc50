package linkfiles

import "fmt"

// Tree is a Store as udevd of one release understands it.
type Tree struct {
	Release Release
	// Files are all *.link files in the order in which udevd considers them (byte order of
	// the base names), each base name once.
	Files []*File
	// Diagnostics are the complaints that belong to no file in Files, for example about
	// shadowed files and unreadable directories.
	Diagnostics []Diagnostic

	format *format
	quirks quirks
	// unread is why no decision is possible: a directory that udevd reads could not be
	// read here.
	unread string
}

// Parse reads the store like the program for the files, in the given release:
// link_config_load() of link-config.c for .link files, netdev_load() and network_load() of
// systemd-networkd for the others. It does no I/O.
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

// abort does what link_config_load() of some releases does: stop at the first file that it
// cannot parse. They read the files backwards, so the files that sort before it are missing.
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

// abortForward is abort for releases of systemd-networkd that read the files forwards, so
// the files after it are missing.
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
