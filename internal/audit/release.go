package audit

import "linkaudit/linkfiles"

// The first releases of systemd with a changed udev database.
const (
	// tellsDropIns: the udev database has ID_NET_LINK_FILE_DROPINS for a device if its
	// file has drop-ins.
	tellsDropIns linkfiles.Release = 253
	// recordsCleanText: the udev database refuses values with control characters or
	// invalid UTF-8 (property_is_valid() in sd-device.c). udev applies a .link file
	// with such a name, but does not record it. Older releases record any name; readers
	// see it up to a newline.
	recordsCleanText linkfiles.Release = 260
)
