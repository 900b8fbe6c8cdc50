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

// request is what of a machine is to be looked at.
type request struct {
	root    string
	names   []string
	kinds   []string
	all     bool
	every   bool              // everything that any audit could ask, for a snapshot
	release linkfiles.Release // 0: find out
	images  images            // which initramfs images
}

// images says when initramfs images are read, which takes longer than all the
// rest.
type images int

const (
	noImages images = iota
	// imagesThatMatter are read where one of the devices is known to be made in
	// them.
	imagesThatMatter
	allImages
)

// collect makes a snapshot of the machine, or of the image below r.root,
// together with its .link files, and reads those as its release does. The tree
// is nil where the release is not known.
func collect(ctx context.Context, r request) (*host.Snapshot, *linkfiles.Tree, error) {
	// 1. The release, by which everything else is read.
	machine, err := host.Probe(ctx, r.root, r.release)
	if err != nil {
		return nil, nil, err
	}
	defer machine.Close()

	// 2. The files, and what they ask for.
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

	// 3. The system and its devices, with that.
	facts := machine.Facts(ctx, want)
	which := host.DeviceOptions{Kinds: r.kinds, Names: r.names, All: r.all, Want: want, MachineID: facts.System.MachineID.ID()}
	which = networkd.withPorts(which)
	devices, unread, err := machine.Devices(ctx, which)
	if err != nil {
		return nil, nil, err
	}

	// 4. What other programs declare, and systemd-networkd of these devices.
	others, declarationProblems := machine.Declarations()
	declarations := networkd.declare(&facts.System, devices, others)
	if ports := portsToCome(which, r.names, devices, declarations.Or(nil)); len(ports) > 0 && !machine.Offline {
		if devices, unread, err = machine.Devices(ctx, which.With(ports)); err != nil {
			return nil, nil, err
		}
		declarations = networkd.declare(&facts.System, devices, others)
	}

	// 5. What the devices and declarations ask for in their turn.
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

// want is what the files ask for, everything where their release is not known.
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

// collectFiles makes a snapshot of the .link files and the facts that cost nothing,
// without devices.
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

// portsToCome are further devices to be looked at: those that one which is asked for,
// and does not exist, will have for ports. Its address depends on theirs.
func portsToCome(which host.DeviceOptions, asked []string, devices []host.Device, declarations []netconf.Declaration) []string {
	switch {
	case which.All:
		return nil
	case len(which.Kinds) == 0:
		return audit.PortsToCome(devices, declarations, host.DefaultKinds, asked)
	}
	return audit.PortsToCome(devices, declarations, which.Kinds, asked)
}

// networkd is systemd-networkd's part in a machine.
type networkd struct {
	active fact.Fact[bool]
	// idle: there is nothing for it to do.
	idle bool
	// trees are the files as its release reads them, nil where that is not known; why
	// says so.
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

// want is what the conditions of its files ask for.
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

// withPorts adds the devices that .network files may make ports: by their names or, where
// one file goes by something else, all that there are.
func (n networkd) withPorts(which host.DeviceOptions) host.DeviceOptions {
	if n.trees == nil || !n.active.Or(true) {
		return which
	}
	names, otherwise := n.trees.PortNames()
	which.All = which.All || otherwise
	return which.With(names)
}

// declare adds to what other programs declare what systemd-networkd's files do.
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

// wanted says where each fact of linkfiles.Needs is collected; TestEveryNeedIsCollected
// fails where one is left out.
var wanted = []struct {
	needs linkfiles.Needs
	want  host.Want
}{
	// What costs nothing, or next to nothing, is collected in any case.
	{linkfiles.NeedLink | linkfiles.NeedPermMAC | linkfiles.NeedUdevDB | linkfiles.NeedMachine | linkfiles.NeedMachineID, host.WantCheck},
	{linkfiles.NeedDriver, host.WantDriver},
	{linkfiles.NeedUEvent, host.WantUEvent},
	{linkfiles.NeedNameAssignType, host.WantNameAssignType},
	{linkfiles.NeedVirtualization | linkfiles.NeedFirmware | linkfiles.NeedCredentials | linkfiles.NeedMachineTags | linkfiles.NeedOtherIDs, host.WantSystem},
	{linkfiles.NeedGlibc, host.WantGlibc},
}

// wantFor leaves out what costs something and what no file asks for.
func wantFor(n linkfiles.Needs) host.Want {
	want := host.WantCheck
	for _, row := range wanted {
		if n.Has(row.needs) {
			want |= row.want
		}
	}
	return want
}
