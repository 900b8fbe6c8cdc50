package life

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"linkaudit/linkfiles"
	model "linkaudit/policy/life"
)

// atOnce is how many requests the kernel has at the same time.
const atOnce = 8

func (r *Runner) nl() []*netlink.Handle {
	for len(r.handles) < atOnce {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			panic(err)
		}
		r.handles = append(r.handles, h)
	}
	return r.handles
}

func addressOf(device string) (linkfiles.MAC, error) {
	b, err := os.ReadFile("/sys/class/net/" + device + "/address")
	return linkfiles.MAC(strings.TrimSpace(string(b))), err
}

func assignType(device string) (model.AssignType, error) {
	b, err := os.ReadFile("/sys/class/net/" + device + "/addr_assign_type")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return model.AssignType(n), err
}

func hardware(mac linkfiles.MAC) net.HardwareAddr { return mac.Octets() }

// attributes of a new device. Each of its queues has uevents of its own, and a bond has
// 16 by default.
func attributes(name string, addr net.HardwareAddr) netlink.LinkAttrs {
	return netlink.LinkAttrs{Name: name, HardwareAddr: addr, NumTxQueues: 1, NumRxQueues: 1}
}

func index(device string) (*netlink.Device, error) {
	i, err := ifindex(device)
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: i, Name: device}}, err
}

func ifindex(device string) (int, error) {
	b, err := os.ReadFile("/sys/class/net/" + device + "/ifindex")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// do executes an operation.
func (l *lane) do(o Op) error {
	h := l.nl
	addr := hardware(l.resolve(o.Addr))
	name := l.name
	switch o.Do {
	case SetPortMAC, DeletePort, Join, Leave:
		name = l.portDevice(o.Port)
	case Create:
		if err := l.deleteIfThere(name); err != nil {
			return err
		}
		return l.create(name, l.seq.Kind, o.Mode, o.FailOver, addr)
	case CreatePort:
		return l.makePort(l.portDevice(o.Port), l.resolve(o.Addr))
	case Trigger:
		return os.WriteFile("/sys/class/net/"+name+"/uevent", []byte("add"), 0o200)
	}
	dev, err := index(name)
	if err != nil {
		return err
	}
	switch o.Do {
	case Delete, DeletePort:
		return h.LinkDel(dev)
	case Up:
		return h.LinkSetUp(dev)
	case Down:
		return h.LinkSetDown(dev)
	case SetMAC, SetPortMAC:
		return h.LinkSetHardwareAddr(dev, addr)
	case Join:
		// A bond and a team need it down, as it is after leaving one.
		if err := h.LinkSetDown(dev); err != nil {
			return err
		}
		master, err := ifindex(l.name)
		if err != nil {
			return err
		}
		return h.LinkSetMasterByIndex(dev, master)
	case Leave:
		return h.LinkSetNoMaster(dev)
	}
	return fmt.Errorf("no operation %q", o.Do)
}

func (l *lane) create(name, kind, mode, failOver string, addr net.HardwareAddr) error {
	h := l.nl
	attrs := attributes(name, addr)
	switch kind {
	case "bond":
		b := netlink.NewLinkBond(attrs)
		b.Mode = netlink.StringToBondMode(mode)
		if failOver != "" {
			b.FailOverMac = netlink.StringToBondFailOverMacMap[failOver]
		}
		return h.LinkAdd(b)
	case "bridge":
		return h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs})
	}
	if err := h.LinkAdd(&netlink.GenericLink{LinkAttrs: attrs, LinkType: kind}); err != nil || mode == "" {
		return err
	}
	return l.teamMode(name, mode)
}

// teamMode sets a team's option "mode" as libteam does (linux/if_team.h).
func (l *lane) teamMode(name, mode string) error {
	family, err := netlink.GenlFamilyGet("team")
	if err != nil {
		return err
	}
	i, err := ifindex(name)
	if err != nil {
		return err
	}
	req := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
	req.AddData(&nl.Genlmsg{Command: 1, Version: 1}) // TEAM_CMD_OPTIONS_SET
	req.AddData(nl.NewRtAttr(1, nl.Uint32Attr(uint32(i))))
	list := nl.NewRtAttr(unix.NLA_F_NESTED|2, nil)
	option := list.AddRtAttr(unix.NLA_F_NESTED|1, nil)
	option.AddRtAttr(1, nl.ZeroTerminated("mode"))
	option.AddRtAttr(3, nl.Uint8Attr(5)) // NLA_STRING
	option.AddRtAttr(4, nl.ZeroTerminated(mode))
	req.AddData(list)
	// ESRCH: done, but no process listens to the notification.
	if _, err = req.Execute(unix.NETLINK_GENERIC, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("the team's mode %s: %w", mode, err)
	}
	return nil
}

func (l *lane) deleteIfThere(name string) error {
	dev, err := index(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return l.nl.LinkDel(dev)
}

// makePort makes sure that the device exists, down, with that address, and is not a
// port.
func (l *lane) makePort(name string, mac linkfiles.MAC) error {
	h := l.nl
	dev, err := index(name)
	if err == nil {
		if err := h.LinkSetNoMaster(dev); err != nil {
			return err
		}
		if err := h.LinkSetDown(dev); err != nil {
			return err
		}
		return h.LinkSetHardwareAddr(dev, hardware(mac))
	}
	attrs := attributes(name, hardware(mac))
	if l.run.Veth {
		return h.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "lx" + name[2:]})
	}
	return h.LinkAdd(&netlink.Dummy{LinkAttrs: attrs})
}

// refusal reports whether the kernel may refuse the operation and leave everything as
// it was: a bond that assigns addresses finds none for a port
// (alb_handle_addr_collision_on_attach()).
func refusal(l *lane, o Op, err error) bool {
	return o.Do == Join && errors.Is(err, syscall.EFAULT) && (l.dev.Mode == "balance-tlb" || l.dev.Mode == "balance-alb")
}
