package host

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

const notBooted = "the image is not running"

// imageSystem is what the files of an image tell about the machine that it will run on.
func imageSystem(f files, want Want) (linkfiles.System, MachineIDFile) {
	id, state := f.machineID()
	s := linkfiles.System{
		Hostname:          fact.Unknown[string](fact.Told(notBooted)),
		MachineID:         id,
		Virtualization:    fact.Unknown[linkfiles.Virt](fact.Told(notBooted)),
		KernelCommandLine: fact.Unknown[string](fact.Told(notBooted)),
		KernelRelease:     fact.Unknown[string](fact.Told(notBooted)),
		Architecture:      fact.Unknown[string](fact.Told(notBooted)),
		Credentials:       fact.Unknown[[]string](fact.Told(notBooted)),
		Firmware:          fact.Unknown[linkfiles.Firmware](fact.Told(notBooted)),
		BootID:            fact.Unknown[string](fact.Told(notBooted)),
		ProductUUID:       fact.Unknown[string](fact.Told(notBooted)),
	}
	if want&WantSystem != 0 {
		s.MachineTags = f.machineTags()
	}
	if want&WantGlibc != 0 {
		s.Glibc = f.glibc()
	}
	return s, MachineIDFile{State: state}
}

func liveSystem(ctx context.Context, rel fact.Fact[linkfiles.Release], u udevd, want Want) (linkfiles.System, MachineIDFile) {
	here := files{}
	id, state := here.machineID()
	s := linkfiles.System{MachineID: id}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		reason := fmt.Sprintf("uname: %v", err)
		s.Hostname, s.KernelRelease, s.Architecture = fact.Unknown[string](fact.Told(reason)), fact.Unknown[string](fact.Told(reason)), fact.Unknown[string](fact.Told(reason))
	} else {
		s.Hostname = hostname(uts, u)
		s.KernelRelease = fact.Known(unix.ByteSliceToString(uts.Release[:]))
		machine := unix.ByteSliceToString(uts.Machine[:])
		if a, ok := architectures[machine]; ok {
			s.Architecture = fact.Known(a)
		} else {
			s.Architecture = fact.Unknown[string](fact.Told(fmt.Sprintf("systemd has no name for the architecture %q", machine)))
		}
	}
	s.KernelCommandLine = commandLine(rel)
	if want&WantSystem != 0 {
		s.Virtualization = virtualization(ctx, rel)
		s.Firmware = firmware(s.Virtualization)
		s.Credentials = credentials(u)
		s.MachineTags = here.machineTags()
		s.BootID = here.identifier("/proc/sys/kernel/random/boot_id")
		s.ProductUUID = here.identifier(productUUID)
	}
	if want&WantGlibc != 0 {
		s.Glibc = here.glibc()
	}
	return s, MachineIDFile{State: state}
}

// hostname is the nodename of uname(2), which Host= is compared with
// (condition_test_host() calls gethostname_malloc()). An empty one and
// "(none)" stand for a name that systemd makes up: DEFAULT_HOSTNAME of
// os-release in newer releases, a build option in all of them.
//
// systemd-udevd.service has ProtectHostname=yes since systemd 242: udevd keeps
// the name that the machine had when udevd was started. So the name is asked
// in udevd's own UTS namespace, for which root's rights are needed; without
// them it is this process's.
func hostname(uts unix.Utsname, u udevd) fact.Fact[string] {
	name := unix.ByteSliceToString(uts.Nodename[:])
	if u.pid != 0 && otherUTSNamespace(u.pid) {
		n, err := nodenameOf(u.pid)
		if err != nil {
			return fact.Unknown[string](fact.Told(fmt.Sprintf("udevd has its own UTS namespace: %v", err)))
		}
		name = n
	}
	if name == "" || name == "(none)" {
		return fact.Unknown[string](fact.Told("no host name is set, and systemd's default is a build option"))
	}
	return fact.Known(name)
}

// otherUTSNamespace reports whether a process is seen to have another one than this.
func otherUTSNamespace(pid int) bool {
	ours, err1 := os.Readlink("/proc/self/ns/uts")
	theirs, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/uts", pid))
	return err1 == nil && err2 == nil && ours != theirs
}

// nodenameOf asks uname(2) in the UTS namespace of a process. The thread that
// entered it is never used again: it ends with its goroutine, which stays
// locked to it.
func nodenameOf(pid int) (string, error) {
	type answer struct {
		name string
		err  error
	}
	done := make(chan answer)
	go func() {
		runtime.LockOSThread()
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/uts", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- answer{err: err}
			return
		}
		defer unix.Close(fd)
		if err := unix.Setns(fd, unix.CLONE_NEWUTS); err != nil {
			done <- answer{err: err}
			return
		}
		var uts unix.Utsname
		err = unix.Uname(&uts)
		done <- answer{unix.ByteSliceToString(uts.Nodename[:]), err}
	}()
	a := <-done
	return a.name, a.err
}

func (f files) machineTags() fact.Fact[[]string] {
	b, err := f.read("/etc/machine-info", limitSmall)
	switch {
	case errors.Is(err, unix.ENOENT):
		return fact.Known([]string{})
	case err != nil:
		return fact.Unknown[[]string](fact.Told(err.Error()))
	}
	return fact.Known(machineTags(b))
}

// commandLine is what proc_cmdline() reads: /proc/cmdline or, in a container,
// the arguments of PID 1 (systemd 239 to 262).
func commandLine(rel fact.Fact[linkfiles.Release]) fact.Fact[string] {
	here := files{}
	in := inContainer(rel)
	container, ok := in.Get()
	if !ok {
		return fact.Unknown[string](in.Reason())
	}
	name := "/proc/cmdline"
	if container {
		name = "/proc/1/cmdline"
	}
	b, err := here.read(name, limitDB)
	if err != nil {
		return fact.Unknown[string](fact.Told(err.Error()))
	}
	if container {
		return fact.Known(string(bytes.ReplaceAll(bytes.TrimRight(b, "\x00"), []byte{0}, []byte{' '})))
	}
	return fact.Known(strings.TrimRight(string(b), "\n"))
}

// inContainer is detect_container() of the release, without proot, which
// cannot run udevd: the marks that container managers leave, in its order, and
// then the PID namespace.
func inContainer(release fact.Fact[linkfiles.Release]) fact.Fact[bool] {
	here := files{}
	rel, ok := release.Get()
	if !ok {
		return fact.Unknown[bool](fact.Told("container detection depends on the systemd release: " + release.Reason().String()))
	}
	if inOpenVZ() || inWSL() {
		return fact.Known(true)
	}
	if marked := markedAsContainer(rel); marked.Or(true) { // or it is unknown
		return marked
	}
	// udevd has the right to read this, and continues without it, too.
	environ, environErr := here.read("/proc/1/environ", limitDB)
	if slices.ContainsFunc(variables(environ, "container"), func(value string) bool { return value != "" }) {
		return fact.Known(true)
	}
	return unmarkedContainer(rel, environErr)
}

// unmarkedContainer continues if no container manager has left a mark. environErr is why the
// environment of PID 1 could not be read.
func unmarkedContainer(rel linkfiles.Release, environErr error) fact.Fact[bool] {
	here := files{}
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return fact.Unknown[bool](fact.Told(fmt.Sprintf("/proc/self/ns/pid: %v", cause(err))))
	}
	switch own := ns != initialPIDNamespace; {
	case rel >= containerFiles && (here.exists("/run/.containerenv") || here.exists("/.dockerenv")):
		return fact.Known(true)
	case own && rel >= containerByPIDNamespace:
		return fact.Known(true)
	case own && environErr != nil:
		return fact.Unknown[bool](fact.Told("unknown whether this is a container: " + environErr.Error()))
	}
	return fact.Known(false)
}

func inOpenVZ() bool { return (files{}).exists("/proc/vz") && !(files{}).exists("/proc/bc") }

func inWSL() bool {
	b, err := files{}.read("/proc/sys/kernel/osrelease", limitSmall)
	return err == nil && (bytes.Contains(b, []byte("Microsoft")) || bytes.Contains(b, []byte("WSL")))
}

// markedAsContainer looks for the files that container managers leave as a mark.
func markedAsContainer(rel linkfiles.Release) fact.Fact[bool] {
	marks := []string{"/run/systemd/container"}
	if rel >= containerManagerFile {
		marks = []string{"/run/host/container-manager", "/run/systemd/container"}
	}
	for _, mark := range marks {
		b, err := files{}.read(mark, limitSmall)
		switch {
		case err == nil && len(bytes.TrimSpace(b)) > 0:
			return fact.Known(true)
		case err != nil && !errors.Is(err, unix.ENOENT):
			return fact.Unknown[bool](fact.Told(err.Error()))
		}
	}
	return fact.Known(false)
}

// virtualization is what the running systemd says, and whether this is a user namespace.
func virtualization(ctx context.Context, rel fact.Fact[linkfiles.Release]) fact.Fact[linkfiles.Virt] {
	id, err := virtualizationID(ctx)
	if err != nil {
		return fact.Unknown[linkfiles.Virt](fact.Told(err.Error()))
	}
	v, ok := virtOf(id)
	if !ok {
		return fact.Unknown[linkfiles.Virt](fact.Told(fmt.Sprintf("systemd reports an unknown virtualization %.40q", id)))
	}
	private := privateUsers(rel)
	if private.IsUnknown() {
		return fact.Unknown[linkfiles.Virt](private.Reason())
	}
	v.PrivateUsers = private.Or(false)
	return fact.Known(v)
}

// virtualizationID asks the service manager, whose property Virtualization comes
// from the function that udevd uses, and systemd-detect-virt(1) where there is
// no manager. The detection itself reads CPUID, DMI tables and more, and is
// not repeated here.
func virtualizationID(ctx context.Context) (string, error) {
	id, err := managerProperty(ctx, "Virtualization")
	if err == nil {
		return cmp.Or(id, "none"), nil
	}
	const program = "/usr/bin/systemd-detect-virt"
	if !(files{}).exists(program) {
		return "", fmt.Errorf("%w, and %s does not exist", err, program)
	}
	id, _, runErr := run(ctx, program)
	if runErr != nil {
		return "", fmt.Errorf("%w; %s: %w", err, program, runErr)
	}
	return id, nil
}

// privateUsers is running_in_userns(); see userNamespaceByInode. Where the old
// way and the new one agree, the release does not matter.
func privateUsers(release fact.Fact[linkfiles.Release]) fact.Fact[bool] {
	ns, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return fact.Unknown[bool](fact.Told(fmt.Sprintf("/proc/self/ns/user: %v", cause(err))))
	}
	mapped, err := idsAreMapped()
	if err != nil {
		return fact.Unknown[bool](fact.Told(err.Error()))
	}
	byInode := ns != initialUserNamespace
	rel, ok := release.Get()
	switch {
	case mapped == byInode:
		return fact.Known(mapped)
	case !ok:
		return fact.Unknown[bool](fact.Told("user namespace detection depends on the systemd release: " + release.Reason().String()))
	case rel >= userNamespaceByInode:
		return fact.Known(byInode)
	}
	return fact.Known(mapped)
}

// idsAreMapped is how systemd told a user namespace before userNamespaceByInode.
func idsAreMapped() (mapped bool, err error) {
	for _, name := range []string{"/proc/self/uid_map", "/proc/self/gid_map"} {
		b, err := files{}.read(name, limitSmall)
		if err != nil {
			return false, err
		}
		// The first user namespace maps all of 2^32-1 IDs to themselves.
		if strings.Join(strings.Fields(string(b)), " ") != "0 0 4294967295" {
			mapped = true
		}
	}
	if b, err := (files{}).read("/proc/self/setgroups", limitSmall); err == nil && strings.TrimSpace(string(b)) == "deny" {
		mapped = true
	}
	return mapped, nil
}

// smbiosLimit bounds the fields read from /sys/class/dmi/id.
const smbiosLimit = 4096

// firmware reads what condition_test_firmware() looks at (systemd 249 to 262):
// /sys/firmware/efi, but not in a container (is_efi_boot()),
// /sys/firmware/devicetree, /proc/device-tree/compatible, /sys/class/dmi/id.
func firmware(virt fact.Fact[linkfiles.Virt]) fact.Fact[linkfiles.Firmware] {
	here := files{}
	var fw linkfiles.Firmware
	if !here.exists("/sys/class/net") {
		return fact.Unknown[linkfiles.Firmware](fact.Told("/sys is not mounted"))
	}
	if here.exists("/sys/firmware/efi") {
		v, ok := virt.Get()
		if !ok {
			return fact.Unknown[linkfiles.Firmware](fact.Told("unknown whether this is a container: " + virt.Reason().String()))
		}
		fw.UEFI = !v.Container
	}
	fw.DeviceTree = here.exists("/sys/firmware/devicetree")
	if b, err := here.read("/proc/device-tree/compatible", limitSmall); err == nil && bytes.HasSuffix(b, []byte{0}) {
		fw.Compatible = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	}
	fw.SMBIOS, fw.Hidden = here.smbios()
	return fact.Known(fw)
}

// smbios reads the fields of SMBIOS, nil where there is none; hidden are the names of
// those that may not be read.
func (f files) smbios() (fields map[string]string, hidden []string) {
	const dmi = "/sys/class/dmi/id"
	names, err := f.names(dmi)
	if err != nil {
		return nil, nil
	}
	fields = map[string]string{}
	for _, name := range names {
		if name == "uevent" || name == "modalias" {
			continue
		}
		// Serial numbers are for root alone to read.
		b, err := f.read(path.Join(dmi, name), smbiosLimit)
		if errors.Is(err, fs.ErrPermission) {
			hidden = append(hidden, name)
		}
		if err != nil {
			continue
		}
		fields[name] = strings.TrimRight(string(b), " \t\n\r")
	}
	return fields, hidden
}

// identifier reads a 128-bit ID from a file of one line. Where there is no such
// file the machine has none: a container's /sys, or firmware without SMBIOS.
func (f files) identifier(name string) fact.Fact[string] {
	b, err := f.read(name, limitSmall)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fact.Absent[string]()
	case err != nil:
		return fact.Unknown[string](fact.Told(err.Error()))
	}
	return fact.Known(strings.ToLower(strings.TrimSpace(string(b))))
}

// credentials lists the names in $CREDENTIALS_DIRECTORY and
// $ENCRYPTED_CREDENTIALS_DIRECTORY of udevd, which condition_test_credential()
// looks into (systemd 252 to 262). The contents are not read.
func credentials(u udevd) fact.Fact[[]string] {
	if u.pid == 0 {
		if u.running.IsUnknown() {
			return fact.Unknown[[]string](u.running.Reason())
		}
		return fact.Unknown[[]string](fact.Told("udevd is not running, and it gets its credentials when it starts"))
	}
	names := []string{}
	for _, variable := range []string{"CREDENTIALS_DIRECTORY", "ENCRYPTED_CREDENTIALS_DIRECTORY"} {
		dir := u.environ(variable)
		if dir.IsUnknown() {
			return fact.Unknown[[]string](dir.Reason())
		}
		d, ok := dir.Get()
		if !ok {
			continue
		}
		// The directory is in udevd's own mount namespace.
		list, err := files{}.names(fmt.Sprintf("/proc/%d/root%s", u.pid, path.Clean("/"+d)))
		switch {
		case errors.Is(err, unix.ENOENT):
		case err != nil:
			return fact.Unknown[[]string](fact.Told(err.Error()))
		}
		names = append(names, list...)
	}
	return fact.Known(sortedUnique(names))
}
