package change

import (
	"slices"

	"linkaudit/internal/audit"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/words"
)

// managerPlan is the part of a plan about programs other than systemd-networkd. linkaudit
// writes none of their files.
type managerPlan struct {
	notes []string
	// leaves says why no file of linkaudit would have an effect.
	leaves string
}

// heedManagers works out what an override would do to devices that get their address
// from such a program.
func (in Input) heedManagers(t override.Target) (plan managerPlan, err error) {
	for _, name := range in.managed(t) {
		o := audit.EffectOfOverride(in.Snapshot, name, t.Kind, in.Place)
		switch {
		case o == nil:
		case !o.NoEffect, t.Name == "":
			plan.notes = append(plan.notes, words.Of(o.Says))
		case o.By.Address.Way != netconf.WayNetworkd:
			plan.leaves = words.Of(o.Says)
		case !in.networkdCreates(name):
			return plan, words.Error(o.Says)
		}
	}
	return plan, nil
}

// managed are the names of the target's devices that exist or are declared.
func (in Input) managed(t override.Target) []string {
	if t.Name != "" {
		return []string{t.Name}
	}
	var names []string
	for _, d := range in.Snapshot.Declarations.Or(nil) {
		if !d.Pattern && d.Kind == t.Kind {
			names = append(names, d.Device)
		}
	}
	for i := range in.Snapshot.Devices {
		if d := &in.Snapshot.Devices[i]; d.Kind == t.Kind {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// networkdCreates reports whether a .netdev file creates the device: planNetDevs handles
// that.
func (in Input) networkdCreates(name string) bool {
	return in.Networkd != nil && slices.ContainsFunc(in.declares(in.Networkd.NetDev), func(d netconf.Declaration) bool {
		return d.Creates && d.Ignored == "" && d.Device == name
	})
}
