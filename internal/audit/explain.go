package audit

import (
	"fmt"
	"linkaudit/policy"

	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
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
	// each candidate; "" for a device without an address.
	Evidence string
	// LeftAlone says that udevd will leave the address alone of a device that
	// is still to be created, so that it has what the kernel gives it.
	LeftAlone bool
	// Fix is the command that fixes what the gravest finding with one is about; the
	// zero value where there is none.
	Fix Remedy
}

// Explain audits one device and keeps the reasons. Check decides; this only
// asks the same questions again for their answers.
func Explain(snap *host.Snapshot, tree *linkfiles.Tree, target Target, site Site, place Place) *Explanation {
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
		if f.Remedy.Command == "fix" {
			x.Fix = f.Remedy
			break // the gravest
		}
	}
	return x
}

// evidence says in one sentence what origin goes by.
func (r *DeviceResult) evidence() string {
	d := r.Device
	if d == nil || d.MAC == "" {
		return ""
	}
	origin, ok := r.Origin.Get()
	if !ok {
		return "It cannot be told: " + words.Of(r.Origin.Reason()) + "."
	}
	const set = "addr_assign_type is 3, so somebody set it, "
	switch origin {
	case OriginPermanent:
		if t, _ := d.AddrAssignType.Get(); t == host.AddrSet {
			return "The address is the permanent one that the device reports."
		}
		return "addr_assign_type is 0: the address is the device's own."
	case OriginKernel:
		return "addr_assign_type is 1: the driver made the address up when the device was created, and nobody has set another since."
	case OriginPort:
		switch {
		case d.AddrAssignType.Or(host.AddrStolen) == host.AddrRandom:
			return fmt.Sprintf("addr_assign_type is 1, so nobody set it, and a bridge then has the lowest address of its ports: %s has it.", r.OriginPort)
		case r.OriginPort == "":
			return "addr_assign_type is 2: the driver took the address of a port, which none of the present ports has."
		}
		return fmt.Sprintf("addr_assign_type is 2: the driver took the address of a port, and %s has it.", r.OriginPort)
	case OriginLower:
		return "addr_assign_type is 2 on a device without ports: the driver took the address of the device beneath."
	case OriginMaster:
		return fmt.Sprintf("%s is a port of the bond %s, which has the same address and with fail_over_mac=none gives it to all of its ports.", d.Name, d.Master)
	case OriginUdev, OriginNetworkd:
		if other := r.OfOtherID; other.Source != "" {
			by := "MACAddressPolicy=persistent"
			if other.Networkd {
				by = "systemd-networkd"
			}
			return fmt.Sprintf(set+"and it is the one that %s makes of %q and another machine-id than the present one: %s shows that the machine had it.", by, other.Name, other.Source)
		}
		if origin == OriginNetworkd {
			return fmt.Sprintf(set+"and it is the one that systemd-networkd makes of the machine-id and %q for a device that it creates.", d.Name)
		}
		p, _ := r.Persistent.Get()
		return fmt.Sprintf(set+"and it is the one that MACAddressPolicy=persistent makes of the machine-id and %q, which only udevd does.", p.Name)
	case OriginLinkFile:
		return set + "and it is MACAddress= of the .link file that udevd applied to the device."
	case OriginSomeone:
		if r.OriginPort != "" {
			return fmt.Sprintf(set+"and it is the address of the port %s: a program or a person did, as linkaudit fix --apply does.", r.OriginPort)
		}
		return fmt.Sprintf(set+"but it is none that udevd or systemd-networkd make for %q with this machine-id: a program or a person did.", d.Name)
	}
	return ""
}
