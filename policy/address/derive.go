package address

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

// hashed is the name of a device as udevd hashes it: that of sd-device, in every
// release (net_get_unique_predictable_data). No ID_NET_NAME_* property has a "!".
func hashed(name string) string { return linkfiles.SysName(name) }

// derive is systemd's address derivation: SipHash-2-4 of the machine-id and a
// name, little-endian (net_get_unique_predictable_data_from_name).
func derive(key hashKey, id [16]byte, name string) [8]byte {
	// A name of up to 127 bytes, the longest there is, needs no allocation.
	data := append(make([]byte, 0, len(id)+127), id[:]...)
	data = append(data, name...)
	var sum [8]byte
	binary.LittleEndian.PutUint64(sum[:], siphash.Hash(key.k0, key.k1, data))
	return sum
}

// appendEthernet makes six derived bytes a locally administered unicast
// address.
func appendEthernet(dst []byte, sum [8]byte) []byte {
	sum[0] = sum[0]&^0x01 | 0x02
	return appendOctets(dst, sum[:6])
}

// Networkd returns the address that systemd-networkd gives to an Ethernet device that it
// creates from a .netdev file without MACAddress= (netdev_generate_hw_addr).
func Networkd(id [16]byte, name string) string { return string(AppendNetworkd(nil, id, name)) }

// AppendNetworkd appends what Networkd returns.
func AppendNetworkd(dst []byte, id [16]byte, name string) []byte {
	return appendEthernet(dst, derive(networkdKey, id, name))
}

// AppendPersistent appends the address that MACAddressPolicy=persistent derives for an
// Ethernet device, name being an ID_NET_NAME_* property or, where HashesInterfaceName
// allows it, the interface name.
func AppendPersistent(dst []byte, id [16]byte, name string) []byte {
	return appendEthernet(dst, derive(udevKey, id, hashed(name)))
}

// NameMatters reports whether an address that was set may be one that udevd or
// systemd-networkd derived from another name than the device has now. Then
// only name_assign_type tells whether it ever had one.
func NameMatters(id fact.Fact[[16]byte], name, mac string) bool {
	machine, ok := id.Get()
	return ok && LooksDerived(mac) && mac != string(AppendPersistent(nil, machine, name)) && mac != Networkd(machine, name)
}

// LooksDerived reports whether an address may be one that systemd derived for an Ethernet
// device: a locally administered unicast one.
func LooksDerived(mac string) bool {
	b, ok := parse(mac)
	return ok && len(b) == 6 && b[0]&0x03 == 0x02
}
