package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
	"linkaudit/linkfiles"
)

func check(c *cli.Context) error {
	sel, err := newSelection(c)
	if err != nil {
		return err
	}
	out, err := newFindingsOutput(c)
	if err != nil {
		return err
	}
	if c.IsSet("from") {
		return checkSnapshots(c, sel, out)
	}
	snap, tree, conf, err := lookAt(c, sel)
	if err != nil {
		return err
	}
	return auditAndShow(c.App.Writer, snap, tree, sel, conf, out)
}

// auditAndShow is the common part of check and example. tree is nil if the files of snap
// are not parsed yet.
func auditAndShow(w io.Writer, snap *host.Snapshot, tree *linkfiles.Tree, sel selection, conf audit.Site, out output) error {
	targets, tree, err := sel.prepare(snap, tree)
	if err != nil {
		return err
	}
	return show(w, audit.Check(snap, tree, sel.options(snap, targets, conf)), sel, conf, out)
}

// show shows one audit and returns its exit status as an error.
func show(w io.Writer, res *audit.Result, sel selection, conf audit.Site, out output) error {
	out.Selection = sel.String()
	out.Site = conf
	err := out.write(w, func(w io.Writer) error { return out.format.Audit(w, res, out.Options) })
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return found(report.Count(res), out)
}

// found turns the counts into the exit status.
func found(s report.Summary, out output) error {
	switch {
	case isPlugin(out.format) && s.Errors > 0:
		return errCritical
	case s.AtLeast(out.Threshold) > 0:
		return errFindings
	}
	return nil
}
