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

// InImage is what an initramfs image would make of a device.
type InImage struct {
	Image *initramfs.Image
	// LinkFile is the effective link file in the image: absent where none
	// applies there, unknown where that cannot be decided.
	LinkFile fact.Fact[*linkfiles.File]
	// Policy is the policy that follows there, "" for none set, and Source the
	// line that it comes from.
	Policy string
	Source linkfiles.Pos
	// Differs is true where the device would get another policy or MACAddress=
	// in the initramfs than on the root; Root is the policy there.
	Differs bool
	Root    string
	// LeftOut is the drop-in that the root's policy comes from, where the image
	// does not have it.
	LeftOut string
	// Declared is what a program in the image does to the device, nil where none
	// does anything; DeclaredDiffers is true where the device would get another
	// address of it than by the root's configuration.
	Declared        *netconf.Declaration
	DeclaredDiffers bool
	// DeclaredHere is what the root's configuration says of it.
	DeclaredHere *linkfiles.Statement
	// Creates says whether the initramfs creates the device, with By for where
	// that is said.
	Creates Creates
	By      *linkfiles.Statement
}

// Creates is what is known of a device being made in the initramfs.
type Creates int

const (
	// CreatesNot: nothing that is known makes the device there.
	CreatesNot Creates = iota
	// CreatesMaybe: the kernel command line would tell, and is not known.
	CreatesMaybe
	// CreatesIt: it is made there.
	CreatesIt
)

// image is one that was parsed.
type image struct {
	*initramfs.Image
	decider *linkfiles.Decider
}

// parseImages reads the files of all images in which .link files have an effect.
func parseImages(snap *host.Snapshot, release linkfiles.Release) (out []image) {
	images, _ := snap.Initramfs.Get()
	for i := range images {
		img := &images[i]
		if img.Unreadable != "" || !img.Udevd || img.SetupLinkRule.IsAbsent() {
			continue
		}
		// What [Match] asks of the system is the same machine's, but for what
		// the root alone knows.
		system := snap.System
		system.MachineID = img.MachineID
		system.Hostname = fact.Unknown[string](say("host-name-in-initramfs"))
		out = append(out, image{img, linkfiles.Parse(&img.Files, img.Release.Or(release)).For(&system)})
	}
	return out
}

// verdict is what a file makes of an address, as far as images are compared.
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

// orNone takes a policy that is not set for what it is.
func orNone(policy string) string {
	if policy == "" {
		return "none"
	}
	return policy
}

// judge compares what the image makes of a device with what the root does.
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

// hasDropIn looks for a drop-in by its name and that of its directory: some
// programs that make images have one directory for those of /etc and /usr.
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

// inImages asks all images about the device. One of a kind is new there; hardware
// is the same.
func (s *subject) lookIntoImages() (out []InImage) {
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

// acts is the declaration by which a device has its address, or else the one that
// creates it; nil where nobody does either.
func acts(of []netconf.Declaration) *netconf.Declaration {
	if d := FindManager(of); d != nil {
		return d
	}
	return creatorOf(of)
}

// declare compares what programs in the image do to the device with what those of
// the root do.
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

// StaleImages are the images of the snapshot in which a target of fix would get
// another policy than by the files, each once.
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

// targetInImage is what [Match] sees of a target of fix in an image: one of a kind is new
// there, hardware is the same.
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

// Advice is what to do where rebuilding the image may not be enough; nil where
// nothing speaks for that.
func (v InImage) Advice() *linkfiles.Statement {
	if !v.Differs || v.LeftOut == "" {
		return nil
	}
	return say("image-leaves-drop-in-out", "file", v.LeftOut)
}

// bootedInImage says why the address after a boot is not known: an image is
// known to create the device, or may, and gives it another address than the root
// would. nil where that is not so.
func (s *foretelling) bootedInImage() *linkfiles.Statement {
	for _, v := range s.InImages {
		if why := s.otherAddressIn(v); why != nil {
			return why
		}
	}
	return nil
}

// otherAddressIn is bootedInImage for one image.
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
		return say("file-in-image-not-known", "created", created, "there", v.There())
	case v.Differs:
		return say("files-in-image-differ", "created", created, "there", v.There())
	case v.Policy == "persistent" && !sameMachineID(v.Image.MachineID, s.snap.System.MachineID):
		return say("machine-id-in-image-differs", "created", created)
	}
	return nil
}

// createsWithAddress reports whether the device is created with an address there, so
// that no .link file changes it.
func (v InImage) createsWithAddress() bool {
	return v.Declared != nil && v.Declared.Creates && v.Declared.Address.AtCreation && setsAddress(*v.Declared)
}

// sameMachineID reports whether two are known to be the same.
func sameMachineID(a, b linkfiles.MachineID) bool {
	one := a.Confidential().Fingerprint()
	return one != "" && one == b.Confidential().Fingerprint()
}

// InitramfsMatters reports whether the kernel command line has dracut make one of
// the devices in the initramfs: one that is there or one of the names. The
// initramfs decides about its address then, and an audit without its .link files
// would be of something else.
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

// There says in which file of the image the policy is.
func (v InImage) There() *linkfiles.Statement {
	f := v.LinkFile.Or(nil)
	switch {
	case v.LinkFile.IsUnknown():
		return say("file-there-not-known", "why", v.LinkFile.Reason())
	case f == nil:
		return say("no-file-there")
	case v.Policy == "":
		return say("no-policy-there", "file", f.Path)
	}
	return say("policy-there", "policy", v.Policy, "pos", v.Source)
}
