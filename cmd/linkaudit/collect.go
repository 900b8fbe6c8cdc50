package main

import (
	"context"
	"slices"

	"linkaudit/internal/change"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/address"
)

// request is what of a machine is to be looked at.
type request struct {
	root    string
	names   []string
	kinds   []string
	all     bool
	files   bool              // the files and the release only, no devices
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
	store, err := linkfiles.Read(r.root)
	if err != nil {
		return nil, nil, err
	}
	var networkd networkd
	if !r.files {
		if networkd, err = lookForNetworkd(r.root); err != nil {
			return nil, nil, err
		}
	}
	var tree *linkfiles.Tree
	var packaged *linkfiles.Store
	if !r.files {
		packaged = store
	}
	options := host.Options{
		Root: r.root, Kinds: r.kinds, Names: r.names, All: r.all, Release: r.release, Files: packaged,
		WantNameFor: address.NameMatters,
		WantFor: func(release fact.Fact[linkfiles.Release]) host.Want {
			if rel, ok := release.Get(); ok {
				tree = linkfiles.Parse(store, rel)
			}
			switch {
			case r.files:
				return host.WantNone
			case r.every || tree == nil:
				return host.WantEverything
			}
			return wantFor(tree.Needs()) | networkd.want(tree.Release)
		},
	}
	if ports, any := networkd.ports(); any {
		options.All = true
	} else {
		also(&options, ports)
	}
	snap, err := host.Collect(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	if !r.files {
		networkd.declare(snap)
		if snap, err = withPortsToCome(ctx, snap, r.names, options, networkd); err != nil {
			return nil, nil, err
		}
	}
	snap.Files = *store
	if !r.files {
		snap.Interrupted = change.Interrupted(r.root)
	}
	if r.images == allImages || r.images == imagesThatMatter && policy.InitramfsMatters(snap, r.names) {
		readInitramfs(ctx, snap, r.root)
	}
	if !r.files && !snap.Offline && (r.every || policy.OtherMachineIDsMatter(snap)) {
		snap.OtherMachineIDs = host.OtherMachineIDs(snap)
	}
	if !r.files {
		snap.FindNames(policy.NamesGiven(snap, tree))
	}
	return snap, tree, nil
}

// withPortsToCome collects once more where a device that is asked for is declared
// and does not exist: its address depends on those of the ports that it will have,
// whose names are known only now.
func withPortsToCome(ctx context.Context, snap *host.Snapshot, asked []string, options host.Options, networkd networkd) (*host.Snapshot, error) {
	kinds := options.Kinds
	if len(kinds) == 0 {
		kinds = host.DefaultKinds
	}
	there := snap.DeviceNames()
	missing := slices.DeleteFunc(policy.PortsToCome(snap), func(name string) bool { return there[name] })
	wanted := func(t policy.Target) bool { return len(asked) == 0 || slices.Contains(asked, t.Name) }
	if snap.Offline || options.All || !slices.ContainsFunc(policy.DeclaredToCome(snap, kinds), wanted) {
		return snap, nil
	}
	if len(missing) == 0 {
		return snap, nil
	}
	also(&options, missing)
	again, err := host.Collect(ctx, options)
	if err != nil {
		return nil, err
	}
	networkd.declare(again)
	return again, nil
}

// also has devices collected that are not asked about.
func also(o *host.Options, names []string) {
	if len(names) == 0 || o.All {
		return
	}
	if len(o.Names) == 0 && len(o.Kinds) == 0 {
		o.Kinds = host.DefaultKinds
	}
	o.Names = append(slices.Clone(o.Names), names...)
}

// readInitramfs puts the images below root into the snapshot.
func readInitramfs(ctx context.Context, snap *host.Snapshot, root string) {
	images, problems := host.ReadInitramfs(ctx, root)
	snap.Initramfs = fact.Known(append([]initramfs.Image{}, images...)) // none is known too
	snap.Problems = append(snap.Problems, problems...)
}

// networkd is systemd-networkd's part in a machine; files is nil where there is
// nothing for it to do.
type networkd struct {
	active fact.Fact[bool]
	files  *netconf.NetworkdFiles
}

func lookForNetworkd(root string) (networkd, error) {
	files, err := netconf.ReadNetworkd(root)
	if err != nil {
		return networkd{}, err
	}
	n := networkd{active: host.FindNetworkd(root, files.Configured()).Active(), files: files}
	if active, known := n.active.Get(); known && !active && !files.Configured() {
		n.files = nil
	}
	return n, nil
}

// want is what the conditions of its files ask for.
func (n networkd) want(rel linkfiles.Release) host.Want {
	if n.files == nil || !n.active.Or(true) {
		return 0
	}
	network := linkfiles.Parse(n.files.Network, rel)
	want := wantFor(linkfiles.Parse(n.files.NetDev, rel).Needs()) | wantFor(network.Needs())
	if slices.ContainsFunc(network.Files, func(f *linkfiles.File) bool {
		_, sets := f.Setting("Link", "MACAddress")
		return sets || f.State == linkfiles.StateUnknown
	}) {
		want |= host.WantPortDevices // it may be for one of them
	}
	return want
}

// ports are the devices that .network files may make ports: by their names, and, where
// any is true, by something else.
func (n networkd) ports() (names []string, any bool) {
	if n.files == nil || !n.active.Or(true) {
		return nil, false
	}
	for _, f := range linkfiles.Parse(n.files.Network, linkfiles.NewestRelease).Files {
		_, bond := f.Setting("Network", "Bond")
		_, bridge := f.Setting("Network", "Bridge")
		if bond || bridge {
			names = append(names, f.Names()...)
			any = any || len(f.Names()) == 0
		}
	}
	return names, any
}

// declare adds what systemd-networkd's files say to the snapshot.
func (n networkd) declare(snap *host.Snapshot) {
	all, known := snap.Declarations.Get()
	if n.files == nil || !known {
		return
	}
	rel, ok := snap.Systemd.Release.Get()
	if !ok {
		snap.Declarations = fact.Unknown[[]netconf.Declaration]("the systemd release: " + snap.Systemd.Release.Reason())
		return
	}
	var more []netconf.Declaration
	for _, d := range policy.NetworkdDeclares(n.files.Rendered(all), n.active, snap, rel) {
		// What netplan's file will say again is no news.
		if _, there := n.files.NetDev.Content(d.Pos.File); there || !slices.ContainsFunc(all, func(by netconf.Declaration) bool {
			return netconf.NetplansNetDev(d.Pos.File) && by.Program == netconf.Netplan && by.Device == d.Device &&
				by.Address.Way == d.Address.Way && by.Address.MAC == d.Address.MAC
		}) {
			more = append(more, d)
		}
	}
	all = append(all, more...)
	snap.Declarations = fact.Known(all)
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
