// Package life is a model of what the kernel does to the address and the addr_assign_type of a
// bond, bridge or team when ports join and leave and addresses are set. It knows nothing about
// udevd: for the kernel, that is one more program that sets an address (Device.Set).
//
// test/life runs it beside the kernel and compares after each operation.
package life

import (
	"fmt"
	"slices"

	"linkaudit/linkfiles"
)

// AssignType is the kernel's addr_assign_type (NET_ADDR_* of
// include/uapi/linux/netdevice.h).
type AssignType int

const (
	Permanent AssignType = 0
	Random    AssignType = 1
	Stolen    AssignType = 2
	Set       AssignType = 3
)

var assignTypes = [...]string{Permanent: "permanent", Random: "random", Stolen: "stolen", Set: "set"}

func (t AssignType) String() string {
	if t < 0 || int(t) >= len(assignTypes) {
		return "unknown"
	}
	return assignTypes[t]
}

// ParseAssignType parses the text of String.
func ParseAssignType(s string) (AssignType, error) {
	if i := slices.Index(assignTypes[:], s); i >= 0 {
		return AssignType(i), nil
	}
	return 0, fmt.Errorf("invalid addr_assign_type %q (permanent, random, stolen or set)", s)
}

// Zero is the address of a bridge whose last port has left.
const Zero linkfiles.MAC = "00:00:00:00:00:00"

// Device is a bond, bridge or team at one moment. Its methods return its next state and do not
// change the receiver.
type Device struct {
	// Kind is bond, bridge or team.
	Kind string
	// Mode and FailOverMAC are a bond's: "active-backup", "follow". Mode of a team is its
	// runner by its name in the kernel: "activebackup"; "" for a team without one.
	Mode, FailOverMAC string
	// MAC is the address; "" for one that the kernel made up, or that follows from an
	// unknown address.
	MAC    linkfiles.MAC
	Assign AssignType
	// Ports are in the order in which they joined.
	Ports []Port
	// Active is the active port of a bond in active-backup mode, "" for none.
	Active string
	Kernel Kernel
}

// Kernel is where kernels differ, which affects only the addresses of ports. The zero value is
// Debian's 5.10 and 6.1; its 6.12 and 7.2 have both of these.
type Kernel struct {
	// SkipsSameAddress: the kernel does not pass an address that the device already has to
	// the driver, which would pass it on to the ports (dev_set_mac_address()).
	SkipsSameAddress bool
	// SparesBondsAddress: a port that joins a bond with fail_over_mac=follow with the
	// bond's address, which another port has too, gets a made-up one (bond_enslave()).
	SparesBondsAddress bool
}

// Port is a port of a Device, or a device that may become one.
type Port struct {
	Name string
	// MAC is its present address, "" for an unknown one, as of the ports of a bond in
	// mode balance-tlb or balance-alb, which distributes addresses itself.
	MAC linkfiles.MAC
	// Own is the address that it had when it joined, and gets back when it leaves a bond or
	// team.
	Own linkfiles.MAC
}

// New is a device right after RTM_NEWLINK: with the address of IFLA_ADDRESS if given is not
// "", and otherwise with one that the driver makes up (rtnl_create_link(); bond_init(),
// br_dev_setup(), team_newlink()).
func New(kind string, given linkfiles.MAC) Device {
	d := Device{Kind: kind, MAC: given, Assign: Set}
	if given == "" {
		d.Assign = Random
	}
	return d
}

// followsActive: the bond's address is that of its active port
// (BOND_FOM_ACTIVE of bond_do_fail_over_mac()).
func (d *Device) followsActive() bool {
	return d.Kind == "bond" && d.Mode == "active-backup" && d.FailOverMAC == "active"
}

// keepsPorts: the bond does not change the addresses of its ports, or manages them itself, and
// takes none from outside (bond_set_mac_address()).
func (d *Device) keepsPorts() bool {
	return d.Kind == "bond" && d.Mode == "active-backup" && (d.FailOverMAC == "active" || d.FailOverMAC == "follow")
}

// deals: the bond distributes the addresses of its ports (bond_alb.c).
func (d *Device) deals() bool {
	return d.Kind == "bond" && (d.Mode == "balance-tlb" || d.Mode == "balance-alb")
}

// handsOn: the team sets its address on its ports, when they join and when it is set
// (port_enter and port_change_dev_addr of the runner's team_mode_ops).
func (d *Device) handsOn() bool {
	return d.Kind == "team" && (d.Mode == "roundrobin" || d.Mode == "broadcast" || d.Mode == "random")
}

func (d Device) clone() Device {
	d.Ports = slices.Clone(d.Ports)
	return d
}

func (d *Device) port(name string) int {
	return slices.IndexFunc(d.Ports, func(p Port) bool { return p.Name == name })
}

// Join makes a device a port (bond_enslave(), br_add_if(), team_port_add()).
func (d Device) Join(name string, mac linkfiles.MAC) Device {
	d = d.clone()
	d.join(name, mac)
	d.joined()
	return d
}

// JoinAll is Join for each port with its own address, in order.
func (d Device) JoinAll(ports []Port) Device {
	d.Ports = append(make([]Port, 0, len(d.Ports)+len(ports)), d.Ports...)
	for _, p := range ports {
		d.join(p.Name, p.Own)
	}
	if len(ports) > 0 {
		d.joined()
	}
	return d
}

// join does not do what depends on all ports.
func (d *Device) join(name string, mac linkfiles.MAC) {
	p := Port{Name: name, MAC: mac, Own: mac}
	switch d.Kind {
	case "bond":
		if len(d.Ports) == 0 && d.Assign == Random {
			d.MAC, d.Assign = mac, Stolen // bond_set_dev_addr()
		}
		switch {
		case !d.keepsPorts():
			p.MAC = d.MAC
		case d.Kernel.SparesBondsAddress && d.FailOverMAC == "follow" && len(d.Ports) > 0 && mac == d.MAC:
			p.MAC = ""
		}
	case "team":
		if d.handsOn() {
			p.MAC = d.MAC // team_modeop_port_enter()
		}
	}
	d.Ports = append(d.Ports, p)
	d.selectActive()
}

func (d *Device) joined() {
	if d.Kind == "bridge" {
		d.lowest()
	}
	d.deal()
}

// Leave is the opposite (__bond_release_one(), br_del_if(), team_port_del()). The second result
// is the port's address after it.
func (d Device) Leave(name string) (Device, linkfiles.MAC) {
	d = d.clone()
	i := d.port(name)
	if i < 0 {
		return d, ""
	}
	p := d.Ports[i]
	d.Ports = slices.Delete(d.Ports, i, i+1)
	switch d.Kind {
	case "bond":
		if d.Active == name {
			d.Active = ""
			d.selectActive()
		}
		if len(d.Ports) == 0 {
			d.MAC, d.Assign = "", Random // eth_hw_addr_random(), always
		}
		if !d.followsActive() {
			p.MAC = p.Own
		}
		d.deal()
	case "bridge":
		d.lowest()
	case "team":
		p.MAC = p.Own
	}
	return d, p.MAC
}

// LeaveAll is Leave for each of its ports.
func (d Device) LeaveAll() Device {
	if len(d.Ports) == 0 {
		return d
	}
	d.Ports = nil
	switch d.Kind {
	case "bond":
		d.Active, d.MAC, d.Assign = "", "", Random
	case "bridge":
		d.lowest()
	}
	return d
}

// SetMAC is RTM_SETLINK with a valid IFLA_ADDRESS, by any program (dev_set_mac_address();
// bond_set_mac_address(), br_set_mac_address(), team_set_mac_address()).
func (d Device) SetMAC(mac linkfiles.MAC) Device {
	d = d.clone()
	d.Assign = Set
	if d.keepsPorts() || d.Kernel.SkipsSameAddress && mac == d.MAC {
		return d // a bond that keeps them reports success, and does nothing
	}
	d.MAC = mac
	for i := range d.Ports {
		if d.Kind == "bond" || d.handsOn() {
			d.Ports[i].MAC = mac
		}
	}
	d.deal()
	return d
}

// SetPortMAC is the same for a port.
func (d Device) SetPortMAC(name string, mac linkfiles.MAC) Device {
	d = d.clone()
	if i := d.port(name); i >= 0 {
		d.Ports[i].MAC = mac
		if d.Kind == "bridge" {
			d.lowest() // NETDEV_CHANGEADDR in br_device_event()
		}
	}
	d.deal()
	return d
}

// lowest is br_stp_recalculate_bridge_id(): an address of a bridge that was not set is the
// lowest of its ports', and all zeros without ports. Its type stays.
func (d *Device) lowest() {
	if d.Assign == Set {
		return
	}
	d.MAC = Zero
	for i, p := range d.Ports {
		if p.MAC == "" {
			d.MAC = ""
			return
		}
		if i == 0 || p.MAC < d.MAC {
			d.MAC = p.MAC
		}
	}
}

// selectActive is bond_select_active_slave() for ports that are all up, without a primary one:
// the active port stays until it leaves; then the port that joined first follows.
// bond_do_fail_over_mac() then handles the addresses.
func (d *Device) selectActive() {
	if d.Kind != "bond" || d.Mode != "active-backup" || d.Active != "" || len(d.Ports) == 0 {
		return
	}
	active := &d.Ports[0]
	d.Active = active.Name
	switch d.FailOverMAC {
	case "active":
		d.MAC, d.Assign = active.MAC, Stolen
	case "follow":
		// It swaps with the port that has the bond's (bond_get_old_active()).
		for i := range d.Ports[1:] {
			if old := &d.Ports[1+i]; old.MAC == d.MAC {
				active.MAC, old.MAC = old.MAC, active.MAC
				return
			}
		}
		active.MAC = d.MAC
	}
}

// deal forgets the addresses of ports that the bond distributes.
func (d *Device) deal() {
	if !d.deals() {
		return
	}
	for i := range d.Ports {
		d.Ports[i].MAC = ""
	}
}
