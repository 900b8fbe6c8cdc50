package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// readBridgePorts reads the names of a bridge's ports, which sysfs lists in the
// bridge's brif directory (br_sysfs_addbr() in net/bridge/br_sysfs_br.c).
func (c *deviceReader) readBridgePorts(l *link, dir int, name string) {
	l.portNames, l.namesPorts = nil, false
	if l.Kind != "bridge" || c.want&WantPorts == 0 {
		return
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Getdents(fd, c.buf[:])
		if err != nil {
			return
		}
		if n == 0 {
			l.namesPorts = true
			return
		}
		_, _, l.portNames = unix.ParseDirent(c.buf[:n], -1, l.portNames)
	}
}

// portsOneByOne is the number of ports up to which each port is asked for by index; for more,
// one dump that the kernel filters by master is cheaper, although the kernel walks all links
// for it. mastersOneByOne is the number of such dumps above which a single dump of all links
// is cheaper.
const (
	portsOneByOne   = 32
	mastersOneByOne = 16
)

func isMaster(l *link) bool {
	switch l.Kind {
	case "bridge", "bond", "team", "vrf":
		return true
	}
	return l.Flags&unix.IFF_MASTER != 0
}

// collectPorts fills in Ports. all says that links are all there are.
func (c *deviceReader) collectPorts(links []*link, all bool) error {
	for _, l := range links {
		l.Ports = nil
	}
	if all {
		portsFrom(links, links)
		return nil
	}
	q := portQuestions{ctx: c.ctx}
	defer q.sock.close()
	rest, err := q.askOneByOne(links)
	if err != nil {
		return err
	}
	if len(rest) <= mastersOneByOne {
		for _, l := range rest {
			if err := portsByMaster(c.ctx, l); err != nil {
				return err
			}
		}
		return nil
	}
	every, torn, err := dumpLinks(c.ctx, linkFilter{}, nil)
	if err != nil {
		return err
	}
	portsFrom(rest, every)
	for _, l := range rest {
		l.tornPorts = torn
	}
	return nil
}

// portQuestions ask the kernel about the ports of bridges one by one.
type portQuestions struct {
	ctx  context.Context
	sock lateRtnl
	// members are the ports of each bridge, nil until they are needed; unsure says that
	// some may be missing.
	members map[int][]int
	unsure  bool
}

// askOneByOne fills in Ports of bridges, and returns the masters whose ports take a dump.
func (q *portQuestions) askOneByOne(links []*link) (rest []*link, err error) {
	for _, l := range links {
		if l.gone || !isMaster(l) {
			continue
		}
		found := false
		if l.Kind == "bridge" {
			if found, err = q.portsOfBridge(l); err != nil {
				return nil, err
			}
		}
		if !found {
			rest = append(rest, l)
		}
	}
	return rest, nil
}

// portsOfBridge returns false if a dump is needed.
func (q *portQuestions) portsOfBridge(l *link) (bool, error) {
	ask, told, err := q.listed(l)
	switch {
	case err != nil || !told:
		return false, err
	case len(ask) == 0:
		return true, nil
	case len(ask) > portsOneByOne:
		return false, nil
	}
	r, err := q.sock.open()
	if err != nil {
		return false, err
	}
	return portsOf(q.ctx, r, l, ask)
}

// listed are the ports of a bridge by their names or indexes, if they were found.
//
// Bridges without ports cost nothing: sysfs has the names of ports. If it has not, one dump of
// the family AF_BRIDGE has every port of every bridge and nothing else
// (rtnl_bridge_getlink() in net/core/rtnetlink.c).
func (q *portQuestions) listed(l *link) (ask []askPort, told bool, err error) {
	if l.namesPorts {
		for _, name := range l.portNames {
			ask = append(ask, askPort{name: name})
		}
		return ask, true, nil
	}
	if q.members == nil {
		if q.members, err = dumpBridgePorts(q.ctx); err != nil && !errors.Is(err, errInterrupted) {
			return nil, false, err
		}
		q.unsure = err != nil
	}
	if q.unsure {
		return nil, false, nil
	}
	for _, index := range q.members[l.Index] {
		ask = append(ask, askPort{index: index})
	}
	return ask, true, nil
}

// askPort is a port by its name, or by its index.
type askPort struct {
	name  string
	index int
}

// portsOf asks for each port. It returns false if one is no longer a port of the device: it
// left, or was renamed since it was listed.
func portsOf(ctx context.Context, r *rtnl, l *link, ask []askPort) (bool, error) {
	var ports []Port
	for _, a := range ask {
		p, err := r.get(ctx, a.name, a.index)
		switch {
		case errors.Is(err, unix.ENODEV):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("read a port of %s: %w", l.Name, err)
		case p.masterIndex != l.Index:
			return false, nil
		}
		ports = append(ports, portOf(&p))
	}
	slices.SortFunc(ports, byIndex)
	l.Ports = ports
	return true, nil
}

// portsByMaster has the kernel pick the ports of one device.
func portsByMaster(ctx context.Context, l *link) error {
	dump, torn, err := dumpLinks(ctx, linkFilter{master: l.Index}, nil)
	if err != nil {
		return err
	}
	l.Ports, l.tornPorts = nil, torn
	for _, p := range dump {
		l.Ports = append(l.Ports, portOf(p))
	}
	return nil
}

// portsFrom finds the ports of masters in a list that has every link.
func portsFrom(masters, every []*link) {
	ports := map[int][]Port{}
	for _, l := range every {
		if l.port && !l.gone {
			ports[l.masterIndex] = append(ports[l.masterIndex], portOf(l))
		}
	}
	for _, l := range masters {
		l.Ports = ports[l.Index]
	}
}

func portOf(l *link) Port {
	return Port{Index: l.Index, Name: l.Name, MAC: l.MAC, PermanentMAC: l.PermanentMAC, Kind: l.Kind, OwnMAC: l.ownMAC}
}

// readPortDrivers names the drivers of hardware ports, if sysfs shows the devices of this
// network namespace.
func (c *deviceReader) readPortDrivers(links []*link) {
	if c.sysfs < 0 || len(c.foreign) > 0 {
		return
	}
	buf := make([]byte, unix.PathMax)
	for _, l := range links {
		for i := range l.Ports {
			if p := &l.Ports[i]; p.PermanentMAC != "" {
				p.Driver = c.sysfsDriver(p.Name, buf)
			}
		}
	}
}

// sysfsDriver is "" where sysfs does not tell.
func (c *deviceReader) sysfsDriver(name string, buf []byte) string {
	n, err := unix.Readlinkat(c.sysfs, name+"/device/driver", buf)
	if err != nil {
		return ""
	}
	return path.Base(string(buf[:n]))
}

// updatePorts updates ports from an interrupted dump with the links that have
// notifications.
func (c *deviceReader) updatePorts(links []*link, changed map[int]bool, overflow bool) error {
	masters := tornMasters(links)
	if len(masters) == 0 {
		return nil
	}
	for _, l := range masters {
		if overflow {
			if err := portsByMaster(c.ctx, l); err != nil {
				return err
			}
		}
		l.Ports = slices.DeleteFunc(l.Ports, func(p Port) bool { return changed[p.Index] })
	}
	for index := range changed {
		if err := c.addPort(masters, index); err != nil {
			return err
		}
	}
	for _, l := range masters {
		slices.SortFunc(l.Ports, byIndex)
	}
	return nil
}

// tornMasters are the links, by index, with ports from an interrupted dump.
func tornMasters(links []*link) map[int]*link {
	masters := map[int]*link{}
	for _, l := range links {
		if l.tornPorts && !l.gone {
			masters[l.Index] = l
		}
	}
	return masters
}

// addPort adds a device to the ports of its master, where that is one of the masters.
func (c *deviceReader) addPort(masters map[int]*link, index int) error {
	p, err := c.get("", index)
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if l := masters[p.masterIndex]; p.port && l != nil {
		l.Ports = append(l.Ports, portOf(&p))
	}
	return nil
}

// byIndex orders ports as they are shown.
func byIndex(a, b Port) int { return cmp.Compare(a.Index, b.Index) }
