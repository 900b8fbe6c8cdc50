package change

import "linkaudit/linkfiles"

// The releases of systemd from which on something is different that matters
// here; every such difference is in this list.
const (
	// harmlessTest: "udevadm test-builtin net_setup_link" only prints; before,
	// it applies the file to the device (link_apply_rtnl_settings() of
	// link-config.c).
	harmlessTest linkfiles.Release = 256
	// reloadsNetDevs: "networkctl reload" creates a device that was deleted and
	// has its ports join it (netdev_reload() of netdev.c); before, the .network
	// files of the ports keep to the device that is gone.
	reloadsNetDevs linkfiles.Release = 257
)
