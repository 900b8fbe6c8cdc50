package host

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// FindNames works out MissingPorts, and which of the names given are NamesTaken: of an
// audit of one device they are the same as of all.
func (s *Snapshot) FindNames(given []string) {
	s.MissingPorts, s.NamesTaken = nil, nil
	if s.Offline {
		return
	}
	n := names{fd: -1}
	defer n.close()
	for _, name := range given {
		if n.ask(name) == nameTaken {
			s.NamesTaken = append(s.NamesTaken, name)
		}
	}
	known := map[string]bool{}
	for i := range s.Devices {
		known[s.Devices[i].Name] = true
		for _, p := range s.Devices[i].Ports {
			known[p.Name] = true
		}
	}
	for _, d := range s.Declarations.Or(nil) {
		for _, name := range d.Ports {
			if known[name] || strings.ContainsAny(name, "*?[") {
				continue
			}
			known[name] = true // asked once
			if n.ask(name) == nameFree {
				s.MissingPorts = append(s.MissingPorts, name)
			}
		}
	}
	slices.Sort(s.MissingPorts)
}

// names asks the kernel which device has a name, by a socket that is opened when it is
// needed first.
type names struct{ fd int }

type nameState int

const (
	nameUnknown nameState = iota
	nameTaken
	nameFree
)

// ask is SIOCGIFINDEX, which knows alternative names as well (__dev_get_by_name()). A
// name that is too long for it is not asked about.
func (n *names) ask(name string) nameState {
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

func (n *names) close() {
	if n.fd >= 0 {
		unix.Close(n.fd)
	}
}
