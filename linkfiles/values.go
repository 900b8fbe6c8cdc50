package linkfiles

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// effect is what udevd does with one assignment.
type effect uint8

const (
	effectIgnored effect = iota // the line is dropped, with a complaint
	effectTaken                 // the value, or a part of it, is stored
	effectReset                 // the key is back to being unset
)

// complaint is one message that udevd logs about a line. Text is its meaning without a place.
// One at LevelInfo may be something that udevd does not log but users should know.
type complaint struct {
	code  Code
	level Level
	text  string
}

// parsed is the result of parsing a value.
type parsed struct {
	effect     effect
	stored     string
	complaints []complaint
}

func taken(stored string) parsed { return parsed{effect: effectTaken, stored: stored} }

var reset = parsed{effect: effectReset}

// complain adds a complaint about the value.
func (v *parsed) complain(level Level, format string, args ...any) {
	v.complaints = append(v.complaints, complaint{CodeInvalidValue, level, fmt.Sprintf(format, args...)})
}

// ignored is the result for an invalid value.
func ignored(level Level, format string, args ...any) parsed {
	var v parsed
	v.complain(level, format, args...)
	return v
}

// warning is the level of a complaint that was an error before the span.
func (s span) warning(rel Release) Level {
	if s.has(rel) {
		return LevelWarning
	}
	return LevelError
}

// checkLinkValue says what udevd of rel does with "key = value", for a key outside of [Match]
// that KeyKnown reports: whether it stores the value, and what it complains about. value is
// as the grammar returns it: valid UTF-8 without surrounding white space. stored is the value
// in udevd's terms for MACAddressPolicy= (persistent, random, none) and MACAddress= (lower
// case with colons, one pair of digits per byte), otherwise the value itself; it is "" if
// nothing is stored.
func checkLinkValue(rel Release, section, key, value string) parsed {
	return LinkFiles.format().checkValue(rel, section, key, value)
}

func (f *format) checkValue(rel Release, section, key, value string) parsed {
	row := f.keys[section][key]
	if row == nil || row.parse == nil {
		return parsed{}
	}
	return row.parse(rel.Clamp(), key, value)
}

// parseString accepts anything (Description=).
func parseString(_ Release, _, value string) parsed {
	if value == "" {
		return reset
	}
	return taken(value)
}

// parseRemoved is for a key that is known and does nothing.
func parseRemoved(_ Release, key, _ string) parsed {
	return parsed{complaints: []complaint{{CodeDeprecatedKey, LevelInfo, key + "= was removed and does nothing"}}}
}

// boolean is parse_boolean() of parse-util.c.
func boolean(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true, isASCII(s)
	case "0", "no", "n", "false", "f", "off":
		return false, isASCII(s)
	}
	return false, false
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func parseTristate(rel Release, key, value string) parsed {
	if value == "" && emptyResetsTristate.has(rel) {
		return reset
	}
	if _, ok := boolean(value); !ok {
		return ignored(warnsInConfParser.warning(rel), "%s= takes yes or no, not %.80q", key, value)
	}
	return taken(value)
}

// enumeration is a key that accepts one word of a list, spelt exactly so.
type enumeration struct {
	words       []string
	level       func(Release) Level
	emptyResets span
}

var (
	macAddressPolicies  = enumeration{[]string{"persistent", "random", "none"}, warnsInConfParser.warning, emptyResetsMACAddressPolicy}
	duplexModes         = enumeration{[]string{"half", "full"}, warnsInConfParser.warning, span{}}
	portTypes           = enumeration{[]string{"tp", "aui", "mii", "fibre", "bnc"}, warnsInConfParser.warning, span{}}
	irqAffinityPolicies = enumeration{[]string{"single", "spread"}, warnsInConfParser.warning, always}
	singleWakeOnLan     = enumeration{append([]string{"off"}, wakeOnLanModes...), warnsInConfParser.warning, span{}}
)

func (e enumeration) parse(rel Release, key, value string) parsed {
	if value == "" && e.emptyResets.has(rel) {
		return reset
	}
	if !slices.Contains(e.words, value) {
		return ignored(e.level(rel), "%s= takes %s, not %.80q", key, oneOf(e.words), value)
	}
	return taken(value)
}

// oneOf lists words as "a, b or c".
func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// parseMACAddressPolicy: in the releases where an empty value resets anything, it resets the
// policy to unset, which is the same as none.
func parseMACAddressPolicy(rel Release, key, value string) parsed {
	return macAddressPolicies.parse(rel, key, value)
}

// policyList is a key that accepts a list of words, each once. The list replaces an earlier
// line, even if none of its words is valid.
type policyList []policyWord

type policyWord struct {
	word  string
	known span
}

var (
	namePolicy = policyList{
		{"keep", from(241)},
		{"kernel", always},
		{"database", always},
		{"onboard", always},
		{"slot", always},
		{"path", always},
		{"mac", always},
	}
	alternativeNamesPolicy = policyList{
		{"database", always},
		{"onboard", always},
		{"slot", always},
		{"path", always},
		{"mac", always},
	}
)

func (l policyList) parse(rel Release, key, value string) parsed {
	level := warnsInConfParser.warning(rel)
	var v parsed
	var seen []string
	word := func(w string) {
		switch {
		case !slices.ContainsFunc(l, func(p policyWord) bool { return p.word == w && p.known.has(rel) }):
			v.complain(level, "%s= has the unknown policy %.80q", key, w)
		case slices.Contains(seen, w):
			v.complain(LevelNotice, "%s= has %s twice; only the first counts", key, w)
		default:
			seen = append(seen, w)
		}
	}
	if !policiesUnescape.has(rel) {
		for _, w := range splitPlain(value) {
			word(w)
		}
	} else if err := plainWords.each(rel, value, word); err != nil {
		if policySplitErrorIsLoud.has(rel) {
			level = LevelError
		}
		v.complain(level, "%s= cannot be split into words: %v", key, err)
		return v
	}
	if len(seen) == 0 {
		v.effect = effectReset
		return v
	}
	v.effect, v.stored = effectTaken, value
	return v
}

func parseMTU(rel Release, key, value string) parsed {
	n, err := parseBytes(value, 1024)
	if err == nil && (n > math.MaxUint32 || n < minIPv4MTU && !mtuHasNoMinimum.has(rel)) {
		err = errRange
	}
	if err != nil {
		return ignored(warnsInConfParser.warning(rel), "%s= takes a size in bytes, not %.80q: %v", key, value, err)
	}
	v := taken(value)
	if n < minIPv4MTU && mtuHadMinimumOnce.has(rel) {
		v.complain(LevelInfo, "%s= below %d is refused by systemd 252 before 252.21 (also RHEL 9) and by early point releases of 253 to 255", key, minIPv4MTU)
	}
	return v
}

// minIPv4MTU is IPV4_MIN_MTU.
const minIPv4MTU = 68

// sizeIn returns the parser of a 64-bit size with base as K. An empty value is an error, not
// a reset.
func sizeIn(base uint64) func(Release, string, string) parsed {
	return func(rel Release, key, value string) parsed {
		if _, err := parseBytes(value, base); err != nil {
			return ignored(warnsInConfParser.warning(rel), "%s= takes a number with K, M, G, T, P or E, not %.80q: %v", key, value, err)
		}
		return taken(value)
	}
}

func parseUint32(rel Release, key, value string) parsed {
	if _, err := parseUnsigned(rel, value); err != nil {
		return ignored(warnsInConfParser.warning(rel), "%s= takes a number, not %.80q: %v", key, value, err)
	}
	return taken(value)
}

// number returns the result for a value that must be a number from lowest to highest.
func number(rel Release, level Level, key, value string, lowest, highest uint32) parsed {
	n, err := parseUnsigned(rel, value)
	if err == nil && (n < lowest || n > highest) {
		err = errRange
	}
	if err != nil {
		return ignored(level, "%s= takes a number from %d to %d, not %.80q: %v", key, lowest, highest, value, err)
	}
	return taken(value)
}

func parseChannels(rel Release, key, value string) parsed {
	if channelsMayBeMax.has(rel) {
		switch value {
		case "":
			return reset
		case "max":
			return taken(value)
		}
	}
	return number(rel, warnsInEthtool.warning(rel), key, value, 1, math.MaxUint32)
}

func parseQueues(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	most := uint32(4096)
	if manyQueues.has(rel) {
		most = 16384
	}
	return number(rel, LevelWarning, key, value, 1, most)
}

func parseQueueLength(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	return number(rel, LevelWarning, key, value, 0, math.MaxUint32-1)
}

func parseCoalesceFrames(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	return number(rel, LevelWarning, key, value, 0, math.MaxUint32)
}

func parseCoalesceSec(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	usec, err := parseTime(rel, value)
	zero := key != "StatisticsBlockCoalesceSec" && key != "CoalescePacketRateSampleIntervalSec"
	if err == nil && (usec > math.MaxUint32 || usec == 0 && !zero) {
		err = errRange
	}
	if err != nil {
		return ignored(LevelWarning, "%s= takes a time of at most 4294.967295s, not %.80q: %v", key, value, err)
	}
	return taken(value)
}

func parseSec(rel Release, key, value string) parsed {
	if _, err := parseTime(rel, value); err != nil {
		return ignored(LevelWarning, "%s= takes a time, not %.80q: %v", key, value, err)
	}
	return taken(value)
}

func parseMDI(_ Release, key, value string) parsed {
	switch value {
	case "":
		return reset
	case "mdi", "straight", "mdi-x", "mdix", "crossover", "auto":
		return taken(value)
	}
	return ignored(LevelWarning, "%s= takes straight, crossover or auto, not %.80q", key, value)
}

func parseNUMANode(rel Release, key, value string) parsed {
	switch value {
	case "":
		return reset
	case "local":
		return taken(value)
	}
	// The two largest numbers stand for "local" and "unset".
	return number(rel, LevelWarning, key, value, 0, math.MaxUint32-2)
}

var wakeOnLanModes = []string{"phy", "unicast", "multicast", "broadcast", "arp", "magic", "secureon"}

// parseWakeOnLan: modes of several lines add up, and a line without a valid word switches off
// what was unset.
func parseWakeOnLan(rel Release, key, value string) parsed {
	if !wakeOnLanIsList.has(rel) {
		return singleWakeOnLan.parse(rel, key, value)
	}
	switch value {
	case "":
		return reset
	case "off":
		return taken(value)
	}
	v := taken(value)
	err := plainWords.each(rel, value, func(w string) {
		if !slices.Contains(wakeOnLanModes, w) {
			v.complain(LevelWarning, "%s= has the unknown mode %.80q", key, w)
		}
	})
	if err != nil {
		v.effect, v.stored = effectIgnored, ""
		v.complain(LevelWarning, "%s= cannot be split into words: %v", key, err)
	}
	return v
}

// parseWakeOnLanPassword: an absolute path names a file with the password, anything else is
// the password, written like an Ethernet address. udevd also warns, without a line number,
// about a .link file with a password that others may read: see exposesPassword.
func parseWakeOnLanPassword(_ Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	if isSafePath(value) {
		return taken(value)
	}
	if _, ok := parseHardwareBytes(value, 6); !ok {
		// The password itself is not repeated.
		return ignored(LevelWarning, "%s= takes six bytes in hexadecimal or the absolute path of a file", key)
	}
	return taken(value)
}

// exposesPassword reports whether the assignment makes udevd warn about the mode of its file,
// if others than owner and group may read, write or execute it (st_mode & 0007).
func exposesPassword(rel Release, section, key, value string) bool {
	return section == "Link" && key == "WakeOnLanPassword" && KeyKnown(rel, section, key) && value != "" && !isSafePath(value)
}

// isSafePath reports whether s is an absolute path without .. that is not too long for the
// kernel, nor any of its components (path_is_safe()).
func isSafePath(s string) bool {
	const pathMax, nameMax = 4096, 255
	if !strings.HasPrefix(s, "/") || len(s) >= pathMax {
		return false
	}
	for c := range strings.SplitSeq(s, "/") {
		if c == ".." || len(c) > nameMax {
			return false
		}
	}
	return true
}

func parseLinkModes(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	level := warnsInEthtool.warning(rel)
	var v parsed
	err := plainWords.each(rel, value, func(w string) {
		if known, ok := linkModes()[w]; !ok || !known.has(rel) {
			v.complain(level, "%s= has the unknown mode %.80q", key, w)
			return
		}
		v.effect, v.stored = effectTaken, value
	})
	if err != nil {
		v.complain(level, "%s= cannot be split into words: %v", key, err)
	}
	return v
}

// validName reports whether s is a valid interface name of fewer than size bytes, as
// ifname_valid_full() of socket-util.c has it.
func validName(rel Release, s string, size int) bool {
	if s == "" || len(s) >= size || s == "." || s == ".." {
		return false
	}
	if namesAvoidSysctl.has(rel) &&
		(s == "all" || s == "default" || strings.Contains(s, "%") || isInterfaceIndex(rel, s)) {
		return false
	}
	digits, _ := leading(s, isDigit)
	name, _ := leading(s, func(c byte) bool { return isGraph(c) && c != ':' && c != '/' })
	return len(name) == len(s) && len(digits) < len(s)
}

// The sizes of the kernel's names, with the NUL at the end: linux/if.h.
const (
	nameSize            = 16
	alternativeNameSize = 128
	aliasSize           = 256
)

func parseName(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	if !validName(rel, value, nameSize) {
		return ignored(warnsInConfParser.warning(rel), "%s= takes an interface name, not %.80q", key, value)
	}
	return taken(value)
}

func parseAlternativeNames(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	level := warnsInConfParser.warning(rel)
	var v parsed
	err := plainWords.each(rel, value, func(w string) {
		if !validName(rel, w, alternativeNameSize) {
			v.complain(level, "%s= takes interface names, not %.80q", key, w)
			return
		}
		v.effect, v.stored = effectTaken, value
	})
	if err != nil {
		v.effect, v.stored = effectIgnored, ""
		v.complain(level, "%s= cannot be split into words: %v", key, err)
	}
	return v
}

func parseAlias(rel Release, key, value string) parsed {
	if aliasIsDropped.has(rel) && value != "" {
		v := reset
		v.complain(LevelInfo, "%s= has no effect in systemd %d", key, rel)
		return v
	}
	if value == "" {
		return reset
	}
	level := warnsInNetworkInternal.warning(rel)
	if !isASCII(value) {
		return ignored(level, "%s= takes ASCII only", key)
	}
	if len(value) >= aliasSize {
		return ignored(level, "%s= takes at most %d characters", key, aliasSize-1)
	}
	v := taken(value)
	if aliasWasDroppedOnce.has(rel) {
		v.complain(LevelInfo, "%s= has no effect in systemd 249 before 249.13 and 250 before 250.6", key)
	}
	return v
}

func parseVirtualFunctions(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	return number(rel, LevelWarning, key, value, 0, math.MaxInt32)
}

func parseSRIOVNumber(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	switch key {
	case "VLANId":
		return number(rel, LevelWarning, key, value, 1, 4095)
	case "VirtualFunction":
		return number(rel, LevelWarning, key, value, 0, math.MaxInt32-1)
	}
	return number(rel, LevelWarning, key, value, 0, math.MaxUint32)
}

func parseVLANProtocol(_ Release, key, value string) parsed {
	switch value {
	case "":
		return reset
	case "802.1Q", "802.1ad":
		return taken(value)
	}
	return ignored(LevelWarning, "%s= takes 802.1Q or 802.1ad, not %.80q", key, value)
}

func parseSRIOVBoolean(rel Release, key, value string) parsed {
	return parseTristate(rel, key, value)
}

func parseSRIOVLinkState(rel Release, key, value string) parsed {
	if value == "auto" {
		return taken(value)
	}
	v := parseTristate(rel, key, value)
	if v.effect == effectIgnored {
		return ignored(LevelWarning, "%s= takes yes, no or auto, not %.80q", key, value)
	}
	return v
}

func parseSRIOVMACAddress(_ Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	if _, ok := parseHardwareBytes(value, 6); !ok {
		return ignored(LevelWarning, "%s= takes an Ethernet address, not %.80q", key, value)
	}
	return taken(value)
}

func parseCPUSet(rel Release, key, value string) parsed {
	if value == "" {
		return reset
	}
	const cpus = 8192 // CPU_SET_MAX_NCPU
	stops := cpuSetStopsAtError.has(rel)
	level := LevelWarning
	if stops {
		level = LevelError
	}
	var v parsed
	words, counted, failed := 0, 0, false
	err := wordSyntax{separators: valueSpace + ",", unquote: true}.each(rel, value, func(w string) {
		if failed {
			return
		}
		words++
		lower, upper, err := parseCPURange(rel, w)
		switch {
		case err != nil:
			v.complain(level, "%s= takes CPUs and ranges of CPUs, not %.80q: %v", key, w, err)
			failed = stops
		case lower > upper:
			v.complain(LevelWarning, "%s= has %.80q, a range that ends before it begins", key, w)
			if stops {
				counted++ // an empty set is stored
			}
		case stops && lower == math.MaxUint32:
			// The loop over this range runs zero times.
		case upper >= cpus:
			v.complain(level, "%s= has %.80q; CPUs are numbered up to %d", key, w, cpus-1)
			failed = stops
		default:
			counted++
		}
	})
	if err != nil && !failed {
		failed = true
		v.complain(level, "%s= cannot be split into words: %v", key, err)
	}
	switch {
	case failed:
		return v
	case stops && counted == 0:
		v.effect = effectReset
	case counted > 0 || words == 0:
		v.effect, v.stored = effectTaken, value
	}
	return v
}

func parseRPSMask(rel Release, key, value string) parsed {
	switch value {
	case "all", "disable":
		return taken(value)
	}
	return parseCPUSet(rel, key, value)
}
