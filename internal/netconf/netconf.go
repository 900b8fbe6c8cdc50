// Package netconf reads what other programs' configuration says of a device: who
// creates it, and who gives it an address, whatever the .link files say.
//
// It decides nothing. A Declaration holds what a file says and where; what
// follows from it for a device is package policy's to say. It opens no file by
// itself either: Files does, so that a hostile tree is met in one place. Of what
// it reads nothing is kept but the Declarations: the files hold passwords.
package netconf

import (
	"slices"

	"linkaudit/linkfiles"
)

// Declaration is what one program's configuration says of one device.
type Declaration struct {
	Program Program `json:"program"`
	// Device is the interface name that the configuration is for. It may be a
	// pattern where Pattern is true, as in a [Match] section.
	Device  string `json:"device"`
	Pattern bool   `json:"pattern,omitempty"`
	// Kind is the kind of device that the configuration describes, as
	// IFLA_INFO_KIND spells it; "" where it does not say.
	Kind string `json:"kind,omitempty"`
	// Creates is true where the program creates the device.
	Creates bool `json:"creates,omitempty"`
	// OnRequest is true where the program acts only when somebody asks for it,
	// as ifup does for an interface without a line "auto".
	OnRequest bool `json:"on_request,omitempty"`
	// Renderer is the program that carries the declaration out where it is
	// another one, as it is for netplan.
	Renderer Program `json:"renderer,omitempty"`
	// Ignored says why the program does nothing of all this, "" where it does.
	Ignored string `json:"ignored,omitempty"`
	// Ports are the devices that it makes ports of this one, in its order.
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

// PortAt is where the port of that index is named; the device itself where the
// declaration does not tell, as in a snapshot of an older version.
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
	// Key is the setting that says so, or that would where it is the program's
	// default, as the file spells it: "cloned-mac-address".
	Key string `json:"key,omitempty"`
	// AtCreation is true where the device is created with the address, so that
	// nobody sees it with another one.
	AtCreation bool `json:"at_creation,omitempty"`
	// MAC is the address of an explicit one, lower-case with colons.
	MAC linkfiles.MAC `json:"mac,omitempty"`
	// Port is the device whose address it is, where the file names it.
	Port string `json:"port,omitempty"`
	// Pos is the line that says so; that of the declaration where it is the
	// program's default.
	Pos linkfiles.Pos `json:"pos"`
	// Unknown says why Way is WayUnknown.
	Unknown string `json:"unknown,omitempty"`
}

// Way is how a program comes to the address that it gives a device.
type Way string

const (
	// WayNone: the program leaves the address alone: it is the kernel's and
	// udevd's to give.
	WayNone Way = "none"
	// WayExplicit: the address that the file has.
	WayExplicit Way = "explicit"
	// WayNetworkd: systemd-networkd derives one from machine-id and name.
	WayNetworkd Way = "networkd-persistent"
	// WayStable: NetworkManager derives one from the connection, always the same.
	WayStable Way = "stable"
	// WayRandom: another one each time.
	WayRandom Way = "random"
	// WayPermanent: the permanent address of the hardware.
	WayPermanent Way = "permanent"
	// WayPort: that of a port, which Port names where the file does.
	WayPort Way = "port"
	// WayUnknown: it depends on what cannot be known here.
	WayUnknown Way = "unknown"
)
