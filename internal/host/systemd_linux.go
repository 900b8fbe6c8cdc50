package host

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"time"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// How long another process may take to answer.
const (
	dbusTimeout = 2 * time.Second
	execTimeout = 5 * time.Second
)

// udevdPrograms are where udevd is installed; since 243 it is a link to udevadm.
var udevdPrograms = []string{
	"/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd",
	"/usr/bin/udevadm", "/bin/udevadm", "/usr/sbin/udevadm", "/sbin/udevadm",
}

// findSystemd finds the release of udevd, if possible without starting a process:
//
//  1. the program of the running udevd, and the installed one: the name of
//     the library libsystemd-shared it is linked to or, if it is linked
//     statically as on Debian 11 and 12, the version in its greeting;
//  2. the package database of dpkg;
//  3. on the running machine, the manager's D-Bus property Version, and then
//     udevadm --version.
//
// Nothing of an image is ever executed.
func findSystemd(ctx context.Context, f files, u udevd) (Systemd, []string) {
	installed := f.installedSystemd()
	running, problems := u.runningSystemd(installed)
	if running != nil {
		if installed != nil && running.Release.Or(0) != installed.Release.Or(0) {
			problems = append(problems, fmt.Sprintf("udevd still runs release %v; release %v is installed and will run after it is restarted",
				running.Release, installed.Release))
		}
		return *running, problems
	}
	if installed != nil {
		return *installed, problems
	}
	if s := f.recordedSystemd(); s != nil {
		return *s, problems
	}
	if f.root != "" {
		return Systemd{Release: fact.Unknown[linkfiles.Release](fact.Told("the image has no udevd and no udev package in dpkg's database"))}, problems
	}
	if s := f.toldSystemd(ctx); s != nil {
		return *s, problems
	}
	return Systemd{Release: fact.Unknown[linkfiles.Release](fact.Told("no udevd was found"))}, problems
}

// systemdOf is the release in a version, nil if it has none.
func systemdOf(version, source string) *Systemd {
	rel, ok := parseRelease(version)
	if !ok {
		return nil
	}
	return &Systemd{Release: fact.Known(rel), Version: versionString(rel, version), Source: source}
}

// installedSystemd is that of the installed udevd, nil where none has a version.
func (f files) installedSystemd() *Systemd {
	programs := udevdPrograms
	if !slices.ContainsFunc(programs, f.exists) {
		if other := linkfiles.OtherUdevd(f.root); other != "" {
			programs = []string{other}
		}
	}
	for _, program := range programs {
		if version, err := f.programVersion(program); err == nil {
			if s := systemdOf(version, program); s != nil {
				return s
			}
		}
	}
	return nil
}

// runningSystemd is that of the running udevd, nil if it is the installed one or has no
// version: only a replaced program differs from the installed one.
func (u udevd) runningSystemd(installed *Systemd) (running *Systemd, problems []string) {
	if u.pid == 0 {
		return nil, nil
	}
	exe := fmt.Sprintf("/proc/%d/exe", u.pid)
	to, err := os.Readlink(exe)
	if err != nil || installed != nil && !strings.HasSuffix(to, " (deleted)") {
		return nil, nil
	}
	version, err := (files{}).programVersion(exe)
	if err == nil {
		return systemdOf(version, "the running udevd"), nil
	}
	if installed != nil {
		problems = append(problems, fmt.Sprintf("udevd was replaced while it runs, and its release is unknown: %v", err))
	}
	return nil, problems
}

// recordedSystemd is that of dpkg's database, nil where it has none.
func (f files) recordedSystemd() *Systemd {
	status, err := f.read("/var/lib/dpkg/status", limitDpkg)
	if err != nil {
		return nil
	}
	for _, pkg := range []string{"udev", "systemd"} {
		if version, ok := debianVersion(status, pkg); ok {
			if s := systemdOf(version, "the package database (dpkg)"); s != nil {
				return s
			}
		}
	}
	return nil
}

// toldSystemd asks the service manager, and then udevadm; nil if neither answers.
func (f files) toldSystemd(ctx context.Context) *Systemd {
	if version, err := managerProperty(ctx, "Version"); err == nil {
		if s := systemdOf(version, "the service manager (D-Bus)"); s != nil {
			return s
		}
	}
	for _, program := range udevdPrograms {
		if path.Base(program) != "udevadm" || !f.exists(program) {
			continue
		}
		if out, _, err := run(ctx, program, "--version"); err == nil {
			if s := systemdOf(out, "udevadm --version"); s != nil {
				return s
			}
		}
	}
	return nil
}

// versionString is "252 (252.39-1~deb12u2)", as systemctl --version prints it.
func versionString(rel linkfiles.Release, version string) string {
	if version == fmt.Sprint(int(rel)) {
		return version
	}
	return fmt.Sprintf("%d (%s)", int(rel), version)
}

// programVersion reads the version out of a udevd or udevadm program.
func (f files) programVersion(program string) (string, error) {
	file, err := f.open(program)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if file.Size() > limitProgram {
		return "", fmt.Errorf("%s: larger than %d bytes", program, limitProgram)
	}
	version, err := elfVersion(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return version, nil
}

// elfVersion uses the greeting only if there is no such library: Debian's library has only
// the major release in its name, so the packaging note (.note.package) gives the full
// version, if it agrees.
func elfVersion(r io.ReaderAt) (version string, err error) {
	// debug/elf promises only not to panic on most broken files.
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("not a sound ELF file: %v", e)
		}
	}()
	if err := namesArePlain(r); err != nil {
		return "", err
	}
	program, err := elf.NewFile(r)
	if err != nil {
		return "", errNotELF
	}
	if lib, version, ok := privateLibrary(program); ok {
		return libraryVersion(program, lib, version)
	}
	if version, ok := greetedVersion(program); ok {
		return version, nil
	}
	return "", errors.New("it has no version of udevd")
}

// privateLibrary is the libsystemd-shared that a program is linked to, and the version in
// its name.
func privateLibrary(program *elf.File) (lib, version string, ok bool) {
	if !dynamicIsPlain(program) {
		return "", "", false
	}
	libraries, _ := program.ImportedLibraries()
	for _, lib := range libraries {
		if version, ok := sharedLibraryVersion(lib); ok {
			return lib, version, true
		}
	}
	return "", "", false
}

// libraryVersion is the version in a library's name, or the full one of the packaging note.
func libraryVersion(program *elf.File, lib, version string) (string, error) {
	rel, ok := parseRelease(version)
	if !ok {
		return "", fmt.Errorf("the library %q has no version in its name", lib)
	}
	note := packageNote(program)
	if r, ok := parseRelease(note); ok && r == rel {
		return note, nil
	}
	return version, nil
}

// greetedVersion is the version in the greeting of a udevd.
func greetedVersion(program *elf.File) (string, bool) {
	s := program.Section(".rodata")
	if !isPlain(s) || s.Size > limitProgram {
		return "", false
	}
	data, err := s.Data()
	if err != nil {
		return "", false
	}
	return versionInProgram(data)
}

// debug/elf inflates compressed sections of any size: 64 MB of a program in an image could
// become 64 GB. Only debugging information is ever compressed, and none of that is read.
func isPlain(s *elf.Section) bool { return s != nil && s.Flags&elf.SHF_COMPRESSED == 0 }

// dynamicIsPlain is isPlain of what ImportedLibraries reads.
func dynamicIsPlain(program *elf.File) bool {
	s := program.SectionByType(elf.SHT_DYNAMIC)
	return isPlain(s) && int(s.Link) < len(program.Sections) && isPlain(program.Sections[s.Link])
}

var errNotELF = errors.New("not an ELF program")

// elfHeader is what the header of an ELF file says about the section of section names
// (Elf32_Ehdr and Elf64_Ehdr of elf(5)).
type elfHeader struct {
	order    binary.ByteOrder
	of32Bits bool
	// offset is where the headers of the n sections are, size bytes each; names is the
	// number of that section.
	offset         uint64
	size, n, names uint16
}

func parseELFHeader(h []byte) elfHeader {
	e := elfHeader{order: binary.LittleEndian, of32Bits: elf.Class(h[elf.EI_CLASS]) == elf.ELFCLASS32}
	if elf.Data(h[elf.EI_DATA]) == elf.ELFDATA2MSB {
		e.order = binary.BigEndian
	}
	if e.of32Bits {
		e.offset, e.size, e.n, e.names = uint64(e.order.Uint32(h[32:])), e.order.Uint16(h[46:]), e.order.Uint16(h[48:]), e.order.Uint16(h[50:])
	} else {
		e.offset, e.size, e.n, e.names = e.order.Uint64(h[40:]), e.order.Uint16(h[58:]), e.order.Uint16(h[60:]), e.order.Uint16(h[62:])
	}
	return e
}

// sectionFlags are sh_flags of Elf32_Shdr and Elf64_Shdr.
func (e *elfHeader) sectionFlags(section []byte) elf.SectionFlag {
	if e.of32Bits {
		return elf.SectionFlag(e.order.Uint32(section[8:]))
	}
	return elf.SectionFlag(e.order.Uint64(section[8:]))
}

// namesArePlain checks the header of the section of section names, which elf.NewFile
// reads.
func namesArePlain(r io.ReaderAt) error {
	var header [64]byte
	if _, err := r.ReadAt(header[:], 0); err != nil || string(header[:4]) != elf.ELFMAG {
		return errNotELF
	}
	e := parseELFHeader(header[:])
	// With too many sections for the field, n is 0 and the number elsewhere.
	if e.n == 0 || e.names >= e.n || e.offset > limitProgram {
		return errNotELF
	}
	var section [16]byte
	if _, err := r.ReadAt(section[:], int64(e.offset)+int64(e.names)*int64(e.size)); err != nil {
		return errNotELF
	}
	if e.sectionFlags(section[:])&elf.SHF_COMPRESSED != 0 {
		return errors.New("its section names are compressed")
	}
	return nil
}

// packageNote returns "version" of the note FDO_PACKAGING_METADATA
// (systemd's Package Metadata for Executable Files), "" if there is none.
func packageNote(program *elf.File) string {
	s := program.Section(".note.package")
	if !isPlain(s) || s.Size > limitSmall {
		return ""
	}
	data, err := s.Data()
	if err != nil {
		return ""
	}
	i := bytes.IndexByte(data, '{')
	if i < 0 {
		return ""
	}
	var note struct{ Name, Version string }
	// Zeros pad the note.
	if json.Unmarshal(bytes.TrimRight(data[i:], "\x00"), &note) != nil || note.Name != "systemd" || !printable(note.Version) {
		return ""
	}
	return note.Version
}

// managerProperty asks PID 1 over D-Bus; the string comes in GVariant's text form. It never
// starts a bus or waits longer than dbusTimeout.
func managerProperty(ctx context.Context, name string) (string, error) {
	if !(files{}).exists("/run/systemd/system") { // sd_booted(3)
		return "", errors.New("systemd is not the running service manager")
	}
	ctx, cancel := context.WithTimeout(ctx, dbusTimeout)
	defer cancel()
	conn, err := ServiceManager(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the service manager over D-Bus: %w", err)
	}
	defer conn.Close()
	type answer struct {
		value string
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		v, err := conn.GetManagerProperty(name)
		done <- answer{v, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("ask the service manager over D-Bus: %w", ctx.Err())
	case a := <-done:
		if a.err != nil {
			return "", fmt.Errorf("ask the service manager over D-Bus: %w", a.err)
		}
		return strings.Trim(a.value, `"`), nil
	}
}

// run starts a program by its absolute path, with an empty environment and no
// input, and returns the first line it prints and its exit status.
func run(ctx context.Context, program string, args ...string) (line string, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		status, err = exit.ExitCode(), nil
	}
	line, _, _ = strings.Cut(string(out), "\n")
	return line, status, err
}

// sortedUnique sorts s, and has each word once.
func sortedUnique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
