package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

const (
	dpkgDir  = "/var/lib/dpkg"
	dpkgInfo = dpkgDir + "/info"
	// limitList is for one package's list of files; that of a large one has some
	// 5 MB.
	limitList = 32 << 20
)

// usualPackages ship .link files in Debian. Their records are read first, and those of all
// other packages only if a file is in none of them: to read the records of 1,000 packages
// takes longer than the rest of an audit.
var usualPackages = []string{"udev", "systemd", "ifenslave"}

// otherManagers are package managers with databases that are not read: where they are, the
// name of the manager, and the command that tells about a file.
var otherManagers = []struct{ db, name, tells string }{
	{"/usr/lib/sysimage/rpm", "rpm", "rpm -Vf FILE"},
	{"/var/lib/rpm", "rpm", "rpm -Vf FILE"},
	{"/var/lib/pacman/local", "pacman", "pacman -Qkk systemd"},
	{"/usr/lib/apk/db", "apk", "apk audit --system"},
	{"/lib/apk/db", "apk", "apk audit --system"},
	{"/var/db/pkg", "Portage", "qcheck systemd"},
}

// packaged finds the records of dpkg about the vendor's .link files and drop-ins: about the
// existing ones, and about missing files of the packages that it reads for those.
func (f files) packaged(store *linkfiles.Store) fact.Fact[[]Packaged] {
	db := dpkg{files: f, store: store}
	records, err := db.records()
	switch {
	case err == errNoDpkg, err == errNoLists:
	case err != nil:
		return fact.Unknown[[]Packaged](fact.Told(err.Error()))
	case len(records) > 0:
		return fact.Known(records)
	}
	// dpkg may be installed on a system with another package manager.
	for _, m := range otherManagers {
		if f.exists(m.db) {
			return fact.Unknown[[]Packaged](fact.Told("linkaudit does not read the package database of " + m.name + "; use " + m.tells))
		}
	}
	switch {
	case err == errNoDpkg:
		return fact.Absent[[]Packaged]()
	case err != nil:
		return fact.Unknown[[]Packaged](fact.Told(err.Error()))
	}
	return fact.Known([]Packaged{})
}

var (
	errNoDpkg = errors.New("there is no " + dpkgInfo)
	// errNoLists: some images are made smaller in this way.
	errNoLists = errors.New("the packages' lists of files are missing in " + dpkgInfo)
)

// dpkg is the database of dpkg in a root.
type dpkg struct {
	files
	store    *linkfiles.Store
	diverted map[string]diversion
	found    []Packaged
}

func (db *dpkg) records() ([]Packaged, error) {
	if !db.exists(dpkgInfo) {
		return nil, errNoDpkg
	}
	text, err := db.optional(dpkgDir + "/diversions")
	if err != nil {
		return nil, err
	}
	db.diverted = diversionsOf(text)
	first := db.firstPackages()
	for _, pkg := range first {
		if err := db.add(pkg); err != nil {
			return nil, err
		}
	}
	if !db.allOwned() {
		if err := db.addOthers(first); err != nil {
			return nil, err
		}
	}
	if err := db.addStatus(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(db.found, func(x, y Packaged) int { return strings.Compare(x.Path, y.Path) })
	return db.found, nil
}

// firstPackages are the usual ones and those for which there are diversions, sorted.
func (db *dpkg) firstPackages() []string {
	first := slices.Clone(usualPackages)
	for _, d := range db.diverted {
		if d.by != ":" && !slices.Contains(first, d.by) {
			first = append(first, d.by)
		}
	}
	slices.Sort(first)
	return first
}

// allOwned reports whether every vendor file that is there has a record.
func (db *dpkg) allOwned() bool {
	owned := map[string]bool{}
	for _, p := range db.found {
		owned[p.Path] = true
	}
	return !slices.ContainsFunc(VendorFiles(db.store), func(name string) bool { return !owned[name] })
}

// addOthers adds the records of all packages but those that were asked already.
func (db *dpkg) addOthers(asked []string) error {
	f, err := db.openDir(dpkgInfo)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return fmt.Errorf("%s: %w", dpkgInfo, cause(err))
	}
	slices.SortFunc(entries, func(x, y fs.DirEntry) int { return strings.Compare(x.Name(), y.Name()) })
	buf := make([]byte, 1<<20)
	lists := 0
	for _, e := range entries {
		pkg, ok := strings.CutSuffix(e.Name(), ".list")
		if !ok {
			continue
		}
		lists++
		if slices.Contains(asked, pkg) || e.Type().IsRegular() && hasNoLinkFiles(f, e.Name(), buf) {
			continue
		}
		if err := db.add(pkg); err != nil {
			return err
		}
	}
	if lists == 0 {
		return errNoLists
	}
	return nil
}

// hasNoLinkFiles reports whether a list, which fits into the buffer, names no .link file.
func hasNoLinkFiles(dir *os.File, list string, buf []byte) bool {
	n, err := readAt(int(dir.Fd()), list, buf)
	return err == nil && n < len(buf) && len(linkFilesOf(buf[:n])) == 0
}

// add adds the records of one package. Its list says which files it has: its md5sums also
// have files that another package took over.
func (db *dpkg) add(pkg string) error {
	list, err := db.optional(path.Join(dpkgInfo, pkg+".list"))
	if err != nil {
		return err
	}
	names := linkFilesOf(list)
	if len(names) == 0 {
		return nil
	}
	text, err := db.optional(path.Join(dpkgInfo, pkg+".md5sums"))
	if err != nil {
		return err
	}
	sums := sumsOf(text)
	for _, name := range names {
		p := Packaged{Path: db.canonical(name), Package: packageName(pkg), MD5: sums[name]}
		// A diversion is of the path as the package spells it.
		if d, is := db.diverted[name]; is && d.by != p.Package {
			db.addDiverted(p, d)
		} else {
			db.found = append(db.found, p)
		}
	}
	return nil
}

// addDiverted adds the record of a file that is stored elsewhere and, if the administrator
// diverted it, also that of their own file at its path.
func (db *dpkg) addDiverted(p Packaged, d diversion) {
	if d.by == ":" {
		db.found = append(db.found, Packaged{Path: p.Path})
	}
	if isLinkFile(d.to) {
		p.Path = db.canonical(d.to)
		db.found = append(db.found, p)
	}
}

// addStatus looks up which of the packages with a file that differs are
// half-installed.
func (db *dpkg) addStatus() error {
	var status [][]byte
	for i := range db.found {
		p := &db.found[i]
		if p.State(db.store) == FileSame {
			continue
		}
		if status == nil {
			var err error
			if status, err = db.status(); err != nil {
				return err
			}
		}
		for _, part := range status {
			if s := debianField(part, p.Package, "Status"); s != "" {
				p.HalfInstalled = strings.HasSuffix(s, " half-installed")
				break
			}
		}
	}
	return nil
}

// status reads dpkg's status of all packages, the newest first: the directory updates has
// changes of a killed dpkg that are not yet in status.
func (db *dpkg) status() ([][]byte, error) {
	const updates = dpkgDir + "/updates"
	names, err := db.names(updates)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	slices.Sort(names)
	var out [][]byte
	for _, name := range slices.Backward(names) {
		text, err := db.optional(path.Join(updates, name))
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	text, err := db.read(dpkgDir+"/status", limitDpkg)
	return append(out, text), err
}

// optional reads a file that may be missing.
func (db *dpkg) optional(name string) ([]byte, error) {
	b, err := db.read(name, limitList)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return b, err
}

// canonical is a path as a Store has it: packages may name files in /lib that are in
// /usr/lib.
func (db *dpkg) canonical(name string) string {
	dir, base := path.Dir(name), path.Base(name)
	for i := range db.store.Dirs {
		if d := &db.store.Dirs[i]; d.Path == dir {
			return path.Join(realDir(d), base)
		}
	}
	real, err := db.resolve(dir)
	if err != nil {
		return name // the directory is gone
	}
	return path.Join(real, base)
}
