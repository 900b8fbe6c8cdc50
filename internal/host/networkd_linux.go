package host

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/netconf"
)

// networkd is whether systemd-networkd handles devices.
type networkd struct {
	// running says that it runs now, in this network namespace; for an image it is
	// false.
	running fact.Fact[bool]
	// enabled says that it is started at boot.
	enabled fact.Fact[bool]
}

// active is whether systemd-networkd runs or is started at boot.
func (n networkd) active() fact.Fact[bool] {
	for _, f := range []fact.Fact[bool]{n.running, n.enabled} {
		if f.Or(false) {
			return f
		}
	}
	if n.running.IsUnknown() {
		return n.running
	}
	return n.enabled
}

const (
	networkdUnit    = "systemd-networkd.service"
	networkdProgram = "systemd-networkd"
	// networkdComm is the name that the kernel shows of systemd-networkd, of
	// which it keeps 15 bytes (TASK_COMM_LEN).
	networkdComm = "systemd-network"
)

// networkdCgroups are the service's, in the unified and in the legacy hierarchy.
var networkdCgroups = []string{
	"/sys/fs/cgroup/system.slice/" + networkdUnit + "/cgroup.procs",
	"/sys/fs/cgroup/unified/system.slice/" + networkdUnit + "/cgroup.procs",
	"/sys/fs/cgroup/systemd/system.slice/" + networkdUnit + "/cgroup.procs",
}

// unitDirs are where a link starts or masks a unit, highest priority first
// (systemd.unit(5)).
var unitDirs = []string{
	"/etc/systemd/system", "/run/systemd/system",
	"/run/systemd/generator.early", "/run/systemd/generator", "/run/systemd/generator.late",
	"/usr/local/lib/systemd/system", usrUnits, splitUsrUnits,
}

// Both are one directory where /usr is merged.
const usrUnits, splitUsrUnits = "/usr/lib/systemd/system", "/lib/systemd/system"

// networkdSocket is the netlink socket: the kernel's first message there starts the
// service (systemd.socket(5)).
const networkdSocket = "systemd-networkd.socket"

// ReadNetworkd reads systemd-networkd's files below root, and finds out whether it runs
// or is started at boot; see netconf.ReadNetworkd and findNetworkd.
func ReadNetworkd(root string) (files *netconf.NetworkdFiles, active fact.Fact[bool], err error) {
	if files, err = netconf.ReadNetworkd(root); err != nil {
		return nil, fact.Fact[bool]{}, err
	}
	return files, findNetworkd(root, files.Configured()).active(), nil
}

// findNetworkd looks for systemd-networkd on the running machine or, for another root, in an
// image, without starting anything. configured says that it has something to do: only then
// the units that may start it are read.
func findNetworkd(root string, configured bool) networkd {
	f := files{}
	n := networkd{running: fact.Known(false)}
	image := root != "" && root != "/"
	if image {
		f.root = root
	} else {
		n.running = networkdRuns()
	}
	units := f.units()
	n.enabled = units.enabled()
	if n.enabled.Or(true) || !configured {
		return n
	}
	if units.wanted() || image && f.firstBoot() && units.preset(networkdUnit) {
		n.enabled = fact.Known(true)
	}
	return n
}

// isNetworkd reports whether a process is systemd-networkd.
func isNetworkd(pid string) bool {
	here := files{}
	b, err := here.read("/proc/"+pid+"/comm", limitSmall)
	if err != nil || strings.TrimSpace(string(b)) != networkdComm {
		return false
	}
	// Any process can have that name. Root can see what it runs.
	exe, err := here.readlink("/proc/" + pid + "/exe")
	return err != nil || path.Base(strings.TrimSuffix(exe, " (deleted)")) == networkdProgram
}

func networkdRuns() fact.Fact[bool] {
	for _, name := range networkdCgroups {
		if b, err := (files{}).read(name, limitDB); err == nil && slices.ContainsFunc(strings.Fields(string(b)), isNetworkd) {
			return fact.Known(true)
		}
	}
	// Without a service manager it still has netlink sockets.
	pids, err := netlinkListeners()
	if err != nil {
		return fact.Unknown[bool](fact.Told(err.Error()))
	}
	return fact.Known(slices.ContainsFunc(pids, isNetworkd))
}

// units are the directories of units, highest priority first.
type units struct {
	files
	dirs []unitDir
}

type unitDir struct {
	dir   string
	names []string
	err   error
}

func (f files) units() *units {
	u := &units{files: f}
	for _, dir := range unitDirs {
		if dir == splitUsrUnits && f.same(dir, usrUnits) {
			continue
		}
		names, err := f.names(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		u.dirs = append(u.dirs, unitDir{dir, names, err})
	}
	return u
}

// masked reports whether a link to /dev/null replaces the unit.
func (u *units) masked(unit string) bool {
	for _, d := range u.dirs {
		// A directory that cannot be listed may still be entered.
		if d.err != nil || slices.Contains(d.names, unit) {
			if target, err := u.readlink(path.Join(d.dir, unit)); err == nil && target == "/dev/null" {
				return true
			}
		}
	}
	return false
}

// enabled looks for the links by which systemctl enable, or a generator such as netplan's,
// starts the service or its socket, and for a mask.
func (u *units) enabled() fact.Fact[bool] {
	if u.masked(networkdUnit) {
		return fact.Known(false)
	}
	for _, d := range u.dirs {
		if d.err != nil {
			return fact.Unknown[bool](fact.Told(d.err.Error()))
		}
		for _, name := range d.names {
			if !startsOthers(name) {
				continue
			}
			if u.startsNetworkd(path.Join(d.dir, name)) {
				return fact.Known(true)
			}
		}
	}
	return fact.Known(false)
}

// startsNetworkd reports whether a directory has a link to the service or its socket.
func (u *units) startsNetworkd(dir string) bool {
	for _, unit := range []string{networkdUnit, networkdSocket} {
		if _, err := u.readlink(path.Join(dir, unit)); err == nil && !u.masked(unit) {
			return true
		}
	}
	return false
}

// startsOthers reports whether a directory has links to the units that a unit starts
// (systemd.unit(5)).
func startsOthers(dir string) bool {
	return slices.Contains([]string{".wants", ".requires", ".upholds"}, path.Ext(dir))
}

// maxUnits is how many units are read.
const maxUnits = 1024

// bootUnits are the ones that a boot starts, whatever is enabled (bootup(7)).
var bootUnits = []string{"default.target", "graphical.target", "multi-user.target", "basic.target", "sysinit.target", "sockets.target"}

// wanted reports whether a unit that is started at boot starts systemd-networkd with a line
// such as Wants=.
func (u *units) wanted() bool {
	if u.masked(networkdUnit) {
		return false
	}
	queue := append(slices.Clone(bootUnits), u.linkedUnits()...)
	seen := map[string]bool{}
	for len(queue) > 0 && len(seen) < maxUnits {
		unit := queue[0]
		queue = queue[1:]
		switch {
		case seen[unit] || u.masked(unit):
			continue
		case unit == networkdUnit, unit == networkdSocket:
			return true
		}
		seen[unit] = true
		for _, text := range u.content(unit) {
			queue = append(queue, unitsStartedBy(text)...)
		}
	}
	return false
}

// linkedUnits are those with links in the directories of others.
func (u *units) linkedUnits() (all []string) {
	for _, d := range u.dirs {
		for _, name := range d.names {
			if startsOthers(name) {
				all = append(all, u.links(path.Join(d.dir, name))...)
			}
		}
	}
	return all
}

// links are the names of the symbolic links in a directory.
func (u *units) links(dir string) (links []string) {
	names, _ := u.names(dir)
	for _, name := range names {
		if _, err := u.readlink(path.Join(dir, name)); err == nil {
			links = append(links, name)
		}
	}
	return links
}

// unitsStartedBy are the units that a unit file, or a drop-in, starts with its own.
func unitsStartedBy(text string) (others []string) {
	for line := range strings.Lines(text) {
		switch key, value, _ := strings.Cut(line, "="); strings.TrimSpace(key) {
		case "Wants", "Requires", "BindsTo", "Upholds":
			others = append(others, strings.Fields(value)...)
		}
	}
	return others
}

// content is the file of a unit, of its template if it is an instance, and of its
// drop-ins.
func (u *units) content(unit string) (all []string) {
	names := []string{unit}
	if before, after, ok := strings.Cut(unit, "@"); ok && before != "" {
		names = append(names, before+"@"+path.Ext(after))
	}
	for _, name := range names {
		if text, ok := u.file(name); ok {
			all = append(all, text)
		}
		for _, d := range u.dirs {
			if slices.Contains(d.names, name+".d") {
				all = append(all, u.dropIns(path.Join(d.dir, name+".d"))...)
			}
		}
	}
	return all
}

// file is the readable file of a name in the highest directory.
func (u *units) file(name string) (text string, ok bool) {
	for _, d := range u.dirs {
		if !slices.Contains(d.names, name) {
			continue
		}
		if b, err := u.read(path.Join(d.dir, name), limitSmall); err == nil {
			return string(b), true
		}
	}
	return "", false
}

// dropIns are the files of a directory of drop-ins.
func (u *units) dropIns(dir string) (all []string) {
	names, _ := u.names(dir)
	for _, name := range names {
		if b, err := u.read(path.Join(dir, name), limitSmall); err == nil && path.Ext(name) == ".conf" {
			all = append(all, string(b))
		}
	}
	return all
}

// firstBoot reports whether the next boot is a first one, when PID 1 applies the presets:
// /etc/machine-id is missing, or says "uninitialized". An empty file does not make a first
// boot (machine-id(5); udevd.md).
func (f files) firstBoot() bool {
	_, state := f.machineID()
	return state == MachineIDMissing || state == MachineIDUninitialized
}

// presetDirs are systemd.preset(5)'s, highest priority first.
var presetDirs = []string{
	"/etc/systemd/system-preset", "/run/systemd/system-preset", "/usr/local/lib/systemd/system-preset",
	"/usr/lib/systemd/system-preset", "/lib/systemd/system-preset",
}

// preset reports whether the presets enable a unit that can be enabled: the first line that
// matches counts, and without one it is enabled (systemd.preset(5)).
func (u *units) preset(unit string) bool {
	if u.masked(unit) || !slices.ContainsFunc(u.content(unit), func(text string) bool { return strings.Contains(text, "[Install]") }) {
		return false
	}
	for _, file := range u.presetFiles() {
		b, _ := u.read(file, limitSmall)
		for line := range strings.Lines(string(b)) {
			if enabled, ok := presetLine(line, unit); ok {
				return enabled
			}
		}
	}
	return true
}

// presetFiles are the files of presets, ordered by name. A name counts once, from the
// highest directory.
func (u *units) presetFiles() (presets []string) {
	where := map[string]string{}
	for _, dir := range presetDirs {
		found, _ := u.names(dir)
		for _, name := range found {
			if where[name] == "" && path.Ext(name) == ".preset" {
				where[name] = path.Join(dir, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(where)) {
		presets = append(presets, where[name])
	}
	return presets
}

// presetLine is what a line says about a unit, if anything.
func presetLine(line, unit string) (enabled, ok bool) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return false, false
	}
	if ok, err := path.Match(words[1], unit); !ok || err != nil {
		return false, false
	}
	switch words[0] {
	case "enable":
		return true, true
	case "disable", "ignore":
		return false, true
	}
	return false, false
}
