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

// verscmpUAPI compares versions as the UAPI group's version format
// specification says, which systemd does since 248 (strverscmp_improved).
// zeroIsNothing is its way before 252: the leading zeros of a number are left
// out before it is asked whether there is a number at all.
func verscmpUAPI(a, b string, zeroIsNothing bool) int {
	valid := func(c byte) bool { return isDigit(c) || isAlpha(c) || strings.IndexByte("~-^.", c) >= 0 }
	i, j := 0, 0
	for {
		for i < len(a) && !valid(a[i]) {
			i++
		}
		for j < len(b) && !valid(b[j]) {
			j++
		}
		// "~" makes a pre-release: it is older than anything, the end too.
		if at(a, i) == '~' || at(b, j) == '~' {
			if k := sign(at(a, i) == '~' && at(b, j) != '~', at(a, i) != '~' && at(b, j) == '~'); k != 0 {
				return k
			}
			i++
			j++
		}
		if i >= len(a) || j >= len(b) {
			return sign(at(a, i) < at(b, j), at(a, i) > at(b, j))
		}
		// A separator is older than what else can stand there: first "-",
		// then "^", then ".".
		for _, sep := range []byte{'-', '^', '.'} {
			if at(a, i) == sep || at(b, j) == sep {
				if k := sign(at(a, i) == sep && at(b, j) != sep, at(a, i) != sep && at(b, j) == sep); k != 0 {
					return k
				}
				i++
				j++
			}
		}
		if isDigit(at(a, i)) || isDigit(at(b, j)) {
			m, n := i, j
			for isDigit(at(a, m)) {
				m++
			}
			for isDigit(at(b, n)) {
				n++
			}
			if k := sign(m == i && n != j, m != i && n == j); k != 0 && !zeroIsNothing {
				return k
			}
			for i < m && a[i] == '0' {
				i++
			}
			for j < n && b[j] == '0' {
				j++
			}
			if k := sign(m-i < n-j, m-i > n-j); k != 0 {
				return k
			}
			if k := strings.Compare(a[i:m], b[j:n]); k != 0 {
				return k
			}
			i, j = m, n
			continue
		}
		m, n := i, j
		for isAlpha(at(a, m)) {
			m++
		}
		for isAlpha(at(b, n)) {
			n++
		}
		if k := strings.Compare(a[i:m], b[j:n]); k != 0 {
			return k
		}
		i, j = m, n
	}
}

// verscmp compares versions the way rpm and dpkg inspired systemd to do until
// 247 (str_verscmp).
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
