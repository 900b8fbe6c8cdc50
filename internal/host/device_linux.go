package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"linkaudit/internal/derived"
	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// inspectAttempts bounds how often a device is read again because it was
// renamed or got another address while it was read.
const inspectAttempts = 4

// Results of looking at one device more closely.
var (
	errGone = errors.New("the device is gone")
	// errDiffers says that netlink and sysfs do not show the same device.
	errDiffers = errors.New("differs")
)

// manyDevices is the number of devices from which on most are read quickly
// (readQuickly), and by an earlyReader.
const manyDevices = 64

// deviceReader reads devices one after the other.
type deviceReader struct {
	ctx       context.Context
	want      Want
	machineID fact.Fact[[16]byte]
	udevDB    *udevData
	netDir    string
	oldKernel bool // no IFLA_PERM_ADDRESS

	sysfs    int // /sys/class/net, or -1
	virtual  int // /sys/devices/virtual/net, or -1
	sysfsErr error
	ethtool  int // any socket, for ioctl; or -1

	sock lateRtnl // for single questions
	buf  [4096]byte

	foreign map[string]bool // devices that sysfs shows differently
	// devTypes are those of sharedDevTypes that this reader has seen.
	devTypes map[string]fact.Fact[string]
}

func newDeviceReader(ctx context.Context, opt DeviceOptions, udevDB *udevData, netDir string) *deviceReader {
	c := &deviceReader{ctx: ctx, want: opt.want(), machineID: opt.MachineID, udevDB: udevDB, netDir: netDir, oldKernel: !kernelAtLeast(5, 6)}
	var err error
	c.sysfs, err = unix.Open(c.netDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		c.sysfs, c.sysfsErr = -1, fmt.Errorf("%s: %w", c.netDir, err)
	}
	// The entries of /sys/class/net are symbolic links, and those of software
	// devices lead here; going there at once saves a third of the open.
	if c.virtual, err = unix.Open(path.Join(c.netDir, "../../devices/virtual/net"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		c.virtual = -1
	}
	c.ethtool = -1
	if c.want&WantDriver != 0 || c.oldKernel {
		if c.ethtool, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			c.ethtool, _ = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
		}
	}
	return c
}

// openDevice opens the device's own directory.
func (c *deviceReader) openDevice(l *link) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	if l.Kind != "" && c.virtual >= 0 {
		if fd, err := unix.Openat(c.virtual, l.Name, flags, 0); err == nil {
			return fd, nil
		}
	}
	return unix.Openat(c.sysfs, l.Name, flags, 0)
}

func (c *deviceReader) close() {
	c.sock.close()
	for _, fd := range []int{c.sysfs, c.virtual, c.ethtool} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func (c *deviceReader) problems() (p []string) {
	if c.sysfsErr != nil {
		p = append(p, c.sysfsErr.Error())
	}
	if n := len(c.foreign); n > 0 {
		p = append(p, fmt.Sprintf("%s does not show the devices of this network namespace: %d of them differ or are missing there", c.netDir, n))
	}
	return p
}

// readDevices reads the links that were not read yet; and where sysfs turns out to be
// another network namespace's, all that were not read with every check.
func (c *deviceReader) readDevices(links []*link) error {
	if err := c.readUnless(links, func(l *link) bool { return l.read }); err != nil || len(c.foreign) == 0 {
		return err
	}
	return c.readUnless(links, func(l *link) bool { return l.checked })
}

func (c *deviceReader) readUnless(links []*link, done func(*link) bool) error {
	for _, l := range links {
		if done(l) {
			continue
		}
		if err := c.readLink(l, false); err != nil {
			return err
		}
	}
	return nil
}

// readLink reads a device with every check; refresh asks netlink again first.
func (c *deviceReader) readLink(l *link, refresh bool) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	err := c.inspect(l, refresh)
	if errors.Is(err, errGone) {
		l.gone, err = true, nil
	}
	l.read, l.checked = true, true
	return err
}

// get asks the kernel about one device; errGone says that it has none.
func (c *deviceReader) get(name string, index int) (link, error) {
	r, err := c.sock.open()
	if err != nil {
		return link{}, err
	}
	l, err := r.get(c.ctx, name, index)
	if errors.Is(err, unix.ENODEV) {
		return l, errGone
	}
	return l, err
}

// inspect adds what is not in netlink. Everything that it reads by name is read before the
// uevent file and the address of sysfs are compared with netlink's answer, through a
// descriptor of the device's own directory: a rename does not redirect it, and it ends with
// the device. If the two do not agree, netlink is asked again, so a device that was
// renamed, replaced or changed meanwhile is read again and never mixed from two.
func (c *deviceReader) inspect(l *link, refresh bool) error {
	var why error
	for attempt := range inspectAttempts {
		if attempt > 0 || refresh {
			if err := c.askAgain(l); err != nil {
				return err
			}
		}
		if why = c.readFacts(l); !errors.Is(why, errDiffers) {
			break
		}
	}
	switch {
	case why == nil:
		return nil
	case errors.Is(why, errDiffers):
		c.markForeign(l)
	case c.sysfsErr != nil:
		c.withoutSysfs(l, c.sysfsErr.Error())
	default:
		return why
	}
	return nil
}

// askAgain replaces netlink's answer with a new one.
func (c *deviceReader) askAgain(l *link) error {
	now, err := c.get("", l.Index)
	if err != nil {
		return err
	}
	if now.Kind != l.Kind {
		return errGone // the index went to another device
	}
	*l = now
	return nil
}

// markForeign notes that sysfs shows a device differently each time.
func (c *deviceReader) markForeign(l *link) {
	if c.foreign == nil {
		c.foreign = map[string]bool{}
	}
	c.foreign[l.Name] = true
	c.withoutSysfs(l, fmt.Sprintf("%s and netlink disagree about this device: it may belong to another network namespace", c.netDir))
}

// readFacts is inspect's one try. It changes nothing that netlink told of l.
func (c *deviceReader) readFacts(l *link) error {
	c.readDriver(l)
	c.readUdevDB(l)
	return c.readSysfs(l)
}

func (c *deviceReader) withoutSysfs(l *link, reason string) {
	l.AddrAssignType = fact.Unknown[AddrAssignType](fact.Told(reason))
	if c.want&WantNameAssignType != 0 {
		l.NameAssignType = fact.Unknown[int](fact.Told(reason))
	}
	l.DevType = fact.Unknown[string](fact.Told(reason))
	l.UEvent = fact.Fact[map[string]string]{}
	if c.want&WantUEvent != 0 {
		l.UEvent = fact.Unknown[map[string]string](fact.Told(reason))
	}
}

// readSysfs returns errDiffers where the directory is not, or not for sure,
// that of the device in l.
func (c *deviceReader) readSysfs(l *link) error {
	if c.sysfs < 0 {
		return c.sysfsErr
	}
	dir, err := c.openDevice(l)
	if err != nil {
		return errDiffers
	}
	defer unix.Close(dir)

	n, err := readAt(dir, "uevent", c.buf[:])
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		c.withoutSysfs(l, fmt.Sprintf("%s/%s/uevent: %v", c.netDir, l.Name, err))
		return nil
	case err != nil:
		return errDiffers
	}
	uevent := parseUEvent(c.buf[:n])
	if uevent["IFINDEX"] != strconv.Itoa(l.Index) || uevent["INTERFACE"] != l.Name {
		return errDiffers
	}
	if !c.readAddrAssignType(l, dir) || !c.readNameAssignType(l, dir, "name_assign_type") {
		return errDiffers
	}
	c.readBridgePorts(l, dir, "brif")
	l.DevType = fact.Text(uevent["DEVTYPE"])
	if c.want&WantUEvent != 0 {
		l.UEvent = fact.Known(uevent)
	}
	// Last, since addr_assign_type and the address belong together.
	if !c.showsAddress(dir, l.MAC) {
		return errDiffers
	}
	return nil
}

func (c *deviceReader) showsAddress(dir int, mac linkfiles.MAC) bool {
	n, err := readAt(dir, "address", c.buf[:])
	return err == nil && sameAddress(c.buf[:n], mac)
}

// sameAddress compares the address file of sysfs, which holds no more than a
// newline for a device without an address, with netlink's.
func sameAddress(sysfs []byte, netlink linkfiles.MAC) bool {
	return string(bytes.TrimRight(sysfs, "\n")) == string(netlink)
}

// readAddrAssignType answers false where the device is not there.
func (c *deviceReader) readAddrAssignType(l *link, dir int) bool {
	l.AddrAssignType = fact.Fact[AddrAssignType]{}
	switch v, err := c.readInt(dir, "addr_assign_type"); {
	case err == nil:
		l.AddrAssignType = fact.Known(AddrAssignType(v))
	case vanished(err):
		return false
	default:
		l.AddrAssignType = fact.Unknown[AddrAssignType](fact.Told(fmt.Sprintf("addr_assign_type: %v", err)))
	}
	return true
}

// readNameAssignType answers false where the device is not there. It comes
// after addr_assign_type.
func (c *deviceReader) readNameAssignType(l *link, dir int, name string) bool {
	l.NameAssignType = fact.Fact[int]{}
	if c.want&WantNameAssignType == 0 && (l.AddrAssignType.Or(AddrPerm) != AddrSet || !derived.OfOtherName(c.machineID, l.Name, l.MAC)) {
		return true
	}
	switch v, err := c.readInt(dir, name); {
	case err == nil:
		l.NameAssignType = fact.Known(v)
	case errors.Is(err, unix.EINVAL):
		// name_assign_type_show() of net/core/net-sysfs.c: NET_NAME_UNKNOWN.
		l.NameAssignType = fact.Absent[int]()
	case vanished(err):
		return false
	default:
		l.NameAssignType = fact.Unknown[int](fact.Told(fmt.Sprintf("name_assign_type: %v", err)))
	}
	return true
}

func vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}

func (c *deviceReader) readInt(dir int, name string) (int, error) {
	n, err := readAt(dir, name, c.buf[:])
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(c.buf[:n])))
}

// readDriver asks ETHTOOL_GDRVINFO as udevd does (ethtool_get_driver()), and
// for the permanent address where the kernel does not send it unasked.
func (c *deviceReader) readDriver(l *link) {
	if c.want&WantDriver != 0 {
		l.Driver = ethtoolDriver(c.ethtool, l.Name)
	}
	// Since 5.6 rtnl_fill_ifinfo() sends IFLA_PERM_ADDRESS for every device
	// whose permanent address is not all zeros.
	if c.oldKernel && l.PermanentMAC == "" {
		l.PermanentMAC = ethtoolPermanentAddress(c.ethtool, l.Name)
	}
}

func ethtoolDriver(fd int, name string) fact.Fact[string] {
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, name)
	switch {
	case err == nil:
		return fact.Text(unix.ByteSliceToString(info.Driver[:]))
	case errors.Is(err, unix.EOPNOTSUPP):
		return fact.Absent[string]()
	}
	return fact.Unknown[string](fact.Told(fmt.Sprintf("ETHTOOL_GDRVINFO: %v", err)))
}

// ethtoolPermanentAddress is "" where the device has none or does not say;
// udevd does not tell the two apart either (link_new() of link-config.c).
func ethtoolPermanentAddress(fd int, name string) linkfiles.MAC {
	var req struct {
		cmd, size uint32
		data      [32]byte // MAX_ADDR_LEN
	}
	req.cmd, req.size = unix.ETHTOOL_GPERMADDR, uint32(len(req.data))
	var ifr struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	if len(name) >= len(ifr.name) {
		return ""
	}
	copy(ifr.name[:], name)
	ifr.data = unsafe.Pointer(&req)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&ifr)))
	if errno != 0 || req.size > uint32(len(req.data)) {
		return ""
	}
	return hardwareAddress(req.data[:req.size])
}

func (c *deviceReader) readUdevDB(l *link) {
	if c.want&WantUdevDB != 0 {
		l.UdevDB = c.udevDB.device(l.Index)
	}
}

// kernelAtLeast compares uname -r.
func kernelAtLeast(major, minor int) bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var a, b int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}
