package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

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
	kinds []string // empty: host.DefaultKinds, or the kinds of the named devices
	all   bool
	// command is the running command, for messages.
	command string
	// root is the directory of --root as given, "" for none. saved: the host is that of a
	// snapshot.
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

// conflicts refuses flags and names that cannot be combined.
func (sel selection) conflicts(c *cli.Context) error {
	switch {
	case c.IsSet("kind") && len(sel.kinds) == 0:
		return usage(c, "--kind needs a kind such as bond")
	case sel.all && len(sel.names) > 0:
		return usage(c, "--all and the name of a device cannot be combined")
	case sel.all && len(sel.kinds) > 0:
		return usage(c, "--all and --kind cannot be combined")
	case len(sel.names) > 0 && len(sel.kinds) > 1:
		return usage(c, "--kind has %d kinds, but a named device has one", len(sel.kinds))
	}
	return sel.wrongName(c)
}

// wrongName refuses names that no device can have, and repeated ones.
func (sel selection) wrongName(c *cli.Context) error {
	for i, name := range sel.names {
		if err := host.ValidName(name); err != nil {
			return usage(c, "invalid device name %q: %w", name, err)
		}
		if slices.Contains(sel.names[:i], name) {
			return usage(c, "device %q is given twice", name)
		}
	}
	return nil
}

func (sel selection) options(snap *host.Snapshot, targets []audit.Target, conf audit.Site) audit.Options {
	return audit.Options{Targets: targets, Kinds: sel.kinds, All: sel.all, Site: conf, Place: sel.place(snap)}
}

// place is where findings can be fixed. With --from and --root it is the image.
func (sel selection) place(snap *host.Snapshot) remedy.Place {
	switch {
	case sel.root != "" && sel.saved:
		return remedy.Place{Root: sel.root, Release: cmp.Or(sel.release, snap.Systemd.Release.Or(0)), Sudo: !isRoot()}
	case sel.saved:
		return remedy.Place{Host: cmp.Or(snap.System.Hostname.Or(""), "the host of the snapshot"), Sudo: true}
	}
	return remedy.Place{Root: sel.root, Release: sel.release, Sudo: !isRoot()}
}

// isRoot reports whether commands that change something can be run as they are.
var isRoot = func() bool { return os.Geteuid() == 0 }

// prepare returns the devices to audit and the files, parsed if tree is nil.
func (sel selection) prepare(snap *host.Snapshot, tree *linkfiles.Tree) ([]audit.Target, *linkfiles.Tree, error) {
	targets, err := sel.targets(snap)
	if err != nil {
		return nil, nil, err
	}
	tree, err = treeOf(snap, tree)
	return targets, tree, err
}

// treeOf parses the files of the snapshot if tree is nil.
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

// targets pairs the names with the devices of the snapshot. Without names it is nil, and the
// audit chooses; only for an image, which has no devices, it names some.
func (sel selection) targets(snap *host.Snapshot) ([]audit.Target, error) {
	for _, k := range sel.kinds {
		if !policy.KnownKind(k) && !snap.HasKind(k) {
			return nil, words.Error(policy.UnknownKind(k))
		}
	}
	if snap.Offline && len(sel.names) == 0 && !sel.all {
		return sel.targetsToCome(snap), nil
	}
	declared := audit.FutureTargets(snap, nil)
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

// targetsToCome are, for each kind, the devices that an image declares, or else one with
// the usual name.
func (sel selection) targetsToCome(snap *host.Snapshot) (out []audit.Target) {
	for _, k := range sel.kindsOrDefault() {
		declared := audit.FutureTargets(snap, []string{k})
		if out = append(out, declared...); len(declared) == 0 {
			out = append(out, audit.Target{Name: audit.UsualName(k), Kind: k})
		}
	}
	return out
}

// target is the device of a name. A missing one can be audited only if its kind is given or
// declared.
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
	return audit.Target{}, fmt.Errorf("device %s does not exist and no network configuration declares it (for a future device add its kind, such as --kind bond)", name)
}

// existingTarget is an existing device. It must have the kind, if one is given.
func existingTarget(d *host.Device, name, kind string) (audit.Target, error) {
	switch {
	case kind == "" || d.Kind == kind:
		return audit.Target{Name: d.Name, Kind: d.Kind}, nil
	case d.Kind == "":
		return audit.Target{}, fmt.Errorf("invalid --kind %q: %s is a device without a kind", kind, name)
	}
	return audit.Target{}, fmt.Errorf("invalid --kind %q: %s is of kind %s", kind, name, d.Kind)
}

func (sel selection) kindsOrDefault() []string {
	if len(sel.kinds) == 0 {
		return host.DefaultKinds
	}
	return sel.kinds
}

// String names the kinds: "bond, bridge or team".
func (sel selection) String() string {
	if sel.all {
		return "device"
	}
	return either(sel.kindsOrDefault())
}
