package host

import (
	"slices"

	"linkaudit/internal/fact"
)

// DeviceOptions say which devices are collected, and what of them. The zero value is
// bonds, bridges and teams with WantCheck.
type DeviceOptions struct {
	// Kinds are the IFLA_INFO_KINDs to collect; empty means bond, bridge and
	// team, unless Names or All are given.
	Kinds []string
	// Names are further devices, by name or alternative name. One that does
	// not exist is left out without a word: it may be a device to come.
	//
	// Whichever way a device is chosen, the master of one that is a port comes along.
	Names []string
	// All collects every device.
	All bool
	// Want says which of the facts that cost something are collected; what
	// is not stays unknown with the reason "not collected". Zero is WantCheck.
	Want Want
	// MachineID, where it is known, has NameAssignType collected of devices whose
	// address may be derived of it and of another name than they have
	// (derived.OfOtherName), also where Want does not say so.
	MachineID fact.Fact[[16]byte]
}

// With has the devices of these names collected, too.
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
	// WantNameAssignType collects Device.NameAssignType of all devices, of which
	// a file with OriginalName= makes use; see DeviceOptions.MachineID.
	WantNameAssignType
	// WantUEvent keeps Device.UEvent; DevType is collected in any case.
	WantUEvent
	// WantSystem collects System.Virtualization, Firmware, Credentials and
	// MachineTags, which may ask the service manager over D-Bus.
	WantSystem
	// WantPortDevices collects, with WantPorts, the ports as devices too: a file of
	// another program may ask for anything about them.
	WantPortDevices
	// WantGlibc collects System.Glibc, for which the C library is read.
	WantGlibc

	// WantCheck is what an audit asks of a machine whose .link files match on
	// names, kinds, types and addresses only.
	WantCheck = WantPorts | WantUdevDB
	// WantEverything is for a snapshot that is to answer any question later.
	WantEverything = WantPorts | WantUdevDB | WantDriver | WantNameAssignType | WantUEvent | WantSystem | WantGlibc
)

// DefaultKinds are audited unless asked otherwise: those whose address other
// machines see and whose ports have an address of their own.
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
