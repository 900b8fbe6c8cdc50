package audit

import (
	"fmt"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// initramfsRules look at what udevd finds before the root is there. They have
// something to say only where the images were asked for.
var initramfsRules = []Rule{
	{
		Name: "initramfs-stale", Severity: Error,
		device: initramfsStale,
		looked: lookedIntoImages,
	},
	{
		Name: "initramfs-unreadable", Severity: Warning,
		host: func(a *hostAudit) (out []found) {
			images, _ := a.snap.Initramfs.Get()
			for _, img := range images {
				if img.Unreadable != "" {
					out = append(out, found{message: fmt.Sprintf("the initramfs image %s could not be read: %s", img.Path, img.Unreadable), pos: linkfiles.Pos{File: img.Path}})
				}
			}
			return out
		},
		looked: lookedIntoImages,
	},
}

func lookedIntoImages(snap *host.Snapshot) bool { return snap.Initramfs.IsKnown() }

// initramfsStale makes one finding of all images that say the same.
func initramfsStale(s *analysis) (out []found) {
	type what struct {
		message, help string
		advice        *linkfiles.Statement
	}
	var order []what
	same := map[what][]InImage{}
	for _, v := range s.InImages {
		if v.DeclaredDiffers {
			does := "sets the address of " + s.Name
			if v.Declared.Creates {
				does = "creates " + s.Name
			}
			out = append(out, found{
				severity: v.weightOfDeclared(),
				message: fmt.Sprintf("in the initramfs %s %s (%s there) and %s, but %s: %s", by(*v.Declared), does, v.Declared.Pos,
					words.Of(AddressBy(*v.Declared)), v.DeclaredHere, v.Image.Path),
				pos:  linkfiles.Pos{File: v.Image.Path},
				help: fmt.Sprintf("Make the images anew: %s.", s.opt.Place.UpdateInitramfs(v.Image.Maker)),
			})
		}
		if v.createsWithAddress() {
			continue // no .link file changes that
		}
		if !v.Differs && !v.LinkFile.IsUnknown() {
			continue
		}
		w := what{help: fmt.Sprintf("Make the images anew: %s.", s.opt.Place.UpdateInitramfs(v.Image.Maker))}
		if more := v.Advice(); more != "" {
			w.help += " Note that " + more + "."
		}
		policies := fmt.Sprintf("policy %s (%s), and has policy %s here", orNone(v.Policy), v.There(), orNone(v.Root))
		switch {
		case v.LinkFile.IsUnknown():
			w = what{message: fmt.Sprintf("the policy of %s in the initramfs is not known: %s", s.Name, words.Of(v.LinkFile.Reason())), advice: helpUnknown}
		case v.Creates == CreatesIt:
			w.message = fmt.Sprintf("%s is created in the initramfs (%s), where it gets %s", s.Name, v.By, policies)
		case v.Creates == CreatesMaybe:
			w.message = fmt.Sprintf("%s may be created in the initramfs, as the kernel command line says, where it gets %s", s.Name, policies)
		default:
			w.message = fmt.Sprintf("in the initramfs %s would get %s", s.Name, policies)
		}
		if same[w] == nil {
			order = append(order, w)
		}
		same[w] = append(same[w], v)
	}
	for _, w := range order {
		vs := same[w]
		out = append(out, found{
			severity: s.weightInImage(vs[0]), help: w.help, advice: w.advice,
			message: w.message + ": " + paths(vs), pos: linkfiles.Pos{File: vs[0].Image.Path},
		})
	}
	return out
}

// weightOfDeclared is by what comes of it: what the initramfs creates is there once
// the root is, and keeps its address.
func (v InImage) weightOfDeclared() Severity {
	switch {
	case v.Declared.Address.Way == netconf.WayUnknown:
		return Info
	case v.Declared.Creates:
		return Error
	}
	return Warning
}

// weightInImage is by what comes of it: the device that is created there has the
// address of the policy there; one that nothing is known to create there has not.
func (s *subject) weightInImage(v InImage) Severity {
	switch {
	case v.LinkFile.IsUnknown():
		return Info
	case v.Creates == CreatesIt:
		return Error
	case v.Creates == CreatesMaybe:
		return Warning
	case s.Kind == "" && s.Device != nil && actsOn(v, s.Device):
		// Hardware is there whenever its driver is.
		return Warning
	}
	return Info
}

// actsOn reports whether one of the two policies would make udevd change the
// address of this hardware: random acts on addr_assign_type 0, persistent on 1
// (link_generate_mac() in udev's link-config.c).
func actsOn(v InImage, d *host.Device) bool {
	for _, p := range []string{v.Policy, v.Root} {
		t, known := d.AddrAssignType.Get()
		if p == "random" && (!known || t == host.AddrPerm) || p == "persistent" && (!known || t == host.AddrRandom) {
			return true
		}
	}
	return false
}
