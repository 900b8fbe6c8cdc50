package audit

import (
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// InImage is what an initramfs image would do with a device.
type InImage struct {
	Image *initramfs.Image
	// LinkFile is the effective .link file in the image: absent if no file applies
	// there, unknown if that cannot be decided.
	LinkFile fact.Fact[*linkfiles.File]
	// Policy is the effective policy in the image, "" if none is set. Source is the
	// line that sets it.
	Policy string
	Source linkfiles.Pos
	// Differs says that the image and the root file system set a different policy or
	// MACAddress= for the device. Root is the policy of the root file system.
	Differs bool
	Root    string
	// LeftOut is the drop-in that sets the root's policy and is missing in the image,
	// "" for none.
	LeftOut string
	// Declared is what network configuration in the image does with the device, nil for
	// nothing. DeclaredDiffers says that it sets another address than the root's
	// configuration.
	Declared        *netconf.Declaration
	DeclaredDiffers bool
	// DeclaredHere is what the root's configuration does with the device.
	DeclaredHere *linkfiles.Statement
	// Creates says whether the initramfs creates the device. By says what tells so.
	Creates Creates
	By      *linkfiles.Statement
}

// Creates says whether the initramfs creates a device.
type Creates int

const (
	// CreatesNot: nothing is known that creates the device there.
	CreatesNot Creates = iota
	// CreatesMaybe: it depends on the kernel command line, which is unknown.
	CreatesMaybe
	// CreatesIt: the initramfs creates the device.
	CreatesIt
)

// image is a parsed image.
type image struct {
	*initramfs.Image
	decider *linkfiles.Decider
}

// parseImages parses the .link files of all images in which they have an effect.
func parseImages(snap *host.Snapshot, release linkfiles.Release) (out []image) {
	images, _ := snap.Initramfs.Get()
	for i := range images {
		img := &images[i]
		if img.Unreadable != "" || !img.Udevd || img.SetupLinkRule.IsAbsent() {
			continue
		}
		// It is the same machine, so [Match] sees the same system, except for what is
		// stored in the root file system.
		system := snap.System
		system.MachineID = img.MachineID
		system.Hostname = fact.Unknown[string](say("host-name-in-initramfs"))
		out = append(out, image{img, linkfiles.Parse(&img.Files, img.Release.Or(release)).For(&system)})
	}
	return out
}

// verdict returns what a file sets, as far as images are compared.
func verdict(f *linkfiles.File) (policy string, pos linkfiles.Pos, address string) {
	if f == nil {
		return "", linkfiles.Pos{}, ""
	}
	if set, ok := f.MACAddressPolicy(); ok {
		policy, pos = set.Value, set.Pos
	}
	set, _ := f.MACAddress()
	return policy, pos, set.Value
}

// orNone returns the effect of a policy: an unset one works like none.
func orNone(policy string) string {
	if policy == "" {
		return "none"
	}
	return policy
}

// judge compares what the image and the root file system do with a device.
func (img image) judge(snap *host.Snapshot, root *linkfiles.Decider, dev *linkfiles.Device, kind string) (InImage, bool) {
	there, here := img.decider.Decide(dev), root.Decide(dev)
	if here.File.IsUnknown() {
		return InImage{}, false // unknown-match says why
	}
	v := InImage{Image: img.Image, LinkFile: there.File}
	v.Creates, v.By = img.creates(snap, dev.Name, kind)
	if there.File.IsUnknown() {
		return v, true
	}
	var addressThere, addressHere string
	v.Policy, v.Source, addressThere = verdict(there.File.Or(nil))
	var source linkfiles.Pos
	v.Root, source, addressHere = verdict(here.File.Or(nil))
	if isDropIn(source.File) && !img.hasDropIn(source.File) {
		v.LeftOut = source.File
	}
	v.Differs = orNone(v.Policy) != orNone(v.Root) || addressThere != addressHere
	return v, true
}

func isDropIn(file string) bool { return strings.HasSuffix(path.Dir(file), ".link.d") }

// hasDropIn looks for a drop-in by its name and that of its directory. Some programs
// that build images merge the drop-ins of /etc and /usr into one directory.
func (img image) hasDropIn(file string) bool {
	for _, d := range img.Files.Dirs {
		for _, dd := range d.DropIns {
			if path.Base(dd.Path) == path.Base(path.Dir(file)) &&
				slices.ContainsFunc(dd.Entries, func(e linkfiles.Entry) bool { return e.Name == path.Base(file) }) {
				return true
			}
		}
	}
	return false
}

func (img image) creates(snap *host.Snapshot, name, kind string) (Creates, *linkfiles.Statement) {
	is := func(c initramfs.Created) bool { return c.Name == name && (kind == "" || c.Kind == kind) }
	if i := slices.IndexFunc(img.Creates, is); i >= 0 {
		return CreatesIt, say("pos-there", "pos", img.Creates[i].Pos)
	}
	if !img.CommandLine {
		return CreatesNot, nil
	}
	line, known := snap.System.KernelCommandLine.Get()
	if !known {
		return CreatesMaybe, nil
	}
	if slices.ContainsFunc(initramfs.CommandLine(line), is) {
		return CreatesIt, say("kernel-command-line")
	}
	return CreatesNot, nil
}

// judgeInImages judges the device in all images. A virtual device is new there;
// hardware is the same.
func (s *subject) judgeInImages() (out []InImage) {
	images := s.images()
	if len(images) == 0 {
		return nil
	}
	dev := policy.NewDevice(s.Name, s.Kind)
	if s.Kind == "" && s.Device != nil {
		dev = LinkDevice(s.Device)
	}
	for _, img := range images {
		if v, ok := img.judge(s.snap, s.decider, dev, s.Kind); ok {
			v.declare(s)
			out = append(out, v)
		}
	}
	return out
}

// acts returns the declaration that sets the device's address, or else the one that
// creates it; nil if there is neither.
func acts(of []netconf.Declaration) *netconf.Declaration {
	if d := FindManager(of); d != nil {
		return d
	}
	return creatorOf(of)
}

// declare compares what network configuration in the image and in the root file system
// does with the device.
func (v *InImage) declare(s *subject) {
	var there []netconf.Declaration
	for _, d := range v.Image.Declarations {
		if isFor(d, s.Name, s.Kind, s.Device != nil) {
			there = append(there, d)
		}
	}
	if v.Declared = acts(there); v.Declared == nil {
		return
	}
	if v.Declared.Creates {
		v.Creates, v.By = CreatesIt, say("pos-there", "pos", v.Declared.Pos)
	}
	v.DeclaredHere = say("not-declared-here")
	address := netconf.Address{Way: netconf.WayNone}
	if here := acts(s.Declarations.Or(nil)); here != nil {
		address = here.Address
		v.DeclaredHere = say("declared-here", "program", by(*here), "does", AddressBy(*here), "pos", here.Address.Pos)
	}
	mine := v.Declared.Address
	v.DeclaredDiffers = mine.Way != address.Way || mine.MAC != address.MAC ||
		mine.Way == netconf.WayNetworkd && !sameMachineID(v.Image.MachineID, s.snap.System.MachineID)
}

// StaleImages returns the images in which a target of fix would get another policy than
// from these files, each image once.
func StaleImages(snap *host.Snapshot, files *linkfiles.Store, release linkfiles.Release, targets []override.Target) (out []InImage) {
	root := linkfiles.Parse(files, release).For(&snap.System)
	for _, img := range parseImages(snap, release) {
		for _, t := range targets {
			if v, ok := img.judge(snap, root, targetInImage(snap, t), t.Kind); ok && v.Differs {
				out = append(out, v)
				break
			}
		}
	}
	return out
}

// targetInImage is what [Match] sees of a target of fix in an image: a virtual device
// is new there, hardware is the same.
func targetInImage(snap *host.Snapshot, t override.Target) *linkfiles.Device {
	if t.Name == "" {
		return policy.NewOfKind(t.Kind)
	}
	d := snap.Device(t.Name)
	switch {
	case d == nil:
		return policy.NewDevice(t.Name, t.Kind)
	case d.Kind == "":
		return LinkDevice(d)
	}
	return policy.NewDevice(d.Name, d.Kind)
}

// Advice says what to do if rebuilding the image may not be enough; nil if it is.
func (v InImage) Advice() *linkfiles.Statement {
	if !v.Differs || v.LeftOut == "" {
		return nil
	}
	return say("image-leaves-drop-in-out", "file", v.LeftOut)
}

// bootedInImage says why the address after a boot is unknown: an image creates the
// device, or may, and sets another address than the root file system. It is nil if no
// image does.
func (s *forecast) bootedInImage() *linkfiles.Statement {
	for _, v := range s.InImages {
		if why := s.otherAddressIn(v); why != nil {
			return why
		}
	}
	return nil
}

func (s *subject) otherAddressIn(v InImage) *linkfiles.Statement {
	var created *linkfiles.Statement
	switch v.Creates {
	case CreatesNot:
		return nil
	case CreatesMaybe:
		created = say("may-be-created-in-image", "image", v.Image.Path)
	case CreatesIt:
		created = say("created-in-image", "image", v.Image.Path)
	}
	switch {
	case v.DeclaredDiffers:
		return say("program-in-image-differs", "created", created, "program", by(*v.Declared), "does", AddressBy(*v.Declared))
	case v.createsWithAddress():
		return nil
	case v.LinkFile.IsUnknown():
		return say("file-in-image-unknown", "created", created, "there", v.There())
	case v.Differs:
		return say("files-in-image-differ", "created", created, "there", v.There())
	case v.Policy == "persistent" && !sameMachineID(v.Image.MachineID, s.snap.System.MachineID):
		return say("machine-id-in-image-differs", "created", created)
	}
	return nil
}

// createsWithAddress reports whether the device is created with an address in the
// image. No .link file changes it then.
func (v InImage) createsWithAddress() bool {
	return v.Declared != nil && v.Declared.Creates && v.Declared.Address.AtCreation && setsAddress(*v.Declared)
}

// sameMachineID reports whether both are known and equal.
func sameMachineID(a, b linkfiles.MachineID) bool {
	one := a.Confidential().Fingerprint()
	return one != "" && one == b.Confidential().Fingerprint()
}

// InitramfsMatters reports whether the kernel command line tells dracut to create one
// of the existing devices or one with one of the names. The initramfs then decides
// about its address, so an audit must read the .link files of the image.
func InitramfsMatters(commandLine fact.Fact[string], devices []host.Device, names []string) bool {
	created := initramfs.CommandLine(commandLine.Or(""))
	if len(created) == 0 {
		return false
	}
	there := host.DeviceNames(devices)
	return slices.ContainsFunc(created, func(c initramfs.Created) bool {
		return slices.Contains(names, c.Name) || there[c.Name]
	})
}

// There says which file of the image sets the policy.
func (v InImage) There() *linkfiles.Statement {
	f := v.LinkFile.Or(nil)
	switch {
	case v.LinkFile.IsUnknown():
		return say("file-there-unknown", "why", v.LinkFile.Reason())
	case f == nil:
		return say("no-file-there")
	case v.Policy == "":
		return say("no-policy-there", "file", f.Path)
	}
	return say("policy-there", "policy", v.Policy, "pos", v.Source)
}
