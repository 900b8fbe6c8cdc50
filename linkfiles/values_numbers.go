package linkfiles

import (
	"errors"
	"math"
	"math/bits"
	"strings"
)

// errInvalid and errRange are EINVAL and ERANGE of systemd's number parsers:
// not a valid number, and one that is out of bounds.
var (
	errInvalid = errors.New("not a valid number")
	errRange   = errors.New("out of range")
)

// valueSpace is WHITESPACE of systemd's string-util.h; isspace(3), which
// strtoul(3) skips, has vertical tab and form feed besides.
const valueSpace = " \t\n\r"

// cNumber is what strtoull(3) makes of the start of a string.
type cNumber struct {
	magnitude uint64
	negative  bool
	overflow  bool   // errno is ERANGE
	rest      string // from the first character that is not part of the number
	found     bool   // false where there was no digit; rest is then the whole string
}

// unsigned is the value as strtoull(3) returns it: a minus sign wraps around.
func (n cNumber) unsigned() uint64 {
	if n.negative {
		return -n.magnitude
	}
	return n.magnitude
}

// scanNumber reads a number as strtoull(3) does in the C locale. Base 0 takes
// the base from the prefix. binary says that the C library takes 0b as a
// prefix (C23), for the bases 0 and 2.
func scanNumber(s string, base uint64, binary bool) cNumber {
	p := strings.TrimLeft(s, " \t\n\v\f\r")
	n := cNumber{rest: s}
	if p != "" && (p[0] == '-' || p[0] == '+') {
		n.negative = p[0] == '-'
		p = p[1:]
	}
	base, p = numberBase(p, base, binary)
	for p != "" && digit(p[0]) < base {
		hi, lo := bits.Mul64(n.magnitude, base)
		lo, carry := bits.Add64(lo, digit(p[0]), 0)
		n.overflow = n.overflow || hi != 0 || carry != 0
		n.magnitude = lo
		n.found = true
		p = p[1:]
	}
	if n.found {
		n.rest = p
	}
	return n
}

// numberBase is the base of a number by its prefix, and the number without it.
func numberBase(p string, base uint64, binary bool) (uint64, string) {
	prefixed := func(x byte, base uint64) bool {
		return len(p) > 2 && p[0] == '0' && p[1]|0x20 == x && digit(p[2]) < base
	}
	switch {
	case base == 0 && prefixed('x', 16):
		return 16, p[2:]
	case (base == 0 || base == 2) && binary && prefixed('b', 2):
		return 2, p[2:]
	case base == 0 && strings.HasPrefix(p, "0"):
		return 8, p
	case base == 0:
		return 10, p
	}
	return base, p
}

// digit returns the value of an ASCII digit or letter as a digit, 255 for
// everything else.
func digit(c byte) uint64 {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return uint64(c|0x20-'a') + 10
	}
	return 255
}

// splitBase does what mangle_base() of parse-util.c does: Python's prefixes
// for binary and octal numbers choose the base.
func splitBase(rel Release, s string) (rest string, base uint64) {
	if numbersMayBeBinary.has(rel) && len(s) >= 2 && s[0] == '0' {
		switch s[1] {
		case 'b', 'B':
			return s[2:], 2
		case 'o', 'O':
			return s[2:], 8
		}
	}
	return s, 0
}

// parseUnsigned reads a 32-bit number as safe_atou() and safe_atou32() do.
func parseUnsigned(rel Release, s string) (uint32, error) {
	s = strings.TrimLeft(s, valueSpace)
	s, base := splitBase(rel, s)
	n := scanNumber(s, base, strtoulMayBeBinary.has(rel))
	switch {
	case n.overflow:
		return 0, errRange
	case !n.found || n.rest != "":
		return 0, errInvalid
	case strings.HasPrefix(s, "-") && (n.magnitude != 0 || !numbersMayBeBinary.has(rel)):
		return 0, errRange
	case n.unsigned() > math.MaxUint32:
		return 0, errRange
	}
	return uint32(n.unsigned()), nil
}

// isInterfaceIndex reports whether s reads as an interface index for parse_ifindex(): a
// positive number that fits an int.
func isInterfaceIndex(rel Release, s string) bool {
	s = strings.TrimLeft(s, valueSpace)
	s, base := splitBase(rel, s)
	n := scanNumber(s, base, strtoulMayBeBinary.has(rel))
	return n.found && n.rest == "" && !n.overflow && !n.negative &&
		n.magnitude > 0 && n.magnitude <= math.MaxInt32
}

// parseBytes reads a size as parse_size() does: numbers with falling suffixes
// that are added up ("1K 1"), base is 1024 or 1000.
func parseBytes(s string, base uint64) (uint64, error) {
	const suffixes = "EPTGMKB"
	factor := func(i int) uint64 {
		f := uint64(1)
		for ; i < 6; i++ {
			f *= base
		}
		return f
	}
	var sum uint64
	start := 0
	for p := s; ; {
		p = strings.TrimLeft(p, valueSpace)
		n := scanNumber(p, 10, false)
		if n.overflow {
			return 0, errRange
		}
		if !n.found {
			return 0, errInvalid
		}
		if p[0] == '-' {
			return 0, errRange
		}
		whole := n.unsigned()
		frac, e, err := cutFraction(n.rest)
		if err != nil {
			return 0, err
		}
		e = strings.TrimLeft(e, valueSpace)
		// The last entry of systemd's table is the empty suffix, with which everything
		// starts.
		i := start
		for i < len(suffixes) && !(e != "" && e[0] == suffixes[i]) {
			i++
		}
		if i > len(suffixes) {
			return 0, errInvalid
		}
		f := factor(i)
		atLeast := whole
		if frac > 0 {
			atLeast++ // wraps around for the largest number, as it does there
		}
		if atLeast > math.MaxUint64/f {
			return 0, errRange
		}
		part := whole*f + uint64(frac*float64(f))
		if part > math.MaxUint64-sum {
			return 0, errRange
		}
		sum += part
		if i < len(suffixes) {
			e = e[1:]
		}
		p, start = e, i+1
		if p == "" {
			return sum, nil
		}
	}
}

// cutFraction removes a decimal fraction, ".5", if there is one.
func cutFraction(s string) (fraction float64, rest string, err error) {
	rest, ok := strings.CutPrefix(s, ".")
	if !ok || !isDigit(at(rest, 0)) {
		return 0, rest, nil
	}
	n := scanNumber(rest, 10, false)
	if n.overflow {
		return 0, "", errRange
	}
	fraction = float64(n.magnitude)
	for range len(rest) - len(n.rest) {
		fraction /= 10
	}
	return fraction, n.rest, nil
}

// usecInfinity is USEC_INFINITY, what "infinity" stands for.
const usecInfinity = uint64(math.MaxUint64)

// timeUnits are the units of systemd.time(7) in microseconds. The first match is used, so a
// longer spelling comes before a shorter one.
var timeUnits = []struct {
	suffix string
	usec   uint64
	known  span
}{
	{"seconds", 1e6, always},
	{"second", 1e6, always},
	{"sec", 1e6, always},
	{"s", 1e6, always},
	{"minutes", 60e6, always},
	{"minute", 60e6, always},
	{"min", 60e6, always},
	{"months", 2629800e6, always},
	{"month", 2629800e6, always},
	{"M", 2629800e6, always},
	{"msec", 1000, always},
	{"ms", 1000, always},
	{"m", 60e6, always},
	{"hours", 3600e6, always},
	{"hour", 3600e6, always},
	{"hr", 3600e6, always},
	{"h", 3600e6, always},
	{"days", 86400e6, always},
	{"day", 86400e6, always},
	{"d", 86400e6, always},
	{"weeks", 604800e6, always},
	{"week", 604800e6, always},
	{"w", 604800e6, always},
	{"years", 31557600e6, always},
	{"year", 31557600e6, always},
	{"y", 31557600e6, always},
	{"usec", 1, always},
	{"us", 1, always},
	{"\u03bcs", 1, greekMu},
	{"\u00b5s", 1, always},
}

// parseTime reads a time span into microseconds as parse_sec() does: a number
// without a unit is in seconds. It is parse_time() since 240; no key of an
// older release takes a time.
func parseTime(rel Release, s string) (uint64, error) {
	p := strings.TrimLeft(s, valueSpace)
	if rest, ok := strings.CutPrefix(p, "infinity"); ok {
		if strings.Trim(rest, valueSpace) != "" {
			return 0, errInvalid
		}
		return usecInfinity, nil
	}
	var sum uint64
	for something := false; ; something = true {
		p = strings.TrimLeft(p, valueSpace)
		if p == "" {
			if !something {
				return 0, errInvalid
			}
			return sum, nil
		}
		if p[0] == '-' {
			return 0, errRange
		}
		n := scanNumber(p, 10, false)
		if n.overflow || n.magnitude > math.MaxInt64 {
			return 0, errRange
		}
		if n.negative && n.magnitude != 0 {
			return 0, errRange
		}
		e := n.rest
		number := e
		var fraction string
		if strings.HasPrefix(e, ".") {
			number = strings.TrimLeft(e[1:], "0123456789")
			fraction = e[1 : len(e)-len(number)]
		} else if !n.found {
			return 0, errInvalid
		}
		unit, rest := cutUnit(rel, strings.TrimLeft(number, valueSpace))
		// Two numbers need a unit or a space between them.
		if rest == number && rest != "" {
			return 0, errInvalid
		}
		if n.magnitude >= usecInfinity/unit {
			return 0, errRange
		}
		k := n.magnitude * unit
		if k >= usecInfinity-sum {
			return 0, errRange
		}
		sum += k
		if strings.HasPrefix(e, ".") {
			var err error
			if sum, err = addFraction(sum, fraction, unit); err != nil {
				return 0, err
			}
		}
		p = rest
	}
}

// cutUnit removes a unit and returns its microseconds, a second if there is none.
func cutUnit(rel Release, s string) (usec uint64, rest string) {
	for _, u := range timeUnits {
		if rest, ok := strings.CutPrefix(s, u.suffix); ok && u.known.has(rel) {
			return u.usec, rest
		}
	}
	return 1e6, s
}

// addFraction adds the digits after a decimal point, in a unit.
func addFraction(sum uint64, digits string, unit uint64) (uint64, error) {
	if digits == "" {
		return 0, errInvalid
	}
	for i := range len(digits) {
		unit /= 10
		k := uint64(digits[i]-'0') * unit
		if k >= usecInfinity-sum {
			return 0, errRange
		}
		sum += k
	}
	return sum, nil
}

// parseCPURange reads "3" or "0-3" as parse_range() does.
func parseCPURange(rel Release, word string) (lower, upper uint32, err error) {
	first, rest, err := cutRange(word)
	if err != nil {
		return 0, 0, err
	}
	if lower, err = parseUnsigned(rel, first); err != nil {
		return 0, 0, err
	}
	if rest == nil {
		return lower, lower, nil
	}
	if *rest == "" {
		return 0, 0, errInvalid
	}
	upper, err = parseUnsigned(rel, *rest)
	return lower, upper, err
}

// cutRange cuts at the first dash without a backslash before it; rest is nil if there is
// none.
func cutRange(word string) (first string, rest *string, err error) {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		switch word[i] {
		case '\\':
			if i++; i == len(word) {
				return "", nil, errInvalid
			}
			b.WriteByte(word[i])
		case '-':
			after := word[i+1:]
			return b.String(), &after, nil
		default:
			b.WriteByte(word[i])
		}
	}
	return b.String(), nil, nil
}
