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

// OverrideEffect says what an override would do for a device that gets its address from
// a program other than systemd-networkd.
type OverrideEffect struct {
	By netconf.Declaration
	// NoEffect: an override does nothing. The device is created with the address, and
	// udev does not change it.
	NoEffect bool
	// Says explains this, and says what to change to get another address.
	Says *linkfiles.Statement
}

// EffectOfOverride returns the effect of an override, nil if no such program sets the
// device's address. If the program sets the address after creation, udev may replace
// it, and an override prevents that.
func EffectOfOverride(snap *host.Snapshot, name, kind string, at remedy.Place) *OverrideEffect {
	return effectAmong(declaredFor(snap, name, kind, false), name, at)
}

func effectAmong(of []netconf.Declaration, name string, at remedy.Place) *OverrideEffect {
	d := FindManager(of)
	if d == nil || d.Program.Fixable() {
		return nil
	}
	o := &OverrideEffect{By: *d}
	sets := addressSentence(*d, name)
	if d.Address.AtCreation && d.Address.Way != netconf.WayNetworkd {
		sets = say("as-it-creates-it", "sets", sets)
	}
	switch other := createdOtherwise(of, *d); {
	case !d.Address.AtCreation:
		o.Says = say("override-keeps-udevd-out", "program", d.Program, "sets", sets, "setting", settingAt(*d, at))
	case other != nil:
		o.Says = say("no-file-changes-one-creator", "program", d.Program, "sets", sets, "other", by(*other), "pos", other.Pos)
	default:
		o.NoEffect = true
		o.Says = say("no-file-changes-that", "program", d.Program, "sets", sets, "setting", settingAt(*d, at))
	}
	return o
}

// CreatedOtherwise returns another declaration that may create the device without an
// address, although d creates it with one; nil if there is none.
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

// NetworkdKeeps says which file of systemd-networkd sets an explicit address on a
// device that d creates. An override would do nothing then. It is nil if no file does.
// other is the device's CreatedOtherwise.
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

// NetworkdRefuses says that this release of systemd-networkd derives an address for the
// device that d creates, and that only an explicit address changes that. It is nil if
// that is not so.
func NetworkdRefuses(rel linkfiles.Release, d netconf.Declaration, other *netconf.Declaration) *linkfiles.Statement {
	if d.Address.Way != netconf.WayNetworkd || linkfiles.NetDevAddressNone(rel) || other != nil {
		return nil
	}
	return say("networkd-derives-on-old-release", "device", d.Device, "pos", d.Pos, "release", rel, "file", d.Pos.File)
}

// Nameless says why linkaudit writes no .link file for devices of this name, nil if it
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

// noEffect says why linkaudit fix would refuse the device or change nothing for it, nil
// if it would change something. of are the device's declarations, f is its effective
// file or nil.
func (a *hostAudit) noEffect(name, kind string, of []netconf.Declaration, f *linkfiles.File) *linkfiles.Statement {
	if why := Nameless(a.snap, a.tree.Release, name); why != nil {
		return why
	}
	if o := effectAmong(of, name, a.opt.Place); o != nil && o.NoEffect && o.By.Address.Way != netconf.WayNetworkd {
		return o.Says
	}
	for _, d := range of {
		if !by(d).Fixable() || !d.Creates || d.Ignored != "" {
			continue // netplan's declaration becomes one of systemd-networkd
		}
		other := createdOtherwise(of, d)
		if why := cmp.Or(NetworkdKeeps(of, d, other), NetworkdRefuses(a.tree.Release, d, other)); why != nil {
			return why
		}
	}
	if f == nil {
		return nil
	}
	return a.staysEffective(f, override.Target{Kind: kind, Name: name})
}

// staysEffective says why f stays the effective file after linkaudit fix, nil if it does
// not.
func (a *hostAudit) staysEffective(f *linkfiles.File, t override.Target) *linkfiles.Statement {
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

// edited returns the target's override if f is or contains it and somebody edited it.
func (a *hostAudit) edited(f *linkfiles.File, t override.Target) *override.Override {
	for _, o := range override.Find(&a.snap.Files) {
		if o.Edited && isOverride(f, o) && o.Of(t) {
			return o
		}
	}
	return nil
}
