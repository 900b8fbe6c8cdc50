package host

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"linkaudit/linkfiles"
)

// Packaged is one .link file or drop-in as dpkg has recorded it.
type Packaged struct {
	// Path is where the file belongs. Its directory has no symbolic links, as in
	// Entry.Resolved.
	Path string `json:"path"`
	// Package is the package that has it; "" for the administrator's own file at a path
	// from which a package's file was diverted (dpkg-divert(1)).
	Package string `json:"package,omitempty"`
	// MD5 is the sum of the package's file, in hexadecimal; "" if dpkg has none.
	MD5 string `json:"md5,omitempty"`
	// HalfInstalled says that unpacking the package was started and not finished. It is
	// looked up for packages with a file that differs.
	HalfInstalled bool `json:"half_installed,omitempty"`
}

// PackagedState is how a packaged file compares with its record.
type PackagedState int

const (
	// FileSame: it is the package's file.
	FileSame PackagedState = iota
	// FileEdited: it is a regular file with other content.
	FileEdited
	// FileGone: there is no such file.
	FileGone
	// FileReplaced: something else than a regular file, such as a symbolic link, has its
	// name.
	FileReplaced
	// FileUncompared: it could not be read, or there is no sum to compare.
	FileUncompared
)

// State compares the record with what was read.
func (p Packaged) State(store *linkfiles.Store) PackagedState {
	e := store.Entry(p.Path)
	switch {
	case p.Package == "":
		return FileSame
	case e != nil:
		return p.compare(e)
	case unlisted(store, path.Dir(p.Path)):
		return FileUncompared
	}
	return FileGone
}

func (p Packaged) compare(e *linkfiles.Entry) PackagedState {
	switch {
	case e.Type == linkfiles.TypeMissing && e.Symlink == "":
		return FileGone
	case e.Symlink != "" || e.Type != linkfiles.TypeRegular:
		return FileReplaced
	case e.Err != "" || e.Refused != "" || p.MD5 == "":
		return FileUncompared
	}
	if sum := md5.Sum(e.Content); hex.EncodeToString(sum[:]) != p.MD5 {
		return FileEdited
	}
	return FileSame
}

// unlisted reports whether a directory, or the one above it, could not be read.
func unlisted(store *linkfiles.Store, dir string) bool {
	return slices.ContainsFunc(store.Dirs, func(d linkfiles.Dir) bool {
		return d.Err != "" && (realDir(&d) == dir || realDir(&d) == path.Dir(dir)) ||
			slices.ContainsFunc(d.DropIns, func(dd linkfiles.Dir) bool { return dd.Err != "" && realDir(&dd) == dir })
	})
}

func realDir(d *linkfiles.Dir) string { return cmp.Or(d.Resolved, d.Path) }

// VendorPath reports whether a path without symbolic links is in a directory
// that belongs to packages: below /usr, but not /usr/local, or below /lib.
func VendorPath(name string) bool {
	return strings.HasPrefix(name, "/usr/lib/") || strings.HasPrefix(name, "/lib/")
}

// VendorFiles are the paths of a store that packages own, in order.
func VendorFiles(store *linkfiles.Store) []string {
	var out []string
	add := func(d *linkfiles.Dir) {
		for _, e := range d.Entries {
			if name := path.Join(realDir(d), e.Name); VendorPath(name) {
				out = append(out, name)
			}
		}
	}
	for i := range store.Dirs {
		d := &store.Dirs[i]
		add(d)
		for j := range d.DropIns {
			add(&d.DropIns[j])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// isLinkFile reports whether a path is one of a .link file or a drop-in, in a directory
// called network, even if udevd does not read it.
func isLinkFile(name string) bool {
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if strings.HasPrefix(base, ".") {
		return false
	}
	if strings.HasSuffix(base, ".conf") && strings.HasSuffix(dir, ".link.d") {
		return strings.HasSuffix(path.Dir(dir), networkDir)
	}
	return strings.HasSuffix(base, ".link") && strings.HasSuffix(dir, networkDir)
}

// networkDir ends the names of all directories of the search path.
const networkDir = "/systemd/network"

// linkFilesOf are the .link files and drop-ins of a list of dpkg's, NAME.list,
// which has a path a line.
func linkFilesOf(list []byte) []string {
	if !bytes.Contains(list, []byte(networkDir+"/")) {
		return nil
	}
	var out []string
	for line := range bytes.Lines(list) {
		if !bytes.Contains(line, []byte(networkDir+"/")) {
			continue
		}
		if name := string(bytes.TrimSuffix(line, []byte("\n"))); isLinkFile(name) {
			out = append(out, name)
		}
	}
	return out
}

// sumsOf reads the sums of .link files and drop-ins out of a NAME.md5sums
// (deb-md5sums(5)): 32 hexadecimal digits, two spaces, the path without its
// first slash.
func sumsOf(sums []byte) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(sums) {
		if !bytes.Contains(line, []byte(networkDir+"/")) {
			continue
		}
		sum, name, ok := strings.Cut(string(bytes.TrimSuffix(line, []byte("\n"))), "  ")
		if _, err := hex.DecodeString(sum); ok && err == nil && len(sum) == 2*md5.Size && isLinkFile("/"+name) {
			out["/"+name] = strings.ToLower(sum)
		}
	}
	return out
}

// diversion is one of dpkg-divert(1): files with the path are stored elsewhere, except that
// of one package.
type diversion struct {
	to string
	by string // the package whose file stays; ":" for none
}

// diversionsOf reads those of .link files out of /var/lib/dpkg/diversions: three
// lines each, the path, where it goes to, and the package.
func diversionsOf(text []byte) map[string]diversion {
	out := map[string]diversion{}
	for d := range slices.Chunk(strings.Split(string(text), "\n"), 3) {
		if len(d) == 3 && isLinkFile(d[0]) {
			out[d[0]] = diversion{to: d[1], by: d[2]}
		}
	}
	return out
}

// packageName is the name of a package in that of its files below
// /var/lib/dpkg/info, where some have their architecture: "libc6:amd64".
func packageName(file string) string {
	name, _, _ := strings.Cut(file, ":")
	return name
}
