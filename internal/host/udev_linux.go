package host

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

const udevDataDir = "/run/udev/data"

// udevData reads the udev database.
//
// A file of it is named only by ifindex, and does not say which device or network namespace
// it is about. It is possible to check that the udevd that writes it works in this process's
// network namespace. udevd removes a file when its device is removed (device_delete_db()), so
// an entry is stale only if udevd did not run then. Snapshot.Problems has what could not be
// checked.
type udevData struct {
	fd  int
	err error // why nothing is known
}

func openUdevData(u udevd) *udevData {
	if u.otherNetns {
		return &udevData{fd: -1, err: errors.New("udevd and its database are for another network namespace")}
	}
	if u.pid != 0 && u.running.IsUnknown() {
		return &udevData{fd: -1, err: errors.New("udevd's database may be about another network namespace: " + u.running.Reason().String())}
	}
	fd, err := unix.Open(udevDataDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &udevData{fd: -1, err: fmt.Errorf("%s: %w", udevDataDir, err)}
	}
	return &udevData{fd: fd}
}

func (u *udevData) close() {
	if u.fd >= 0 {
		unix.Close(u.fd)
	}
}

// device returns the properties of the device with the index: absent if udevd has not
// handled it (yet).
func (u *udevData) device(index int) fact.Fact[map[string]string] {
	if u.err != nil {
		return fact.Unknown[map[string]string](fact.Told(u.err.Error()))
	}
	name := "n" + strconv.Itoa(index)
	unknown := func(err error) fact.Fact[map[string]string] {
		return fact.Unknown[map[string]string](fact.Told(fmt.Sprintf("%s/%s: %v", udevDataDir, name, err)))
	}
	fd, err := unix.Openat(u.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return fact.Absent[map[string]string]()
	case err != nil:
		return unknown(err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return unknown(err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return unknown(errors.New("not a regular file"))
	case st.Size > limitDB:
		return unknown(fmt.Errorf("larger than %d bytes", limitDB))
	}
	var room [1024]byte // of most records
	buf := room[:min(int(st.Size), len(room))]
	if int(st.Size) > len(room) {
		buf = make([]byte, st.Size)
	}
	n, err := readFull(fd, buf)
	if err != nil {
		return unknown(err)
	}
	return fact.Known(parseUdevDB(buf[:n]))
}

// readFull reads until the buffer is full or the file ends.
func readFull(fd int, buf []byte) (n int, err error) {
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		if err != nil {
			return n, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// scheme looks for ID_NET_NAMING_SCHEME, which udevd writes for every Ethernet, InfiniBand and
// SLIP device that is not stacked on another (builtin_net_id(), since systemd 243): first
// among the first indexes, where hardware usually is, then among the first records. It does
// not depend on the collected devices.
func (u *udevData) scheme() fact.Fact[string] {
	const from, to = 2, 8
	for index := from; index < to; index++ {
		if s := fromDB(u.device(index), "ID_NET_NAMING_SCHEME"); s.IsKnown() {
			return s
		}
	}
	for _, index := range u.first(maxSchemeRecords) {
		if s := fromDB(u.device(index), "ID_NET_NAMING_SCHEME"); s.IsKnown() {
			return s
		}
	}
	return fact.Absent[string]()
}

// maxSchemeRecords is how many records of the database to search for the scheme.
const maxSchemeRecords = 64

// first returns the lowest indexes of devices that the database has, n at most.
func (u *udevData) first(n int) []int {
	if u.err != nil {
		return nil
	}
	fd, err := unix.Openat(u.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	dir := os.NewFile(uintptr(fd), udevDataDir)
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var indexes []int
	for _, name := range names {
		number, isDevice := strings.CutPrefix(name, "n")
		if index, err := strconv.Atoi(number); isDevice && err == nil {
			indexes = append(indexes, index)
		}
	}
	slices.Sort(indexes)
	return indexes[:min(n, len(indexes))]
}

// udevd is the running systemd-udevd, as far as /proc shows it.
type udevd struct {
	running fact.Fact[bool]
	// pid is 0 where it is not running or cannot be seen.
	pid int
	// sure: it was seen to be in this network namespace.
	sure bool
	// otherNetns is true if a udevd runs for another network namespace: it gets no uevents
	// of devices in this one.
	otherNetns bool
}

// udevdCgroups are where systemd-udevd.service's processes are listed: the
// unified hierarchy, with DelegateSubgroup=udev in newer releases, and
// systemd's own of cgroup v1.
var udevdCgroups = []string{
	"/sys/fs/cgroup/system.slice/systemd-udevd.service/udev/cgroup.procs",
	"/sys/fs/cgroup/system.slice/systemd-udevd.service/cgroup.procs",
	"/sys/fs/cgroup/systemd/system.slice/systemd-udevd.service/cgroup.procs",
	"/sys/fs/cgroup/unified/system.slice/systemd-udevd.service/cgroup.procs",
}

// findUdevd looks for the daemon without talking to it: its control socket may be systemd's,
// and a connection would start it. It looks in the service's cgroup first; without one (no
// service manager, a container), among the listeners for uevents in this network namespace,
// and then in all of /proc.
func findUdevd() udevd {
	if u, ok := udevdOfService(); ok {
		return u
	}
	if u, ok := pickUdevd(ueventListeners()); ok && u.running.Or(false) {
		return u
	}
	return udevdInProc()
}

func udevdOfService() (udevd, bool) {
	for _, name := range udevdCgroups {
		b, err := files{}.read(name, limitDB)
		if err != nil {
			continue
		}
		if u, ok := pickUdevd(strings.Fields(string(b))); ok {
			return u, true
		}
	}
	return udevd{}, false
}

func udevdInProc() udevd {
	pids, err := files{}.names("/proc")
	if err != nil {
		return udevd{running: fact.Unknown[bool](fact.Told(err.Error()))}
	}
	if u, ok := pickUdevd(pids); ok {
		return u
	}
	// With hidepid= of proc(5) other users' processes are hidden.
	if os.Geteuid() != 0 && !slices.Contains(pids, "1") {
		return udevd{running: fact.Unknown[bool](fact.Told("/proc does not show the processes of other users"))}
	}
	if !slices.Contains(pids, "self") {
		return udevd{running: fact.Unknown[bool](fact.Told("/proc is not mounted"))}
	}
	return udevd{running: fact.Known(false)}
}

// NETLINK_ROUTE and NETLINK_KOBJECT_UEVENT of linux/netlink.h.
const routeProtocol, ueventProtocol = "0", "15"

// ueventListeners returns the processes of this network namespace that get the
// kernel's uevents.
func ueventListeners() []string {
	pids, _ := netlinkSockets(ueventProtocol)
	return pids
}

// netlinkListeners returns the processes that have a netlink socket for routing
// messages or uevents in this network namespace.
func netlinkListeners() ([]string, error) {
	return netlinkSockets(routeProtocol, ueventProtocol)
}

// netlinkSockets returns the port numbers of this network namespace's sockets of the
// protocols; the number is the PID of the process that bound the socket, unless it had one
// already (netlink_autobind()).
func netlinkSockets(protocols ...string) (pids []string, err error) {
	b, err := files{}.read("/proc/net/netlink", limitDB)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		// sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
		if f := strings.Fields(line); len(f) > 3 && slices.Contains(protocols, f[1]) && f[2] != "0" {
			pids = append(pids, f[2])
		}
	}
	return pids, nil
}

// UdevdPID returns the PID of the systemd-udevd that gets this network namespace's uevents,
// which is the parent of its workers; 0 if none runs or is visible. One of another namespace
// must not get a signal.
func UdevdPID() int {
	if u := findUdevd(); u.running.Or(false) && u.sure {
		return u.pid
	}
	return 0
}

// pickUdevd chooses the process named systemd-udevd in this PID namespace that
// works in this network namespace.
func pickUdevd(pids []string) (udevd, bool) {
	daemons := udevdDaemons(pids)
	ours, _ := os.Readlink("/proc/self/ns/net")
	var u udevd
	for _, daemon := range daemons {
		if u = udevdFor(ours, daemon.pid); !u.otherNetns {
			return u, true
		}
	}
	return u, len(daemons) > 0
}

// udevdDaemons are the processes named systemd-udevd, by PID. Before systemd 250 its
// workers have the same name: the daemon is the one whose parent has another.
func udevdDaemons(pids []string) []process {
	var candidates []process
	for _, p := range pids {
		pid, err := strconv.Atoi(p)
		if err != nil || pid <= 0 {
			continue
		}
		if p, ok := udevdProcess(pid); ok {
			candidates = append(candidates, p)
		}
	}
	slices.SortFunc(candidates, func(a, b process) int { return cmp.Compare(a.pid, b.pid) })
	return slices.DeleteFunc(slices.Clone(candidates), func(p process) bool {
		if slices.ContainsFunc(candidates, func(other process) bool { return other.pid == p.parent }) {
			return true
		}
		_, ok := udevdProcess(p.parent)
		return ok
	})
}

// udevdFor is what a udevd is to the network namespace ours.
func udevdFor(ours string, pid int) udevd {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	switch {
	case err == nil && theirs == ours:
		return udevd{running: fact.Known(true), pid: pid, sure: true}
	case err == nil:
		return udevd{running: fact.Known(false), otherNetns: true}
	case slices.Contains(ueventListeners(), strconv.Itoa(pid)):
		return udevd{running: fact.Known(true), pid: pid, sure: true}
	case ownUserNamespace() && initialNetwork():
		// Another user's process, in the namespaces that the machine began
		// with: its udevd is there, too.
		return udevd{running: fact.Known(true), pid: pid}
	}
	return udevd{running: fact.Unknown[bool](fact.Told("a systemd-udevd runs, perhaps for another network namespace")), pid: pid}
}

// process is a process and its parent, 0 if unknown.
type process struct{ pid, parent int }

// udevdProcess checks the name, which any process can give itself (PR_SET_NAME), that
// the process is root's, and that it is in this PID namespace.
func udevdProcess(pid int) (process, bool) {
	var buf [4096]byte
	n, err := readAt(unix.AT_FDCWD, fmt.Sprintf("/proc/%d/comm", pid), buf[:])
	if err != nil || string(buf[:n]) != "systemd-udevd\n" {
		return process{}, false
	}
	n, err = readAt(unix.AT_FDCWD, fmt.Sprintf("/proc/%d/status", pid), buf[:])
	if err != nil {
		return process{}, false
	}
	parent, uids, here := parseProcessStatus(string(buf[:n]))
	return process{pid, parent}, here && isRoots(uids)
}

// overflowUID is what a user namespace shows instead of an unmapped user ID
// (/proc/sys/kernel/overflowuid, user_namespaces(7)).
const overflowUID = "65534"

// isRoots reports whether all user IDs of a process are root's. Its real, effective,
// saved and file system UID stand in the status.
func isRoots(ids []string) bool {
	for _, id := range ids {
		if id != "0" && (id != overflowUID || ownUserNamespace()) {
			return false
		}
	}
	return len(ids) > 0
}

// The inode numbers of the first namespaces, include/linux/proc_ns.h.
const (
	initialUserNamespace = "user:[4026531837]"
	initialPIDNamespace  = "pid:[4026531836]"
)

// initialNetwork reports whether this is the machine's first network namespace: no other has
// net_core_table (sysctl_core_init() of net/core/sysctl_net_core.c).
func initialNetwork() bool {
	var st unix.Stat_t
	return unix.Stat("/proc/sys/net/core/dev_weight", &st) == nil
}

func ownUserNamespace() bool {
	ns, err := os.Readlink("/proc/self/ns/user")
	return err == nil && ns == initialUserNamespace
}

// environ returns a variable from the environment with which udevd was started; absent if
// it is not set or no udevd runs.
func (u udevd) environ(name string) fact.Fact[string] {
	if u.pid == 0 {
		if u.running.IsUnknown() {
			return fact.Unknown[string](u.running.Reason())
		}
		return fact.Absent[string]()
	}
	b, err := files{}.read(fmt.Sprintf("/proc/%d/environ", u.pid), limitDB)
	if err != nil {
		return fact.Unknown[string](fact.Told(err.Error()))
	}
	if values := variables(b, name); len(values) > 0 {
		return fact.Known(values[0])
	}
	return fact.Absent[string]()
}

// variables are the values that /proc/PID/environ has for a name.
func variables(environ []byte, name string) (values []string) {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if key, value, ok := bytes.Cut(v, []byte("=")); ok && string(key) == name {
			values = append(values, string(value))
		}
	}
	return values
}

// setupLinkRules is the file that systemd ships with the rule that applies
// .link files.
const setupLinkRules = "80-net-setup-link.rules"

// rulesDirs are where udevd of a release looks for rules, highest priority first; /lib counts
// if it is not /usr/lib, for a udevd built for a split /usr (until 254).
func (f files) rulesDirs(rel linkfiles.Release) []string {
	dirs := []string{"/etc/udev/rules.d", "/run/udev/rules.d"}
	if rel == 0 || rel >= rulesInUsrLocal {
		dirs = append(dirs, "/usr/local/lib/udev/rules.d")
	}
	dirs = append(dirs, "/usr/lib/udev/rules.d")
	if lib, err := f.resolve("/lib"); err == nil && lib != "/usr/lib" {
		dirs = append(dirs, "/lib/udev/rules.d")
	}
	return dirs
}

// setupLinkRule finds the effective rules file that runs net_setup_link: the usual one or,
// without it, any other. If none is found, the first error says why it is unknown.
func (f files) setupLinkRule(rel linkfiles.Release) fact.Fact[string] {
	dirs := f.rulesDirs(rel)
	file, runs, firstErr := f.effectiveRules(dirs, setupLinkRules)
	if runs {
		return fact.Known(file)
	}
	names, err := f.rulesNames(dirs)
	firstErr = cmp.Or(firstErr, err)
	for _, name := range names {
		if name == setupLinkRules {
			continue
		}
		file, runs, err := f.effectiveRules(dirs, name)
		if runs {
			return fact.Known(file)
		}
		firstErr = cmp.Or(firstErr, err)
	}
	if firstErr != nil {
		return fact.Unknown[string](fact.Told(firstErr.Error()))
	}
	return fact.Absent[string]()
}

// effectiveRules returns the effective file of the name, and whether it runs net_setup_link: a
// name counts once, from the highest directory, and an empty file or a link to /dev/null
// masks it (udev(7)).
func (f files) effectiveRules(dirs []string, name string) (file string, runs bool, err error) {
	for _, dir := range dirs {
		file := path.Join(dir, name)
		masked, err := f.maskedRules(file)
		switch {
		case errors.Is(err, unix.ENOENT):
			continue
		case err != nil:
			return "", false, err
		case masked:
			return "", false, nil
		}
		b, err := f.read(file, limitDB)
		if err != nil {
			return "", false, err
		}
		return file, runsSetupLink(b), nil
	}
	return "", false, nil
}

// rulesNames are the names of all rules files, each once, and the first directory's error.
func (f files) rulesNames(dirs []string) (names []string, firstErr error) {
	for _, dir := range dirs {
		list, err := f.names(dir)
		if !isMissing(err) {
			firstErr = cmp.Or(firstErr, err)
		}
		for _, name := range list {
			if strings.HasSuffix(name, ".rules") {
				names = append(names, name)
			}
		}
	}
	return sortedUnique(names), firstErr
}

// maskedRules reports whether a rules file is empty or leads to /dev/null.
func (f files) maskedRules(file string) (bool, error) {
	if f.root != "" {
		// An image's /dev is empty, so only the link itself shows it.
		if masked, err := f.leadsToNull(file); masked || err != nil {
			return masked, err
		}
	}
	p, err := f.path(file)
	if err != nil {
		return false, err
	}
	fi, err := os.Stat(p)
	if err != nil {
		return false, cause(err)
	}
	if fi.Mode().IsRegular() {
		return fi.Size() == 0, nil
	}
	var st unix.Stat_t
	if err := unix.Stat(p, &st); err != nil {
		return false, err
	}
	if isNullDevice(&st) {
		return true, nil
	}
	return false, fmt.Errorf("%s: not a regular file", file)
}

// leadsToNull reports whether a file is a link to /dev/null. The error is about its
// directory.
func (f files) leadsToNull(file string) (bool, error) {
	dir, err := f.path(path.Dir(file))
	if err != nil {
		return false, err
	}
	to, err := os.Readlink(path.Join(dir, path.Base(file)))
	return err == nil && path.Clean(to) == "/dev/null", nil
}

func isNullDevice(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && unix.Major(st.Rdev) == 1 && unix.Minor(st.Rdev) == 3
}
