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

// NetDev is a drop-in of a .netdev file, with which systemd-networkd creates a
// device without an address, so that the .link file in force decides.
type NetDev struct {
	Device string
	Path   string
	// Content is its text; Old what is there now, nil where nothing is.
	Content, Old []byte
}

// Changed reports whether the file is to be written.
func (n NetDev) Changed() bool { return n.Old == nil || string(n.Old) != string(n.Content) }

// netDevPlan is systemd-networkd's part in a plan.
type netDevPlan struct {
	parts []NetDev
	notes []string
	// leaves says why no file of linkaudit's would do anything.
	leaves string
	// store are the .netdev files with the parts, and own the overrides of the target that
	// are not among the parts, by path.
	store *linkfiles.Store
	own   map[string]*override.Override
}

// allNotes are the notes, and those about the parts.
func (p *netDevPlan) allNotes() []string {
	all := slices.Clone(p.notes)
	for _, n := range p.parts {
		all = append(all, fmt.Sprintf("systemd-networkd creates %s; without %s it would give it an address that no .link file changes", n.Device, n.Path))
	}
	return all
}

// declares is what systemd-networkd would do with the .netdev files of the store.
func (in Input) declares(netDevs *linkfiles.Store) []netconf.Declaration {
	files := &netconf.NetworkdFiles{NetDev: netDevs, Network: in.Networkd.Network}
	return audit.NetworkdDeclares(files, in.NetworkdActive, in.Snapshot, in.Release)
}

// concerns reports whether the declaration is about a device of the target.
func concerns(t override.Target, d *netconf.Declaration) bool {
	return (t.Name == "" || t.Name == d.Device) && (t.Kind == "" || t.Kind == d.Kind)
}

// planNetDevs works out what has to change for systemd-networkd. A device that a
// file gives an address of somebody's choice is left alone.
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

// newNetDevPlan is of the files as they would be without the overrides that the target has
// already.
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

// planNetDev adds the drop-in for the device that d creates to the plan, where it needs one.
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

// needsNetDev reports whether the device that d creates needs a drop-in. Where one would
// do nothing, that is a note about a device of a kind, and for the device that is named
// the end of the plan.
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
		plan.notes = append(plan.notes, fmt.Sprintf("whether systemd-networkd creates %s with an address, which no .link file changes, is not known: %s", d.Device, d.Address.Unknown))
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
		o.Sources = nil // it is made again at each boot, and may not be there yet
	}
	part := NetDev{Device: d.Device, Path: o.Path}
	if was := own[o.Path]; was != nil {
		if was.Edited && !in.Force {
			return part, editedSince(o.Path, "write it anew")
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

// fileOf is the file that the line stands in, or in a drop-in of which.
func fileOf(tree *linkfiles.Tree, name string) *linkfiles.File {
	for _, f := range tree.Files {
		if f.Path == name || slices.Contains(f.DropIns, name) {
			return f
		}
	}
	return nil
}

// netDevWorks asks what systemd-networkd would make of the files once they are as
// in after: the device without an address, and everything else as before.
func (in Input) netDevWorks(before, after *linkfiles.Store, device, name string) error {
	was, is := in.declares(before), in.declares(after)
	if len(was) != len(is) {
		return fmt.Errorf("%s would not do: systemd-networkd would create other devices than before", name)
	}
	for i := range is {
		switch {
		case is[i].Device == device && is[i].Creates:
			if is[i].Address.Way != netconf.WayNone {
				return fmt.Errorf("%s would not do: %s has the last word about the address of %s", name, is[i].Address.Pos, device)
			}
		case !reflect.DeepEqual(was[i], is[i]):
			return fmt.Errorf("%s would not do: %s would be created in another way than before", name, is[i].Device)
		}
	}
	return nil
}

// verifyNetDevs holds what is there now against the plan.
func (p *Plan) verifyNetDevs(in Input, now *linkfiles.Store) error {
	for _, n := range p.NetDevs {
		before, _ := now.With(n.Path, nil)
		if text, ok := now.Content(n.Path); !ok || before == nil || string(text) != string(n.Content) {
			return fmt.Errorf("%s is not there", n.Path)
		}
		if err := in.netDevWorks(before, now, n.Device, n.Path); err != nil {
			return err
		}
	}
	return nil
}
