package linkfiles

import (
	"net/netip"
	"slices"
	"strings"
)

// anyHardwareLength makes parseHardwareBytes accept any length that an address of a link may
// have.
const anyHardwareLength = 0

func parseHardwareAddress(rel Release, key, value string) parsed {
	if value == "" && emptyResetsMACAddress.has(rel) {
		return reset
	}
	b, ok := parseAddress(rel, value)
	if !ok {
		return ignored(warnsInNetworkInternal.warning(rel), "%s= takes a hardware address, not %.80q", key, value)
	}
	return taken(string(MACOf(b)))
}

// parseAddress reads a hardware address as the release does, in [Match] and in
// [Link] alike.
func parseAddress(rel Release, s string) ([]byte, bool) {
	if macAddressOfAnyLength.has(rel) {
		return parseHardwareBytes(s, anyHardwareLength)
	}
	return parseEthernetAddress(s)
}

// separator returns the character after the leading hexadecimal digits and the number of
// bytes in a field that it ends, 0 if it ends none.
func separator(s string) (sep byte, size int) {
	rest := strings.TrimLeft(s, "0123456789abcdefABCDEF")
	if rest == "" {
		return 0, 0
	}
	switch rest[0] {
	case '.':
		return '.', 2
	case ':', '-':
		return rest[0], 1
	}
	return 0, 0
}

// field reads the hexadecimal digits of one field of size bytes. Leading
// zeros may be missing, but not all digits.
func field(s string, size int) (b []byte, rest string, ok bool) {
	n := 0
	var v uint16
	for n < len(s) && n < 2*size && digit(s[n]) < 16 {
		v = v<<4 | uint16(digit(s[n]))
		n++
	}
	if size == 2 {
		b = append(b, byte(v>>8))
	}
	return append(b, byte(v)), s[n:], n > 0
}

// parseEthernetAddress reads six bytes as ether_addr_from_string() did up to
// release 249: fields of one byte with colons or dashes, or of two with dots.
func parseEthernetAddress(s string) ([]byte, bool) {
	b, ok := parseFields(strings.TrimLeft(s, valueSpace), 6)
	return b, ok && len(b) == 6
}

// parseFields reads at most limit bytes in fields with one kind of separator
// between them.
func parseFields(s string, limit int) ([]byte, bool) {
	sep, size := separator(s)
	if size == 0 {
		return nil, false
	}
	var address []byte
	for len(address) < limit {
		b, rest, ok := field(s, size)
		if !ok {
			return nil, false
		}
		address = append(address, b...)
		if rest == "" {
			return address, true
		}
		if rest[0] != sep {
			return nil, false
		}
		s = rest[1:]
	}
	return nil, false
}

// parseHardwareBytes reads an address of the given length like parse_hw_addr_full() of
// ether-addr-util.c since release 250. With anyHardwareLength the address may have 4, 6, 16
// or 20 bytes, and may be in the notation of IPv4 or IPv6, as for tunnels.
func parseHardwareBytes(s string, length int) ([]byte, bool) {
	limit := length
	if length == anyHardwareLength {
		limit = 20
		if b, ok := parseIP(s); ok {
			return b, true
		}
	}
	b, ok := parseFields(s, limit)
	if length == anyHardwareLength {
		return b, ok && slices.Contains([]int{4, 6, 16, 20}, len(b))
	}
	return b, ok && len(b) == length
}

// parseIP reads an address like inet_pton(3), without a zone.
func parseIP(s string) ([]byte, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return nil, false
	}
	return a.AsSlice(), true
}
