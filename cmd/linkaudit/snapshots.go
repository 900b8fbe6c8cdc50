package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
	"linkaudit/internal/fleet"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
)

// errUnread is for snapshots that could not be audited; each was reported already.
var errUnread = errors.New("some snapshots could not be audited")

// snapshotFiles are the files of --from, and arguments that look like files, because a shell
// expands --from *.json to such arguments. The other arguments are devices.
func snapshotFiles(c *cli.Context) (files, devices []string) {
	files = c.StringSlice("from")
	for _, arg := range c.Args().Slice() {
		switch filepath.Ext(arg) {
		case ".json", ".ndjson", ".jsonl":
			files = append(files, arg)
		default:
			if strings.Contains(arg, "/") {
				files = append(files, arg)
				continue
			}
			devices = append(devices, arg)
		}
	}
	return files, devices
}

// snapshotAudit is one snapshot on its way through checkSnapshots.
type snapshotAudit struct {
	source string // the file, and the line if it is not the first
	raw    []byte
	err    error // names the file if reading failed or if there are several

	done  chan struct{} // closed once res and shown are set
	res   *audit.Result
	shown []byte // its part of the report, if there are several
}

// checkSnapshots audits all snapshots of all files, on all processors and in order. Memory
// use does not depend on their number. A single one is shown like this machine; several are
// shown one after the other, and then compared.
func checkSnapshots(c *cli.Context, sel selection, out output) error {
	if err := uniqueFiles(c, sel.files); err != nil {
		return err
	}
	as, err := newPretence(c)
	if err != nil {
		return err
	}
	conf, err := site(c, as.root)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	audits := readSnapshots(ctx, sel.files, c.App.Reader)
	first, ok := <-audits
	if !ok {
		return c.Context.Err()
	}
	second, several := <-audits
	if !several && len(sel.files) == 1 {
		if first.err == nil {
			first.audit(sel, as, conf, false)
		}
		if first.err != nil {
			return first.err
		}
		return show(c.App.Writer, first.res, sel, conf, out)
	}
	f := fleetCheck{sel: sel, as: as, conf: conf, out: out, errs: c.App.ErrWriter}
	return f.checkHosts(ctx, c, precededBy(audits, first, second))
}

// checkHosts audits several hosts and returns the exit status as an error. ctx ends with
// that of the command.
func (f *fleetCheck) checkHosts(ctx context.Context, c *cli.Context, audits iter.Seq[*snapshotAudit]) error {
	if !f.out.format.SeveralHosts() {
		return usage(c, "--format %s works for one host only (use %s)", f.out.format.Name, either(formatsOfSeveral()))
	}
	f.gathered = fleet.New()
	defer f.gathered.Close()
	err := f.out.write(c.App.Writer, func(w io.Writer) error { return f.auditAll(ctx, w, audits) })
	switch {
	case c.Context.Err() != nil:
		return c.Context.Err()
	case err != nil:
		return fmt.Errorf("cannot write the report: %w", err)
	case f.failed > 0:
		return errUnread
	}
	return found(f.report.Total(), f.out)
}

// formatsOfSeveral are the names of the formats that can show several hosts.
func formatsOfSeveral() (names []string) {
	for i := range report.Formats {
		if f := &report.Formats[i]; f.SeveralHosts() {
			names = append(names, f.Name)
		}
	}
	return names
}

func uniqueFiles(c *cli.Context, files []string) error {
	for i, file := range files {
		if file == "" {
			return usage(c, "--from needs a file, or - for standard input")
		}
		if slices.Contains(files[:i], file) {
			return usage(c, "--from %q is given twice", file)
		}
	}
	return nil
}

// readSnapshots sends the snapshots of all files and then closes the channel. A file that
// cannot be read is sent as an error; the next one follows.
func readSnapshots(ctx context.Context, files []string, stdin io.Reader) <-chan *snapshotAudit {
	audits := make(chan *snapshotAudit)
	send := func(s *snapshotAudit) error {
		s.done = make(chan struct{})
		select {
		case audits <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go func() {
		defer close(audits)
		for _, file := range files {
			err := eachDocument(file, stdin, func(source string, raw []byte) error {
				return send(&snapshotAudit{source: source, raw: raw})
			})
			if err != nil && send(&snapshotAudit{err: err}) != nil {
				return
			}
		}
	}()
	return audits
}

// eachDocument reads the snapshots of a file. A source is the file, and the line if it is
// not the first.
func eachDocument(file string, stdin io.Reader, yield func(source string, raw []byte) error) error {
	in, name, err := openSnapshots(file, stdin)
	if err != nil {
		return err
	}
	defer in.Close()
	none := true
	err = host.Documents(in, func(line int, raw []byte) error {
		none = false
		if line == 1 {
			return yield(name, raw)
		}
		return yield(fmt.Sprintf("%s:%d", name, line), raw)
	})
	if err == nil && none {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return fmt.Errorf("%s: invalid snapshot: %w", name, err)
	}
	return nil
}

// openSnapshots opens a file of --from, "-" for standard input, and returns its name for
// messages.
func openSnapshots(file string, stdin io.Reader) (in io.ReadCloser, name string, err error) {
	if file == "-" {
		return io.NopCloser(stdin), "standard input", nil
	}
	if in, err = os.Open(file); err != nil {
		return nil, "", fmt.Errorf("cannot read the snapshot: %w", err)
	}
	return in, file, nil
}

// audit audits a snapshot. If there are several, devices that a host lacks are left out.
func (s *snapshotAudit) audit(sel selection, as pretence, conf audit.Site, several bool) {
	snap, err := host.Parse(s.raw)
	s.raw = nil
	if err != nil {
		s.err = fmt.Errorf("%s: invalid snapshot: %w", s.source, err)
		return
	}
	snap = as.of(snap)
	if several && len(sel.kinds) == 0 && len(sel.names) > 0 {
		if sel.names = namesThere(snap, sel.names); len(sel.names) == 0 {
			s.res = &audit.Result{Snapshot: snap}
			return
		}
	}
	targets, tree, err := sel.prepare(snap, nil)
	if err != nil {
		if s.err = err; several {
			s.err = fmt.Errorf("%s: %w", s.source, err)
		}
		return
	}
	s.res = audit.Check(snap, tree, sel.options(snap, targets, conf))
}

// namesThere are the names of devices that exist or are declared.
func namesThere(snap *host.Snapshot, names []string) []string {
	declared := audit.FutureTargets(snap, nil)
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return snap.Device(name) == nil && !slices.ContainsFunc(declared, func(t audit.Target) bool { return t.Name == name })
	})
}

// fleetCheck is the audit of several hosts.
type fleetCheck struct {
	sel  selection
	as   pretence
	conf audit.Site
	out  output
	errs io.Writer

	gathered *fleet.Fleet
	report   *report.FleetReport
	failed   int
}

// auditAll audits on all processors, because audits take most of the time: 100,000 snapshots
// took 23 s with two workers on two processors, and 42 s with one.
func (f *fleetCheck) auditAll(ctx context.Context, w io.Writer, audits iter.Seq[*snapshotAudit]) error {
	f.report = f.out.format.NewFleet(w, f.out.Options)
	workers := runtime.GOMAXPROCS(0)
	todo := make(chan *snapshotAudit)
	inOrder := make(chan *snapshotAudit, 4*workers)
	go func() {
		defer close(todo)
		defer close(inOrder)
		for s := range audits {
			if !pass(ctx, s, inOrder) || !pass(ctx, s, todo) {
				return
			}
		}
	}()
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for s := range todo {
				f.work(s)
				close(s.done)
			}
		})
	}
	defer working.Wait()
	if err := f.writeAll(ctx, w, inOrder); err != nil {
		return err
	}
	if err := f.gathered.Findings(f.conf, f.report.Finding); err != nil {
		return err
	}
	return f.report.End(f.failed)
}

// writeAll writes the audits in order, each when it is done.
func (f *fleetCheck) writeAll(ctx context.Context, w io.Writer, inOrder <-chan *snapshotAudit) error {
	for s := range inOrder {
		select {
		case <-s.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := f.write(w, s); err != nil {
			return err
		}
	}
	return nil
}

// precededBy yields the audits received so far, without nil ones, and then the others.
func precededBy(rest <-chan *snapshotAudit, received ...*snapshotAudit) iter.Seq[*snapshotAudit] {
	return func(yield func(*snapshotAudit) bool) {
		for _, s := range received {
			if s != nil && !yield(s) {
				return
			}
		}
		for s := range rest {
			if !yield(s) {
				return
			}
		}
	}
}

// pass sends s, and reports whether that was before ctx ended.
func pass(ctx context.Context, s *snapshotAudit, to chan<- *snapshotAudit) bool {
	select {
	case to <- s:
		return true
	case <-ctx.Done():
		return false
	}
}

// write writes an audit that is done, and counts it.
func (f *fleetCheck) write(w io.Writer, s *snapshotAudit) error {
	if s.err != nil {
		f.failed++
		fmt.Fprintf(f.errs, "linkaudit: %s\n", report.Escape(s.err.Error()))
		return nil
	}
	f.report.Add(report.Count(s.res))
	_, err := w.Write(s.shown)
	return err
}

// work does what one host needs without the others. An internal error counts only for this
// host.
func (f *fleetCheck) work(s *snapshotAudit) {
	defer func() {
		if p := recover(); p != nil {
			s.err = fmt.Errorf("%s: internal error: %v", s.source, p)
			if os.Getenv(traceVariable) != "" {
				f.errs.Write(debug.Stack())
			}
		}
	}()
	if s.err != nil {
		return
	}
	s.audit(f.sel, f.as, f.conf, true)
	if s.err != nil {
		return
	}
	if s.err = f.gathered.Add(s.source, s.res); s.err != nil {
		return
	}
	s.shown, s.err = f.report.HostPart(s.source, s.res)
}
