package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// collectDevices lists the devices and adds what netlink does not tell.
//
// What is read one after the other still belongs together: the kernel's own notifications
// (RTNLGRP_LINK) name each device that was renamed or removed or whose address was set since
// before the list was made, and those are read again, with their ports.
func collectDevices(ctx context.Context, opt DeviceOptions, udevDB *udevData, netDir string) (devices []Device, problems []string, err error) {
	watch, err := watchLinks()
	if err != nil {
		return nil, nil, err
	}
	defer watch.close()
	c := newDeviceReader(ctx, opt, udevDB, netDir)
	defer c.close()

	early := &earlyReader{c: c}
	links, torn, err := listLinks(ctx, opt, early.take)
	early.finish()
	if err != nil {
		return nil, nil, err
	}
	if err := c.readDevices(links); err != nil {
		return nil, nil, err
	}
	if links, err = c.withPortsRead(links, opt.All); err != nil {
		return nil, nil, err
	}
	if links, err = c.readChanged(links, watch, opt, torn); err != nil {
		return nil, nil, err
	}
	if c.want&WantPorts != 0 {
		c.readPortDrivers(links)
		if err := c.readAddresses(links); err != nil {
			return nil, nil, err
		}
	}
	c.nameMasters(links)
	c.addLowers(links)
	return devicesThere(links), c.problems(), nil
}

// withPortsRead fills in Ports, and adds the ports as devices if wanted.
func (c *deviceReader) withPortsRead(links []*link, all bool) ([]*link, error) {
	if c.want&WantPorts != 0 {
		if err := c.collectPorts(links, all); err != nil {
			return nil, err
		}
	}
	if c.want&WantPortDevices == 0 || all {
		return links, nil
	}
	links, err := withPorts(c.ctx, links)
	if err != nil {
		return nil, err
	}
	return links, c.readDevices(links)
}

// devicesThere are those that were not found to be gone.
func devicesThere(links []*link) (devices []Device) {
	devices = slices.Grow(devices, len(links))
	for _, l := range links {
		if !l.gone {
			devices = append(devices, l.Device)
		}
	}
	return devices
}

// readChanged reads again, with every check, all devices with notifications of the kernel. To
// a torn list it adds devices that came meanwhile.
func (c *deviceReader) readChanged(links []*link, watch *linkWatch, opt DeviceOptions, torn bool) ([]*link, error) {
	ports := c.want&WantPorts != 0
	for range inspectAttempts {
		again := false
		var err error
		if links, again, err = c.readChangedOnce(links, watch, opt, torn); err != nil {
			return nil, err
		}
		if !again {
			break
		}
		if ports && opt.All {
			portsFrom(links, links)
		}
	}
	return links, nil
}

// readChangedOnce reads again the devices with notifications so far, and reports whether
// there were any.
func (c *deviceReader) readChangedOnce(links []*link, watch *linkWatch, opt DeviceOptions, torn bool) (_ []*link, again bool, err error) {
	// An answer that needs the kernel's device lock: notifications of earlier changes
	// have arrived by now.
	if _, err := c.get("", 1); err != nil && !errors.Is(err, errGone) {
		return nil, false, err
	}
	changed, overflow, err := watch.drain()
	if err != nil {
		return nil, false, err
	}
	if torn {
		if links, err = c.withNew(links, opt, changed); err != nil {
			return nil, false, err
		}
	}
	ports := c.want&WantPorts != 0 && !opt.All
	if again, err = c.readAgain(links, changed, overflow, ports); err != nil {
		return nil, false, err
	}
	if ports {
		err = c.updatePorts(links, changed, overflow)
	}
	return links, again, err
}

// readAgain reads the links that changed, or all if notifications were lost, and the ports
// of masters if ports says so. It reports whether there were any.
func (c *deviceReader) readAgain(links []*link, changed map[int]bool, lost, ports bool) (again bool, err error) {
	for _, l := range links {
		if l.gone || !lost && !changed[l.Index] {
			continue
		}
		again = true
		if err := c.readLinkAgain(l, ports); err != nil {
			return again, err
		}
	}
	return again, nil
}

func (c *deviceReader) readLinkAgain(l *link, ports bool) error {
	if err := c.readLink(l, true); err != nil {
		return err
	}
	if l.gone || !ports || !isMaster(l) {
		return nil
	}
	return portsByMaster(c.ctx, l)
}

// indexesOf are the indexes of links.
func indexesOf(links []*link) map[int]bool {
	indexes := make(map[int]bool, len(links))
	for _, l := range links {
		indexes[l.Index] = true
	}
	return indexes
}

// withNew adds the links with notifications, if the options select them.
func (c *deviceReader) withNew(links []*link, opt DeviceOptions, changed map[int]bool) ([]*link, error) {
	have := indexesOf(links)
	var more []*link
	for index := range changed {
		if have[index] {
			continue
		}
		l, err := c.get("", index)
		switch {
		case errors.Is(err, errGone):
		case err != nil:
			return nil, err
		case opt.All || slices.Contains(opt.kinds(), l.Kind):
			more = append(more, &l)
		}
	}
	if len(more) == 0 {
		return links, nil
	}
	more, err := withMasters(c.ctx, append(links, more...))
	return more, err
}

// listLinks makes the dumps that the options ask for, each device once. take gets each link
// as soon as the kernel sent it, even one that is not in the final list. torn is as of
// dumpLinks.
func listLinks(ctx context.Context, opt DeviceOptions, take func(*link)) (links []*link, torn bool, err error) {
	if opt.All {
		return dumpLinks(ctx, linkFilter{}, take)
	}
	for _, kind := range opt.kinds() {
		of, tornToo, err := dumpLinks(ctx, linkFilter{kind: kind}, take)
		if err != nil {
			return nil, false, err
		}
		torn = torn || tornToo
		links = append(links, of...)
	}
	named, err := linksNamed(ctx, opt.Names)
	if err != nil {
		return nil, false, err
	}
	links, err = withMasters(ctx, eachOnce(append(links, named...)))
	return links, torn, err
}

// eachOnce leaves out links that came before.
func eachOnce(links []*link) []*link {
	seen := map[int]bool{}
	return slices.DeleteFunc(links, func(l *link) bool {
		twice := seen[l.Index]
		seen[l.Index] = true
		return twice
	})
}

// linksNamed asks for devices by their names, alternative ones too. Those that do not
// exist are left out.
func linksNamed(ctx context.Context, names []string) (links []*link, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	r, err := openRtnl()
	if err != nil {
		return nil, err
	}
	defer r.close()
	for _, name := range names {
		if !fitsName(name) {
			continue
		}
		l, err := r.get(ctx, name, 0)
		switch {
		case err == nil:
			links = append(links, &l)
		case errors.Is(err, unix.ENODEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE):
			// No such device, or a kernel without alternative names (before 5.5).
		default:
			return nil, fmt.Errorf("look up the device %q: %w", name, err)
		}
	}
	return links, nil
}

// fitsName reports whether the kernel can be asked about a name: ALTIFNAMSIZ is 128.
func fitsName(name string) bool {
	return name != "" && len(name) < 128 && !strings.ContainsRune(name, 0)
}

// withMasters adds the masters of ports, which tell whose address a port has, and sorts by
// index.
func withMasters(ctx context.Context, links []*link) ([]*link, error) {
	return withRelatives(ctx, links, func(l *link) []int {
		if !l.port {
			return nil
		}
		return []int{l.masterIndex}
	})
}

// withPorts adds the ports of those that are masters, and sorts by index.
func withPorts(ctx context.Context, links []*link) ([]*link, error) {
	return withRelatives(ctx, links, func(l *link) (indexes []int) {
		for _, p := range l.Ports {
			indexes = append(indexes, p.Index)
		}
		return indexes
	})
}

func withRelatives(ctx context.Context, links []*link, of func(*link) []int) ([]*link, error) {
	have := indexesOf(links)
	var sock lateRtnl
	defer sock.close()
	for _, l := range links[:len(links):len(links)] {
		for _, index := range of(l) {
			if have[index] {
				continue
			}
			have[index] = true
			r, err := sock.open()
			if err != nil {
				return nil, err
			}
			switch relative, err := r.get(ctx, "", index); {
			case err == nil:
				links = append(links, &relative)
			case !errors.Is(err, unix.ENODEV):
				return nil, fmt.Errorf("look up device %d, which is related to %q: %w", index, l.Name, err)
			}
		}
	}
	slices.SortFunc(links, func(a, b *link) int { return cmp.Compare(a.Index, b.Index) })
	return links, nil
}

// nameMasters turns master indexes into names; most are in the list already.
func (c *deviceReader) nameMasters(links []*link) {
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Index] = l.Name
	}
	var sock lateRtnl
	defer sock.close()
	for _, l := range links {
		if !l.port {
			continue
		}
		name, ok := names[l.masterIndex]
		if !ok {
			r, err := sock.open()
			if err != nil {
				return
			}
			if m, err := r.get(c.ctx, "", l.masterIndex); err == nil {
				name = m.Name
			}
			names[l.masterIndex] = name
		}
		l.Master = name
	}
}

// addLowers looks up what lies beneath macvlans; most are in the list already.
func (c *deviceReader) addLowers(links []*link) {
	var sock lateRtnl
	defer sock.close()
	for _, l := range links {
		if l.Kind != "macvlan" && l.Kind != "macvtap" || l.lowerIndex == 0 {
			continue
		}
		// They are sorted by index.
		if i, ok := slices.BinarySearchFunc(links, l.lowerIndex, func(o *link, index int) int { return o.Index - index }); ok {
			l.Lower = &Lower{Index: l.lowerIndex, Name: links[i].Name, MAC: links[i].MAC}
			continue
		}
		r, err := sock.open()
		if err != nil {
			return
		}
		if o, err := r.get(c.ctx, "", l.lowerIndex); err == nil {
			l.Lower = &Lower{Index: l.lowerIndex, Name: o.Name, MAC: o.MAC}
		}
	}
}

// readAddresses fills in DynamicIPv4.
func (c *deviceReader) readAddresses(links []*link) error {
	if len(links) == 0 {
		return nil
	}
	indexes := make([]int, 0, len(links))
	for _, l := range links {
		if !l.gone {
			indexes = append(indexes, l.Index)
		}
	}
	dynamic, err := dynamicIPv4(c.ctx, indexes)
	if err != nil {
		return err
	}
	for _, l := range links {
		l.DynamicIPv4 = dynamic[l.Index]
	}
	return nil
}
