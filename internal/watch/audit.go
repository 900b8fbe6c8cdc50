package watch

import (
	"context"
	"maps"
	"slices"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
)

// outcome is an audit of a device, with the state before it.
type outcome struct {
	known  *knownDevice
	result *audit.DeviceResult
	// firstAudit: it is the first one of the device.
	firstAudit bool
	// was is the device before the audit.
	was knownDevice
}

// auditMarked audits the marked devices.
func (w *watcher) auditMarked(ctx context.Context) (map[int]*outcome, error) {
	byName := w.markedByName()
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
			continue // it is gone, or another device has its name
		}
		out[d.Index] = &outcome{known: d, result: r, firstAudit: !d.audited, was: *d}
		d.takeResult(r)
	}
	return out, nil
}

// markedByName are the devices to audit that exist and are watched.
func (w *watcher) markedByName() map[string]*knownDevice {
	byName := map[string]*knownDevice{}
	for index := range w.toAudit {
		if d := w.devices[index]; d != nil && d.watched {
			byName[d.Name] = d
		}
	}
	return byName
}

// takeResult stores the result of an audit.
func (d *knownDevice) takeResult(r *audit.DeviceResult) {
	d.audited = true
	d.linkFile, d.policy, d.applied = linkFileOf(r), r.Policy, r.Applied
	d.findings = make(map[string]audit.Finding, len(r.Findings))
	for _, f := range r.Findings {
		d.findings[f.Rule] = f
	}
}

// linkFileOf is the path of the effective .link file.
func linkFileOf(r *audit.DeviceResult) fact.Fact[string] {
	f, ok := r.LinkFile.Get()
	switch {
	case ok:
		return fact.Known(f.Path)
	case r.LinkFile.IsUnknown():
		return fact.Unknown[string](r.LinkFile.Reason())
	}
	return fact.Absent[string]()
}

// newlyEffective reports whether another .link file or policy is effective, or was applied.
func (o *outcome) newlyEffective() bool {
	d, was := o.known, &o.was
	if o.firstAudit {
		return d.applied != was.applied && d.applied.IsKnown()
	}
	return d.applied != was.applied || d.linkFile != was.linkFile || d.policy != was.policy
}

// emitOutcomes reports the results of the audits: another file or policy, and findings that
// started or ended.
func (w *watcher) emitOutcomes(outcomes map[int]*outcome) error {
	now := time.Now()
	for _, index := range slices.Sorted(maps.Keys(outcomes)) {
		o := outcomes[index]
		if err := w.emitApplied(now, o); err != nil {
			return err
		}
		if err := w.emitFindings(now, o); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) emitApplied(now time.Time, o *outcome) error {
	if !o.newlyEffective() {
		return nil
	}
	e := w.newEvent(now, Applied, o.known, nil, w.stateOf(o.known))
	if !o.firstAudit {
		e.Before = w.stateOf(&o.was)
	}
	return w.Emit(&e)
}

func (w *watcher) emitFindings(now time.Time, o *outcome) error {
	differ := func(kind string, these, those map[string]audit.Finding) error {
		for _, rule := range slices.Sorted(maps.Keys(these)) {
			if _, both := those[rule]; both {
				continue
			}
			e, f := w.newEvent(now, kind, o.known, nil, nil), these[rule]
			e.Finding = &f
			if err := w.Emit(&e); err != nil {
				return err
			}
		}
		return nil
	}
	if err := differ(Ended, o.was.findings, o.known.findings); err != nil {
		return err
	}
	return differ(Found, o.known.findings, o.was.findings)
}
