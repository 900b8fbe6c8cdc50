package host

import (
	"time"

	"linkaudit/internal/fact"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
	"linkaudit/policy/address"
	"linkaudit/policy/life"
)

// SnapshotSchema is the value of a saved snapshot's "schema".
const SnapshotSchema = "linkaudit.snapshot/1"

// Snapshot is one machine at one moment: everything that an audit needs, so the same audit
// can be made anywhere else.
type Snapshot struct {
	Schema string    `json:"schema"`
	Taken  time.Time `json:"taken"`
	// Offline is true for the tree of an image that is not running: it has no devices, and
	// facts of a running system are unknown.
	Offline bool             `json:"offline,omitempty"`
	System  linkfiles.System `json:"system"`
	Systemd Systemd          `json:"systemd"`
	// MachineIDFile is the state of /etc/machine-id.
	MachineIDFile MachineIDFile `json:"machine_id_file,omitzero"`
	// OtherMachineIDs are the traces of machine IDs besides /etc/machine-id, including
	// that ID itself; collected only if something depends on them.
	OtherMachineIDs []OtherMachineID `json:"other_machine_ids,omitempty"`
	// NamingScheme is the scheme udevd uses ("v252"), and where that comes from.
	NamingScheme fact.Fact[NamingScheme] `json:"naming_scheme"`
	Udev         Udev                    `json:"udev"`
	Devices      []Device                `json:"devices"`
	Files        linkfiles.Store         `json:"files"`
	// Declarations are what network configuration says about devices. Programs that are
	// not installed have none.
	Declarations fact.Fact[[]netconf.Declaration] `json:"declarations"`
	// MissingPorts are the devices that Declarations name as ports and that do not exist.
	// An image has none.
	MissingPorts []string `json:"missing_ports,omitempty"`
	// ToCome are the derived addresses of future devices: those that Declarations create,
	// and those that an image is asked about. They are filled in before a snapshot is
	// saved, because the machine ID is not saved.
	ToCome []ToCome `json:"to_come,omitempty"`
	// NamesTaken are the names that .link files set and that a device has, even one that
	// was not collected.
	NamesTaken []string `json:"names_taken,omitempty"`
	// Interrupted is the file with which a run of linkaudit fix or undo can be taken back,
	// "" if there is none: the run is at work, or was killed.
	Interrupted string `json:"interrupted,omitempty"`
	// Initramfs are the initramfs images of the machine; unknown if they were not asked
	// for.
	Initramfs fact.Fact[[]initramfs.Image] `json:"initramfs"`
	// DeclarationProblems are what of that configuration could not be read, or is not
	// accepted by its program.
	DeclarationProblems []netconf.Problem `json:"declaration_problems,omitempty"`
	// Packaged are the package manager's records of the vendor's .link files and drop-ins;
	// absent if there is no package manager.
	Packaged fact.Fact[[]Packaged] `json:"packaged"`
	// Problems are what could not be read, a line each; what depends on it is unknown.
	Problems []string `json:"problems,omitempty"`
}

// MachineIDFile is what systemd does with /etc/machine-id, and for how long.
type MachineIDFile struct {
	// State is "" in a snapshot that does not tell.
	State MachineIDState `json:"state,omitempty"`
	// NotKept is why the next boot does not use this file, although it has a machine ID;
	// "" if it does, as far as is visible.
	NotKept MachineIDNotKept `json:"not_kept,omitempty"`
}

// MachineIDState is how id128_read_fd() of systemd reads a file.
type MachineIDState string

const (
	// MachineIDSet is 32 hexadecimal digits that are not all zero.
	MachineIDSet           MachineIDState = "set"
	MachineIDMissing       MachineIDState = "missing"
	MachineIDEmpty         MachineIDState = "empty"
	MachineIDUninitialized MachineIDState = "uninitialized"
	MachineIDZero          MachineIDState = "zero"
	MachineIDMalformed     MachineIDState = "malformed"
	// MachineIDUnreadable is a file that could not be read here.
	MachineIDUnreadable MachineIDState = "unreadable"
)

// None reports whether udevd and networkd find no machine ID there.
func (s MachineIDState) None() bool {
	return s != "" && s != MachineIDSet && s != MachineIDUnreadable
}

// MachineIDNotKept is why a machine ID does not outlast a boot.
type MachineIDNotKept string

const (
	// MachineIDTransient: PID 1 made the ID up, wrote it to /run/machine-id and
	// mounted that over the file (machine_id_setup()).
	MachineIDTransient MachineIDNotKept = "transient"
	// MachineIDOverridden: the kernel command line names another one, which
	// PID 1 writes to the file at each boot.
	MachineIDOverridden MachineIDNotKept = "kernel-command-line"
)

// OtherMachineID is a trace of a machine ID outside of /etc/machine-id.
type OtherMachineID struct {
	// Source is where it is: DBusMachineID, CommandLineMachineID, or a
	// directory of journals.
	Source string              `json:"source"`
	ID     linkfiles.MachineID `json:"machine_id"`
}

// DBusMachineID is the file from which a boot takes the machine ID if /etc/machine-id has
// none and the file is not a link.
const DBusMachineID = "/var/lib/dbus/machine-id"

// CommandLineMachineID is the kernel command line. PID 1 writes its ID to /etc/machine-id at
// each boot (machine_id_setup()).
const CommandLineMachineID = "systemd.machine_id="

// Systemd is the release that decides how .link files are read.
type Systemd struct {
	// Release is the major release of the udevd that is installed or running.
	Release fact.Fact[linkfiles.Release] `json:"release"`
	// Version is the full string, "252 (252.39-1~deb12u2)".
	Version string `json:"version,omitempty"`
	// Source says where it was read: "udevadm --version", the package
	// database, the user's --systemd-release, ...
	Source string `json:"source,omitempty"`
}

// NamingScheme is systemd.net-naming-scheme(7)'s.
type NamingScheme struct {
	Name string `json:"name"`
	// Source is "kernel command line", "udevd environment", "udev database"
	// (ID_NET_NAMING_SCHEME of some device), "default of the release" or, of an
	// image, the place in its boot configuration.
	Source string `json:"source"`
	// Assumed is true for an image whose boot configuration asks for no scheme: its real
	// command line may still ask for one.
	Assumed bool `json:"assumed,omitempty"`
}

// Udev is whether .link files are applied at all.
type Udev struct {
	Running fact.Fact[bool] `json:"running"`
	// SetupLinkRule is the path of the effective rules file that runs net_setup_link;
	// absent if it is missing or masked.
	SetupLinkRule fact.Fact[string] `json:"setup_link_rule"`
}

// AddrAssignType is the kernel's addr_assign_type.
type AddrAssignType = life.AssignType

const (
	AddrPerm   = life.Permanent
	AddrRandom = life.Random
	AddrStolen = life.Stolen
	AddrSet    = life.Set
)

// NameRenamed is the name_assign_type of a device that was renamed
// (NET_NAME_RENAMED of include/uapi/linux/netdevice.h).
const NameRenamed = 4

// Device is one network device as the kernel and the udev database show it.
type Device struct {
	Index    int      `json:"index"`
	Name     string   `json:"name"`
	AltNames []string `json:"altnames,omitempty"`
	// Kind is IFLA_INFO_KIND: "bond", "bridge", ...; "" for a device without one.
	Kind string `json:"kind,omitempty"`
	// ARPHRD is the kernel's ifi_type, 1 for Ethernet, and Flags its ifi_flags.
	ARPHRD int    `json:"arphrd"`
	Flags  uint32 `json:"flags"`
	// MAC is the current address, "" if it has none.
	MAC linkfiles.MAC `json:"mac,omitempty"`
	// PermanentMAC is IFLA_PERM_ADDRESS, or ETHTOOL_GPERMADDR where the
	// kernel does not send that; "" where the device has none.
	PermanentMAC linkfiles.MAC `json:"permanent_mac,omitempty"`
	// Master is the bond, bridge or team that the device is a port of.
	Master string `json:"master,omitempty"`
	// Ports are the devices whose master this is, sorted by index.
	Ports []Port `json:"ports,omitempty"`
	Bond  *Bond  `json:"bond,omitempty"`
	// Lower is the lower device of a macvlan or macvtap (IFLA_LINK); nil if it is in
	// another network namespace.
	Lower *Lower `json:"lower,omitempty"`
	// DynamicIPv4 is true where the device has an IPv4 address with a lifetime
	// (without IFA_F_PERMANENT): a DHCP lease.
	DynamicIPv4 bool `json:"dynamic_ipv4,omitempty"`

	AddrAssignType fact.Fact[AddrAssignType] `json:"addr_assign_type"`
	NameAssignType fact.Fact[int]            `json:"name_assign_type"`
	// DevType is DEVTYPE of the uevent file; absent for most hardware.
	DevType fact.Fact[string] `json:"devtype"`
	// Driver is what ETHTOOL_GDRVINFO says.
	Driver fact.Fact[string] `json:"driver"`
	// UEvent and UdevDB are the properties of /sys/class/net/NAME/uevent
	// and of /run/udev/data/nINDEX (its E: lines).
	UEvent fact.Fact[map[string]string] `json:"uevent"`
	UdevDB fact.Fact[map[string]string] `json:"udev_db"`

	// Derived is known only for a device from a saved snapshot.
	Derived
}

// Derived are the addresses of a device that follow from the machine ID. The kernel and udev
// do not show them: package policy computes them with the machine ID. A snapshot is saved
// with them, because it is saved without the machine ID.
type Derived struct {
	// PersistentMAC is the address that MACAddressPolicy=persistent derives for this
	// device on this machine.
	PersistentMAC fact.Fact[PersistentMAC] `json:"persistent_mac"`
	// NetworkdMAC is the address that systemd-networkd derives for a device of this name
	// that it creates from a .netdev file without MACAddress=.
	NetworkdMAC fact.Fact[linkfiles.MAC] `json:"networkd_mac"`
	// OfOtherID says how the address is derived from one of the snapshot's
	// OtherMachineIDs, which are not saved either.
	OfOtherID OfOtherID `json:"of_other_machine_id,omitzero"`
}

// ToCome is what udevd and systemd-networkd derive for a device that does not exist yet; see
// Derived.
type ToCome struct {
	Name          string                   `json:"name"`
	Kind          string                   `json:"kind"`
	PersistentMAC fact.Fact[PersistentMAC] `json:"persistent_mac"`
	NetworkdMAC   fact.Fact[linkfiles.MAC] `json:"networkd_mac"`
}

// OfOtherID is how an address is derived from another machine ID than the
// machine has now.
type OfOtherID struct {
	// Source is OtherMachineID's.
	Source string `json:"source"`
	// Networkd says that systemd-networkd derives it, and not udevd.
	Networkd bool `json:"networkd,omitempty"`
	// Name is the name that it is derived from.
	Name string `json:"name"`
}

// Port is one device that has the audited device as its master.
type Port struct {
	Index        int           `json:"index"`
	Name         string        `json:"name"`
	MAC          linkfiles.MAC `json:"mac,omitempty"`
	PermanentMAC linkfiles.MAC `json:"permanent_mac,omitempty"`
	// Kind is Device.Kind of the port.
	Kind string `json:"kind,omitempty"`
	// OwnMAC is IFLA_BOND_SLAVE_PERM_HWADDR: the address that a port of a bond had when it
	// joined, and gets back when it leaves. "" for other ports.
	OwnMAC linkfiles.MAC `json:"own_mac,omitempty"`
	// Driver is the kernel driver of a hardware port; "" for other ports and if sysfs has
	// none.
	Driver string `json:"driver,omitempty"`
}

// Lower is a lower device.
type Lower struct {
	Index int           `json:"index"`
	Name  string        `json:"name"`
	MAC   linkfiles.MAC `json:"mac,omitempty"`
}

// Bond is the part of IFLA_INFO_DATA that affects addresses.
type Bond struct {
	Mode        string `json:"mode"`          // "active-backup", "802.3ad", ...
	FailOverMAC string `json:"fail_over_mac"` // "none", "active", "follow"
	// ADActorSystem is the LACP system ID that somebody set instead of the bond's own
	// address; "" if that is used, and in other modes.
	ADActorSystem string `json:"ad_actor_system,omitempty"`
}

// IgnoresAddress reports whether the bonding driver ignores an address from outside: it
// reports success, and addr_assign_type becomes 3 (set), but the address does not change
// (bond_set_mac_address() in drivers/net/bonding/bond_main.c).
func (b *Bond) IgnoresAddress() bool {
	return b != nil && b.Mode == "active-backup" && b.FailOverMAC != "none"
}

// PersistentMAC is an address of MACAddressPolicy=persistent.
type PersistentMAC = address.PersistentMAC
