package netconf

import (
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// NetworkdFiles are the files that systemd-networkd reads. They may have keys of wireless
// networks and tunnels, and must not be in a snapshot.
type NetworkdFiles struct {
	NetDev, Network *linkfiles.Store
}

// NetworkdMachine is the machine of systemd-networkd's files.
type NetworkdMachine struct {
	Release linkfiles.Release
	System  *linkfiles.System
	// Devices are those that exist.
	Devices []*linkfiles.Device
	// NewDevice says what [Match] sees of a device that will be created.
	NewDevice func(name, kind string) *linkfiles.Device
	// Active says whether systemd-networkd runs or is started at boot. If not, what its
	// files declare is ignored.
	Active fact.Fact[bool]
}

// NetworkdInput is systemd-networkd's configuration on one machine. It depends on the
// devices, and package linkfiles reads its files, as it reads .link files.
type NetworkdInput struct {
	Files *NetworkdFiles
	// Machine's Release is the one that Read is called with.
	Machine NetworkdMachine
}

// networkd reads nothing itself; for an unknown release it declares nothing.
func (r *reading) networkd() {
	rel, ok := r.release.Get()
	if r.ofNetworkd == nil || !ok {
		return
	}
	machine := r.ofNetworkd.Machine
	machine.Release = rel
	r.add(r.ofNetworkd.Files.Declarations(machine)...)
}

// Declarations are what systemd-networkd of the machine does with the files: the devices that
// it creates, in its order, and then the devices whose address a .network file sets. Devices
// on top of others (VLANs, tunnels, ...) and kinds without an Ethernet address are left out.
func (n *NetworkdFiles) Declarations(m NetworkdMachine) []Declaration {
	return n.Parse(m.Release).Declarations(m)
}

// NetworkdTrees are the files in the way systemd-networkd of a release reads them.
type NetworkdTrees struct {
	NetDev, Network *linkfiles.Tree
	files           *NetworkdFiles
}

// Parse reads the files as systemd-networkd of the release does.
func (n *NetworkdFiles) Parse(rel linkfiles.Release) *NetworkdTrees {
	return &NetworkdTrees{linkfiles.Parse(n.NetDev, rel), linkfiles.Parse(n.Network, rel), n}
}

// Rendered returns the trees with what [NetworkdFiles.Rendered] adds to the files.
func (t *NetworkdTrees) Rendered(all []Declaration) *NetworkdTrees {
	files := t.files.Rendered(all)
	if files.NetDev == t.files.NetDev {
		return t
	}
	return &NetworkdTrees{linkfiles.Parse(files.NetDev, t.NetDev.Release), t.Network, files}
}

// Declarations are [NetworkdFiles.Declarations] for a machine of the trees' release.
func (t *NetworkdTrees) Declarations(m NetworkdMachine) []Declaration {
	r := &networkdReader{machine: m, network: t.Network}
	r.netDevs(t.NetDev)
	r.networks()
	if m.Active.IsUnknown() {
		for i := range r.all {
			r.all[i].Address.doubt("unknown whether systemd-networkd runs: " + words.Of(m.Active.Reason()))
		}
	}
	if active, known := m.Active.Get(); known && !active {
		for i := range r.all {
			r.all[i].Ignored = "systemd-networkd is not enabled"
		}
	}
	return r.all
}

// Beside is what systemd-networkd of the machine does in addition to the other programs'
// declarations, which Read has returned. The files that netplan will have rendered by then
// count, and what only repeats netplan's own is left out.
func (t *NetworkdTrees) Beside(others []Declaration, m NetworkdMachine) (more []Declaration) {
	for _, d := range t.Rendered(others).Declarations(m) {
		_, there := t.files.NetDev.Content(d.Pos.File)
		if there || !slices.ContainsFunc(others, func(by Declaration) bool { return repeats(d, by) }) {
			more = append(more, d)
		}
	}
	return more
}

// repeats reports whether a declaration of systemd-networkd repeats one of netplan, which
// rendered its file.
func repeats(d, by Declaration) bool {
	return NetplansNetDev(d.Pos.File) && by.Program == Netplan && by.Device == d.Device &&
		by.Address.Way == d.Address.Way && by.Address.MAC == d.Address.MAC
}

// NotEnabled reports whether the declaration is one of systemd-networkd, which neither runs
// nor is started at boot. That is its only reason to ignore a declaration.
func (d *Declaration) NotEnabled() bool { return d.Program == Networkd && d.Ignored != "" }

// Configured reports whether systemd-networkd has anything to do except the vendor's files:
// every package of it has .network files for devices that only some hosts have.
func (n *NetworkdFiles) Configured() bool {
	for _, d := range n.NetDev.Dirs {
		if len(d.Entries) > 0 {
			return true
		}
	}
	for _, d := range n.Network.Dirs {
		if (len(d.Entries) > 0 || len(d.DropIns) > 0) && !strings.HasPrefix(d.Path, "/usr/lib/") && !strings.HasPrefix(d.Path, "/lib/") {
			return true
		}
	}
	return false
}

// PortNames are the devices that .network files make ports of others by name; otherwise says
// that some file selects ports in another way.
func (t *NetworkdTrees) PortNames() (names []string, otherwise bool) {
	for _, f := range t.Network.Files {
		if makesPorts(f) {
			names = append(names, f.Names()...)
			otherwise = otherwise || len(f.Names()) == 0
		}
	}
	return names, otherwise
}

// makesPorts reports whether a .network file makes devices ports of another.
func makesPorts(f *linkfiles.File) bool {
	_, bond := f.Setting("Network", "Bond")
	_, bridge := f.Setting("Network", "Bridge")
	return bond || bridge
}

// MaySetAddress reports whether a .network file sets an address, or may: it could be that of
// a port.
func (t *NetworkdTrees) MaySetAddress() bool {
	return slices.ContainsFunc(t.Network.Files, func(f *linkfiles.File) bool {
		_, sets := f.Setting("Link", "MACAddress")
		return sets || f.State == linkfiles.StateUnknown
	})
}

// netplanNetDev is the file that netplan renders of a device for systemd-networkd
// (netplan_netdef_write_networkd() of netplan's networkd.c).
func netplanNetDev(device string) string { return netplanPrefix + device + ".netdev" }

const netplanPrefix = "/run/systemd/network/10-netplan-"

// NetplansNetDev reports whether netplan renders a file.
func NetplansNetDev(file string) bool { return strings.HasPrefix(file, netplanPrefix) }

// Rendered returns the files with those that netplan will have rendered from its declarations
// before systemd-networkd starts, if they do not exist yet: they may have drop-ins.
func (n *NetworkdFiles) Rendered(all []Declaration) *NetworkdFiles {
	out := *n
	for _, d := range all {
		_, known := netDevKinds[d.Kind]
		if !RendersNetworkd(d) || !d.Creates || !known {
			continue
		}
		name := netplanNetDev(d.Device)
		if _, there := out.NetDev.Content(name); there {
			continue
		}
		if with, ok := out.NetDev.With(name, netplanNetDevText(d)); ok {
			out.NetDev = with
		}
	}
	return &out
}

// netplanNetDevText is the text of the file that netplan renders from the declaration.
func netplanNetDevText(d Declaration) []byte {
	text := "[NetDev]\nName=" + d.Device + "\nKind=" + d.Kind + "\n"
	if d.Address.Way == WayExplicit {
		text += "MACAddress=" + d.Address.MAC.String() + "\n"
	}
	return []byte(text)
}

// RendersNetworkd reports whether netplan renders files of the declaration for
// systemd-networkd, which its generator then starts.
func RendersNetworkd(d Declaration) bool {
	return d.Program == Netplan && d.Renderer == Networkd && d.Ignored == ""
}

// doubt makes the address unknown.
func (a *Address) doubt(why string) {
	if a.Way != WayUnknown {
		a.Way, a.MAC, a.Unknown = WayUnknown, "", why
	}
}

// networkdReader is the work on one machine.
type networkdReader struct {
	machine NetworkdMachine
	network *linkfiles.Tree
	all     []Declaration
}

// netDevKind is a kind of device that systemd-networkd creates itself.
type netDevKind struct {
	// derives is the first release that derives an address for the device if the file
	// has none (NetDevVTable.generate_mac, and in releases before 243 every kind but VLAN).
	derives linkfiles.Release
	// pause is a span of releases that did not, from and up to.
	pauseFrom, pauseTo linkfiles.Release
}

var netDevKinds = map[string]netDevKind{
	"bond":   {derives: linkfiles.OldestRelease},
	"bridge": {derives: linkfiles.OldestRelease, pauseFrom: 243, pauseTo: 249},
	"dummy":  {derives: linkfiles.OldestRelease},
	"ifb":    {derives: 245},
	"veth":   {derives: linkfiles.OldestRelease},
}

// networkdDerives reports whether systemd-networkd of the release derives an
// address for a device of the kind whose .netdev file has none.
func networkdDerives(rel linkfiles.Release, kind string) bool {
	k, known := netDevKinds[kind]
	rel = rel.Clamp()
	return known && rel >= k.derives && (k.pauseFrom == 0 || rel < k.pauseFrom || rel > k.pauseTo)
}

// The releases since which systemd-networkd behaves differently.
const (
	// netDevsForward: of two .netdev files with one Name= the first counts; before, files
	// were read from the last to the first (netdev_load()).
	netDevsForward linkfiles.Release = 242
	// verifiesAddress: an address that no device can have is checked before it is sent, and
	// the multicast bit is cleared (netdev_generate_hw_addr()); before, the kernel
	// refuses it.
	verifiesAddress linkfiles.Release = 250
	// peerTakesName: a veth takes both of its names, and is dropped if one is taken
	// (netdev_attach()).
	peerTakesName linkfiles.Release = 257
)

// netDevs reads which devices are created: netdev_load_one() of netdev.c.
func (r *networkdReader) netDevs(tree *linkfiles.Tree) {
	files := slices.Clone(tree.Files)
	if r.machine.Release < netDevsForward {
		slices.Reverse(files)
	}
	taken := map[string]bool{}
	doubt := tree.Unread()
	for _, f := range files {
		state, why := tree.Conditions(f, r.machine.System)
		switch {
		case state == linkfiles.ConditionNotMet:
			continue
		case f.State == linkfiles.StateUnknown:
			// It may be for any device.
			doubt = words.Of(why)
			continue
		}
		for _, d := range netDev(f, r.machine.Release, taken) {
			switch {
			case state == linkfiles.ConditionUndecided:
				d.Address.doubt(words.Of(why))
			case doubt != "":
				d.Address.doubt(doubt)
			}
			r.all = append(r.all, d)
		}
	}
}

// netDev is what one file declares; taken are the names of earlier files.
func netDev(f *linkfiles.File, rel linkfiles.Release, taken map[string]bool) []Declaration {
	name, named := f.Setting("NetDev", "Name")
	kind, is := f.Setting("NetDev", "Kind")
	_, known := netDevKinds[kind.Value]
	switch {
	case !named || !is || taken[name.Value]:
		return nil
	case !known:
		taken[name.Value] = true
		return nil
	}
	ends := []Declaration{netDevDeclaration(f, rel, name, kind.Value, "NetDev")}
	if kind.Value == "veth" {
		peer, paired := f.Setting("Peer", "Name")
		switch {
		case !paired:
			return nil
		case peer.Value == name.Value:
			taken[name.Value] = rel < peerTakesName // the kernel refuses it
			return nil
		case rel >= peerTakesName && taken[peer.Value]:
			return nil
		}
		ends = append(ends, netDevDeclaration(f, rel, peer, kind.Value, "Peer"))
	}
	return created(ends, rel, taken)
}

// created takes the names of a device's ends, and returns the ends; none if the device is
// not possible.
func created(ends []Declaration, rel linkfiles.Release, taken map[string]bool) []Declaration {
	impossible := slices.ContainsFunc(ends, func(d Declaration) bool { return d.Address.Way == "" || inSysctl[d.Device] })
	if impossible && rel >= verifiesAddress && rel < peerTakesName {
		return nil // another file may have the name
	}
	for i, d := range ends {
		if i == 0 || rel >= peerTakesName {
			taken[d.Device] = true
		}
	}
	if impossible {
		return nil // the kernel refuses it
	}
	return ends
}

// inSysctl are names that the kernel refuses, because /proc/sys/net/ipv4/conf has them
// (devinet_sysctl_register()); since 248 systemd-networkd accepts neither.
var inSysctl = map[string]bool{"all": true, "default": true}

// netDevDeclaration is about one end; its address is in the section. Way is "" for an
// address that makes the creation fail.
func netDevDeclaration(f *linkfiles.File, rel linkfiles.Release, name linkfiles.Setting, kind, section string) Declaration {
	d := Declaration{Program: Networkd, Device: name.Value, Kind: kind, Creates: true, Pos: name.Pos,
		Address: Address{Way: WayNone, Key: "MACAddress", AtCreation: true, Pos: name.Pos}}
	set, ok := f.Setting(section, "MACAddress")
	switch {
	case !ok && networkdDerives(rel, kind):
		d.Address.Way = WayNetworkd
	case !ok:
	case set.Value == linkfiles.NoAddress:
		d.Address.Pos = set.Pos
	default:
		d.Address.Way, d.Address.Pos = "", set.Pos
		if d.Address.MAC, ok = usableAddress(rel, set.Value); ok {
			d.Address.Way = WayExplicit
		}
	}
	return d
}

// usableAddress is the address that the device gets from a setting; false if it gets none.
func usableAddress(rel linkfiles.Release, set string) (linkfiles.MAC, bool) {
	mac, _ := linkfiles.ParseMAC(set)
	octets := mac.Octets()
	switch {
	case len(octets) != 6, mac == "00:00:00:00:00:00", mac == "ff:ff:ff:ff:ff:ff":
		return "", false
	case octets[0]&1 == 0:
		return mac, true
	case rel < verifiesAddress:
		return "", false
	}
	octets[0] &^= 1
	return linkfiles.MACOf(octets), true
}

// networks reads for which devices the .network files set the address, and which they make
// ports of a device that systemd-networkd creates: link_get_network() and network_verify()
// of systemd-networkd.
func (r *networkdReader) networks() {
	decider := r.network.For(r.machine.System)
	for _, dev := range r.devices() {
		decision := decider.Decide(dev)
		if f, ok := decision.File.Get(); ok {
			r.applies(f, dev)
			continue
		}
		r.mayApply(decision, dev)
	}
	for i := range r.all {
		r.all[i].sortPorts()
	}
}

// devices are those to check .network files for: existing ones, those that are created, and
// those that a file makes ports by name.
func (r *networkdReader) devices() []*linkfiles.Device {
	devices := slices.Clone(r.machine.Devices)
	known := func(name string) bool {
		return slices.ContainsFunc(devices, func(have *linkfiles.Device) bool { return have.Name == name })
	}
	for _, d := range r.all {
		if known(d.Device) {
			continue
		}
		dev := r.machine.NewDevice(d.Device, d.Kind)
		if d.Address.Way == WayExplicit {
			dev.MAC = fact.Known(d.Address.MAC)
		}
		devices = append(devices, dev)
	}
	for _, f := range r.network.Files {
		if !makesPorts(f) {
			continue
		}
		for _, name := range f.Names() {
			if !known(name) {
				devices = append(devices, r.machine.NewDevice(name, ""))
			}
		}
	}
	return devices
}

// applies is what the file does to the device.
func (r *networkdReader) applies(f *linkfiles.File, dev *linkfiles.Device) {
	if is(f, "Link", "Unmanaged") {
		return
	}
	// The driver of an ifb cannot set its address later.
	if set, ok := f.Setting("Link", "MACAddress"); ok && dev.Kind.Or("") != "ifb" {
		if mac, ok := usableAddress(r.machine.Release, set.Value); ok {
			r.setsAddress(dev, Address{Way: WayExplicit, Key: "MACAddress", MAC: mac, Pos: set.Pos})
		}
	}
	if is(f, "Network", "KeepMaster") {
		return
	}
	if bond, ok := f.Setting("Network", "Bond"); ok {
		r.makesPort("bond", bond, dev)
	}
	if bridge, ok := f.Setting("Network", "Bridge"); ok {
		r.makesPort("bridge", bridge, dev)
	}
}

// setsAddress adds what a .network file does to the address of a device.
func (r *networkdReader) setsAddress(dev *linkfiles.Device, a Address) {
	r.all = append(r.all, Declaration{Program: Networkd, Device: dev.Name, Kind: dev.Kind.Or(""), Pos: a.Pos, Address: a})
}

// makesPort adds the device to the ports of the device of that kind that is created with the
// name in the setting.
func (r *networkdReader) makesPort(kind string, set linkfiles.Setting, dev *linkfiles.Device) {
	for i := range r.all {
		if d := &r.all[i]; d.Creates && d.Device == set.Value && d.Kind == kind {
			d.addPort(dev.Name, set.Pos)
		}
	}
}

// mayApply notes that a file with an unknown match may set the address.
func (r *networkdReader) mayApply(decision linkfiles.Decision, dev *linkfiles.Device) {
	if !decision.File.IsUnknown() {
		return
	}
	for _, f := range candidates(decision) {
		set, ok := f.Setting("Link", "MACAddress")
		if f.State != linkfiles.StateUnknown && (!ok || is(f, "Link", "Unmanaged")) {
			continue
		}
		pos := set.Pos
		if !ok {
			pos = linkfiles.Pos{File: f.Path}
		}
		r.setsAddress(dev, Address{Way: WayUnknown, Key: "MACAddress", Pos: pos, Unknown: "which .network file applies: " + words.Of(decision.File.Reason())})
		return
	}
}

// candidates are the files that may apply to the device; one of them does.
func candidates(decision linkfiles.Decision) []*linkfiles.File {
	files := make([]*linkfiles.File, 0, len(decision.Unknown)+1)
	for _, step := range decision.Unknown {
		files = append(files, step.File)
	}
	if decision.Otherwise != nil {
		files = append(files, decision.Otherwise)
	}
	return files
}

func is(f *linkfiles.File, section, key string) bool {
	set, _ := f.Setting(section, key)
	return set.Value == "yes"
}
