package audit

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"sync"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/parallel"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// Check audits the devices that opt chooses: which file of the tree applies
// to each, what follows for its address, and what there is to say about it.
//
// A device that opt names is audited even where the site ignores it. A
// complaint about a file is a finding of every audited device whose effective
// file it is, and otherwise one of the host; never both.
func Check(snap *host.Snapshot, tree *linkfiles.Tree, opt Options) *Result {
	a := &hostAudit{snap: snap, tree: tree, opt: opt, decider: tree.For(&snap.System)}
	a.byName = sync.OnceValue(a.indexNames)
	a.byPath = sync.OnceValue(a.indexPaths)
	a.declared = sync.OnceValue(a.indexDeclared)
	a.unrecorded = sync.OnceValue(a.findUnrecorded)
	a.filesSetAddresses = sync.OnceValue(a.findSetsAddresses)
	a.images = sync.OnceValue(func() []image { return parseImages(snap, tree.Release) })
	return a.run()
}

// Lint returns the findings that the files alone give rise to.
func Lint(tree *linkfiles.Tree, opt Options) []Finding {
	a := &hostAudit{snap: &host.Snapshot{}, tree: tree, opt: opt}
	var out []Finding
	for _, f := range tree.Files {
		out = append(out, a.complaints(f.Diagnostics)...)
		if f.State == linkfiles.StateActive {
			out = a.weigh(out, ruleNamed(settingRefusedName), refusalFound(f, tree.Release, "", fact.Unknown[string](say("any-kernel"))))
		}
	}
	return ordered(append(out, a.complaints(tree.Diagnostics)...))
}

// LintNothing is the finding of a tree in which there is no .link file at all:
// there is nothing to find fault with, and nobody should take that for a good one.
func LintNothing(opt Options) []Finding {
	return weigh(nil, opt.Site, ruleNamed("link-files-missing"), []found{{message: say("link-files-missing")}})
}

// hostAudit is one run of Check.
type hostAudit struct {
	snap *host.Snapshot
	tree *linkfiles.Tree
	opt  Options
	// decider is nil for Lint, which has no devices.
	decider *linkfiles.Decider

	// Indexes of snap.Devices by name, alternative names included, and of
	// tree.Files by resolved path, made at the first use: a host may have
	// thousands of either.
	byName   func() map[string]*host.Device
	byPath   func() map[string]*linkfiles.File
	declared func() declared
	// unrecorded is a file whose name udevd cannot put into its database.
	unrecorded func() string
	// filesSetAddresses: a file gives hardware another address than its own.
	filesSetAddresses func() bool
	// images are the initramfs images whose .link files have an effect.
	images func() []image

	// audited are the devices, for the rules about the host; derived counts
	// those among them to which udevd or systemd-networkd give an address made of
	// the machine-id.
	audited []DeviceResult
	derived int
}

func (a *hostAudit) run() *Result {
	todo := a.devicesToAudit()
	r := &Result{Snapshot: a.snap, Tree: a.tree, Place: a.opt.Place, Devices: make([]DeviceResult, len(todo))}
	files := make([]*linkfiles.File, len(todo))
	parallel.Each(len(todo), parallelFrom, func() func(int) {
		// Of many devices, what each leaves is kept and no more.
		s, findings := &analysis{}, []Finding(nil)
		return func(i int) {
			a.analyse(s, todo[i])
			files[i] = s.file
			findings = a.ofDevice(s, findings[:0])
			r.Devices[i] = s.result(append([]Finding{}, ordered(findings)...))
		}
	})
	effective := map[*linkfiles.File]bool{}
	for _, f := range files {
		effective[f] = true
	}
	a.audited = r.Devices
	for i := range r.Devices {
		if a.derives(&r.Devices[i]) {
			a.derived++
		}
	}
	for _, rule := range catalogue {
		if rule.host != nil {
			r.Findings = a.weigh(r.Findings, rule, rule.host(a))
		}
	}
	for _, f := range a.tree.Files {
		if !effective[f] {
			r.Findings = append(r.Findings, a.complaints(f.Diagnostics)...)
		}
	}
	r.Findings = ordered(append(r.Findings, a.complaints(a.tree.Diagnostics)...))
	return r
}

// ofDevice adds what is found of one device.
func (a *hostAudit) ofDevice(s *analysis, findings []Finding) []Finding {
	if s.file != nil {
		findings = append(findings, a.complaints(s.file.Diagnostics)...)
	}
	for _, rule := range catalogue {
		if rule.device != nil {
			findings = a.weigh(findings, rule, rule.device(s))
		}
	}
	return findings
}

// parallelFrom is the number of devices from which on it pays to judge them on
// all processors.
const parallelFrom = 256

// asked is a device to audit.
type asked struct {
	device *host.Device // nil for one that does not exist
	target Target       // then
}

// devicesToAudit are the devices to audit: in the user's order where he named them, else in the
// order of their index, with those at the end that are declared and do not exist yet.
func (a *hostAudit) devicesToAudit() []asked {
	if len(a.opt.Targets) > 0 {
		return a.named()
	}
	return a.chosen()
}

func (a *hostAudit) named() (todo []asked) {
	seen := map[string]bool{}
	for _, t := range a.opt.Targets {
		d := a.byName()[t.Name]
		name := t.Name
		if d != nil {
			name = d.Name
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		todo = append(todo, asked{d, t})
	}
	return todo
}

func (a *hostAudit) chosen() []asked {
	todo := make([]asked, 0, len(a.snap.Devices))
	for i := range a.snap.Devices {
		if d := &a.snap.Devices[i]; a.opt.Chooses(d.Name, d.Kind) {
			todo = append(todo, asked{device: d})
		}
	}
	slices.SortStableFunc(todo, func(x, y asked) int { return cmp.Compare(x.device.Index, y.device.Index) })
	for _, d := range declaredToCome(a.snap.Devices, a.snap.Declarations.Or(nil)) {
		if a.opt.Chooses(d.Device, d.Kind) {
			todo = append(todo, asked{target: Target{Name: d.Device, Kind: d.Kind}})
		}
	}
	return todo
}

// Chooses reports whether a device that the user did not name is one to audit.
func (o *Options) Chooses(name, kind string) bool {
	wanted := o.Kinds
	if len(wanted) == 0 {
		wanted = host.DefaultKinds
	}
	if !o.All && !slices.Contains(wanted, kind) {
		return false
	}
	if o.Site == nil {
		return true
	}
	_, ignored, _ := o.Site.Expect(name, kind)
	return !ignored
}

func (a *hostAudit) indexNames() map[string]*host.Device {
	byName := make(map[string]*host.Device, len(a.snap.Devices))
	for i := range a.snap.Devices {
		for _, alt := range a.snap.Devices[i].AltNames {
			byName[alt] = &a.snap.Devices[i]
		}
	}
	for i := range a.snap.Devices {
		byName[a.snap.Devices[i].Name] = &a.snap.Devices[i]
	}
	return byName
}

// futureDevice is what [Match] will see of a device that a program creates as it is
// declared, with the address of the declaration where that has one.
func futureDevice(name, kind string, of []netconf.Declaration) *linkfiles.Device {
	dev := policy.NewDevice(name, kind)
	if mac := createdWith(of); mac != "" {
		dev.MAC = fact.Known(mac)
	}
	return dev
}

// createdWith is the address with which a program is to create a device, "" where
// no configuration says one.
func createdWith(of []netconf.Declaration) linkfiles.MAC {
	for _, d := range of {
		if d.Creates && d.Ignored == "" && d.Address.AtCreation && d.Address.Way == netconf.WayExplicit && !overruled(of, d) {
			return d.Address.MAC
		}
	}
	return ""
}

// macAddress is MACAddress= of the effective file.
func (s *inForce) macAddress() (linkfiles.MAC, bool) {
	if s.file == nil {
		return "", false
	}
	set, ok := s.file.MACAddress()
	return linkfiles.MAC(set.Value), ok
}

// appliedFile is the file of the tree that udevd last applied to the device,
// nil where there was none or the tree has it no longer.
func (s *subject) appliedFile() *linkfiles.File {
	applied, ok := s.Applied.Get()
	if !ok {
		return nil
	}
	return s.byPath()[s.resolve(applied)]
}

func (a *hostAudit) indexPaths() map[string]*linkfiles.File {
	byPath := make(map[string]*linkfiles.File, len(a.tree.Files))
	for _, f := range a.tree.Files {
		byPath[a.resolve(asRecorded(f.Path))] = f
	}
	return byPath
}

func (s *subject) appliedPolicy() string { return policy.OfFile(s.appliedFile()) }

func (s *inForce) appliedIsEffective() bool {
	return s.file != nil && s.appliedFile() == s.file
}

// samePath compares two names of .link files through the links among the
// search directories: /lib/systemd/network may be /usr/lib/systemd/network.
func (a *hostAudit) samePath(x, y string) bool {
	return a.resolve(x) == a.resolve(y)
}

func (a *hostAudit) resolve(name string) string {
	dir := path.Dir(name)
	for _, d := range a.snap.Files.Dirs {
		if d.Path == dir && d.Resolved != "" {
			return path.Join(d.Resolved, path.Base(name))
		}
	}
	return path.Clean(name)
}

// applied is the file that udevd last applied to the device, by its database.
func (a *hostAudit) applied(d *host.Device) fact.Fact[string] {
	recorded := property(d.UdevDB, "ID_NET_LINK_FILE")
	if !recorded.IsAbsent() || !d.UdevDB.IsKnown() || d.Loopback() || a.tree.Release < recordsCleanText {
		return recorded
	}
	if file := a.unrecorded(); file != "" {
		return fact.Unknown[string](say("name-not-recorded", "since", recordsCleanText, "file", file))
	}
	return recorded
}

// findUnrecorded returns the first file of the tree whose name a udevd with
// recordsCleanText does not record, "" if there is none.
func (a *hostAudit) findUnrecorded() string {
	for _, f := range a.tree.Files {
		if !linkfiles.CleanText(f.Path) {
			return f.Path
		}
	}
	return ""
}

// asRecorded is what a reader of the udev database gets to see of a path: the
// database has a line for each property.
func asRecorded(path string) string {
	before, _, _ := strings.Cut(path, "\n")
	return before
}

func property(db fact.Fact[map[string]string], key string) fact.Fact[string] {
	m, ok := db.Get()
	if !ok {
		if db.IsUnknown() {
			return fact.Unknown[string](say("udev-database", "why", db.Reason()))
		}
		return fact.Absent[string]()
	}
	return fact.Text(m[key])
}

// weigh adds what a rule found to findings, at the site's severity.
func (a *hostAudit) weigh(to []Finding, rule *Rule, found []found) []Finding {
	return weigh(to, a.opt.Site, rule, found)
}

func weigh(to []Finding, site Site, rule *Rule, found []found) []Finding {
	for _, f := range found {
		severity := cmp.Or(f.severity, rule.Severity)
		if site != nil {
			var on bool
			if severity, on = site.Severity(rule.Name, severity); !on {
				continue
			}
		}
		to = append(to, Finding{
			Rule: rule.Name, Severity: severity, Message: f.message,
			File: f.pos.File, Line: f.pos.Line, Help: f.help, Remedy: f.remedy,
		})
	}
	return to
}

// complaints turns udevd's complaints about a file into findings.
func (a *hostAudit) complaints(ds []linkfiles.Diagnostic) []Finding {
	var out []Finding
	for _, d := range ds {
		if d.Repeats {
			continue
		}
		rule, ok := byCode[d.Code]
		if !ok {
			panic("audit: no rule for the code " + string(d.Code))
		}
		f := found{message: linkfiles.Told(d.Message), pos: d.Pos}
		if d.Level == linkfiles.LevelInfo {
			f.severity = Info
		}
		if rule.complaintHelp != nil {
			f.help = rule.complaintHelp(d)
		}
		out = a.weigh(out, rule, []found{f})
	}
	return out
}

// ordered sorts findings, the heaviest first and then by place, and drops
// repetitions.
func ordered(fs []Finding) []Finding {
	slices.SortStableFunc(fs, func(x, y Finding) int {
		if c := cmp.Or(
			y.Severity.Compare(x.Severity),
			cmp.Compare(x.File, y.File),
			cmp.Compare(x.Line, y.Line),
			cmp.Compare(x.Rule, y.Rule),
		); c != 0 {
			return c
		}
		return x.Message.Compare(y.Message)
	})
	fs = slices.CompactFunc(fs, Finding.same)
	if fs == nil {
		return []Finding{}
	}
	return fs
}

// same reports whether two findings, which stand side by side, say the same.
func (f Finding) same(other Finding) bool {
	return f.Rule == other.Rule && f.File == other.File && f.Line == other.Line && f.Severity == other.Severity &&
		f.Remedy == other.Remedy && f.Message.Equal(other.Message) && f.Help.Equal(other.Help)
}

func weight(s Severity) int {
	switch s {
	case Error:
		return 3
	case Warning:
		return 2
	case Info:
		return 1
	}
	return 0
}

// Compare orders severities, the lightest first.
func (s Severity) Compare(other Severity) int { return cmp.Compare(weight(s), weight(other)) }

// AtLeast reports whether s is as heavy as threshold or heavier.
func (s Severity) AtLeast(threshold Severity) bool { return s.Compare(threshold) >= 0 }
