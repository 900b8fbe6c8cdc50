// Package change makes MACAddressPolicy=none take effect for a device, and
// takes it back: it plans a change, writes it, has udevd reload, verifies and
// records it, and undoes it.
//
// Plan and PlanUndo decide and do no I/O; Apply does what a plan says and
// decides nothing but whether it worked. What udevd makes of a file is asked of
// package linkfiles, before the change on a copy of what was read and after it
// on what is there then.
package change

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// Input is what a plan is made from.
type Input struct {
	Snapshot *host.Snapshot // with its Files
	Release  linkfiles.Release
	// DirExists reports whether a directory of the root exists; what does not
	// is made, and removed again by undo.
	DirExists func(dir string) (bool, error)
	// Networkd are systemd-networkd's files, and NetworkdActive says whether it
	// runs or is started at boot. Nil: they are not looked at.
	Networkd       *netconf.NetworkdFiles
	NetworkdActive fact.Fact[bool]
	// Force takes over an override that somebody edited.
	Force bool
	// recovered: what a run did that was killed was taken back.
	recovered bool
	// Place is the machine whose Snapshot it is, for the commands of notes.
	Place policy.Place
}

// notNeeded is the note about an override of a target that does nothing.
func (in Input) notNeeded(path string, t override.Target) string {
	return fmt.Sprintf("%s is not needed any more: %s removes it", path, policy.Remedy{Command: "undo", Target: t, Place: in.Place})
}

// Plan is one file to write, and what goes with it.
type Plan struct {
	Target override.Target
	// Path is the override, "" where none is needed.
	Path string
	// Content is its text; Old what is there now, nil where nothing is.
	Content, Old []byte
	// NetDevs are drop-ins that go with it, for devices that systemd-networkd
	// creates.
	NetDevs []NetDev
	// Remove are overrides of the same target that Path takes the place of.
	Remove []override.Override
	// Base is the file in force without the override.
	Base *linkfiles.File
	// Edited are the packages' files in force for the target that were edited or
	// removed in place, so that the next upgrade puts another text in force.
	Edited []policy.VendorFile
	// Why says in one sentence why this file, or why none.
	Why string
	// Notes are further things to know.
	Notes []string
}

// Changed reports whether carrying out the plan changes any file.
func (p *Plan) Changed() bool {
	return p.LinkChanged() || len(p.Remove) > 0 || slices.ContainsFunc(p.NetDevs, NetDev.Changed)
}

// LinkChanged reports whether the .link file or drop-in is to be written.
func (p *Plan) LinkChanged() bool {
	return p.Path != "" && (p.Old == nil || string(p.Old) != string(p.Content))
}

// firstPrefix is tried first for a new file: systemd.link(5) asks for a number
// below 70, and those below 60 are left to who wants to be in front of it.
const firstPrefix = 60

// planner is the work on one target.
type planner struct {
	in     Input
	target override.Target
	store  *linkfiles.Store // without our own override for the target
	tree   *linkfiles.Tree
	own    []*override.Override
	base   *linkfiles.File
	// edited are those of all files of packages that concern the target.
	edited []policy.VendorFile

	devices []subject // that the override is to apply to
	others  []subject // that it must not touch
	notes   []string
}

// subject is a device, with what the files said of it before.
type subject struct {
	name   string
	facts  *linkfiles.Device
	before linkfiles.Decision
	// renamed: its name was given after it was created, so that some releases
	// match it by no OriginalName=.
	renamed bool
}

// maxName is the kernel's IFNAMSIZ without the final NUL. An alternative name may
// be longer, but only a device that exists has one.
const maxName = 15

// Target returns the target with the kind that the device really has. A device
// of another kind than the user said is an error; one that does not exist is
// none, unless there cannot be one of that name.
func (in Input) Target(t override.Target) (override.Target, error) {
	d, nameless := in.Snapshot.Device(t.Name), policy.Nameless(in.Snapshot, in.Release, t.Name)
	switch {
	case d == nil && len(t.Name) > maxName:
		return t, fmt.Errorf("no device can be called %s: a name has at most %d bytes, and no device has this alternative name", t.Name, maxName)
	case nameless != "":
		return t, errors.New(nameless)
	case t.Kind != "" && !policy.KnownKind(t.Kind) && !in.Snapshot.HasKind(t.Kind):
		return t, policy.ErrUnknownKind(t.Kind)
	case t.Name == "":
		return t, nil
	case d == nil:
		if t.Kind == "" {
			t.Kind = policy.DeclaredKind(in.Snapshot, t.Name)
		}
		return t, nil
	}
	if t.Kind != "" && d.Kind != t.Kind {
		is := "of kind " + d.Kind
		if d.Kind == "" {
			is = "a device without a kind"
		}
		return t, fmt.Errorf("%s is %s, not a %s", t.Name, is, t.Kind)
	}
	if d.Loopback() {
		return t, fmt.Errorf("%s is the loopback device, whose address udevd leaves alone", t.Name)
	}
	return override.Target{Kind: d.Kind, Name: d.Name}, nil
}

// Plan works out the smallest override for the target. An error says why there
// can be none.
func (in Input) Plan(t override.Target) (*Plan, error) {
	t, err := in.Target(t)
	if err != nil {
		return nil, err
	}
	if policy.WithoutMAC(t.Kind) {
		return &Plan{Target: t, Why: fmt.Sprintf("devices of kind %s have no MAC address, so that no MACAddressPolicy= acts on them", t.Kind)}, nil
	}
	managers, err := in.heedManagers(t)
	switch {
	case err != nil:
		return nil, err
	case managers.leaves != "":
		return &Plan{Target: t, Why: managers.leaves}, nil
	}
	networkd, err := in.planNetDevs(t)
	switch {
	case err != nil:
		return nil, err
	case networkd.leaves != "":
		return &Plan{Target: t, Why: networkd.leaves, Notes: networkd.notes}, nil
	}
	plan, err := in.planLink(t)
	if err != nil {
		return nil, err
	}
	plan.NetDevs = networkd.parts
	if plan.Path == "" && len(plan.NetDevs) > 0 {
		plan.Why = fmt.Sprintf("systemd-networkd creates %s with an address that it derives; %s", t, plan.Why)
	}
	plan.Notes = append(plan.Notes, networkd.notes...)
	for _, n := range networkd.parts {
		plan.Notes = append(plan.Notes, fmt.Sprintf("systemd-networkd creates %s; without %s it would give it an address that no .link file changes", n.Device, n.Path))
	}
	plan.Notes = append(plan.Notes, managers.notes...)
	plan.Notes = append(plan.Notes, policy.GuestsUnderNone(in.Snapshot, t.Name, t.Kind, in.Place)...)
	return plan, nil
}

// planLink works out the .link file or drop-in of one.
func (in Input) planLink(t override.Target) (*Plan, error) {
	p := &planner{in: in, target: t, store: &in.Snapshot.Files}
	for _, d := range p.store.Dirs {
		switch {
		case d.Path != override.Dir:
		case d.Err != "":
			return nil, fmt.Errorf("%s could not be read (%s)", d.Path, d.Err)
		case d.Resolved != "":
			return nil, fmt.Errorf("%s leads to %s through a symbolic link: linkaudit does not write through it", d.Path, d.Resolved)
		}
	}
	if err := unreadable(p.store); err != nil {
		return nil, err
	}
	for _, o := range override.Find(p.store) {
		if o.Of(t) {
			p.own = append(p.own, o)
			p.store, _ = p.store.With(o.Path, nil)
		}
	}
	p.tree = linkfiles.Parse(p.store, in.Release)
	if err := p.devicesAndBase(); err != nil {
		return nil, err
	}
	p.edited = p.editedInPlace()
	plan := &Plan{Target: t, Base: p.base, Edited: p.edited, Notes: p.notes}
	need := p.need()
	if need.before == "" {
		plan.Why = need.why
		if a, ok := p.address(); ok {
			plan.Notes = append(plan.Notes, fmt.Sprintf("%s gives the address %s; linkaudit leaves that alone", a.Pos, a.Value))
		}
		for _, o := range p.own {
			plan.Notes = append(plan.Notes, in.notNeeded(o.Path, t))
		}
		return plan, nil
	}
	for _, o := range p.own {
		if o.Edited && !in.Force {
			return nil, fmt.Errorf("%s was edited since linkaudit wrote it; see what is in it, then use --force to write it anew", o.Path)
		}
	}
	candidates, err := p.candidates(need.before)
	if err != nil && len(candidates) == 0 {
		return nil, err
	}
	var reasons, blocked []error
	for _, c := range candidates {
		if err := c.NeedDirs(in.DirExists); err != nil {
			return nil, err
		}
		text := c.Text()
		_, taken := p.store.Content(c.Path) // by a file that is none of ours
		after, ok := p.store.With(c.Path, text)
		if taken || !ok {
			blocked = append(blocked, fmt.Errorf("%s is in the way or its directory cannot be read", c.Path))
			continue
		}
		if err := p.works(after, c.Path); err != nil {
			reasons = append(reasons, fmt.Errorf("%s would not do: %w", c.Path, err))
			continue
		}
		plan.Path, plan.Content = c.Path, text
		plan.Why = need.why
		plan.Notes = p.notes
		for _, o := range p.own {
			if o.Path == c.Path {
				plan.Old, _ = in.Snapshot.Files.Content(o.Path)
			} else {
				plan.Remove = append(plan.Remove, *o)
			}
		}
		return plan, nil
	}
	// What is wrong with a name that is free says more.
	reasons = append(reasons, blocked...)
	if len(reasons) == 0 {
		return nil, fmt.Errorf("%s sorts before every name that linkaudit gives to a file, so nothing it writes can come before it: give that file another name, or set MACAddressPolicy=none in it", need.path)
	}
	return nil, reasons[0]
}

// devicesAndBase finds the devices that the override is for, and the file in
// force for them.
func (p *planner) devicesAndBase() error {
	sys := &p.in.Snapshot.System
	decider := p.tree.For(sys)
	t := p.target
	decide := func(name string, dev *linkfiles.Device) subject {
		assign, ok := dev.NameAssignType.Get()
		return subject{name: name, facts: dev, before: decider.Decide(dev), renamed: ok && assign == host.NameRenamed}
	}
	var present, same []subject
	for i := range p.in.Snapshot.Devices {
		d := &p.in.Snapshot.Devices[i]
		s := decide(d.Name, policy.LinkDevice(d))
		switch {
		case t.Name != "" && d.Name == t.Name:
			present = append(present, s)
		case t.Name == "" && d.Kind == t.Kind:
			same = append(same, s)
		default:
			p.others = append(p.others, s)
		}
	}
	lead := decide(t.Name, policy.NewDevice(t.Name, t.Kind))
	if t.Name == "" {
		lead = decide("a new "+t.Kind, policy.NewOfKind(t.Kind))
	}
	if (lead.before.File.IsUnknown() || t.Kind == "") && len(present) > 0 {
		// Of some kinds only a device that exists shows what it is like, and
		// hardware comes back with the same address.
		lead, present = present[0], nil
	}
	if lead.before.File.IsUnknown() {
		help := "mend that first, or look as root and on the machine itself"
		if t.Kind == "" {
			help = "create the device first, or name its kind (--bond, --bridge)"
		}
		return fmt.Errorf("which .link file is in force for %s is not known (%s): %s", t, lead.before.File.Reason(), help)
	}
	p.base = lead.before.File.Or(nil)
	p.devices = append([]subject{lead}, present...)
	for _, s := range same {
		if f, ok := s.before.File.Get(); s.before.File.IsAbsent() && p.base == nil || ok && f == p.base {
			p.devices = append(p.devices, s)
			continue
		}
		p.others = append(p.others, s)
		if f := s.before.File.Or(nil); f != nil {
			if set, _ := f.MACAddressPolicy(); set.Value == "persistent" || set.Value == "random" {
				p.notes = append(p.notes, fmt.Sprintf("%s is governed by %s, which comes first: it needs a fix of its own: %s", s.name, f.Path, policy.Remedy{Command: "fix", Target: override.Target{Kind: s.facts.Kind.Or(""), Name: s.name}, Place: p.in.Place}))
			}
		}
	}
	for _, s := range present {
		if s.before.File.Or(nil) != p.base {
			p.notes = append(p.notes, fmt.Sprintf("for the %s that exists now %s is in force, for one that is created anew %s", s.name, fileName(s.before.File.Or(nil)), fileName(p.base)))
		}
		if s.renamed {
			p.notes = append(p.notes, fmt.Sprintf("%s was renamed: the override is for a device that is created with this name", s.name))
		}
	}
	return nil
}

// need is why an override is needed, or not.
type need struct {
	// before is the base name before which it has to sort; "" for none needed.
	before string
	// path is the file of that name.
	path string
	// why is for Plan.Why.
	why string
}

// need finds the file whose place an override has to take: the one whose address
// policy has to be replaced for a new device or, where that leaves the address
// alone, for one that exists, to which its address may give another file.
// Otherwise a file of a package that says the right thing only since it was
// edited or removed in place.
func (p *planner) need() need {
	t := p.target
	for _, s := range p.devices {
		f := s.before.File.Or(nil)
		if f == nil {
			continue
		}
		if set, is := f.MACAddressPolicy(); is && set.Value != "none" {
			return need{f.Name, f.Path, fmt.Sprintf("MACAddressPolicy=%s is in force for %s by %s", set.Value, t, set.Pos)}
		}
	}
	why := fmt.Sprintf("no MACAddressPolicy= is in force for %s, which is the same as none", t)
	if p.base != nil {
		if set, is := p.base.MACAddressPolicy(); is {
			why = fmt.Sprintf("MACAddressPolicy=none is in force for %s already, by %s", t, set.Pos)
		}
	}
	if _, given := p.address(); len(p.edited) == 0 || given {
		return need{why: why}
	}
	v := &p.edited[0]
	until := fmt.Sprintf("%s, but only until the next upgrade of %s: %s %s", strings.Replace(why, " already", "", 1), v.Package, v.Path, v.What())
	if p.base != nil {
		return need{p.base.Name, p.base.Path, until}
	}
	return need{path.Base(v.Path), v.Path, until}
}

// address is MACAddress= of the file in force.
func (p *planner) address() (linkfiles.Setting, bool) {
	if p.base == nil {
		return linkfiles.Setting{}, false
	}
	return p.base.MACAddress()
}

// editedInPlace finds the files of packages that concern the target: those in
// force, or a part of them, and, where no file is in force, those that were
// removed or emptied.
func (p *planner) editedInPlace() []policy.VendorFile {
	return slices.DeleteFunc(policy.EditedVendorFiles(p.in.Snapshot), func(v policy.VendorFile) bool {
		return !v.Concerns(p.base, p.store, p.tree)
	})
}

func fileName(f *linkfiles.File) string {
	if f == nil {
		return "no file"
	}
	return f.Path
}

// candidates are the overrides that may do, the best first: the one that is
// there already, a drop-in where the file in force is for the target alone and
// stays as it is, and new files in front of it, which sort before the name limit.
func (p *planner) candidates(limit string) ([]*override.Override, error) {
	var out []*override.Override
	t := p.target
	add := func(name, body string) {
		if slices.ContainsFunc(out, func(o *override.Override) bool { return o.Path == name }) {
			return
		}
		o := &override.Override{Path: name, Target: t, Sources: override.Sources(p.store, p.base), Body: body}
		for _, own := range p.own {
			if own.Path == name {
				o.MadeDirs = own.MadeDirs
			}
		}
		out = append(out, o)
	}
	alone := p.base != nil && (t.Name != "" && p.base.OnlyName(t.Name) || t.Name == "" && p.base.OnlyKind(t.Kind))
	if alone && len(p.edited) == 0 && p.in.Release.ReadsDropIns() {
		body := "[Link]\n"
		if _, ok := p.base.MACAddress(); ok {
			body += "MACAddress=\n"
		}
		add(path.Join(override.Dir, p.base.Name+".d", override.DropInName), body+"MACAddressPolicy=none\n")
	}
	body, err := p.body()
	if err != nil {
		return out, err
	}
	for _, own := range p.own {
		if !own.DropIn() && path.Base(own.Path) < limit {
			add(own.Path, body)
		}
	}
	prefixes := []int{}
	for prefix := firstPrefix; prefix >= 0; prefix-- {
		prefixes = append(prefixes, prefix)
	}
	// Further back only where another device's file must stay in front.
	for prefix := firstPrefix + 1; prefix <= 99; prefix++ {
		prefixes = append(prefixes, prefix)
	}
	for _, prefix := range prefixes {
		if name := override.FileName(prefix, t); name < limit {
			add(path.Join(override.Dir, name), body)
		}
	}
	return out, nil
}

// body is a whole .link file: a [Match] for the target alone, and the settings
// of the file in force with another address policy.
func (p *planner) body() (string, error) {
	t := p.target
	var b strings.Builder
	b.WriteString("[Match]\n")
	if t.Name != "" {
		b.WriteString("OriginalName=" + literalPattern(t.Name) + "\n")
	}
	if t.Kind != "" {
		key, value, ok := policy.MatchKind(p.in.Release, t.Kind)
		switch {
		case ok:
			b.WriteString(key + "=" + value + "\n")
		case t.Name == "":
			return "", fmt.Errorf("systemd %d has no key in [Match] for devices of kind %s; name the devices one by one", p.in.Release, t.Kind)
		}
	}
	b.WriteString("\n[Link]\nMACAddressPolicy=none\n")
	if p.base == nil {
		return b.String(), nil
	}
	section := linkfiles.Pos{}
	for _, a := range p.base.Assignments {
		switch {
		case a.Section == "Match", isAddressKey(a):
		case a.Section == "Link":
			if a.Taken {
				b.WriteString(a.Key + "=" + a.Value + "\n")
			}
		}
	}
	for _, a := range p.base.Assignments {
		if a.Section == "Match" || a.Section == "Link" {
			continue
		}
		if a.SectionPos != section {
			section = a.SectionPos
			b.WriteString("\n[" + a.Section + "]\n")
		}
		b.WriteString(a.Key + "=" + a.Value + "\n")
	}
	return b.String(), nil
}

// isAddressKey picks the two settings that an override is about.
func isAddressKey(a linkfiles.Assignment) bool {
	return a.Section == "Link" && (a.Key == "MACAddressPolicy" || a.Key == "MACAddress")
}

// literalPattern is a pattern of OriginalName= that fits just the name. It
// passes two readers: the one that splits the list and takes a backslash away,
// and fnmatch(3).
func literalPattern(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; c {
		case '*', '?', '[':
			b.WriteString("[" + string(rune(c)) + "]")
		case '\\':
			b.WriteString(`\\\\`)
		case '!', '"', '\'':
			if c == '!' && i > 0 {
				b.WriteByte(c)
				continue
			}
			b.WriteString(`\\` + string(rune(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// works asks what udevd would make of the files once they are as in after.
func (p *planner) works(after *linkfiles.Store, name string) error {
	tree := linkfiles.Parse(after, p.in.Release)
	if err := matchTaken(tree, name); err != nil {
		return err
	}
	decider := tree.For(&p.in.Snapshot.System)
	var failed error
	for i, s := range p.devices {
		err := inForce(decider.Decide(s.facts), name, p.base)
		switch {
		case err == nil:
		case i > 0 && s.renamed && errors.Is(err, errNotApplied):
			// Some releases match a renamed device by no OriginalName=.
		default:
			failed = both(failed, fmt.Errorf("for %s %w", s.name, err))
		}
	}
	if failed != nil {
		return failed
	}
	// udevd leaves out a name that it does not take for one, such as one that
	// is not ASCII, and a file that names none is for every device of the kind.
	if p.target.Name != "" {
		stranger := *p.devices[0].facts
		if stranger.Name = "linkaudit0"; p.target.Name == stranger.Name {
			stranger.Name = "linkaudit1"
		}
		if f := decider.Decide(&stranger).File.Or(nil); f != nil && f.Path == name {
			return fmt.Errorf("udevd %d knows no device by such a name, and would apply it to others as well", p.in.Release)
		}
	}
	for _, s := range p.others {
		if !sameDecision(s.before, decider.Decide(s.facts)) {
			return fmt.Errorf("%s would get another file or other settings than before", s.name)
		}
	}
	return nil
}

// matchTaken makes sure that udevd takes every line of the override's [Match]:
// without its OriginalName= it would be for every device of the kind.
func matchTaken(tree *linkfiles.Tree, name string) error {
	for _, f := range tree.Files {
		for _, a := range f.Assignments {
			if a.File == name && a.Section == "Match" && !a.Taken {
				return fmt.Errorf("udevd takes no %s=%s", a.Key, a.Value)
			}
		}
	}
	return nil
}

var errNotApplied = errors.New("it does not apply")

// inForce reports why the override name does not do what it is for: to be what
// applies, with MACAddressPolicy=none and otherwise the settings of base.
func inForce(d linkfiles.Decision, name string, base *linkfiles.File) error {
	f, ok := d.File.Get()
	switch {
	case d.File.IsUnknown():
		return fmt.Errorf("%w for sure: %s", errNotApplied, d.File.Reason())
	case !ok:
		return errNotApplied
	case f.Path != name && !slices.Contains(f.DropIns, name):
		return fmt.Errorf("%w, but %s", errNotApplied, f.Path)
	}
	switch set, sets := f.MACAddressPolicy(); {
	case !sets:
		return fmt.Errorf("%s sets no MACAddressPolicy=", f.Path)
	case set.Value != "none":
		return fmt.Errorf("MACAddressPolicy=%s is in force, by %s", set.Value, set.Pos)
	}
	if set, ok := f.MACAddress(); ok {
		return fmt.Errorf("MACAddress=%s is in force, by %s", set.Value, set.Pos)
	}
	if want, is := settings(base), settings(f); !slices.Equal(want, is) {
		return fmt.Errorf("the other settings of %s cannot be carried over", fileName(base))
	}
	return nil
}

// settings are what a file sets but for the address, in order, with the
// sections that come again told apart.
func settings(f *linkfiles.File) []string {
	if f == nil {
		return nil
	}
	var link, rest []string
	last, n := linkfiles.Pos{}, 0
	for _, a := range f.Assignments {
		switch {
		case a.Section == "Match", isAddressKey(a):
		case a.Section == "Link":
			if a.Taken {
				link = append(link, a.Key+"="+a.Value)
			}
		default:
			if a.SectionPos != last {
				last = a.SectionPos
				n++
			}
			rest = append(rest, fmt.Sprintf("%d %s %s=%s", n, a.Section, a.Key, a.Value))
		}
	}
	return append(link, rest...)
}

// sameDecision compares what a device gets before and after a change.
func sameDecision(x, y linkfiles.Decision) bool {
	fx, fy := x.File.Or(nil), y.File.Or(nil)
	if x.File.IsUnknown() || y.File.IsUnknown() {
		return x.File.IsUnknown() == y.File.IsUnknown() && fileName(x.Otherwise) == fileName(y.Otherwise)
	}
	if fx == nil || fy == nil {
		return fx == fy
	}
	px, _ := fx.MACAddressPolicy()
	py, _ := fy.MACAddressPolicy()
	ax, _ := fx.MACAddress()
	ay, _ := fy.MACAddress()
	return fx.Path == fy.Path && slices.Equal(fx.DropIns, fy.DropIns) && px == py && ax == ay && slices.Equal(settings(fx), settings(fy))
}
