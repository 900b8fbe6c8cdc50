package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// SearchPath are the directories in which udevd looks for .link files, highest priority
// first. /lib is a link to /usr/lib in every tested release.
var SearchPath = []string{
	"/etc/systemd/network",
	"/run/systemd/network",
	"/usr/local/lib/systemd/network",
	"/usr/lib/systemd/network",
}

// NodeKind is the type of a Node.
type NodeKind string

// The kinds of nodes that a tree may have.
const (
	NodeFile    NodeKind = "file"
	NodeSymlink NodeKind = "symlink"
	NodeDir     NodeKind = "dir"
	NodeFIFO    NodeKind = "fifo"
)

// A Node is one name of a file tree. Directories that only hold other nodes
// need no Node.
type Node struct {
	Path    string
	Kind    NodeKind
	Content []byte      // of a file
	Target  string      // of a symlink
	Mode    fs.FileMode // of a file; 0 means 0644
}

// A Tree is a set of nodes, written in order.
type Tree []Node

// Write lays out the tree below root. A node replaces what is at its path, from an
// earlier node or one that leads through a symlink.
func (t Tree) Write(root string) error {
	for _, n := range t {
		if err := n.write(filepath.Join(root, n.Path)); err != nil {
			return fmt.Errorf("write %s %s: %w", n.Kind, n.Path, err)
		}
	}
	return nil
}

// makeDirs creates the directory and missing parents with mode 0755, with any umask.
func makeDirs(path string) error {
	err := os.Mkdir(path, 0o755)
	switch {
	case err == nil:
		return os.Chmod(path, 0o755)
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path:
		if err := makeDirs(filepath.Dir(path)); err != nil {
			return err
		}
		return makeDirs(path)
	case errors.Is(err, fs.ErrExist):
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			return nil
		}
	}
	return err
}

func (n Node) write(path string) error {
	if err := makeDirs(filepath.Dir(path)); err != nil {
		return err
	}
	if n.Kind == NodeDir {
		return makeDirs(path)
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	switch n.Kind {
	case NodeSymlink:
		return os.Symlink(n.Target, path)
	case NodeFIFO:
		if err := syscall.Mkfifo(path, 0o644); err != nil {
			return err
		}
		return os.Chmod(path, 0o644)
	case NodeFile:
		mode := n.Mode
		if mode == 0 {
			mode = 0o644
		}
		if err := os.WriteFile(path, n.Content, mode); err != nil {
			return err
		}
		// The umask must not change what udevd warns about.
		return os.Chmod(path, mode)
	}
	return fmt.Errorf("unknown kind of node")
}

// Paths returns the path of every node.
func (t Tree) Paths() []string {
	paths := make([]string, len(t))
	for i, n := range t {
		paths[i] = n.Path
	}
	return paths
}
