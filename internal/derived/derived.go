// Package derived has the addresses that systemd derives from a machine ID and a name
// (net_get_unique_predictable_data_from_name() of src/shared/netif-util.c). It does not
// decide which devices get one, from which name and in which release.
package derived

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/dchest/siphash"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// The hash keys in systemd's source: HASH_KEY of src/shared/netif-util.c for
// MACAddressPolicy=persistent, HASH_KEY of src/network/netdev/netdev.c for the
// devices that systemd-networkd creates.
var (
	udevKey     = newHashKey("d31e48fa90fe4b4c9dafd5d7a1b12e8a")
	networkdKey = newHashKey("52e145bd006f299621c6306d83710448")
)

// hashKey is SipHash's, as two little-endian numbers.
type hashKey struct{ k0, k1 uint64 }

func newHashKey(s string) hashKey {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		panic("not a key of SipHash: " + s)
	}
	return hashKey{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

// sum is SipHash-2-4 of the machine ID and a name, little-endian.
func sum(key hashKey, id [16]byte, name string) [8]byte {
	// A name of up to 127 bytes, the longest there is, needs no allocation.
	data := append(make([]byte, 0, len(id)+127), id[:]...)
	data = append(data, name...)
	var sum [8]byte
	binary.LittleEndian.PutUint64(sum[:], siphash.Hash(key.k0, key.k1, data))
	return sum
}

// appendEthernet turns six derived bytes into a locally administered unicast address.
func appendEthernet(dst []byte, sum [8]byte) []byte {
	sum[0] = sum[0]&^0x01 | 0x02
	const digits = "0123456789abcdef"
	for i, c := range sum[:6] {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

// Persistent are the eight bytes that MACAddressPolicy=persistent derives. Every release
// hashes the name as sd-device has it; no ID_NET_NAME_* property has a "!".
func Persistent(id [16]byte, name string) [8]byte {
	return sum(udevKey, id, linkfiles.SysName(name))
}

// AppendPersistent appends the Ethernet address that MACAddressPolicy=persistent derives.
func AppendPersistent(dst []byte, id [16]byte, name string) []byte {
	return appendEthernet(dst, Persistent(id, name))
}

// AppendNetworkd appends the Ethernet address that systemd-networkd derives for a device
// that it creates from a .netdev file without MACAddress= (netdev_generate_hw_addr()).
func AppendNetworkd(dst []byte, id [16]byte, name string) []byte {
	return appendEthernet(dst, sum(networkdKey, id, name))
}

// Possible reports whether systemd may have derived the address: all addresses that it
// derives for Ethernet devices are locally administered and unicast.
func Possible(mac linkfiles.MAC) bool {
	b := mac.Octets()
	return len(b) == 6 && b[0]&0x03 == 0x02
}

// OfOtherName reports whether udevd or systemd-networkd may have derived the address from
// another name than the present one of the device. It is false if the machine ID is
// unknown, because then there is nothing to compare.
func OfOtherName(id fact.Fact[[16]byte], name string, mac linkfiles.MAC) bool {
	machine, ok := id.Get()
	return ok && Possible(mac) &&
		string(mac) != string(AppendPersistent(nil, machine, name)) && string(mac) != string(AppendNetworkd(nil, machine, name))
}
