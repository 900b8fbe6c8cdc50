package host

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"linkaudit/internal/netconf"
)

// MissingPorts are the devices that declarations name as ports and that do not exist, sorted.
// An image has none.
func (m *Machine) MissingPorts(devices []Device, declarations []netconf.Declaration) (missing []string) {
	if m.Offline {
		return nil
	}
	known := namesShown(devices)
	for _, d := range declarations {
		for _, name := range d.Ports {
			if known[name] || strings.ContainsAny(name, "*?[") {
				continue
			}
			known[name] = true // asked once
			if m.names.ask(name) == nameFree {
				missing = append(missing, name)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// namesShown are the names of the devices and of their ports.
func namesShown(devices []Device) map[string]bool {
	names := map[string]bool{}
	for i := range devices {
		names[devices[i].Name] = true
		for _, p := range devices[i].Ports {
			names[p.Name] = true
		}
	}
	return names
}

// NamesTaken are those of the names that a device of the running machine has, even one that
// was not collected.
func (m *Machine) NamesTaken(given []string) (taken []string) {
	if m.Offline {
		return nil
	}
	for _, name := range given {
		if m.names.ask(name) == nameTaken {
			taken = append(taken, name)
		}
	}
	return taken
}

// nameSocket asks the kernel which device has a name. It is opened at the first
// question.
type nameSocket struct{ fd int }

type nameState int

const (
	nameUnknown nameState = iota
	nameTaken
	nameFree
)

// ask is SIOCGIFINDEX, which knows alternative names as well (__dev_get_by_name()). A
// name that is too long for it is not asked about.
func (n *nameSocket) ask(name string) nameState {
	if n.fd < 0 {
		var err error
		if n.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			n.fd = -1
			return nameUnknown
		}
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nameUnknown
	}
	switch err := unix.IoctlIfreq(n.fd, unix.SIOCGIFINDEX, req); {
	case err == nil:
		return nameTaken
	case errors.Is(err, unix.ENODEV):
		return nameFree
	}
	return nameUnknown
}

func (n *nameSocket) close() {
	if n.fd >= 0 {
		unix.Close(n.fd)
	}
}
