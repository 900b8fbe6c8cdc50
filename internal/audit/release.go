package audit

import "linkaudit/linkfiles"

// The releases of systemd from which on something is different in the udev database that
// matters here.
const (
	// tellsDropIns: ID_NET_LINK_FILE_DROPINS is in the udev database of a
	// device whose file had drop-ins.
	tellsDropIns linkfiles.Release = 253
	// recordsCleanText: the udev database takes no value that is not UTF-8 or
	// that holds a control character (property_is_valid of sd-device.c), so
	// that a .link file of such a name is applied and not recorded. Older
	// releases write whatever it is, up to a newline for who reads it.
	recordsCleanText linkfiles.Release = 260
)
