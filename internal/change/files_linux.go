package change

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tree is the root of the files to change. Every path is walked one component after the
// other, without following symbolic links, so nothing is written in another place than it
// seems.
type tree struct {
	root string
	fd   int
}

// The names of temporary files: hidden, so that neither udevd nor anything else
// that reads the directory takes them for its own.
const (
	tempPrefix = ".linkaudit-"
	tempSuffix = ".tmp"
)

func openTree(root string) (*tree, error) {
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	return &tree{root, fd}, nil
}

func (t *tree) close() { unix.Close(t.fd) }

// errNoDirectory is of a path that linkaudit does not write below.
var errNoDirectory = errors.New("a symbolic link or not a directory")

func noDirectory(name string) error {
	return fmt.Errorf("%s is %w, so linkaudit does not write there", name, errNoDirectory)
}

// dir opens a directory. With makeMissing it creates missing ones, with mode 0755, and
// returns those.
func (t *tree) dir(name string, makeMissing bool) (fd int, made []string, err error) {
	fd, err = unix.Openat(t.fd, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("%s: %w", t.root, err)
	}
	at := ""
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if part == "" {
			continue // the root itself
		}
		at += "/" + part
		next, err := openDirAt(fd, part)
		if errors.Is(err, unix.ENOENT) && makeMissing {
			var did bool
			if next, did, err = openNewDirAt(fd, part); did {
				made = append(made, at)
			}
		}
		unix.Close(fd)
		switch {
		case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
			return -1, made, noDirectory(at)
		case err != nil:
			return -1, made, fmt.Errorf("%s: %w", at, err)
		}
		fd = next
	}
	return fd, made, nil
}

func openDirAt(fd int, name string) (int, error) {
	return unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// openNewDirAt creates a directory and opens it; did is as of makeDirAt.
func openNewDirAt(parent int, name string) (fd int, did bool, err error) {
	if did, err = makeDirAt(parent, name); err != nil {
		return -1, did, err
	}
	fd, err = openDirAt(parent, name)
	return fd, did, err
}

// makeDirAt creates a directory. did says that it is new, even if a later step fails.
func makeDirAt(parent int, name string) (did bool, err error) {
	err = unix.Mkdirat(parent, name, 0o755)
	if errors.Is(err, unix.EEXIST) {
		return false, nil // somebody was faster; the mode is theirs
	}
	if err != nil {
		return false, err
	}
	fd, err := openDirAt(parent, name)
	if err != nil {
		return true, err
	}
	defer unix.Close(fd)
	// Whatever the umask is.
	if err := unix.Fchmod(fd, 0o755); err != nil {
		return true, err
	}
	return true, syncDir(parent)
}

// syncDir makes the entries of a directory durable: a renamed file is there after a power
// cut only if the directory was written too. The descriptor may be one of O_PATH.
func syncDir(fd int) error {
	real, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(real)
	// EINVAL: a file system that cannot sync directories.
	if err := unix.Fsync(real); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

// read returns the content of a regular file, nil if there is none.
func (t *tree) read(name string) ([]byte, error) {
	dir, _, err := t.dir(path.Dir(name), false)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	return readAt(dir, name, limitFile)
}

func readAt(dir int, name string, limit int64) ([]byte, error) {
	fd, err := unix.Openat(dir, path.Base(name), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s is a symbolic link", name)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case st.Size() > limit:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if b == nil {
		b = []byte{}
	}
	return b, err
}

// write writes the file, whole or not at all, if its present content is old (nil: no
// file). It returns the directories that it created.
func (t *tree) write(ctx context.Context, name string, content, old []byte) (made []string, err error) {
	dir, made, err := t.dir(path.Dir(name), true)
	if err != nil {
		return made, err
	}
	defer unix.Close(dir)
	if err := expect(dir, name, old); err != nil {
		return made, err
	}
	temp, err := writeTemporary(ctx, dir, name, content, 0o644)
	if err != nil {
		return made, fmt.Errorf("write %s: %w", name, err)
	}
	exchanged, err := putInPlace(dir, name, temp, content, old)
	switch {
	case errors.Is(err, errKeptAside):
		return made, err
	case err != nil:
		unix.Unlinkat(dir, temp, 0)
		return made, fmt.Errorf("write %s: %w", name, err)
	}
	if exchanged {
		if err := unix.Unlinkat(dir, temp, 0); err != nil {
			return made, &writtenError{fmt.Errorf("write %s: remove what was there before: %w", name, err)}
		}
	}
	if err := t.settle(dir, name); err != nil {
		return made, &writtenError{fmt.Errorf("write %s: %w", name, err)}
	}
	return made, nil
}

// putInPlace renames the temporary file to name, if the present file has the content old
// (nil: no file). If the two were exchanged, the temporary file has the old content now.
//
// The replaced file is checked again after the exchange: if somebody changed it, the
// change is put back.
func putInPlace(dir int, name, temp string, content, old []byte) (exchanged bool, err error) {
	if old == nil {
		err = unix.Renameat2(dir, temp, dir, path.Base(name), unix.RENAME_NOREPLACE)
	} else {
		err = unix.Renameat2(dir, temp, dir, path.Base(name), unix.RENAME_EXCHANGE)
	}
	switch {
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOENT):
		return false, changedMeanwhile(name)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		// The file system cannot exchange. The lock keeps other runs away.
		if err := expect(dir, name, old); err != nil {
			return false, err
		}
		return false, unix.Renameat(dir, temp, dir, path.Base(name))
	case err != nil || old == nil:
		return false, err
	case expect(dir, temp, old) != nil:
		return false, exchangeBack(dir, name, temp, content)
	}
	return true, nil
}

// exchangeBack gives the name back to a file that somebody changed meanwhile, which is the
// temporary file now.
func exchangeBack(dir int, name, temp string, content []byte) error {
	err := unix.Renameat2(dir, temp, dir, path.Base(name), unix.RENAME_EXCHANGE)
	if err == nil && expect(dir, temp, content) != nil {
		// Something newer was put there since: exchange again.
		err = unix.Renameat2(dir, temp, dir, path.Base(name), unix.RENAME_EXCHANGE)
	}
	if err != nil {
		return keptAside(name, temp, err)
	}
	return changedMeanwhile(name)
}

// settle makes a change in the directory durable and visible.
func (t *tree) settle(dir int, name string) error {
	if err := syncDir(dir); err != nil {
		return err
	}
	return t.announce(path.Dir(name))
}

// announce makes sure that a udevd that checks for changes by itself sees this one. Older
// releases look only at the modification times of the search directories
// (link_config_should_reload() of 247; 252 compares every file), and miss
//
//   - a change within the same tick of the kernel's clock, some milliseconds, as the
//     last one that they saw, such as our own temporary file;
//   - any change in a NAME.link.d that existed before.
//
// So the directory, and the one above a NAME.link.d, get the present time, which is later
// than that of any earlier tick.
func (t *tree) announce(name string) error {
	for {
		dir, _, err := t.dir(name, false)
		if err != nil {
			return err
		}
		now := unix.NsecToTimespec(time.Now().UnixNano())
		err = unix.UtimesNanoAt(dir, ".", []unix.Timespec{{Nsec: unix.UTIME_OMIT}, now}, 0)
		unix.Close(dir)
		if err != nil {
			return fmt.Errorf("set the time of %s: %w", name, err)
		}
		if !strings.HasSuffix(name, ".link.d") {
			return nil
		}
		name = path.Dir(name)
	}
}

// writtenError is an error after the file was written.
type writtenError struct{ error }

func (e *writtenError) Unwrap() error { return e.error }

// expect makes sure that nobody changed the file since it was read.
func expect(dir int, name string, old []byte) error {
	now, err := readAt(dir, name, limitFile)
	if err != nil {
		return err
	}
	if !same(now, old) {
		return changedMeanwhile(name)
	}
	return nil
}

var (
	errChangedMeanwhile = errors.New("was changed by another program meanwhile")
	// errKeptAside: another program's change could not be put back in its place.
	errKeptAside = errors.New("it could not be put back")
)

func changedMeanwhile(name string) error { return fmt.Errorf("%s %w", name, errChangedMeanwhile) }

// keptAside is for a file that was changed meanwhile, and is now a temporary one.
func keptAside(name, temp string, err error) error {
	return fmt.Errorf("%w, and is now %s: %w: %w", changedMeanwhile(name), path.Join(path.Dir(name), temp), errKeptAside, err)
}

func temporaryName() string {
	var random [8]byte
	rand.Read(random[:])
	return tempPrefix + hex.EncodeToString(random[:]) + tempSuffix
}

func writeTemporary(ctx context.Context, dir int, name string, content []byte, mode uint32) (_ string, err error) {
	temp := temporaryName()
	fd, err := unix.Openat(dir, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), temp)
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			unix.Unlinkat(dir, temp, 0)
		}
	}()
	if _, err := f.Write(content); err != nil {
		return "", cause(err)
	}
	return temp, finishTemporary(ctx, fd, name, mode)
}

// finishTemporary gives a temporary file the mode and labels for the name, and makes it
// durable.
func finishTemporary(ctx context.Context, fd int, name string, mode uint32) error {
	if os.Geteuid() == 0 {
		if err := unix.Fchown(fd, 0, 0); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return err
	}
	if err := label(ctx, fd, name); err != nil {
		return err
	}
	// Before the rename, or a power cut could leave the name with no text.
	return unix.Fsync(fd)
}

// cause removes the path of a temporary file from an error.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// namesIn lists a directory. Its descriptor may be one of O_PATH.
func namesIn(dir int) ([]string, error) {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return names, cause(err)
}

// savedPrefix begins the name of a file that another program wrote and a killed run had
// moved away. Nothing reads a file of that name.
const savedPrefix = "linkaudit-saved-"

// removeTemporaries removes the temporary files among the names of a directory. A file
// that ours does not recognize gets another name, and is returned.
func removeTemporaries(dir int, names []string, ours func(content []byte) bool) (saved []string, err error) {
	for _, name := range names {
		if !strings.HasPrefix(name, tempPrefix) || !strings.HasSuffix(name, tempSuffix) {
			continue
		}
		content, err := readAt(dir, name, limitUnfinished)
		if err == nil && (content == nil || ours(content)) {
			if err := unix.Unlinkat(dir, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
				return saved, err
			}
			continue
		}
		as := savedPrefix + strings.TrimSuffix(strings.TrimPrefix(name, tempPrefix), tempSuffix)
		if err := unix.Renameat2(dir, name, dir, as, unix.RENAME_NOREPLACE); err != nil {
			return saved, err
		}
		saved = append(saved, as)
	}
	return saved, nil
}

// remove removes the file if it has the content old.
func (t *tree) remove(name string, old []byte) error {
	dir, _, err := t.dir(path.Dir(name), false)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := expect(dir, name, old); err != nil {
		return err
	}
	if err := removeAt(dir, name, old); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	if err := t.settle(dir, name); err != nil {
		return &writtenError{fmt.Errorf("remove %s: %w", name, err)}
	}
	return nil
}

// removeAt renames the file first, and then checks it: only a checked file is deleted.
func removeAt(dir int, name string, old []byte) error {
	temp := temporaryName()
	err := unix.Renameat2(dir, path.Base(name), dir, temp, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.ENOENT):
		return changedMeanwhile(name)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return unix.Unlinkat(dir, path.Base(name), 0)
	case err != nil:
		return err
	}
	if expect(dir, temp, old) != nil {
		back := unix.Renameat2(dir, temp, dir, path.Base(name), unix.RENAME_NOREPLACE)
		if errors.Is(back, unix.EEXIST) {
			// A newer one has the name.
			back = unix.Unlinkat(dir, temp, 0)
		}
		if back != nil {
			return keptAside(name, temp, back)
		}
		return changedMeanwhile(name)
	}
	if err := unix.Unlinkat(dir, temp, 0); err != nil {
		return both(err, unix.Renameat2(dir, temp, dir, path.Base(name), unix.RENAME_NOREPLACE))
	}
	return nil
}

// missing are the directories of a path that do not exist.
func (t *tree) missing(name string) (dirs []string, err error) {
	for ; name != "/"; name = path.Dir(name) {
		dir, _, err := t.dir(name, false)
		if err == nil {
			unix.Close(dir)
			break
		}
		if !errors.Is(err, unix.ENOENT) {
			return nil, err
		}
		dirs = append(dirs, name)
	}
	return dirs, nil
}

// removeDirs removes the empty ones of the directories, the deepest first, and returns
// those. A directory with entries stays.
func (t *tree) removeDirs(dirs []string) (removed []string, err error) {
	dirs = slices.Clone(dirs)
	slices.SortFunc(dirs, func(a, b string) int { return len(b) - len(a) })
	for _, name := range dirs {
		parent, _, err := t.dir(path.Dir(name), false)
		if err != nil {
			return removed, err
		}
		err = unix.Unlinkat(parent, path.Base(name), unix.AT_REMOVEDIR)
		switch {
		case err == nil:
			removed = append(removed, name)
			err = syncDir(parent)
		case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOENT):
			err = nil
		}
		unix.Close(parent)
		if err != nil {
			return removed, fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return removed, nil
}

// dirsBelow is Input.DirExists for a root.
func dirsBelow(root string) func(string) (bool, error) {
	return func(dir string) (bool, error) {
		st, err := os.Lstat(path.Join(root, dir))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false, nil
		case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
			return true, &noPlaceError{fmt.Errorf("%s: %w", dir, cause(err))}
		case err != nil:
			return true, fmt.Errorf("%s: %w", dir, cause(err))
		case !st.IsDir():
			return true, &noPlaceError{noDirectory(dir)}
		}
		return true, nil
	}
}
