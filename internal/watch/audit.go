package watch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
)

// outcome is an audit of a device beside what was known before.
type outcome struct {
	device *device
	result *audit.DeviceResult
	// first: it is the first audit of the device.
	first bool
	// was is the device before the audit.
	was device
}

// look audits the devices that something happened to.
func (w *watcher) look(ctx context.Context) (map[int]*outcome, error) {
	byName := map[string]*device{}
	for index := range w.audit {
		if d := w.devices[index]; d != nil && d.wanted {
			byName[d.Name] = d
		}
	}
	if len(byName) == 0 {
		return nil, nil
	}
	res, err := w.Audit(context.WithoutCancel(ctx), slices.Sorted(maps.Keys(byName)))
	if err != nil {
		return nil, err
	}
	out := make(map[int]*outcome, len(byName))
	for i := range res.Devices {
		r := &res.Devices[i]
		d := byName[r.Name]
		if d == nil || r.Device == nil || r.Device.Index != d.Index {
			continue // it went away meanwhile, or its name to another
		}
		o := &outcome{device: d, result: r, first: !d.audited, was: *d}
		out[d.Index] = o
		d.audited = true
		d.linkFile, d.policy, d.applied = linkFile(r), r.Policy, r.Applied
		d.findings = make(map[string]audit.Finding, len(r.Findings))
		for _, f := range r.Findings {
			d.findings[f.Rule] = f
		}
	}
	return out, nil
}

func linkFile(r *audit.DeviceResult) fact.Fact[string] {
	f, ok := r.LinkFile.Get()
	switch {
	case ok:
		return fact.Known(f.Path)
	case r.LinkFile.IsUnknown():
		return fact.Unknown[string](r.LinkFile.Reason())
	}
	return fact.Absent[string]()
}

// emitAll reports what the audits brought: another file or policy, and findings
// that began or ended.
func (w *watcher) emitAll(results map[int]*outcome) error {
	now := time.Now()
	for _, index := range slices.Sorted(maps.Keys(results)) {
		o := results[index]
		d := o.device
		applied := d.applied != o.was.applied
		if !o.first && d.linkFile == o.was.linkFile && d.policy == o.was.policy {
			// Nothing else is in force.
		} else if !o.first {
			applied = true
		}
		if applied && (!o.first || d.applied.IsKnown()) {
			e := w.event(now, Applied, d, nil, w.state(d))
			if !o.first {
				was := o.was
				e.Before = w.state(&was)
			}
			if err := w.Emit(&e); err != nil {
				return err
			}
		}
		if err := w.emitFindings(now, o); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) emitFindings(now time.Time, o *outcome) error {
	var events []Event
	differ := func(kind string, these, those map[string]audit.Finding) {
		for rule, f := range these {
			if _, both := those[rule]; !both {
				e := w.event(now, kind, o.device, nil, nil)
				e.Finding = &f
				events = append(events, e)
			}
		}
	}
	differ(Ended, o.was.findings, o.device.findings)
	differ(Found, o.device.findings, o.was.findings)
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Finding.Rule, b.Finding.Rule))
	})
	for i := range events {
		if err := w.Emit(&events[i]); err != nil {
			return err
		}
	}
	return nil
}
