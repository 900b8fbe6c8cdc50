package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"linkaudit/override"
	"linkaudit/policy"
	"linkaudit/report"
)

func explainCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringSliceFlag{Name: "kind", Usage: "the `KIND` of a device that need not exist yet"},
		rootFlag(),
		&cli.StringFlag{Name: "from", Usage: "explain the snapshot in `FILE`, - for standard input", TakesFile: true},
		releaseFlag(),
		&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT`: text, json, dot or mermaid"},
		&cli.BoolFlag{Name: "all-files", Usage: "list each .link file, however many", DisableDefaultText: true},
		&cli.StringFlag{Name: "color", Value: "auto", Usage: "colour `WHEN`: auto, always or never"},
	}
	flags = append(flags, configFlags()...)
	return &cli.Command{
		Name:      "explain",
		Usage:     "say for one device why it has its address, file by file",
		ArgsUsage: "DEVICE",
		Description: "The whole reasoning: each .link file and why it does or does not apply, the\n" +
			"settings in force, who gave the address, what becomes of it, what to do.\n" +
			"A picture for a ticket: linkaudit explain bond0 --format dot | dot -Tsvg\n\n" +
			"Exit status: 0 explained, whatever was found; 2 could not explain.",
		Flags:  flags,
		Action: explain,
	}
}

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
	x := policy.Explain(snap, tree, targets[0], conf)
	if x.Fix != "" && c.IsSet("root") {
		x.Fix += " --root " + override.ShellWord(c.String("root"))
	}
	out.AllFiles = c.Bool("all-files")
	if err := showExplanation(c.App.Writer, x, c.String("format"), out.Options); err != nil {
		return fmt.Errorf("writing the explanation: %w", err)
	}
	return nil
}

func showExplanation(w io.Writer, x *policy.Explanation, format string, o report.Options) error {
	switch format {
	case "json":
		return report.ExplainJSON(w, x)
	case "dot":
		return report.ExplainDOT(w, x, o)
	case "mermaid":
		return report.ExplainMermaid(w, x, o)
	}
	return report.ExplainText(w, x, o)
}
