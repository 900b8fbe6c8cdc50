package change

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"linkaudit/internal/override"
)

// doneSteps are changes that were made and can be rolled back. Until keep, a file
// lists them: if this run is killed, the next one rolls them back.
type doneSteps struct {
	tree *tree
	// ctx is that of the run; a rollback ignores its end.
	ctx context.Context
	// unfinished is the content of that file, noted its directory.
	unfinished *unfinished
	noted      string
	undo       []func() error
}

// applyPlans executes plans below root; the lock is held. If it fails, it undoes
// what it did, and the error says whether that worked.
func applyPlans(ctx context.Context, root string, plans []*Plan) (*doneSteps, error) {
	return applyAll(ctx, root, plans, (*tree).stepsOf)
}

// applyRemovals is applyPlans for overrides to remove.
func applyRemovals(ctx context.Context, root string, overrides []*override.Override) (*doneSteps, error) {
	return applyAll(ctx, root, overrides, (*tree).removal)
}

// applyAll finds all steps, and executes them.
func applyAll[T any](ctx context.Context, root string, all []T, stepsOf func(*tree, T) ([]step, error)) (*doneSteps, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, one := range all {
		s, err := stepsOf(t, one)
		if err != nil {
			t.close()
			return nil, unchanged(err)
		}
		steps = append(steps, s...)
	}
	return t.apply(ctx, steps)
}

// stepsOf are the steps of a plan.
func (t *tree) stepsOf(p *Plan) (steps []step, err error) {
	if p.LinkChanged() {
		steps = append(steps, step{Path: p.Path, Old: p.Old, New: p.Content})
	}
	for _, n := range p.NetDevs {
		if n.Changed() {
			steps = append(steps, step{Path: n.Path, Old: n.Old, New: n.Content})
		}
	}
	for i := range p.Remove {
		s, err := t.removal(&p.Remove[i])
		if err != nil {
			return nil, err
		}
		steps = append(steps, s...)
	}
	return steps, nil
}

// removal is the step that removes an override; none if it is gone.
func (t *tree) removal(o *override.Override) ([]step, error) {
	old, err := t.read(o.Path)
	if old == nil || err != nil {
		return nil, err
	}
	// Before the lock was held, it may have been another file.
	if now, ok := override.Parse(o.Path, old); !ok || now.Target != o.Target || now.Edited != o.Edited {
		return nil, changedMeanwhile(o.Path)
	}
	return []step{{Path: o.Path, Old: old, Made: slices.DeleteFunc(slices.Clone(o.MadeDirs), func(dir string) bool {
		// An edited comment may name any directory.
		return !strings.HasPrefix(o.Path, dir+"/")
	})}}, nil
}

// apply executes the steps.
func (t *tree) apply(ctx context.Context, steps []step) (*doneSteps, error) {
	a := &doneSteps{tree: t, ctx: ctx}
	for i := range steps {
		if s := &steps[i]; s.New != nil {
			var err error
			if s.Made, err = t.missing(dirOf(s.Path)); err != nil {
				return nil, a.failed(err)
			}
		}
	}
	var err error
	if a.unfinished, a.noted, err = t.begin(ctx, steps); err != nil {
		return nil, a.failed(err)
	}
	for _, s := range steps {
		if s.New != nil {
			err = a.write(s)
		} else {
			err = a.remove(s)
		}
		if err != nil {
			return nil, a.failed(err)
		}
	}
	return a, nil
}

func dirOf(name string) string { return name[:strings.LastIndexByte(name, '/')] }

func (a *doneSteps) write(s step) error {
	made, err := a.tree.write(a.ctx, s.Path, s.New, s.Old)
	if len(made) > 0 {
		a.undo = append(a.undo, func() error {
			_, err := a.tree.removeDirs(made)
			return err
		})
	}
	if written := (*writtenError)(nil); err == nil || errors.As(err, &written) {
		a.undo = append(a.undo, func() error {
			if s.Old == nil {
				return a.tree.remove(s.Path, s.New)
			}
			_, err := a.tree.write(a.ctx, s.Path, s.Old, s.New)
			return err
		})
	}
	return err
}

func (a *doneSteps) remove(s step) error {
	err := a.tree.remove(s.Path, s.Old)
	if written := (*writtenError)(nil); err == nil || errors.As(err, &written) {
		a.undo = append(a.undo, func() error {
			_, err := a.tree.write(a.ctx, s.Path, s.Old, nil)
			return err
		})
	}
	if err != nil {
		return err
	}
	// If the directory is removed, a rollback creates it again with the file.
	_, err = a.tree.removeDirs(s.Made)
	return err
}

// failed rolls back, and adds to the error if that failed too.
func (a *doneSteps) failed(err error) error {
	if back := a.rollBack(); back != nil {
		// Not %w: two wrapped errors would be printed on two lines.
		return fmt.Errorf("%w; and it could not be undone: %v", err, back)
	}
	return unchanged(err)
}

// both is errors.Join on one line, for errors inside a sentence.
func both(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return fmt.Errorf("%w; %w", a, b)
}

func unchanged(err error) error { return fmt.Errorf("%w; nothing was changed", err) }

// rollBack restores the files. If that fails, the list of changes stays, and the next
// run tries again.
func (a *doneSteps) rollBack() error {
	a.ctx = context.WithoutCancel(a.ctx)
	var failed error
	again := false // the next run must try
	add := func(err error) {
		// A change by somebody else stays.
		again = again || err != nil && (!errors.Is(err, errChangedMeanwhile) || errors.Is(err, errKeptAside))
		switch {
		case err == nil:
		case failed == nil:
			failed = err
		default:
			failed = fmt.Errorf("%w; %v", failed, err)
		}
	}
	for i := len(a.undo) - 1; i >= 0; i-- {
		add(a.undo[i]())
	}
	a.undo = nil
	if !again && a.unfinished != nil {
		_, err := a.tree.sweep(a.unfinished.wrote)
		add(err)
		_, err = a.tree.end(a.noted)
		add(err)
	}
	a.tree.close()
	return failed
}

// keep keeps the changes. If it fails, roll them back. unsynced is as of end.
func (a *doneSteps) keep() (unsynced, err error) {
	if unsynced, err = a.tree.end(a.noted); err != nil {
		return nil, err
	}
	a.tree.close()
	return unsynced, nil
}
