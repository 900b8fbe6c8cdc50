package initramfs

import (
	"fmt"
	"slices"
	"strings"
)

// maxSymlinks is the kernel's limit (MAXSYMLINKS, include/linux/namei.h).
const maxSymlinks = 40

// tree is the file system that the archives make. Regular files that nobody
// wants are not in it.
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

// forgetLinks ends an archive: numbers of files are those of another one then.
func (t *tree) forgetLinks() { clear(t.links) }

// keep takes n bytes of what may be kept, false where they are too many.
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

// parent returns the directory that a new name goes into, nil where there is
// none: the kernel drops the entry then. A name cannot lead out: ".." of the
// root is the root.
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

// lookup follows a path, through all symbolic links, and returns also the path
// that it ends at; nil where there is nothing, or a loop.
func (t *tree) lookup(path string) (*node, string) {
	links := 0
	at := []*node{t.root}
	var names []string
	// The rest of the path, and on top of it that of each link's target.
	for todo := []string{path}; len(todo) > 0; {
		last := len(todo) - 1
		part, rest, more := strings.Cut(todo[last], "/")
		todo[last] = rest
		if !more {
			todo = todo[:last]
		}
		here := at[len(at)-1]
		if part == "" {
			continue
		}
		if !here.is(typeDir) {
			return nil, ""
		}
		switch part {
		case ".":
			continue
		case "..":
			if len(names) > 0 {
				at, names = at[:len(at)-1], names[:len(names)-1]
			}
			continue
		}
		next := here.children[part]
		switch {
		case next == nil:
			return nil, "/" + strings.Join(append(names, part), "/")
		case !next.is(typeSymlink):
			at, names = append(at, next), append(names, part)
			continue
		}
		if links++; links > maxSymlinks {
			return nil, ""
		}
		if strings.HasPrefix(next.target, "/") {
			at, names = at[:1], nil
		}
		todo = append(todo, next.target)
	}
	return at[len(at)-1], "/" + strings.Join(names, "/")
}

// entry returns what a name in a directory is, without following it.
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

// content is that of a regular file, false where there is none or it was not
// kept.
func (t *tree) content(path string) ([]byte, bool) {
	n, _ := t.lookup(path)
	if !n.is(typeRegular) {
		return nil, false
	}
	return n.content, n.kept || n.size == 0
}

// put gives a directory a name, where the bounds allow it.
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

// clear makes place for a file of another type (clean_path() of
// init/initramfs.c), false where there is a directory with something in it.
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
	// An empty target is what symlink(2) refuses.
	if dir == nil || !clearPath(dir, last, 0) || target == "" {
		return nil
	}
	return t.put(dir, last, &node{mode: typeSymlink | 0o777, target: target})
}

// make enters a directory, a device or a regular file, and returns the regular
// file that the content belongs to: nil for one that nobody wants.
func (t *tree) make(name string, h header, wanted bool) (*node, error) {
	dir, last := t.parent(name)
	if dir == nil {
		return nil, nil
	}
	id := fileID{h.major, h.minor, h.ino, h.mode & typeMask}
	shared := h.nlink >= 2 && h.mode&typeMask != typeDir
	if old := t.links[id]; shared && old != nil {
		if !clearPath(dir, last, 0) {
			return nil, nil
		}
		return old, t.put(dir, last, old)
	}
	if !clearPath(dir, last, h.mode) {
		return nil, nil
	}
	old := dir.children[last]
	switch {
	case h.mode&typeMask == typeDir && old != nil:
		old.mode = h.mode
		return nil, nil
	case h.mode&typeMask == typeRegular && old != nil:
		// Opened with O_TRUNC: all its names have the new content.
		old.mode, old.size, old.content, old.kept = h.mode, 0, nil, false
		if shared {
			t.links[id] = old
		}
		return old, nil
	case h.mode&typeMask == typeRegular && !wanted && !shared:
		return nil, nil
	}
	n := &node{mode: h.mode, rdev: [2]uint32{h.rdevMajor, h.rdevMinor}}
	if h.mode&typeMask == typeDir {
		n.children = map[string]*node{}
	}
	if shared {
		t.links[id] = n
	}
	return n, t.put(dir, last, n)
}
