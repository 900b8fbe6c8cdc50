package audit

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// OverrideEffect is what an override would do about a device to which a program other than
// systemd-networkd gives an address.
type OverrideEffect struct {
	By netconf.Declaration
	// InVain: nothing, for the device is created with the address, which udevd leaves
	// alone.
	InVain bool
	// Says says so, and what to change for another address.
	Says *linkfiles.Statement
}

// EffectOfOverride returns nil where no such program gives the device an address. Where the
// address is set later, udevd may replace it, and an override keeps it from doing so.
func EffectOfOverride(snap *host.Snapshot, name, kind string, at remedy.Place) *OverrideEffect {
	return effectAmong(declaredFor(snap, name, kind, false), name, at)
}

func effectAmong(of []netconf.Declaration, name string, at remedy.Place) *OverrideEffect {
	d := FindManager(of)
	if d == nil || d.Program.Fixable() {
		return nil
	}
	o := &OverrideEffect{By: *d}
	gives := giving(*d, name)
	if d.Address.AtCreation && d.Address.Way != netconf.WayNetworkd {
		gives = say("as-it-creates-it", "gives", gives)
	}
	switch other := createdOtherwise(of, *d); {
	case !d.Address.AtCreation:
		o.Says = say("override-keeps-udevd-out", "program", d.Program, "gives", gives, "setting", settingAt(*d, at))
	case other != nil:
		o.Says = say("no-file-changes-one-creator", "program", d.Program, "gives", gives, "other", by(*other), "pos", other.Pos)
	default:
		o.InVain = true
		o.Says = say("no-file-changes-that", "program", d.Program, "gives", gives, "setting", settingAt(*d, at))
	}
	return o
}

// CreatedOtherwise is another declaration by which a device that d creates with an address
// may be created without one; nil for none.
func CreatedOtherwise(snap *host.Snapshot, d netconf.Declaration) *netconf.Declaration {
	return createdOtherwise(declaredFor(snap, d.Device, d.Kind, false), d)
}

func createdOtherwise(of []netconf.Declaration, d netconf.Declaration) *netconf.Declaration {
	for i := range of {
		other := &of[i]
		if other.Creates && other.Ignored == "" && by(*other) != by(d) && !overruled(of, *other) &&
			!(other.Address.AtCreation && setsAddress(*other)) {
			return other
		}
	}
	return nil
}

// NetworkdKeeps says which file of systemd-networkd's gives a device, which d creates,
// an address of somebody's choice, so that an override would do nothing; nil for none. other
// is the device's CreatedOtherwise.
func NetworkdKeeps(all []netconf.Declaration, d netconf.Declaration, other *netconf.Declaration) *linkfiles.Statement {
	for _, set := range all {
		if set.Device == d.Device && !set.Creates && set.Ignored == "" && set.Address.Way == netconf.WayExplicit {
			return say("networkd-sets-that", "device", d.Device, "mac", set.Address.MAC, "pos", set.Address.Pos)
		}
	}
	if d.Address.Way == netconf.WayExplicit && other == nil {
		return say("networkd-creates-with-that", "device", d.Device, "mac", d.Address.MAC, "pos", d.Address.Pos)
	}
	return nil
}

// NetworkdRefuses says that systemd-networkd of the release derives an address for the
// device that d creates, which nothing but an explicit one changes; nil where that is not so.
func NetworkdRefuses(rel linkfiles.Release, d netconf.Declaration, other *netconf.Declaration) *linkfiles.Statement {
	if d.Address.Way != netconf.WayNetworkd || linkfiles.NetDevAddressNone(rel) || other != nil {
		return nil
	}
	return say("networkd-derives-on-old-release", "kind", d.Kind, "device", d.Device, "pos", d.Pos, "release", rel, "file", d.Pos.File)
}

// Nameless says why linkaudit writes no .link file for devices of the name, nil where it
// does.
func Nameless(snap *host.Snapshot, rel linkfiles.Release, name string) *linkfiles.Statement {
	switch {
	case strings.Contains(name, "!"):
		return say("name-with-exclamation-mark", "device", name)
	case name != "" && policy.UdevName(rel, schemeName(snap), name) != name:
		return say("udevd-changes-name", "release", rel, "device", name)
	}
	return nil
}

// inVain says why linkaudit fix would refuse, or change nothing for a device of which there
// are these declarations, and to which that file applies, nil for none; nil where it would.
func (a *hostAudit) inVain(name, kind string, of []netconf.Declaration, f *linkfiles.File) *linkfiles.Statement {
	if why := Nameless(a.snap, a.tree.Release, name); why != nil {
		return why
	}
	if o := effectAmong(of, name, a.opt.Place); o != nil && o.InVain && o.By.Address.Way != netconf.WayNetworkd {
		return o.Says
	}
	for _, d := range of {
		if !by(d).Fixable() || !d.Creates || d.Ignored != "" {
			continue // netplan's is made one of systemd-networkd's
		}
		other := createdOtherwise(of, d)
		if why := cmp.Or(NetworkdKeeps(of, d, other), NetworkdRefuses(a.tree.Release, d, other)); why != nil {
			return why
		}
	}
	if f == nil {
		return nil
	}
	return a.staysInForce(f, override.Target{Kind: kind, Name: name})
}

// staysInForce says why the file stays in force beside what linkaudit fix would write for
// the target; nil where it does not.
func (a *hostAudit) staysInForce(f *linkfiles.File, t override.Target) *linkfiles.Statement {
	own := func(name string) bool { return override.OwnName(path.Base(name)) }
	if own(f.Path) || slices.ContainsFunc(f.DropIns, own) {
		if o := a.edited(f, t); o != nil {
			force := a.remedy("fix --force", t)
			return say("override-was-edited", "file", o.Path, "fix", force)
		}
	}
	if f.Name < override.FileName(0, t) && !(f.OnlyName(t.Name) && a.tree.Release.ReadsDropIns()) {
		return say("file-sorts-before-ours", "file", f.Path)
	}
	return nil
}

// edited is the override of the target that the file is or has, if somebody edited it.
func (a *hostAudit) edited(f *linkfiles.File, t override.Target) *override.Override {
	for _, o := range override.Find(&a.snap.Files) {
		if o.Edited && isOverride(f, o) && o.Of(t) {
			return o
		}
	}
	return nil
}
