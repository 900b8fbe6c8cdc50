package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockDir holds the lock for this machine's files. Only root can open a file in it, so
// nobody else can hold the lock and block root.
const lockDir = "/run/linkaudit"

// lockWait is how long a run waits for another one.
const lockWait = 60 * time.Second

// runLock keeps other runs of linkaudit from changing the same files between reading and
// writing. It ends with the process at the latest.
type runLock struct {
	f *os.File
	// passing: it is for an image; release removes the file.
	passing bool
}

// acquireLock waits for the lock of the tree below root.
func acquireLock(ctx context.Context, root string) (*runLock, error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		l, err := openLock(root)
		if err != nil {
			return nil, fmt.Errorf("lock against other runs of linkaudit: %w", err)
		}
		if err := l.wait(ctx); err != nil {
			l.f.Close()
			return nil, err
		}
		if l.there() {
			return l, nil
		}
		l.f.Close() // the run that had it removed the file: open a new one
	}
}

func (l *runLock) wait(ctx context.Context) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		switch err := unix.Flock(int(l.f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("%s: lock: %w", l.f.Name(), err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%s: another run of linkaudit, or another process, has held the lock for %v", l.f.Name(), lockWait)
			}
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// there reports whether the locked file is the one that others find.
func (l *runLock) there() bool {
	var mine, found unix.Stat_t
	return !l.passing || unix.Fstat(int(l.f.Fd()), &mine) == nil && unix.Lstat(l.f.Name(), &found) == nil &&
		mine.Dev == found.Dev && mine.Ino == found.Ino
}

// release releases the lock.
func (l *runLock) release() {
	if l.passing {
		_ = unix.Unlink(l.f.Name()) // the next run can use one that stays
	}
	l.f.Close()
}

// openLock opens what is locked for the tree below root. Only root can open a file in
// lockDir; anybody may be able to open an image's own directory, and hold a lock on it.
// Other users have nothing else, and an image of their own.
func openLock(root string) (*runLock, error) {
	if root != "/" && os.Geteuid() != 0 {
		return lockTree(root)
	}
	name, err := lockName(root)
	if err != nil {
		return nil, err
	}
	err = unix.Mkdir(lockDir, 0o700)
	if errors.Is(err, unix.ENOENT) && root != "/" { // no /run, as in a container that builds images
		return lockTree(root)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("%s: %w", lockDir, err)
	}
	dir, err := openLockDir()
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	f, err := openLockFile(dir, name)
	if err != nil {
		return nil, err
	}
	return &runLock{f, root != "/"}, nil
}

// lockName is the name of the file in lockDir for the tree below root.
func lockName(root string) (string, error) {
	var tree unix.Stat_t
	if err := unix.Stat(root, &tree); err != nil {
		return "", fmt.Errorf("%s: %w", root, err)
	}
	switch {
	case tree.Mode&unix.S_IFMT != unix.S_IFDIR:
		return "", fmt.Errorf("%s: %w", root, unix.ENOTDIR)
	case root == "/":
		return "lock", nil
	}
	return fmt.Sprintf("lock-%d-%d", tree.Dev, tree.Ino), nil
}

// lockTree uses the directory itself as the lock.
func lockTree(root string) (*runLock, error) {
	f, err := os.OpenFile(root, os.O_RDONLY|unix.O_DIRECTORY, 0)
	return &runLock{f: f}, err
}

// openLockDir opens lockDir, in which only root may create files.
func openLockDir() (int, error) {
	dir, err := unix.Open(lockDir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s is not a directory of linkaudit: %w", lockDir, err)
	}
	var st unix.Stat_t
	switch err := unix.Fstat(dir, &st); {
	case err != nil:
		unix.Close(dir)
		return -1, fmt.Errorf("%s: %w", lockDir, err)
	case st.Uid != 0 || st.Mode&0o022 != 0:
		unix.Close(dir)
		return -1, fmt.Errorf("%s is not owned by root, or others may write to it; remove it", lockDir)
	}
	return dir, nil
}

// openLockFile opens or creates the file of that name in lockDir.
func openLockFile(dir int, base string) (*os.File, error) {
	name := lockDir + "/" + base
	fd, err := unix.Openat(dir, base, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		f.Close()
		return nil, fmt.Errorf("%s is not a regular file; remove it", name)
	}
	return f, nil
}
