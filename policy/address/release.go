package address

import "linkaudit/linkfiles"

// The releases of systemd since which udevd handles addresses differently; no other place of
// this package compares releases.
const (
	// hashesInterfaceName: a device without an ID_NET_NAME_* property is hashed by its
	// interface name (net_get_unique_predictable_data).
	hashesInterfaceName linkfiles.Release = 242
	// randomKeepsSet: MACAddressPolicy=random replaces a permanent address only; before,
	// one of any addr_assign_type but random (mac_is_random).
	randomKeepsSet linkfiles.Release = 242
	// schemeDecides: the interface name is hashed only if the naming scheme allows it
	// (get_mac; the scheme v241 came with the flag for it).
	schemeDecides linkfiles.Release = 243
	// skipsLoopback: the loopback device gets no .link file (link_config_get).
	skipsLoopback linkfiles.Release = 249
	// knowsInfiniBand: only Ethernet and InfiniBand devices get a derived address, of their
	// own length (link_generate_new_hw_addr); before, udevd sends six bytes to any device.
	knowsInfiniBand linkfiles.Release = 250
)
