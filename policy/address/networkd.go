package address

import (
	"linkaudit/internal/derived"
	"linkaudit/linkfiles"
)

// Networkd returns the address that systemd-networkd derives for an Ethernet device that it
// creates from a .netdev file without MACAddress= (netdev_generate_hw_addr).
func Networkd(id [16]byte, name string) linkfiles.MAC {
	return linkfiles.MAC(derived.AppendNetworkd(nil, id, name))
}
