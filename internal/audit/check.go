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

// Check audits the devices that opt chooses: which file of the tree applies to each,
// which address follows, and the findings.
//
// A device that opt names is audited even if the site ignores it. A complaint about a
// file becomes a finding of every audited device with that effective file. If there is
// no such device, it becomes a finding of the host.
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

// Lint returns the findings about the files alone.
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

// LintNothing returns the finding for a tree without a .link file. A report without
// findings would look like success.
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

	// Indexes, created at first use because a host may have thousands of devices and
	// files: snap.Devices by name and alternative name, and tree.Files by resolved
	// path.
	byName   func() map[string]*host.Device
	byPath   func() map[string]*linkfiles.File
	declared func() declared
	// unrecorded returns a file with a name that udev cannot put into its database, ""
	// for none.
	unrecorded func() string
	// filesSetAddresses reports whether a file replaces the address of hardware.
	filesSetAddresses func() bool
	// images are the initramfs images with .link files that have an effect.
	images func() []image

	// audited are the devices, for the rules about the host. derived counts those with
	// an address that udev or systemd-networkd derives from the machine ID.
	audited []DeviceResult
	derived int
}

func (a *hostAudit) run() *Result {
	todo := a.devicesToAudit()
	r := &Result{Snapshot: a.snap, Tree: a.tree, Place: a.opt.Place, Devices: make([]DeviceResult, len(todo))}
	files := make([]*linkfiles.File, len(todo))
	parallel.Each(len(todo), parallelFrom, func() func(int) {
		// With many devices, keep only the result of each.
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

// ofDevice appends the findings about one device.
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

// parallelFrom is the number of devices from which several processors are faster than
// one.
const parallelFrom = 256

// asked is a device to audit.
type asked struct {
	device *host.Device // nil if it does not exist
	target Target       // set if device is nil
}

// devicesToAudit returns the devices that the user named, in that order. If the user
// named none, it returns the existing devices in the order of their index, then the
// declared ones that do not exist yet.
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
	for _, d := range futureDeclarations(a.snap.Devices, a.snap.Declarations.Or(nil)) {
		if a.opt.Chooses(d.Device, d.Kind) {
			todo = append(todo, asked{target: Target{Name: d.Device, Kind: d.Kind}})
		}
	}
	return todo
}

// Chooses reports whether to audit a device that the user did not name.
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

// futureDevice returns what [Match] will see when a program creates the device as
// declared, with the declared address if there is one.
func futureDevice(name, kind string, of []netconf.Declaration) *linkfiles.Device {
	dev := policy.NewDevice(name, kind)
	if mac := createdWith(of); mac != "" {
		dev.MAC = fact.Known(mac)
	}
	return dev
}

// createdWith is the address that the configuration sets when it creates a device, ""
// for none.
func createdWith(of []netconf.Declaration) linkfiles.MAC {
	for _, d := range of {
		if d.Creates && d.Ignored == "" && d.Address.AtCreation && d.Address.Way == netconf.WayExplicit && !overruled(of, d) {
			return d.Address.MAC
		}
	}
	return ""
}

// macAddress returns MACAddress= of the effective file.
func (s *decided) macAddress() (linkfiles.MAC, bool) {
	if s.file == nil {
		return "", false
	}
	set, ok := s.file.MACAddress()
	return linkfiles.MAC(set.Value), ok
}

// appliedFile returns the file that udev last applied to the device; nil if there was
// none or it is no longer in the tree.
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

func (s *decided) appliedIsEffective() bool {
	return s.file != nil && s.appliedFile() == s.file
}

// samePath compares paths of .link files. It resolves links among the search
// directories: /lib/systemd/network may be /usr/lib/systemd/network.
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

// applied returns the file that udev last applied to the device, from udev's database.
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

// findUnrecorded returns the first file of the tree with a name that udev does not
// record since recordsCleanText, "" if there is none.
func (a *hostAudit) findUnrecorded() string {
	for _, f := range a.tree.Files {
		if !linkfiles.CleanText(f.Path) {
			return f.Path
		}
	}
	return ""
}

// asRecorded returns a path as a reader of the udev database sees it. The database has
// one line for each property.
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

// weigh appends the findings of a rule, with the site's severity.
func (a *hostAudit) weigh(to []Finding, rule *Rule, found []found) []Finding {
	return weigh(to, a.opt.Site, rule, found)
}

func weigh(to []Finding, site Site, rule *Rule, found []found) []Finding {
	for _, f := range found {
		severity, on := siteSeverity(site, rule.Name, cmp.Or(f.severity, rule.Severity))
		if !on {
			continue
		}
		to = append(to, Finding{
			Rule: rule.Name, Severity: severity, Message: f.message, Cause: f.cause,
			File: f.pos.File, Line: f.pos.Line, Help: f.help, Remedy: f.remedy,
		})
	}
	return to
}

// siteSeverity returns the severity of a rule at the site, false if the rule is
// switched off. site may be nil.
func siteSeverity(site Site, rule string, severity Severity) (Severity, bool) {
	if site == nil {
		return severity, true
	}
	return site.Severity(rule, severity)
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

// ordered sorts findings by severity, highest first, then by position, and drops
// duplicates.
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

// same reports whether two neighbours in the sorted list say the same.
func (f Finding) same(other Finding) bool {
	return f.Rule == other.Rule && f.File == other.File && f.Line == other.Line && f.Severity == other.Severity &&
		f.Remedy == other.Remedy && f.Message.Equal(other.Message) && f.Cause.Equal(other.Cause) && f.Help.Equal(other.Help)
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

// Compare orders severities, lowest first.
func (s Severity) Compare(other Severity) int { return cmp.Compare(weight(s), weight(other)) }

// AtLeast reports whether s is threshold or higher.
func (s Severity) AtLeast(threshold Severity) bool { return s.Compare(threshold) >= 0 }
