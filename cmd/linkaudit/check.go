package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

func check(c *cli.Context) error {
	sel, err := newSelection(c)
	if err != nil {
		return err
	}
	out, err := newFindingsOutput(c)
	if err != nil {
		return err
	}
	if c.IsSet("from") {
		return checkSnapshots(c, sel, out)
	}
	snap, tree, conf, err := lookAt(c, sel)
	if err != nil {
		return err
	}
	return auditAndShow(c.App.Writer, snap, tree, sel, conf, out)
}

// auditAndShow is what check and example have in common. tree is nil where the
// files of snap are still to be read.
func auditAndShow(w io.Writer, snap *host.Snapshot, tree *linkfiles.Tree, sel selection, conf policy.Site, out output) error {
	targets, tree, err := sel.prepare(snap, tree)
	if err != nil {
		return err
	}
	return show(w, policy.Check(snap, tree, sel.options(snap, targets, conf)), sel, conf, out)
}

// show shows one audit, and turns it into the exit status.
func show(w io.Writer, res *policy.Result, sel selection, conf policy.Site, out output) error {
	out.Selection = sel.String()
	out.Site = conf
	err := out.write(w, func(w io.Writer) error { return out.format.Audit(w, res, out.Options) })
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return found(report.Count(res), out)
}

// found turns what was counted into the exit status.
func found(s report.Summary, out output) error {
	switch {
	case isPlugin(out.format) && s.Errors > 0:
		return errCritical
	case s.AtLeast(out.Threshold) > 0:
		return errFindings
	}
	return nil
}

// lookAt gets what machine does, and the site's configuration for it.
func lookAt(c *cli.Context, sel selection) (*host.Snapshot, *linkfiles.Tree, policy.Site, error) {
	snap, tree, siteRoot, err := machine(c, sel)
	if err != nil {
		return nil, nil, nil, err
	}
	conf, err := site(c, siteRoot)
	if err != nil {
		return nil, nil, nil, err
	}
	return snap, tree, conf, nil
}

// machine gets the snapshot to audit, its files if they were read already, and
// the root below which the site's configuration lies: "" for another machine's
// snapshot, to which this machine's configuration does not apply.
func machine(c *cli.Context, sel selection) (*host.Snapshot, *linkfiles.Tree, string, error) {
	if c.IsSet("from") {
		as, err := newPretence(c)
		if err != nil {
			return nil, nil, "", err
		}
		snap, err := loadFrom(c, c.String("from"))
		if err != nil {
			return nil, nil, "", err
		}
		as.pretend(snap)
		return snap, nil, as.root, nil
	}
	dir, err := root(c)
	if err != nil {
		return nil, nil, "", err
	}
	rel, err := release(c)
	if err != nil {
		return nil, nil, "", err
	}
	images, err := imagesAsked(c)
	if err != nil {
		return nil, nil, "", err
	}
	want := request{root: dir, names: sel.names, all: sel.all, release: rel, images: images}
	if len(sel.names) == 0 {
		want.kinds = sel.kinds
	}
	snap, tree, err := collect(c.Context, want)
	if err != nil {
		return nil, nil, "", fmt.Errorf("looking at the machine: %w", err)
	}
	return snap, tree, dir, nil
}

// pretence is what a snapshot is audited as, other than what it is: that of a
// host with another release or with the files of an image.
type pretence struct {
	release linkfiles.Release // 0: its own
	root    string            // "": its own files
	store   *linkfiles.Store
}

func newPretence(c *cli.Context) (as pretence, err error) {
	if c.IsSet("initramfs") {
		return as, usage(c, "--initramfs is for the machine or --root: a snapshot has what \"snapshot\" put into it")
	}
	if as.release, err = release(c); err != nil || !c.IsSet("root") {
		return as, err
	}
	if as.root, err = root(c); err != nil {
		return as, err
	}
	if as.store, err = linkfiles.Read(as.root); err != nil {
		return as, fmt.Errorf("reading the .link files: %w", err)
	}
	return as, nil
}

func (as pretence) pretend(snap *host.Snapshot) {
	if as.release != 0 {
		snap.SetRelease(as.release)
	}
	if as.store != nil {
		snap.Files = *as.store
		snap.Packaged = fact.Fact[[]host.Packaged]{} // of other files
	}
}

func loadFrom(c *cli.Context, path string) (*host.Snapshot, error) {
	in, name, err := openSnapshots(path, c.App.Reader)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	snap, err := host.Load(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return snap, nil
}

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
	switch {
	case c.IsSet("kind") && len(sel.kinds) == 0:
		return sel, usage(c, "--kind needs a kind, such as bond")
	case sel.all && len(sel.names) > 0:
		return sel, usage(c, "--all and the name of a device exclude each other")
	case sel.all && len(sel.kinds) > 0:
		return sel, usage(c, "--all and --kind exclude each other")
	case len(sel.names) > 0 && len(sel.kinds) > 1:
		return sel, usage(c, "a device has one kind, but --kind names %d", len(sel.kinds))
	}
	for i, name := range sel.names {
		if err := validName(name); err != nil {
			return sel, usage(c, "%q cannot be a network device: %w", name, err)
		}
		if slices.Contains(sel.names[:i], name) {
			return sel, usage(c, "%q is named twice", name)
		}
	}
	return sel, nil
}

// validName applies the kernel's rule (dev_valid_name in net/core/dev.c) with
// the longest name it has, an alternative one (ALTIFNAMSIZ, 128 with the NUL).
func validName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("no device can have this name")
	case len(name) > 127:
		return fmt.Errorf("the name is longer than 127 bytes")
	}
	// Byte by byte: a name need not be UTF-8, and the kernel's isspace()
	// takes Latin-1's no-break space for one.
	for i := range len(name) {
		switch name[i] {
		case '/', ':', ' ', '\t', '\n', '\v', '\f', '\r', 0xa0:
			return fmt.Errorf("the name holds a slash, a colon or white space")
		}
	}
	return nil
}

func (sel selection) options(snap *host.Snapshot, targets []policy.Target, conf policy.Site) policy.Options {
	return policy.Options{Targets: targets, Kinds: sel.kinds, All: sel.all, Site: conf, Place: sel.place(snap)}
}

// place is where what is found can be fixed. With --from and --root it is the image that
// has the files.
func (sel selection) place(snap *host.Snapshot) policy.Place {
	switch {
	case sel.root != "" && sel.saved:
		return policy.Place{Root: sel.root, Release: cmp.Or(sel.release, snap.Systemd.Release.Or(0))}
	case sel.saved:
		return policy.Place{Host: cmp.Or(snap.System.Hostname.Or(""), "the host of the snapshot")}
	}
	return policy.Place{Root: sel.root, Release: sel.release}
}

// prepare returns the devices that are asked for and the files, which it parses
// where tree is nil.
func (sel selection) prepare(snap *host.Snapshot, tree *linkfiles.Tree) ([]policy.Target, *linkfiles.Tree, error) {
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

// targets pairs the names with the devices of the snapshot. A device that is
// not there can be audited only if its kind is known, or declared.
func (sel selection) targets(snap *host.Snapshot) ([]policy.Target, error) {
	for _, k := range sel.kinds {
		if !policy.KnownKind(k) && !snap.HasKind(k) {
			return nil, policy.ErrUnknownKind(k)
		}
	}
	kind := ""
	if len(sel.kinds) == 1 {
		kind = sel.kinds[0]
	}
	var out []policy.Target
	if snap.Offline && len(sel.names) == 0 && !sel.all {
		for _, k := range sel.kindsOrDefault() {
			declared := policy.DeclaredToCome(snap, []string{k})
			if out = append(out, declared...); len(declared) == 0 {
				out = append(out, policy.Target{Name: policy.UsualName(k), Kind: k})
			}
		}
		return out, nil
	}
	declared := policy.DeclaredToCome(snap, nil)
	for _, name := range sel.names {
		d := snap.Device(name)
		is := slices.IndexFunc(declared, func(t policy.Target) bool { return t.Name == name })
		switch {
		case d != nil && kind != "" && d.Kind == "":
			return nil, fmt.Errorf("%s is a device without a kind, not a %s", name, kind)
		case d != nil && kind != "" && d.Kind != kind:
			return nil, fmt.Errorf("%s is of kind %s, not %s", name, d.Kind, kind)
		case d != nil:
			out = append(out, policy.Target{Name: d.Name, Kind: d.Kind})
		case kind != "":
			out = append(out, policy.Target{Name: name, Kind: kind})
		case is >= 0:
			out = append(out, declared[is])
		default:
			return nil, fmt.Errorf("there is no device %s, and no network configuration defines one; for one that is still to be created, say its kind, such as --kind bond", name)
		}
	}
	return out, nil
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
