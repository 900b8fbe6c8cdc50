// Package rootfs opens files and directories below a root directory that another user may
// own: an image, or the root of a running container. It never leads out of the root, never
// blocks, and opens nothing that acts when it is opened, such as a watchdog's device.
//
// It decides nothing about what it reads. Package change writes.
package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// Running reports whether root, "" or "/", is that of the running machine. Only root can
// change its files, so links are followed there as usual.
func Running(root string) bool { return root == "" || root == "/" }

// Resolve turns a path of the root into one of this machine, with all links resolved inside
// the root. Missing components stay as they are.
func Resolve(root, name string) (string, error) {
	if Running(root) {
		return name, nil
	}
	return securejoin.SecureJoin(root, name)
}

// Errors of entries that are not a file of the image.
var (
	errNotRegular = errors.New("not a regular file")
	// errKernel says that the file is the kernel's. In a container with /proc, a link may
	// lead to kmsg, which blocks, and returns each message once.
	errKernel = errors.New("a file of the kernel (procfs, sysfs or similar), not of the image")
)

// Open opens a regular file for reading. It refuses anything else, before it opens it
// and again after.
func Open(root, name string) (*File, error) {
	path, err := Resolve(root, name)
	if err != nil {
		return nil, err
	}
	if Running(root) {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return nil, err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFREG {
			return nil, errNotRegular
		}
	} else {
		fd, err := OpenResolved(root, path, unix.O_PATH)
		if err != nil {
			return nil, err
		}
		if _, err = sizeOfRegular(fd); err == nil {
			err = NotKernels(fd)
		}
		unix.Close(fd)
		if err != nil {
			return nil, err
		}
	}
	fd, err := OpenResolved(root, path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return NewFile(fd)
}

// File is an open regular file. An os.File would ask the kernel whether the file can be
// waited for (epoll_ctl(2)), which no regular file can, and would block if there is nothing
// to read now, as in the kernel's log; here that is an error, EAGAIN.
type File struct {
	fd   int
	size int64
}

// NewFile takes over a descriptor, and closes it if it is not of a regular file.
func NewFile(fd int) (*File, error) {
	size, err := sizeOfRegular(fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &File{fd, size}, nil
}

// Read implements io.Reader.
func (f *File) Read(b []byte) (int, error) {
	for {
		switch n, err := unix.Read(f.fd, b); {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Close closes the descriptor.
func (f *File) Close() error { return unix.Close(f.fd) }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, off int64) (done int, err error) {
	for done < len(b) {
		switch n, err := unix.Pread(f.fd, b[done:], off+int64(done)); {
		case err == unix.EINTR:
		case err != nil:
			return done, err
		case n == 0:
			return done, io.EOF
		default:
			done += n
		}
	}
	return done, nil
}

// Size is the size when the file was opened, in bytes; it is wrong for procfs and
// sysfs.
func (f *File) Size() int64 { return f.size }

// ErrTooLarge is of ReadAll.
var ErrTooLarge = errors.New("too large")

// ReadAll returns what is left of the file, at most limit bytes.
func (f *File) ReadAll(limit int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(f.size, limit)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, ErrTooLarge
	}
	return b.Bytes(), nil
}

// sizeOfRegular returns errNotRegular for an open file that is not a regular one. O_PATH is
// enough.
func sizeOfRegular(fd int) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0, errNotRegular
	}
	return st.Size, nil
}

// NotKernels returns errKernel for an open file of a file system that has only the kernel's
// own files. O_PATH is enough.
func NotKernels(fd int) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	switch uint32(fs.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC, unix.SMACK_MAGIC,
		unix.EFIVARFS_MAGIC, unix.PSTOREFS_MAGIC, unix.BPF_FS_MAGIC, unix.NSFS_MAGIC, unix.DEVPTS_SUPER_MAGIC:
		return errKernel
	}
	return nil
}

// OpenDir opens a directory for listing, and nothing else: a FIFO of its name would
// block.
func OpenDir(root, name string) (*os.File, error) {
	path, err := Resolve(root, name)
	if err != nil {
		return nil, err
	}
	fd, err := OpenResolved(root, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenResolved opens what Resolve returned. In an image it follows no links: a link that is
// there now was added since, to lead elsewhere.
func OpenResolved(root, path string, flags int) (int, error) {
	flags |= unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	if Running(root) {
		return open(unix.AT_FDCWD, path, flags)
	}
	rel, err := filepath.Rel(root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return -1, fmt.Errorf("%s is not below %s", path, root)
	}
	dir, err := open(unix.AT_FDCWD, root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return -1, err
	}
	for {
		first, rest, more := strings.Cut(rel, "/")
		how := unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
		if !more {
			how = flags
		}
		next, err := open(dir, first, how|unix.O_NOFOLLOW)
		unix.Close(dir)
		if err != nil || !more {
			return next, err
		}
		dir, rel = next, rest
	}
}

func open(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
