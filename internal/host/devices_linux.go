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

	"linkaudit/internal/fact"
)

// inspectAttempts bounds how often a device is read again because it was
// renamed or got another address while it was read.
const inspectAttempts = 4

// parallelFrom is the number of devices from which on they are read by further
// threads; below it, starting them costs more.
const parallelFrom = 64

// Results of looking at one device more closely.
var (
	errGone = errors.New("the device is gone")
	// errDiffers says that netlink and sysfs do not show the same device.
	errDiffers = errors.New("differs")
)

// collectDevices lists the devices and adds what netlink does not tell.
//
// What is read one after the other belongs together all the same: the kernel's
// own notifications (RTNLGRP_LINK) name each device that was renamed, removed
// or given another address since before the list was made, and those are read
// again, with their ports.
func collectDevices(ctx context.Context, opt Options, id fact.Fact[[16]byte], udevDB *udevData, netDir string) (devices []Device, problems []string, err error) {
	watch, err := watchLinks()
	if err != nil {
		return nil, nil, err
	}
	defer watch.close()
	c := &deviceReader{ctx: ctx, want: opt.want(), udevDB: udevDB, netDir: netDir, oldKernel: !kernelAtLeast(5, 6)}
	c.nameFor = func(name, mac string) bool { return opt.WantNameFor != nil && opt.WantNameFor(id, name, mac) }
	c.openSysfs()
	defer c.close()
	w := &deviceWorker{c: c}
	defer w.close()

	early := c.readEarly()
	links, torn, err := listLinks(ctx, opt, early.take)
	early.finish()
	if err != nil {
		return nil, nil, err
	}
	if err := w.readRest(links); err != nil {
		return nil, nil, err
	}
	if c.want&WantPorts != 0 {
		if err := c.collectPorts(links, opt.All); err != nil {
			return nil, nil, err
		}
	}
	if c.want&WantPortDevices != 0 && !opt.All {
		if links, err = withPorts(ctx, links); err != nil {
			return nil, nil, err
		}
		if err := w.readRest(links); err != nil {
			return nil, nil, err
		}
	}
	if links, err = w.readChanged(links, watch, opt, torn); err != nil {
		return nil, nil, err
	}
	if c.want&WantPorts != 0 {
		c.readPortDrivers(links)
		if err := c.readAddresses(links); err != nil {
			return nil, nil, err
		}
	}
	c.nameMasters(links)
	c.addLowers(links)
	devices = slices.Grow(devices, len(links))
	for _, l := range links {
		if !l.gone {
			devices = append(devices, l.Device)
		}
	}
	return devices, c.problems(), nil
}

// readRest reads what was not read early; and where sysfs turns out to be
// another network namespace's, whatever was not read with every check.
func (w *deviceWorker) readRest(links []*link) error {
	read := func(which func(*link) bool) error {
		for _, l := range links {
			if which(l) {
				if err := w.readLink(l, false); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := read(func(l *link) bool { return !l.read }); err != nil || len(w.c.foreign) == 0 {
		return err
	}
	return read(func(l *link) bool { return !l.checked })
}

// readChanged reads again, with every check, what the kernel gave notice of. To a list
// that is torn it adds what came meanwhile.
func (w *deviceWorker) readChanged(links []*link, watch *linkWatch, opt Options, torn bool) ([]*link, error) {
	ports := w.c.want&WantPorts != 0
	for range inspectAttempts {
		// An answer from the kernel's device lock: what was under way is
		// told by now.
		if _, err := w.get("", 1); err != nil && !errors.Is(err, errGone) {
			return nil, err
		}
		changed, overflow, err := watch.drain()
		if err != nil {
			return nil, err
		}
		if torn {
			if links, err = w.withNew(links, opt, changed); err != nil {
				return nil, err
			}
		}
		again := false
		for _, l := range links {
			if l.gone || !overflow && !changed[l.Index] {
				continue
			}
			again = true
			if err := w.readLink(l, true); err != nil {
				return nil, err
			}
			if !l.gone && ports && !opt.All && isMaster(l) {
				if err := portsByMaster(w.c.ctx, l); err != nil {
					return nil, err
				}
			}
		}
		if ports && !opt.All {
			if err := w.updatePorts(links, changed, overflow); err != nil {
				return nil, err
			}
		}
		switch {
		case !again:
			return links, nil
		case ports && opt.All:
			portsFrom(links, links)
		}
	}
	return links, nil
}

// withNew adds the links of which notice was given, if they are to be listed.
func (w *deviceWorker) withNew(links []*link, opt Options, changed map[int]bool) ([]*link, error) {
	have := make(map[int]bool, len(links))
	for _, l := range links {
		have[l.Index] = true
	}
	var more []*link
	for index := range changed {
		if have[index] {
			continue
		}
		l, err := w.get("", index)
		switch {
		case errors.Is(err, errGone):
		case err != nil:
			return nil, err
		case opt.All || slices.Contains(opt.kinds(), l.Kind):
			more = append(more, &l)
		}
	}
	if len(more) == 0 {
		return links, nil
	}
	more, err := withMasters(w.c.ctx, append(links, more...))
	return more, err
}

// updatePorts brings ports that are of an interrupted dump up to date with the links of
// which notice was given.
func (w *deviceWorker) updatePorts(links []*link, changed map[int]bool, overflow bool) error {
	masters := map[int]*link{}
	for _, l := range links {
		if l.tornPorts && !l.gone {
			masters[l.Index] = l
		}
	}
	if len(masters) == 0 {
		return nil
	}
	if overflow {
		for _, l := range masters {
			if err := portsByMaster(w.c.ctx, l); err != nil {
				return err
			}
		}
	}
	for _, l := range masters {
		l.Ports = slices.DeleteFunc(l.Ports, func(p Port) bool { return changed[p.Index] })
	}
	for index := range changed {
		p, err := w.get("", index)
		if err != nil && !errors.Is(err, errGone) {
			return err
		}
		if l := masters[p.masterIndex]; err == nil && p.port && l != nil {
			l.Ports = append(l.Ports, portOf(&p))
		}
	}
	for _, l := range masters {
		slices.SortFunc(l.Ports, func(a, b Port) int { return cmp.Compare(a.Index, b.Index) })
	}
	return nil
}

// listLinks makes the dumps that the options ask for, each device once. take,
// where not nil, gets each link as soon as the kernel has sent it; one that is
// not in the list in the end was not to be listed. torn is as of dumpLinks.
func listLinks(ctx context.Context, opt Options, take func(*link)) (links []*link, torn bool, err error) {
	if opt.All {
		return dumpLinks(ctx, linkFilter{}, take)
	}
	seen := map[int]bool{}
	add := func(l *link) {
		if !seen[l.Index] {
			seen[l.Index] = true
			links = append(links, l)
		}
	}
	for _, kind := range opt.kinds() {
		of, tornToo, err := dumpLinks(ctx, linkFilter{kind: kind}, take)
		if err != nil {
			return nil, false, err
		}
		torn = torn || tornToo
		for _, l := range of {
			add(l)
		}
	}
	if len(opt.Names) > 0 {
		r, err := openRtnl()
		if err != nil {
			return nil, false, err
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
				add(&l)
			case errors.Is(err, unix.ENODEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE):
				// No such device, or a kernel without alternative names (before 5.5).
			default:
				return nil, false, fmt.Errorf("look up the device %q: %w", name, err)
			}
		}
	}
	links, err = withMasters(ctx, links)
	return links, torn, err
}

// withMasters adds the masters of those that are ports, which tell whose address a
// port has, and sorts by index.
func withMasters(ctx context.Context, links []*link) ([]*link, error) {
	return withRelatives(ctx, links, func(l *link) []int {
		if !l.port {
			return nil
		}
		return []int{l.masterIndex}
	})
}

// withPorts adds the ports of those that are masters, and sorts by index.
func withPorts(ctx context.Context, links []*link) ([]*link, error) {
	return withRelatives(ctx, links, func(l *link) (indexes []int) {
		for _, p := range l.Ports {
			indexes = append(indexes, p.Index)
		}
		return indexes
	})
}

func withRelatives(ctx context.Context, links []*link, of func(*link) []int) ([]*link, error) {
	have := make(map[int]bool, len(links))
	for _, l := range links {
		have[l.Index] = true
	}
	var r *rtnl
	for _, l := range links[:len(links):len(links)] {
		for _, index := range of(l) {
			if have[index] {
				continue
			}
			have[index] = true
			if r == nil {
				var err error
				if r, err = openRtnl(); err != nil {
					return nil, err
				}
				defer r.close()
			}
			switch relative, err := r.get(ctx, "", index); {
			case err == nil:
				links = append(links, &relative)
			case !errors.Is(err, unix.ENODEV):
				return nil, fmt.Errorf("look up device %d, which is related to %q: %w", index, l.Name, err)
			}
		}
	}
	slices.SortFunc(links, func(a, b *link) int { return cmp.Compare(a.Index, b.Index) })
	return links, nil
}

// deviceReader is what all workers share.
type deviceReader struct {
	ctx       context.Context
	want      Want
	nameFor   func(name, mac string) bool
	udevDB    *udevData
	netDir    string
	oldKernel bool // no IFLA_PERM_ADDRESS

	sysfs    int // /sys/class/net, or -1
	virtual  int // /sys/devices/virtual/net, or -1
	sysfsErr error
	ethtool  int // any socket, for ioctl; or -1

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

// sharedDevTypes are the kinds whose driver gives every device the same
// DEVTYPE (SET_NETDEV_DEVTYPE in br_dev_setup() and bond_setup()).
var sharedDevTypes = map[string]bool{"bridge": true, "bond": true}

const (
	// earlyBatch is how many links are handed to a thread at a time.
	earlyBatch = 16
	// samples is how many devices each thread reads with all checks.
	samples = 16
)

// earlyReader reads devices in threads of its own while the list of them is
// still being made, once it turns out to be long (parallelFrom).
type earlyReader struct {
	c     *deviceReader
	first []*link // what came before there were threads
	batch []*link
	queue chan []*link // nil as long as there are none
	wg    sync.WaitGroup
}

func (c *deviceReader) readEarly() *earlyReader { return &earlyReader{c: c} }

// take is given every link of the list once it is parsed.
func (e *earlyReader) take(l *link) {
	switch {
	case e.queue == nil && len(e.first) < parallelFrom:
		e.first = append(e.first, l)
		return
	case e.queue == nil:
		e.start()
	}
	if e.batch = append(e.batch, l); len(e.batch) == earlyBatch {
		e.queue <- e.batch
		e.batch = nil
	}
}

func (e *earlyReader) start() {
	e.queue = make(chan []*link, 1024)
	// One processor makes the list.
	for range min(max(runtime.GOMAXPROCS(0)-1, 1), 7) {
		e.wg.Go(e.work)
	}
}

// finish waits until everything that was taken is read, and lends a hand.
func (e *earlyReader) finish() {
	if e.queue == nil {
		return
	}
	e.queue <- e.batch
	e.queue <- e.first
	close(e.queue)
	e.work()
	e.wg.Wait()
}

// work leaves out what cannot be read at the first try. Meanwhile the list is
// being put in order by the indexes, which are not touched here.
func (e *earlyReader) work() {
	w := &deviceWorker{c: e.c, devTypes: map[string]fact.Fact[string]{}}
	defer w.close()
	for batch := range e.queue {
		for i, l := range batch {
			if w.c.ctx.Err() != nil || !(i == 0 && w.sampled < samples) && w.readQuickly(l) {
				continue
			}
			w.sampled++
			if w.readFacts(l) != nil {
				continue
			}
			l.read, l.checked = true, true
			if sharedDevTypes[l.Kind] && l.DevType.IsKnown() {
				w.devTypes[l.Kind] = l.DevType
			}
		}
	}
}

// readQuickly reads addr_assign_type alone, name_assign_type where it is
// wanted, and the names of a bridge's ports, for a file of sysfs costs as much
// as a link in a dump, and three of them more than ip(8) takes. What inspect()
// makes sure of for each device is made sure of for all: that sysfs is this
// network namespace's, by samples read with every check, and that nothing
// changed since the dump, by the kernel's notifications. It answers false, and
// leaves it to inspect(), where anything does not look as expected.
func (w *deviceWorker) readQuickly(l *link) bool {
	c := w.c
	devType, ok := w.devTypes[l.Kind]
	if !ok || c.virtual < 0 || c.oldKernel || c.want&(WantUEvent|WantDriver) != 0 {
		return false
	}
	v, err := w.readInt(c.virtual, l.Name+"/addr_assign_type")
	if err != nil {
		return false
	}
	l.AddrAssignType, l.DevType = fact.Known(AddrAssignType(v)), devType
	if !w.readNameAssignType(l, c.virtual, l.Name+"/name_assign_type") {
		return false
	}
	w.readBridgePorts(l, c.virtual, l.Name+"/brif")
	w.readUdevDB(l)
	l.read = true
	return true
}

// readLink reads a device with every check; refresh asks netlink again first.
func (w *deviceWorker) readLink(l *link, refresh bool) error {
	if err := w.c.ctx.Err(); err != nil {
		return err
	}
	err := w.inspect(l, refresh)
	if errors.Is(err, errGone) {
		l.gone, err = true, nil
	}
	l.read, l.checked = true, true
	return err
}

// nameMasters turns master indexes into names; most are in the list already.
func (c *deviceReader) nameMasters(links []*link) {
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Index] = l.Name
	}
	var r *rtnl
	for _, l := range links {
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
			if m, err := r.get(c.ctx, "", l.masterIndex); err == nil {
				name = m.Name
			}
			names[l.masterIndex] = name
		}
		l.Master = name
	}
}

// addLowers looks up what lies beneath macvlans; most are in the list already.
func (c *deviceReader) addLowers(links []*link) {
	var r *rtnl
	for _, l := range links {
		if l.Kind != "macvlan" && l.Kind != "macvtap" || l.lowerIndex == 0 {
			continue
		}
		// They are sorted by index.
		if i, ok := slices.BinarySearchFunc(links, l.lowerIndex, func(o *link, index int) int { return o.Index - index }); ok {
			l.Lower = &Lower{Index: l.lowerIndex, Name: links[i].Name, MAC: links[i].MAC}
			continue
		}
		if r == nil {
			var err error
			if r, err = openRtnl(); err != nil {
				return
			}
			defer r.close()
		}
		if o, err := r.get(c.ctx, "", l.lowerIndex); err == nil {
			l.Lower = &Lower{Index: l.lowerIndex, Name: o.Name, MAC: o.MAC}
		}
	}
}

// deviceWorker reads devices one after the other.
type deviceWorker struct {
	c   *deviceReader
	r   *rtnl
	buf [4096]byte

	devTypes map[string]fact.Fact[string] // of sharedDevTypes, as seen so far
	sampled  int
}

func (w *deviceWorker) close() {
	if w.r != nil {
		w.r.close()
	}
}

// get asks the kernel about one device; errGone says that it has none.
func (w *deviceWorker) get(name string, index int) (link, error) {
	if w.r == nil {
		var err error
		if w.r, err = openRtnl(); err != nil {
			return link{}, err
		}
	}
	l, err := w.r.get(w.c.ctx, name, index)
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
func (w *deviceWorker) inspect(l *link, refresh bool) error {
	var why error
	for attempt := range inspectAttempts {
		if attempt > 0 || refresh {
			fresh, err := w.get("", l.Index)
			if err != nil {
				return err
			}
			if fresh.Kind != l.Kind {
				return errGone // the index went to another device
			}
			*l = fresh
		}
		if why = w.readFacts(l); !errors.Is(why, errDiffers) {
			break
		}
	}
	switch {
	case why == nil:
		return nil
	case errors.Is(why, errDiffers):
		if w.c.foreign == nil {
			w.c.foreign = map[string]bool{}
		}
		w.c.foreign[l.Name] = true
		w.withoutSysfs(l, fmt.Sprintf("%s does not show this device as netlink does: it may belong to another network namespace", w.c.netDir))
	case w.c.sysfsErr != nil:
		w.withoutSysfs(l, w.c.sysfsErr.Error())
	default:
		return why
	}
	return nil
}

// readFacts is inspect's one try. It changes nothing that netlink told of l.
func (w *deviceWorker) readFacts(l *link) error {
	w.readDriver(l)
	w.readUdevDB(l)
	return w.readSysfs(l)
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
	w.readBridgePorts(l, dir, "brif")
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

// readNameAssignType answers false where the device is not there. It comes
// after addr_assign_type.
func (w *deviceWorker) readNameAssignType(l *link, dir int, name string) bool {
	l.NameAssignType = fact.Fact[int]{}
	if w.c.want&WantNameAssignType == 0 && (l.AddrAssignType.Or(AddrPerm) != AddrSet || !w.c.nameFor(l.Name, l.MAC)) {
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

// readBridgePorts reads the names of a bridge's ports, which sysfs lists in the
// bridge's brif directory (br_sysfs_addbr() in net/bridge/br_sysfs_br.c).
func (w *deviceWorker) readBridgePorts(l *link, dir int, name string) {
	l.portNames, l.namesPorts = nil, false
	if l.Kind != "bridge" || w.c.want&WantPorts == 0 {
		return
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Getdents(fd, w.buf[:])
		if err != nil {
			return
		}
		if n == 0 {
			l.namesPorts = true
			return
		}
		_, _, l.portNames = unix.ParseDirent(w.buf[:n], -1, l.portNames)
	}
}

// portsOneByOne is the number of ports of a device up to which each is asked
// for by index; for more, one dump that the kernel filters by master is
// cheaper, although the kernel walks all links for it. mastersOneByOne is the
// number of such dumps beyond which a single dump of all links is.
const (
	portsOneByOne   = 32
	mastersOneByOne = 16
)

func isMaster(l *link) bool {
	switch l.Kind {
	case "bridge", "bond", "team", "vrf":
		return true
	}
	return l.Flags&unix.IFF_MASTER != 0
}

// collectPorts fills in Ports. all says that links are all there are.
//
// Bridges without ports cost nothing: sysfs has told their ports by name. Where
// it has not, one dump of the family AF_BRIDGE has every port of every bridge
// and nothing else (rtnl_bridge_getlink() in net/core/rtnetlink.c).
func (c *deviceReader) collectPorts(links []*link, all bool) error {
	ctx := c.ctx
	for _, l := range links {
		l.Ports = nil
	}
	if all {
		portsFrom(links, links)
		return nil
	}
	var dump []*link // masters whose ports take a dump
	var members map[int][]int
	interrupted := false // so that members says too little
	var r *rtnl
	for _, l := range links {
		if l.gone || !isMaster(l) {
			continue
		}
		if l.Kind != "bridge" {
			dump = append(dump, l)
			continue
		}
		var ask []askPort
		if l.namesPorts {
			for _, name := range l.portNames {
				ask = append(ask, askPort{name: name})
			}
		} else {
			if members == nil {
				var err error
				if members, err = dumpBridgePorts(ctx); err != nil && !errors.Is(err, errInterrupted) {
					return err
				}
				interrupted = err != nil
			}
			if interrupted {
				dump = append(dump, l)
				continue
			}
			for _, index := range members[l.Index] {
				ask = append(ask, askPort{index: index})
			}
		}
		if len(ask) == 0 {
			continue
		}
		if r == nil && len(ask) <= portsOneByOne {
			var err error
			if r, err = openRtnl(); err != nil {
				return err
			}
			defer r.close()
		}
		if len(ask) > portsOneByOne {
			dump = append(dump, l)
			continue
		}
		found, err := portsOf(ctx, r, l, ask)
		if err != nil {
			return err
		}
		if !found {
			dump = append(dump, l)
		}
	}
	if len(dump) > mastersOneByOne {
		every, torn, err := dumpLinks(ctx, linkFilter{}, nil)
		if err != nil {
			return err
		}
		portsFrom(dump, every)
		for _, l := range dump {
			l.tornPorts = torn
		}
		return nil
	}
	for _, l := range dump {
		if err := portsByMaster(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// askPort is a port by its name, or by its index.
type askPort struct {
	name  string
	index int
}

// portsOf asks for each port. It answers false where one of them is no port of
// the device any more: it left, or was renamed since it was listed.
func portsOf(ctx context.Context, r *rtnl, l *link, ask []askPort) (bool, error) {
	var ports []Port
	for _, a := range ask {
		p, err := r.get(ctx, a.name, a.index)
		switch {
		case errors.Is(err, unix.ENODEV):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("read a port of %s: %w", l.Name, err)
		case p.masterIndex != l.Index:
			return false, nil
		}
		ports = append(ports, portOf(&p))
	}
	slices.SortFunc(ports, func(a, b Port) int { return cmp.Compare(a.Index, b.Index) })
	l.Ports = ports
	return true, nil
}

// portsByMaster has the kernel pick the ports of one device.
func portsByMaster(ctx context.Context, l *link) error {
	dump, torn, err := dumpLinks(ctx, linkFilter{master: l.Index}, nil)
	if err != nil {
		return err
	}
	l.Ports, l.tornPorts = nil, torn
	for _, p := range dump {
		l.Ports = append(l.Ports, portOf(p))
	}
	return nil
}

// portsFrom finds the ports of masters in a list that has every link.
func portsFrom(masters, every []*link) {
	ports := map[int][]Port{}
	for _, l := range every {
		if l.port && !l.gone {
			ports[l.masterIndex] = append(ports[l.masterIndex], portOf(l))
		}
	}
	for _, l := range masters {
		l.Ports = ports[l.Index]
	}
}

func portOf(l *link) Port {
	return Port{Index: l.Index, Name: l.Name, MAC: l.MAC, PermanentMAC: l.PermanentMAC, Kind: l.Kind, OwnMAC: l.ownMAC}
}

// readPortDrivers names the drivers of hardware ports, where sysfs shows the
// devices of this network namespace.
func (c *deviceReader) readPortDrivers(links []*link) {
	if c.sysfs < 0 || len(c.foreign) > 0 {
		return
	}
	buf := make([]byte, unix.PathMax)
	for _, l := range links {
		for i := range l.Ports {
			if p := &l.Ports[i]; p.PermanentMAC != "" {
				if n, err := unix.Readlinkat(c.sysfs, p.Name+"/device/driver", buf); err == nil {
					p.Driver = path.Base(string(buf[:n]))
				}
			}
		}
	}
}

// readAddresses fills in DynamicIPv4.
func (c *deviceReader) readAddresses(links []*link) error {
	if len(links) == 0 {
		return nil
	}
	indexes := make([]int, 0, len(links))
	for _, l := range links {
		if !l.gone {
			indexes = append(indexes, l.Index)
		}
	}
	dynamic, err := dynamicIPv4(c.ctx, indexes)
	if err != nil {
		return err
	}
	for _, l := range links {
		l.DynamicIPv4 = dynamic[l.Index]
	}
	return nil
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
