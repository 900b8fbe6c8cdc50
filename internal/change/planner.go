package change

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// planner is the work on one target.
type planner struct {
	in     Input
	target override.Target
	store  *linkfiles.Store // without our own override for the target
	tree   *linkfiles.Tree
	// decider decides with the tree, for this machine.
	decider *linkfiles.Decider
	own     []*override.Override
	base    *linkfiles.File
	// edited are the edited packages' files that concern the target.
	edited []audit.VendorFile

	devices []deviceBefore // that the override must apply to
	others  []deviceBefore // that it must not touch
	notes   []string
}

// deviceBefore is a device, with the decision of the files before the change.
type deviceBefore struct {
	name     string
	facts    *linkfiles.Device
	decision linkfiles.Decision
	// renamed: the name was set after the device was created. Some releases do not
	// match such a device by OriginalName=.
	renamed bool
}

// planLink works out the .link file or drop-in.
func (in Input) planLink(t override.Target) (*Plan, error) {
	if err := writableOverrides(&in.Snapshot.Files); err != nil {
		return nil, err
	}
	p := in.planner(t)
	if err := p.devicesAndBase(); err != nil {
		return nil, err
	}
	p.edited = p.editedInPlace()
	plan := &Plan{Target: t, Base: p.base, Edited: p.edited, Notes: p.notes}
	n := p.need()
	plan.Why = n.words(t)
	if !n.override {
		plan.Notes = append(plan.Notes, p.notesWithoutNeed()...)
		return plan, nil
	}
	if err := p.takesOver(); err != nil {
		return nil, err
	}
	chosen, err := p.choose(n)
	if err != nil {
		return nil, err
	}
	plan.Path, plan.Content = chosen.Path, chosen.Text()
	for _, o := range p.own {
		if o.Path == chosen.Path {
			plan.Old, _ = in.Snapshot.Files.Content(o.Path)
		} else {
			plan.Remove = append(plan.Remove, *o)
		}
	}
	return plan, nil
}

// writableOverrides makes sure that the directory of the overrides was read and is
// not reached through a symbolic link.
func writableOverrides(store *linkfiles.Store) error {
	for _, d := range store.Dirs {
		switch {
		case d.Path != override.Dir:
		case d.Err != "":
			return fmt.Errorf("cannot read %s: %s", d.Path, d.Err)
		case d.Resolved != "":
			return fmt.Errorf("%s leads to %s through a symbolic link, and linkaudit does not write through one", d.Path, d.Resolved)
		}
	}
	return unreadable(store)
}

// planner is the work on the target, with the files as they are without the
// overrides that the target has.
func (in Input) planner(t override.Target) *planner {
	p := &planner{in: in, target: t, store: &in.Snapshot.Files}
	for _, o := range override.Find(p.store) {
		if o.Of(t) {
			p.own = append(p.own, o)
			p.store, _ = p.store.With(o.Path, nil)
		}
	}
	p.parse()
	return p
}

// parse reads the files as udevd of the release does.
func (p *planner) parse() {
	p.tree = linkfiles.Parse(p.store, p.in.Release)
	p.decider = p.tree.For(&p.in.Snapshot.System)
}

// takesOver is an error if an override exists that must not be overwritten.
func (p *planner) takesOver() error {
	for _, o := range p.own {
		if o.Edited && !p.in.Force {
			return editedSince(o.Path, "overwrite it")
		}
	}
	return nil
}

// choose returns the first candidate that works, or an error about the best one.
func (p *planner) choose(n need) (*override.Override, error) {
	candidates, err := p.candidates(n.file.Name)
	if err != nil && len(candidates) == 0 {
		return nil, err
	}
	var reasons, blocked []error
	for _, c := range candidates {
		after, err := p.in.putInto(p.store, c)
		if no := (*noPlaceError)(nil); errors.As(err, &no) {
			blocked = append(blocked, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := p.works(after, c.Path); err != nil {
			reasons = append(reasons, fmt.Errorf("%s would not work: %w", c.Path, err))
			continue
		}
		return c, nil
	}
	// A name that is free says more about the cause.
	reasons = append(reasons, blocked...)
	if len(reasons) == 0 {
		return nil, fmt.Errorf("%s sorts before every name that linkaudit uses for an override: rename that file, or set MACAddressPolicy=none in it", n.file.Path)
	}
	return nil, reasons[0]
}

// noPlaceError says why nobody can write in a place. Any other error means that this
// is unknown: root may see another plan.
type noPlaceError struct{ error }

func (e *noPlaceError) Unwrap() error { return e.error }

// putInto returns the store with the override added, and notes the directories that
// must be created for it. The error is a noPlaceError if nothing can be written there.
func (in Input) putInto(store *linkfiles.Store, o *override.Override) (*linkfiles.Store, error) {
	if err := o.NeedDirs(in.DirExists); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", o.Path, err)
	}
	// Anything blocks it, also an entry that could not be read.
	if store.Entry(o.Path) != nil {
		return nil, &noPlaceError{fmt.Errorf("%s is in the way", o.Path)}
	}
	after, ok := store.With(o.Path, o.Text())
	if !ok {
		return nil, &noPlaceError{fmt.Errorf("cannot write %s: its directory cannot be read", o.Path)}
	}
	return after, nil
}

// devicesAndBase finds the devices that the override is for, and their effective
// file.
func (p *planner) devicesAndBase() error {
	named, ofKind := p.sortDevices()
	lead, named := p.lead(named)
	if lead.decision.File.IsUnknown() {
		help := "fix that first, or run as root on the machine itself"
		if p.target.Kind == "" {
			help = "create the device first, or give its kind (--bond, --bridge)"
		}
		return fmt.Errorf("the effective .link file of %s is unknown: %s; %s", p.target, words.Of(lead.decision.File.Reason()), help)
	}
	p.base = lead.decision.File.Or(nil)
	p.devices = append([]deviceBefore{lead}, named...)
	for _, d := range ofKind {
		p.takeOfKind(d)
	}
	for _, d := range named {
		if d.decision.File.Or(nil) != p.base {
			p.notes = append(p.notes, fmt.Sprintf("%s is effective for %s now, %s after you recreate it", fileName(d.decision.File.Or(nil)), d.name, fileName(p.base)))
		}
		if d.renamed {
			p.notes = append(p.notes, fmt.Sprintf("%s was renamed: the override is for a device created with this name", d.name))
		}
	}
	return nil
}

// sortDevices sorts the devices that exist, with the decision of the files: those that
// the target names, those of its kind, and the others.
func (p *planner) sortDevices() (named, ofKind []deviceBefore) {
	t := p.target
	for i := range p.in.Snapshot.Devices {
		d := &p.in.Snapshot.Devices[i]
		before := p.decide(d.Name, audit.LinkDevice(d))
		switch {
		case t.Name != "" && d.Name == t.Name:
			named = append(named, before)
		case t.Name == "" && d.Kind == t.Kind:
			ofKind = append(ofKind, before)
		default:
			p.others = append(p.others, before)
		}
	}
	return named, ofKind
}

func (p *planner) decide(name string, dev *linkfiles.Device) deviceBefore {
	assign, ok := dev.NameAssignType.Get()
	return deviceBefore{name: name, facts: dev, decision: p.decider.Decide(dev), renamed: ok && assign == host.NameRenamed}
}

// lead is the device that the override is derived from: a new one. If that shows
// nothing, it is the existing device of the target's name, and rest is without it.
func (p *planner) lead(named []deviceBefore) (lead deviceBefore, rest []deviceBefore) {
	t := p.target
	if t.Name == "" {
		lead = p.decide("a new "+t.Kind, policy.NewOfKind(t.Kind))
	} else {
		lead = p.decide(t.Name, policy.NewDevice(t.Name, t.Kind))
	}
	if (lead.decision.File.IsUnknown() || t.Kind == "") && len(named) > 0 {
		// For some kinds only an existing device shows its properties, and hardware
		// comes back with the same address.
		return named[0], nil
	}
	return lead, named
}

// takeOfKind adds a device of the target's kind, unless another file than that of a new
// device is effective for it.
func (p *planner) takeOfKind(d deviceBefore) {
	if f, ok := d.decision.File.Get(); d.decision.File.IsAbsent() && p.base == nil || ok && f == p.base {
		p.devices = append(p.devices, d)
		return
	}
	p.others = append(p.others, d)
	f := d.decision.File.Or(nil)
	if f == nil {
		return
	}
	if set, _ := f.MACAddressPolicy(); set.Value == "persistent" || set.Value == "random" {
		fix := remedy.Command{Name: "fix", Target: override.Target{Kind: d.facts.Kind.Or(""), Name: d.name}, Place: p.in.Place}
		p.notes = append(p.notes, fmt.Sprintf("%s gets its policy from %s, which comes first; fix it with: %s", d.name, f.Path, fix))
	}
}

// need is whether an override is needed, and why, or why not.
type need struct {
	override bool
	// file is the file that the override must sort before: its base name and path.
	file struct{ Name, Path string }
	// effective is the effective MACAddressPolicy=; set is false if there is none.
	effective linkfiles.Setting
	set       bool
	// until is a package's file that was edited or removed in place: the policy
	// changes with the next upgrade of the package.
	until *audit.VendorFile
}

// need finds the file that the override must replace: the one that sets a wrong
// address policy for a new device, else the one for an existing device, which may
// match another file by its address. Else it is a package's file that is right only
// because it was edited or removed in place.
func (p *planner) need() (n need) {
	for _, d := range p.devices {
		f := d.decision.File.Or(nil)
		if f == nil {
			continue
		}
		if set, is := f.MACAddressPolicy(); is && set.Value != "none" {
			n.override, n.effective, n.set = true, set, true
			n.file.Name, n.file.Path = f.Name, f.Path
			return n
		}
	}
	if p.base != nil {
		n.effective, n.set = p.base.MACAddressPolicy()
	}
	if _, given := p.address(); len(p.edited) == 0 || given {
		return n
	}
	n.override, n.until = true, &p.edited[0]
	n.file.Name, n.file.Path = path.Base(n.until.Path), n.until.Path
	if p.base != nil {
		n.file.Name, n.file.Path = p.base.Name, p.base.Path
	}
	return n
}

// notesWithoutNeed are the notes if no override is needed: the address that the
// effective file sets, and overrides that do nothing.
func (p *planner) notesWithoutNeed() (notes []string) {
	if a, ok := p.address(); ok {
		notes = append(notes, fmt.Sprintf("%s sets the address %s; linkaudit does not change that", a.Pos, a.Value))
	}
	for _, o := range p.own {
		notes = append(notes, p.in.notNeededNote(o.Path, p.target))
	}
	return notes
}

// address is MACAddress= of the effective file.
func (p *planner) address() (linkfiles.Setting, bool) {
	if p.base == nil {
		return linkfiles.Setting{}, false
	}
	return p.base.MACAddress()
}

// editedInPlace finds the edited files of packages that concern the target: effective
// ones and their parts and, if no file is effective, those removed or emptied.
func (p *planner) editedInPlace() []audit.VendorFile {
	return slices.DeleteFunc(audit.EditedVendorFiles(p.in.Snapshot), func(v audit.VendorFile) bool {
		return !v.Concerns(p.base, p.store, p.tree)
	})
}

func fileName(f *linkfiles.File) string {
	if f == nil {
		return "no file"
	}
	return f.Path
}
