package audit

import (
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// Explanation is the whole reasoning about one device.
type Explanation struct {
	// Result is the audit of the device alone, and Device what it says of it.
	Result *Result
	Device *DeviceResult
	// Files are all .link files in udevd's order, each with its fate.
	Files []linkfiles.Verdict
	// NotRead are the complaints about what udevd does not even consider:
	// shadowed files, drop-ins that the release does not know, directories.
	NotRead []linkfiles.Diagnostic
	// Source is the file that applies; where that is not known, the one that
	// does unless a doubtful one before it does; nil where there is none.
	// Settings are its lines and those of its drop-ins.
	Source   *linkfiles.File
	Settings []linkfiles.SettingLine
	// Evidence is why the origin of the address is known, or what speaks for
	// each candidate; nil for a device without an address.
	Evidence *linkfiles.Statement
	// LeftAlone says that udevd will leave the address alone of a device that
	// is still to be created, so that it has what the kernel gives it.
	LeftAlone bool
	// Fix is the command that fixes what the gravest finding with one is about; the
	// zero value where there is none.
	Fix remedy.Command
}

// Explain audits one device and keeps the reasons. Check decides; this only
// asks the same questions again for their answers.
func Explain(snap *host.Snapshot, tree *linkfiles.Tree, target Target, site Site, place remedy.Place) *Explanation {
	res := Check(snap, tree, Options{Targets: []Target{target}, Site: site, Place: place})
	d := &res.Devices[0]
	x := &Explanation{
		Result: res, Device: d, Files: tree.For(&snap.System).Explain(d.linkDevice()), NotRead: tree.Diagnostics,
		Evidence:  d.evidence(),
		LeftAlone: d.Device == nil && d.AfterAdd.Reason().Is(policy.NoSuchDevice.Code),
	}
	for _, v := range x.Files {
		if v.Fate == linkfiles.FateApplies || v.Fate == linkfiles.FateOtherwise {
			x.Source, x.Settings = v.File, tree.Settings(v.File)
		}
	}
	for _, f := range d.Findings {
		if f.Remedy.Name == "fix" {
			x.Fix = f.Remedy
			break // the gravest
		}
	}
	return x
}

// evidence says what origin goes by.
func (r *DeviceResult) evidence() *linkfiles.Statement {
	d := r.Device
	if d == nil || d.MAC == "" {
		return nil
	}
	origin, ok := r.Origin.Get()
	if !ok {
		return say("evidence-not-known", "why", r.Origin.Reason())
	}
	return r.evidenceOf(origin)
}

// evidenceOf says what the origin goes by of an address that the device has.
func (r *DeviceResult) evidenceOf(origin string) *linkfiles.Statement {
	d := r.Device
	switch origin {
	case OriginPermanent:
		if t, _ := d.AddrAssignType.Get(); t == host.AddrSet {
			return say("evidence-permanent-but-set")
		}
		return say("evidence-permanent")
	case OriginKernel:
		return say("evidence-kernel")
	case OriginPort:
		if d.AddrAssignType.Or(host.AddrStolen) == host.AddrRandom {
			return say("evidence-lowest-port", "port", r.OriginPort)
		}
		return say("evidence-port", "port", r.OriginPort)
	case OriginLower:
		return say("evidence-lower")
	case OriginMaster:
		return say("evidence-master", "device", d.Name, "master", d.Master)
	case OriginUdev, OriginNetworkd:
		return r.evidenceOfDerived(origin)
	case OriginLinkFile:
		return say("evidence-link-file")
	case OriginSomeone:
		if r.OriginPort != "" {
			return say("evidence-someone-as-port", "port", r.OriginPort)
		}
		return say("evidence-someone", "device", d.Name)
	}
	return nil
}

// evidenceOfDerived is evidence for an address that is made of a machine-id.
func (r *DeviceResult) evidenceOfDerived(origin string) *linkfiles.Statement {
	if other := r.OfOtherID; other.Source != "" {
		by := "MACAddressPolicy=persistent"
		if other.Networkd {
			by = "systemd-networkd"
		}
		return say("evidence-other-machine-id", "by", by, "name", other.Name, "source", other.Source)
	}
	if origin == OriginNetworkd {
		return say("evidence-networkd", "device", r.Device.Name)
	}
	return say("evidence-udev", "name", r.Persistent.Or(host.PersistentMAC{}).Name)
}
