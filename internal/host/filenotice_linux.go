package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What can happen in a search directory, in a directory of drop-ins, and to their names in
// the directories above (inotify(7)).
const (
	fileEvents  = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	aboveEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVE_SELF
)

// fileListener reports changes of .link files, drop-ins and their directories.
type fileListener struct {
	waiting
	dirs []string // the search directories
	// watched are all watches.
	watched map[int32]bool
	// above are the watches of directories without a search directory, with its missing
	// name.
	above map[int32]map[string]bool
	buf   []byte
}

func listenToFiles(dirs []string) (*fileListener, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	w, err := newWaiting(fd)
	if err != nil {
		return nil, err
	}
	l := &fileListener{waiting: w, dirs: dirs, buf: make([]byte, 16<<10)}
	if err := l.look(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// look watches what exists now, and ends all other watches: a watch stays with a directory
// that is moved. Watching the same directory again changes nothing.
func (l *fileListener) look() error {
	before := l.watched
	l.above, l.watched = map[int32]map[string]bool{}, map[int32]bool{}
	defer l.endUnused(before)
	for _, dir := range l.dirs {
		switch _, err := l.watch(dir, fileEvents); {
		case err == nil:
		case isMissing(err):
			l.waitFor(dir)
			continue
		default:
			return &os.PathError{Op: "watch", Path: dir, Err: err}
		}
		if err := l.watchDropIns(dir); err != nil {
			return err
		}
	}
	return nil
}

// endUnused ends the watches that are no longer used.
func (l *fileListener) endUnused(watches map[int32]bool) {
	for wd := range watches {
		if !l.watched[wd] {
			// The watch of a deleted directory no longer exists.
			_, _ = unix.InotifyRmWatch(l.fd, uint32(wd))
		}
	}
}

// watchDropIns watches the directories of drop-ins in a search directory.
func (l *fileListener) watchDropIns(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // it went away
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".link.d") {
			continue
		}
		if _, err := l.watch(filepath.Join(dir, e.Name()), fileEvents); errors.Is(err, unix.ENOSPC) {
			return &os.PathError{Op: "watch", Path: filepath.Join(dir, e.Name()), Err: err}
		}
	}
	return nil
}

func (l *fileListener) watch(dir string, events uint32) (wd int32, err error) {
	n, err := unix.InotifyAddWatch(l.fd, dir, events|unix.IN_ONLYDIR)
	if err == nil {
		l.watched[int32(n)] = true
	}
	return int32(n), err
}

// waitFor watches the nearest existing directory above dir.
func (l *fileListener) waitFor(dir string) {
	for dir != "/" {
		name := filepath.Base(dir)
		dir = filepath.Dir(dir)
		wd, err := l.watch(dir, aboveEvents|unix.IN_MASK_ADD)
		if err == nil {
			if l.above[wd] == nil {
				l.above[wd] = map[string]bool{}
			}
			l.above[wd][name] = true
			return
		}
	}
}

// next waits until something changed or the wait is ended.
func (l *fileListener) next() (changed bool, err error) {
	if err := l.wait(); err != nil {
		return false, err
	}
	n, err := unix.Read(l.fd, l.buf)
	switch {
	case err == unix.EAGAIN:
		return false, errNothing
	case err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, err
	}
	for b := l.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
		size := unix.SizeofInotifyEvent + int(e.Len)
		if size > len(b) {
			return false, fmt.Errorf("a malformed inotify event")
		}
		changed = changed || l.isChange(e, text(b[unix.SizeofInotifyEvent:size]))
		b = b[size:]
	}
	return changed, nil
}

// isChange reports whether an event, with the name of a file, may be a change in what is
// watched.
func (l *fileListener) isChange(e *unix.InotifyEvent, name string) bool {
	if e.Mask&unix.IN_Q_OVERFLOW != 0 {
		return true // it belongs to no watch: anything may have changed
	}
	if !l.watched[e.Wd] {
		return false // of a directory that is no longer watched
	}
	waited, above := l.above[e.Wd]
	return !above || waited[name] || e.Mask&(unix.IN_MOVE_SELF|unix.IN_IGNORED) != 0
}

// readFiles reports changed files.
func (n *Notices) readFiles(ctx context.Context) {
	for ctx.Err() == nil {
		changed, err := n.files.next()
		if err != nil {
			if !n.goOn(ctx, n.files.waiting, Notice{Lost: LostFiles}, err) {
				return
			}
			continue
		}
		if !changed {
			continue
		}
		if err := n.files.look(); err != nil && !n.send(ctx, Notice{Lost: LostFiles}) {
			return
		}
		if !n.send(ctx, Notice{Files: true}) {
			return
		}
	}
}
