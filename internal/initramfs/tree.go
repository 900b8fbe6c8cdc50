package initramfs

import (
	"fmt"
	"slices"
	"strings"
)

// maxSymlinks is the kernel's limit (MAXSYMLINKS, include/linux/namei.h).
const maxSymlinks = 40

// tree is the file system in the archives, without unwanted regular files.
type tree struct {
	root *node
	// links are the files of this archive that may get further names.
	links map[fileID]*node
	nodes int
	names int
	kept  int64
}

// fileID is what two names of one file have in common.
type fileID struct{ major, minor, ino, mode uint32 }

// node is one file, whatever its names.
type node struct {
	mode     uint32
	children map[string]*node // of a directory
	target   string           // of a symbolic link
	rdev     [2]uint32        // of a device
	size     int64            // of a regular file
	// content is the text of a regular file, where kept is true.
	content []byte
	kept    bool
}

func (n *node) is(kind uint32) bool { return n != nil && n.mode&typeMask == kind }

func newTree() *tree {
	t := &tree{root: &node{mode: typeDir | 0o755, children: map[string]*node{}}, links: map[fileID]*node{}}
	// What usr/default_cpio_list puts into every kernel.
	t.root.children["dev"] = &node{mode: typeDir | 0o755, children: map[string]*node{}}
	t.root.children["root"] = &node{mode: typeDir | 0o700, children: map[string]*node{}}
	return t
}

// forgetLinks ends an archive: the next one has its own file numbers.
func (t *tree) forgetLinks() { clear(t.links) }

// keep reserves n bytes to keep, false if they are too many.
func (t *tree) keep(n int64) bool {
	if t.kept+n > maxKeptAll {
		return false
	}
	t.kept += n
	return true
}

// split cuts the last part off a name: "a/b/c/" is "a/b" and "c".
func split(name string) (dir, last string) {
	name = strings.TrimRight(name, "/")
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

func base(name string) string {
	_, last := split(name)
	return last
}

// parent returns the directory for a new name, nil if there is none: the kernel drops the
// entry then. A name cannot lead out: ".." of the root is the root.
func (t *tree) parent(name string) (dir *node, last string) {
	up, last := split(name)
	if last == "" || last == "." || last == ".." {
		return nil, ""
	}
	dir, _ = t.lookup(up)
	if !dir.is(typeDir) {
		return nil, ""
	}
	return dir, last
}

// lookup follows a path, through all symbolic links, and also returns the path that it
// ends at; nil if there is nothing, or a loop.
func (t *tree) lookup(path string) (*node, string) {
	links := 0
	w := walk{at: []*node{t.root}, todo: []string{path}}
	for len(w.todo) > 0 {
		part := w.nextPart()
		if part == "" {
			continue
		}
		if !w.here().is(typeDir) {
			return nil, ""
		}
		next := w.here().children[part]
		switch {
		case part == ".":
		case part == "..":
			w.up()
		case next == nil:
			return nil, "/" + strings.Join(append(w.names, part), "/")
		case next.is(typeSymlink):
			if links++; links > maxSymlinks {
				return nil, ""
			}
			w.follow(next.target)
		default:
			w.at, w.names = append(w.at, next), append(w.names, part)
		}
	}
	return w.here(), "/" + strings.Join(w.names, "/")
}

// walk is a path that is being followed.
type walk struct {
	// at are the directories from the root to where it is, names those of all but the root.
	at    []*node
	names []string
	// todo is the rest of the path, and on top of it that of each link's target.
	todo []string
}

func (w *walk) here() *node { return w.at[len(w.at)-1] }

// nextPart takes the next part from the rest of the path: "" between two slashes.
func (w *walk) nextPart() string {
	last := len(w.todo) - 1
	part, rest, more := strings.Cut(w.todo[last], "/")
	w.todo[last] = rest
	if !more {
		w.todo = w.todo[:last]
	}
	return part
}

// up goes to the parent: the root's is the root.
func (w *walk) up() {
	if len(w.names) > 0 {
		w.at, w.names = w.at[:len(w.at)-1], w.names[:len(w.names)-1]
	}
}

// follow continues at the target of a symbolic link.
func (w *walk) follow(target string) {
	if strings.HasPrefix(target, "/") {
		w.at, w.names = w.at[:1], nil
	}
	w.todo = append(w.todo, target)
}

// entry returns the node with a name in a directory, without following it.
func (t *tree) entry(dir, name string) *node {
	d, _ := t.lookup(dir)
	if !d.is(typeDir) {
		return nil
	}
	return d.children[name]
}

// list returns the names in a directory, sorted.
func (t *tree) list(dir string) []string {
	d, _ := t.lookup(dir)
	if !d.is(typeDir) {
		return nil
	}
	names := make([]string, 0, len(d.children))
	for name := range d.children {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// content is that of a regular file, false if there is none or it was not kept.
func (t *tree) content(path string) ([]byte, bool) {
	n, _ := t.lookup(path)
	if !n.is(typeRegular) {
		return nil, false
	}
	return n.content, n.kept || n.size == 0
}

// put adds a name to a directory, within the limits.
func (t *tree) put(dir *node, name string, n *node) error {
	if dir.children[name] == nil {
		t.nodes++
		t.names += len(name) + len(n.target)
	}
	if t.nodes > maxNodes || t.names > maxNames {
		return fmt.Errorf("more than %d directories and links, or their names have more than %d MiB", maxNodes, maxNames>>20)
	}
	dir.children[name] = n
	return nil
}

// clearPath makes way for a file of another type (clean_path() of init/initramfs.c), false
// if there is a directory with entries.
func clearPath(dir *node, name string, mode uint32) bool {
	old := dir.children[name]
	if old == nil || (old.mode^mode)&typeMask == 0 {
		return true
	}
	if old.is(typeDir) && len(old.children) > 0 {
		return false
	}
	delete(dir.children, name)
	return true
}

func (t *tree) symlink(name, target string) error {
	dir, last := t.parent(name)
	// symlink(2) refuses an empty target.
	if dir == nil || !clearPath(dir, last, 0) || target == "" {
		return nil
	}
	return t.put(dir, last, &node{mode: typeSymlink | 0o777, target: target})
}

// make adds a directory, a device or a regular file, and returns the regular file for the
// content: nil for an unwanted one.
func (t *tree) make(name string, h header, wanted bool) (*node, error) {
	dir, last := t.parent(name)
	if dir == nil {
		return nil, nil
	}
	if old := t.linked(h); old != nil {
		if !clearPath(dir, last, 0) {
			return nil, nil
		}
		return old, t.put(dir, last, old)
	}
	if !clearPath(dir, last, h.mode) {
		return nil, nil
	}
	switch old := dir.children[last]; {
	case h.is(typeDir) && old != nil:
		old.mode = h.mode
		return nil, nil
	case h.is(typeRegular) && old != nil:
		t.truncate(old, h)
		return old, nil
	case h.is(typeRegular) && !wanted && !h.shared():
		return nil, nil
	}
	n := &node{mode: h.mode, rdev: [2]uint32{h.rdevMajor, h.rdevMinor}}
	if h.is(typeDir) {
		n.children = map[string]*node{}
	}
	t.noteLink(h, n)
	return n, t.put(dir, last, n)
}

// truncate is O_TRUNC, with which the kernel opens an existing file: all its names have the
// new content.
func (t *tree) truncate(n *node, h header) {
	n.mode, n.size, n.content, n.kept = h.mode, 0, nil, false
	t.noteLink(h, n)
}

// linked is the file that the entry is a further name of, nil for none.
func (t *tree) linked(h header) *node {
	if !h.shared() {
		return nil
	}
	return t.links[h.id()]
}

// noteLink keeps a file that may get more names.
func (t *tree) noteLink(h header, n *node) {
	if h.shared() {
		t.links[h.id()] = n
	}
}
