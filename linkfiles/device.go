package linkfiles

import (
	"strings"
	"unicode/utf8"
)

// The conditions of a device in [Match], as net_match_config() of net-condition.c tests them,
// and what each release compares.

// testDevice tests the part of [Match] that is about a device.
func (m *matchSection) testDevice(q *quirks, d *Device) mismatch {
	var first mismatch
	for i := range m.device {
		c := &m.device[i]
		if first.and(c.testDevice(q, d)) {
			break
		}
	}
	return first
}

// deviceTest names the test of a device. A table with the functions themselves would be
// shorter, but would put every device on the heap.
type deviceTest uint8

const (
	_ deviceTest = iota
	asksAddress
	asksPermanent
	asksPath
	asksDriver
	asksType
	asksKind
	asksName
	asksWireless
	asksProperties
)

func (c *condition) testDevice(q *quirks, d *Device) mismatch {
	switch c.row.device {
	case asksAddress:
		return testCurrent(q, c, d)
	case asksPermanent:
		return testPermanent(q, c, d)
	case asksPath:
		return testPatterns(q, c, d.Path)
	case asksDriver:
		return testDriver(q, c, d)
	case asksType:
		return testType(q, c, d)
	case asksKind:
		return testPatterns(q, c, d.Kind)
	case asksName:
		return testName(q, c, d)
	case asksWireless:
		return testWireless(c)
	case asksProperties:
		return testProperties(q, c, d)
	}
	panic("linkfiles: no test for [Match] " + c.row.key) // TestRowsOfMatchAreComplete
}

func testCurrent(q *quirks, c *condition, d *Device) mismatch {
	current := d.current(q)
	if q.macAbsentMatches && current.IsAbsent() {
		return mismatch{}
	}
	return testAddress(c, current)
}

func testPermanent(q *quirks, c *condition, d *Device) mismatch {
	if d.PermMAC.IsUnknown() {
		return testAll(d.PermMACs, d.PermMAC, func(mac Fact[MAC]) mismatch {
			it := Device{Name: d.Name, PermMAC: mac}
			return testAddress(c, it.permanent(q))
		})
	}
	return testAddress(c, d.permanent(q))
}

// testType needs the ARPHRD name only for releases that fall back on it.
func testType(q *quirks, c *condition, d *Device) mismatch {
	t := d.Type
	if d.TypeFromARPHRD && !q.typeFromARPHRD {
		t = Absent[string]()
	}
	return testPatterns(q, c, t)
}

func testDriver(q *quirks, c *condition, d *Device) mismatch {
	driver := d.driverFor(q)
	if driver.IsUnknown() {
		return testAll(d.Drivers, driver, func(driver Fact[string]) mismatch { return testPatterns(q, c, driver) })
	}
	return testPatterns(q, c, driver)
}

// driverFor is the driver as the release sees it: as it is recorded, or from ethtool.
func (d *Device) driverFor(q *quirks) Fact[string] {
	if q.driverRecorded && d.Properties != nil && !d.DriverUnrecorded {
		if recorded := d.Properties("ID_NET_DRIVER"); recorded.IsKnown() {
			return recorded
		}
	}
	switch {
	case d.notFoundByName(q) && (!q.driverProperty || d.DriverUnrecorded):
		return Absent[string]()
	case q.driverProperty && d.Properties != nil:
		return d.Properties("ID_NET_DRIVER")
	}
	return d.Driver
}

// testName is net_condition_test_ifname() of net-condition.c.
func testName(q *quirks, c *condition, d *Device) mismatch {
	m := testPatterns(q, c, Known(d.name(q)))
	if m.result != ConditionNotMet || !q.altNames {
		return m
	}
	for _, name := range d.AltNames {
		if testPatterns(q, c, Known(name)).result == ConditionMet {
			return mismatch{}
		}
	}
	return m
}

// testWireless cannot tell: what network a device is in changes while it runs.
func testWireless(c *condition) mismatch {
	return mismatch{result: ConditionUndecided, why: notLookedAt, row: c.row, wanted: c.wants, pos: c.wants[0].pos}
}

// testProperties is net_condition_test_property() of net-condition.c.
func testProperties(q *quirks, c *condition, d *Device) mismatch {
	var first mismatch
	for i := range c.wants {
		if first.and(testProperty(q, c, i, d)) {
			break
		}
	}
	return first
}

// testProperty tests one property of the condition.
func testProperty(q *quirks, c *condition, i int, d *Device) mismatch {
	p := &c.wants[i]
	m := mismatch{result: ConditionUndecided, why: valueUnknown, row: c.row, wanted: c.wants[i : i+1], pos: p.pos}
	if d.Properties == nil {
		return m
	}
	key, pattern, _ := strings.Cut(p.text, "=")
	value := d.Properties(key)
	if value.IsUnknown() {
		m.because = value.Reason()
		return m
	}
	text, has := value.Get()
	has = has && (!q.cleanText || CleanText(text))
	fits := has && glob{unclosedFails: q.globUnclosedFails}.match(pattern, text)
	if fits != p.invert {
		return mismatch{}
	}
	m.result, m.why = ConditionNotMet, lacks
	if has {
		m.why, m.actual = differs, actual{value: text}
	}
	return m
}

// testAll has an answer if all possible values of a fact get the same one.
func testAll[T ~string](values []T, unknown Fact[T], test func(Fact[T]) mismatch) (all mismatch) {
	if len(values) == 0 {
		return test(unknown)
	}
	for i, value := range values {
		fact := Known(value)
		if value == "" {
			fact = Absent[T]()
		}
		m := test(fact)
		if i > 0 && m.result != all.result {
			return test(unknown)
		}
		all = m
	}
	return all
}

func testAddress(c *condition, has Fact[MAC]) mismatch {
	addr, ok := has.Get()
	switch {
	case has.IsUnknown():
		return c.undecided(c.pos(), valueUnknown, has.Reason())
	case !ok:
		return c.mismatch(c.pos(), lacks, actual{})
	case !c.addrs[addr]:
		return c.mismatch(c.pos(), differs, actual{value: string(addr)})
	}
	return mismatch{}
}

// testPatterns is net_condition_test_strv() of net-condition.c.
func testPatterns(q *quirks, c *condition, device Fact[string]) mismatch {
	if device.IsUnknown() {
		return c.undecided(c.pos(), valueUnknown, device.Reason())
	}
	value, has := device.Get()
	fits, at := true, len(c.wants)-1
	if q.simpleInvert {
		fits = fitsList(q, c.wants, value, has)
	} else {
		fits, at = fitsEach(q, c.wants, value, has)
	}
	switch {
	case fits:
		return mismatch{}
	case !has:
		return c.mismatch(c.wants[at].pos, lacks, actual{})
	}
	return c.mismatch(c.wants[at].pos, differs, actual{value: value})
}

// fitsList tests a list that one "!" at the start of its first pattern inverts as a whole.
func fitsList(q *quirks, patterns []pattern, value string, has bool) bool {
	g := glob{unclosedFails: q.globUnclosedFails}
	first, invert := strings.CutPrefix(patterns[0].text, "!")
	fits := false
	for i, p := range patterns {
		text := p.text
		if i == 0 {
			text = first
		}
		fits = fits || has && g.match(text, value)
	}
	return fits != invert
}

// fitsEach tests a list of patterns that are inverted separately: none of the inverted ones
// may match, and one of the others must, if there are any. at is the pattern that decided.
func fitsEach(q *quirks, patterns []pattern, value string, has bool) (ok bool, at int) {
	g := glob{unclosedFails: q.globUnclosedFails}
	positive, fits := false, false
	for i := range patterns {
		p := &patterns[i]
		positive = positive || !p.invert
		if !has || !g.match(p.text, value) {
			continue
		}
		if p.invert {
			return false, i
		}
		fits = true
	}
	return fits || !positive, len(patterns) - 1
}

// name is the device's name as the release sees it.
func (d *Device) name(q *quirks) string {
	if q.sysName {
		return SysName(d.Name)
	}
	return d.Name
}

// SysName is what sd_device_get_sysname(3) makes of the name of a device: sysfs directories
// have "!" instead of "/", so it turns each "!" into one.
func SysName(name string) string { return strings.ReplaceAll(name, "!", "/") }

// CleanText is property_is_valid() of sd-device.c (260 and newer): UTF-8 without
// noncharacters (unichar_is_valid()) and without control characters.
func CleanText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe
	})
}

// notFoundByName reports whether the release asks the ethtool interface for a name that no
// device has.
func (d *Device) notFoundByName(q *quirks) bool { return d.name(q) != d.Name }

// permanent is the permanent address as the release understands all zeros.
func (d *Device) permanent(q *quirks) Fact[MAC] {
	perm := d.PermMAC
	mac, hasMAC := d.MAC.Get()
	zero := perm.IsKnown() && null(perm)
	switch {
	case d.notFoundByName(q):
		// Since 250 the kernel itself sends the address of a device that
		// has one; before, and for the others, ETHTOOL_GPERMADDR is asked.
		if !q.nullPermanent || zero {
			return Absent[MAC]()
		}
	case !q.nullPermanent && zero:
		return Absent[MAC]()
	case q.nullPermanent && perm.IsAbsent() && hasMAC:
		return Known(MACOf(make([]byte, (len(mac)+1)/3)))
	}
	return perm
}

// current is the address as the release reads it.
func (d *Device) current(q *quirks) Fact[MAC] {
	if mac, ok := d.MAC.Get(); ok && q.macFirstSix {
		return firstSix(mac)
	}
	return d.MAC
}

// firstSix is what ether_aton(3) makes of an address in the form of sysfs.
func firstSix(mac MAC) Fact[MAC] {
	const length = len("00:00:00:00:00:00")
	if len(mac) < length {
		return Absent[MAC]()
	}
	return Known(mac[:length])
}

// null reports whether an address is all zeros, or none.
func null(mac Fact[MAC]) bool { return strings.Trim(string(mac.Or("")), "0:") == "" }
