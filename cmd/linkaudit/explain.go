package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/report"
	"linkaudit/policy"
)

func explain(c *cli.Context) error {
	sel, err := newSelection(c)
	if err != nil {
		return err
	}
	switch len(sel.names) {
	case 0:
		return usage(c, "name the device to explain, such as bond0")
	case 1:
	default:
		return usage(c, "explain takes one device, but got %d", len(sel.names))
	}
	out, err := newFormat(c)
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
	x := policy.Explain(snap, tree, targets[0], conf, sel.place(snap))
	out.AllFiles = c.Bool("all-files")
	show := func(w io.Writer) error { return showExplanation(w, x, out) }
	if err := out.write(c.App.Writer, show); err != nil {
		return fmt.Errorf("writing the explanation: %w", err)
	}
	return nil
}

func showExplanation(w io.Writer, x *policy.Explanation, out output) error {
	switch out.format {
	case "json":
		return report.ExplainJSON(w, x)
	case "dot":
		return report.ExplainDOT(w, x, out.Options)
	case "mermaid":
		return report.ExplainMermaid(w, x, out.Options)
	}
	return report.ExplainText(w, x, out.Options)
}
