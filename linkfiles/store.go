package linkfiles

import (
	"slices"
	"strings"
)

// A Store is everything that was read from the search path, before the rules of any release
// apply: it can be saved in a snapshot and parsed again for another release, and parsing it
// does no I/O.
type Store struct {
	// Type is the type of the files; .link files if left out.
	Type ConfigType `json:"kind,omitempty"`
	// Dirs are the search directories, highest priority first, including missing ones.
	Dirs []Dir `json:"dirs"`
}

// Dir is one search directory, or one NAME.link.d directory inside it. What the comments say
// about .link also holds for the other types.
type Dir struct {
	// Path is the directory's path inside the root that was read.
	Path string `json:"path"`
	// Resolved is the path after all symbolic links.
	Resolved string `json:"resolved,omitempty"`
	// Err says why the directory could not be read; "" if it was, or does not exist.
	Err Errno `json:"err,omitempty"`
	// NoDir is what is there instead of a directory: ENOTDIR for a file, ELOOP for a loop
	// of links.
	NoDir Errno `json:"no_dir,omitempty"`
	// Entries are its *.link files (in a NAME.link.d: its *.conf files), without hidden
	// names, which start with a dot.
	Entries []Entry `json:"entries,omitempty"`
	// DropIns are its NAME.link.d directories.
	DropIns []Dir `json:"dropins,omitempty"`
}

// Errno names an error of open(2) or read(2) like errno(3): "ENOENT", "EACCES", "ELOOP", ...
type Errno string

// FileType is what a name leads to after all symbolic links.
type FileType string

// The types of what a name leads to.
const (
	TypeRegular   FileType = "regular"
	TypeDirectory FileType = "directory"
	TypeNull      FileType = "null"             // the character device 1:3, /dev/null
	TypeChar      FileType = "character-device" // another one
	TypeBlock     FileType = "block-device"
	TypeFIFO      FileType = "fifo"
	TypeSocket    FileType = "socket"
	TypeMissing   FileType = "missing" // a link to nothing, or (Err ELOOP) to itself
)

// Entry is one name in a search directory.
type Entry struct {
	Name string   `json:"name"`
	Type FileType `json:"type"`
	// Symlink is the link's own target if the name is a symbolic link.
	Symlink string `json:"symlink,omitempty"`
	// Links is how many symbolic links lead to the file, including this one, if they are
	// more than some release of systemd, or the kernel, follows.
	Links int `json:"links,omitempty"`
	// Slash says that the path to a file ends in a slash, which the kernel refuses to
	// open; Back that it leads into a missing directory, and out of it again by "..";
	// Dot that the last link leads to its own directory.
	Slash bool `json:"slash,omitempty"`
	Back  bool `json:"back,omitempty"`
	Dot   bool `json:"dot,omitempty"`
	// Resolved is the path inside the root after all symbolic links, if it differs from
	// directory and name.
	Resolved string `json:"resolved,omitempty"`
	// Inode shows whether two entries are one file: equal numbers, one file.
	Inode int `json:"inode,omitempty"`
	// Mode is the permission bits, for udevd's warning about them.
	Mode uint32 `json:"mode,omitempty"`
	Size int64  `json:"size,omitempty"`
	// Content is the file's whole text, if it is a regular file that could be read.
	Content []byte `json:"content,omitempty"`
	// Err says why Content could not be read; Refused why linkaudit did not read it: it
	// is too large.
	Err     Errno  `json:"err,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// Content returns the text of the file or drop-in that udevd calls path (see File.Path), and
// false if the store does not have the file or its text.
func (s *Store) Content(path string) ([]byte, bool) {
	e := s.Entry(path)
	if e == nil {
		return nil, false
	}
	return e.Content, e.Type == TypeRegular && e.Err == "" && e.Refused == ""
}

// Resolved returns the path after all symbolic links of the file or drop-in that udevd calls
// path.
func (s *Store) Resolved(path string) string {
	if e := s.Entry(path); e != nil && e.Resolved != "" {
		return e.Resolved
	}
	return path
}

// Entry finds the file or drop-in that udevd calls path; nil if there is none.
func (s *Store) Entry(path string) *Entry {
	for i := range s.Dirs {
		d := &s.Dirs[i]
		if e := d.entryAt(path); e != nil {
			return e
		}
		for j := range d.DropIns {
			if e := d.DropIns[j].entryAt(path); e != nil {
				return e
			}
		}
	}
	return nil
}

// entryAt is the entry of the directory that udevd calls path; nil if there is none.
func (d *Dir) entryAt(path string) *Entry {
	for i := range d.Entries {
		if e := &d.Entries[i]; join(d.resolved(), e.Name) == path {
			return e
		}
	}
	return nil
}

// With returns a copy of the store in which the file path, in a directory of the search path
// or in one of its NAME.link.d, has the content; nil removes the file. It shows the result
// of a change before the change is made. False: the directory cannot be written to.
func (s *Store) With(path string, content []byte) (*Store, bool) {
	at := strings.LastIndexByte(path, '/')
	if at < 0 {
		return nil, false
	}
	dirPath, name := path[:at], path[at+1:]
	out := &Store{Type: s.Type, Dirs: slices.Clone(s.Dirs)}
	for i := range out.Dirs {
		d := &out.Dirs[i]
		if d.Err != "" || d.NoDir != "" {
			continue
		}
		if d.Path == dirPath {
			return out, d.set(name, content)
		}
		parent := strings.LastIndexByte(dirPath, '/')
		if !strings.HasSuffix(dirPath, s.Type.Suffix()+".d") || dirPath[:max(parent, 0)] != d.Path {
			continue
		}
		return out, d.setDropIn(dirPath[parent+1:], name, content)
	}
	return nil, false
}

// setDropIn is set in the NAME.link.d directory of that name. It adds the directory if
// necessary.
func (d *Dir) setDropIn(dirName, name string, content []byte) bool {
	path := join(d.Path, dirName)
	d.DropIns = slices.Clone(d.DropIns)
	for i := range d.DropIns {
		if dd := &d.DropIns[i]; dd.Path == path {
			return dd.Err == "" && dd.NoDir == "" && dd.set(name, content)
		}
	}
	dd := Dir{Path: path}
	if d.Resolved != "" {
		dd.Resolved = join(d.Resolved, dirName)
	}
	dd.set(name, content)
	d.DropIns = append(d.DropIns, dd)
	return true
}

// set puts a regular file into the directory or removes a name; false if the name is not a
// regular file.
func (d *Dir) set(name string, content []byte) bool {
	d.Entries = slices.Clone(d.Entries)
	i := slices.IndexFunc(d.Entries, func(e Entry) bool { return e.Name == name })
	if i >= 0 && (d.Entries[i].Type != TypeRegular || d.Entries[i].Symlink != "") {
		return false
	}
	if i >= 0 {
		d.Entries = slices.Delete(d.Entries, i, i+1)
	}
	if content != nil {
		d.Entries = append(d.Entries, Entry{Name: name, Type: TypeRegular, Mode: 0o644, Size: int64(len(content)), Content: content})
	}
	return true
}
