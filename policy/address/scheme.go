package address

import (
	"strconv"
	"strings"
)

// hasStableVirtualMACs reports whether the naming scheme has the flag
// NAMING_STABLE_VIRTUAL_MACS: MACAddressPolicy=persistent then derives an address from the
// interface name if the device has no other stable name. ok is false for an unknown scheme,
// and for "latest".
//
// Upstream has the flag in v241 and everything newer (netif-naming-scheme.h).
// RHEL's rhel-8.N are built on v239, rhel-9.N on v250, rhel-10.0.beta on v255
// and rhel-10.N on v257 (NAMING_RHEL_* in netif-naming-scheme.h of RHEL 10).
func hasStableVirtualMACs(name string) (has, ok bool) {
	if n, found := strings.CutPrefix(name, "v"); found {
		v, err := strconv.ParseUint(n, 10, 16)
		if err != nil || strconv.FormatUint(v, 10) != n || v < 238 {
			return false, false
		}
		return v >= 241, true
	}
	if n, found := strings.CutPrefix(name, "rhel-"); found {
		major, _, _ := strings.Cut(n, ".")
		v, err := strconv.ParseUint(major, 10, 16)
		if err != nil || v < 8 || v > 10 {
			return false, false
		}
		return v >= 9, true
	}
	return false, false
}
