package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/change"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/override"
	"linkaudit/internal/report"
)

// overrideTargets reads the arguments and flags that name devices and kinds: each flag is a list,
// by commas or repeated. --kind is the kind of the arguments where there are some, as with
// check, and otherwise stands for every device of the kind.
func overrideTargets(c *cli.Context) ([]override.Target, error) {
	arguments := c.Args().Slice()
	kinds, err := kindsOfTargets(c, len(arguments) > 0)
	if err != nil {
		return nil, err
	}
	var out []override.Target
	for _, name := range arguments {
		if err := host.ValidName(name); err != nil {
			return nil, usage(c, "%q cannot be a network device: %w", name, err)
		}
		out = append(out, override.Target{Kind: strings.Join(kinds, ""), Name: name})
	}
	byFlags, err := targetsByFlags(c)
	if err != nil {
		return nil, err
	}
	out = append(out, byFlags...)
	if len(arguments) == 0 {
		for _, kind := range kinds {
			out = append(out, override.Target{Kind: kind})
		}
	}
	return out, nil
}

// targetsByFlags reads the flags that each are for the names of devices.
func targetsByFlags(c *cli.Context) (out []override.Target, err error) {
	for _, f := range []struct{ flag, kind string }{{"bond", "bond"}, {"bridge", "bridge"}, {"team", "team"}, {"device", ""}} {
		given := names(c.StringSlice(f.flag))
		if c.IsSet(f.flag) && len(given) == 0 {
			return nil, usage(c, "--%s needs the name of a device", f.flag)
		}
		for _, name := range given {
			if err := host.ValidName(name); err != nil {
				return nil, usage(c, "--%s %q cannot be a network device: %w", f.flag, name, err)
			}
			out = append(out, override.Target{Kind: f.kind, Name: name})
		}
	}
	return out, nil
}

// kindsOfTargets reads --kind, which has one kind at most where devices are named.
func kindsOfTargets(c *cli.Context, named bool) ([]string, error) {
	kinds := list(c.StringSlice("kind"))
	for _, kind := range kinds {
		if kind == "" || strings.ContainsFunc(kind, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, usage(c, "--kind %q is no kind of device, such as bond", kind)
		}
	}
	switch {
	case c.IsSet("kind") && len(kinds) == 0:
		return nil, usage(c, "--kind needs a kind, such as bond")
	case named && len(kinds) > 1:
		return nil, usage(c, "a device has one kind, but --kind names %d", len(kinds))
	}
	return kinds, nil
}

// fix writes overrides.
func fix(c *cli.Context) error {
	ts, err := overrideTargets(c)
	if err != nil {
		return err
	}
	if len(ts) == 0 {
		return usage(c, "name the device to fix, such as bond0, or every device of a kind with --kind")
	}
	return carryOut(c, ts, change.Fix)
}

// undo takes overrides back.
func undo(c *cli.Context) error {
	ts, err := overrideTargets(c)
	if err != nil {
		return err
	}
	if err := undoConflicts(c, len(ts) > 0); err != nil {
		return err
	}
	return carryOut(c, ts, change.TakeBack)
}

// undoConflicts refuses flags and targets that do not go together.
func undoConflicts(c *cli.Context, named bool) error {
	switch everything, interrupted := c.Bool("everything"), c.Bool("interrupted"); {
	case !named && !everything && !interrupted:
		return usage(c, "name the device, such as bond0, a kind with --kind, or --everything")
	case named && everything:
		return usage(c, "--everything and the name of a device or kind exclude each other")
	case interrupted && (named || everything):
		return usage(c, "--interrupted goes alone: whatever else is asked for, it is done first")
	}
	return nil
}

// carryOut makes a change, or plans it, and reports it.
func carryOut(c *cli.Context, ts []override.Target, do func(context.Context, change.Options) (*change.Result, error)) error {
	if err := changeFlags(c); err != nil {
		return err
	}
	out, err := newOutput(c)
	if err != nil {
		return err
	}
	o, err := changeOptions(c, ts)
	if err != nil {
		return err
	}
	if !o.Plan {
		// A write to a pipe that nobody reads any more fails, and does not end the
		// process between a change and what belongs to it. Unlike one that is
		// ignored, a signal that is caught is not inherited.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	res, err := do(c.Context, o)
	switch {
	case res == nil:
		return err
	case c.Bool("check"):
		if err == nil && changesSomething(res) {
			return errFindings
		}
		return err
	}
	return errors.Join(err, showChange(c, out, report.Change{Result: res, Undo: c.Command.Name == "undo", DryRun: o.Plan}))
}

func changesSomething(res *change.Result) bool {
	return res.Changed || len(res.Live) > 0 || res.UpdatesInitramfs
}

func showChange(c *cli.Context, out output, made report.Change) error {
	err := out.format.Change(c.App.Writer, made, out.Options)
	if err != nil && made.Result.Changed && !made.DryRun {
		return fmt.Errorf("the change is made, but the report of it could not be written: %w", err)
	}
	return err
}

// changeFlags refuses flags that do not go together.
func changeFlags(c *cli.Context) error {
	switch {
	case c.Bool("check") && c.Bool("dry-run"):
		return usage(c, "--check and --dry-run exclude each other")
	case c.Bool("yes") && !c.Bool("apply"):
		return usage(c, "--yes goes with --apply")
	}
	return nil
}

// notForRoot refuses what does not go together with --root.
func notForRoot(c *cli.Context) error {
	switch {
	case c.IsSet("root") && c.Bool("apply"):
		return usage(c, "--apply is for the running machine, not for --root")
	case c.IsSet("root") && c.Bool("update-initramfs"):
		return usage(c, "--update-initramfs is for the running machine, not for --root: nothing in an image is run")
	}
	return nil
}

// changeOptions reads the flags that fix and undo have in common; one that the command
// does not have is not set.
func changeOptions(c *cli.Context, ts []override.Target) (change.Options, error) {
	dir, err := root(c)
	if err != nil {
		return change.Options{}, err
	}
	if err := notForRoot(c); err != nil {
		return change.Options{}, err
	}
	rel, err := release(c)
	if err != nil {
		return change.Options{}, err
	}
	return change.Options{
		Root: dir, Release: rel, Targets: ts, Plan: c.Bool("dry-run") || c.Bool("check"),
		Interrupted: c.Bool("interrupted"), NoReload: c.Bool("no-reload"), Force: c.Bool("force"), Live: c.Bool("apply"), Yes: c.Bool("yes"),
		UpdateInitramfs: c.Bool("update-initramfs"),
		ReadInitramfs: func(ctx context.Context) []initramfs.Image {
			images, _ := host.ReadInitramfs(ctx, dir) // one that cannot be read is among them
			return images
		},
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
	}, nil
}
