package change

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"linkaudit/override"
)

// Applied is a set of changes that were made, which can be rolled back.
type Applied struct {
	tree *tree
	undo []func() error
}

// Apply carries out plans below root; the lock is held. Where it fails,
// everything it did is undone again, and the error says whether that worked.
func Apply(root string, plans []*Plan) (*Applied, error) {
	a, err := newApplied(root)
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		if p.LinkChanged() {
			if err := a.write(p.Path, p.Content, p.Old); err != nil {
				return nil, a.failed(err)
			}
		}
		for _, n := range p.NetDevs {
			if !n.Changed() {
				continue
			}
			if err := a.write(n.Path, n.Content, n.Old); err != nil {
				return nil, a.failed(err)
			}
		}
		for _, old := range p.Remove {
			if err := a.remove(&old); err != nil {
				return nil, a.failed(err)
			}
		}
	}
	return a, nil
}

// Undo removes overrides below root; the lock is held.
func Undo(root string, overrides []*override.Override) (*Applied, error) {
	a, err := newApplied(root)
	if err != nil {
		return nil, err
	}
	for _, o := range overrides {
		if err := a.remove(o); err != nil {
			return nil, a.failed(err)
		}
	}
	return a, nil
}

func newApplied(root string) (*Applied, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, err
	}
	return &Applied{tree: t}, nil
}

func (a *Applied) write(name string, content, old []byte) error {
	made, err := a.tree.write(name, content, old)
	if len(made) > 0 {
		a.undo = append(a.undo, func() error {
			_, err := a.tree.removeDirs(made)
			return err
		})
	}
	if written := (*writtenError)(nil); err == nil || errors.As(err, &written) {
		a.undo = append(a.undo, func() error {
			if old == nil {
				return a.tree.remove(name, content)
			}
			_, err := a.tree.write(name, old, content)
			return err
		})
	}
	return err
}

func (a *Applied) remove(o *override.Override) error {
	old, err := a.tree.read(o.Path)
	if err != nil {
		return err
	}
	if old == nil {
		return nil
	}
	// Whoever looked before the lock was held may have seen another file.
	if now, ok := override.Parse(o.Path, old); !ok || now.Target != o.Target || now.Edited != o.Edited {
		return fmt.Errorf("%s was changed meanwhile by somebody else", o.Path)
	}
	err = a.tree.remove(o.Path, old)
	if written := (*writtenError)(nil); err == nil || errors.As(err, &written) {
		a.undo = append(a.undo, func() error {
			_, err := a.tree.write(o.Path, old, nil)
			return err
		})
	}
	if err != nil {
		return err
	}
	// A directory that goes comes back with the file.
	_, err = a.tree.removeDirs(slices.DeleteFunc(slices.Clone(o.MadeDirs), func(dir string) bool {
		// Whatever an edited comment says.
		return !strings.HasPrefix(o.Path, dir+"/")
	}))
	return err
}

// failed rolls back and adds to the error what became of that.
func (a *Applied) failed(err error) error {
	if back := a.RollBack(); back != nil {
		// Not %w: an error of two would be told in two lines, without this.
		return fmt.Errorf("%w; and it could not be taken back: %v", err, back)
	}
	return fmt.Errorf("%w; nothing is changed", err)
}

// RollBack brings the files back to what they were.
func (a *Applied) RollBack() error {
	var failed error
	for i := len(a.undo) - 1; i >= 0; i-- {
		switch err := a.undo[i](); {
		case err == nil:
		case failed == nil:
			failed = err
		default:
			failed = fmt.Errorf("%w; %v", failed, err)
		}
	}
	a.undo = nil
	a.tree.close()
	return failed
}

// Close keeps the changes.
func (a *Applied) Close() { a.tree.close() }
