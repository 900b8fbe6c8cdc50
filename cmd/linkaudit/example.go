package main

import (
	"bytes"
	"fmt"

	"github.com/urfave/cli/v2"

	"linkaudit/host"
	"linkaudit/testdata/hosts"
)

func exampleCommand() *cli.Command {
	return &cli.Command{
		Name:  "example",
		Usage: "audit a bundled host, to see what a finding looks like",
		Description: "The host runs Debian 11 and has a bond whose address udev made up. Nothing\n" +
			"of this machine is looked at.",
		Flags: outputFlags(),
		Action: func(c *cli.Context) error {
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
			return auditAndShow(c.App.Writer, snap, nil, selection{}, nil, out)
		},
	}
}
