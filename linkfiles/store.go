package linkfiles

// A Store is everything that was read of the search path, before any release's
// rules are applied to it: it can be saved in a snapshot and parsed again for
// another release, and parsing it does no I/O.
type Store struct {
	// Dirs are the search directories, highest priority first, also those
	// that do not exist.
	Dirs []Dir `json:"dirs"`
}

// Dir is one search directory, or one NAME.link.d directory inside it.
type Dir struct {
	// Path is the directory's path inside the root that was read.
	Path string `json:"path"`
	// Resolved is the path after all symbolic links.
	Resolved string `json:"resolved,omitempty"`
	// Err says why the directory could not be read; "" if it was, or does
	// not exist.
	Err Errno `json:"err,omitempty"`
	// Entries are its *.link files (in a NAME.link.d: its *.conf files).
	// Hidden names, which start with a dot, are none of them.
	Entries []Entry `json:"entries,omitempty"`
	// DropIns are its NAME.link.d directories.
	DropIns []Dir `json:"dropins,omitempty"`
}

// Errno names an error of open(2) or read(2) the way errno(3) does: "ENOENT",
// "EACCES", "ELOOP", ...
type Errno string

// FileType is what a name leads to after all symbolic links.
type FileType string

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
	// Symlink is the link's own target where the name is a symbolic link.
	Symlink string `json:"symlink,omitempty"`
	// Resolved is the path inside the root after all symbolic links, where
	// it differs from directory and name.
	Resolved string `json:"resolved,omitempty"`
	// Inode tells whether two entries are one file: equal numbers, one file.
	Inode int `json:"inode,omitempty"`
	// Mode is the permission bits, for udevd's warning about them.
	Mode uint32 `json:"mode,omitempty"`
	Size int64  `json:"size,omitempty"`
	// Content is the file's text, whole, where it is a regular file that
	// could be read.
	Content []byte `json:"content,omitempty"`
	// Err says why Content could not be read; Refused why linkaudit would
	// not read it: it is too large.
	Err     Errno  `json:"err,omitempty"`
	Refused string `json:"refused,omitempty"`
}
