package change

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// unfinishedName is the file that lists the changes of a run, from before the first change
// until all are verified. It is in the directory of the overrides or, if that is missing
// or will be removed, in one above. If it exists while nobody holds the lock, a run was
// killed: the next one takes back its changes.
const unfinishedName = ".linkaudit-unfinished"

// limitUnfinished is more than any run writes, in bytes.
const limitUnfinished = 64 << 20

// step is the change of one file.
type step struct {
	Path string `json:"path"`
	// Old is its content before, New after it; null for no file.
	Old []byte `json:"old"`
	New []byte `json:"new"`
	// Made are the directories that are created for the file, or removed with it.
	Made []string `json:"made,omitempty"`
}

// unfinished are the changes of a run, in order.
type unfinished struct {
	Steps []step `json:"steps"`
	// text is that of the file.
	text []byte
}

// unfinishedDirs are the directories where such a file may be.
func unfinishedDirs() (dirs []string) {
	for dir := override.Dir; dir != "/"; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// begin writes the planned changes, and returns the directory of that file.
func (t *tree) begin(ctx context.Context, steps []step) (u *unfinished, at string, err error) {
	u = &unfinished{Steps: steps}
	if u.text, err = json.Marshal(u); err != nil {
		return nil, "", err
	}
	at, err = t.note(ctx, u)
	return u, at, err
}

func (t *tree) note(ctx context.Context, u *unfinished) (at string, err error) {
	for _, name := range unfinishedDirs() {
		if slices.ContainsFunc(u.Steps, func(s step) bool { return slices.Contains(s.Made, name) }) {
			continue // it will be created or removed
		}
		dir, _, err := t.dir(name, false)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return "", err
		}
		defer unix.Close(dir)
		return u.noteIn(ctx, dir, name)
	}
	return "", nil // a tree without /etc has nothing that could be half done
}

// noteIn writes the file into an open directory of that name. Unless at is "", the file may
// exist even after an error.
func (u *unfinished) noteIn(ctx context.Context, dir int, name string) (at string, err error) {
	file := path.Join(name, unfinishedName)
	temp, err := writeTemporary(ctx, dir, file, u.text, 0o600)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	if err = unix.Renameat(dir, temp, dir, unfinishedName); err != nil {
		unix.Unlinkat(dir, temp, 0)
	} else {
		err = syncDir(dir)
	}
	if err != nil {
		return name, fmt.Errorf("write %s: %w", file, err)
	}
	return name, nil
}

// end removes what begin wrote: from here on the change stays. unsynced says that the file
// may be back after a power cut.
func (t *tree) end(at string) (unsynced, err error) {
	if at == "" {
		return nil, nil
	}
	dir, _, err := t.dir(at, false)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	name := path.Join(at, unfinishedName)
	if err := unix.Unlinkat(dir, unfinishedName, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("remove %s: %w", name, err)
	}
	if err := syncDir(dir); err != nil {
		unsynced = fmt.Errorf("%s is removed, but not yet on disk (%w): after a power cut now, the next run would take the change back", name, err)
	}
	return unsynced, nil
}

// Interrupted is the file that a killed run left, "" if there is none.
func Interrupted(root string) string {
	for _, dir := range unfinishedDirs() {
		if name := path.Join(dir, unfinishedName); unfinishedAt(root, name) {
			return name
		}
	}
	return ""
}

func unfinishedAt(root, name string) bool {
	_, err := os.Lstat(path.Join(root, name))
	return err == nil
}

// recover takes back the changes of a killed run, and removes what it left. It says what
// it did, a sentence each. The lock is held.
func (t *tree) recover(ctx context.Context) (said []string, err error) {
	var left []leftBehind
	for _, at := range unfinishedDirs() {
		u, err := t.readUnfinished(at)
		if err != nil {
			return nil, err
		}
		if u != nil {
			left = append(left, leftBehind{at, u})
		}
	}
	// First, because a directory with such a file cannot be removed.
	if said, err = t.sweep(func(content []byte) bool {
		// Without a list, the run had changed nothing yet.
		return len(left) == 0 || slices.ContainsFunc(left, func(l leftBehind) bool { return l.wrote(content) })
	}); err != nil {
		return said, err
	}
	for _, l := range left {
		one, err := t.undoUnfinished(ctx, l.at, l.unfinished)
		said = append(said, one...)
		if err != nil {
			return said, err
		}
	}
	return said, nil
}

// leftBehind is what a killed run left in a directory.
type leftBehind struct {
	at string
	*unfinished
}

// readUnfinished returns the changes that a killed run left in the directory; nil for none.
func (t *tree) readUnfinished(at string) (*unfinished, error) {
	name := path.Join(at, unfinishedName)
	text, err := t.readOwn(name)
	if errors.Is(err, errNoDirectory) && !unfinishedAt(t.root, name) {
		return nil, nil
	}
	if text == nil || err != nil {
		return nil, err
	}
	u := &unfinished{text: text}
	if err := json.Unmarshal(text, u); err != nil {
		return nil, fmt.Errorf("%s was not written by linkaudit (%w); read it, then remove it", name, err)
	}
	for _, s := range u.Steps {
		if !ownPath(s.Path) {
			return nil, fmt.Errorf("%s names %q, which is not a file of linkaudit; read it, then remove it", name, s.Path)
		}
	}
	return u, nil
}

// wrote reports whether the run had that content in a temporary file: what it wrote, maybe
// in part, or what it replaced or removed.
func (u *unfinished) wrote(content []byte) bool {
	return bytes.HasPrefix(u.text, content) || slices.ContainsFunc(u.Steps, func(s step) bool {
		return bytes.HasPrefix(s.New, content) || bytes.HasPrefix(s.Old, content)
	})
}

// undoUnfinished undoes the steps of a run, the last step first.
func (t *tree) undoUnfinished(ctx context.Context, at string, u *unfinished) (said []string, err error) {
	for _, s := range slices.Backward(u.Steps) {
		did, err := t.undoStep(ctx, s)
		if err != nil {
			return said, fmt.Errorf("take back the changes of an interrupted run: %w", err)
		}
		if did != "" {
			said = append(said, did)
		}
	}
	_, err = t.end(at)
	return said, err
}

// undoStep undoes a step, if it was done.
func (t *tree) undoStep(ctx context.Context, s step) (said string, err error) {
	now, err := t.read(s.Path)
	if err != nil {
		return "", err
	}
	switch {
	case same(now, s.Old):
	case !same(now, s.New):
		return fmt.Sprintf("%s was changed by another program after linkaudit was interrupted, and stays as it is", s.Path), nil
	case s.Old == nil:
		said, err = fmt.Sprintf("removed %s, which an interrupted run wrote", s.Path), t.remove(s.Path, s.New)
	default:
		said = fmt.Sprintf("restored %s, which an interrupted run changed", s.Path)
		_, err = t.write(ctx, s.Path, s.Old, s.New)
	}
	if err == nil && s.Old == nil {
		_, err = t.removeDirs(s.Made)
	}
	return said, err
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// ownPath reports whether linkaudit writes at a path: an override, or a drop-in of one
// file, in the directory of the overrides.
func ownPath(name string) bool {
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if name != path.Clean(name) || !override.OwnName(base) {
		return false
	}
	if base != override.DropInName {
		return dir == override.Dir
	}
	return path.Dir(dir) == override.Dir && holdsDropIns(dir)
}

// holdsDropIns reports whether linkaudit may have written a drop-in in such a directory.
func holdsDropIns(dir string) bool {
	return strings.HasSuffix(dir, ".link.d") || strings.HasSuffix(dir, ".netdev.d")
}

// readOwn reads a file that only this user or root may have written; nil for none.
func (t *tree) readOwn(name string) ([]byte, error) {
	dir, _, err := t.dir(path.Dir(name), false)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	switch err := unix.Fstatat(dir, path.Base(name), &st, unix.AT_SYMLINK_NOFOLLOW); {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o022 != 0 || st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return nil, fmt.Errorf("%s was not written by linkaudit; remove it", name)
	}
	return readAt(dir, name, limitUnfinished)
}

// sweep removes temporary files everywhere a run may have left them. A file that ours does
// not recognize is kept under another name, and reported.
func (t *tree) sweep(ours func(content []byte) bool) (said []string, err error) {
	for _, name := range unfinishedDirs() {
		dir, _, err := t.dir(name, false)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, errNoDirectory) {
			continue // nothing of linkaudit's is in there
		}
		if err != nil {
			return said, err
		}
		saved, err := sweepDir(dir, name, ours)
		unix.Close(dir)
		for _, file := range saved {
			said = append(said, fmt.Sprintf("%s has what another program wrote to a file while an interrupted run of linkaudit was changing it; move it to its place or remove it", file))
		}
		if err != nil {
			return said, fmt.Errorf("%s: remove the files of an interrupted run: %w", name, err)
		}
	}
	return said, nil
}

func sweepDir(dir int, name string, ours func(content []byte) bool) (saved []string, err error) {
	names, saved, err := sweepNames(dir, name, ours)
	if err != nil || name != override.Dir {
		return saved, err
	}
	for _, sub := range names {
		if !holdsDropIns(sub) {
			continue
		}
		more, err := sweepDropIns(dir, path.Join(name, sub), ours)
		saved = append(saved, more...)
		if err != nil {
			return saved, err
		}
	}
	return saved, nil
}

// sweepNames sweeps an open directory, but no directory in it, and returns all its names.
func sweepNames(dir int, name string, ours func(content []byte) bool) (names, saved []string, err error) {
	if names, err = namesIn(dir); err != nil {
		return nil, nil, err
	}
	kept, err := removeTemporaries(dir, names, ours)
	for _, file := range kept {
		saved = append(saved, path.Join(name, file))
	}
	return names, saved, err
}

// sweepDropIns sweeps the directory of that name in an open one.
func sweepDropIns(parent int, name string, ours func(content []byte) bool) (saved []string, err error) {
	dir, err := openDirAt(parent, path.Base(name))
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ENOENT):
		return nil, nil // nothing of linkaudit's is in there
	case err != nil:
		return nil, err
	}
	defer unix.Close(dir)
	_, saved, err = sweepNames(dir, name, ours)
	return saved, err
}

// limitFile is the largest file that is read of a tree, in bytes.
const limitFile = linkfiles.MaxFileSize
