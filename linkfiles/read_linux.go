package linkfiles

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"linkaudit/internal/rootfs"
)

// Read reads the .link files and drop-ins below root into a Store; see
// ReadConfig.
func Read(root string) (*Store, error) { return ReadConfig(root, LinkFiles) }

// ReadConfig reads the files of a type and their drop-ins below root into a Store. It changes
// nothing and opens only regular files and directories. It follows symbolic links inside of
// root. Paths in the Store are those inside the root. The Store notes what could not be read;
// an error means that root itself cannot be entered.
func ReadConfig(root string, files ConfigType) (*Store, error) {
	if root == "" {
		root = "/"
	}
	st, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("root directory: %w", err)
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("root directory: %s: %w", root, unix.ENOTDIR)
	}
	r := newReader(filepath.Clean(root))
	store := &Store{Type: files}
	for _, dir := range SearchPath {
		store.Dirs = append(store.Dirs, r.searchDir(store.Dirs, dir, files.Suffix()))
	}
	if !r.listed[usrLibDir] && !r.listed[splitUsrDir] {
		if own := r.ownDir(); own != "" && !slices.Contains(SearchPath, own) {
			store.Dirs = append(store.Dirs, r.searchDir(store.Dirs, own, files.Suffix()))
		}
	}
	return store, nil
}

// ReadFile makes a Store from one .link file in any place, and the drop-ins in the
// NAME.link.d directory beside it. The caller wants that file, so it is an error if it
// cannot be read.
func ReadFile(path string) (*Store, error) {
	switch filepath.Ext(path) {
	case ".link":
	case ".conf":
		return nil, fmt.Errorf("%s: a drop-in is read with its .link file; give that file", path)
	default:
		return nil, fmt.Errorf("%s: the name of the file must end in .link", path)
	}
	r := newReader("/")
	dir, name := filepath.Split(path)
	real, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	e := r.entry(real, dir, name)
	if err := readable(path, &e); err != nil {
		return nil, err
	}
	d := Dir{Path: strings.TrimSuffix(dir, "/"), Entries: []Entry{e}}
	if dd := r.dir(path+".d", dropInSuffix); dd.counts() {
		dd.Resolved = ""
		d.DropIns = []Dir{dd}
	}
	return &Store{Dirs: []Dir{d}}, nil
}

// readable returns an error for an entry without a readable text.
func readable(path string, e *Entry) error {
	switch {
	case e.Type == TypeMissing && e.Symlink == "":
		return fmt.Errorf("%s: %w", path, unix.ENOENT)
	case e.Type == TypeMissing:
		return fmt.Errorf("%s: a symbolic link to nothing", path)
	case e.opened().Type == TypeMissing:
		return fmt.Errorf("%s: %s", path, missing(e.opened()))
	case e.Type != TypeRegular && e.Type != TypeNull && e.Type != TypeChar:
		return fmt.Errorf("%s: a %s, not a regular file", path, e.Type)
	case e.Refused != "":
		return fmt.Errorf("%s: %s", path, e.Refused)
	case e.Err != "":
		return fmt.Errorf("%s: cannot read it (%s)", path, e.Err)
	}
	return nil
}

type reader struct {
	root   string
	inodes map[[2]uint64]int
	listed map[string]bool // the paths of directories that could be opened
}

func newReader(root string) *reader {
	return &reader{root: root, inodes: map[[2]uint64]int{}, listed: map[string]bool{}}
}

// real turns a path inside the root into one outside, all links resolved.
func (r *reader) real(path string) (string, error) {
	if r.root == "/" {
		path, err := filepath.Abs(path) // ReadFile takes any
		if err != nil {
			return "", err
		}
		return filepath.EvalSymlinks(path)
	}
	// SecureJoin accepts what does not exist; opening it shows that.
	return securejoin.SecureJoin(r.root, path)
}

// inside is the inverse of real.
func (r *reader) inside(real string) string {
	if r.root == "/" {
		return real
	}
	return "/" + strings.TrimPrefix(strings.TrimPrefix(real, r.root), "/")
}

// searchDir reads one directory of the search path. If an earlier one is the same directory,
// as for /lib with a merged /usr, it is not read again.
func (r *reader) searchDir(before []Dir, path, suffix string) Dir {
	real, err := r.real(path)
	if err != nil {
		return noDir(path, err)
	}
	in := r.inside(real)
	for i := range before {
		if d := &before[i]; r.listed[d.Path] && d.resolved() == in {
			return d.as(path)
		}
	}
	return r.dirAt(real, path, suffix)
}

// as is the same directory under another path.
func (d *Dir) as(path string) Dir {
	same := *d
	same.Path, same.Resolved = path, other(path, d.resolved())
	same.Entries, same.DropIns = slices.Clone(d.Entries), slices.Clone(d.DropIns)
	for i := range same.DropIns {
		dd := &same.DropIns[i]
		resolved := dd.resolved()
		dd.Path = join(path, filepath.Base(dd.Path))
		dd.Resolved, dd.Entries = other(dd.Path, resolved), slices.Clone(dd.Entries)
	}
	return same
}

// other is what path leads to, "" if that is path itself.
func other(path, resolved string) string {
	if path == resolved {
		return ""
	}
	return resolved
}

// dropInDir reads the directory path of drop-ins. The real path outside of the root of its
// parent is real.
func (r *reader) dropInDir(real, path string) Dir {
	at := join(real, filepath.Base(path))
	// It is seldom a symbolic link: if not, open it without checking each directory above
	// it.
	if fd, err := rootfs.OpenResolved(r.root, at, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW); err == nil {
		return r.list(fd, at, path, dropInSuffix)
	}
	return r.dir(path, dropInSuffix)
}

// dir reads one directory. The names that count end in suffix.
func (r *reader) dir(path, suffix string) Dir {
	real, err := r.real(path)
	if err != nil {
		return noDir(path, err)
	}
	return r.dirAt(real, path, suffix)
}

// dirAt reads the directory path. Outside of the root it is real.
func (r *reader) dirAt(real, path, suffix string) Dir {
	fd, err := rootfs.OpenResolved(r.root, real, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return noDir(path, err)
	}
	r.listed[path] = true
	return r.list(fd, real, path, suffix)
}

// list reads an open directory, and closes it.
func (r *reader) list(fd int, real, path, suffix string) Dir {
	f := os.NewFile(uintptr(fd), real)
	defer f.Close()
	d := Dir{Path: path, Resolved: other(path, r.inside(real))}
	names, err := f.Readdirnames(-1)
	if err != nil {
		d.Err = dirErrno(err)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "."):
		case strings.HasSuffix(name, suffix):
			d.Entries = append(d.Entries, r.entry(real, path, name))
		case suffix != dropInSuffix && strings.HasSuffix(name, suffix+".d"):
			if dd := r.dropInDir(real, join(path, name)); dd.counts() {
				d.DropIns = append(d.DropIns, dd)
			}
		}
	}
	return d
}

// counts reports whether there is anything to note about a directory of drop-ins.
func (d *Dir) counts() bool { return len(d.Entries) > 0 || d.Err != "" || d.NoDir != "" }

// noDir is a directory that could not be opened.
func noDir(path string, err error) Dir {
	d := Dir{Path: path, Err: dirErrno(err)}
	switch {
	case d.Err != "":
	case errors.Is(err, unix.ENOTDIR):
		d.NoDir = "ENOTDIR"
	case !errors.Is(err, unix.ENOENT):
		d.NoDir = "ELOOP"
	}
	return d
}

// dirErrno drops the errors at which udevd takes a directory for missing. The others may be
// due to our own lack of rights.
func dirErrno(err error) Errno {
	for _, ignored := range []unix.Errno{unix.ENOENT, unix.ENOTDIR, unix.ELOOP} {
		if errors.Is(err, ignored) {
			return ""
		}
	}
	// EvalSymlinks has an error of its own for loops.
	if strings.Contains(err.Error(), "too many links") {
		return ""
	}
	return errnoName(err)
}

func errnoName(err error) Errno {
	var no unix.Errno
	if errors.As(err, &no) {
		return Errno(unix.ErrnoName(no))
	}
	return "EIO"
}

// entry reads one name of a directory that is at real outside the root and at
// path inside of it.
func (r *reader) entry(real, path, name string) Entry {
	e := Entry{Name: name}
	at := join(real, name)
	var st unix.Stat_t
	if err := unix.Lstat(at, &st); err != nil {
		// In a directory that may be listed but not entered it is not missing, and udevd
		// may be able to read it.
		e.Type, e.Err = TypeMissing, errnoName(err)
		if e.Err != "ENOENT" {
			e.Type = TypeRegular
		}
		return e
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		var leads bool
		if at, leads = r.followLink(&e, at, join(r.inside(real), name)); !leads {
			return e
		}
	}
	r.open(&e, at)
	return e
}

// followLink notes the properties of the symbolic link at, which is at path inside the root,
// and returns where it leads; false if it leads nowhere.
func (r *reader) followLink(e *Entry, at, path string) (to string, leads bool) {
	target, err := os.Readlink(at)
	if err != nil {
		e.Type, e.Err = TypeMissing, errnoName(err)
		return "", false
	}
	e.Symlink = target
	way, err := r.follow(path)
	e.Slash, e.Back, e.Dot = way.slash, way.back, way.dot
	if way.links > fewLinks {
		e.Links = way.links
	}
	if err != nil {
		e.Type, e.Err = TypeMissing, errnoName(err)
		if e.Err == "EACCES" {
			e.Type = TypeRegular
		}
		return "", false
	}
	e.Resolved = r.inside(way.to)
	return way.to, true
}

// way is where a symbolic link leads.
type way struct {
	to    string // outside of the root
	links int
	slash bool // there is a slash behind the name of what is no directory
	back  bool // it leads to a directory that is missing, and out of it again by ".."
	dot   bool // the last link is one to the directory that it is in
}

// follow follows a symbolic link inside the root, name by name. Some releases of systemd
// follow paths that the kernel does not.
func (r *reader) follow(path string) (w way, err error) {
	done, todo := "", path
	for {
		todo = strings.TrimLeft(todo, "/")
		name, rest, _ := strings.Cut(todo, "/")
		behind := todo[len(name):]
		switch name {
		case "":
			w.to = filepath.Join(r.root, done)
			return w, nil
		case ".":
			todo = rest
			continue
		case "..":
			done, todo = done[:max(strings.LastIndexByte(done, '/'), 0)], rest
			continue
		}
		at := filepath.Join(r.root, done, name)
		var st unix.Stat_t
		err := unix.Lstat(at, &st)
		last := leadsNoFurther(behind)
		switch {
		case err != nil:
			w.back = err == unix.ENOENT && slices.Contains(strings.Split(behind, "/"), "..")
			return w, err
		case st.Mode&unix.S_IFMT == unix.S_IFLNK:
			if w.links++; w.links > mostLinks {
				return w, unix.ELOOP
			}
			target, err := os.Readlink(at)
			if err != nil {
				return w, err
			}
			if strings.HasPrefix(target, "/") {
				done = ""
			}
			w.dot = last && isItsDirectory(target)
			todo = target + behind
			if whole := done + "/" + todo; r.isImagesNull(whole) {
				w.to, w.slash = filepath.Join(r.root, nullDevice), !strings.HasSuffix(whole, "l")
				return w, nil
			}
		case st.Mode&unix.S_IFMT == unix.S_IFDIR:
			done, todo = done+"/"+name, rest
		case !last:
			return w, unix.ENOTDIR
		default:
			w.to, w.slash = at, behind != ""
			return w, nil
		}
	}
}

// isItsDirectory reports whether a link with that target leads to its own directory.
func isItsDirectory(target string) bool {
	return filepath.Clean(target) == "." && !strings.Contains(target, "..")
}

// isImagesNull reports whether a path is that of the null device of an image. It masks a file
// although an image seldom has the device.
func (r *reader) isImagesNull(path string) bool {
	return r.root != "/" && filepath.Clean(path) == nullDevice
}

// leadsNoFurther reports whether a path has only slashes and dots.
func leadsNoFurther(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part != "" && part != "." {
			return false
		}
	}
	return true
}

// open reads what the name leads to. It first opens the file with O_PATH, which has no effect
// on any device, and for reading only if it is regular.
func (r *reader) open(e *Entry, at string) {
	if r.isImagesNull(r.inside(at)) {
		e.Type = TypeNull
		return
	}
	fd, err := rootfs.OpenResolved(r.root, at, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		e.Type, e.Err = TypeMissing, errnoName(err)
		if e.Err != "ENOENT" && e.Err != "ELOOP" {
			e.Type = TypeRegular
		}
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		e.Type, e.Err = TypeRegular, errnoName(err)
		return
	}
	e.Inode = r.inodeNumber(&st)
	e.Mode = st.Mode & 0o7777
	e.Type = typeOf(&st)
	if e.Type == TypeRegular {
		e.Size = st.Size
		r.readText(e, fd, at)
	}
}

// inodeNumber is the file's Entry.Inode: files are numbered in reading order.
func (r *reader) inodeNumber(st *unix.Stat_t) int {
	key := [2]uint64{uint64(st.Dev), st.Ino}
	if r.inodes[key] == 0 {
		r.inodes[key] = len(r.inodes) + 1
	}
	return r.inodes[key]
}

// typeOf is the type of what was opened.
func typeOf(st *unix.Stat_t) FileType {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return TypeDirectory
	case unix.S_IFCHR:
		if unix.Major(uint64(st.Rdev)) == 1 && unix.Minor(uint64(st.Rdev)) == 3 {
			return TypeNull
		}
		return TypeChar
	case unix.S_IFBLK:
		return TypeBlock
	case unix.S_IFIFO:
		return TypeFIFO
	case unix.S_IFSOCK:
		return TypeSocket
	}
	return TypeRegular
}

// readText reads the regular file of an O_PATH descriptor.
func (r *reader) readText(e *Entry, fd int, at string) {
	if e.Size > MaxFileSize {
		e.Refused = fmt.Sprintf("larger than %d MiB (%d bytes)", MaxFileSize>>20, e.Size)
		return
	}
	if !rootfs.Running(r.root) {
		if err := rootfs.NotKernels(fd); err != nil {
			e.Refused = err.Error()
			return
		}
	}
	f, err := r.reopen(fd, at)
	if err != nil {
		e.Err = errnoName(err)
		return
	}
	defer f.Close()
	b, err := f.ReadAll(MaxFileSize)
	switch {
	case errors.Is(err, rootfs.ErrTooLarge):
		e.Refused = fmt.Sprintf("larger than %d MiB", MaxFileSize>>20)
	case err != nil:
		e.Err = errnoName(err)
	default:
		e.Content, e.Size = b, int64(len(b))
	}
}

// reopen opens the file of an O_PATH descriptor for reading. Without /proc it uses the name
// again; that never blocks and is checked afterwards.
func (r *reader) reopen(fd int, at string) (*rootfs.File, error) {
	text, err := rootfs.OpenResolved("/", fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY)
	if err == unix.ENOENT {
		text, err = rootfs.OpenResolved(r.root, at, unix.O_RDONLY|unix.O_NOFOLLOW)
	}
	if err != nil {
		return nil, err
	}
	f, err := rootfs.NewFile(text)
	if err != nil {
		return nil, unix.EINVAL // no longer the regular file that it was
	}
	return f, nil
}
