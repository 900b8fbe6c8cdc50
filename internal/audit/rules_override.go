package audit

import (
	"slices"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// overrideRules are about overrides that linkaudit fix wrote.
var overrideRules = []Rule{
	{
		Name: "change-interrupted", Severity: Warning,
		host: func(a *hostAudit) []found {
			if a.snap.Interrupted == "" {
				return nil
			}
			undo := a.remedy("undo --interrupted", override.Target{})
			return []found{{
				message: say("change-interrupted"),
				pos:     linkfiles.Pos{File: a.snap.Interrupted},
				remedy:  undo,
				help:    say("wait-or-undo-interrupted", "undo", undo),
			}}
		},
	},
	{
		Name: "override-shadowed", Severity: Warning,
		host: func(a *hostAudit) []found {
			return a.eachOverride(func(o *override.Override, dev *linkfiles.Device) []found {
				d := a.decider.Decide(dev)
				f := d.File.Or(nil)
				switch {
				case d.File.IsUnknown():
					return nil // unknown-match reports it for an audited device
				case f == nil:
					return a.overrideFound(o, f, say("override-no-longer-applies", "target", o.Target))
				case !isOverride(f, o):
					return a.overrideFound(o, f, say("override-shadowed-by-file", "target", o.Target, "file", f.Path))
				}
				if set, _ := f.MACAddressPolicy(); set.Value != "none" {
					return a.overrideFound(o, f, say("override-shadowed-by-setting", "target", o.Target, "policy", set.Value, "pos", set.Pos))
				}
				return nil
			})
		},
	},
	{
		Name: "override-stale", Severity: Warning,
		host: func(a *hostAudit) []found {
			return a.eachOverride(func(o *override.Override, dev *linkfiles.Device) []found {
				without, ok := a.snap.Files.With(o.Path, nil)
				if now := a.decider.Decide(dev).File.Or(nil); !ok || now == nil || !isOverride(now, o) {
					return nil // override-shadowed says more
				}
				d := linkfiles.Parse(without, a.tree.Release).Decide(&a.snap.System, dev)
				f := d.File.Or(nil)
				if d.File.IsUnknown() {
					return nil
				}
				why := staleness(o.Sources, f, without)
				if why == nil {
					return nil
				}
				return a.overrideFound(o, f, say("override-stale", "target", o.Target, "why", why))
			})
		},
	},
	{
		Name: "override-edited", Severity: Info,
		host: func(a *hostAudit) []found {
			return a.eachOverride(func(o *override.Override, _ *linkfiles.Device) []found {
				if !o.Edited {
					return nil
				}
				return []found{{pos: linkfiles.Pos{File: o.Path}, message: say("override-edited", "target", o.Target)}}
			})
		},
	},
}

// overrideFound is about an override that must be written again. An edited one needs
// fix --force or undo --force. without is the file that applies without the override,
// or nil. If that sets no policy, the override is not needed.
func (a *hostAudit) overrideFound(o *override.Override, without *linkfiles.File, says *linkfiles.Statement) []found {
	fix, undo := a.remedy("fix", o.Target), a.remedy("undo", o.Target)
	f := found{pos: linkfiles.Pos{File: o.Path}, message: says}
	if o.Edited {
		fix.Name, undo.Name = "fix --force", "undo --force"
		f.help = say("correct-or-force-override", "fix", fix, "undo", undo)
		return []found{f}
	}
	if policy := policy.OfFile(without); policy == "" || policy == "none" {
		f.remedy, f.help = undo, say("remove-override-not-needed", "undo", undo)
		return []found{f}
	}
	f.remedy, f.help = fix, say("write-override-again", "fix", fix, "undo", undo)
	return []found{f}
}

// eachOverride calls ask with each override and its device.
func (a *hostAudit) eachOverride(ask func(*override.Override, *linkfiles.Device) []found) (all []found) {
	for _, o := range override.Find(&a.snap.Files) {
		all = append(all, ask(o, a.overridden(o.Target))...)
	}
	return all
}

// overridden is the device for which fix computes an override: a new one, unless the
// decision needs properties of the existing device. Hardware is always the existing
// device.
func (a *hostAudit) overridden(t override.Target) *linkfiles.Device {
	if t.Name == "" {
		return policy.NewOfKind(t.Kind)
	}
	created := policy.NewDevice(t.Name, t.Kind)
	d := a.byName()[t.Name]
	if d != nil && d.Kind == t.Kind && (t.Kind == "" || a.decider.Decide(created).File.IsUnknown()) {
		return LinkDevice(d)
	}
	return created
}

// isOverride reports whether f is the override or has it as a drop-in.
func isOverride(f *linkfiles.File, o *override.Override) bool {
	return f.Path == o.Path || slices.Contains(f.DropIns, o.Path)
}

// staleness says how the effective files differ from the sources of an override, nil if
// they do not.
func staleness(was []override.Source, f *linkfiles.File, store *linkfiles.Store) *linkfiles.Statement {
	is := override.Sources(store, f)
	first := func(sources []override.Source) string {
		if len(sources) == 0 {
			return ""
		}
		return sources[0].Path
	}
	switch {
	case first(was) != first(is):
		return say("derived-from-other-file", "was", first(was), "is", first(is))
	case slices.Equal(was, is):
		return nil
	}
	for _, s := range is {
		if !slices.Contains(was, s) {
			return say("source-changed", "file", s.Path)
		}
	}
	return say("source-drop-in-gone")
}
