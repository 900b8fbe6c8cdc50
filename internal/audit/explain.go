package audit

import (
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// Explanation is the complete reasoning about one device.
type Explanation struct {
	// Result is the audit of this device alone, and Device its only device.
	Result *Result
	Device *DeviceResult
	// Files are all .link files in udev's order, with what becomes of each.
	Files []linkfiles.Verdict
	// NotRead are the complaints about what udev does not read: shadowed files,
	// drop-ins that the release does not support, directories.
	NotRead []linkfiles.Diagnostic
	// Source is the file that applies. If that is unknown, it is the one that applies
	// unless an earlier doubtful file does. It is nil if there is none. Settings are
	// its lines and those of its drop-ins.
	Source   *linkfiles.File
	Settings []linkfiles.SettingLine
	// Evidence says why the origin of the address is known, or what supports each
	// candidate. It is nil for a device without an address.
	Evidence *linkfiles.Statement
	// LeftAlone says that udev will not change the address of a future device, so it
	// keeps the address that the kernel assigns.
	LeftAlone bool
	// Fix is the remedy of the most severe finding that has one, or the zero value.
	Fix remedy.Command
}

// Explain audits one device and keeps the reasons. It decides nothing itself: it asks
// Check's questions again for their answers.
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
			break // findings are sorted by severity
		}
	}
	return x
}

// evidence says what supports the origin, or each candidate.
func (r *DeviceResult) evidence() *linkfiles.Statement {
	d := r.Device
	if d == nil || d.MAC == "" {
		return nil
	}
	origin, ok := r.Origin.Get()
	if !ok {
		return say("evidence-unknown", "why", r.Origin.Reason())
	}
	return r.evidenceOf(origin)
}

// evidenceOf says what supports one origin of the present address.
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

// evidenceOfDerived is evidenceOf for an address derived from a machine ID.
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
