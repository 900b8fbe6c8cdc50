//go:build bench

package bench

import (
	"fmt"
	"strings"
)

// linkFile is the i-th of many .link files as a site's configuration management writes
// them, one for each network card: by address, by path or by the kernel's name. None of
// them matches a bridge.
func linkFile(i int) (name, content string) {
	name = fmt.Sprintf("10-nic%04d.link", i)
	var match string
	switch i % 3 {
	case 0:
		match = fmt.Sprintf("MACAddress=02:00:00:%02x:%02x:%02x", i>>16&255, i>>8&255, i&255)
	case 1:
		match = fmt.Sprintf("Path=pci-0000:%02x:%02x.%d*", i>>8&255, i>>3&31, i&7)
	default:
		match = fmt.Sprintf("OriginalName=eth%d", i)
	}
	return name, fmt.Sprintf("# Written by configuration management; do not edit.\n[Match]\n%s\n\n[Link]\nDescription=port %d\nName=nic%d\nMACAddressPolicy=none\nMTUBytes=9000\nWakeOnLan=off\n", match, i, i)
}

// dropIn is that of the i-th file.
func dropIn(i int) (name, content string) {
	return "10-site.conf", fmt.Sprintf("# Written by configuration management; do not edit.\n[Link]\nDescription=port %d of the site\nRxBufferSize=1024\n", i)
}

// defaultLink is systemd's 99-default.link.
var defaultLink = strings.Join([]string{
	"[Match]", "OriginalName=*", "", "[Link]",
	"NamePolicy=keep kernel database onboard slot path",
	"AlternativeNamesPolicy=database onboard slot path",
	"MACAddressPolicy=persistent", "",
}, "\n")
