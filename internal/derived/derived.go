// Package derived has the addresses that systemd derives from a machine-id and a name
// (net_get_unique_predictable_data_from_name() of src/shared/netif-util.c). Which
// devices get one, of which name and in which release is no matter of this package.
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

// sum is SipHash-2-4 of the machine-id and a name, little-endian.
func sum(key hashKey, id [16]byte, name string) [8]byte {
	// A name of up to 127 bytes, the longest there is, needs no allocation.
	data := append(make([]byte, 0, len(id)+127), id[:]...)
	data = append(data, name...)
	var sum [8]byte
	binary.LittleEndian.PutUint64(sum[:], siphash.Hash(key.k0, key.k1, data))
	return sum
}

// appendEthernet makes six derived bytes a locally administered unicast address.
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

// Persistent are the eight bytes that MACAddressPolicy=persistent derives. The name is
// hashed as sd-device has it, in every release; no ID_NET_NAME_* property has a "!".
func Persistent(id [16]byte, name string) [8]byte {
	return sum(udevKey, id, linkfiles.SysName(name))
}

// AppendPersistent appends the Ethernet address that MACAddressPolicy=persistent derives.
func AppendPersistent(dst []byte, id [16]byte, name string) []byte {
	return appendEthernet(dst, Persistent(id, name))
}

// AppendNetworkd appends the Ethernet address that systemd-networkd gives to a device
// which it creates from a .netdev file without MACAddress= (netdev_generate_hw_addr()).
func AppendNetworkd(dst []byte, id [16]byte, name string) []byte {
	return appendEthernet(dst, sum(networkdKey, id, name))
}

// Possible reports whether systemd may have derived the address: every one that it
// derives for an Ethernet device is a locally administered unicast one.
func Possible(mac linkfiles.MAC) bool {
	b := mac.Octets()
	return len(b) == 6 && b[0]&0x03 == 0x02
}

// OfOtherName reports whether udevd or systemd-networkd may have derived the address
// from another name than the device has now. Where the machine-id is not known, nothing
// can be compared and the answer is false.
func OfOtherName(id fact.Fact[[16]byte], name string, mac linkfiles.MAC) bool {
	machine, ok := id.Get()
	return ok && Possible(mac) &&
		string(mac) != string(AppendPersistent(nil, machine, name)) && string(mac) != string(AppendNetworkd(nil, machine, name))
}
