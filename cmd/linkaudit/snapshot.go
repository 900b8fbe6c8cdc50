package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"linkaudit/host"
	"linkaudit/policy"
)

func snapshotCommand() *cli.Command {
	return &cli.Command{
		Name:  "snapshot",
		Usage: "save what an audit looks at, for check --from",
		Description: "Saves the devices and the .link files as JSON on standard output or in FILE.\n" +
			"The machine-id is confidential and left out; the addresses made of it are in.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Usage: "write `FILE`, whole or not at all", TakesFile: true},
			&cli.BoolFlag{Name: "with-machine-id", Usage: "keep the machine-id (FILE gets mode 0600)", DisableDefaultText: true},
			rootFlag(),
			releaseFlag(),
		},
		Action: snapshot,
	}
}

func snapshot(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	dir, err := root(c)
	if err != nil {
		return err
	}
	rel, err := release(c)
	if err != nil {
		return err
	}
	if c.IsSet("output") && c.String("output") == "" {
		return usage(c, "--output needs a file name")
	}
	snap, _, err := collect(c.Context, request{root: dir, all: true, every: true, release: rel})
	if err != nil {
		return fmt.Errorf("looking at the machine: %w", err)
	}
	policy.FillPersistent(snap)
	withID := c.Bool("with-machine-id")
	if !c.IsSet("output") {
		return host.Save(c.App.Writer, snap, withID)
	}

	mode := fs.FileMode(0o644)
	if withID {
		mode = 0o600
	}
	// The mode is set before anything is written, and an existing file's
	// mode is not taken over: it may be wider than the machine-id allows.
	f, err := renameio.NewPendingFile(c.String("output"), renameio.WithPermissions(mode))
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err // the path is that of a temporary file
		}
		return fmt.Errorf("save snapshot: %s: %w", c.String("output"), err)
	}
	defer f.Cleanup()
	if err := host.Save(f, snap, withID); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	return nil
}
