package host

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"linkaudit/fact"
)

// inspectAttempts bounds how often a device is read again because it was
// renamed or got another address while it was read.
const inspectAttempts = 4

// parallelFrom is the number of devices from which on they are read by several
// threads; below it, starting them costs more.
const parallelFrom = 64

// Results of looking at one device more closely.
var (
	errGone = errors.New("the device is gone")
	// errDiffers says that netlink and sysfs do not show the same device.
	errDiffers = errors.New("differs")
)

// collectDevices lists the devices and adds what netlink does not tell.
func collectDevices(ctx context.Context, opt Options, udevDB *udevData, netDir string) (devices []Device, problems []string, err error) {
	want := opt.want()
	watch, err := watchLinks()
	if err != nil {
		return nil, nil, err
	}
	defer watch.close()
	links, err := listLinks(ctx, opt)
	if err != nil {
		return nil, nil, err
	}
	c := &deviceReader{want: want, udevDB: udevDB, netDir: netDir, oldKernel: !kernelAtLeast(5, 6)}
	c.openSysfs()
	defer c.close()

	missing := make([]bool, len(links)) // gone meanwhile
	careful := func(w *deviceWorker, i int, refresh bool) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := w.inspect(ctx, &links[i], refresh)
		if errors.Is(err, errGone) {
			missing[i] = true
			return nil
		}
		return err
	}
	if len(links) < parallelFrom || want&(WantUEvent|WantDriver) != 0 || c.oldKernel || c.virtual < 0 {
		err = c.run(len(links), func(w *deviceWorker, i int) error { return careful(w, i, false) })
	} else {
		err = c.readMany(ctx, links, watch, careful)
	}
	if err != nil {
		return nil, nil, err
	}
	if want&WantPorts != 0 {
		if err := collectPorts(ctx, links, opt.All); err != nil {
			return nil, nil, err
		}
	}
	c.nameMasters(ctx, links)
	devices = slices.Grow(devices, len(links))
	for i := range links {
		if !missing[i] {
			devices = append(devices, links[i].Device)
		}
	}
	return devices, c.problems(), nil
}

// listLinks makes the dumps that the options ask for, each device once.
func listLinks(ctx context.Context, opt Options) ([]link, error) {
	if opt.All {
		return dumpLinks(ctx, linkFilter{})
	}
	var links []link
	seen := map[int]bool{}
	add := func(l link) {
		if !seen[l.Index] {
			seen[l.Index] = true
			links = append(links, l)
		}
	}
	for _, kind := range opt.kinds() {
		of, err := dumpLinks(ctx, linkFilter{kind: kind})
		if err != nil {
			return nil, err
		}
		for _, l := range of {
			add(l)
		}
	}
	if len(opt.Names) > 0 {
		r, err := openRtnl()
		if err != nil {
			return nil, err
		}
		defer r.close()
		for _, name := range opt.Names {
			// ALTIFNAMSIZ is 128; nothing longer can be a name.
			if name == "" || len(name) >= 128 || strings.ContainsRune(name, 0) {
				continue
			}
			l, err := r.get(ctx, name, 0)
			switch {
			case err == nil:
				add(l)
			case errors.Is(err, unix.ENODEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE):
				// No such device, or a kernel without alternative names (before 5.5).
			default:
				return nil, fmt.Errorf("look up the device %q: %w", name, err)
			}
		}
	}
	slices.SortFunc(links, func(a, b link) int { return cmp.Compare(a.Index, b.Index) })
	return links, nil
}

// deviceReader is what all workers share.
type deviceReader struct {
	want      Want
	udevDB    *udevData
	netDir    string
	oldKernel bool // no IFLA_PERM_ADDRESS

	sysfs    int // /sys/class/net, or -1
	virtual  int // /sys/devices/virtual/net, or -1
	sysfsErr error
	ethtool  int // any socket, for ioctl; or -1

	mu      sync.Mutex
	foreign map[string]bool // devices that sysfs shows differently
}

func (c *deviceReader) openSysfs() {
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

// run calls each for 0..n-1, on as many threads as pay off.
func (c *deviceReader) run(n int, each func(*deviceWorker, int) error) error {
	workers := 1
	if n >= parallelFrom {
		workers = min(runtime.GOMAXPROCS(0), 8)
	}
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			worker := &deviceWorker{c: c}
			defer worker.close()
			for i := w; i < n; i += workers {
				if errs[w] = each(worker, i); errs[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// samples is how many of many devices are read with all checks.
const samples = 32

// sharedDevTypes are the kinds whose driver gives every device the same
// DEVTYPE (SET_NETDEV_DEVTYPE in br_dev_setup() and bond_setup()).
var sharedDevTypes = map[string]bool{"bridge": true, "bond": true}

// readMany reads addr_assign_type alone for most devices, and name_assign_type
// where it is wanted, for a file of sysfs
// costs as much as a link in a dump, and three of them more than ip(8) takes.
// What inspect() makes sure of for each device is made sure of for all:
// that sysfs is this network namespace's, by samples read with every check,
// and that nothing changed since the dump, by the kernel's own notifications
// (RTNLGRP_LINK), which name each device that was renamed, removed or given
// another address. Those, and whatever does not look as expected, are read
// again with every check.
func (c *deviceReader) readMany(ctx context.Context, links []link, watch *linkWatch, careful func(*deviceWorker, int, bool) error) error {
	w := &deviceWorker{c: c}
	defer w.close()
	devTypes := map[string]fact.Fact[string]{}
	step := max(1, len(links)/samples)
	for i := 0; i < len(links); i += step {
		if err := careful(w, i, false); err != nil {
			return err
		}
		if l := &links[i]; sharedDevTypes[l.Kind] && !l.DevType.IsUnknown() {
			devTypes[l.Kind] = l.DevType
		}
	}
	trusted := len(c.foreign) == 0
	err := c.run(len(links), func(w *deviceWorker, i int) error {
		if i%step == 0 {
			return nil
		}
		l := &links[i]
		devType, ok := devTypes[l.Kind]
		if trusted && ok {
			if v, err := w.readInt(c.virtual, l.Name+"/addr_assign_type"); err == nil && w.readNameAssignType(l, c.virtual, l.Name+"/name_assign_type") {
				l.AddrAssignType, l.DevType = fact.Known(AddrAssignType(v)), devType
				w.readUdevDB(l)
				return nil
			}
		}
		return careful(w, i, false)
	})
	if err != nil {
		return err
	}
	// An answer from the kernel's device lock: what was under way is told by now.
	if _, err := w.get(ctx, "", 1); err != nil && !errors.Is(err, errGone) {
		return err
	}
	changed, overflow, err := watch.drain()
	if err != nil {
		return err
	}
	for i := range links {
		if overflow || changed[links[i].Index] {
			if err := careful(w, i, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// nameMasters turns master indexes into names; most are in the list already.
func (c *deviceReader) nameMasters(ctx context.Context, links []link) {
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Index] = l.Name
	}
	var r *rtnl
	for i := range links {
		l := &links[i]
		if !l.port {
			continue
		}
		name, ok := names[l.masterIndex]
		if !ok {
			if r == nil {
				var err error
				if r, err = openRtnl(); err != nil {
					return
				}
				defer r.close()
			}
			if m, err := r.get(ctx, "", l.masterIndex); err == nil {
				name = m.Name
			}
			names[l.masterIndex] = name
		}
		l.Master = name
	}
}

// deviceWorker reads devices one after the other.
type deviceWorker struct {
	c   *deviceReader
	r   *rtnl
	buf [4096]byte
}

func (w *deviceWorker) close() {
	if w.r != nil {
		w.r.close()
	}
}

// get asks the kernel about one device; errGone says that it has none.
func (w *deviceWorker) get(ctx context.Context, name string, index int) (link, error) {
	if w.r == nil {
		var err error
		if w.r, err = openRtnl(); err != nil {
			return link{}, err
		}
	}
	l, err := w.r.get(ctx, name, index)
	if errors.Is(err, unix.ENODEV) {
		return l, errGone
	}
	return l, err
}

// inspect fills in what is not in netlink. Whatever it reads by name is read
// before the uevent file and the address of sysfs are compared with netlink's
// answer, through a descriptor of the device's own directory, which a rename
// does not redirect and which goes stale with the device; when the two do not
// agree, netlink is asked again, so that a device which was renamed, replaced
// or changed meanwhile is read anew and never put together from two.
func (w *deviceWorker) inspect(ctx context.Context, l *link, refresh bool) error {
	var why error
	for attempt := range inspectAttempts {
		if attempt > 0 || refresh {
			fresh, err := w.get(ctx, "", l.Index)
			if err != nil {
				return err
			}
			if fresh.Kind != l.Kind {
				return errGone // the index went to another device
			}
			*l = fresh
		}
		w.readDriver(l)
		w.readUdevDB(l)
		why = w.readSysfs(l)
		if !errors.Is(why, errDiffers) {
			break
		}
	}
	switch {
	case why == nil:
		return nil
	case errors.Is(why, errDiffers):
		w.c.mu.Lock()
		if w.c.foreign == nil {
			w.c.foreign = map[string]bool{}
		}
		w.c.foreign[l.Name] = true
		w.c.mu.Unlock()
		w.withoutSysfs(l, fmt.Sprintf("%s does not show this device as netlink does: it may belong to another network namespace", w.c.netDir))
	case w.c.sysfsErr != nil:
		w.withoutSysfs(l, w.c.sysfsErr.Error())
	default:
		return why
	}
	return nil
}

func (w *deviceWorker) withoutSysfs(l *link, reason string) {
	l.AddrAssignType = fact.Unknown[AddrAssignType](reason)
	if w.c.want&WantNameAssignType != 0 {
		l.NameAssignType = fact.Unknown[int](reason)
	}
	l.DevType = fact.Unknown[string](reason)
	l.UEvent = fact.Fact[map[string]string]{}
	if w.c.want&WantUEvent != 0 {
		l.UEvent = fact.Unknown[map[string]string](reason)
	}
}

// readSysfs returns errDiffers where the directory is not, or not for sure,
// that of the device in l.
func (w *deviceWorker) readSysfs(l *link) error {
	if w.c.sysfs < 0 {
		return w.c.sysfsErr
	}
	dir, err := w.c.openDevice(l)
	if err != nil {
		return errDiffers
	}
	defer unix.Close(dir)

	n, err := readAt(dir, "uevent", w.buf[:])
	if err != nil {
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
			w.withoutSysfs(l, fmt.Sprintf("%s/%s/uevent: %v", w.c.netDir, l.Name, err))
			return nil
		}
		return errDiffers
	}
	uevent := parseUEvent(w.buf[:n])
	if uevent["IFINDEX"] != strconv.Itoa(l.Index) || uevent["INTERFACE"] != l.Name {
		return errDiffers
	}

	l.AddrAssignType = fact.Fact[AddrAssignType]{}
	switch v, err := w.readInt(dir, "addr_assign_type"); {
	case err == nil:
		l.AddrAssignType = fact.Known(AddrAssignType(v))
	case vanished(err):
		return errDiffers
	default:
		l.AddrAssignType = fact.Unknown[AddrAssignType](fmt.Sprintf("addr_assign_type: %v", err))
	}
	if !w.readNameAssignType(l, dir, "name_assign_type") {
		return errDiffers
	}
	l.DevType = fact.Text(uevent["DEVTYPE"])
	if w.c.want&WantUEvent != 0 {
		l.UEvent = fact.Known(uevent)
	}
	// Last, since addr_assign_type and the address belong together.
	n, err = readAt(dir, "address", w.buf[:])
	if err != nil || !sameAddress(w.buf[:n], l.MAC) {
		return errDiffers
	}
	return nil
}

// sameAddress compares the address file of sysfs, which holds no more than a
// newline for a device without an address, with netlink's.
func sameAddress(sysfs []byte, netlink string) bool {
	return string(bytes.TrimRight(sysfs, "\n")) == netlink
}

// readNameAssignType answers false where the device is not there.
func (w *deviceWorker) readNameAssignType(l *link, dir int, name string) bool {
	l.NameAssignType = fact.Fact[int]{}
	if w.c.want&WantNameAssignType == 0 {
		return true
	}
	switch v, err := w.readInt(dir, name); {
	case err == nil:
		l.NameAssignType = fact.Known(v)
	case errors.Is(err, unix.EINVAL):
		// name_assign_type_show() of net/core/net-sysfs.c: NET_NAME_UNKNOWN.
		l.NameAssignType = fact.Absent[int]()
	case vanished(err):
		return false
	default:
		l.NameAssignType = fact.Unknown[int](fmt.Sprintf("name_assign_type: %v", err))
	}
	return true
}

func vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}

func (w *deviceWorker) readInt(dir int, name string) (int, error) {
	n, err := readAt(dir, name, w.buf[:])
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(w.buf[:n])))
}

// portsOneByOne is the number of ports of a device up to which each is asked
// for by index; for more, one dump that the kernel filters by master is
// cheaper, although the kernel walks all links for it. mastersOneByOne is the
// number of such dumps beyond which a single dump of all links is.
const (
	portsOneByOne   = 32
	mastersOneByOne = 16
)

// collectPorts fills in Ports. all says that links are all there are.
//
// For bridges one dump of the family AF_BRIDGE has every port of every bridge
// and nothing else (rtnl_bridge_getlink() in net/core/rtnetlink.c), so that
// bridges without ports cost nothing.
func collectPorts(ctx context.Context, links []link, all bool) error {
	for i := range links {
		links[i].Ports = nil
	}
	if all {
		portsFrom(links, links, func(*link) bool { return true })
		return nil
	}
	var many []int         // positions of devices that need a dump
	few := map[int][]int{} // ports by position
	members, bridges := map[int][]int(nil), false
	for i := range links {
		if links[i].Kind == "bridge" {
			bridges = true
			break
		}
	}
	if bridges {
		var err error
		if members, err = dumpBridgePorts(ctx); err != nil {
			return err
		}
	}
	for i := range links {
		l := &links[i]
		switch ports := members[l.Index]; {
		case l.Kind == "bridge" && len(ports) == 0:
		case l.Kind == "bridge" && len(ports) <= portsOneByOne:
			few[i] = ports
		case l.Kind == "bridge", l.Kind == "bond", l.Kind == "team", l.Kind == "vrf", l.Flags&unix.IFF_MASTER != 0:
			many = append(many, i)
		}
	}
	if len(few) > 0 {
		r, err := openRtnl()
		if err != nil {
			return err
		}
		defer r.close()
		for i, ports := range few {
			for _, index := range ports {
				p, err := r.get(ctx, "", index)
				switch {
				case errors.Is(err, unix.ENODEV):
				case err != nil:
					return fmt.Errorf("read a port of %s: %w", links[i].Name, err)
				case p.masterIndex == links[i].Index:
					links[i].Ports = append(links[i].Ports, portOf(p))
				}
			}
			slices.SortFunc(links[i].Ports, func(a, b Port) int { return cmp.Compare(a.Index, b.Index) })
		}
	}
	if len(many) > mastersOneByOne {
		dump, err := dumpLinks(ctx, linkFilter{})
		if err != nil {
			return err
		}
		portsFrom(links, dump, func(l *link) bool { return len(l.Ports) == 0 })
		return nil
	}
	for _, i := range many {
		dump, err := dumpLinks(ctx, linkFilter{master: links[i].Index})
		if err != nil {
			return err
		}
		for _, p := range dump {
			links[i].Ports = append(links[i].Ports, portOf(p))
		}
	}
	return nil
}

// portsFrom finds ports in a list that has them all, for the links chosen.
func portsFrom(links, all []link, choose func(*link) bool) {
	ports := map[int][]Port{}
	for _, l := range all {
		if l.port {
			ports[l.masterIndex] = append(ports[l.masterIndex], portOf(l))
		}
	}
	for i := range links {
		if choose(&links[i]) {
			links[i].Ports = ports[links[i].Index]
		}
	}
}

func portOf(l link) Port {
	return Port{Index: l.Index, Name: l.Name, MAC: l.MAC, PermanentMAC: l.PermanentMAC}
}

// readDriver asks ETHTOOL_GDRVINFO as udevd does (ethtool_get_driver()), and
// for the permanent address where the kernel does not send it unasked.
func (w *deviceWorker) readDriver(l *link) {
	if w.c.want&WantDriver != 0 {
		info, err := unix.IoctlGetEthtoolDrvinfo(w.c.ethtool, l.Name)
		switch {
		case err == nil:
			l.Driver = fact.Text(unix.ByteSliceToString(info.Driver[:]))
		case errors.Is(err, unix.EOPNOTSUPP):
			l.Driver = fact.Absent[string]()
		default:
			l.Driver = fact.Unknown[string](fmt.Sprintf("ETHTOOL_GDRVINFO: %v", err))
		}
	}
	// Since 5.6 rtnl_fill_ifinfo() sends IFLA_PERM_ADDRESS for every device
	// whose permanent address is not all zeros.
	if w.c.oldKernel && l.PermanentMAC == "" {
		l.PermanentMAC = ethtoolPermanentAddress(w.c.ethtool, l.Name)
	}
}

// ethtoolPermanentAddress is "" where the device has none or does not say;
// udevd does not tell the two apart either (link_new() of link-config.c).
func ethtoolPermanentAddress(fd int, name string) string {
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

func (w *deviceWorker) readUdevDB(l *link) {
	if w.c.want&WantUdevDB != 0 {
		l.UdevDB = w.c.udevDB.device(l.Index)
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
