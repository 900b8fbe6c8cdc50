package linkfiles

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"linkaudit/internal/fact"
)

// match is a file's [Match] section: struct NetMatch and the list of
// conditions of link-config.h.
type match struct {
	hwAddr, permHWAddr                 *addrSet
	path, driver, iftype, kind, ifname []pattern
	property                           []property
	conditions                         []condition
	nameKey                            string // the key of ifname
	// wireless are the keys of .network files about a wireless network.
	wireless []condition
}

// addrSet is a set of addresses; a set without any never matches.
type addrSet struct {
	addrs map[string]bool
	text  string
	pos   Pos
}

type pattern struct {
	text   string
	invert bool
	pos    Pos
}

type property struct {
	key, glob string
	invert    bool
	pos       Pos
}

// condition is struct Condition of condition.h, one of each key at most.
type condition struct {
	key    string
	param  string
	negate bool
	pos    Pos
}

// conditionKeys are the keys of [Match] that are tested once for the system
// when the file is loaded, not for each device. Version= and KernelVersion= are
// one condition of systemd's, so that each replaces the other.
var conditionKeys = map[string]string{
	"Host":              "Host",
	"Virtualization":    "Virtualization",
	"KernelCommandLine": "KernelCommandLine",
	"KernelVersion":     "KernelVersion",
	"Version":           "KernelVersion",
	"Architecture":      "Architecture",
	"Credential":        "Credential",
	"Firmware":          "Firmware",
	"MachineTag":        "MachineTag",
}

// empty is net_match_is_empty() together with the test for conditions: nothing
// valid was said in [Match].
func (m *match) empty() bool {
	return (m.hwAddr == nil || len(m.hwAddr.addrs) == 0) &&
		(m.permHWAddr == nil || len(m.permHWAddr.addrs) == 0) &&
		len(m.path) == 0 && len(m.driver) == 0 && len(m.iftype) == 0 && len(m.kind) == 0 &&
		len(m.ifname) == 0 && len(m.property) == 0 && len(m.conditions) == 0 && len(m.wireless) == 0
}

// set takes one assignment of [Match]. It reports whether any of it counts.
func (m *match) set(p *parser, a Assignment) bool {
	switch a.Key {
	case "MACAddress":
		return setHWAddrs(p, a, &m.hwAddr)
	case "PermanentMACAddress":
		return setHWAddrs(p, a, &m.permHWAddr)
	case "Path":
		return setPatterns(p, a, &m.path)
	case "Driver":
		return setPatterns(p, a, &m.driver)
	case "Type":
		return setPatterns(p, a, &m.iftype)
	case "Kind":
		return setPatterns(p, a, &m.kind)
	case "OriginalName", "Name":
		m.nameKey = a.Key
		return setNames(p, a, &m.ifname)
	case "WLANInterfaceType", "SSID", "BSSID":
		return m.setWireless(a)
	case "Property":
		return setProperties(p, a, &m.property)
	}
	return m.setCondition(p, a)
}

func matchLevel(p *parser) Level {
	if p.q.matchErrors {
		return LevelError
	}
	return LevelWarning
}

// setHWAddrs is config_parse_hw_addrs() of conf-parser.c.
func setHWAddrs(p *parser, a Assignment, set **addrSet) bool {
	if a.Value == "" {
		*set = nil
		return true
	}
	add := map[string]bool{}
	broken := false
	for rest := a.Value; ; {
		word, next, more, err := plainWords.nextWord(p.rel, rest)
		if err != nil {
			p.complain(a.Pos, CodeInvalidValue, LevelWarning, fmt.Sprintf("%s=: %v: %q", a.Key, err, a.Value))
			broken = true
			break
		}
		if !more {
			break
		}
		rest = next
		b, ok := parseAddress(p.rel, word)
		if !ok {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("%s=: not a hardware address, ignoring it: %q", a.Key, word))
			continue
		}
		add[colonForm(b)] = true
	}
	if broken && p.q.hwAddrAllOrNothing {
		return false
	}
	if len(add) == 0 && !p.q.macSetEmptyList {
		return false
	}
	if *set == nil {
		*set = &addrSet{addrs: map[string]bool{}}
	}
	for k := range add {
		(*set).addrs[k] = true
	}
	(*set).pos = a.Pos
	(*set).text = strings.TrimSpace((*set).text + " " + a.Value)
	return len(add) > 0
}

// words calls yield for the words of a pattern list, with the inversion that a
// leading "!" of the line gives all of them.
func words(p *parser, a Assignment, syntax wordSyntax, yield func(word string, invert bool) bool) {
	rest, invert := a.Value, false
	if !p.q.simpleInvert {
		rest, invert = strings.CutPrefix(rest, "!")
	}
	for {
		word, next, more, err := syntax.nextWord(p.rel, rest)
		if err != nil {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("%s=: %v, ignoring the rest: %q", a.Key, err, a.Value))
			return
		}
		if !more || !yield(word, invert) {
			return
		}
		rest = next
	}
}

// setPatterns is config_parse_match_strv() of net-condition.c.
func setPatterns(p *parser, a Assignment, list *[]pattern) bool {
	if a.Value == "" {
		*list = nil
		return true
	}
	before := len(*list)
	words(p, a, wordSyntax{separators: valueSpace, unquote: true, literal: true}, func(word string, invert bool) bool {
		*list = append(*list, newPattern(p, word, invert, a.Pos))
		return true
	})
	return len(*list) > before
}

// newPattern makes the "!" that the releases store in front of each word: a
// word that itself starts with "!" is an inverted one too.
func newPattern(p *parser, word string, invert bool, pos Pos) pattern {
	if !p.q.simpleInvert && !invert {
		word, invert = strings.CutPrefix(word, "!")
	}
	return pattern{text: word, invert: invert, pos: pos}
}

// setNames is config_parse_match_ifnames() of net-condition.c.
func setNames(p *parser, a Assignment, list *[]pattern) bool {
	if a.Value == "" {
		if p.q.nameReset {
			*list = nil
		}
		return p.q.nameReset
	}
	before := len(*list)
	words(p, a, plainWords, func(word string, invert bool) bool {
		size := nameSize
		if p.q.nameLonger {
			size = alternativeNameSize
		}
		if !validName(p.rel, word, size) {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("%s=: not a valid interface name, or too long, ignoring it: %q", a.Key, word))
			return !p.q.simpleInvert
		}
		*list = append(*list, newPattern(p, word, invert, a.Pos))
		return true
	})
	return len(*list) > before
}

// setProperties is config_parse_match_property() of net-condition.c.
func setProperties(p *parser, a Assignment, list *[]property) bool {
	if a.Value == "" {
		if p.q.nameReset {
			*list = nil
		}
		return p.q.nameReset
	}
	before := len(*list)
	words(p, a, wordSyntax{separators: valueSpace, unquote: true, unescape: true}, func(word string, invert bool) bool {
		if !validEnvAssignment(p.q, word) {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("Property=: not a valid \"key=value\", ignoring it: %q", word))
			return true
		}
		key, val, _ := strings.Cut(word, "=")
		*list = append(*list, property{key: key, glob: val, invert: invert, pos: a.Pos})
		return true
	})
	return len(*list) > before
}

// validEnvAssignment is env_assignment_is_valid() of env-util.c.
func validEnvAssignment(q quirks, s string) bool {
	key, val, ok := strings.Cut(s, "=")
	if !ok || !validEnvName(key) || !validUTF8Value(val) {
		return false
	}
	if q.envValueCC {
		for i := 0; i < len(val); i++ {
			if c := val[i]; c != '\t' && c != '\n' && (c < ' ' || c == 0x7f) {
				return false
			}
		}
	}
	return true
}

// validEnvName is env_name_is_valid() of env-util.c.
func validEnvName(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return true
}

// setCondition is config_parse_net_condition() of net-condition.c: the last
// assignment counts alone, and goes to the front of the list.
func (m *match) setCondition(p *parser, a Assignment) bool {
	key, ok := conditionKeys[a.Key]
	if !ok {
		panic("linkfiles: no parser for [Match] " + a.Key)
	}
	kept := make([]condition, 0, len(m.conditions)+1)
	c := condition{key: key, pos: a.Pos}
	c.param, c.negate = strings.CutPrefix(a.Value, "!")
	if a.Value != "" || !p.q.conditionReset {
		kept = append(kept, c)
	}
	for _, old := range m.conditions {
		if old.key != key {
			kept = append(kept, old)
		}
	}
	m.conditions = kept
	return true
}

// answer is the outcome of a test that may be impossible to make.
type answer struct {
	state  answerState
	reason string
	pos    Pos
}

type answerState uint8

const (
	yes answerState = iota
	no
	unknowable
)

func fails(pos Pos, format string, args ...any) answer {
	return answer{no, fmt.Sprintf(format, args...), pos}
}

func cannotTell(pos Pos, format string, args ...any) answer {
	return answer{unknowable, fmt.Sprintf(format, args...), pos}
}

// and keeps the first failure, or else the first thing that cannot be known.
func (v *answer) and(w answer) (done bool) {
	if w.state == no || w.state == unknowable && v.state == yes {
		*v = w
	}
	return v.state == no
}

// device tests the part of [Match] that is about a device: net_match_config()
// of net-condition.c. brief leaves out why a test failed.
func (m *match) device(q quirks, d *Device, brief bool) answer {
	v := answer{}
	// What a file does not ask for is not looked up: most ask for one thing.
	if m.hwAddr != nil && v.and(m.hwAddr.test("MACAddress", d.current(q), q.macAbsentMatches, brief)) ||
		m.permHWAddr != nil && v.and(m.testPermanent(q, d, brief)) ||
		len(m.path) > 0 && v.and(testPatterns(q, "Path", m.path, d.Path, brief)) ||
		len(m.driver) > 0 && v.and(m.testDriver(q, d, brief)) ||
		len(m.iftype) > 0 && v.and(m.testType(q, d, brief)) ||
		len(m.kind) > 0 && v.and(testPatterns(q, "Kind", m.kind, d.Kind, brief)) ||
		len(m.ifname) > 0 && v.and(m.testName(q, d, brief)) {
		return v
	}
	for _, w := range m.wireless {
		if v.and(cannotTell(w.pos, "%s=: what wireless network the device is in is not looked at", w.key)) {
			return v
		}
	}
	for _, p := range m.property {
		if v.and(p.test(q, d, brief)) {
			return v
		}
	}
	return v
}

// testName is net_condition_test_ifname() of net-condition.c.
func (m *match) testName(q quirks, d *Device, brief bool) answer {
	v := testPatterns(q, m.nameKey, m.ifname, fact.Known(d.name(q)), brief)
	if v.state != no || !q.altNames {
		return v
	}
	for _, name := range d.AltNames {
		if testPatterns(q, m.nameKey, m.ifname, fact.Known(name), true).state == yes {
			return answer{}
		}
	}
	return v
}

// setWireless notes a condition that only a wireless device can meet.
func (m *match) setWireless(a Assignment) bool {
	if a.Value == "" {
		m.wireless = slices.DeleteFunc(m.wireless, func(c condition) bool { return c.key == a.Key })
		return true
	}
	m.wireless = append(m.wireless, condition{key: a.Key, param: a.Value, pos: a.Pos})
	return true
}

// name is the device's as the release has it.
func (d *Device) name(q quirks) string {
	if q.sysName {
		return SysName(d.Name)
	}
	return d.Name
}

// SysName is what sd_device_get_sysname(3) makes of the name of a device:
// directories of sysfs have "!" for a "/", so that it takes each for one.
func SysName(name string) string { return strings.ReplaceAll(name, "!", "/") }

// CleanText is property_is_valid() of sd-device.c (260 and newer): UTF-8 without
// noncharacters (unichar_is_valid()) and without control characters.
func CleanText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe
	})
}

// refused says why udevd of the release takes no notice of the device, "" where it does.
func (t *Tree) refused(d *Device) string {
	if t.quirks.cleanText && !CleanText(d.Name) {
		return fmt.Sprintf("systemd %d takes no notice of a device whose name is not UTF-8, or holds control characters or noncharacters", t.Release)
	}
	return ""
}

// notFoundByName reports whether the release asks the ethtool interface for a name
// that no device has.
func (d *Device) notFoundByName(q quirks) bool { return d.name(q) != d.Name }

// permanent is the permanent address as the release understands all zeros.
func (d *Device) permanent(q quirks) fact.Fact[string] {
	perm := d.PermMAC
	mac, hasMAC := d.MAC.Get()
	if d.notFoundByName(q) {
		// Since 250 the kernel itself sends the address of a device that
		// has one; before, and for the others, ETHTOOL_GPERMADDR is asked.
		if !q.nullPermanent || perm.IsKnown() && strings.Trim(perm.Or(""), "0:") == "" {
			perm = fact.Absent[string]()
		}
		return perm
	}
	switch zero := strings.Trim(perm.Or(""), "0:") == ""; {
	case !q.nullPermanent && perm.IsKnown() && zero:
		perm = fact.Absent[string]()
	case q.nullPermanent && perm.IsAbsent() && hasMAC:
		perm = fact.Known(colonForm(make([]byte, (len(mac)+1)/3)))
	}
	return perm
}

// current is the address as the release reads it.
func (d *Device) current(q quirks) fact.Fact[string] {
	if mac, ok := d.MAC.Get(); ok && q.macFirstSix {
		return firstSix(mac)
	}
	return d.MAC
}

// firstSix is what ether_aton(3) makes of an address in the form of sysfs.
func firstSix(mac string) fact.Fact[string] {
	const length = len("00:00:00:00:00:00")
	if len(mac) < length {
		return fact.Absent[string]()
	}
	return fact.Known(mac[:length])
}

// testType asks for the ARPHRD name only of releases that fall back on it.
func (m *match) testType(q quirks, d *Device, brief bool) answer {
	t := d.Type
	if d.TypeFromARPHRD && !q.typeFromARPHRD {
		t = fact.Absent[string]()
	}
	return testPatterns(q, "Type", m.iftype, t, brief)
}

func (m *match) testDriver(q quirks, d *Device, brief bool) answer {
	driver := d.Driver
	if q.driverRecorded && d.Properties != nil && !d.DriverUnrecorded {
		if recorded := d.Properties("ID_NET_DRIVER"); recorded.IsKnown() {
			return testPatterns(q, "Driver", m.driver, recorded, brief)
		}
	}
	switch {
	case d.notFoundByName(q) && (!q.driverProperty || d.DriverUnrecorded):
		driver = fact.Absent[string]()
	case q.driverProperty && d.Properties != nil:
		driver = d.Properties("ID_NET_DRIVER")
	}
	test := func(driver fact.Fact[string]) answer { return testPatterns(q, "Driver", m.driver, driver, brief) }
	if driver.IsUnknown() && len(m.driver) > 0 {
		return testAll(d.Drivers, driver, test)
	}
	return test(driver)
}

func (m *match) testPermanent(q quirks, d *Device, brief bool) answer {
	test := func(mac fact.Fact[string]) answer {
		return m.permHWAddr.test("PermanentMACAddress", mac, false, brief)
	}
	if d.PermMAC.IsUnknown() {
		return testAll(d.PermMACs, d.PermMAC, func(mac fact.Fact[string]) answer {
			it := Device{Name: d.Name, PermMAC: mac}
			return test(it.permanent(q))
		})
	}
	return test(d.permanent(q))
}

// testAll has an answer where all values that a fact may have get the same one.
func testAll(values []string, unknown fact.Fact[string], test func(fact.Fact[string]) answer) (all answer) {
	if len(values) == 0 {
		return test(unknown)
	}
	for i, value := range values {
		a := test(fact.Text(value))
		if i > 0 && a.state != all.state {
			return test(unknown)
		}
		all = a
	}
	return all
}

func (s *addrSet) test(key string, has fact.Fact[string], absentMatches, brief bool) answer {
	if s == nil {
		return answer{}
	}
	if has.IsUnknown() {
		return cannotTell(s.pos, "%s=%s: the device's address is unknown (%s)", key, s.text, has.Reason())
	}
	addr, ok := has.Get()
	if !ok {
		if absentMatches {
			return answer{}
		}
		if brief {
			return answer{state: no, pos: s.pos}
		}
		return fails(s.pos, "%s=%s, but the device has no such address", key, s.text)
	}
	if !s.addrs[addr] {
		if brief {
			return answer{state: no, pos: s.pos}
		}
		return fails(s.pos, "%s=%s, but the device has %s", key, s.text, addr)
	}
	return answer{}
}

// testPatterns is net_condition_test_strv() of net-condition.c.
func testPatterns(q quirks, key string, patterns []pattern, device fact.Fact[string], brief bool) answer {
	if len(patterns) == 0 {
		return answer{}
	}
	last := patterns[len(patterns)-1].pos
	if device.IsUnknown() {
		return cannotTell(last, "%s=%s: what the device has is not known (%s)", key, patternText(patterns), device.Reason())
	}
	value, has := device.Get()
	g := glob{unclosedFails: q.globUnclosedFails}
	shown := value
	if !has {
		shown = "none"
	}
	if q.simpleInvert {
		// One "!" in front of the first pattern inverts the whole list.
		first, invert := strings.CutPrefix(patterns[0].text, "!")
		fits := false
		for i, p := range patterns {
			text := p.text
			if i == 0 {
				text = first
			}
			fits = fits || has && g.match(text, value)
		}
		if fits == invert {
			if brief {
				return answer{state: no, pos: last}
			}
			return fails(last, "%s=%s, but the device has %s", key, patternText(patterns), shown)
		}
		return answer{}
	}
	positive, fits := false, false
	for _, p := range patterns {
		if !p.invert {
			positive = true
		}
		if !has || !g.match(p.text, value) {
			continue
		}
		if p.invert {
			if brief {
				return answer{state: no, pos: p.pos}
			}
			return fails(p.pos, "%s=%s, but the device has %s", key, patternText(patterns), shown)
		}
		fits = true
	}
	if positive && !fits {
		if brief {
			return answer{state: no, pos: last}
		}
		return fails(last, "%s=%s, but the device has %s", key, patternText(patterns), shown)
	}
	return answer{}
}

func patternText(patterns []pattern) string {
	var b strings.Builder
	for i, p := range patterns {
		if i > 0 {
			b.WriteByte(' ')
		}
		if p.invert {
			b.WriteByte('!')
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// test is one round of net_condition_test_property() of net-condition.c.
func (p property) test(q quirks, d *Device, brief bool) answer {
	if d.Properties == nil {
		return cannotTell(p.pos, "Property=%s: the device's properties are unknown", p)
	}
	value := d.Properties(p.key)
	if value.IsUnknown() {
		return cannotTell(p.pos, "Property=%s: the device's properties are unknown (%s)", p, value.Reason())
	}
	s, has := value.Get()
	has = has && (!q.cleanText || CleanText(s))
	fits := has && glob{unclosedFails: q.globUnclosedFails}.match(p.glob, s)
	if fits != p.invert {
		return answer{}
	}
	switch {
	case brief:
		return answer{state: no, pos: p.pos}
	case !has:
		return fails(p.pos, "Property=%s, but the device has no property %s", p, p.key)
	}
	return fails(p.pos, "Property=%s, but the device has %s=%s", p, p.key, s)
}

func (p property) String() string {
	if p.invert {
		return "!" + p.key + "=" + p.glob
	}
	return p.key + "=" + p.glob
}

// OnlyName reports whether the file can apply to no other device than the one
// called name: its OriginalName= holds that name and nothing else.
func (f *File) OnlyName(name string) bool { return only(f.match.ifname, name) }

// Names returns the names that the file's [Match] asks for, without patterns.
func (f *File) Names() []string {
	var names []string
	for _, p := range f.match.ifname {
		if p.literal() {
			names = append(names, p.text)
		}
	}
	return names
}

// MatchesAddress reports whether MACAddress= of [Match] has the address, and where it
// stands.
func (f *File) MatchesAddress(mac string) (Pos, bool) {
	if f.match.hwAddr == nil || !f.match.hwAddr.addrs[mac] {
		return Pos{}, false
	}
	return f.match.hwAddr.pos, true
}

// LinkName returns [Link] Name=, false where nothing sets it. Whether udevd takes it as it
// stands is not looked at.
func (f *File) LinkName() (Setting, bool) {
	var s Setting
	for _, a := range f.Assignments {
		if a.Section == "Link" && a.Key == "Name" && a.Taken {
			s = Setting{a.Value, a.Pos}
		}
	}
	return s, s.Value != ""
}

// OnlyKind reports whether Kind= holds this kind and nothing else, and no other
// setting of [Match] that asks about a device narrows it down.
func (f *File) OnlyKind(kind string) bool {
	m := &f.match
	return only(m.kind, kind) && m.hwAddr == nil && m.permHWAddr == nil &&
		len(m.path)+len(m.driver)+len(m.iftype)+len(m.ifname)+len(m.property) == 0
}

func only(ps []pattern, text string) bool {
	return len(ps) == 1 && ps[0].literal() && ps[0].text == text
}
