package main

import (
	"context"

	"linkaudit/internal/audit"
	"linkaudit/internal/change"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// request is what to read of a machine.
type request struct {
	root    string
	names   []string
	kinds   []string
	all     bool
	every   bool              // everything that any audit may need, for a snapshot
	release linkfiles.Release // 0: find out
	images  images            // which initramfs images
}

// images says when to read initramfs images, which takes longer than all the rest.
type images int

const (
	noImages images = iota
	// imagesThatMatter are read if one of the devices is known to be created in them.
	imagesThatMatter
	allImages
)

// collect makes a snapshot of the machine, or of the image below r.root, with its .link
// files, and parses those as its release does. The tree is nil if the release is unknown.
func collect(ctx context.Context, r request) (*host.Snapshot, *linkfiles.Tree, error) {
	// 1. The release, which decides how everything else is read.
	machine, err := host.Probe(ctx, r.root, r.release)
	if err != nil {
		return nil, nil, err
	}
	defer machine.Close()

	// 2. The files, and the facts that they need.
	store, err := linkfiles.Read(r.root)
	if err != nil {
		return nil, nil, err
	}
	networkd, err := readNetworkd(r.root, machine.Systemd.Release)
	if err != nil {
		return nil, nil, err
	}
	var tree *linkfiles.Tree
	if rel, known := machine.Systemd.Release.Get(); known {
		tree = linkfiles.Parse(store, rel)
	}
	want := r.want(tree, networkd)

	// 3. The system and its devices, with these facts.
	facts := machine.Facts(ctx, want)
	which := host.DeviceOptions{Kinds: r.kinds, Names: r.names, All: r.all, Want: want, MachineID: facts.System.MachineID.ID()}
	which = networkd.withPorts(which)
	devices, unread, err := machine.Devices(ctx, which)
	if err != nil {
		return nil, nil, err
	}

	// 4. What other programs and systemd-networkd declare.
	others, declarationProblems := machine.Declarations()
	declarations := networkd.declare(&facts.System, devices, others)
	if ports := portsToCome(which, r.names, devices, declarations.Or(nil)); len(ports) > 0 && !machine.Offline {
		if devices, unread, err = machine.Devices(ctx, which.With(ports)); err != nil {
			return nil, nil, err
		}
		declarations = networkd.declare(&facts.System, devices, others)
	}

	// 5. What the devices and declarations need in turn.
	problems := append(machine.Problems, unread...)
	var inInitramfs fact.Fact[[]initramfs.Image]
	if r.readsImages(&facts, devices) {
		found, unlisted := host.ReadInitramfs(ctx, r.root)
		inInitramfs = fact.Known(append([]initramfs.Image{}, found...)) // none is known too
		problems = append(problems, unlisted...)
	}
	var otherIDs []host.OtherMachineID
	if machine.Offline || r.readsOtherIDs(&facts, devices) {
		otherIDs = machine.OtherMachineIDs(facts.System.KernelCommandLine)
	}

	return &host.Snapshot{
		Schema:              host.SnapshotSchema,
		Taken:               machine.Taken,
		Offline:             machine.Offline,
		System:              facts.System,
		Systemd:             machine.Systemd,
		MachineIDFile:       facts.MachineIDFile,
		OtherMachineIDs:     otherIDs,
		NamingScheme:        facts.NamingScheme,
		Udev:                facts.Udev,
		Devices:             devices,
		Files:               *store,
		Declarations:        declarations,
		MissingPorts:        machine.MissingPorts(devices, declarations.Or(nil)),
		NamesTaken:          machine.NamesTaken(audit.NamesGiven(&facts.System, devices, tree)),
		Interrupted:         change.Interrupted(r.root),
		Initramfs:           inInitramfs,
		DeclarationProblems: declarationProblems,
		Packaged:            machine.Packaged(store),
		Problems:            problems,
	}, tree, nil
}

// want is what the files need, everything if their release is unknown.
func (r request) want(tree *linkfiles.Tree, n networkd) host.Want {
	if tree == nil || r.every {
		return host.WantEverything
	}
	return wantFor(tree.Needs()) | n.want()
}

func (r request) readsImages(facts *host.Facts, devices []host.Device) bool {
	switch r.images {
	case allImages:
		return true
	case imagesThatMatter:
		return audit.InitramfsMatters(facts.System.KernelCommandLine, devices, r.names)
	}
	return false
}

func (r request) readsOtherIDs(facts *host.Facts, devices []host.Device) bool {
	return r.every || audit.OtherMachineIDsMatter(facts.System.MachineID.ID(), facts.MachineIDFile.State, devices)
}

// collectFiles makes a snapshot without devices: the .link files, and the facts that cost
// nothing.
func collectFiles(ctx context.Context, root string, release linkfiles.Release) (*host.Snapshot, error) {
	machine, err := host.Probe(ctx, root, release)
	if err != nil {
		return nil, err
	}
	defer machine.Close()
	store, err := linkfiles.Read(root)
	if err != nil {
		return nil, err
	}
	facts := machine.Facts(ctx, 0)
	return &host.Snapshot{
		Schema:        host.SnapshotSchema,
		Taken:         machine.Taken,
		Offline:       machine.Offline,
		System:        facts.System,
		Systemd:       machine.Systemd,
		MachineIDFile: facts.MachineIDFile,
		NamingScheme:  facts.NamingScheme,
		Udev:          facts.Udev,
		Files:         *store,
		Problems:      machine.Problems,
	}, nil
}

// portsToCome are further devices to read: the future ports of devices that do not exist.
// The addresses of these depend on them.
func portsToCome(which host.DeviceOptions, asked []string, devices []host.Device, declarations []netconf.Declaration) []string {
	switch {
	case which.All:
		return nil
	case len(which.Kinds) == 0:
		return audit.FuturePorts(devices, declarations, host.DefaultKinds, asked)
	}
	return audit.FuturePorts(devices, declarations, which.Kinds, asked)
}

// networkd is what systemd-networkd does on a machine.
type networkd struct {
	active fact.Fact[bool]
	// idle: it has nothing to do.
	idle bool
	// trees are the files as its release reads them. They are nil if that is unknown, with
	// the reason in why.
	trees *netconf.NetworkdTrees
	why   string
}

func readNetworkd(root string, release fact.Fact[linkfiles.Release]) (networkd, error) {
	files, active, err := host.ReadNetworkd(root)
	if err != nil {
		return networkd{}, err
	}
	if acts, known := active.Get(); known && !acts && !files.Configured() {
		return networkd{idle: true}, nil
	}
	rel, known := release.Get()
	if !known {
		return networkd{active: active, why: words.Of(release.Reason())}, nil
	}
	return networkd{active: active, trees: files.Parse(rel)}, nil
}

// want is what the conditions of its files need.
func (n networkd) want() host.Want {
	if n.trees == nil || !n.active.Or(true) {
		return 0
	}
	want := wantFor(n.trees.NetDev.Needs()) | wantFor(n.trees.Network.Needs())
	if n.trees.MaySetAddress() {
		want |= host.WantPortDevices
	}
	return want
}

// withPorts adds the devices that .network files may make ports: by name or, if a file
// matches by something else, all devices.
func (n networkd) withPorts(which host.DeviceOptions) host.DeviceOptions {
	if n.trees == nil || !n.active.Or(true) {
		return which
	}
	names, otherwise := n.trees.PortNames()
	which.All = which.All || otherwise
	return which.With(names)
}

// declare adds the declarations of systemd-networkd to those of other programs.
func (n networkd) declare(system *linkfiles.System, devices []host.Device, others []netconf.Declaration) fact.Fact[[]netconf.Declaration] {
	all := append([]netconf.Declaration{}, others...) // none is known too
	switch {
	case n.idle:
		return fact.Known(all)
	case n.trees == nil:
		return fact.Unknown[[]netconf.Declaration](fact.Told("the systemd release: " + n.why))
	}
	machine := audit.NetworkdMachine(n.trees.Network.Release, system, devices, others, n.active)
	return fact.Known(append(all, n.trees.Beside(others, machine)...))
}

// wanted says what collects each fact of linkfiles.Needs; TestEveryNeedIsCollected fails if
// one is missing.
var wanted = []struct {
	needs linkfiles.Needs
	want  host.Want
}{
	// Facts that cost next to nothing are always collected.
	{linkfiles.NeedLink | linkfiles.NeedPermMAC | linkfiles.NeedUdevDB | linkfiles.NeedMachine | linkfiles.NeedMachineID, host.WantCheck},
	{linkfiles.NeedDriver, host.WantDriver},
	{linkfiles.NeedUEvent, host.WantUEvent},
	{linkfiles.NeedNameAssignType, host.WantNameAssignType},
	{linkfiles.NeedVirtualization | linkfiles.NeedFirmware | linkfiles.NeedCredentials | linkfiles.NeedMachineTags | linkfiles.NeedOtherIDs, host.WantSystem},
	{linkfiles.NeedGlibc, host.WantGlibc},
}

// wantFor leaves out facts that cost something and that no file needs.
func wantFor(n linkfiles.Needs) host.Want {
	want := host.WantCheck
	for _, row := range wanted {
		if n.Has(row.needs) {
			want |= row.want
		}
	}
	return want
}
