package linkfiles

import "strings"

func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func sign(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}

// verscmpUAPI compares versions as the UAPI group's version format specification says, like
// systemd since 248 (strverscmp_improved). zeroIsNothing is for before 252: leading zeros of a
// number are removed before checking whether there is a number.
func verscmpUAPI(a, b string, zeroIsNothing bool) int {
	for {
		a, b = strings.TrimLeftFunc(a, isNoPart), strings.TrimLeftFunc(b, isNoPart)
		// "~" makes a pre-release: it is older than anything, even the end.
		if k := skipBoth(&a, &b, '~'); k != 0 {
			return k
		}
		if a == "" || b == "" {
			return sign(at(a, 0) < at(b, 0), at(a, 0) > at(b, 0))
		}
		// A separator is older than anything else there: first "-", then "^", then ".".
		for _, sep := range []byte{'-', '^', '.'} {
			if k := skipBoth(&a, &b, sep); k != 0 {
				return k
			}
		}
		compare, of := strings.Compare, isAlpha
		if isDigit(at(a, 0)) || isDigit(at(b, 0)) {
			compare, of = compareNumbers, isDigit
			if zeroIsNothing {
				compare = compareSizes
			}
		}
		var x, y string
		x, a = leading(a, of)
		y, b = leading(b, of)
		if k := compare(x, y); k != 0 {
			return k
		}
	}
}

// isNoPart reports whether comparing versions ignores the character.
func isNoPart(c rune) bool {
	return c >= 0x80 || !isAlnum(byte(c)) && !strings.ContainsRune("~-^.", c)
}

// skipBoth removes the character from both; if only one begins with it, that is older.
func skipBoth(a, b *string, c byte) int {
	x, y := at(*a, 0) == c, at(*b, 0) == c
	if x && y {
		*a, *b = (*a)[1:], (*b)[1:]
	}
	return sign(x && !y, !x && y)
}

// leading splits off the characters of a class at the start.
func leading(s string, of func(byte) bool) (head, rest string) {
	n := 0
	for n < len(s) && of(s[n]) {
		n++
	}
	return s[:n], s[n:]
}

// compareNumbers compares numbers of any length; no number is less than any.
func compareNumbers(a, b string) int {
	if k := sign(a == "" && b != "", a != "" && b == ""); k != 0 {
		return k
	}
	return compareSizes(a, b)
}

// compareSizes is the same where no number is 0.
func compareSizes(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if k := sign(len(a) < len(b), len(a) > len(b)); k != 0 {
		return k
	}
	return strings.Compare(a, b)
}

// verscmp compares versions like systemd until 247, inspired by rpm and dpkg (str_verscmp).
func verscmp(a, b string) int {
	// Digits and the end come first, then lower-case letters, then the rest
	// (c_order); char is signed.
	order := func(c byte) int {
		switch {
		case c == 0 || isDigit(c):
			return 0
		case c >= 'a' && c <= 'z':
			return int(c)
		}
		return int(int8(c)) + 0x10000
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		for i < len(a) && !isDigit(a[i]) || j < len(b) && !isDigit(b[j]) {
			if k := order(at(a, i)) - order(at(b, j)); k != 0 {
				return k
			}
			i++
			j++
		}
		for at(a, i) == '0' {
			i++
		}
		for at(b, j) == '0' {
			j++
		}
		first := 0
		for isDigit(at(a, i)) && isDigit(at(b, j)) {
			if first == 0 {
				first = int(a[i]) - int(b[j])
			}
			i++
			j++
		}
		if isDigit(at(a, i)) {
			return 1
		}
		if isDigit(at(b, j)) {
			return -1
		}
		if first != 0 {
			return first
		}
	}
	return strings.Compare(a, b)
}
