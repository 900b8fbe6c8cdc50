// Package netconf reads what network configuration says about a device: which program
// creates it, and which sets its address, independent of .link files.
//
// It decides nothing. A Declaration has what a file says and where; package policy says what
// that means for a device. It does not open files itself: Files does, so a hostile tree is
// handled in one place. It keeps only the Declarations: the files have passwords.
package netconf

import (
	"slices"

	"linkaudit/linkfiles"
)

// Declaration is what one program's configuration says about one device.
type Declaration struct {
	Program Program `json:"program"`
	// Device is the interface name that the configuration is for. If Pattern is true it
	// may be a pattern, as in a [Match] section.
	Device  string `json:"device"`
	Pattern bool   `json:"pattern,omitempty"`
	// Kind is the kind of device that the configuration describes, as
	// IFLA_INFO_KIND spells it; "" where it does not say.
	Kind string `json:"kind,omitempty"`
	// Creates is true where the program creates the device.
	Creates bool `json:"creates,omitempty"`
	// OnRequest is true if the program acts only on request, such as ifup for an interface
	// without a line "auto".
	OnRequest bool `json:"on_request,omitempty"`
	// Renderer is the program that applies the declaration if it is another one, as for
	// netplan.
	Renderer Program `json:"renderer,omitempty"`
	// Ignored says why the program ignores all this, "" if it does not.
	Ignored string `json:"ignored,omitempty"`
	// Ports are the devices that become ports of this one, in the program's order.
	Ports []string `json:"ports,omitempty"`
	// PortsAt is where each of them is named.
	PortsAt []linkfiles.Pos `json:"ports_at,omitempty"`
	// Address is what the program does to the address.
	Address Address `json:"address"`
	// Pos is where the device is declared.
	Pos linkfiles.Pos `json:"pos"`
}

// addPort adds a port and where it is named.
func (d *Declaration) addPort(name string, at linkfiles.Pos) {
	d.Ports, d.PortsAt = append(d.Ports, name), append(d.PortsAt, at)
}

// sortPorts is for programs that add the ports as they come.
func (d *Declaration) sortPorts() {
	at := map[string]linkfiles.Pos{}
	for i, name := range d.Ports {
		at[name] = d.PortAt(i)
	}
	slices.Sort(d.Ports)
	for i, name := range d.Ports {
		d.PortsAt[i] = at[name]
	}
}

// PortAt is where the port of that index is named, or the device itself if that is unknown,
// as in a snapshot of an older version.
func (d *Declaration) PortAt(i int) linkfiles.Pos {
	if i < len(d.PortsAt) {
		return d.PortsAt[i]
	}
	return d.Pos
}

// port is a port as a file names it.
type port struct {
	name string
	at   linkfiles.Pos
}

func (d *Declaration) addPorts(ports []port) {
	for _, p := range ports {
		d.addPort(p.name, p.at)
	}
}

// Address is what a program does to a device's address.
type Address struct {
	Way Way `json:"way"`
	// Key is the setting that says so, or that would if it is the program's default, as
	// the file spells it: "cloned-mac-address".
	Key string `json:"key,omitempty"`
	// AtCreation is true if the device is created with the address, and never has another
	// one.
	AtCreation bool `json:"at_creation,omitempty"`
	// MAC is the address of an explicit one, lower-case with colons.
	MAC linkfiles.MAC `json:"mac,omitempty"`
	// Port is the device that has the address, if the file names it.
	Port string `json:"port,omitempty"`
	// Pos is the line that says so, or that of the declaration if it is the program's
	// default.
	Pos linkfiles.Pos `json:"pos"`
	// Unknown says why Way is WayUnknown.
	Unknown string `json:"unknown,omitempty"`
}

// Way is where a program takes the address of a device from.
type Way string

const (
	// WayNone: the program does not set the address; the kernel and udev do.
	WayNone Way = "none"
	// WayExplicit: the address that the file has.
	WayExplicit Way = "explicit"
	// WayNetworkd: systemd-networkd derives one from machine ID and name.
	WayNetworkd Way = "networkd-persistent"
	// WayStable: NetworkManager derives one from the connection, always the same.
	WayStable Way = "stable"
	// WayRandom: another one each time.
	WayRandom Way = "random"
	// WayPermanent: the permanent address of the hardware.
	WayPermanent Way = "permanent"
	// WayPort: that of a port, which Port names where the file does.
	WayPort Way = "port"
	// WayUnknown: it depends on something unknown here.
	WayUnknown Way = "unknown"
)
