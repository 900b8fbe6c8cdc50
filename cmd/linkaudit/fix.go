package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"linkaudit/change"
	"linkaudit/host"
	"linkaudit/override"
	"linkaudit/report"
)

func fixCommand() *cli.Command {
	flags := append(targetFlags(), changeFlags()...)
	flags = append(flags,
		&cli.BoolFlag{Name: "apply", Usage: "set the address of devices that exist, too", DisableDefaultText: true},
		&cli.BoolFlag{Name: "yes", Usage: "with --apply: also where that disturbs traffic", DisableDefaultText: true},
	)
	return &cli.Command{
		Name:  "fix",
		Usage: "put MACAddressPolicy=none in force for a device or kind",
		Description: "Writes the smallest override: a drop-in where the file in force is for the\n" +
			"device alone, and otherwise a file of its own in /etc/systemd/network that\n" +
			"keeps all other settings. Then udevd reloads, and it is verified that the\n" +
			"override is in force; if it is not, everything is taken back.\n\n" +
			"A device that does not exist yet is fine:\n" +
			"   linkaudit fix --bond bond0\n\n" +
			"Exit status: 0 done or nothing to do, 1 with --check if something would be\n" +
			"changed, 2 failed and nothing is changed.",
		Flags: flags,
		Action: func(c *cli.Context) error {
			return runChange(c, false)
		},
	}
}

func undoCommand() *cli.Command {
	return &cli.Command{
		Name:  "undo",
		Usage: "take back what fix wrote",
		Description: "Removes the overrides of the devices and kinds named, or with --everything\n" +
			"all that fix ever wrote. One that was edited since stays, unless --force is\n" +
			"given.\n\n" +
			"Exit status: 0 done or nothing to do, 1 with --check if something would be\n" +
			"changed, 2 failed and nothing is changed.",
		Flags: append(append(targetFlags(),
			&cli.BoolFlag{Name: "everything", Usage: "all overrides that fix wrote", DisableDefaultText: true}),
			changeFlags()...),
		Action: func(c *cli.Context) error {
			return runChange(c, true)
		},
	}
}

func targetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "bond", Usage: "the bond `NAME` (repeatable)"},
		&cli.StringSliceFlag{Name: "bridge", Usage: "the bridge `NAME` (repeatable)"},
		&cli.StringSliceFlag{Name: "device", Usage: "the device `NAME`, of any kind (repeatable)"},
		&cli.StringSliceFlag{Name: "kind", Usage: "every device of `KIND` (repeatable)"},
	}
}

func changeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "show the plan and a diff, change nothing", DisableDefaultText: true},
		&cli.BoolFlag{Name: "check", Usage: "say by exit status 1 that something would change", DisableDefaultText: true},
		rootFlag(),
		releaseFlag(),
		&cli.BoolFlag{Name: "no-reload", Usage: "do not have udevd reload", DisableDefaultText: true},
		&cli.BoolFlag{Name: "force", Usage: "also where somebody edited the override", DisableDefaultText: true},
		&cli.StringFlag{Name: "format", Value: "text", Usage: "print `FORMAT`: text or json"},
		&cli.StringFlag{Name: "color", Value: "auto", Usage: "colour `WHEN`: auto, always or never"},
	}
}

// targets reads the flags that name devices and kinds.
func targets(c *cli.Context) ([]override.Target, error) {
	var out []override.Target
	for _, f := range []struct{ flag, kind string }{{"bond", "bond"}, {"bridge", "bridge"}, {"device", ""}} {
		for _, name := range c.StringSlice(f.flag) {
			if err := validName(name); err != nil {
				return nil, usage(c, "--%s %q cannot be a network device: %w", f.flag, name, err)
			}
			out = append(out, override.Target{Kind: f.kind, Name: name})
		}
	}
	for _, kind := range c.StringSlice("kind") {
		if kind == "" || strings.ContainsFunc(kind, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, usage(c, "--kind %q is no kind of device, such as bond", kind)
		}
		out = append(out, override.Target{Kind: kind})
	}
	return out, nil
}

func runChange(c *cli.Context, undo bool) error {
	if err := noArgs(c); err != nil {
		return err
	}
	ts, err := targets(c)
	if err != nil {
		return err
	}
	switch {
	case !undo && len(ts) == 0:
		return usage(c, "name what to fix: --bond, --bridge, --device or --kind")
	case undo && len(ts) == 0 && !c.Bool("everything"):
		return usage(c, "name what to undo: --bond, --bridge, --device, --kind, or --everything")
	case undo && len(ts) > 0 && c.Bool("everything"):
		return usage(c, "--everything and the name of a device or kind exclude each other")
	case c.Bool("check") && c.Bool("dry-run"):
		return usage(c, "--check and --dry-run exclude each other")
	case c.Bool("yes") && !c.Bool("apply"):
		return usage(c, "--yes goes with --apply")
	}
	out, err := newFormat(c)
	if err != nil {
		return err
	}
	dir, err := root(c)
	if err != nil {
		return err
	}
	if c.IsSet("root") && c.Bool("apply") {
		return usage(c, "--apply is for the running machine, not for --root")
	}
	rel, err := release(c)
	if err != nil {
		return err
	}
	o := change.Options{
		Root: dir, Targets: ts, Plan: c.Bool("dry-run") || c.Bool("check"),
		NoReload: c.Bool("no-reload"), Force: c.Bool("force"), Live: c.Bool("apply"), Yes: c.Bool("yes"),
		Collect: func(ctx context.Context) (*host.Snapshot, error) {
			snap, _, err := collect(ctx, request{root: dir, all: true, every: true, release: rel})
			if err != nil {
				return nil, fmt.Errorf("looking at the machine: %w", err)
			}
			return snap, nil
		},
		Say: func(line string) {
			if !c.Bool("check") {
				fmt.Fprintf(c.App.ErrWriter, "linkaudit: %s\n", report.Escape(line))
			}
		},
	}
	do := change.Fix
	if undo {
		do = change.TakeBack
	}
	res, err := do(c.Context, o)
	if res == nil {
		return err
	}
	if c.Bool("check") {
		if err == nil && res.Changed {
			err = errFindings
		}
		return err
	}
	made := report.Change{Result: res, Undo: undo, DryRun: o.Plan}
	var unsaid error
	if out.json {
		unsaid = report.ChangeJSON(c.App.Writer, made)
	} else {
		unsaid = report.ChangeText(c.App.Writer, made, out.Options)
	}
	if unsaid != nil && res.Changed && !o.Plan {
		unsaid = fmt.Errorf("the change is made, but the report of it could not be written: %w", unsaid)
	}
	return errors.Join(err, unsaid)
}
