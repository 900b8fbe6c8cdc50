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

// remainsEdited says what the next upgrade does to the other devices, for the packages'
// files that the plans found edited in place, once the plans are carried out as in snap.
// The files themselves are not restored: they may be edited for another reason.
func (r *Result) remainsEdited(snap *host.Snapshot, rel linkfiles.Release, at remedy.Place) {
	seen := map[string]bool{}
	decider := linkfiles.Parse(&snap.Files, rel).For(&snap.System)
	for _, p := range r.Plans {
		for i := range p.Edited {
			v := &p.Edited[i]
			if seen[v.Path] {
				continue
			}
			seen[v.Path] = true
			r.remains("%s: the next upgrade of %s undoes that%s; to undo it now: %s",
				words.Of(v.What()), v.Package, undoneFor(v, snap, rel, decider), v.Restores(at))
		}
	}
}

// undoneFor names the devices for which the file is still effective, and says what they
// get after it.
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
		then := "with an unknown MACAddressPolicy="
		if set := restored(dev); !set.IsUnknown() {
			if set.Or("") == is.Value {
				continue
			}
			then = fmt.Sprintf("%s instead of %s", words.Of(audit.PolicySetting(set.Or(""))), words.Of(audit.PolicySetting(is.Value)))
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
