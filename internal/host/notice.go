package host

import "time"

// Notice is a message of the kernel or udevd about a network device or the .link files, or
// says that messages were lost.
type Notice struct {
	// Time is when it was read.
	Time time.Time
	// Link is the kernel's message about a device, nil for other notices.
	Link *LinkNotice
	// Udev is an event that udevd handled, nil for other notices.
	Udev *UdevNotice
	// Files: a .link file, a drop-in or a directory of them changed.
	Files bool
	// Lost names the messages that were lost because they were not read in time; "" for
	// other notices.
	Lost string
	// Round is the number of the list of all devices before which a Link was sent, or
	// kernel messages were lost. Notices of an earlier round are older than a list: see
	// Notices.Links.
	Round int
	// Idle: everything unread at Notices.Rest has been sent.
	Idle bool
}

// Whose messages may be lost.
const (
	LostKernel = "kernel" // RTM_NEWLINK and RTM_DELLINK of rtnetlink(7)
	LostUdev   = "udevd"  // udevd's broadcasts, udev(7)
	LostFiles  = "files"  // events of inotify(7) about .link files
)

// LinkNotice is an RTM_NEWLINK or RTM_DELLINK message. Its Device has what the message has,
// and AddrAssignType, which was read from sysfs right after.
type LinkNotice struct {
	Device
	// MasterIndex is the index of the bond, bridge or team that the device is
	// a port of, 0 for none.
	MasterIndex int
	// Gone: the device was deleted, or moved to another network namespace.
	Gone bool
}

// UdevNotice is udevd's broadcast at the end of an event of a network device.
type UdevNotice struct {
	Action string // "add", "change", "move", "remove", ...
	Index  int
}
