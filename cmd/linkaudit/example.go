package main

import (
	"bytes"
	"fmt"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/host"
	"linkaudit/testdata/hosts"
)

// example audits a host that is bundled with the program.
func example(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	out, err := newOutput(c)
	if err != nil {
		return err
	}
	snap, err := host.Load(bytes.NewReader(hosts.Debian11))
	if err != nil {
		return fmt.Errorf("the bundled snapshot: %w", err)
	}
	return auditAndShow(c.App.Writer, snap, nil, selection{saved: true}, nil, out)
}
