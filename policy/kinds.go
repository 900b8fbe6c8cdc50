package policy

import (
	"maps"
	"slices"

	"linkaudit/linkfiles"
)

// kindFacts is what the kernel shows of every new device of a kind, and so what udevd will see
// of a device that does not exist yet. None of them has a parent.
type kindFacts struct {
	// devType is DEVTYPE of the uevent, "" for none; link is the name of ifi_type, "" if the
	// kind has several.
	devType, link string
	// driver is what the kind's own get_drvinfo says; "" if it has none: ETHTOOL_GDRVINFO
	// then returns the kind (ethtool_get_drvinfo() of net/ethtool/ioctl.c) or, on older
	// kernels, nothing.
	driver string
	// random: it is created with a random address and has no permanent one.
	random bool
	// permanent: it has a permanent address, made up, of the lower device or of the end of a
	// tunnel: register_netdevice() of net/core/dev.c uses the first address for it, unless the
	// driver has marked that as random, set or stolen.
	permanent bool
	// fixed: its driver has no ndo_set_mac_address, so the kernel refuses any other address.
	fixed bool
	// modelled: package life knows what happens to its address.
	modelled bool
	// unseen: its properties are unknown here; some have a parent.
	unseen bool
}

const ether = "ether"

// kinds has the kinds of software devices that the kernel can create: rtnl_link_ops.kind of
// Linux up to 6.18. Nearly all were seen on running kernels, which test/vm compares; amt,
// bareudp, batadv, gtp, hsr, lowpan, ovpn, ppp, rmnet, vcan, virt_wifi and vxcan were read
// in their setup functions. A kind that is not here is a typing error, or its driver is not
// part of the kernel.
var kinds = map[string]kindFacts{
	"bond":   {devType: "bond", link: ether, driver: "bonding", random: true, modelled: true},
	"bridge": {devType: "bridge", link: ether, driver: "bridge", random: true, modelled: true},
	"team":   {link: ether, driver: "team", random: true, modelled: true},
	"veth":   {link: ether, driver: "veth", random: true, modelled: true},
	"vxlan":  {devType: "vxlan", link: ether, driver: "vxlan", random: true, modelled: true},

	"batadv":      {link: ether, driver: "B.A.T.M.A.N. advanced", random: true},
	"dummy":       {link: ether, driver: "dummy", random: true},
	"erspan":      {link: ether, random: true},
	"geneve":      {devType: "geneve", link: ether, driver: "geneve", random: true},
	"gretap":      {link: ether, random: true},
	"hsr":         {devType: "hsr", link: ether, permanent: true},
	"ifb":         {link: ether, random: true, fixed: true},
	"ip6erspan":   {link: ether, random: true},
	"ip6gretap":   {link: ether, random: true},
	"ipvlan":      {link: ether, driver: "ipvlan", permanent: true, fixed: true},
	"ipvtap":      {link: ether, driver: "ipvlan", permanent: true, fixed: true},
	"macsec":      {devType: "macsec", link: ether},
	"macvlan":     {link: ether, driver: "macvlan", random: true},
	"macvtap":     {link: ether, driver: "macvlan", random: true},
	"netkit":      {link: ether, driver: "netkit"},
	"openvswitch": {link: ether, driver: "openvswitch", random: true},
	"tun":         {driver: "tun"}, // a tap is Ethernet, a tun is not
	"virt_wifi":   {link: ether},
	"vlan":        {devType: "vlan", link: ether, driver: "802.1Q VLAN Support"},
	"vrf":         {link: ether, driver: "vrf", random: true},

	"gre":       {link: "ipgre", permanent: true},
	"ip6gre":    {link: "ip6gre", permanent: true},
	"ip6tnl":    {link: "tunnel6", permanent: true},
	"ipip":      {link: "tunnel", permanent: true},
	"nlmon":     {link: "netlink"},
	"sit":       {link: "sit", permanent: true},
	"vsockmon":  {link: "vsockmon"},
	"vti":       {link: "tunnel", permanent: true},
	"vti6":      {link: "tunnel6", permanent: true},
	"wireguard": {devType: "wireguard", link: "none"},
	"xfrm":      {link: "none"},

	"amt":     {link: "none"},
	"bareudp": {link: "none"},
	"gtp":     {link: "none"},
	"lowpan":  {link: "6lowpan", permanent: true},
	"ovpn":    {link: "none"},
	"ppp":     {link: "ppp"},
	"rmnet":   {link: "rawip"},
	"vcan":    {link: "can"},
	"vxcan":   {link: "can"},

	"caif": {unseen: true}, "can": {unseen: true}, "dsa": {unseen: true}, "ipoib": {unseen: true},
	"netdevsim": {unseen: true}, "pfcp": {unseen: true}, "wwan": {unseen: true},
}

// TakesNoAddress reports whether devices of the kind keep the address that they are created
// with: the kernel refuses any other.
func TakesNoAddress(kind string) bool { return kinds[kind].fixed }

// linkType is [Match] Type= of a new device, and whether it is from ifi_type.
func (k kindFacts) linkType(kind string) (name linkfiles.Fact[string], fromARPHRD bool) {
	switch {
	case k.devType != "":
		return linkfiles.Known(k.devType), false
	case k.link != "":
		return linkfiles.Known(k.link), true
	}
	return linkfiles.Unknown[string](linkfiles.Say("kind-differs-in-type", "kind", kind)), true
}

// firstAddress is one that no file names, in the length that new devices of the kind have
// (addr_len): IP tunnels have that of the local end.
func (k kindFacts) firstAddress() linkfiles.Fact[linkfiles.MAC] {
	switch k.link {
	case ether, "":
		return linkfiles.Known(UnnamedAddress)
	case "ipgre", "tunnel", "sit":
		return linkfiles.Known(UnnamedAddress[:len("00:00:00:00")])
	case "ip6gre", "tunnel6":
		return linkfiles.Known(UnnamedAddress + ":" + UnnamedAddress + ":" + UnnamedAddress[:len("00:00:00:00")])
	case "6lowpan":
		return linkfiles.Known(UnnamedAddress + ":00:00")
	}
	return linkfiles.Absent[linkfiles.MAC]()
}

// driverOf is [Match] Driver= of a new device.
func (k kindFacts) driverOf(kind string) linkfiles.Fact[string] {
	if k.driver == "" {
		return linkfiles.Unknown[string](linkfiles.Say("kernels-differ-in-driver", "kind", kind))
	}
	return linkfiles.Known(k.driver)
}

// OnNoBus reports whether devices of the kind are known to have no bus, which would set
// properties.
func OnNoBus(kind string) bool {
	k, ok := kinds[kind]
	return ok && !k.unseen
}

// KnownKind reports whether the kernel can make software devices of the kind.
func KnownKind(kind string) bool {
	_, ok := kinds[kind]
	return ok
}

// KnownKinds are those, in order.
func KnownKinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// UnknownKind says that the kernel has no such kind, and lists its kinds.
func UnknownKind(kind string) *linkfiles.Statement {
	return linkfiles.Say("no-such-kind", "kind", kind, "kinds", KnownKinds())
}

// WithoutMAC reports whether devices of the kind are known to have no MAC address, so
// MACAddressPolicy= has no effect (get_mac() of link-config.c: only Ethernet and
// InfiniBand).
func WithoutMAC(kind string) bool {
	k, ok := kinds[kind]
	return ok && !k.unseen && k.link != ether && k.link != ""
}

// StartsRandom reports whether the kernel creates devices of the kind with a random address
// and without a permanent one.
func StartsRandom(kind string) bool { return kinds[kind].random }

// Modelled reports whether package policy/life knows what happens to the address of devices of
// the kind.
func Modelled(kind string) bool { return kinds[kind].modelled }
