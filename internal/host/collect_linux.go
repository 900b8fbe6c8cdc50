package host

import (
	"context"
	"fmt"
	"os"
	"time"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// classNet is where sysfs shows the network devices.
const classNet = "/sys/class/net"

// Machine is the running machine, or an image, while a Snapshot of it is made. Its release
// of systemd is known first, because everything else depends on it. It changes nothing, and
// every file and answer that it waits for is limited. What cannot be found out is unknown,
// with the reason.
type Machine struct {
	// Taken is when its release was looked for.
	Taken time.Time
	// Offline is true for an image.
	Offline bool
	Systemd Systemd
	// Problems are what could not be read so far, a line each.
	Problems []string

	files  files
	udevd  udevd
	udevDB *udevData // nil for an image
	names  nameSocket
}

// Probe finds the release of systemd, or uses the given one unless that is zero. The root is
// "" or "/" for the running machine. Any other directory is the root of an image: nothing in
// it is executed, and nothing outside of it is read. The error is for a root that is not a
// directory. Close releases what is open.
func Probe(ctx context.Context, root string, given linkfiles.Release) (*Machine, error) {
	m := &Machine{Taken: time.Now().UTC().Truncate(time.Second), Offline: root != "" && root != "/", names: nameSocket{fd: -1}}
	if m.Offline {
		fi, err := os.Stat(root)
		switch {
		case err != nil:
			return nil, fmt.Errorf("the image root: %w", err)
		case !fi.IsDir():
			return nil, fmt.Errorf("the image root: %s is not a directory", root)
		}
		m.files.root = root
	} else {
		m.udevd = findUdevd()
		m.udevDB = openUdevData(m.udevd)
	}
	if given != 0 {
		m.Systemd = Systemd{Release: fact.Known(given), Version: fmt.Sprint(int(given)), Source: "given"}
	} else {
		m.Systemd, m.Problems = findSystemd(ctx, m.files, m.udevd)
	}
	if m.udevd.otherNetns {
		m.Problems = append(m.Problems, "systemd-udevd runs in another network namespace and does not see the devices of this one")
	}
	return m, nil
}

// Close closes what is open.
func (m *Machine) Close() {
	if m.udevDB != nil {
		m.udevDB.close()
	}
	m.names.close()
}

// Facts are what a Snapshot has of the system.
type Facts struct {
	System        linkfiles.System
	MachineIDFile MachineIDFile
	Udev          Udev
	NamingScheme  fact.Fact[NamingScheme]
}

// Facts finds out about the system; facts that cost something only if wanted.
func (m *Machine) Facts(ctx context.Context, want Want) Facts {
	var f Facts
	evidence := schemeEvidence{release: m.Systemd.Release, online: !m.Offline}
	if m.Offline {
		f.System, f.MachineIDFile = imageSystem(m.files, want)
		f.Udev.Running = fact.Unknown[bool](fact.Told(notBooted))
		evidence.cmdline, evidence.cmdlineAt = m.files.bootArgument()
		evidence.environ, evidence.database = fact.Absent[string](), fact.Absent[string]()
	} else {
		f.System, f.MachineIDFile = liveSystem(ctx, m.Systemd.Release, m.udevd, want)
		f.MachineIDFile.NotKept = machineIDNotKept(&f.System)
		f.Udev.Running = m.udevd.running
		evidence.cmdline = f.System.KernelCommandLine
		evidence.environ, evidence.database = m.udevd.environ("NET_NAMING_SCHEME"), m.udevDB.scheme()
	}
	f.Udev.SetupLinkRule = m.files.setupLinkRule(m.Systemd.Release.Or(0))
	f.NamingScheme = namingScheme(evidence)
	return f
}

// Packaged is what the package manager recorded of the files.
func (m *Machine) Packaged(store *linkfiles.Store) fact.Fact[[]Packaged] {
	return m.files.packaged(store)
}

// Devices lists the devices of the running machine; an image has none. The problems are
// what could not be read, a line each; the error is for a kernel that lists none.
func (m *Machine) Devices(ctx context.Context, opt DeviceOptions) (devices []Device, problems []string, err error) {
	if m.Offline {
		return nil, nil, nil
	}
	devices, problems, err = collectDevices(ctx, opt, m.udevDB, classNet)
	switch {
	case err != nil:
		return nil, nil, err
	case opt.want()&WantUdevDB == 0:
	case m.udevDB.err != nil:
		problems = append(problems, m.udevDB.err.Error())
	case m.udevd.pid == 0 && len(devices) > 0:
		problems = append(problems, "no running udevd is visible: the udev database may be about devices that are gone, or about another network namespace")
	}
	return devices, problems, nil
}
