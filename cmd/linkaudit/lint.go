package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/report"
)

func lintCommand() *cli.Command {
	flags := []cli.Flag{rootFlag(), releaseFlag()}
	flags = append(flags, outputFlags()...)
	flags = append(flags, configFlags()...)
	return &cli.Command{
		Name:      "lint",
		Usage:     "say what is wrong with .link files, whatever the devices",
		ArgsUsage: "[FILE...]",
		Description: "Without FILE, all .link files and drop-ins where udevd looks for them; with\n" +
			"FILE, that file and the drop-ins in FILE.d next to it.\n\n" +
			"Exit status: 0 nothing found at or above --severity, 1 findings,\n" +
			"2 could not read the files.",
		Flags:  flags,
		Action: lint,
	}
}

func lint(c *cli.Context) error {
	out, err := newOutput(c)
	if err != nil {
		return err
	}
	if c.Args().Present() && c.IsSet("root") {
		return usage(c, "--root and FILE exclude each other")
	}
	dir, err := root(c)
	if err != nil {
		return err
	}
	rel, err := release(c)
	if err != nil {
		return err
	}
	conf, err := site(c, dir)
	if err != nil {
		return err
	}

	var stores []*linkfiles.Store
	for _, path := range c.Args().Slice() {
		store, err := linkfiles.ReadFile(path)
		if err != nil {
			return err
		}
		stores = append(stores, store)
	}
	if rel == 0 || len(stores) == 0 {
		snap, _, err := collect(c.Context, request{root: dir, files: true, release: rel})
		if err != nil {
			return fmt.Errorf("looking at the machine: %w", err)
		}
		if len(stores) == 0 {
			stores = append(stores, &snap.Files)
		}
		if rel == 0 {
			if rel, err = snap.Systemd.Needed(); err != nil {
				return err
			}
		}
	}

	result := report.Lint{Release: rel}
	for _, store := range stores {
		tree := linkfiles.Parse(store, rel)
		findings := policy.Lint(tree, policy.Options{Site: conf})
		result.Files = append(result.Files, tree.Files...)
		result.Findings = append(result.Findings, findings...)
	}
	if out.json {
		err = report.LintJSON(c.App.Writer, result)
	} else {
		err = report.LintText(c.App.Writer, result, out.Options)
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return found(report.CountFindings(result.Findings), out)
}
