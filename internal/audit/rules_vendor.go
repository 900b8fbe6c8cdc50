package audit

import (
	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// vendorRules look at the files of packages.
var vendorRules = []Rule{
	{
		Name: "vendor-file-edited", Severity: Error,
		host: func(a *hostAudit) []found {
			var out []found
			for _, v := range EditedVendorFiles(a.snap) {
				out = append(out, a.vendorFileEdited(&v))
			}
			return out
		},
	},
	{
		Name: "vendor-file-unowned", Severity: Info,
		host: func(a *hostAudit) []found {
			records, ok := a.snap.Packaged.Get()
			if !ok {
				return nil
			}
			owned := map[string]bool{}
			for _, p := range records {
				owned[p.Path] = true
			}
			var out []found
			for _, name := range host.VendorFiles(&a.snap.Files) {
				if !owned[name] {
					out = append(out, found{pos: linkfiles.Pos{File: name}, message: say("vendor-file-unowned", "file", name)})
				}
			}
			return out
		},
	},
	{
		Name: "vendor-files-unknown", Severity: Info,
		host: func(a *hostAudit) []found {
			switch {
			case !a.snap.Packaged.Collected():
				return nil // by the linkaudit that took the snapshot
			case a.snap.Packaged.IsUnknown() && a.vendorFilesMatter():
				return notKnown(a.snap.Packaged, say("whether-vendor-files-are-as-brought"))
			}
			var out []found
			for _, p := range a.snap.Packaged.Or(nil) {
				var why *linkfiles.Statement
				switch {
				case p.State(&a.snap.Files) == host.FileUncompared && p.MD5 == "":
					why = say("no-checksum-recorded")
				case p.State(&a.snap.Files) == host.FileUncompared:
					why = say("file-not-read")
				case p.HalfInstalled:
					why = say("package-half-installed")
				default:
					continue
				}
				out = append(out, found{
					pos:     linkfiles.Pos{File: p.Path},
					message: say("vendor-file-unknown", "file", p.Path, "package", p.Package, "why", why),
					help:    say("verify-or-reinstall", "package", p.Package),
				})
			}
			return out
		},
	},
}

// vendorFilesMatter reports whether a file of a package is in force for an
// audited device, or none is, so that one may have been removed.
func (a *hostAudit) vendorFilesMatter() bool {
	for i := range a.audited {
		f, known := a.audited[i].LinkFile.Get()
		if a.audited[i].LinkFile.IsAbsent() || known && host.VendorPath(a.snap.Files.Resolved(f.Path)) {
			return true
		}
	}
	return false
}

// vendorFileEdited weighs one by what the next upgrade does to audited devices.
func (a *hostAudit) vendorFileEdited(v *VendorFile) found {
	to := a.upgradeDoesTo(v)
	severity, says, first := to.weigh(v)
	f := found{severity: severity, message: says, pos: linkfiles.Pos{File: v.Path, Line: v.Line}}
	restore, compare := v.Restores(a.opt.Place), v.Recorded == nil && v.State == host.FileEdited
	if first == nil || !a.fixKeeps(v, first) {
		f.help = say("keep-edit-by-hand", "restore", restore, "compare", compare, "package", v.Package)
		return f
	}
	f.remedy = a.remedy("fix", override.Target{Kind: first.Kind, Name: first.Name})
	f.help = say("keep-edit-by-fix", "fix", f.remedy, "restore", restore, "compare", compare, "package", v.Package)
	return f
}

// upgraded are the audited devices by what the next upgrade of a package does to them.
type upgraded struct {
	same, changed, unknown, behind []*DeviceResult
	// then is the policy of the first that changes.
	then string
}

func (a *hostAudit) upgradeDoesTo(v *VendorFile) (to upgraded) {
	restored := v.Restored(a.snap, a.tree.Release)
	for i := range a.audited {
		d := &a.audited[i]
		f := d.LinkFile.Or(nil)
		governs := v.Governs(f, &a.snap.Files)
		if d.LinkFile.IsUnknown() || !governs && !v.MayCome(f, a.tree) {
			continue
		}
		switch then := restored(d.linkDevice()); {
		case then.IsUnknown() && governs:
			to.unknown = append(to.unknown, d)
		case then.IsUnknown():
			to.behind = append(to.behind, d)
		case then.Or("") != policy.OfFile(f):
			if len(to.changed) == 0 {
				to.then = then.Or("")
			}
			to.changed = append(to.changed, d)
		default:
			to.same = append(to.same, d)
		}
	}
	return to
}

// weigh says what the gravest of it is, and returns the first device that it happens to,
// nil where it changes nothing for any.
func (to *upgraded) weigh(v *VendorFile) (severity Severity, says *linkfiles.Statement, first *DeviceResult) {
	what := v.What()
	switch {
	case len(to.changed) > 0:
		first = to.changed[0]
		return Error, say("upgrade-changes-policy", "what", what, "package", v.Package, "devices", andMore(to.changed),
			"then", PolicySetting(to.then), "now", PolicySetting(first.Policy.Or(""))), first
	case len(to.unknown) > 0:
		return Warning, say("upgrade-sets-unknown-policy", "what", what, "package", v.Package, "devices", andMore(to.unknown)), to.unknown[0]
	case len(to.behind) > 0:
		return Warning, say("upgrade-may-bring-file-for", "what", what, "package", v.Package, "devices", andMore(to.behind)), to.behind[0]
	case len(to.same) > 0:
		return Info, say("upgrade-keeps-policy", "what", what, "package", v.Package, "devices", andMore(to.same)), nil
	}
	return Info, say("upgrade-undoes-that", "what", what, "package", v.Package), nil
}

// fixKeeps reports whether fix writes what is in force for the device into a file that no
// upgrade touches.
func (a *hostAudit) fixKeeps(v *VendorFile, d *DeviceResult) bool {
	if p := d.Policy.Or(""); p != "" && p != policy.None {
		return false
	}
	f := d.LinkFile.Or(nil)
	return v.Concerns(f, &a.snap.Files, a.tree) && a.inVain(d.Name, d.Kind, d.Declarations.Or(nil), f) == nil
}

// andMore names the first two devices, and how many more there are.
func andMore(ds []*DeviceResult) *linkfiles.Statement {
	const few = 2
	names := make([]string, 0, few)
	for _, d := range ds[:min(len(ds), few)] {
		names = append(names, d.Name)
	}
	if more := len(ds) - len(names); more > 0 {
		return say("names-and-more", "names", names, "more", more)
	}
	return allNames(names)
}

// allNames names all of them, which are one or more.
func allNames(names []string) *linkfiles.Statement {
	last := len(names) - 1
	return say("all-names", "names", names[:last], "last", names[last])
}

// linkDevice is what [Match] sees of the audited device.
func (d *DeviceResult) linkDevice() *linkfiles.Device {
	if d.Device != nil {
		return LinkDevice(d.Device)
	}
	return futureDevice(d.Name, d.Kind, d.Declarations.Or(nil))
}
