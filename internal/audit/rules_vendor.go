package audit

import (
	"fmt"
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
					out = append(out, found{pos: linkfiles.Pos{File: name}, message: name + " belongs to no package: no upgrade changes it, unless a package comes to have a file of this name"})
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
				why := ""
				switch {
				case p.State(&a.snap.Files) == host.FileUncompared && p.MD5 == "":
					why = "dpkg has recorded no checksum of it"
				case p.State(&a.snap.Files) == host.FileUncompared:
					why = "it could not be read"
				case p.HalfInstalled:
					why = "the package is half-installed"
				default:
					continue
				}
				out = append(out, found{
					pos:     linkfiles.Pos{File: p.Path},
					message: fmt.Sprintf("whether %s is as package %s brought it is not known: %s", p.Path, p.Package, why),
					help:    "dpkg --verify " + p.Package + " tells what dpkg knows; apt-get install --reinstall " + p.Package + " brings the package's file.",
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
	out := found{
		severity: Info,
		pos:      linkfiles.Pos{File: v.Path, Line: v.Line},
		message:  fmt.Sprintf("%s %s: the next upgrade of %s undoes that", v.Path, v.What(), v.Package),
	}
	to := a.upgradeDoesTo(v)
	first := to.weigh(v, &out)
	out.help = "Put what is meant into a file in /etc/systemd/network"
	if first != nil && a.fixKeeps(v, first) {
		out.remedy = a.remedy("fix", override.Target{Kind: first.Kind, Name: first.Name})
		out.help = fmt.Sprintf("%s writes what is in force into a file in /etc/systemd/network, where no upgrade touches it", out.remedy)
	}
	out.help += fmt.Sprintf("; then %s puts the package's file back", v.Restores(a.opt.Place))
	if v.Recorded == nil && v.State == host.FileEdited {
		out.help += fmt.Sprintf(" (apt-get download %s fetches it, to compare)", v.Package)
	}
	out.help += "."
	return out
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

// weigh says what the gravest of it is, and returns the first device that it happens to.
func (to *upgraded) weigh(v *VendorFile, out *found) (first *DeviceResult) {
	switch {
	case len(to.changed) > 0:
		out.severity, first = Error, to.changed[0]
		out.message = fmt.Sprintf("%s %s: the next upgrade of %s puts %s in force for %s, in place of %s",
			v.Path, v.What(), v.Package, PolicyWords(to.then), andMore(to.changed), PolicyWords(first.Policy.Or("")))
	case len(to.unknown) > 0:
		out.severity, first = Warning, to.unknown[0]
		out.message = fmt.Sprintf("%s %s, and is in force for %s: the next upgrade of %s undoes that; which MACAddressPolicy= is in force then is not known, as only the checksum of the package's file is recorded",
			v.Path, v.What(), andMore(to.unknown), v.Package)
	case len(to.behind) > 0:
		out.severity, first = Warning, to.behind[0]
		out.message += fmt.Sprintf("; whether the package's file is for %s is not known, as only its checksum is recorded", andMore(to.behind))
	case len(to.same) > 0:
		out.message += ", which changes no MACAddressPolicy= for " + andMore(to.same)
	}
	return first
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

// andMore names devices.
func andMore(ds []*DeviceResult) string {
	switch len(ds) {
	case 1:
		return ds[0].Name
	case 2:
		return ds[0].Name + " and " + ds[1].Name
	}
	return fmt.Sprintf("%s, %s and %d more", ds[0].Name, ds[1].Name, len(ds)-2)
}

// linkDevice is what [Match] sees of the audited device.
func (d *DeviceResult) linkDevice() *linkfiles.Device {
	if d.Device != nil {
		return LinkDevice(d.Device)
	}
	return futureDevice(d.Name, d.Kind, d.Declarations.Or(nil))
}
