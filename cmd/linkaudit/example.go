package main

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/host"
)

// exampleHost is a snapshot of Debian 11, systemd 247, right after boot: a bond with an
// address that udev derived from the machine ID.
//
//go:embed example.json
var exampleHost []byte

// example audits the bundled host.
func example(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	out, err := newFindingsOutput(c)
	if err != nil {
		return err
	}
	snap, err := host.Load(bytes.NewReader(exampleHost))
	if err != nil {
		return fmt.Errorf("the bundled snapshot: %w", err)
	}
	return auditAndShow(c.App.Writer, snap, nil, selection{saved: true}, nil, out)
}
