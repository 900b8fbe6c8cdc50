package audit

import (
	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// vendorRules are about files of packages.
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
				return nil // an older linkaudit took the snapshot and did not record it
			case a.snap.Packaged.IsUnknown() && a.vendorFilesMatter():
				return unknownFinding(a.snap.Packaged, say("whether-vendor-files-were-edited"))
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

// vendorFilesMatter reports whether a package's file is effective for an audited
// device, or no file is. In that case, one may have been removed.
func (a *hostAudit) vendorFilesMatter() bool {
	for i := range a.audited {
		f, known := a.audited[i].LinkFile.Get()
		if a.audited[i].LinkFile.IsAbsent() || known && host.VendorPath(a.snap.Files.Resolved(f.Path)) {
			return true
		}
	}
	return false
}

// vendorFileEdited sets the severity by what the next upgrade does to audited devices.
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

// upgraded groups the audited devices by what the next package upgrade does to them.
type upgraded struct {
	same, changed, unknown, behind []*DeviceResult
	// then is the new policy of the first device that changes.
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

// weigh returns the severity and description of the worst change, and the first device
// it affects. first is nil if no device changes.
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

// fixKeeps reports whether fix can write the device's effective policy into a file that
// upgrades do not change.
func (a *hostAudit) fixKeeps(v *VendorFile, d *DeviceResult) bool {
	if p := d.Policy.Or(""); p != "" && p != policy.None {
		return false
	}
	f := d.LinkFile.Or(nil)
	return v.Concerns(f, &a.snap.Files, a.tree) && a.noEffect(d.Name, d.Kind, d.Declarations.Or(nil), f) == nil
}

// andMore names the first two devices and the number of the others.
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

// allNames lists all names; there must be at least one.
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
