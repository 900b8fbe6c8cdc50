package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

const (
	machineIDFile = "/etc/machine-id"
	// transientMachineID is what PID 1 mounts over the file for one boot.
	transientMachineID = "/run/machine-id"
	productUUID        = "/sys/class/dmi/id/product_uuid"
	// credentialMachineID is the credential system.machine_id, which is asked
	// since systemd 254 (acquire_machine_id_from_credential()).
	credentialMachineID = "/run/credentials/@system/system.machine_id"
)

// machineID reads /etc/machine-id, which is all that sd_id128_get_machine(3) reads: for a
// boot without an ID, systemd mounts a new one over it.
func (f files) machineID() (linkfiles.MachineID, MachineIDState) {
	id, err := f.readMachineID(machineIDFile)
	var none *noMachineID
	switch {
	case err == nil:
		return linkfiles.KnownMachineID(id), MachineIDSet
	case errors.As(err, &none):
		return linkfiles.UnknownMachineID(linkfiles.Told(err.Error())), none.state
	case errors.Is(err, fs.ErrNotExist):
		return linkfiles.UnknownMachineID(linkfiles.Told(err.Error())), MachineIDMissing
	}
	return linkfiles.UnknownMachineID(linkfiles.Told(err.Error())), MachineIDUnreadable
}

// ReadMachineID reads any machine-id(5) file as systemd reads /etc/machine-id. It opens only
// regular files and never blocks.
func ReadMachineID(path string) ([16]byte, error) {
	id, err := files{}.readMachineID(path)
	if err != nil {
		return id, fmt.Errorf("machine-id file: %w", err)
	}
	return id, nil
}

func (f files) readMachineID(name string) ([16]byte, error) {
	b, err := f.read(name, limitSmall)
	if err != nil {
		return [16]byte{}, err
	}
	id, err := parseMachineID(b)
	if err != nil {
		return [16]byte{}, fmt.Errorf("%s %w", name, err)
	}
	return id, nil
}

// machineIDNotKept is why the next boot will have another machine ID than the running
// machine. A transient one is kept if the next boot gets the same one again; an equal ID
// elsewhere shows that (machine_id_setup() of 239 to 262).
func machineIDNotKept(s *linkfiles.System) MachineIDNotKept {
	if !s.MachineID.ID().IsKnown() {
		return ""
	}
	if id, ok := machineIDOfCommandLine(s.KernelCommandLine.Or("")); ok {
		if same, _ := s.MachineID.Is(id); same {
			return ""
		}
		return MachineIDOverridden
	}
	if !transientMounted() || handedAgain(s.MachineID) {
		return ""
	}
	return MachineIDTransient
}

// transientMounted reports whether PID 1 has mounted transientMachineID over the file.
func transientMounted() bool {
	transient, err := os.Stat(transientMachineID)
	if err != nil {
		return false
	}
	now, err := os.Stat(machineIDFile)
	return err == nil && os.SameFile(now, transient)
}

// handedAgain reports whether D-Bus, a credential, the firmware or the container manager has
// the same ID for the next boot.
func handedAgain(is linkfiles.MachineID) bool {
	here := files{}
	for _, o := range here.dbusMachineID() {
		if same, _ := is.Is(o.ID.ID().Or([16]byte{})); same {
			return true
		}
	}
	for _, name := range []string{credentialMachineID, productUUID} {
		if b, err := here.read(name, limitSmall); err == nil && saysMachineID(string(b), is) {
			return true
		}
	}
	environ, _ := here.read("/proc/1/environ", limitDB)
	return slices.ContainsFunc(variables(environ, "container_uuid"), func(uuid string) bool { return saysMachineID(uuid, is) })
}

// saysMachineID reports whether a text is the machine ID, with white space around it.
func saysMachineID(text string, is linkfiles.MachineID) bool {
	id, err := linkfiles.ParseMachineID(strings.TrimSpace(text))
	same, _ := is.Is(id)
	return err == nil && same
}

// dbusMachineID is the machine ID of D-Bus, if it has its own file: generate_machine_id()
// takes it from there if /etc/machine-id has none, but not from a link.
func (f files) dbusMachineID() []OtherMachineID {
	dir, err := f.path(path.Dir(DBusMachineID))
	if err != nil {
		return nil
	}
	if fi, err := os.Lstat(path.Join(dir, path.Base(DBusMachineID))); err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	id, err := f.readMachineID(DBusMachineID)
	if err != nil {
		return nil
	}
	return []OtherMachineID{{DBusMachineID, linkfiles.KnownMachineID(id)}}
}

// journalDirs have a directory for each machine ID with a journal.
var journalDirs = []string{"/var/log/journal", "/run/log/journal"}

// maxJournals bounds how many entries of such a directory are looked at.
const maxJournals = 256

// OtherMachineIDs looks for traces of machine IDs, that of /etc/machine-id among them.
// In an image only D-Bus has one. The command line is the kernel's.
func (m *Machine) OtherMachineIDs(commandLine fact.Fact[string]) []OtherMachineID {
	ids := m.files.dbusMachineID()
	if m.Offline {
		return ids
	}
	if id, ok := machineIDOfCommandLine(commandLine.Or("")); ok {
		ids = append(ids, OtherMachineID{CommandLineMachineID, linkfiles.KnownMachineID(id)})
	}
	for _, dir := range journalDirs {
		d, err := m.files.openDir(dir)
		if err != nil {
			continue
		}
		names, _ := d.Readdirnames(maxJournals)
		d.Close()
		slices.Sort(names)
		for _, name := range names {
			if id, ok := machineIDOfJournal(name); ok {
				ids = append(ids, OtherMachineID{dir, linkfiles.KnownMachineID(id)})
			}
		}
	}
	return ids
}
