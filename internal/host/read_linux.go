package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/rootfs"
)

// The largest files to read, in bytes. procfs and sysfs report sizes of 0 or 4096 for any
// content, so the limit is on what is read.
const (
	limitSmall   = 64 << 10 // an attribute, a uevent file, machine-id
	limitDB      = 1 << 20  // a file of /run/udev/data, a rules file
	limitDpkg    = 64 << 20 // dpkg's status
	limitProgram = 64 << 20 // udevd or its library
)

// files reads files below a root. For "" that is the running machine itself;
// in an image, symbolic links are resolved as if the root were "/".
type files struct{ root string }

// path returns where a path of the root is, to look at it; what is opened goes
// through package rootfs.
func (f files) path(name string) (string, error) { return rootfs.Resolve(f.root, name) }

// open opens a regular file, and nothing else.
func (f files) open(name string) (*rootfs.File, error) {
	file, err := rootfs.Open(f.root, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	return file, nil
}

// read returns the whole of a regular file of at most limit bytes.
func (f files) read(name string, limit int64) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := file.ReadAll(limit)
	switch {
	case errors.Is(err, rootfs.ErrTooLarge):
		return nil, fmt.Errorf("%s: larger than %d bytes", name, limit)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	return b, nil
}

func (f files) exists(name string) bool {
	path, err := f.path(name)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}

// same reports whether two paths lead to one file or directory.
func (f files) same(a, b string) bool {
	var found [2]fs.FileInfo
	for i, name := range []string{a, b} {
		path, err := f.path(name)
		if err != nil {
			return false
		}
		if found[i], err = os.Stat(path); err != nil {
			return false
		}
	}
	return os.SameFile(found[0], found[1])
}

// openDir opens a directory, and nothing else.
func (f files) openDir(dir string) (*os.File, error) {
	d, err := rootfs.OpenDir(f.root, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, cause(err))
	}
	return d, nil
}

// names lists a directory, unsorted.
func (f files) names(dir string) ([]string, error) {
	d, err := f.openDir(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, cause(err))
	}
	return names, nil
}

// readlink returns the target of a link, whether that is there or not.
func (f files) readlink(name string) (string, error) {
	dir, err := f.path(path.Dir(name))
	if err != nil {
		return "", err
	}
	return os.Readlink(path.Join(dir, path.Base(name)))
}

// resolve follows the symbolic links of a path of the root and returns a path
// of the root again.
func (f files) resolve(name string) (string, error) {
	if f.root == "" {
		return filepath.EvalSymlinks(name)
	}
	path, err := f.path(name)
	if err != nil {
		return "", err
	}
	root, err := filepath.Abs(f.root)
	if err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	return filepath.Clean("/" + strings.TrimPrefix(path, root)), nil
}

// cause takes the path out of an error of package os: a reason names it once.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// isMissing reports whether an error says that there is no such file or directory.
func isMissing(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}

// readAt reads a small file below a directory in three system calls; n is its
// length in buf. It does not follow a last symbolic link.
func readAt(dir int, name string, buf []byte) (n int, err error) {
	fd, err := openAt(dir, name)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case m == 0:
			return n, nil
		}
		n += m
		// sysfs hands out an attribute in one piece, always less than a page.
		if n < len(buf) && n < os.Getpagesize() {
			return n, nil
		}
	}
	return n, nil
}

func openAt(dir int, name string) (fd int, err error) {
	for {
		fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
