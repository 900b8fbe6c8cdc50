package audit

import (
	"slices"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// overrideRules look at what linkaudit fix wrote.
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
					return nil // unknown-match says so of a device that is audited
				case f == nil:
					return a.overrideFound(o, f, say("override-applies-no-more", "target", o.Target))
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

// overrideFound is about an override that has to be written again. One that was edited is
// written, or removed, where that is asked for alone, and where the file that is in force
// without it, nil for none, asks for no policy, it is not needed.
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

// eachOverride asks about each override and the device that it is for.
func (a *hostAudit) eachOverride(ask func(*override.Override, *linkfiles.Device) []found) (all []found) {
	for _, o := range override.Find(&a.snap.Files) {
		all = append(all, ask(o, a.overridden(o.Target))...)
	}
	return all
}

// overridden is the device that fix derives an override for: one that is to be
// created, where that is enough to decide on. Hardware comes back as it is.
func (a *hostAudit) overridden(t override.Target) *linkfiles.Device {
	if t.Name == "" {
		return policy.NewOfKind(t.Kind)
	}
	anew := policy.NewDevice(t.Name, t.Kind)
	d := a.byName()[t.Name]
	if d != nil && d.Kind == t.Kind && (t.Kind == "" || a.decider.Decide(anew).File.IsUnknown()) {
		return LinkDevice(d)
	}
	return anew
}

// isOverride reports whether a file is the override, or has it as a drop-in.
func isOverride(f *linkfiles.File, o *override.Override) bool {
	return f.Path == o.Path || slices.Contains(f.DropIns, o.Path)
}

// staleness says in what the files differ from those that an override was
// derived from, nil if in nothing.
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
