package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// selection is which devices the command line asks for.
type selection struct {
	names []string
	files []string // of --from, where check was given it
	kinds []string // empty: host.DefaultKinds, or whatever kind the named devices have
	all   bool
	// command is the one that is running, for messages.
	command string
	// root is the directory of --root, as it was given; "" for none. saved: the host is
	// another one's snapshot.
	root  string
	saved bool
	// release is that of --systemd-release, 0 for none.
	release linkfiles.Release
}

func newSelection(c *cli.Context) (selection, error) {
	sel := selection{
		names: c.Args().Slice(), kinds: list(c.StringSlice("kind")), all: c.Bool("all"), command: c.Command.Name,
		saved: c.IsSet("from"), release: linkfiles.Release(c.Int("systemd-release")),
	}
	if c.IsSet("root") && filepath.Clean(c.String("root")) != "/" {
		sel.root = c.String("root")
	}
	if sel.command == "check" && c.IsSet("from") {
		sel.files, sel.names = snapshotFiles(c)
	}
	return sel, sel.conflicts(c)
}

// conflicts refuses flags and names that do not go together.
func (sel selection) conflicts(c *cli.Context) error {
	switch {
	case c.IsSet("kind") && len(sel.kinds) == 0:
		return usage(c, "--kind needs a kind, such as bond")
	case sel.all && len(sel.names) > 0:
		return usage(c, "--all and the name of a device exclude each other")
	case sel.all && len(sel.kinds) > 0:
		return usage(c, "--all and --kind exclude each other")
	case len(sel.names) > 0 && len(sel.kinds) > 1:
		return usage(c, "a device has one kind, but --kind names %d", len(sel.kinds))
	}
	return sel.wrongName(c)
}

// wrongName refuses names that no device can have, or that come twice.
func (sel selection) wrongName(c *cli.Context) error {
	for i, name := range sel.names {
		if err := host.ValidName(name); err != nil {
			return usage(c, "%q cannot be a network device: %w", name, err)
		}
		if slices.Contains(sel.names[:i], name) {
			return usage(c, "%q is named twice", name)
		}
	}
	return nil
}

func (sel selection) options(snap *host.Snapshot, targets []audit.Target, conf audit.Site) audit.Options {
	return audit.Options{Targets: targets, Kinds: sel.kinds, All: sel.all, Site: conf, Place: sel.place(snap)}
}

// place is where what is found can be fixed. With --from and --root it is the image that
// has the files.
func (sel selection) place(snap *host.Snapshot) remedy.Place {
	switch {
	case sel.root != "" && sel.saved:
		return remedy.Place{Root: sel.root, Release: cmp.Or(sel.release, snap.Systemd.Release.Or(0))}
	case sel.saved:
		return remedy.Place{Host: cmp.Or(snap.System.Hostname.Or(""), "the host of the snapshot")}
	}
	return remedy.Place{Root: sel.root, Release: sel.release}
}

// prepare returns the devices that are asked for and the files, which it parses
// where tree is nil.
func (sel selection) prepare(snap *host.Snapshot, tree *linkfiles.Tree) ([]audit.Target, *linkfiles.Tree, error) {
	targets, err := sel.targets(snap)
	if err != nil {
		return nil, nil, err
	}
	tree, err = treeOf(snap, tree)
	return targets, tree, err
}

// treeOf parses the files of the snapshot where tree is nil.
func treeOf(snap *host.Snapshot, tree *linkfiles.Tree) (*linkfiles.Tree, error) {
	if tree != nil {
		return tree, nil
	}
	r, err := snap.Systemd.Needed()
	if err != nil {
		return nil, err
	}
	return linkfiles.Parse(&snap.Files, r), nil
}

// targets pairs the names with the devices of the snapshot. Without names it is nil, for
// those that the audit chooses, but for an image, where there are none to choose from.
func (sel selection) targets(snap *host.Snapshot) ([]audit.Target, error) {
	for _, k := range sel.kinds {
		if !policy.KnownKind(k) && !snap.HasKind(k) {
			return nil, words.Error(policy.UnknownKind(k))
		}
	}
	if snap.Offline && len(sel.names) == 0 && !sel.all {
		return sel.targetsToCome(snap), nil
	}
	declared := audit.DeclaredToCome(snap, nil)
	var out []audit.Target
	for _, name := range sel.names {
		t, err := sel.target(snap, declared, name)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// targetsToCome are, for each kind, the devices that an image declares, or one with the
// usual name.
func (sel selection) targetsToCome(snap *host.Snapshot) (out []audit.Target) {
	for _, k := range sel.kindsOrDefault() {
		declared := audit.DeclaredToCome(snap, []string{k})
		if out = append(out, declared...); len(declared) == 0 {
			out = append(out, audit.Target{Name: audit.UsualName(k), Kind: k})
		}
	}
	return out
}

// target is the device of a name. One that is not there can be audited only if its kind is
// known, or declared.
func (sel selection) target(snap *host.Snapshot, declared []audit.Target, name string) (audit.Target, error) {
	kind := ""
	if len(sel.kinds) == 1 {
		kind = sel.kinds[0]
	}
	if d := snap.Device(name); d != nil {
		return existingTarget(d, name, kind)
	}
	if kind != "" {
		return audit.Target{Name: name, Kind: kind}, nil
	}
	if i := slices.IndexFunc(declared, func(t audit.Target) bool { return t.Name == name }); i >= 0 {
		return declared[i], nil
	}
	return audit.Target{}, fmt.Errorf("there is no device %s, and no network configuration defines one; for one that is still to be created, say its kind, such as --kind bond", name)
}

// existingTarget is a device that there is, which has to be of the kind that is given.
func existingTarget(d *host.Device, name, kind string) (audit.Target, error) {
	switch {
	case kind == "" || d.Kind == kind:
		return audit.Target{Name: d.Name, Kind: d.Kind}, nil
	case d.Kind == "":
		return audit.Target{}, fmt.Errorf("%s is a device without a kind, not a %s", name, kind)
	}
	return audit.Target{}, fmt.Errorf("%s is of kind %s, not %s", name, d.Kind, kind)
}

func (sel selection) kindsOrDefault() []string {
	if len(sel.kinds) == 0 {
		return host.DefaultKinds
	}
	return sel.kinds
}

// String names what is looked for: "bond, bridge or team".
func (sel selection) String() string {
	if sel.all {
		return "device"
	}
	kinds := sel.kindsOrDefault()
	last := len(kinds) - 1
	if last == 0 {
		return kinds[0]
	}
	return strings.Join(kinds[:last], ", ") + " or " + kinds[last]
}
