package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
	"linkaudit/internal/trace"
	"linkaudit/internal/watch"
)

// watchMemory is the memory limit of the garbage collector, in bytes.
const watchMemory = 32 << 20

func watchDevices(c *cli.Context) error {
	sel, err := newSelection(c)
	if err != nil {
		return err
	}
	out, err := newFindingsOutput(c)
	if err != nil {
		return err
	}
	conf, err := site(c, "/")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	if err := stopAfter(c, stop); err != nil {
		return err
	}
	log := &eventLog{out: out, w: c.App.Writer, begun: time.Now()}
	untilChange := c.Bool("until-change")
	if untilChange {
		log.changed = stop
	}
	end, err := log.alsoTo(c)
	if err != nil {
		return err
	}
	defer end()
	readerGone(c.App.Writer, stop)
	// A watch runs for long: memory matters more than the time to collect garbage.
	debug.SetMemoryLimit(watchMemory)

	if err := runWatch(ctx, c, sel, conf, log); err != nil {
		return err
	}
	if untilChange && log.changes == 0 && c.Context.Err() == nil {
		return errFindings
	}
	return nil
}

// stopAfter reads --for.
func stopAfter(c *cli.Context, stop func()) error {
	if !c.IsSet("for") {
		return nil
	}
	d, err := time.ParseDuration(c.String("for"))
	if err != nil || d <= 0 {
		return usage(c, "invalid --for %q (use a duration such as 90s or 1h30m)", c.String("for"))
	}
	time.AfterFunc(d, stop)
	return nil
}

// alsoTo records events and runs a program for them, as --record and --exec ask, until end
// is called.
func (l *eventLog) alsoTo(c *cli.Context) (end func(), err error) {
	end = func() {}
	if c.IsSet("record") {
		f, err := os.OpenFile(c.String("record"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, fmt.Errorf("invalid --record %q: %w", c.String("record"), withoutPath(err))
		}
		l.record, end = f, func() { f.Close() }
	}
	if c.IsSet("exec") {
		program := c.String("exec")
		if program == "" {
			end()
			return nil, usage(c, "--exec needs a program")
		}
		l.hook = watch.NewHook(watch.HookOptions{
			Program: program, Encode: report.WriteEvent, Output: c.App.ErrWriter,
			Say: func(what string) {
				fmt.Fprintf(c.App.ErrWriter, "linkaudit: --exec %s: %s\n", report.Escape(program), report.Escape(what))
			},
		})
		closeRecord := end
		end = func() {
			l.hook.Close()
			closeRecord()
		}
	}
	return end, nil
}

// runWatch passes what happens to the log until ctx ends.
func runWatch(ctx context.Context, c *cli.Context, sel selection, conf audit.Site, log *eventLog) error {
	notices, err := host.Subscribe()
	if err != nil {
		return err
	}
	defer notices.Close()
	opt := watch.Options{
		Source: notices,
		Wanted: sel.wants(conf),
		Audit: func(ctx context.Context, names []string) (*audit.Result, error) {
			return auditNames(ctx, names, conf)
		},
		Emit: log.emit,
	}
	how := "deduced, as --no-trace asks"
	if !c.Bool("no-trace") {
		var end func()
		if how, end, err = traced(&opt, c.Bool("stack")); err != nil {
			return err
		}
		defer end()
	}
	err = watch.Run(ctx, opt, func(devices int) {
		log.say(watch.Started, fmt.Sprintf("watching %s: %d so far; who sets an address is %s", sel.watched(), devices, how))
	})
	if err == nil {
		err = log.failed
	}
	if err != nil {
		return fmt.Errorf("cannot watch: %w", err)
	}
	return log.end()
}

// traced passes calls in the kernel to the watch, if they can be traced. how says how it is
// known who set an address.
func traced(opt *watch.Options, stack bool) (how string, end func(), err error) {
	ns, err := host.NetworkNamespace()
	if err != nil {
		return "", nil, err
	}
	tracer, err := trace.Open(trace.Options{Stack: stack, NetNS: ns})
	if missing, ok := errors.AsType[*trace.Unavailable](err); ok {
		return "deduced: " + missing.Error(), func() {}, nil
	}
	if err != nil {
		return "", nil, err
	}
	calls := make(chan trace.Call, 256)
	done := make(chan struct{})
	go passCalls(tracer, calls, done)
	opt.Calls, opt.LostCalls = calls, tracer.Lost
	return "seen in the kernel (" + strings.Join(tracer.Attached(), ", ") + ")", func() { close(done); tracer.Close() }, nil
}

// passCalls passes on the traced calls until the tracer is closed or done.
func passCalls(tracer *trace.Tracer, calls chan<- trace.Call, done <-chan struct{}) {
	for {
		call, err := tracer.Read()
		if err != nil {
			return
		}
		select {
		case calls <- call:
		case <-done:
			return
		}
	}
}

// auditNames audits the existing devices of these names.
func auditNames(ctx context.Context, names []string, conf audit.Site) (*audit.Result, error) {
	snap, tree, err := collect(ctx, request{root: "/", names: names})
	if err != nil {
		return nil, err
	}
	if tree, err = treeOf(snap, tree); err != nil {
		return nil, err
	}
	var targets []audit.Target
	for _, name := range names {
		if d := snap.Device(name); d != nil {
			targets = append(targets, audit.Target{Name: d.Name, Kind: d.Kind})
		}
	}
	if len(targets) == 0 {
		return &audit.Result{}, nil
	}
	return audit.Check(snap, tree, audit.Options{Targets: targets, Site: conf}), nil
}

// wants returns whether the command line asks for a device.
func (sel selection) wants(conf audit.Site) func(name, kind string) bool {
	if len(sel.names) > 0 {
		return func(name, _ string) bool { return slices.Contains(sel.names, name) }
	}
	o := sel.options(nil, nil, conf)
	return o.Chooses
}

// watched names the watched devices, for the first line.
func (sel selection) watched() string {
	if len(sel.names) > 0 {
		return strings.Join(sel.names, ", ")
	}
	return sel.String()
}

// eventLog shows, records and counts the events of a watch, and runs a program for them.
type eventLog struct {
	out    output
	w      io.Writer
	record io.Writer
	hook   *watch.Hook
	// changed is called at the first change, if not nil.
	changed func()

	begun                                  time.Time
	changes, devices, found, ended, losses int
	failed                                 error
}

func (l *eventLog) emit(e *watch.Event) error {
	if e.Finding != nil && !e.Finding.Severity.AtLeast(l.out.Threshold) {
		return nil
	}
	switch e.Kind {
	case watch.Created, watch.Changed, watch.Deleted:
		l.takeChange(e)
	case watch.Found:
		l.found++
	case watch.Ended:
		l.ended++
	case watch.Lost:
		l.losses++
	}
	if l.record != nil {
		if err := report.WriteEvent(l.record, e); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
	}
	return l.out.format.Event(l.w, e, l.out.Options)
}

// takeChange counts the change of a device and does what each change needs.
func (l *eventLog) takeChange(e *watch.Event) {
	l.changes++
	if e.First {
		l.devices++
	}
	if l.hook != nil {
		l.hook.Add(e)
	}
	if l.changed != nil {
		l.changed()
	}
}

// say is for the first and the last line.
func (l *eventLog) say(kind, text string) {
	if err := l.emit(&watch.Event{Time: time.Now(), Kind: kind, Text: text}); err != nil && l.failed == nil {
		l.failed = err
	}
}

func (l *eventLog) end() error {
	lost := "nothing was lost"
	if l.losses > 0 {
		lost = fmt.Sprintf("messages were lost %s", times(l.losses))
	}
	l.say(watch.Stopped, fmt.Sprintf("%s of %s in %v; %s came, %d went; %s",
		report.Number(l.changes, "change"), report.Number(l.devices, "device"), time.Since(l.begun).Round(time.Millisecond), report.Number(l.found, "finding"), l.ended, lost))
	return l.failed
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
