package linkfiles

import (
	"fmt"
)

// Pos is a place in a file. Line counts from 1; 0 means the whole file.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String is "file:line", or only the file.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Level is the syslog level at which udevd logs a complaint.
type Level string

// The levels that udevd uses.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
	// LevelNotice is for a policy that is listed twice.
	LevelNotice Level = "notice"
	// LevelInfo is for what udevd ignores silently (or at debug level) although it is
	// hardly ever intended: a shadowed file, for example.
	LevelInfo Level = "info"
)

// Code names the kind of a Diagnostic; it is stable and in kebab-case.
type Code string

// The codes of all diagnostics.
const (
	CodeUnknownSection    Code = "unknown-section"
	CodeUnknownKey        Code = "unknown-key"
	CodeInvalidValue      Code = "invalid-value"
	CodeDeprecatedKey     Code = "deprecated-key"
	CodeMissingEquals     Code = "missing-equals"
	CodeMissingKey        Code = "missing-key"
	CodeOutsideSection    Code = "assignment-outside-section"
	CodeInvalidUTF8       Code = "invalid-utf8"
	CodeBadSectionHeader  Code = "bad-section-header"
	CodeLineTooLong       Code = "line-too-long"
	CodeMatchEmpty        Code = "match-empty"
	CodeMACAddressIgnored Code = "mac-address-ignored"
	CodeCommentInMatch    Code = "comment-in-match"
	CodeDropInUnsupported Code = "drop-in-unsupported"
	CodeShadowedFile      Code = "shadowed-file"
	CodeMaskedFile        Code = "masked-file"
	CodeUnreadable        Code = "unreadable-file"
	CodeFileMode          Code = "file-mode"
)

// Diagnostic is one complaint about a file, as udevd of the release would log it, with its
// place.
type Diagnostic struct {
	Pos
	Code    Code   `json:"code"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	// Err, for a CodeUnreadable, is the error with which this program failed to read; ""
	// if there is another reason.
	Err Errno `json:"-"`
	// Late marks what udevd logs only if the file's conditions (Host=, Virtualization= and
	// similar) are met.
	Late bool `json:"-"`
	// Repeats marks what udevd logs about the whole file only because of the diagnostic
	// before.
	Repeats bool `json:"-"`
}

// Assignment is one "key = value" that the grammar found in a known section.
type Assignment struct {
	Section string `json:"section"`
	Key     string `json:"key"`
	// Value is the right side as udevd passes it to the key's parser: continuation lines
	// joined, without surrounding white space.
	Value string `json:"value"`
	Pos
	// SectionPos is the place of the section's header; settings of one [SR-IOV] section
	// have the same.
	SectionPos Pos `json:"-"`
	// Taken says that udevd stored at least part of the value (or reset the key, for an
	// empty value) and did not ignore the line.
	Taken bool `json:"taken"`
}

// Device is what the [Match] section can ask about a network device.
type Device struct {
	Name string // kernel name of the interface
	// AltNames are its alternative names; Name= of a .network file matches them, too.
	AltNames []string
	MAC      Fact[MAC]    // current address
	PermMAC  Fact[MAC]    // IFLA_PERM_ADDRESS or ETHTOOL_GPERMADDR
	Driver   Fact[string] // ID_NET_DRIVER, ETHTOOL_GDRVINFO
	// Drivers are the possible values of Driver if it is unknown, "" for none; nil if it may
	// be anything.
	Drivers []string
	// PermMACs are the same of PermMAC.
	PermMACs []MAC
	// DriverUnrecorded says that ID_NET_DRIVER of Properties is what the builtin net_driver
	// will find, because the udev database has no record.
	DriverUnrecorded bool
	Kind             Fact[string] // IFLA_INFO_KIND
	Type             Fact[string] // DEVTYPE, else the lower-case ARPHRD name
	Path             Fact[string] // ID_PATH of the udev database
	// TypeFromARPHRD says that Type is the ARPHRD name, because there is no DEVTYPE.
	TypeFromARPHRD bool
	Loopback       bool      // IFF_LOOPBACK: never gets a .link file
	NameAssignType Fact[int] // /sys/class/net/NAME/name_assign_type
	// Properties looks up a property of the device as udevd sees it (the uevent file and
	// the udev database). Nil means: all are unknown.
	Properties func(key string) Fact[string]
}

// System is what the conditions in [Match] can ask about the machine.
type System struct {
	Hostname  Fact[string] `json:"hostname"`
	MachineID MachineID    `json:"machine_id"`
	// BootID and ProductUUID are what Host= is compared with from 258 on:
	// /proc/sys/kernel/random/boot_id and the SMBIOS UUID.
	BootID      Fact[string] `json:"boot_id"`
	ProductUUID Fact[string] `json:"product_uuid"`
	// Virtualization is what systemd-detect-virt prints: "none", "kvm", ...
	Virtualization    Fact[Virt]   `json:"virtualization"`
	KernelCommandLine Fact[string] `json:"kernel_command_line"`
	KernelRelease     Fact[string] `json:"kernel_release"` // uname -r
	// Glibc is the version of udevd's C library, for KernelVersion=glibc since 258.
	Glibc        Fact[string]   `json:"glibc"`
	Architecture Fact[string]   `json:"architecture"` // systemd's name: x86-64, arm64, ...
	Credentials  Fact[[]string] `json:"credentials"`  // names of the credentials passed to the system
	Firmware     Fact[Firmware] `json:"firmware"`
	MachineTags  Fact[[]string] `json:"machine_tags"` // TAGS= of /etc/machine-info
}

// Virt is the machine's virtualization, for ConditionVirtualization=.
type Virt struct {
	// ID is systemd-detect-virt's word for it: "none", "kvm", "lxc", ...
	ID string `json:"id"`
	// Container is true if ID is a container manager, VM if it is a hypervisor.
	Container bool `json:"container"`
	VM        bool `json:"vm"`
	// PrivateUsers says that a user namespace other than the initial one is in use.
	PrivateUsers bool `json:"private_users"`
}

// Firmware is what ConditionFirmware= can test.
type Firmware struct {
	UEFI bool `json:"uefi"`
	// DeviceTree is true if /sys/firmware/device-tree exists; Compatible are the strings
	// of its compatible file.
	DeviceTree bool     `json:"device_tree"`
	Compatible []string `json:"compatible,omitempty"`
	// SMBIOS has the fields of /sys/class/dmi/id by file name. Hidden are those that exist
	// but could not be read, or were left out on purpose.
	SMBIOS map[string]string `json:"smbios,omitempty"`
	Hidden []string          `json:"hidden,omitempty"`
}
