package change

import (
	"context"
	"fmt"
	"path"
	"slices"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// TakeBack removes the overrides of the targets, or all if there are no targets.
func TakeBack(ctx context.Context, o Options) (*Result, error) {
	in, unlock, err := o.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	w := &work{Options: o, in: in, result: &Result{Before: map[string][]byte{}}, targets: o.Targets}
	if o.Interrupted {
		w.result.Recovered = in.recovered || o.Plan && Interrupted(o.Root) != ""
		return w.result, w.reloadRecovered(ctx)
	}
	return w.run(ctx, undoing{w})
}

// undoing has the stages of TakeBack.
type undoing struct{ *work }

func (u undoing) plan() (err error) {
	r := u.result
	if r.Removed, err = u.in.planUndo(u.Targets); err != nil {
		return err
	}
	r.Changed = len(r.Removed) > 0
	u.files = &u.in.Snapshot.Files
	for _, o := range r.Removed {
		if text, ok := u.in.Snapshot.Files.Content(o.Path); ok {
			r.Before[o.Path] = text
		} else {
			r.Before[o.Path], _ = u.in.Networkd.NetDev.Content(o.Path)
		}
		if without, ok := u.files.With(o.Path, nil); ok {
			u.files = without
		}
		u.targets = append(u.targets, o.Target)
	}
	return nil
}

func (u undoing) verifyAsIs() error { return nil }

func (u undoing) write(ctx context.Context) (*doneSteps, error) {
	return applyRemovals(ctx, u.Root, u.result.Removed)
}

// verify makes sure that all of it is gone.
func (u undoing) verify() error {
	var left []*override.Override
	for _, kind := range []linkfiles.ConfigType{linkfiles.LinkFiles, linkfiles.NetDevFiles} {
		store, err := linkfiles.ReadConfig(u.Root, kind)
		if err != nil {
			return err
		}
		if err := unreadable(store); err != nil {
			return err
		}
		left = append(left, override.Find(store)...)
	}
	for _, o := range u.result.Removed {
		if slices.ContainsFunc(left, func(x *override.Override) bool { return x.Path == o.Path }) {
			return fmt.Errorf("%s still exists", o.Path)
		}
	}
	return nil
}

func (u undoing) verifyReloaded(context.Context) error { return nil }

func (u undoing) record() {
	for _, o := range u.result.Removed {
		u.tell(entry{"undo", o.Target.String(), o.Path, hash(u.result.Before[o.Path]), ""})
	}
}

func (u undoing) finish() error { return nil }

// planUndo works out which overrides of the targets to remove, or all if there are no
// targets. Nothing to remove is no error.
func (in Input) planUndo(targets []override.Target) ([]*override.Override, error) {
	found, err := in.overrides()
	if err != nil {
		return nil, err
	}
	wanted := in.alsoByRealName(targets)
	var out []*override.Override
	for _, o := range found {
		if len(targets) > 0 && !isOneOf(o.Target, wanted) {
			continue
		}
		if o.Edited && !in.Force {
			return nil, editedSince(o.Path, "remove it")
		}
		out = append(out, o)
	}
	return out, nil
}

// overrides are all that there are.
func (in Input) overrides() ([]*override.Override, error) {
	if err := unreadable(&in.Snapshot.Files); err != nil {
		return nil, err
	}
	found := override.Find(&in.Snapshot.Files)
	if in.Networkd == nil {
		return found, nil
	}
	if err := unreadable(in.Networkd.NetDev); err != nil {
		return nil, err
	}
	return append(found, override.Find(in.Networkd.NetDev)...), nil
}

// alsoByRealName adds the devices that targets name by an alternative name: fix used the
// real name, too.
func (in Input) alsoByRealName(targets []override.Target) []override.Target {
	all := slices.Clone(targets)
	for _, t := range targets {
		if d := in.Snapshot.Device(t.Name); t.Name != "" && d != nil && d.Name != t.Name {
			all = append(all, override.Target{Kind: t.Kind, Name: d.Name})
		}
	}
	return all
}

// unreadable says what could not be read in the directory of the overrides: an unreadable
// override must not pass for a missing one.
func unreadable(store *linkfiles.Store) error {
	for i := range store.Dirs {
		d := &store.Dirs[i]
		if d.Path != override.Dir {
			continue
		}
		if err := unreadableIn(d); err != nil {
			return err
		}
		for j := range d.DropIns {
			if err := unreadableIn(&d.DropIns[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

func unreadableIn(d *linkfiles.Dir) error {
	if d.Err != "" {
		return fmt.Errorf("cannot read %s: %s", d.Path, d.Err)
	}
	for _, e := range d.Entries {
		if override.OwnName(e.Name) && e.Err != "" && e.Symlink == "" {
			return fmt.Errorf("cannot read %s: %s", path.Join(d.Path, e.Name), e.Err)
		}
	}
	return nil
}

// isOneOf reports whether the override is one of the targets: the device of that name,
// of any kind, or the kind.
func isOneOf(o override.Target, targets []override.Target) bool {
	for _, t := range targets {
		if o == t || t.Name != "" && o.Name == t.Name && (t.Kind == "" || o.Kind == "" || o.Kind == t.Kind) {
			return true
		}
	}
	return false
}
