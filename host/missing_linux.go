package host

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// FindMissingPorts works out MissingPorts. The kernel is asked about a name that no
// collected device has (SIOCGIFINDEX, which knows alternative names as well).
func (s *Snapshot) FindMissingPorts() {
	s.MissingPorts = nil
	if s.Offline {
		return
	}
	known := map[string]bool{}
	for i := range s.Devices {
		known[s.Devices[i].Name] = true
		for _, p := range s.Devices[i].Ports {
			known[p.Name] = true
		}
	}
	fd := -1
	for _, d := range s.Declarations.Or(nil) {
		for _, name := range d.Ports {
			if known[name] || strings.ContainsAny(name, "*?[") {
				continue
			}
			known[name] = true // asked once
			if fd < 0 {
				var err error
				if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
					return // nothing is said to be missing
				}
				defer unix.Close(fd)
			}
			req, err := unix.NewIfreq(name)
			if err != nil {
				continue // too long to be asked about
			}
			if errors.Is(unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req), unix.ENODEV) {
				s.MissingPorts = append(s.MissingPorts, name)
			}
		}
	}
	slices.Sort(s.MissingPorts)
}
