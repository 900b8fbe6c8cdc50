package change

import "linkaudit/linkfiles"

// The releases of systemd that first behave differently in a way that matters here: a
// complete list.
const (
	// harmlessTest: "udevadm test-builtin net_setup_link" only prints; before,
	// it applies the file to the device (link_apply_rtnl_settings() of
	// link-config.c).
	harmlessTest linkfiles.Release = 256
	// reloadsNetDevs: "networkctl reload" creates a deleted device again, and its
	// ports join it (netdev_reload() of netdev.c). Before, the .network files of
	// the ports still refer to the deleted device.
	reloadsNetDevs linkfiles.Release = 257
)
