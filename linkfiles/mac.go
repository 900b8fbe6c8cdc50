package linkfiles

// MAC is a hardware address of any length in the form of the kernel's tools and systemd,
// "00:11:22:33:44:55": octets of two lower-case hexadecimal digits with colons between them.
// "" is none. Equal texts are the same address.
//
// Files of other programs write addresses in other forms; the reader of each makes a MAC from
// them: this package reads those of systemd, and netconf the others.
type MAC string

// MACOf returns the address with these octets.
func MACOf(octets []byte) MAC {
	if len(octets) == 0 {
		return ""
	}
	const digits = "0123456789abcdef"
	var enough [3 * 32]byte // MAX_ADDR_LEN of include/linux/netdevice.h
	text := enough[:0]
	for _, o := range octets {
		text = append(text, digits[o>>4], digits[o&0xf], ':')
	}
	return MAC(text[:len(text)-1])
}

// ParseMAC reads an address in the form of a MAC, and no other form.
func ParseMAC(text string) (MAC, bool) {
	m := MAC(text)
	return m, m.Octets() != nil
}

// Octets are the bytes of the address, nil for none and for another form.
func (m MAC) Octets() []byte {
	if len(m)%3 != 2 {
		return nil
	}
	octets := make([]byte, 0, len(m)/3+1)
	for i := 0; i < len(m); i += 3 {
		high, low := lowerDigit(m[i]), lowerDigit(m[i+1])
		if high > 15 || low > 15 || i+2 < len(m) && m[i+2] != ':' {
			return nil
		}
		octets = append(octets, high<<4|low)
	}
	return octets
}

// lowerDigit is the value of a hexadecimal digit in lower case, 16 for anything else.
func lowerDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}

// String is the address as it is shown.
func (m MAC) String() string { return string(m) }
