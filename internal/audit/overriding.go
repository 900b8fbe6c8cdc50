package audit

import (
	"cmp"
	"fmt"
	"linkaudit/policy"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// OverrideEffect is what an override would do about a device to which a program other than
// systemd-networkd gives an address.
type OverrideEffect struct {
	By netconf.Declaration
	// InVain: nothing, for the device is created with the address, which udevd leaves
	// alone.
	InVain bool
	// Words say so, and what to change for another address.
	Words string
}

// EffectOfOverride returns nil where no such program gives the device an address. Where the
// address is set later, udevd may replace it, and an override keeps it from doing so.
func EffectOfOverride(snap *host.Snapshot, name, kind string, at Place) *OverrideEffect {
	return effectAmong(declaredFor(snap, name, kind, false), name, at)
}

func effectAmong(of []netconf.Declaration, name string, at Place) *OverrideEffect {
	d := FindManager(of)
	if d == nil || d.Program.Fixable() {
		return nil
	}
	o := &OverrideEffect{By: *d}
	gives := fmt.Sprintf("%s %s", d.Program, sentence(*d, name))
	if d.Address.AtCreation && d.Address.Way != netconf.WayNetworkd {
		gives += " as it creates it"
	}
	switch other := createdOtherwise(of, *d); {
	case !d.Address.AtCreation:
		o.Words = fmt.Sprintf("%s; an override keeps udevd from replacing that address, but for another one %s", gives, settingAt(*d, at))
	case other != nil:
		o.Words = fmt.Sprintf("%s, and no .link file changes that; where %s creates it (%s) the override does", gives, by(*other), other.Pos)
	default:
		o.InVain = true
		o.Words = fmt.Sprintf("%s, and no .link file changes that: for another one %s", gives, settingAt(*d, at))
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
// an address of somebody's choice, so that an override would do nothing; "" for none. other
// is the device's CreatedOtherwise.
func NetworkdKeeps(all []netconf.Declaration, d netconf.Declaration, other *netconf.Declaration) string {
	for _, set := range all {
		if set.Device == d.Device && !set.Creates && set.Ignored == "" && set.Address.Way == netconf.WayExplicit {
			return fmt.Sprintf("systemd-networkd sets the address of %s to %s, by %s, and no .link file changes that; linkaudit leaves it alone", d.Device, set.Address.MAC, set.Address.Pos)
		}
	}
	if d.Address.Way == netconf.WayExplicit && other == nil {
		return fmt.Sprintf("systemd-networkd creates %s with the address %s, by %s, and no .link file changes that; linkaudit leaves it alone", d.Device, d.Address.MAC, d.Address.Pos)
	}
	return ""
}

// NetworkdRefuses says that systemd-networkd of the release derives an address for the
// device that d creates, which nothing but an explicit one changes; "" where that is not so.
func NetworkdRefuses(rel linkfiles.Release, d netconf.Declaration, other *netconf.Declaration) string {
	if d.Address.Way != netconf.WayNetworkd || linkfiles.NetDevAddressNone(rel) || other != nil {
		return ""
	}
	return fmt.Sprintf("systemd-networkd creates %s %s with an address that it derives (%s), which no .link file changes, and systemd %d knows no MACAddress=none for it (250 is the first): write the address that is meant as MACAddress= in [NetDev] of %s",
		d.Kind, d.Device, d.Pos, rel, d.Pos.File)
}

// Nameless says why linkaudit writes no .link file for devices of the name, "" where it
// does.
func Nameless(snap *host.Snapshot, rel linkfiles.Release, name string) string {
	switch {
	case strings.Contains(name, "!"):
		return fmt.Sprintf("linkaudit writes no file for %s, for udevd reads the \"!\" in a name as a slash in places: choose a name without it", name)
	case name != "" && policy.UdevName(rel, schemeName(snap), name) != name:
		return fmt.Sprintf("udevd %d itself gives a device called %s another name, so that no .link file can be for it: choose a name of letters, digits, - and _", rel, name)
	}
	return ""
}

// inVain says why linkaudit fix would refuse, or change nothing for a device of which there
// are these declarations, and to which that file applies, nil for none; "" where it would.
func (a *hostAudit) inVain(name, kind string, of []netconf.Declaration, f *linkfiles.File) string {
	if why := Nameless(a.snap, a.tree.Release, name); why != "" {
		return why
	}
	if o := effectAmong(of, name, a.opt.Place); o != nil && o.InVain && o.By.Address.Way != netconf.WayNetworkd {
		return o.Words
	}
	for _, d := range of {
		if !by(d).Fixable() || !d.Creates || d.Ignored != "" {
			continue // netplan's is made one of systemd-networkd's
		}
		other := createdOtherwise(of, d)
		if why := cmp.Or(NetworkdKeeps(of, d, other), NetworkdRefuses(a.tree.Release, d, other)); why != "" {
			return why
		}
	}
	if f == nil {
		return ""
	}
	t := override.Target{Kind: kind, Name: name}
	own := func(name string) bool { return override.OwnName(path.Base(name)) }
	if own(f.Path) || slices.ContainsFunc(f.DropIns, own) {
		if o := a.edited(f, t); o != nil {
			force := a.remedy("fix --force", t)
			return fmt.Sprintf("%s was edited since linkaudit wrote it: write MACAddressPolicy=none there, or %s writes it again", o.Path, force)
		}
	}
	if f.Name < override.FileName(0, t) && !(f.OnlyName(t.Name) && a.tree.Release.ReadsDropIns()) {
		return fmt.Sprintf("%s sorts before every name that linkaudit gives to a file: give that file another name, or set MACAddressPolicy=none in it", f.Path)
	}
	return ""
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
