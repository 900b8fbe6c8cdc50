package audit

import (
	"fmt"
	"linkaudit/policy"
	"slices"

	"linkaudit/internal/override"
	"linkaudit/linkfiles"
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
				message: "linkaudit fix or undo is at work, or was killed before it was done",
				pos:     linkfiles.Pos{File: a.snap.Interrupted},
				remedy:  undo,
				help:    fmt.Sprintf("Wait if one is at work; otherwise %s takes back what it did.", undo),
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
				case f == nil || !isOverride(f, o):
					return []found{a.overrideFound(o, f, fmt.Sprintf("the override for %s is not in force: %s", o.Target, instead(f)))}
				}
				if set, _ := f.MACAddressPolicy(); set.Value != "none" {
					return []found{a.overrideFound(o, f, fmt.Sprintf("the override for %s is not in force: MACAddressPolicy=%s comes after it, at %s", o.Target, set.Value, set.Pos))}
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
				if why == "" {
					return nil
				}
				return []found{a.overrideFound(o, f, fmt.Sprintf("the override for %s is out of date: %s", o.Target, why))}
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
				return []found{{pos: linkfiles.Pos{File: o.Path}, message: fmt.Sprintf("the override for %s was edited since linkaudit wrote it", o.Target)}}
			})
		},
	},
}

// overrideFound is about an override that has to be written again. One that was edited is
// written, or removed, where that is asked for alone, and where the file that is in force
// without it, nil for none, asks for no policy, it is not needed.
func (a *hostAudit) overrideFound(o *override.Override, without *linkfiles.File, message string) found {
	fix, undo := a.remedy("fix", o.Target), a.remedy("undo", o.Target)
	f := found{pos: linkfiles.Pos{File: o.Path}, message: message}
	if o.Edited {
		fix.Command, undo.Command = "fix --force", "undo --force"
		f.help = fmt.Sprintf("It was edited since it was written: correct it, or %s writes it again, and %s removes it.", fix, undo)
		return f
	}
	if policy := policy.OfFile(without); policy == "" || policy == "none" {
		f.remedy, f.help = undo, fmt.Sprintf("%s removes it: without it no MACAddressPolicy= but none is in force.", undo)
		return f
	}
	f.remedy, f.help = fix, fmt.Sprintf("%s writes it again; %s removes it.", fix, undo)
	return f
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

func instead(f *linkfiles.File) string {
	if f == nil {
		return "no .link file applies"
	}
	return f.Path + " comes first"
}

// staleness says in what the files differ from those that an override was
// derived from, "" if in nothing.
func staleness(was []override.Source, f *linkfiles.File, store *linkfiles.Store) string {
	is := override.Sources(store, f)
	first := func(sources []override.Source) string {
		if len(sources) == 0 {
			return "no file"
		}
		return sources[0].Path
	}
	switch {
	case first(was) != first(is):
		return fmt.Sprintf("it was derived from %s, but without it %s would be in force", first(was), first(is))
	case slices.Equal(was, is):
		return ""
	}
	for _, s := range is {
		if !slices.Contains(was, s) {
			return s.Path + " has changed since"
		}
	}
	return "a drop-in that it was derived from is gone"
}
