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

// overrideTargets reads the arguments and flags that name devices and kinds. Each flag is a
// list, with commas or repeated. --kind is the kind of the arguments, as with check, or
// without arguments every device of the kind.
func overrideTargets(c *cli.Context) ([]override.Target, error) {
	arguments := c.Args().Slice()
	kinds, err := kindsOfTargets(c, len(arguments) > 0)
	if err != nil {
		return nil, err
	}
	var out []override.Target
	for _, name := range arguments {
		if err := host.ValidName(name); err != nil {
			return nil, usage(c, "invalid device name %q: %w", name, err)
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

// targetsByFlags reads the flags that take names of devices.
func targetsByFlags(c *cli.Context) (out []override.Target, err error) {
	for _, f := range []struct{ flag, kind string }{{"bond", "bond"}, {"bridge", "bridge"}, {"team", "team"}, {"device", ""}} {
		given := names(c.StringSlice(f.flag))
		if c.IsSet(f.flag) && len(given) == 0 {
			return nil, usage(c, "--%s needs the name of a device", f.flag)
		}
		for _, name := range given {
			if err := host.ValidName(name); err != nil {
				return nil, usage(c, "invalid --%s %q: %w", f.flag, name, err)
			}
			out = append(out, override.Target{Kind: f.kind, Name: name})
		}
	}
	return out, nil
}

// kindsOfTargets reads --kind: one kind at most if devices are named.
func kindsOfTargets(c *cli.Context, named bool) ([]string, error) {
	kinds := list(c.StringSlice("kind"))
	for _, kind := range kinds {
		if kind == "" || strings.ContainsFunc(kind, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, usage(c, "invalid --kind %q (use a kind such as bond)", kind)
		}
	}
	switch {
	case c.IsSet("kind") && len(kinds) == 0:
		return nil, usage(c, "--kind needs a kind such as bond")
	case named && len(kinds) > 1:
		return nil, usage(c, "--kind has %d kinds, but a named device has one", len(kinds))
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
		return usage(c, "missing device (use a name such as bond0, or --kind)")
	}
	return carryOut(c, ts, change.Fix)
}

// undo removes overrides.
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

// undoConflicts refuses flags and targets that cannot be combined.
func undoConflicts(c *cli.Context, named bool) error {
	switch everything, interrupted := c.Bool("everything"), c.Bool("interrupted"); {
	case !named && !everything && !interrupted:
		return usage(c, "missing device (use a name such as bond0, --kind or --everything)")
	case named && everything:
		return usage(c, "--everything cannot be combined with a device or kind")
	case interrupted && (named || everything):
		return usage(c, "--interrupted cannot be combined with devices, kinds or --everything (each run does it first)")
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
		// A write to a closed pipe must fail, not end the process in the middle of a
		// change. Child processes inherit an ignored signal, but not a caught one.
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
		return fmt.Errorf("the change is made, but the report could not be written: %w", err)
	}
	return err
}

// changeFlags refuses flags that cannot be combined.
func changeFlags(c *cli.Context) error {
	switch {
	case c.Bool("check") && c.Bool("dry-run"):
		return usage(c, "--check and --dry-run cannot be combined")
	case c.Bool("yes") && !c.Bool("apply"):
		return usage(c, "--yes needs --apply")
	}
	return nil
}

// notForRoot refuses flags that cannot be combined with --root.
func notForRoot(c *cli.Context) error {
	switch {
	case c.IsSet("root") && c.Bool("apply"):
		return usage(c, "--apply and --root cannot be combined (an image has no devices)")
	case c.IsSet("root") && c.Bool("update-initramfs"):
		return usage(c, "--update-initramfs and --root cannot be combined (no program of an image is run)")
	}
	return nil
}

// changeOptions reads the flags of fix and undo. A flag that the command lacks is not set.
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
			images, _ := host.ReadInitramfs(ctx, dir) // includes unreadable ones
			return images
		},
		Collect: func(ctx context.Context) (*host.Snapshot, error) {
			snap, _, err := collect(ctx, request{root: dir, all: true, every: true, release: rel})
			if err != nil {
				return nil, cannotRead(dir, err)
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
