package host

import (
	"slices"

	"linkaudit/internal/fact"
)

// DeviceOptions say which devices to collect, and what about them. The zero value is bonds,
// bridges and teams with WantCheck.
type DeviceOptions struct {
	// Kinds are the IFLA_INFO_KINDs to collect; empty means bond, bridge and
	// team, unless Names or All are given.
	Kinds []string
	// Names are further devices, by name or alternative name. A device that does not
	// exist is left out silently: it may be a future one.
	//
	// The master of a selected port is always included.
	Names []string
	// All collects every device.
	All bool
	// Want says which facts that cost something to collect; the others stay unknown with
	// the reason "not collected". Zero is WantCheck.
	Want Want
	// MachineID, if known, makes NameAssignType collected of devices whose address may be
	// derived from it and another name than they have (derived.OfOtherName), even if Want
	// does not say so.
	MachineID fact.Fact[[16]byte]
}

// With adds the devices of these names.
func (o DeviceOptions) With(names []string) DeviceOptions {
	if len(names) == 0 || o.All {
		return o
	}
	if len(o.Names) == 0 && len(o.Kinds) == 0 {
		o.Kinds = DefaultKinds
	}
	o.Names = append(slices.Clone(o.Names), names...)
	return o
}

// Want is a set of facts that cost a system call or more for each device, or a
// question to another process.
type Want uint

const (
	// WantPorts collects Device.Ports.
	WantPorts Want = 1 << iota
	// WantUdevDB collects Device.UdevDB.
	WantUdevDB
	// WantDriver collects Device.Driver.
	WantDriver
	// WantNameAssignType collects Device.NameAssignType of all devices, for files with
	// OriginalName=; see DeviceOptions.MachineID.
	WantNameAssignType
	// WantUEvent keeps Device.UEvent; DevType is collected in any case.
	WantUEvent
	// WantSystem collects System.Virtualization, Firmware, Credentials and MachineTags; it
	// may ask the service manager over D-Bus.
	WantSystem
	// WantPortDevices collects, with WantPorts, the ports as devices too: network
	// configuration may match any of their properties.
	WantPortDevices
	// WantGlibc collects System.Glibc, which needs to read the C library.
	WantGlibc

	// WantCheck is what an audit needs if the .link files match only on names, kinds,
	// types and addresses.
	WantCheck = WantPorts | WantUdevDB
	// WantEverything is for a snapshot that must answer any later question.
	WantEverything = WantPorts | WantUdevDB | WantDriver | WantNameAssignType | WantUEvent | WantSystem | WantGlibc
)

// DefaultKinds are audited by default: other machines see their address, and their ports
// have an address of their own.
var DefaultKinds = []string{"bond", "bridge", "team"}

func (o DeviceOptions) want() Want {
	if o.Want == 0 {
		return WantCheck
	}
	return o.Want
}

func (o DeviceOptions) kinds() []string {
	if len(o.Kinds) == 0 && len(o.Names) == 0 && !o.All {
		return DefaultKinds
	}
	return o.Kinds
}
