package address

import (
	"net"
	"strconv"
	"strings"
)

func format(b []byte) string { return net.HardwareAddr(b).String() }

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
