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
	if c.IsSet("root") && c.Bool("update-initramfs") {
		return usage(c, "--update-initramfs is for the running machine, not for --root: nothing in an image is run")
	}
	rel, err := release(c)
	if err != nil {
		return err
	}
	o := change.Options{
		Root: dir, Targets: ts, Plan: c.Bool("dry-run") || c.Bool("check"),
		NoReload: c.Bool("no-reload"), Force: c.Bool("force"), Live: c.Bool("apply"), Yes: c.Bool("yes"),
		UpdateInitramfs: c.Bool("update-initramfs"),
		ReadInitramfs:   func(ctx context.Context, snap *host.Snapshot) { readInitramfs(ctx, snap, dir) },
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
		if err == nil && (res.Changed || len(res.Live) > 0 || res.UpdatesInitramfs) {
			err = errFindings
		}
		return err
	}
	made := report.Change{Result: res, Undo: undo, DryRun: o.Plan}
	var unsaid error
	if out.format == "json" {
		unsaid = report.ChangeJSON(c.App.Writer, made)
	} else {
		unsaid = report.ChangeText(c.App.Writer, made, out.Options)
	}
	if unsaid != nil && res.Changed && !o.Plan {
		unsaid = fmt.Errorf("the change is made, but the report of it could not be written: %w", unsaid)
	}
	return errors.Join(err, unsaid)
}
