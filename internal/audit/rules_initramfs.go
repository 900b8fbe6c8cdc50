package audit

import (
	"slices"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// initramfsRules are about what udev sees before the root file system is mounted. They
// find nothing unless the images were read.
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
					out = append(out, found{message: say("initramfs-unreadable", "image", img.Path, "why", img.Unreadable), pos: linkfiles.Pos{File: img.Path}})
				}
			}
			return out
		},
		looked: lookedIntoImages,
	},
}

func lookedIntoImages(snap *host.Snapshot) bool { return snap.Initramfs.IsKnown() }

// initramfsStale makes one finding for all images with the same problem.
func initramfsStale(s *analysis) (out []found) {
	type merged struct {
		found
		images []string
	}
	var all []merged
	for _, v := range s.InImages {
		if v.DeclaredDiffers {
			out = append(out, s.otherwiseDeclaredIn(v))
		}
		if v.createsWithAddress() || !v.Differs && !v.LinkFile.IsUnknown() {
			continue // no .link file changes that, or nothing differs
		}
		f := s.otherPolicyIn(v)
		i := slices.IndexFunc(all, func(a merged) bool { return a.message.Equal(f.message) && a.help.Equal(f.help) })
		if i < 0 {
			i, all = len(all), append(all, merged{found: f})
		}
		all[i].images = append(all[i].images, v.Image.Path)
	}
	for _, a := range all {
		a.message = say("initramfs-stale", "what", a.message, "images", allNames(a.images))
		out = append(out, a.found)
	}
	return out
}

// otherwiseDeclaredIn is the finding for a device that network configuration in the
// image handles differently.
func (s *subject) otherwiseDeclaredIn(v InImage) found {
	d := v.Declared
	f := found{severity: v.weightOfDeclared(), pos: linkfiles.Pos{File: v.Image.Path}, help: s.rebuild(v, nil)}
	if d.Creates {
		f.message = say("initramfs-creates-otherwise", "program", by(*d), "device", s.Name, "pos", d.Pos,
			"does", AddressBy(*d), "here", v.DeclaredHere, "image", v.Image.Path)
	} else {
		f.message = say("initramfs-sets-otherwise", "program", by(*d), "device", s.Name, "pos", d.Pos,
			"does", AddressBy(*d), "here", v.DeclaredHere, "image", v.Image.Path)
	}
	return f
}

// otherPolicyIn is the finding for a device that gets another policy in the image, or
// may.
func (s *subject) otherPolicyIn(v InImage) found {
	f := found{severity: s.weightInImage(v), pos: linkfiles.Pos{File: v.Image.Path}}
	if v.LinkFile.IsUnknown() {
		f.message, f.help = say("initramfs-policy-unknown", "device", s.Name, "why", v.LinkFile.Reason()), helpUnknown
		return f
	}
	f.help = s.rebuild(v, v.Advice())
	policy, here := orNone(v.Policy), orNone(v.Root)
	switch v.Creates {
	case CreatesIt:
		f.message = say("initramfs-creates-with-policy", "device", s.Name, "by", v.By, "policy", policy, "there", v.There(), "here", here)
	case CreatesMaybe:
		f.message = say("initramfs-may-create-with-policy", "device", s.Name, "policy", policy, "there", v.There(), "here", here)
	default:
		f.message = say("initramfs-policy-differs", "device", s.Name, "policy", policy, "there", v.There(), "here", here)
	}
	return f
}

// rebuild says how to rebuild the image. note is what else to do, or nil.
func (s *subject) rebuild(v InImage, note *linkfiles.Statement) *linkfiles.Statement {
	return say("rebuild-images", "command", s.opt.Place.UpdateInitramfs(v.Image.Maker), "note", note)
}

// weightOfDeclared is the severity by consequence: what the initramfs creates stays
// after the boot, with its address.
func (v InImage) weightOfDeclared() Severity {
	switch {
	case v.Declared.Address.Way == netconf.WayUnknown:
		return Info
	case v.Declared.Creates:
		return Error
	}
	return Warning
}

// weightInImage is the severity by consequence: a device created in the initramfs keeps
// the address from there. Without such a device nothing happens.
func (s *subject) weightInImage(v InImage) Severity {
	switch {
	case v.LinkFile.IsUnknown():
		return Info
	case v.Creates == CreatesIt:
		return Error
	case v.Creates == CreatesMaybe:
		return Warning
	case s.Kind == "" && s.Device != nil && actsOn(v, s.Device):
		// Hardware is in the initramfs whenever its driver is.
		return Warning
	}
	return Info
}

// actsOn reports whether udev would change the address of this hardware under one of
// the two policies: random acts on addr_assign_type 0, persistent on 1
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
