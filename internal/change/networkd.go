package change

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"

	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
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
}

// declares is what systemd-networkd would do with the .netdev files of the store.
func (in Input) declares(netDevs *linkfiles.Store) []netconf.Declaration {
	files := &netconf.NetworkdFiles{NetDev: netDevs, Network: in.Networkd.Network}
	return policy.NetworkdDeclares(files, in.NetworkdActive, in.Snapshot, in.Release)
}

// concerns reports whether the declaration is about a device of the target.
func concerns(t override.Target, d *netconf.Declaration) bool {
	return (t.Name == "" || t.Name == d.Device) && (t.Kind == "" || t.Kind == d.Kind)
}

// planNetDevs works out what has to change for systemd-networkd. A device that a
// file gives an address of somebody's choice is left alone.
func (in Input) planNetDevs(t override.Target) (netDevPlan, error) {
	var plan netDevPlan
	if in.Networkd == nil {
		return plan, nil
	}
	store := in.Networkd.NetDev
	own := map[string]*override.Override{}
	for _, o := range override.Find(store) {
		if o.Of(t) {
			own[o.Path] = o
			store, _ = store.With(o.Path, nil)
		}
	}
	before := in.declares(store)
	for i := range before {
		d := &before[i]
		if !d.Creates || d.Ignored != "" || !concerns(t, d) {
			continue
		}
		other := policy.CreatedOtherwise(in.Snapshot, *d)
		about := policy.NetworkdKeeps(before, *d, other)
		switch {
		case about != "" && t.Name != "":
			plan.leaves = about
			return plan, nil
		case about != "":
			plan.notes = append(plan.notes, about)
			continue
		case d.Address.Way == netconf.WayUnknown:
			plan.notes = append(plan.notes, fmt.Sprintf("whether systemd-networkd creates %s with an address, which no .link file changes, is not known: %s", d.Device, d.Address.Unknown))
			continue
		case d.Address.Way != netconf.WayNetworkd:
			continue
		}
		if why := policy.NetworkdRefuses(in.Release, *d, other); why != "" {
			if t.Name != "" {
				return plan, errors.New(why)
			}
			plan.notes = append(plan.notes, why)
			continue
		}
		if !linkfiles.NetDevAddressNone(in.Release) {
			continue // another program may create it
		}
		part, err := in.netDev(t, store, own, d)
		if err != nil {
			return plan, err
		}
		plan.parts = append(plan.parts, part)
		store, _ = store.With(part.Path, part.Content)
		delete(own, part.Path)
	}
	for name := range own {
		plan.notes = append(plan.notes, in.notNeeded(name, t))
	}
	slices.Sort(plan.notes)
	return plan, nil
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
			return part, fmt.Errorf("%s was edited since linkaudit wrote it; see what is in it, then use --force to write it anew", o.Path)
		}
		o.MadeDirs = was.MadeDirs
		part.Old, _ = in.Networkd.NetDev.Content(o.Path)
	}
	if err := o.NeedDirs(in.DirExists); err != nil {
		return part, err
	}
	part.Content = o.Text()
	if _, taken := store.Content(o.Path); taken {
		return part, fmt.Errorf("%s is in the way", o.Path)
	}
	after, ok := store.With(o.Path, part.Content)
	if !ok {
		return part, fmt.Errorf("%s is in the way or its directory cannot be read", o.Path)
	}
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

// createsAnew says how systemd-networkd creates a device anew, for a device that
// the plan has a drop-in for; "" for another one. A reload alone changes nothing
// about a device that exists (netdev_load() and, since 257, netdev_reload()).
func (p *Plan) createsAnew(rel linkfiles.Release, device string) string {
	then := "networkctl reload"
	if rel < reloadsNetDevs {
		then = "systemctl restart systemd-networkd.service"
	}
	for _, n := range p.NetDevs {
		if n.Device == device {
			return fmt.Sprintf(" (networkctl delete %s, then %s)", override.ShellWord(device), then)
		}
	}
	return ""
}
