package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

// lookAt reads the machine and its site configuration.
func lookAt(c *cli.Context, sel selection) (*host.Snapshot, *linkfiles.Tree, audit.Site, error) {
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

// machine returns the snapshot to audit, its files if they are parsed already, and the root
// of the site configuration: "" for a snapshot, because this machine's configuration does
// not apply to another machine.
func machine(c *cli.Context, sel selection) (*host.Snapshot, *linkfiles.Tree, string, error) {
	if c.IsSet("from") {
		snap, dir, err := savedMachine(c)
		return snap, nil, dir, err
	}
	dir, rel, err := systemAsked(c)
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
		return nil, nil, "", cannotRead(dir, err)
	}
	return snap, tree, dir, nil
}

// cannotRead says that the system below dir could not be read.
func cannotRead(dir string, err error) error {
	if dir == "/" {
		return fmt.Errorf("cannot read this machine: %w", err)
	}
	return fmt.Errorf("cannot read the image %s: %w", dir, err)
}

// savedMachine is machine for --from.
func savedMachine(c *cli.Context) (*host.Snapshot, string, error) {
	as, err := newPretence(c)
	if err != nil {
		return nil, "", err
	}
	snap, err := loadFrom(c, c.String("from"))
	if err != nil {
		return nil, "", err
	}
	return as.of(snap), as.root, nil
}

// pretence is what a snapshot is audited as: a host with another release, or with the files
// of an image.
type pretence struct {
	release linkfiles.Release // 0: its own
	root    string            // "": its own files
	store   *linkfiles.Store
}

func newPretence(c *cli.Context) (as pretence, err error) {
	if c.IsSet("initramfs") {
		return as, usage(c, "--initramfs and --from cannot be combined (a snapshot has only what was saved)")
	}
	if as.release, err = release(c); err != nil || !c.IsSet("root") {
		return as, err
	}
	if as.root, err = root(c); err != nil {
		return as, err
	}
	if as.store, err = linkfiles.Read(as.root); err != nil {
		return as, fmt.Errorf("cannot read the .link files: %w", err)
	}
	return as, nil
}

// of is the snapshot as it is audited.
func (as pretence) of(snap *host.Snapshot) *host.Snapshot {
	if as.release != 0 {
		snap = snap.WithRelease(as.release)
	}
	if as.store != nil {
		other := *snap
		other.Files = *as.store
		other.Packaged = fact.Fact[[]host.Packaged]{} // of other files
		snap = &other
	}
	return snap
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
