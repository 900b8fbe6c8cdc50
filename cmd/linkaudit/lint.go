package main

import (
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/report"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

func lint(c *cli.Context) error {
	out, err := newFindingsOutput(c)
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
	if len(result.Files)+len(result.Findings) == 0 {
		result.Findings = policy.LintNothing(policy.Options{Site: conf})
	}
	out.Site, out.Time = conf, time.Now()
	err = out.write(c.App.Writer, func(w io.Writer) error { return out.format.Lint(w, result, out.Options) })
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return found(report.CountFindings(result.Findings), out)
}
