package change

import (
	"fmt"
	"path"
	"reflect"
	"slices"

	"linkaudit/internal/audit"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// NetDev is a drop-in of a .netdev file. With it systemd-networkd creates a device
// without an address, and the effective .link file decides.
type NetDev struct {
	Device string
	Path   string
	// Content is its new text; Old its present one, nil if there is no file.
	Content, Old []byte
}

// Changed reports whether the plan writes the file.
func (n NetDev) Changed() bool { return n.Old == nil || string(n.Old) != string(n.Content) }

// netDevPlan is the part of a plan about systemd-networkd.
type netDevPlan struct {
	parts []NetDev
	notes []string
	// leaves says why no file of linkaudit would have an effect.
	leaves string
	// store are the .netdev files with the parts. own are the overrides of the target
	// that are not among the parts, by path.
	store *linkfiles.Store
	own   map[string]*override.Override
}

// allNotes are the notes, and those about the parts.
func (p *netDevPlan) allNotes() []string {
	all := slices.Clone(p.notes)
	for _, n := range p.parts {
		all = append(all, fmt.Sprintf("systemd-networkd creates %s; without %s it sets an address that no .link file changes", n.Device, n.Path))
	}
	return all
}

// declares is what systemd-networkd would do with the .netdev files of the store.
func (in Input) declares(netDevs *linkfiles.Store) []netconf.Declaration {
	files := &netconf.NetworkdFiles{NetDev: netDevs, Network: in.Networkd.Network}
	return audit.NetworkdDeclares(files, in.NetworkdActive, in.Snapshot, in.Release)
}

// concerns reports whether the declaration is of a device of the target.
func concerns(t override.Target, d *netconf.Declaration) bool {
	return (t.Name == "" || t.Name == d.Device) && (t.Kind == "" || t.Kind == d.Kind)
}

// planNetDevs works out what must change for systemd-networkd. A device with an address
// that a file sets is left alone.
func (in Input) planNetDevs(t override.Target) (netDevPlan, error) {
	if in.Networkd == nil {
		return netDevPlan{}, nil
	}
	plan := in.newNetDevPlan(t)
	before := in.declares(plan.store)
	for i := range before {
		d := &before[i]
		if !d.Creates || d.Ignored != "" || !concerns(t, d) {
			continue
		}
		if err := in.planNetDev(&plan, t, before, d); err != nil || plan.leaves != "" {
			return plan, err
		}
	}
	for name := range plan.own {
		plan.notes = append(plan.notes, in.notNeededNote(name, t))
	}
	slices.Sort(plan.notes)
	return plan, nil
}

// newNetDevPlan starts with the files as they are without the overrides that the target
// has.
func (in Input) newNetDevPlan(t override.Target) netDevPlan {
	plan := netDevPlan{store: in.Networkd.NetDev, own: map[string]*override.Override{}}
	for _, o := range override.Find(plan.store) {
		if o.Of(t) {
			plan.own[o.Path] = o
			plan.store, _ = plan.store.With(o.Path, nil)
		}
	}
	return plan
}

// planNetDev adds the drop-in for the device that d creates to the plan, if it needs one.
func (in Input) planNetDev(plan *netDevPlan, t override.Target, before []netconf.Declaration, d *netconf.Declaration) error {
	needs, err := in.needsNetDev(plan, t, before, d)
	if err != nil || !needs {
		return err
	}
	part, err := in.netDev(t, plan.store, plan.own, d)
	if err != nil {
		return err
	}
	plan.parts = append(plan.parts, part)
	plan.store, _ = plan.store.With(part.Path, part.Content)
	delete(plan.own, part.Path)
	return nil
}

// needsNetDev reports whether the device that d creates needs a drop-in. If one would
// have no effect, that is a note for a target that is a kind, and the end of the plan for
// a device.
func (in Input) needsNetDev(plan *netDevPlan, t override.Target, before []netconf.Declaration, d *netconf.Declaration) (bool, error) {
	other := audit.CreatedOtherwise(in.Snapshot, *d)
	about := audit.NetworkdKeeps(before, *d, other)
	switch {
	case about != nil && t.Name != "":
		plan.leaves = words.Of(about)
		return false, nil
	case about != nil:
		plan.notes = append(plan.notes, words.Of(about))
		return false, nil
	case d.Address.Way == netconf.WayUnknown:
		plan.notes = append(plan.notes, fmt.Sprintf("unknown whether systemd-networkd creates %s with an address, which no .link file changes: %s", d.Device, d.Address.Unknown))
		return false, nil
	case d.Address.Way != netconf.WayNetworkd:
		return false, nil
	}
	if why := audit.NetworkdRefuses(in.Release, *d, other); why != nil {
		if t.Name != "" {
			return false, words.Error(why)
		}
		plan.notes = append(plan.notes, words.Of(why))
		return false, nil
	}
	// Without the key another program may create it.
	return linkfiles.NetDevAddressNone(in.Release), nil
}

// netDev is the drop-in for one device, proven on a copy of the files.
func (in Input) netDev(t override.Target, store *linkfiles.Store, own map[string]*override.Override, d *netconf.Declaration) (NetDev, error) {
	f := fileOf(linkfiles.Parse(store, in.Release), d.Pos.File)
	o := &override.Override{
		Path:   path.Join(override.Dir, f.Name+".d", override.DropInName),
		Target: t, Sources: override.Sources(store, f), Body: "[NetDev]\nMACAddress=none\n",
	}
	if netconf.NetplansNetDev(f.Path) {
		o.Sources = nil // each boot rewrites it, and it may not exist yet
	}
	part := NetDev{Device: d.Device, Path: o.Path}
	if was := own[o.Path]; was != nil {
		if was.Edited && !in.Force {
			return part, editedSince(o.Path, "overwrite it")
		}
		o.MadeDirs = was.MadeDirs
		part.Old, _ = in.Networkd.NetDev.Content(o.Path)
	}
	after, err := in.putInto(store, o)
	if err != nil {
		return part, err
	}
	part.Content = o.Text()
	return part, in.netDevWorks(store, after, d.Device, o.Path)
}

// fileOf is the file that has the line, in its text or in a drop-in.
func fileOf(tree *linkfiles.Tree, name string) *linkfiles.File {
	for _, f := range tree.Files {
		if f.Path == name || slices.Contains(f.DropIns, name) {
			return f
		}
	}
	return nil
}

// netDevWorks asks what systemd-networkd would do with the files of after: it must create
// the device without an address, and everything else as before.
func (in Input) netDevWorks(before, after *linkfiles.Store, device, name string) error {
	was, is := in.declares(before), in.declares(after)
	if len(was) != len(is) {
		return fmt.Errorf("%s would not work: systemd-networkd would create other devices than before", name)
	}
	for i := range is {
		switch {
		case is[i].Device == device && is[i].Creates:
			if is[i].Address.Way != netconf.WayNone {
				return fmt.Errorf("%s would not work: %s decides the address of %s", name, is[i].Address.Pos, device)
			}
		case !reflect.DeepEqual(was[i], is[i]):
			return fmt.Errorf("%s would not work: it would change how %s is created", name, is[i].Device)
		}
	}
	return nil
}

// verifyNetDevs compares the present files with the plan.
func (p *Plan) verifyNetDevs(in Input, now *linkfiles.Store) error {
	for _, n := range p.NetDevs {
		before, _ := now.With(n.Path, nil)
		if text, ok := now.Content(n.Path); !ok || before == nil || string(text) != string(n.Content) {
			return fmt.Errorf("%s does not exist", n.Path)
		}
		if err := in.netDevWorks(before, now, n.Device, n.Path); err != nil {
			return err
		}
	}
	return nil
}
