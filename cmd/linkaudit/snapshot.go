package main

import (
	"fmt"
	"io"
	"io/fs"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
)

func snapshot(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	dir, rel, err := systemAsked(c)
	if err != nil {
		return err
	}
	if c.IsSet("output") && c.String("output") == "" {
		return usage(c, "--output needs a file name")
	}
	images, err := imagesAsked(c)
	if err != nil {
		return err
	}
	snap, _, err := collect(c.Context, request{root: dir, all: true, every: true, release: rel, images: images})
	if err != nil {
		return cannotRead(dir, err)
	}
	return saveSnapshot(c, audit.WithDerived(snap))
}

// saveSnapshot writes it to standard output or to --output.
func saveSnapshot(c *cli.Context, snap *host.Snapshot) error {
	withID := c.Bool("with-machine-id")
	if !c.IsSet("output") {
		return host.Save(c.App.Writer, snap, withID)
	}

	mode := fs.FileMode(0o644)
	if withID {
		mode = 0o600
	}
	save := func(w io.Writer) error { return host.Save(w, snap, withID) }
	if err := replaceFile(c.String("output"), renameio.WithStaticPermissions(mode), save); err != nil {
		return fmt.Errorf("cannot save the snapshot: %w", err)
	}
	return nil
}
