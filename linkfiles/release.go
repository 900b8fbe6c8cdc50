package linkfiles

// Release is a major release of systemd: 252 for "systemd 252.39-1~deb12u2".
// What udevd reads, and how, depends on it. Every such difference is a span: of a
// field of quirks below, of a row of the tables of keys (keys.go, matchtable.go,
// configtype.go), or one of those for values in keys.go.
type Release int

const (
	// OldestRelease and NewestRelease bound the table. An older or newer
	// release is read as the nearest one in it.
	OldestRelease Release = 239
	NewestRelease Release = 262
)

// Clamp returns the nearest release that the tables cover.
func (r Release) Clamp() Release { return min(max(r, OldestRelease), NewestRelease) }

// A span is a range of releases: the rows below say with it when something applies.
type span struct{ first, last Release }

// from returns the span of r and all releases after it.
func from(r Release) span { return span{first: r, last: NewestRelease} }

// until returns the span of all releases up to and including r.
func until(r Release) span { return span{first: OldestRelease, last: r} }

// always is the span of all releases.
var always = from(OldestRelease)

func (s span) has(rel Release) bool { return s.first <= rel && rel <= s.last }

// quirks is what differs between releases in finding files, in the grammar and
// in matching. Each field names the file of the systemd sources that shows it.
type quirks struct {
	// localLib: /usr/local/lib/systemd/network is searched (link-config.c
	// uses NETWORK_DIRS; before, a list of its own without it).
	localLib bool
	// splitUsr: a build may search /lib/systemd/network as well, after
	// /usr/lib (constants.h: _CONF_PATHS_SPLIT_USR, gone in 255).
	splitUsr bool
	// dropIns: NAME.link.d/*.conf are read (link-config.c: config_parse_many).
	dropIns bool
	// dropInTwin: a main file that is the same inode as one of its drop-ins
	// is read only as the drop-in (conf-parser.c: config_parse_many_files).
	dropInTwin bool
	// regularOnly: only regular files are opened as main file or drop-in
	// (conf-parser.c: CHASE_MUST_BE_REGULAR), for which main files are chased, too.
	regularOnly bool
	// loopNotListed: a name that is a loop of symbolic links, or leads through a file, is
	// skipped, so the same name in a lower directory counts (conf-files.c: files_add);
	// before, it shadows that one.
	loopNotListed bool
	// loopWarns: udevd warns about the skipped name (link-config.c: CONF_FILES_WARN).
	loopWarns bool
	// chase: drop-ins are opened with chase() (conf-parser.c: config_parse_many_files),
	// which ignores a slash after a file's name, and follows chaseLinks links. A main file
	// is opened like in the kernel, in all releases.
	chase      bool
	chaseLinks int
	// noDirWarns: udevd warns about a file or a loop of links instead of a directory
	// (conf-files.c: CONF_FILES_WARN).
	noDirWarns bool
	// openFailureWarns: udevd warns about a drop-in that cannot be opened (conf-parser.c:
	// config_parse_many_files). With dropInTwin and without this, the whole file is
	// silently ignored.
	openFailureWarns bool
	// failureRepeated: a parse error is reported again for the whole file (link-config.c:
	// link_config_load).
	failureRepeated bool
	// danglingWarns: udevd warns about a link to nothing, and about a loop; before, it
	// ignored the first silently and the second was an error (link-config.c:
	// link_load_one).
	danglingWarns bool
	// blockDeviceMasks: a block device masks like /dev/null (stat-util.c:
	// null_or_empty).
	blockDeviceMasks bool
	// abortOnError: after one file that cannot be parsed, files that sort before it are
	// not read (link-config.c: link_config_load).
	abortOnError bool
	// abortForward: after one file that cannot be parsed, files that sort after it are
	// not read (networkd-network.c: network_load; netdev.c: netdev_load).
	abortForward bool
	// dropInsHalf: the drop-ins of a .netdev file count only for [Match], Name= and Kind=
	// (netdev.c: netdev_load_one, which reads the rest with config_parse).
	dropInsHalf bool
	// altNames: Name= matches an alternative name, too (net_condition_test_ifname).
	altNames bool
	// nameLonger: Name= may have an alternative name (networkd-network-gperf.gperf:
	// IFNAME_VALID_ALTERNATIVE).
	nameLonger bool
	// emptyMatchAll: a file without a valid [Match] setting applies to every
	// device; emptyMatchWarns: with a warning.
	emptyMatchAll, emptyMatchWarns bool
	// logicalLines: lines are numbered by assignments and headers, leaving
	// out comment lines and counting continued lines once (conf-parser.c).
	logicalLines bool
	// returnEndsLine: "\r" ends a line, and so does each pair of "\n", "\r"
	// and NUL (fileio.c: read_line_full); before, "\n" and NUL do, each alone.
	returnEndsLine bool
	// commentLine: how a comment line is recognised: 0 by parse_line after
	// joining (239), 1 by the first byte of the line (240), 2 by the first
	// byte that is no white space (from 241 on).
	commentLine int
	// blankIsComment: a line that is empty, or has nothing before a comment, is skipped
	// like a comment, so it does not end a continuation (conf-parser.c: strchr(COMMENTS, 0)
	// is not a null pointer).
	blankIsComment bool
	// includeLine: a line that starts with ".include" has its own error.
	includeLine bool
	// missingEqualsFatal: a line without "=" rejects the whole file.
	missingEqualsFatal bool
	// missingKey: udevd complains about a line that starts with "="; before, the empty key
	// is an unknown key.
	missingKey bool
	// sectionSafe is how strictly the name in a section header is checked:
	// 0 not, 1 no quotes, backslashes or control characters, 2 also neither
	// empty nor with glob characters.
	sectionSafe int
	// matchErrors: complaints about [Match] are logged as errors, not as warnings
	// (net-condition.c).
	matchErrors bool
	// simpleInvert: "!" counts only at the start of the first pattern of a
	// list and inverts the whole list (network-internal.c).
	simpleInvert bool
	// macAbsentMatches: MACAddress= matches a device without an address.
	macAbsentMatches bool
	// macFirstSix: the device's address is read with ether_aton(3): the first six bytes
	// of a longer one count, a shorter one counts as none (network-internal.c,
	// net-condition.c: net_match_config).
	macFirstSix bool
	// renamedNameSkips: OriginalName= never matches a device that was
	// renamed (link-config.c: NET_NAME_RENAMED); starExempt: unless "*" is
	// in its list.
	renamedNameSkips, starExempt bool
	// conditionReset: an empty value clears the condition.
	conditionReset bool
	// hwAddrAllOrNothing: a syntax error in the list drops the whole line.
	hwAddrAllOrNothing bool
	// macSetEmptyList: a MACAddress= without a single valid address still
	// counts as a (never matching) condition.
	macSetEmptyList bool
	// loopback: the loopback device gets no file (link-config.c: IFF_LOOPBACK).
	loopback bool
	// typeFromARPHRD: Type= falls back on the ARPHRD name where the device
	// has no DEVTYPE.
	typeFromARPHRD bool
	// nullPermanent: a device without a permanent address counts as one with
	// an all-zero one (ethtool-util.c: ethtool_get_permanent_hw_addr).
	nullPermanent bool
	// driverRecorded: Driver= compares the property ID_NET_DRIVER, which
	// builtin_net_setup_link itself takes from ETHTOOL_GDRVINFO if it is not recorded.
	// driverProperty: it compares only that property, which the rules set (link_new).
	// Otherwise it compares ETHTOOL_GDRVINFO.
	driverRecorded bool
	driverProperty bool
	// cleanText: a device with a name that is not clean text (CleanText) is refused, and
	// a property with such a value does not exist (sd-device.c: property_is_valid).
	cleanText bool
	// sysName: udevd reads "!" in a device's name as "/", and then finds neither the
	// driver nor the permanent address (link-config.c: link_new, which uses
	// sd_device_get_sysname(); INTERFACE from 258 on).
	sysName bool
	// versionUnequal: KernelVersion= knows "!=" (condition.c: parse_order);
	// versionList: it is a list of expressions.
	versionUnequal, versionList bool
	// versionFnmatch: KernelVersion= knows "$=", "!$=", "==", "<>" and
	// compares "=" and "!=" as strings.
	versionFnmatch bool
	// versionUAPI: versions are compared as the UAPI group's version format
	// specification says (strverscmp_improved).
	versionUAPI bool
	// versionZeroIsNothing: a segment of zeros counts as an empty one, so 1.0 is older
	// than 1.a (string-util-fundamental.c).
	versionZeroIsNothing bool
	// versionSubject: the version may be of "systemd", "glibc" or "kernel".
	versionSubject bool
	// cmdlineRetainEscape: a backslash on the kernel command line is a
	// character like any other.
	cmdlineRetainEscape bool
	// hostOtherIDs: Host= also compares with boot ID and product UUID, and falls back on
	// the host name.
	hostOtherIDs bool
	// confidentialVirt and smbios: what Virtualization= and Firmware= know.
	smbios bool
	// firmwareLastParen: device-tree-compatible(...) ends at the last ")".
	firmwareLastParen bool
	// envValueCC: a Property= value must not hold control characters other
	// than tab and newline (env-util.c: env_value_is_valid; 247.3 allows them).
	envValueCC bool
	// globUnclosedFails: see glob.unclosedFails. It depends on the C library: glibc 2.33
	// and systemd 248 came in the same two months.
	globUnclosedFails bool
}

// quirks returns the table's row for the release. The spans are the releases whose
// sources show the behaviour.
func (r Release) quirks() quirks {
	r = r.Clamp()
	q := quirks{
		localLib:             from(242).has(r),
		splitUsr:             until(254).has(r),
		dropIns:              from(248).has(r),
		dropInTwin:           from(255).has(r),
		regularOnly:          from(260).has(r),
		chase:                from(255).has(r),
		loopNotListed:        from(258).has(r),
		loopWarns:            from(260).has(r),
		noDirWarns:           from(260).has(r),
		openFailureWarns:     from(257).has(r),
		failureRepeated:      span{242, 250}.has(r),
		danglingWarns:        from(251).has(r),
		blockDeviceMasks:     until(245).has(r),
		abortOnError:         until(241).has(r),
		emptyMatchAll:        until(244).has(r),
		emptyMatchWarns:      from(243).has(r),
		logicalLines:         until(244).has(r),
		returnEndsLine:       from(240).has(r),
		commentLine:          2,
		blankIsComment:       span{240, 242}.has(r),
		includeLine:          until(245).has(r),
		missingEqualsFatal:   until(242).has(r),
		missingKey:           from(243).has(r),
		matchErrors:          until(247).has(r),
		simpleInvert:         until(242).has(r),
		macAbsentMatches:     until(239).has(r),
		macFirstSix:          until(249).has(r),
		renamedNameSkips:     until(246).has(r),
		starExempt:           from(243).has(r),
		conditionReset:       from(242).has(r),
		hwAddrAllOrNothing:   until(247).has(r),
		macSetEmptyList:      until(247).has(r),
		loopback:             from(249).has(r),
		typeFromARPHRD:       from(245).has(r),
		nullPermanent:        from(250).has(r),
		driverRecorded:       until(249).has(r),
		driverProperty:       from(255).has(r),
		cleanText:            from(260).has(r),
		sysName:              until(257).has(r),
		versionUnequal:       from(242).has(r),
		versionList:          from(243).has(r),
		versionFnmatch:       from(252).has(r),
		versionUAPI:          from(248).has(r),
		versionZeroIsNothing: span{248, 251}.has(r),
		versionSubject:       from(258).has(r),
		cmdlineRetainEscape:  from(254).has(r),
		hostOtherIDs:         from(258).has(r),
		smbios:               from(252).has(r),
		firmwareLastParen:    from(252).has(r),
		envValueCC:           until(246).has(r),
		globUnclosedFails:    until(247).has(r),
	}
	switch {
	case from(258).has(r):
		q.chaseLinks = mostLinks // seen on 262, where conf-files.c has followed some before
	case from(255).has(r):
		q.chaseLinks = fewLinks // CHASE_MAX, which is 32, is not reached
	}
	switch {
	case until(239).has(r):
		q.commentLine = 0
	case until(240).has(r):
		q.commentLine = 1
	}
	switch {
	case from(261).has(r):
		q.sectionSafe = 2
	case from(251).has(r):
		q.sectionSafe = 1
	}
	return q
}

// ReadsDropIns reports whether udevd of the release reads NAME.link.d/*.conf.
func (r Release) ReadsDropIns() bool { return r.Clamp().quirks().dropIns }
