package host

import "time"

// Notice is one thing that the kernel or udevd says of a network device or of the
// .link files, or that something of what they said was lost.
type Notice struct {
	// Time is when it was read.
	Time time.Time
	// Link is what the kernel says of a device, nil for other notices.
	Link *LinkNotice
	// Udev is an event that udevd has handled, nil for other notices.
	Udev *UdevNotice
	// Files: a .link file, a drop-in or a directory of them changed.
	Files bool
	// Lost names whose messages were lost because they were not read in time;
	// "" for other notices.
	Lost string
	// Round is that of the list of all devices after which a Link was sent, or
	// messages of the kernel were lost. Those of an earlier round are older than a
	// list: see Notices.Links.
	Round int
	// Idle: what was there to be read at Notices.Rest has been sent.
	Idle bool
}

// Who may lose messages.
const (
	LostKernel = "kernel" // RTM_NEWLINK and RTM_DELLINK of rtnetlink(7)
	LostUdev   = "udevd"  // udevd's broadcasts, udev(7)
	LostFiles  = "files"  // events of inotify(7) about .link files
)

// LinkNotice is an RTM_NEWLINK or RTM_DELLINK message. Of the Device it has what
// stands in the message, and AddrAssignType, which was read from sysfs right after.
type LinkNotice struct {
	Device
	// MasterIndex is the index of the bond, bridge or team that the device is
	// a port of, 0 for none.
	MasterIndex int
	// Gone: the device was deleted, or went to another network namespace.
	Gone bool
}

// UdevNotice is udevd's broadcast at the end of an event of a network device.
type UdevNotice struct {
	Action string // "add", "change", "move", "remove", ...
	Index  int
}
