package address

import "linkaudit/internal/derived"

// Networkd returns the address that systemd-networkd gives to an Ethernet device that it
// creates from a .netdev file without MACAddress= (netdev_generate_hw_addr).
func Networkd(id [16]byte, name string) string { return string(AppendNetworkd(nil, id, name)) }

// AppendNetworkd appends what Networkd returns.
func AppendNetworkd(dst []byte, id [16]byte, name string) []byte {
	return derived.AppendNetworkd(dst, id, name)
}

// AppendPersistent appends the address that MACAddressPolicy=persistent derives for an
// Ethernet device, name being an ID_NET_NAME_* property or, where HashesInterfaceName
// allows it, the interface name.
func AppendPersistent(dst []byte, id [16]byte, name string) []byte {
	return derived.AppendPersistent(dst, id, name)
}

// LooksDerived reports whether an address may be one that systemd derived for an Ethernet
// device: a locally administered unicast one.
func LooksDerived(mac string) bool { return derived.Possible(mac) }
