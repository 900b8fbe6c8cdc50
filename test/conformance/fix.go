package conformance

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"linkaudit/internal/change"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// An override is written on generated trees as linkaudit fix does it, and removed as
// undo does. Before and after, the release's udevadm is asked about the target and
// about other devices.
//
// udevadm always says which file applies, with which drop-ins. The resulting policy is
// udev's own answer in release 252, whose test-builtin goes on to the address and says
// what it does about it; in the other releases it is our reader's. What that reader
// says about the changed tree is compared with udevadm once more, with the complaints.
// In fixOutcomes the running udevd of each release must leave addresses alone.

// fixDevices is how many devices are in each case: the target, and others that must not
// be affected.
const fixDevices = 5

// fixShrinkBudget is how many trees shrinking one may try.
const fixShrinkBudget = 250

// fixCase is a tree on a machine, and the target of a fix.
type fixCase struct {
	*Case
	Target override.Target
	// Device is the device that the target was made from.
	Device Device
	// Unseen says that the planner does not see the device: it does not exist yet.
	Unseen bool
	// Bare says that search directories without files do not exist.
	Bare bool
	// Former is an earlier override for the target.
	Former *Node
}

// The results of a fix.
const (
	fixNewFile   = "a new file"
	fixDropIn    = "a drop-in"
	fixNotNeeded = "nothing needed"
	fixRefused   = "refused"
)

// fixResult is the result of one case.
type fixResult struct {
	what string
	// reason is why it was refused, without names.
	reason string
	// marks are further things to count.
	marks []string
	// err is the refusal itself.
	err error
	// problem is what is wrong; the part before the first colon is its kind.
	problem string
}

// look is one look at the tree: our reader's result for each device.
type look struct {
	store     *linkfiles.Store
	decider   *linkfiles.Decider
	decisions []linkfiles.Decision
	listing   map[string]string
}

func (f *fixCase) look(o *Oracle) (*look, error) {
	l := &look{}
	var err error
	if l.store, err = linkfiles.Read(o.Root()); err != nil {
		return nil, err
	}
	l.decider = linkfiles.Parse(l.store, linkfiles.Release(o.Release)).For(f.Machine.System())
	for _, d := range f.Devices {
		l.decisions = append(l.decisions, l.decider.Decide(d.Facts()))
	}
	l.listing, err = listing(o.Root())
	return l, err
}

// listing describes everything below the directories that may have an override or what
// it is made from.
func listing(root string) (map[string]string, error) {
	all := map[string]string{}
	for _, top := range []string{"/etc/systemd", "/run", "/usr/local", "/usr/lib/systemd/network"} {
		err := filepath.WalkDir(root+top, func(p string, e fs.DirEntry, err error) error {
			if os.IsNotExist(err) && p == root+top {
				return nil
			}
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(p, root)
			if name == "/run/udev" {
				return fs.SkipDir
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			what := info.Mode().String()
			switch {
			case info.Mode().IsRegular():
				content, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				what += " " + string(content)
			case info.Mode()&fs.ModeSymlink != 0:
				target, err := os.Readlink(p)
				if err != nil {
					return err
				}
				what += " " + target
			}
			all[name] = what
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// changed are the paths at which two listings differ, sorted.
func changed(before, after map[string]string) []string {
	var paths []string
	for p, what := range before {
		if now, ok := after[p]; !ok || now != what {
			paths = append(paths, p)
		}
	}
	for p := range after {
		if _, ok := before[p]; !ok {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// snapshot is what fix and undo see of the machine.
func (f *fixCase) snapshot(o *Oracle, l *look) *host.Snapshot {
	s := snapshotOf(o.Release, f.Machine, l.store)
	for _, d := range f.Devices {
		if !f.Unseen || d.Name != f.Device.Name {
			s.Devices = append(s.Devices, d.asHost())
		}
	}
	return s
}

// snapshotOf is a snapshot of a machine with these files and without devices.
func snapshotOf(release int, m Machine, files *linkfiles.Store) *host.Snapshot {
	return &host.Snapshot{
		Systemd: host.Systemd{Release: fact.Known(linkfiles.Release(release))},
		System:  *m.System(), Files: *files,
	}
}

// options are those of fix and undo for one target.
func options(root string, t override.Target, s *host.Snapshot) change.Options {
	return change.Options{
		Root: root, Targets: []override.Target{t},
		Collect:       func(context.Context) (*host.Snapshot, error) { return s, nil },
		ReadInitramfs: func(context.Context) []initramfs.Image { return nil }, // there are none
		Say:           func(string) {},
	}
}

// ofTarget reports for each device whether it belongs to the target; base is the
// effective file without an override. A device of the target's kind with another file
// does not: it needs a fix of its own.
func (f *fixCase) ofTarget(l *look, base *linkfiles.File) []bool {
	covered := make([]bool, len(f.Devices))
	for i, d := range f.Devices {
		if f.Target.Name != "" {
			covered[i] = d.Name == f.Target.Name
			continue
		}
		covered[i] = d.Kind == f.Target.Kind && pathOf(l.decisions[i].File.Or(nil)) == pathOf(base)
	}
	return covered
}

// or is true where one of two lists is.
func or(x, y []bool) []bool {
	out := slices.Clone(x)
	for i := range out {
		out[i] = out[i] || y[i]
	}
	return out
}

func pathOf(f *linkfiles.File) string {
	if f == nil {
		return ""
	}
	return f.Path
}

// policyOf is the address policy that a file results in; a policy that is not set
// counts as none.
func policyOf(f *linkfiles.File) string {
	if f != nil {
		if s, ok := f.MACAddressPolicy(); ok {
			return s.Value
		}
	}
	return "none"
}

// otherSettings are what a file does besides choosing the address, in order. Repeated
// sections are told apart.
func otherSettings(f *linkfiles.File) string {
	if f == nil {
		return ""
	}
	var link, rest strings.Builder
	for i, a := range f.Assignments {
		switch {
		case a.Section == "Match", a.Section == "Link" && (a.Key == "MACAddressPolicy" || a.Key == "MACAddress"):
		case a.Section == "Link":
			if a.Taken {
				fmt.Fprintf(&link, "%s=%s\n", a.Key, a.Value)
			}
		default:
			if i == 0 || f.Assignments[i-1].SectionPos != a.SectionPos {
				fmt.Fprintf(&rest, "[%s]\n", a.Section)
			}
			fmt.Fprintf(&rest, "%s=%s\n", a.Key, a.Value)
		}
	}
	return link.String() + rest.String()
}

// allSettings are those and the address's.
func allSettings(f *linkfiles.File) string {
	if f == nil {
		return ""
	}
	p, _ := f.MACAddressPolicy()
	a, _ := f.MACAddress()
	return fmt.Sprintf("%s %s\n%s", p.Value, a.Value, otherSettings(f))
}

// check plans, writes, asks and undoes. An error means that the suite itself failed.
func (f *fixCase) check(o *Oracle) (r fixResult, err error) {
	c := &fixCheck{fixCase: f, o: o}
	defer func() {
		if p := recover(); p != nil {
			r = c.r
			r.problem = fmt.Sprintf("panic: %v", p)
		}
	}()
	err = c.run()
	return c.r, err
}

// fixCheck is one case on its way from the plan to the undo.
type fixCheck struct {
	*fixCase
	o *Oracle
	r fixResult
	// before is the tree without an override, to which undo must return, and now the
	// tree for the plan; udevBefore is udev's answer about the first.
	before, now *look
	udevBefore  []Verdict
	plan        *change.Plan
	// covered are the devices that the override is for, with the file from which each
	// keeps its settings; ignored may be covered or not.
	covered, ignored []bool
	carried          []*linkfiles.File
}

func (c *fixCheck) run() error {
	if err := c.prepare(); err != nil {
		return err
	}
	dry := options(c.o.Root(), c.Target, c.snapshot(c.o, c.now))
	dry.Plan = true
	planned, refusal := change.Fix(context.Background(), dry)
	if refusal != nil {
		c.r.what, c.r.reason, c.r.err = fixRefused, withoutNames(refusal), refusal
		c.r.problem = c.unjustified(c.o, c.before, refusal)
		return nil
	}
	c.plan = planned.Plans[0]
	c.cover()
	if !c.plan.Changed() {
		return c.nothingToChange()
	}
	written, err := c.write()
	if err != nil || !written {
		return err
	}
	after, err := c.prove()
	if err != nil || c.r.problem != "" {
		return err
	}
	return c.undo(after)
}

// prepare lays out the tree and looks at it, first without the former override and then
// with it.
func (c *fixCheck) prepare() (err error) {
	without := *c.Case
	if c.Former != nil {
		without.Tree = append(slices.Clone(c.Tree), Node{Path: override.Dir, Kind: NodeDir})
	}
	if err := c.o.LayOut(&without, c.Bare); err != nil {
		return err
	}
	if c.before, err = c.look(c.o); err != nil {
		return err
	}
	c.now = c.before
	if c.Former == nil {
		return nil
	}
	// Undo must return to the tree without it.
	if err := c.askBefore(); err != nil {
		return err
	}
	with := *c.Case
	with.Tree = append(slices.Clone(c.Tree), *c.Former)
	if err := c.o.LayOut(&with, c.Bare); err != nil {
		return err
	}
	if c.now, err = c.look(c.o); err != nil {
		return err
	}
	c.mark("with a former override")
	return nil
}

// askBefore asks udev once, while the tree is the one of before.
func (c *fixCheck) askBefore() (err error) {
	if c.udevBefore == nil {
		c.udevBefore, err = c.o.AskAgain(c.Case, c.Devices)
	}
	return err
}

func (c *fixCheck) mark(what string) { c.r.marks = append(c.r.marks, what) }

func (c *fixCheck) problem(format string, args ...any) {
	c.r.problem = fmt.Sprintf(format, args...)
}

// cover works out which devices the override must be for.
//
// An existing device may have another file than a recreated one, if a file matches its
// address, which a new device does not have. The override is for both, with the
// settings of the new one; but the planner cannot know about a device that it does not
// see.
func (c *fixCheck) cover() {
	c.covered = c.ofTarget(c.before, c.plan.Base)
	c.carried = make([]*linkfiles.File, len(c.Devices))
	c.ignored = make([]bool, len(c.Devices))
	for i := range c.Devices {
		if !c.covered[i] {
			continue
		}
		file := c.before.decisions[i].File.Or(nil)
		c.carried[i] = c.plan.Base
		if pathOf(file) == pathOf(c.plan.Base) {
			c.carried[i] = file
			continue
		}
		c.mark("the device has another file than a new one")
		c.covered[i], c.ignored[i] = !c.Unseen, c.Unseen
	}
}

// nothingToChange executes a plan that changes nothing, and asks udev whether nothing
// was needed.
func (c *fixCheck) nothingToChange() error {
	c.r.what = fixNotNeeded
	if err := c.carryOut(); err != nil {
		c.problem("apply: %v", err)
		return nil
	}
	if c.plan.Path != "" {
		c.r.what = "effective already"
		return nil // only if a former override is the right one
	}
	if err := c.askBefore(); err != nil {
		return err
	}
	after, err := c.look(c.o)
	if err != nil {
		return err
	}
	if paths := changed(c.now.listing, after.listing); len(paths) > 0 {
		c.problem("written although nothing is needed: %q", paths)
		return nil
	}
	for i, d := range c.Devices {
		v, file := c.udevBefore[i], c.before.decisions[i].File.Or(nil)
		if !c.covered[i] || v.Failure != "" {
			continue
		}
		if v.File != pathOf(file) {
			c.problem("reader: udevd applies %q to %s, our reader %q", v.File, d.Name, pathOf(file))
		} else if p := policyOf(file); p != "none" && file != nil {
			c.problem("needed: the plan changes nothing, but %s has MACAddressPolicy=%s by %s", d.Name, p, v.File)
		}
	}
	return nil
}

// write executes the plan; false if that is refused.
func (c *fixCheck) write() (written bool, err error) {
	c.r.what = fixNewFile
	if strings.HasSuffix(c.plan.Path, ".conf") {
		c.r.what = fixDropIn
	}
	if err := c.askBefore(); err != nil {
		return false, err
	}
	refusal := c.carryOut()
	if refusal == nil {
		return true, nil
	}
	c.r.what, c.r.reason = fixRefused, "not written: "+withoutNames(refusal)
	after, err := c.look(c.o)
	if err != nil {
		return false, err
	}
	if paths := changed(c.now.listing, after.listing); len(paths) > 0 {
		c.problem("refused and written: %q; %v", paths, refusal)
	} else {
		c.problem("apply: %v", refusal)
	}
	return false, nil
}

// prove looks at the changed tree and asks udev about it.
func (c *fixCheck) prove() (*look, error) {
	after, err := c.look(c.o)
	if err != nil {
		return nil, err
	}
	udevAfter, err := c.o.AskAgain(c.Case, c.Devices, c.plan.Path)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Target.Name == "":
		c.mark("changed for every device of a kind")
	case c.Unseen:
		c.mark("changed for a device that the planner had not seen")
	}
	if len(c.plan.Remove) > 0 {
		c.mark("took the place of a former override of another name")
	}
	if otherSettings(c.plan.Base) != "" && c.r.what == fixNewFile {
		c.mark("carried over other settings")
	}
	for _, problem := range []func() string{
		func() string { return c.onlyTheOverride(c.plan, c.now, after) },
		func() string { return c.takesEffect(c.o, c.plan, c.covered, c.carried, after, udevAfter, &c.r) },
		func() string {
			return c.othersUntouched(or(c.covered, c.ignored), c.before, after, c.udevBefore, udevAfter)
		},
		func() string { return c.readerAgrees(c.o, c.plan, udevAfter) },
		func() string { return c.again(c.o, c.plan, after) },
	} {
		if c.r.problem = problem(); c.r.problem != "" {
			break
		}
	}
	return after, nil
}

// undo removes the override, and checks that all is as before.
func (c *fixCheck) undo(after *look) error {
	done, err := change.TakeBack(context.Background(), options(c.o.Root(), c.plan.Target, c.snapshot(c.o, after)))
	if err != nil {
		c.problem("undo: %v", err)
		return nil
	}
	if len(done.Removed) != 1 || done.Removed[0].Path != c.plan.Path {
		c.problem("undo: removed %v", done.Removed)
		return nil
	}
	undone, err := c.look(c.o)
	if err != nil {
		return err
	}
	if paths := changed(c.before.listing, undone.listing); len(paths) > 0 {
		c.problem("undo: another tree than before: %q", paths)
		return nil
	}
	i := slices.Index(c.covered, true) // one is enough: the tree is the same
	if i < 0 {
		return nil
	}
	again, err := c.o.AskAgain(c.Case, c.Devices[i:i+1])
	if err != nil {
		return err
	}
	if diff := Difference(c.udevBefore[i], again[0]); diff != "" {
		c.problem("undo: another verdict on %s than before:\n%s", c.Devices[i].Name, diff)
	}
	return nil
}

// carryOut does what was planned.
func (c *fixCheck) carryOut() error {
	done, err := change.Fix(context.Background(), options(c.o.Root(), c.Target, c.snapshot(c.o, c.now)))
	if err != nil {
		return err
	}
	if p := done.Plans[0]; p.Path != c.plan.Path || !bytes.Equal(p.Content, c.plan.Content) {
		return fmt.Errorf("it was not as planned: %s: %s", p.Path, p.Content)
	}
	return nil
}

// onlyTheOverride checks that nothing is written except the override, the directories
// for it, and what it replaces.
func (f *fixCase) onlyTheOverride(plan *change.Plan, before, after *look) string {
	for _, p := range changed(before.listing, after.listing) {
		switch {
		case p == plan.Path:
			if want := "-rw-r--r-- " + string(plan.Content); after.listing[p] != want {
				return fmt.Sprintf("written: %s is not what was planned: %q", p, after.listing[p])
			}
		case slices.ContainsFunc(plan.Remove, func(o override.Override) bool { return o.Path == p }):
			if after.listing[p] != "" {
				return "written: " + p + " is still there"
			}
		case strings.HasPrefix(plan.Path, p+"/") && before.listing[p] == "":
			if after.listing[p] != "drwxr-xr-x" {
				return fmt.Sprintf("written: the directory %s is %s", p, after.listing[p])
			}
		default:
			return "written: " + p + " is changed"
		}
	}
	return ""
}

// takesEffect checks that udev applies the override to the target, that the policy is none,
// and that the other settings are those of the formerly effective file.
func (f *fixCase) takesEffect(o *Oracle, plan *change.Plan, covered []bool, carried []*linkfiles.File, after *look, udevd []Verdict, r *fixResult) string {
	dropIn := strings.HasSuffix(plan.Path, ".conf")
	for i, d := range f.Devices {
		v := udevd[i]
		if !covered[i] || v.Failure != "" {
			continue
		}
		want := plan.Path
		if dropIn {
			want = pathOf(plan.Base)
		}
		if v.File != want {
			return fmt.Sprintf("not applied: udevd applies %q to %s, not %q", v.File, d.Name, want)
		}
		if dropIn && reportsDropIns(o.Release) && !slices.Contains(v.DropIns, plan.Path) {
			return fmt.Sprintf("not applied: of the drop-ins %q that udevd names for %s none is %q", v.DropIns, d.Name, plan.Path)
		}
		switch v.Address {
		case "":
		case "Using static MAC address":
			r.marks = append(r.marks, "udev itself says that it leaves the address")
		default:
			return fmt.Sprintf("policy: udevd says of %s: %s", d.Name, v.Address)
		}
		file, ok := after.decisions[i].File.Get()
		if !ok {
			return "policy: our reader finds no file for " + d.Name
		}
		if p := policyOf(file); p != "none" {
			return fmt.Sprintf("policy: MACAddressPolicy=%s is effective for %s", p, d.Name)
		}
		if a, ok := file.MACAddress(); ok {
			return fmt.Sprintf("policy: MACAddress=%s is effective for %s", a.Value, d.Name)
		}
		if was, is := otherSettings(carried[i]), otherSettings(file); was != is {
			return fmt.Sprintf("carried over: the settings for %s were\n%s, are\n%s", d.Name, was, is)
		}
	}
	return ""
}

// othersUntouched checks that devices outside the target have the same files, drop-ins
// and settings as before.
func (f *fixCase) othersUntouched(covered []bool, before, after *look, udevBefore, udevAfter []Verdict) string {
	for i, d := range f.Devices {
		if covered[i] {
			continue
		}
		b, a := udevBefore[i], udevAfter[i]
		if b.Failure != "" || a.Failure != "" {
			if b.Failure != a.Failure {
				return fmt.Sprintf("others: udevd said %q about %s and now says %q", b.Failure, d.Name, a.Failure)
			}
			continue
		}
		if b.File != a.File || !slices.Equal(b.DropIns, a.DropIns) {
			return fmt.Sprintf("others: udevd applied %q %q to %s and now %q %q", b.File, b.DropIns, d.Name, a.File, a.DropIns)
		}
		if was, is := allSettings(before.decisions[i].File.Or(nil)), allSettings(after.decisions[i].File.Or(nil)); was != is {
			return fmt.Sprintf("others: the settings for %s were\n%s, are\n%s", d.Name, was, is)
		}
	}
	return ""
}

// readerAgrees compares our reader with udevd on the changed tree, with the complaints:
// if udevd rejects a line of the override, so must our reader.
func (f *fixCase) readerAgrees(o *Oracle, plan *change.Plan, udevd []Verdict) string {
	c := *f.Case
	c.Tree = append(slices.Clone(f.Tree), Node{Path: plan.Path, Kind: NodeFile})
	for i, ours := range Ours(o.Root(), &c, o.Release) {
		if udevd[i].Failure != "" {
			continue
		}
		if diff := Difference(udevd[i], comparable(o.Release, ours)); diff != "" {
			return fmt.Sprintf("reader: on the changed tree, for %s:\n%s", f.Devices[i].Name, diff)
		}
	}
	return ""
}

// again checks that the change verifies and that a second one changes nothing.
func (f *fixCase) again(o *Oracle, plan *change.Plan, after *look) string {
	done, err := change.Fix(context.Background(), options(o.Root(), f.Target, f.snapshot(o, after)))
	if err != nil {
		return "again: " + err.Error()
	}
	second := done.Plans[0]
	switch {
	case second.Path != plan.Path || !bytes.Equal(second.Content, plan.Content):
		return fmt.Sprintf("again: a second plan is for %q: %s", second.Path, second.Content)
	case done.Changed:
		return "again: a second plan changes something"
	}
	return ""
}
