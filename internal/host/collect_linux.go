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

// Collect makes a Snapshot of the running machine or of an image, without its
// Files. It changes nothing, and every file and answer it waits for is
// bounded. What could not be found out is unknown in the Snapshot, with the
// reason; the error is for a root that is no directory and for a kernel that
// does not list its devices.
func Collect(ctx context.Context, opt Options) (*Snapshot, error) {
	s := &Snapshot{Schema: SnapshotSchema, Taken: time.Now().UTC().Truncate(time.Second)}
	var err error
	if opt.image() {
		err = collectImage(ctx, opt, s)
	} else {
		err = collectLive(ctx, opt, s)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func collectImage(ctx context.Context, opt Options, s *Snapshot) error {
	fi, err := os.Stat(opt.Root)
	switch {
	case err != nil:
		return fmt.Errorf("the image root: %w", err)
	case !fi.IsDir():
		return fmt.Errorf("the image root: %s: not a directory", opt.Root)
	}
	f := files{root: opt.Root}
	s.Offline = true
	s.Systemd, s.Problems = systemdFor(ctx, opt, f, udevd{})
	opt = opt.decided(s.Systemd.Release)
	s.System, s.MachineIDFile = imageSystem(f, opt.want())
	s.OtherMachineIDs = f.dbusMachineID()
	s.declarations(opt, f)
	s.Udev = Udev{
		Running:       fact.Unknown[bool](notBooted),
		SetupLinkRule: f.setupLinkRule(s.Systemd.Release.Or(0)),
	}
	if opt.Files != nil {
		s.Packaged = f.packaged(opt.Files)
	}
	line, at := f.bootArgument()
	s.NamingScheme = namingScheme(schemeEvidence{
		release:   s.Systemd.Release,
		cmdline:   line,
		cmdlineAt: at,
		environ:   fact.Absent[string](),
		database:  fact.Absent[string](),
	})
	return nil
}

func collectLive(ctx context.Context, opt Options, s *Snapshot) error {
	f := files{}
	u := findUdevd()
	s.Systemd, s.Problems = systemdFor(ctx, opt, f, u)
	opt = opt.decided(s.Systemd.Release)
	s.System, s.MachineIDFile = liveSystem(ctx, s.Systemd.Release, u, opt.want())
	s.MachineIDFile.NotKept = machineIDNotKept(&s.System)
	s.declarations(opt, f)
	s.Udev = Udev{Running: u.running, SetupLinkRule: f.setupLinkRule(s.Systemd.Release.Or(0))}
	if opt.Files != nil {
		s.Packaged = f.packaged(opt.Files)
	}
	if u.otherNetns {
		s.Problems = append(s.Problems, "a systemd-udevd runs, but in another network namespace: it does not see the devices of this one")
	}

	db := openUdevData(u)
	defer db.close()
	if opt.want() != WantNone {
		devices, problems, err := collectDevices(ctx, opt, s.System.MachineID.ID(), db, classNet)
		if err != nil {
			return err
		}
		s.Devices = devices
		s.Problems = append(s.Problems, problems...)
	}
	switch {
	case opt.want()&WantUdevDB == 0:
	case db.err != nil:
		s.Problems = append(s.Problems, db.err.Error())
	case u.pid == 0 && len(s.Devices) > 0:
		s.Problems = append(s.Problems, "no udevd can be seen to run: what the udev database says may be of devices that are gone, or of another network namespace")
	}
	s.NamingScheme = namingScheme(schemeEvidence{
		release:  s.Systemd.Release,
		cmdline:  s.System.KernelCommandLine,
		environ:  u.environ("NET_NAMING_SCHEME"),
		database: db.scheme(),
		online:   true,
	})
	return nil
}

// systemdFor takes the release that the caller knows, or looks it up.
func systemdFor(ctx context.Context, opt Options, f files, u udevd) (Systemd, []string) {
	if opt.Release != 0 {
		return Systemd{
			Release: fact.Known[linkfiles.Release](opt.Release),
			Version: fmt.Sprint(int(opt.Release)),
			Source:  "given",
		}, nil
	}
	return findSystemd(ctx, f, u)
}
