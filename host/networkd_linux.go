package host

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"linkaudit/fact"
)

// Networkd is whether systemd-networkd has a say about devices.
type Networkd struct {
	// Running says that it runs now, in this network namespace; of an image
	// that is known not to be.
	Running fact.Fact[bool]
	// Enabled says that it is started at boot.
	Enabled fact.Fact[bool]
}

// Active is whether systemd-networkd runs or is started at boot.
func (n Networkd) Active() fact.Fact[bool] {
	for _, f := range []fact.Fact[bool]{n.Running, n.Enabled} {
		if f.Or(false) {
			return f
		}
	}
	if n.Running.IsUnknown() {
		return n.Running
	}
	return n.Enabled
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

// FindNetworkd looks for systemd-networkd on the running machine or, for another
// root, in an image, without starting anything.
func FindNetworkd(root string) Networkd {
	f := files{}
	n := Networkd{Running: fact.Known(false)}
	if root != "" && root != "/" {
		f.root = root
	} else {
		n.Running = networkdRuns()
	}
	n.Enabled = f.networkdEnabled()
	return n
}

func networkdRuns() fact.Fact[bool] {
	here := files{}
	isNetworkd := func(pid string) bool {
		b, err := here.read("/proc/"+pid+"/comm", limitSmall)
		if err != nil || strings.TrimSpace(string(b)) != networkdComm {
			return false
		}
		// Any process can give itself that name. What it runs is for root to see.
		exe, err := here.readlink("/proc/" + pid + "/exe")
		return err != nil || path.Base(strings.TrimSuffix(exe, " (deleted)")) == networkdProgram
	}
	for _, name := range networkdCgroups {
		if b, err := here.read(name, limitDB); err == nil && slices.ContainsFunc(strings.Fields(string(b)), isNetworkd) {
			return fact.Known(true)
		}
	}
	// Without a service manager it still has netlink sockets.
	pids, err := netlinkListeners()
	if err != nil {
		return fact.Unknown[bool](err.Error())
	}
	return fact.Known(slices.ContainsFunc(pids, isNetworkd))
}

// networkdEnabled looks for the links by which systemctl enable, or a generator
// such as netplan's, has the service started, and for a mask.
func (f files) networkdEnabled() fact.Fact[bool] {
	type listing struct {
		dir   string
		names []string
		err   error
	}
	var listings []listing
	for _, dir := range unitDirs {
		if dir == splitUsrUnits && f.same(dir, usrUnits) {
			continue
		}
		names, err := f.names(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		// What may not be listed may still be entered.
		if err != nil || slices.Contains(names, networkdUnit) {
			if target, err := f.readlink(path.Join(dir, networkdUnit)); err == nil && target == "/dev/null" {
				return fact.Known(false)
			}
		}
		listings = append(listings, listing{dir, names, err})
	}
	for _, l := range listings {
		if l.err != nil {
			return fact.Unknown[bool](l.err.Error())
		}
		for _, name := range l.names {
			if !strings.HasSuffix(name, ".wants") && !strings.HasSuffix(name, ".requires") {
				continue
			}
			if _, err := f.readlink(path.Join(l.dir, name, networkdUnit)); err == nil {
				return fact.Known(true)
			}
		}
	}
	return fact.Known(false)
}
