package linkfiles

// ConfigType is a type of files in the directories of SearchPath. All types share the search
// path, masks, drop-ins, grammar and conditions; their content and reader differ.
type ConfigType string

// The types of files that can be read.
const (
	// LinkFiles are .link files, which systemd-udevd reads.
	LinkFiles ConfigType = ""
	// NetDevFiles are .netdev files: the devices that systemd-networkd creates.
	NetDevFiles ConfigType = "netdev"
	// NetworkFiles are .network files: what systemd-networkd does with devices.
	NetworkFiles ConfigType = "network"
)

// format is what differs between the types besides release.go.
type format struct {
	suffix, reader string
	// nameKey is the key of [Match] that names devices.
	nameKey  string
	sections map[string]span
	keys     map[string]map[string]*keyRow
	// partial: the table has only the keys that matter for addresses, so unknown keys
	// are not reported.
	partial bool
	// matchOptional: [Match] is only about the machine, and may be missing.
	matchOptional bool
}

var linkFormat = &format{suffix: ".link", reader: "udevd", nameKey: "OriginalName",
	sections: sections,
	keys:     bySection(matchKeys(func(r *matchRow) span { return r.link }), keyTable)}

var formats = map[ConfigType]*format{
	NetDevFiles: {suffix: ".netdev", reader: "systemd-networkd", sections: allReleases("Match", "NetDev", "Peer"),
		keys: bySection(matchKeys(func(r *matchRow) span { return r.netdev }), netDevKeys), partial: true, matchOptional: true},
	NetworkFiles: {suffix: ".network", reader: "systemd-networkd", nameKey: "Name", sections: allReleases("Match", "Link", "Network"),
		keys: bySection(matchKeys(func(r *matchRow) span { return r.network }), networkKeys), partial: true},
}

func (c ConfigType) format() *format {
	if f := formats[c]; f != nil {
		return f
	}
	return linkFormat
}

// Suffix is how the files' names end: ".link".
func (c ConfigType) Suffix() string { return c.format().suffix }

func allReleases(names ...string) map[string]span {
	m := map[string]span{}
	for _, n := range names {
		m[n] = always
	}
	return m
}

// quirks is the row of release.go's table for the release, with the differences of
// systemd-networkd.
func (c ConfigType) quirks(rel Release) quirks {
	q := rel.quirks()
	if c.format() == linkFormat {
		return q
	}
	rel = rel.Clamp()
	q.dropIns = true
	q.dropInsHalf = c == NetDevFiles && until(239).has(rel)
	// The order of reading became forward in 242 (netdev_load) and 243 (network_load);
	// since 244 each file is independent.
	q.abortOnError, q.abortForward = until(242).has(rel), span{243, 243}.has(rel)
	if c == NetDevFiles {
		q.abortOnError, q.abortForward = until(241).has(rel), span{242, 243}.has(rel)
	}
	q.altNames = from(245).has(rel)
	q.nameLonger = from(247).has(rel)
	// What only link-config.c checks.
	q.renamedNameSkips, q.loopback, q.driverRecorded, q.driverProperty, q.sysName, q.cleanText = false, false, false, false, false, false
	return q
}

// netDevKeys are the keys of .netdev files that decide which device is created with which
// address.
var netDevKeys = []keyRow{
	{"NetDev", "Kind", from(239), parseNetDevKind, nil},
	{"NetDev", "MACAddress", from(239), parseNetDevAddress, nil},
	{"NetDev", "Name", from(239), parseName, nil},
	{"Peer", "MACAddress", from(239), parseNetDevAddress, nil},
	{"Peer", "Name", from(239), parseName, nil},
}

// networkKeys are the keys of .network files that decide which devices a file is for, what
// address they get and whose ports they become.
var networkKeys = []keyRow{
	{"Link", "MACAddress", from(239), parseHardwareAddress, nil},
	{"Link", "Unmanaged", from(239), parseYesNo, nil},
	{"Network", "Bond", from(239), parseName, nil},
	{"Network", "Bridge", from(239), parseName, nil},
	{"Network", "KeepMaster", from(250), parseYesNo, nil},
}

// halfRead is what a release with dropInsHalf reads of drop-ins.
var halfRead = map[string]bool{"NetDev.Kind": true, "NetDev.Name": true}

// firstHolds reports whether a later value of the key is ignored: Kind= of a
// .netdev file, which decides how the rest is read (config_parse_netdev_kind(),
// since 240).
func (f *format) firstHolds(rel Release, section, key string) bool {
	return f.matchOptional && kindIsKept.has(rel) && section == "NetDev" && key == "Kind"
}

// NetDevAddressNone reports whether systemd-networkd of the release knows MACAddress=none in a
// .netdev file: the device is created without an address, and the kernel and udev decide.
func NetDevAddressNone(rel Release) bool { return noneIsAddress.has(rel.Clamp()) }

var (
	kindIsKept    = from(240)
	noneIsAddress = from(250)
)

// NoAddress is the effective value of MACAddress=none.
const NoAddress = "none"

// parseNetDevAddress is config_parse_netdev_hw_addr() of netdev.c.
func parseNetDevAddress(rel Release, key, value string) parsed {
	switch {
	case !noneIsAddress.has(rel):
		return parseHardwareAddress(rel, key, value)
	case value == NoAddress:
		return taken(NoAddress)
	case value == "":
		return reset
	}
	const ethernet = 6
	b, ok := parseHardwareBytes(value, ethernet)
	if !ok {
		return ignored(LevelWarning, "%s= takes an Ethernet address or none, not %.80q", key, value)
	}
	return taken(string(MACOf(b)))
}

// netDevKinds are the kinds that Kind= of a .netdev file takes, with the
// releases that know them (netdev_kind_table of netdev.c).
var netDevKinds = map[string]span{
	"bareudp": from(247), "batadv": from(248), "bond": always, "bridge": always, "dummy": always, "erspan": from(240),
	"fou": from(240), "geneve": always, "gre": always, "gretap": always, "hsr": from(258), "ifb": from(245),
	"ip6gre": always, "ip6gretap": always, "ip6tnl": always, "ipip": always,
	"ipoib": from(250), "ipvlan": always, "ipvtap": from(243), "l2tp": from(242), "macsec": from(243),
	"macvlan": always, "macvtap": always, "netdevsim": until(257), "nlmon": from(243),
	"sit": always, "tap": always, "tun": always, "vcan": always,
	"veth": always, "vlan": always, "vrf": always, "vti": always, "vti6": always,
	"vxcan": always, "vxlan": always, "wireguard": always, "wlan": from(251), "xfrm": from(243),
}

func parseNetDevKind(rel Release, key, value string) parsed {
	if !netDevKinds[value].has(rel) {
		return ignored(warnsInConfParser.warning(rel), "%s= has the unknown kind %.80q", key, value)
	}
	return taken(value)
}

// parseYesNo is config_parse_bool(): unlike a tristate, it cannot be unset.
func parseYesNo(rel Release, key, value string) parsed {
	yes, ok := boolean(value)
	switch {
	case !ok:
		return ignored(warnsInConfParser.warning(rel), "%s= takes yes or no, not %.80q", key, value)
	case yes:
		return taken("yes")
	}
	return taken("no")
}
