package netconf

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// maxFileSize is the size in bytes above which a file is not read; maxFiles the number of
// files, and maxBytes their total size, after which no more files of one program are read. At
// most maxFiles directories are listed, too.
const (
	maxFileSize = 1 << 20
	maxFiles    = 4096
	maxBytes    = 16 << 20
)

// Files opens files below a root, without following a link out of it and without waiting for
// anything but a regular file. A path is one of the root. An error begins with the path, and
// is fs.ErrNotExist if nothing is there.
type Files interface {
	// Read returns the content of a regular file of at most limit bytes.
	Read(path string, limit int64) ([]byte, error)
	// Names lists a directory, in any order.
	Names(dir string) ([]string, error)
	Exists(path string) bool
}

// Problem is what could not be read, or what its program does not accept.
type Problem struct {
	Program Program       `json:"program"`
	Pos     linkfiles.Pos `json:"pos"`
	Message string        `json:"message"`
	// Refused is true if the program itself does not accept the file.
	Refused bool `json:"refused,omitempty"`
}

// Read returns what the configuration of every installed program says about devices, by
// program and file, and what could not be read of it. The release is that of systemd, because
// systemd-networkd may apply it. networkd is what that reads itself; nil leaves it out, as
// when the devices are still unknown: see NetworkdTrees.Beside.
func Read(files Files, release fact.Fact[linkfiles.Release], networkd *NetworkdInput) ([]Declaration, []Problem) {
	r := &reading{files: files, release: release, ofNetworkd: networkd}
	for i := range knownPrograms {
		k := &knownPrograms[i]
		if k.read == nil || len(k.installed) > 0 && !r.exists(k.installed...) {
			continue
		}
		r.count, r.bytes, r.listed = 0, 0, 0
		k.read(r)
	}
	return r.declarations, r.problems
}

// reading is one run of Read.
type reading struct {
	files        Files
	release      fact.Fact[linkfiles.Release]
	ofNetworkd   *NetworkdInput
	declarations []Declaration
	problems     []Problem
	count, bytes int         // files of the present program, and their size
	listed       int         // directories of the present program
	ifaces       *interfaces // of ifupdown, once they were read
}

func (r *reading) add(d ...Declaration) { r.declarations = append(r.declarations, d...) }

func (r *reading) problem(p Program, pos linkfiles.Pos, format string, args ...any) {
	r.problems = append(r.problems, Problem{Program: p, Pos: pos, Message: fmt.Sprintf(format, args...)})
}

// refused notes that a program does not accept one of its files, and what happens then. An
// error may begin with the line.
func (r *reading) refused(p Program, file, consequence string, err error) {
	at, message := linkfiles.Pos{File: file}, err.Error()
	if line, rest, ok := strings.Cut(strings.TrimPrefix(message, "line "), ": "); ok {
		if n, err := strconv.Atoi(line); err == nil && n > 0 {
			at.Line, message = n, rest
		}
	}
	r.problems = append(r.problems, Problem{Program: p, Pos: at, Message: consequence + ": " + message, Refused: true})
}

// read returns a file, nil if there is none or it cannot be read.
func (r *reading) read(p Program, name string) []byte {
	switch r.count++; {
	case r.count == maxFiles+1:
		r.problem(p, linkfiles.Pos{File: name}, "this and later files are not read: there are more than %d files", maxFiles)
		return nil
	case r.count > maxFiles:
		return nil
	case r.bytes > maxBytes:
		r.count = maxFiles + 1
		r.problem(p, linkfiles.Pos{File: name}, "this and later files are not read: the files before have more than %d MiB", maxBytes>>20)
		return nil
	}
	b, err := r.files.Read(name, maxFileSize)
	switch {
	case err == nil:
		r.bytes += len(b)
		return b
	case !errors.Is(err, fs.ErrNotExist):
		r.problem(p, linkfiles.Pos{File: name}, "not read: %s", strings.TrimPrefix(err.Error(), name+": "))
	}
	return nil
}

// names lists a directory by name, nothing if there is none.
func (r *reading) names(p Program, dir string) []string {
	switch r.listed++; {
	case r.listed == maxFiles+1:
		r.problem(p, linkfiles.Pos{File: dir}, "this and later directories are not listed: there are more than %d", maxFiles)
		return nil
	case r.listed > maxFiles:
		return nil
	}
	names, err := r.files.Names(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.problem(p, linkfiles.Pos{File: dir}, "not read: %s", strings.TrimPrefix(err.Error(), dir+": "))
	}
	slices.Sort(names)
	return names
}

func (r *reading) exists(paths ...string) bool {
	return slices.ContainsFunc(paths, r.files.Exists)
}

// glob expands a pattern of the shell, without ~ and variables, to at most maxFiles
// paths. A pattern without wildcards stays as it is.
func (r *reading) glob(p Program, pattern string) []string {
	found := []string{"/"}
	for part := range strings.SplitSeq(strings.Trim(path.Clean(pattern), "/"), "/") {
		var next []string
		for _, dir := range found {
			if !strings.ContainsAny(part, `*?[\`) {
				next = append(next, path.Join(dir, part))
				continue
			}
			for _, name := range r.names(p, dir) {
				if shellMatch(part, name) && len(next) < maxFiles {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		found = next
	}
	return found
}

// shellMatch reports whether a part of a pattern matches a name. It matches a hidden one only
// if it begins with a dot itself.
func shellMatch(part, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(part, ".") {
		return false
	}
	ok, _ := path.Match(part, name)
	return ok
}

// parseMAC reads a 48-bit address as these programs write it: with colons, dashes or dots.
func parseMAC(s string) (linkfiles.MAC, bool) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return "", false
	}
	return linkfiles.MACOf(mac), true
}
