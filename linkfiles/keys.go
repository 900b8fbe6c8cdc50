package linkfiles

import "sort"

// Key is a key of a section of .link files.
type Key struct {
	Name string
	// Since is the release that brought the key, OldestRelease for those that
	// are older than the table.
	Since Release
	// Removed is the first release that does not know the key any more, 0
	// where there is none.
	Removed Release
}

// A span is a range of releases: the rows below say with it when something
// holds.
type span struct{ first, last Release }

// from returns the span of r and all releases after it.
func from(r Release) span { return span{first: r, last: NewestRelease} }

// until returns the span of all releases up to and including r.
func until(r Release) span { return span{first: OldestRelease, last: r} }

func (s span) has(rel Release) bool { return s.first <= rel && rel <= s.last }

// sections are the sections udevd reads, from the list that link-config.c
// hands to config_parse(); [Ethernet] was in it without having a key.
var sections = map[string]span{
	"Match":                   {OldestRelease, NewestRelease},
	"Link":                    {OldestRelease, NewestRelease},
	"Ethernet":                until(241),
	"SR-IOV":                  from(251),
	"EnergyEfficientEthernet": from(258),
}

// What follows are the differences between releases in what udevd does with a
// value and how loudly it says so. Where the point releases of one major
// release differ, a span describes the newest of them; the exception is 247,
// where it describes 247.3, which is what Debian 11 runs.
var (
	// conf-parser.c complained at the level of an error before 246;
	// ethtool-util.c kept to that for one release more, and network-internal.c,
	// which had MACAddress= and Alias=, for two.
	warnsInConfParser      = from(246)
	warnsInEthtool         = from(247)
	warnsInNetworkInternal = from(248)

	// NamePolicy= and the like were split at white space, without regard to
	// backslashes, before 247. Release 247 alone is louder about a list that
	// cannot be split than about a word in it.
	policiesUnescape       = from(247)
	policySplitErrorIsLoud = span{247, 247}

	emptyResetsMACAddressPolicy = from(247)
	emptyResetsMACAddress       = from(248)
	emptyResetsTristate         = from(249)

	// MACAddress= took six bytes only before 250. Since then it takes what
	// has the length of any hardware address, IPv4 and IPv6 notation
	// included (ether-addr-util.c).
	macAddressOfAnyLength = from(250)

	// parse_mtu() held every MTU against the IPv4 minimum before 256. The
	// change went into the point releases of 252 to 255 as well.
	mtuHasNoMinimum   = from(252)
	mtuHadMinimumOnce = span{252, 255}

	// Alias= with a value reset the alias, in silence, in all point releases
	// of 248, in 249 up to 249.12 and in 250 up to 250.5.
	aliasIsDropped      = span{248, 248}
	aliasWasDroppedOnce = span{249, 250}

	// WakeOnLan= took a single word before 249.
	wakeOnLanIsList = from(249)

	// Channels and ring sizes: "max", and reset by an empty value.
	channelsMayBeMax = from(250)

	// ReceiveQueues= and TransmitQueues= end at 4096 before 261.
	manyQueues = from(261)

	// Interface names: "all", "default", whatever reads as an interface
	// index, and anything with a percent sign (247.13 has the last one too).
	namesAvoidSysctl = from(248)

	// safe_atou() takes 0b, 0o and -0 (245.9, but not 245).
	numbersMayBeBinary = from(245)

	// strtoul(3) itself takes 0b, after a sign for instance, where systemd
	// was built against glibc 2.38 (July 2023) or newer: a property of the
	// build. 254 is of that month: the backports of Debian 12 are built against
	// 2.36, Fedora 39 against 2.38. Since 261 systemd avoids it.
	strtoulMayBeBinary = span{255, 260}

	// parse_time() takes U+03BC for micro besides U+00B5.
	greekMu = from(251)

	// ReceivePacketSteeringCPUMask= gave up at the first bad range before
	// 258, and complained at the level of an error.
	cpuSetStopsAtError = until(257)

	// Property= and its kin: more names became the kernel's and udevd's own
	// in 258.
	morePropertiesAreFixed = from(258)

	// \ud800 to \udfff are refused as an escape, not only as a value.
	surrogatesAreBadEscapes = from(262)

	// A BitsPerSecond= above 4294967295 made udevd drop the whole file.
	bitRateRejectsFile = until(244)

	// MACAddress= beside a MACAddressPolicy= that makes addresses is warned
	// about.
	warnsOfIgnoredMACAddress = from(247)
)

// keyRow is one row of the table of keys. parse is nil in [Match], whose
// values belong to the matcher.
type keyRow struct {
	section, name  string
	since, removed Release
	parse          func(rel Release, key, value string) verdict
}

// keyTable lists every key, as link-config-gperf.gperf of the releases 239 to
// 262 has them.
var keyTable = []keyRow{
	{"Match", "Architecture", 239, 0, nil},
	{"Match", "Credential", 252, 0, nil},
	{"Match", "Driver", 239, 0, nil},
	{"Match", "Firmware", 251, 0, nil},
	{"Match", "Host", 239, 0, nil},
	{"Match", "KernelCommandLine", 239, 0, nil},
	{"Match", "KernelVersion", 239, 0, nil},
	{"Match", "Kind", 251, 0, nil},
	{"Match", "MACAddress", 239, 0, nil},
	{"Match", "MachineTag", 262, 0, nil},
	{"Match", "OriginalName", 239, 0, nil},
	{"Match", "Path", 239, 0, nil},
	{"Match", "PermanentMACAddress", 245, 0, nil},
	{"Match", "Property", 243, 0, nil},
	{"Match", "Type", 239, 0, nil},
	{"Match", "Version", 258, 0, nil},
	{"Match", "Virtualization", 239, 0, nil},
	{"Link", "Advertise", 240, 0, parseLinkModes},
	{"Link", "Alias", 239, 0, parseAlias},
	{"Link", "AlternativeName", 245, 0, parseAlternativeNames},
	{"Link", "AlternativeNamesPolicy", 245, 0, alternativeNamesPolicy.parse},
	{"Link", "AutoNegotiation", 239, 0, parseTristate},
	{"Link", "AutoNegotiationFlowControl", 246, 0, parseTristate},
	{"Link", "BitsPerSecond", 239, 0, sizeIn(1000)},
	{"Link", "CoalescePacketRateHigh", 250, 0, parseCoalesceFrames},
	{"Link", "CoalescePacketRateLow", 250, 0, parseCoalesceFrames},
	{"Link", "CoalescePacketRateSampleIntervalSec", 250, 0, parseCoalesceSec},
	{"Link", "CombinedChannels", 239, 0, parseChannels},
	{"Link", "Description", 239, 0, parseString},
	{"Link", "Duplex", 239, 0, duplexModes.parse},
	{"Link", "GenericReceiveOffload", 239, 0, parseTristate},
	{"Link", "GenericReceiveOffloadHardware", 250, 0, parseTristate},
	{"Link", "GenericReceiveOffloadList", 260, 0, parseTristate},
	{"Link", "GenericReceiveOffloadUDPForwarding", 260, 0, parseTristate},
	{"Link", "GenericSegmentOffloadMaxBytes", 248, 0, sizeIn(1024)},
	{"Link", "GenericSegmentOffloadMaxSegments", 248, 0, parseUint32},
	{"Link", "GenericSegmentationOffload", 239, 0, parseTristate},
	{"Link", "IRQAffinity", 261, 0, parseCPUSet},
	{"Link", "IRQAffinityNUMA", 261, 0, parseNUMANode},
	{"Link", "IRQAffinityPolicy", 261, 0, irqAffinityPolicies.parse},
	{"Link", "ImportProperty", 256, 0, parsePropertyName},
	{"Link", "LargeReceiveOffload", 239, 0, parseTristate},
	{"Link", "MACAddress", 239, 0, parseHardwareAddress},
	{"Link", "MACAddressPolicy", 239, 0, parseMACAddressPolicy},
	{"Link", "MDI", 251, 0, parseMDI},
	{"Link", "MTUBytes", 239, 0, parseMTU},
	{"Link", "NTupleFilter", 250, 0, parseTristate},
	{"Link", "Name", 239, 0, parseName},
	{"Link", "NamePolicy", 239, 0, namePolicy.parse},
	{"Link", "OtherChannels", 239, 0, parseChannels},
	{"Link", "PartialGenericSegmentationOffload", 258, 0, parseTristate},
	{"Link", "Port", 239, 0, ports.parse},
	{"Link", "Property", 256, 0, parseProperty},
	{"Link", "ReceiveAll", 258, 0, parseTristate},
	{"Link", "ReceiveChecksumOffload", 245, 0, parseTristate},
	{"Link", "ReceiveFCS", 258, 0, parseTristate},
	{"Link", "ReceivePacketSteeringCPUMask", 256, 0, parseRPSMask},
	{"Link", "ReceiveQueues", 248, 0, parseQueues},
	{"Link", "ReceiveVLANCTAGFilter", 250, 0, parseTristate},
	{"Link", "ReceiveVLANCTAGHardwareAcceleration", 250, 0, parseTristate},
	{"Link", "RxBufferSize", 244, 0, parseChannels},
	{"Link", "RxChannels", 239, 0, parseChannels},
	{"Link", "RxCoalesceHighSec", 250, 0, parseCoalesceSec},
	{"Link", "RxCoalesceIrqSec", 250, 0, parseCoalesceSec},
	{"Link", "RxCoalesceLowSec", 250, 0, parseCoalesceSec},
	{"Link", "RxCoalesceSec", 250, 0, parseCoalesceSec},
	{"Link", "RxFlowControl", 246, 0, parseTristate},
	{"Link", "RxJumboBufferSize", 246, 0, parseChannels},
	{"Link", "RxMaxCoalescedFrames", 250, 0, parseCoalesceFrames},
	{"Link", "RxMaxCoalescedHighFrames", 250, 0, parseCoalesceFrames},
	{"Link", "RxMaxCoalescedIrqFrames", 250, 0, parseCoalesceFrames},
	{"Link", "RxMaxCoalescedLowFrames", 250, 0, parseCoalesceFrames},
	{"Link", "RxMiniBufferSize", 246, 0, parseChannels},
	{"Link", "SR-IOVVirtualFunctions", 251, 0, parseVirtualFunctions},
	{"Link", "ScatterGather", 260, 0, parseTristate},
	{"Link", "ScatterGatherFragmentList", 260, 0, parseTristate},
	{"Link", "StatisticsBlockCoalesceSec", 250, 0, parseCoalesceSec},
	{"Link", "TCP6SegmentationOffload", 239, 0, parseTristate},
	{"Link", "TCPECNSegmentationOffload", 260, 0, parseTristate},
	{"Link", "TCPMangleIdSegmentationOffload", 260, 0, parseTristate},
	{"Link", "TCPSegmentationOffload", 239, 0, parseTristate},
	{"Link", "TransmitChecksumOffload", 245, 0, parseTristate},
	{"Link", "TransmitQueueLength", 248, 0, parseQueueLength},
	{"Link", "TransmitQueues", 248, 0, parseQueues},
	{"Link", "TransmitVLANCTAGHardwareAcceleration", 250, 0, parseTristate},
	{"Link", "TransmitVLANSTAGHardwareAcceleration", 250, 0, parseTristate},
	{"Link", "TxBufferSize", 244, 0, parseChannels},
	{"Link", "TxChannels", 239, 0, parseChannels},
	{"Link", "TxCoalesceHighSec", 250, 0, parseCoalesceSec},
	{"Link", "TxCoalesceIrqSec", 250, 0, parseCoalesceSec},
	{"Link", "TxCoalesceLowSec", 250, 0, parseCoalesceSec},
	{"Link", "TxCoalesceSec", 250, 0, parseCoalesceSec},
	{"Link", "TxFlowControl", 246, 0, parseTristate},
	{"Link", "TxMaxCoalescedFrames", 250, 0, parseCoalesceFrames},
	{"Link", "TxMaxCoalescedHighFrames", 250, 0, parseCoalesceFrames},
	{"Link", "TxMaxCoalescedIrqFrames", 250, 0, parseCoalesceFrames},
	{"Link", "TxMaxCoalescedLowFrames", 250, 0, parseCoalesceFrames},
	{"Link", "UDPSegmentationOffload", 239, 0, parseRemoved},
	{"Link", "UnsetProperty", 256, 0, parsePropertyName},
	{"Link", "UseAdaptiveRxCoalesce", 250, 0, parseTristate},
	{"Link", "UseAdaptiveTxCoalesce", 250, 0, parseTristate},
	{"Link", "WakeOnLan", 239, 0, parseWakeOnLan},
	{"Link", "WakeOnLanPassword", 250, 0, parseWakeOnLanPassword},
	{"SR-IOV", "LinkState", 251, 0, parseSRIOVLinkState},
	{"SR-IOV", "MACAddress", 251, 0, parseSRIOVMACAddress},
	{"SR-IOV", "MACSpoofCheck", 251, 0, parseSRIOVBoolean},
	{"SR-IOV", "QualityOfService", 251, 0, parseSRIOVNumber},
	{"SR-IOV", "QueryReceiveSideScaling", 251, 0, parseSRIOVBoolean},
	{"SR-IOV", "Trust", 251, 0, parseSRIOVBoolean},
	{"SR-IOV", "VLANId", 251, 0, parseSRIOVNumber},
	{"SR-IOV", "VLANProtocol", 251, 0, parseVLANProtocol},
	{"SR-IOV", "VirtualFunction", 251, 0, parseSRIOVNumber},
	{"EnergyEfficientEthernet", "Enable", 258, 0, parseTristate},
	{"EnergyEfficientEthernet", "LinkMode", 258, 0, parseLinkModes},
	{"EnergyEfficientEthernet", "TxLowPowerIdle", 258, 0, parseTristate},
	{"EnergyEfficientEthernet", "TxLowPowerIdleSec", 258, 0, parseSec},
}

// bySection indexes a table of keys.
func bySection(table []keyRow) map[string]map[string]*keyRow {
	m := map[string]map[string]*keyRow{}
	for i := range table {
		row := &table[i]
		if m[row.section] == nil {
			m[row.section] = map[string]*keyRow{}
		}
		m[row.section][row.name] = row
	}
	return m
}

// Keys returns the keys of a section, "Link" for instance, that any release
// in the table knows, sorted by name. It returns nil for a section that no
// release knows.
func Keys(section string) []Key {
	var keys []Key
	for _, row := range Link.format().keys[section] {
		keys = append(keys, Key{Name: row.name, Since: row.since, Removed: row.removed})
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].Name < keys[j].Name })
	return keys
}

// sectionKnown reports whether [name] is a section that udevd of rel reads.
// Section names are case-sensitive.
func sectionKnown(rel Release, name string) bool { return Link.format().sectionKnown(rel, name) }

func (f *format) sectionKnown(rel Release, name string) bool {
	s, ok := f.sections[name]
	return ok && s.has(rel.Clamp())
}

// keyKnown reports whether udevd of rel knows the key in that section. Keys
// are case-sensitive.
func keyKnown(rel Release, section, key string) bool {
	return Link.format().keyKnown(rel, section, key)
}

func (f *format) keyKnown(rel Release, section, key string) bool {
	rel = rel.Clamp()
	row := f.keys[section][key]
	return row != nil && row.since <= rel && (row.removed == 0 || rel < row.removed)
}

// keySince returns the release that brought the key and the one that dropped
// it (0 where none did); ok is false where no release knows the key.
func keySince(section, key string) (since, removed Release, ok bool) {
	row := Link.format().keys[section][key]
	if row == nil {
		return 0, 0, false
	}
	return row.since, row.removed, true
}

// KeyKnown reports whether udevd of rel knows the key in the section.
func KeyKnown(rel Release, section, key string) bool { return keyKnown(rel, section, key) }
