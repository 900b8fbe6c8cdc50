package address

import (
	"strconv"
	"strings"
)

func format(b []byte) string {
	return string(appendOctets(make([]byte, 0, 3*len(b)), b))
}

func appendOctets(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for i, c := range b {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

func parse(s string) ([]byte, bool) {
	if s == "" {
		return nil, false
	}
	parts := strings.Split(s, ":")
	b := make([]byte, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 16, 8)
		if err != nil || len(p) != 2 {
			return nil, false
		}
		b[i] = byte(n)
	}
	return b, true
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
