package change

import (
	"fmt"
	"path"
	"slices"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// PlanUndo works out what takes the overrides of the targets back, or all that
// there are where no target is named. Nothing to take back is no error.
func (in Input) PlanUndo(targets []override.Target) ([]*override.Override, error) {
	if err := unreadable(&in.Snapshot.Files); err != nil {
		return nil, err
	}
	found := override.Find(&in.Snapshot.Files)
	if in.Networkd != nil {
		if err := unreadable(in.Networkd.NetDev); err != nil {
			return nil, err
		}
		found = append(found, override.Find(in.Networkd.NetDev)...)
	}
	wanted := slices.Clone(targets)
	for _, t := range targets {
		// fix took an alternative name for that of the device, too.
		if d := in.Snapshot.Device(t.Name); t.Name != "" && d != nil && d.Name != t.Name {
			wanted = append(wanted, override.Target{Kind: t.Kind, Name: d.Name})
		}
	}
	var out []*override.Override
	for _, o := range found {
		if len(targets) > 0 && !asked(o.Target, wanted) {
			continue
		}
		if o.Edited && !in.Force {
			return nil, fmt.Errorf("%s was edited since linkaudit wrote it; see what is in it, then use --force to remove it", o.Path)
		}
		out = append(out, o)
	}
	return out, nil
}

// unreadable says what could not be read where overrides are: one that cannot be
// seen must not pass for one that is not there.
func unreadable(store *linkfiles.Store) error {
	look := func(d *linkfiles.Dir) error {
		if d.Err != "" && d.Err != "ENOTDIR" {
			return fmt.Errorf("%s could not be read (%s)", d.Path, d.Err)
		}
		for _, e := range d.Entries {
			if override.OwnName(e.Name) && e.Err != "" && e.Symlink == "" {
				return fmt.Errorf("%s could not be read (%s)", path.Join(d.Path, e.Name), e.Err)
			}
		}
		return nil
	}
	for i := range store.Dirs {
		d := &store.Dirs[i]
		if d.Path != override.Dir {
			continue
		}
		if err := look(d); err != nil {
			return err
		}
		for j := range d.DropIns {
			if err := look(&d.DropIns[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// asked reports whether the override is one of the targets: the device of that
// name, whatever kind it was said to be of, or the kind.
func asked(o override.Target, targets []override.Target) bool {
	for _, t := range targets {
		if o == t || t.Name != "" && o.Name == t.Name && (t.Kind == "" || o.Kind == "" || o.Kind == t.Kind) {
			return true
		}
	}
	return false
}

// Verify holds what is there now against the plan: the error says why the
// override is not in force.
func (p *Plan) Verify(in Input, now *linkfiles.Store) error {
	if p.Path == "" {
		return nil
	}
	before := now
	before, _ = before.With(p.Path, nil)
	if before == nil {
		return fmt.Errorf("%s is not there", p.Path)
	}
	v := &planner{in: in, target: p.Target, store: before, tree: linkfiles.Parse(before, in.Release)}
	if err := v.devicesAndBase(); err != nil {
		return err
	}
	return v.works(now, p.Path)
}
