package linkfiles

// matchRow is one key of [Match]. A new one needs a row in matchTable, a field of Device or
// System to compare with, and the code that reads that.
type matchRow struct {
	key string
	// replaces is the key that is the same condition for systemd: the last line of either
	// counts, and a mismatch has its name.
	replaces string
	// link, netdev and network are the releases that know the key in files of these types,
	// none if left out (link-config-gperf.gperf, netdev-gperf.gperf,
	// networkd-network-gperf.gperf).
	link, netdev, network span
	// step is the position of a device's condition in net_match_config().
	step     int
	compares *comparison
	// by is the property by which a file with the condition can be looked up.
	by lookup
	// device is the test of a device, system that of the machine: each row has one of
	// them. param is the value without "!".
	device deviceTest
	system func(rel Release, q *quirks, param string, sys *System) outcome
	// needs is what is compared, needsFor what else it needs for some values.
	needs    Needs
	needsFor func(q *quirks, wants []pattern) Needs
}

// name is the key by which a mismatch names the condition.
func (r *matchRow) name() string {
	if r.replaces != "" {
		return r.replaces
	}
	return r.key
}

// comparison is how the values of a key are read, and the codes for the results.
type comparison struct {
	// parse adds a line, which is not empty, to the condition.
	parse func(p *parser, a Assignment, c *condition) (counts bool)
	// emptyResets are the releases in which an empty value resets the earlier lines.
	emptyResets span
	// none is the code for a device without anything to compare, unknown the one for an
	// unknown value.
	none, unknown string
}

var (
	addresses = &comparison{parse: parseAddresses, emptyResets: always,
		none: "no-such-address", unknown: "address-unknown"}
	patterns = &comparison{parse: parsePatterns, emptyResets: always,
		none: "nothing", unknown: "value-unknown"}
	// An empty value was an error of config_parse_match_ifnames() and
	// config_parse_match_property() before 248.
	deviceNames = &comparison{parse: parseNames, emptyResets: from(248),
		none: "nothing", unknown: "value-unknown"}
	deviceProperties = &comparison{parse: parseProperties, emptyResets: from(248),
		none: "no-property", unknown: "properties-unknown"}
	wirelessNetworks = &comparison{parse: parseWireless, emptyResets: always}
)

// lookup is a property of devices by which the files that ask for it can be found.
type lookup uint8

const (
	_ lookup = iota
	byAddress
	byName
	byPath
	byKind
)

// matchTable lists every key of [Match]. The conditions of the machine
// (condition.c) are tested once, when a file is loaded.
var matchTable = []matchRow{
	{key: "MACAddress", link: from(239), network: from(239), step: 1, compares: addresses, by: byAddress,
		device: asksAddress, needs: NeedLink},
	{key: "PermanentMACAddress", link: from(245), network: from(245), step: 2, compares: addresses,
		device: asksPermanent, needs: NeedPermMAC | NeedLink},
	{key: "Path", link: from(239), network: from(239), step: 3, compares: patterns, by: byPath,
		device: asksPath, needs: NeedUdevDB},
	{key: "Driver", link: from(239), network: from(239), step: 4, compares: patterns,
		device: asksDriver, needs: NeedDriver | NeedUdevDB},
	{key: "Type", link: from(239), network: from(239), step: 5, compares: patterns,
		device: asksType, needs: NeedLink},
	{key: "Kind", link: from(251), network: from(251), step: 6, compares: patterns, by: byKind,
		device: asksKind, needs: NeedLink},
	{key: "OriginalName", link: from(239), step: 7, compares: deviceNames, by: byName,
		device: asksName, needs: NeedLink, needsFor: needsOfNames},
	{key: "Name", network: from(239), step: 7, compares: deviceNames, by: byName,
		device: asksName, needs: NeedLink, needsFor: needsOfNames},
	{key: "WLANInterfaceType", network: from(244), step: 8, compares: wirelessNetworks, device: asksWireless, needs: NeedLink},
	{key: "SSID", network: from(244), step: 8, compares: wirelessNetworks, device: asksWireless, needs: NeedLink},
	{key: "BSSID", network: from(244), step: 8, compares: wirelessNetworks, device: asksWireless, needs: NeedLink},
	{key: "Property", link: from(243), network: from(243), step: 9, compares: deviceProperties,
		device: asksProperties, needs: NeedUdevDB | NeedUEvent},

	{key: "Architecture", link: from(239), netdev: from(239), network: from(239), system: testArchitecture, needs: NeedMachine},
	{key: "Credential", link: from(252), netdev: from(252), network: from(252), system: testCredential, needs: NeedCredentials},
	{key: "Firmware", link: from(251), netdev: from(249), network: from(249), system: testFirmware, needs: NeedFirmware},
	{key: "Host", link: from(239), netdev: from(239), network: from(239), system: testHost, needs: NeedMachine, needsFor: needsOfHost},
	{key: "KernelCommandLine", link: from(239), netdev: from(239), network: from(239), system: testKernelCommandLine, needs: NeedMachine},
	{key: "KernelVersion", link: from(239), netdev: from(239), network: from(239), system: testVersion, needs: NeedMachine, needsFor: needsOfVersion},
	{key: "MachineTag", link: from(262), netdev: from(262), network: from(262), system: testMachineTag, needs: NeedMachineTags},
	{key: "Version", replaces: "KernelVersion", link: from(258), netdev: from(258), network: from(258), system: testVersion, needs: NeedMachine, needsFor: needsOfVersion},
	{key: "Virtualization", link: from(239), netdev: from(239), network: from(239), system: testVirtualization, needs: NeedVirtualization},
}

// matchKeys are the rows of one type of files, for its table of keys.
func matchKeys(known func(*matchRow) span) []keyRow {
	var rows []keyRow
	for i := range matchTable {
		if r := &matchTable[i]; known(r) != (span{}) {
			rows = append(rows, keyRow{section: "Match", name: r.key, known: known(r), match: r})
		}
	}
	return rows
}
