package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
)

func explain(c *cli.Context) error {
	sel, err := newSelection(c)
	if err != nil {
		return err
	}
	switch len(sel.names) {
	case 0:
		return usage(c, "missing device (use a name such as bond0)")
	case 1:
	default:
		return usage(c, "too many devices: %d (explain takes one)", len(sel.names))
	}
	out, err := newOutput(c)
	if err != nil {
		return err
	}
	snap, tree, conf, err := lookAt(c, sel)
	if err != nil {
		return err
	}
	targets, tree, err := sel.prepare(snap, tree)
	if err != nil {
		return err
	}
	x := audit.Explain(snap, tree, targets[0], conf, sel.place(snap))
	out.AllFiles = c.Bool("all-files")
	show := func(w io.Writer) error { return out.format.Explanation(w, x, out.Options) }
	if err := out.write(c.App.Writer, show); err != nil {
		return fmt.Errorf("cannot write the explanation: %w", err)
	}
	return nil
}
