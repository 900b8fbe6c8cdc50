package linkfiles

// sections are the sections udevd reads, from the list that link-config.c
// hands to config_parse(); [Ethernet] was in it without having a key.
var sections = map[string]span{
	"Match":                   always,
	"Link":                    always,
	"Ethernet":                until(241),
	"SR-IOV":                  from(251),
	"EnergyEfficientEthernet": from(258),
}

// The differences between releases in what udevd does with a value and at which level it
// complains. If the point releases of one major release differ, a span describes the newest;
// the exception is 247, where it describes 247.3, the release of Debian 11.
var (
	// conf-parser.c complained at the level of an error before 246; ethtool-util.c did
	// so for one more release, and network-internal.c, which had MACAddress= and Alias=,
	// for two.
	warnsInConfParser      = from(246)
	warnsInEthtool         = from(247)
	warnsInNetworkInternal = from(248)

	// NamePolicy= and similar lists were split at white space, without handling of
	// backslashes, before 247. Release 247 alone complains louder about a list that cannot
	// be split than about a word in it.
	policiesUnescape       = from(247)
	policySplitErrorIsLoud = span{247, 247}

	emptyResetsMACAddressPolicy = from(247)
	emptyResetsMACAddress       = from(248)
	emptyResetsTristate         = from(249)

	// MACAddress= accepted only six bytes before 250. Since then it accepts the length of
	// any hardware address, including IPv4 and IPv6 notation (ether-addr-util.c).
	macAddressOfAnyLength = from(250)

	// parse_mtu() compared every MTU with the IPv4 minimum before 256. The change is also
	// in the point releases of 252 to 255.
	mtuHasNoMinimum   = from(252)
	mtuHadMinimumOnce = span{252, 255}

	// Alias= with a value silently reset the alias in all point releases of 248, in 249
	// up to 249.12 and in 250 up to 250.5.
	aliasIsDropped      = span{248, 248}
	aliasWasDroppedOnce = span{249, 250}

	// WakeOnLan= accepted a single word before 249.
	wakeOnLanIsList = from(249)

	// Channels and ring sizes: "max", and reset by an empty value.
	channelsMayBeMax = from(250)

	// ReceiveQueues= and TransmitQueues= end at 4096 before 261.
	manyQueues = from(261)

	// Interface names: "all", "default", anything that reads as an interface index, and
	// anything with a percent sign (247.13 has the last one, too).
	namesAvoidSysctl = from(248)

	// safe_atou() accepts 0b, 0o and -0 (245.9, but not 245).
	numbersMayBeBinary = from(245)

	// strtoul(3) itself accepts 0b, for example after a sign, if systemd was built with
	// glibc 2.38 (July 2023) or newer: a property of the build. 254 is of that month: the
	// backports of Debian 12 are built with 2.36, Fedora 39 with 2.38. Since 261 systemd
	// avoids it.
	strtoulMayBeBinary = span{255, 260}

	// parse_time() takes U+03BC for micro besides U+00B5.
	greekMu = from(251)

	// ReceivePacketSteeringCPUMask= stopped at the first bad range before
	// 258, and complained at the level of an error.
	cpuSetStopsAtError = until(257)

	// Property= and similar keys: 258 reserved more names for the kernel and udevd.
	morePropertiesAreFixed = from(258)

	// \ud800 to \udfff are refused as an escape, not only as a value.
	surrogatesAreBadEscapes = from(262)

	// A BitsPerSecond= above 4294967295 made udevd drop the whole file.
	bitRateRejectsFile = until(244)

	// udevd warns about MACAddress= together with a MACAddressPolicy= that sets an
	// address.
	warnsOfIgnoredMACAddress = from(247)
)

// keyRow is one row of the table of keys: parse for a value, match for a key of [Match].
type keyRow struct {
	section, name string
	known         span
	parse         func(rel Release, key, value string) parsed
	match         *matchRow
}

// keyTable lists every key outside of [Match], as link-config-gperf.gperf of the
// releases 239 to 262 has them.
var keyTable = []keyRow{
	{"Link", "Advertise", from(240), parseLinkModes, nil},
	{"Link", "Alias", from(239), parseAlias, nil},
	{"Link", "AlternativeName", from(245), parseAlternativeNames, nil},
	{"Link", "AlternativeNamesPolicy", from(245), alternativeNamesPolicy.parse, nil},
	{"Link", "AutoNegotiation", from(239), parseTristate, nil},
	{"Link", "AutoNegotiationFlowControl", from(246), parseTristate, nil},
	{"Link", "BitsPerSecond", from(239), sizeIn(1000), nil},
	{"Link", "CoalescePacketRateHigh", from(250), parseCoalesceFrames, nil},
	{"Link", "CoalescePacketRateLow", from(250), parseCoalesceFrames, nil},
	{"Link", "CoalescePacketRateSampleIntervalSec", from(250), parseCoalesceSec, nil},
	{"Link", "CombinedChannels", from(239), parseChannels, nil},
	{"Link", "Description", from(239), parseString, nil},
	{"Link", "Duplex", from(239), duplexModes.parse, nil},
	{"Link", "GenericReceiveOffload", from(239), parseTristate, nil},
	{"Link", "GenericReceiveOffloadHardware", from(250), parseTristate, nil},
	{"Link", "GenericReceiveOffloadList", from(260), parseTristate, nil},
	{"Link", "GenericReceiveOffloadUDPForwarding", from(260), parseTristate, nil},
	{"Link", "GenericSegmentOffloadMaxBytes", from(248), sizeIn(1024), nil},
	{"Link", "GenericSegmentOffloadMaxSegments", from(248), parseUint32, nil},
	{"Link", "GenericSegmentationOffload", from(239), parseTristate, nil},
	{"Link", "IRQAffinity", from(261), parseCPUSet, nil},
	{"Link", "IRQAffinityNUMA", from(261), parseNUMANode, nil},
	{"Link", "IRQAffinityPolicy", from(261), irqAffinityPolicies.parse, nil},
	{"Link", "ImportProperty", from(256), parsePropertyName, nil},
	{"Link", "LargeReceiveOffload", from(239), parseTristate, nil},
	{"Link", "MACAddress", from(239), parseHardwareAddress, nil},
	{"Link", "MACAddressPolicy", from(239), parseMACAddressPolicy, nil},
	{"Link", "MDI", from(251), parseMDI, nil},
	{"Link", "MTUBytes", from(239), parseMTU, nil},
	{"Link", "NTupleFilter", from(250), parseTristate, nil},
	{"Link", "Name", from(239), parseName, nil},
	{"Link", "NamePolicy", from(239), namePolicy.parse, nil},
	{"Link", "OtherChannels", from(239), parseChannels, nil},
	{"Link", "PartialGenericSegmentationOffload", from(258), parseTristate, nil},
	{"Link", "Port", from(239), portTypes.parse, nil},
	{"Link", "Property", from(256), parseProperty, nil},
	{"Link", "ReceiveAll", from(258), parseTristate, nil},
	{"Link", "ReceiveChecksumOffload", from(245), parseTristate, nil},
	{"Link", "ReceiveFCS", from(258), parseTristate, nil},
	{"Link", "ReceivePacketSteeringCPUMask", from(256), parseRPSMask, nil},
	{"Link", "ReceiveQueues", from(248), parseQueues, nil},
	{"Link", "ReceiveVLANCTAGFilter", from(250), parseTristate, nil},
	{"Link", "ReceiveVLANCTAGHardwareAcceleration", from(250), parseTristate, nil},
	{"Link", "RxBufferSize", from(244), parseChannels, nil},
	{"Link", "RxChannels", from(239), parseChannels, nil},
	{"Link", "RxCoalesceHighSec", from(250), parseCoalesceSec, nil},
	{"Link", "RxCoalesceIrqSec", from(250), parseCoalesceSec, nil},
	{"Link", "RxCoalesceLowSec", from(250), parseCoalesceSec, nil},
	{"Link", "RxCoalesceSec", from(250), parseCoalesceSec, nil},
	{"Link", "RxFlowControl", from(246), parseTristate, nil},
	{"Link", "RxJumboBufferSize", from(246), parseChannels, nil},
	{"Link", "RxMaxCoalescedFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "RxMaxCoalescedHighFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "RxMaxCoalescedIrqFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "RxMaxCoalescedLowFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "RxMiniBufferSize", from(246), parseChannels, nil},
	{"Link", "SR-IOVVirtualFunctions", from(251), parseVirtualFunctions, nil},
	{"Link", "ScatterGather", from(260), parseTristate, nil},
	{"Link", "ScatterGatherFragmentList", from(260), parseTristate, nil},
	{"Link", "StatisticsBlockCoalesceSec", from(250), parseCoalesceSec, nil},
	{"Link", "TCP6SegmentationOffload", from(239), parseTristate, nil},
	{"Link", "TCPECNSegmentationOffload", from(260), parseTristate, nil},
	{"Link", "TCPMangleIdSegmentationOffload", from(260), parseTristate, nil},
	{"Link", "TCPSegmentationOffload", from(239), parseTristate, nil},
	{"Link", "TransmitChecksumOffload", from(245), parseTristate, nil},
	{"Link", "TransmitQueueLength", from(248), parseQueueLength, nil},
	{"Link", "TransmitQueues", from(248), parseQueues, nil},
	{"Link", "TransmitVLANCTAGHardwareAcceleration", from(250), parseTristate, nil},
	{"Link", "TransmitVLANSTAGHardwareAcceleration", from(250), parseTristate, nil},
	{"Link", "TxBufferSize", from(244), parseChannels, nil},
	{"Link", "TxChannels", from(239), parseChannels, nil},
	{"Link", "TxCoalesceHighSec", from(250), parseCoalesceSec, nil},
	{"Link", "TxCoalesceIrqSec", from(250), parseCoalesceSec, nil},
	{"Link", "TxCoalesceLowSec", from(250), parseCoalesceSec, nil},
	{"Link", "TxCoalesceSec", from(250), parseCoalesceSec, nil},
	{"Link", "TxFlowControl", from(246), parseTristate, nil},
	{"Link", "TxMaxCoalescedFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "TxMaxCoalescedHighFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "TxMaxCoalescedIrqFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "TxMaxCoalescedLowFrames", from(250), parseCoalesceFrames, nil},
	{"Link", "UDPSegmentationOffload", from(239), parseRemoved, nil},
	{"Link", "UnsetProperty", from(256), parsePropertyName, nil},
	{"Link", "UseAdaptiveRxCoalesce", from(250), parseTristate, nil},
	{"Link", "UseAdaptiveTxCoalesce", from(250), parseTristate, nil},
	{"Link", "WakeOnLan", from(239), parseWakeOnLan, nil},
	{"Link", "WakeOnLanPassword", from(250), parseWakeOnLanPassword, nil},
	{"SR-IOV", "LinkState", from(251), parseSRIOVLinkState, nil},
	{"SR-IOV", "MACAddress", from(251), parseSRIOVMACAddress, nil},
	{"SR-IOV", "MACSpoofCheck", from(251), parseSRIOVBoolean, nil},
	{"SR-IOV", "QualityOfService", from(251), parseSRIOVNumber, nil},
	{"SR-IOV", "QueryReceiveSideScaling", from(251), parseSRIOVBoolean, nil},
	{"SR-IOV", "Trust", from(251), parseSRIOVBoolean, nil},
	{"SR-IOV", "VLANId", from(251), parseSRIOVNumber, nil},
	{"SR-IOV", "VLANProtocol", from(251), parseVLANProtocol, nil},
	{"SR-IOV", "VirtualFunction", from(251), parseSRIOVNumber, nil},
	{"EnergyEfficientEthernet", "Enable", from(258), parseTristate, nil},
	{"EnergyEfficientEthernet", "LinkMode", from(258), parseLinkModes, nil},
	{"EnergyEfficientEthernet", "TxLowPowerIdle", from(258), parseTristate, nil},
	{"EnergyEfficientEthernet", "TxLowPowerIdleSec", from(258), parseSec, nil},
}

// bySection indexes tables of keys.
func bySection(tables ...[]keyRow) map[string]map[string]*keyRow {
	m := map[string]map[string]*keyRow{}
	for _, table := range tables {
		for i := range table {
			row := &table[i]
			if m[row.section] == nil {
				m[row.section] = map[string]*keyRow{}
			}
			m[row.section][row.name] = row
		}
	}
	return m
}

// linkSectionKnown reports whether [name] is a section that udevd of rel reads.
// Section names are case-sensitive.
func linkSectionKnown(rel Release, name string) bool {
	return LinkFiles.format().knowsSection(rel, name)
}

func (f *format) knowsSection(rel Release, name string) bool {
	s, ok := f.sections[name]
	return ok && s.has(rel.Clamp())
}

// KeyKnown reports whether udevd of rel knows the key in the section of a .link file.
// Keys are case-sensitive.
func KeyKnown(rel Release, section, key string) bool {
	return LinkFiles.format().knowsKey(rel, section, key)
}

func (f *format) knowsKey(rel Release, section, key string) bool {
	row := f.keys[section][key]
	return row != nil && row.known.has(rel.Clamp())
}
