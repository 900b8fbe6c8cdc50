package main

import (
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
	"linkaudit/internal/report"
	"linkaudit/linkfiles"
)

func lint(c *cli.Context) error {
	out, err := newFindingsOutput(c)
	if err != nil {
		return err
	}
	if c.Args().Present() && c.IsSet("root") {
		return usage(c, "--root and FILE cannot be combined")
	}
	dir, rel, err := systemAsked(c)
	if err != nil {
		return err
	}
	conf, err := site(c, dir)
	if err != nil {
		return err
	}
	result, err := lintFiles(c, dir, rel, audit.Options{Site: conf})
	if err != nil {
		return err
	}
	out.Site, out.Time = conf, time.Now()
	err = out.write(c.App.Writer, func(w io.Writer) error { return out.format.Lint(w, result, out.Options) })
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return found(report.CountFindings(result.Findings), out)
}

// lintFiles checks the named files, or else those below dir.
func lintFiles(c *cli.Context, dir string, rel linkfiles.Release, o audit.Options) (report.Lint, error) {
	stores, rel, err := storesToLint(c, dir, rel)
	if err != nil {
		return report.Lint{}, err
	}
	result := report.Lint{Release: rel}
	for _, store := range stores {
		tree := linkfiles.Parse(store, rel)
		result.Files = append(result.Files, tree.Files...)
		result.Findings = append(result.Findings, audit.Lint(tree, o)...)
	}
	if len(result.Files)+len(result.Findings) == 0 {
		result.Findings = audit.LintNothing(o)
	}
	return result, nil
}

// storesToLint reads the files, and finds out the release if rel is 0.
func storesToLint(c *cli.Context, dir string, rel linkfiles.Release) ([]*linkfiles.Store, linkfiles.Release, error) {
	stores, err := storesNamed(c)
	if err != nil {
		return nil, 0, err
	}
	if rel != 0 && len(stores) > 0 {
		return stores, rel, nil
	}
	snap, err := collectFiles(c.Context, dir, rel)
	if err != nil {
		return nil, 0, cannotRead(dir, err)
	}
	if len(stores) == 0 {
		stores = append(stores, &snap.Files)
	}
	if rel == 0 {
		if rel, err = snap.Systemd.Needed(); err != nil {
			return nil, 0, err
		}
	}
	return stores, rel, nil
}

// storesNamed reads the files in the arguments.
func storesNamed(c *cli.Context) ([]*linkfiles.Store, error) {
	var stores []*linkfiles.Store
	for _, path := range c.Args().Slice() {
		store, err := linkfiles.ReadFile(path)
		if err != nil {
			return nil, err
		}
		stores = append(stores, store)
	}
	return stores, nil
}
