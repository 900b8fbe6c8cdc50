package change

import (
	"fmt"
	"slices"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// stillEdited says of the packages' files that the plans found edited in place
// what the next upgrade does to the other devices, once the plans are carried out
// as in snap. The files themselves are not restored: what they are for beside the
// targets is for somebody else to say.
func stillEdited(plans []*Plan, snap *host.Snapshot, rel linkfiles.Release, at remedy.Place) []string {
	var out []string
	seen := map[string]bool{}
	decider := linkfiles.Parse(&snap.Files, rel).For(&snap.System)
	for _, p := range plans {
		for i := range p.Edited {
			v := &p.Edited[i]
			if seen[v.Path] {
				continue
			}
			seen[v.Path] = true
			out = append(out, fmt.Sprintf("%s: the next upgrade of %s undoes that%s; %s does so now",
				words.Of(v.What()), v.Package, undoneFor(v, snap, rel, decider), v.Restores(at)))
		}
	}
	return out
}

// undoneFor names the devices for which the file is still in force, and says what
// takes its place for them.
func undoneFor(v *audit.VendorFile, snap *host.Snapshot, rel linkfiles.Release, decider *linkfiles.Decider) string {
	restored := v.Restored(snap, rel)
	names := map[string][]string{}
	for i := range snap.Devices {
		d := &snap.Devices[i]
		dev := audit.LinkDevice(d)
		f, ok := decider.Decide(dev).File.Get()
		if !ok || !v.Governs(f, &snap.Files) {
			continue
		}
		is, _ := f.MACAddressPolicy()
		then := "with a MACAddressPolicy= that is not known"
		if set := restored(dev); !set.IsUnknown() {
			if set.Or("") == is.Value {
				continue
			}
			then = fmt.Sprintf("%s in place of %s", words.Of(audit.PolicySetting(set.Or(""))), words.Of(audit.PolicySetting(is.Value)))
		}
		names[then] = append(names[then], d.Name)
	}
	var parts []string
	for then, of := range names {
		if len(of) > 5 {
			of = append(of[:5:5], fmt.Sprintf("%d more", len(of)-5))
		}
		parts = append(parts, fmt.Sprintf(", for %s %s", strings.Join(of, ", "), then))
	}
	slices.Sort(parts)
	return strings.Join(parts, "")
}
