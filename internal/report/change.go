package report

import (
	"bytes"
	"io"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"linkaudit/internal/change"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// The schemas of what fix and undo print as JSON.
const (
	fixSchema  = "linkaudit.fix/1"
	undoSchema = "linkaudit.undo/1"
)

// Change is a change that was made, or would be.
type Change struct {
	*change.Result
	// Undo says that it takes overrides back.
	Undo bool
	// DryRun says that it was only planned.
	DryRun bool
}

// changedFile is one file that changes.
type changedFile struct {
	target, path string
	old, new     []byte
}

func (c Change) files() []changedFile {
	var out []changedFile
	for _, p := range c.Plans {
		if !p.Changed() {
			continue
		}
		if p.LinkChanged() {
			out = append(out, changedFile{p.Target.String(), p.Path, p.Old, p.Content})
		}
		for _, n := range changed(p.NetDevs) {
			out = append(out, changedFile{p.Target.String(), n.Path, n.Old, n.Content})
		}
		for i := range p.Remove {
			out = append(out, changedFile{p.Target.String(), p.Remove[i].Path, p.Remove[i].Text(), nil})
		}
	}
	for _, o := range c.Removed {
		out = append(out, changedFile{o.Target.String(), o.Path, c.Before[o.Path], nil})
	}
	return out
}

// unified is the difference as diff -u shows it.
func (f changedFile) unified() string {
	from, to := f.path, f.path
	if f.old == nil {
		from = "/dev/null"
	}
	if f.new == nil {
		to = "/dev/null"
	}
	text := diff.Diff(from, f.old, to, f.new)
	// The first line repeats the names.
	_, text, _ = bytes.Cut(text, []byte("\n"))
	return string(text)
}

// writeChangeText writes for people what was, or would be, changed.
func writeChangeText(w io.Writer, c Change, o Options) error {
	p := o.newPrinter()
	for _, plan := range c.Plans {
		p.plan(plan, c.DryRun)
	}
	for _, u := range c.Removed {
		p.para("", 2, span{target(u.Target), bold}, text(": "+did(c.DryRun, "removed", "remove")+word(u.Path)))
	}
	if c.DryRun {
		for _, l := range c.Live {
			p.para("", 2, span{word(l.Device), bold}, text(": would set the address to "+word(l.MAC)+" (port "+word(l.From)+")"))
		}
	}
	p.recovered(c)
	if c.DryRun {
		p.differences(c.files())
	}
	p.images(c)
	for i, r := range c.Remaining {
		if i == 0 {
			p.blank()
		}
		p.para("", 2, span{"left to do", yellow}, text(": "+unbroken(r, c.Commands)))
	}
	return p.flush(w)
}

// recovered reports changes of a killed run that were taken back, or that there was
// nothing to do.
func (p *printer) recovered(c Change) {
	switch {
	case c.Recovered && c.DryRun:
		p.para("", 2, text("Would take back the changes of a run of linkaudit that was killed."))
	case c.Recovered:
		p.para("", 2, text("Took back the changes of a run of linkaudit that was killed."))
	case c.Undo && len(c.Removed) == 0:
		p.para("", 2, text("Nothing to undo: there is no override here."))
	}
}

// images writes which initramfs images are rebuilt.
func (p *printer) images(c Change) {
	for _, img := range c.Initramfs {
		switch {
		case img.Updated:
			p.para("", 2, text("rebuilt "+word(img.Path)+", now up to date"))
		case c.UpdatesInitramfs && c.DryRun:
			p.para("", 2, text("would rebuild "+word(img.Path)+" with "+img.Maker.UpdateWords()))
		}
	}
}

// did is a verb for what was, or would be, done.
func did(dryRun bool, past, infinitive string) string {
	if dryRun {
		return "would " + infinitive + " "
	}
	return past + " "
}

// plan writes what becomes of one target.
func (p *printer) plan(plan *change.Plan, dryRun bool) {
	if plan.Changed() {
		for _, name := range written(plan) {
			p.para("", 2, span{target(plan.Target), bold}, text(": "+did(dryRun, "wrote", "write")+word(name)))
		}
	} else {
		p.para("", 2, span{target(plan.Target), bold}, text(": nothing to change"))
	}
	if plan.Changed() || plan.Path == "" {
		p.para("  ", 2, text("because "+Escape(plan.Why)))
	} else {
		p.para("  ", 2, text(word(plan.Path)+" exists and is effective"))
	}
	for i := range plan.Remove {
		p.para("  ", 2, text(did(dryRun, "removed", "remove")+word(plan.Remove[i].Path)))
	}
	for _, n := range plan.Notes {
		p.para("  ", 4, span{"note", cyan}, text(": "+Escape(n)))
	}
}

// differences shows how each file changes.
func (p *printer) differences(files []changedFile) {
	for _, f := range files {
		p.blank()
		for line := range strings.Lines(f.unified()) {
			p.put(text(Escape(strings.TrimSuffix(line, "\n"))))
			p.blank()
		}
	}
}

// written are the files that a plan writes, or would.
func written(plan *change.Plan) []string {
	var names []string
	if plan.LinkChanged() {
		names = append(names, plan.Path)
	}
	for _, n := range changed(plan.NetDevs) {
		names = append(names, n.Path)
	}
	return names
}

func changed(netDevs []change.NetDev) (out []change.NetDev) {
	for _, n := range netDevs {
		if n.Changed() {
			out = append(out, n)
		}
	}
	return out
}

// target names a target without a line break in the name.
func target(t override.Target) string {
	if t.Name == "" {
		return "every " + word(t.Kind)
	}
	return word(t.Name)
}

type changeJSON struct {
	Schema string `json:"schema"`
	DryRun bool   `json:"dry_run"`
	// Changed, Path, Diff: of all targets together, the path of the first.
	Changed   bool             `json:"changed"`
	Path      string           `json:"path"`
	Diff      string           `json:"diff"`
	Reloaded  bool             `json:"reloaded"`
	Verified  bool             `json:"verified"`
	Remaining []string         `json:"remaining"`
	Targets   []changeTarget   `json:"targets"`
	Addresses []changedAddress `json:"addresses"`
	Initramfs []staleImage     `json:"initramfs"`
}

type staleImage struct {
	Path    string `json:"path"`
	Maker   string `json:"maker"`
	There   string `json:"there"`
	Updated bool   `json:"updated"`
}

type changeTarget struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Changed bool     `json:"changed"`
	Path    string   `json:"path"`
	Why     string   `json:"why"`
	Notes   []string `json:"notes"`
}

type changedAddress struct {
	Device string        `json:"device"`
	MAC    linkfiles.MAC `json:"mac"`
	Port   string        `json:"port"`
}

// writeChangeJSON writes it in the form of docs/schema/fix.schema.json.
func writeChangeJSON(w io.Writer, c Change, _ Options) error {
	out := changeJSON{
		Schema: fixSchema, DryRun: c.DryRun, Changed: c.Changed, Reloaded: c.Reloaded, Verified: c.Verified,
		Remaining: append([]string{}, c.Remaining...), Targets: []changeTarget{}, Addresses: []changedAddress{},
		Initramfs: []staleImage{},
	}
	if c.Undo {
		out.Schema = undoSchema
	}
	for _, p := range c.Plans {
		name := p.Path
		if name == "" && len(p.NetDevs) > 0 {
			name = p.NetDevs[0].Path
		}
		out.Targets = append(out.Targets, changeTarget{p.Target.Kind, p.Target.Name, p.Changed(), name, p.Why, append([]string{}, p.Notes...)})
	}
	for _, u := range c.Removed {
		out.Targets = append(out.Targets, changeTarget{u.Target.Kind, u.Target.Name, true, u.Path, "", []string{}})
	}
	for _, t := range out.Targets {
		if out.Path = t.Path; out.Path != "" {
			break
		}
	}
	for _, f := range c.files() {
		out.Diff += f.unified()
	}
	for _, l := range c.Live {
		out.Addresses = append(out.Addresses, changedAddress{l.Device, l.MAC, l.From})
	}
	for _, img := range c.Initramfs {
		out.Initramfs = append(out.Initramfs, staleImage{img.Path, string(img.Maker), img.There, img.Updated})
	}
	return writeJSON(w, out, indented)
}
