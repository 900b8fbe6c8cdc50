package host

import (
	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// Options say what to collect. The zero value collects the running machine's
// bonds, bridges and teams with WantCheck.
type Options struct {
	// Root is "" or "/" for the running machine. Any other directory is the
	// root of an image: the Snapshot is Offline, has no devices, and nothing
	// of the image is executed or followed out of it.
	Root string
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
	// WantFor, where not nil, is asked for Want once the release is known.
	WantFor func(fact.Fact[linkfiles.Release]) Want
	// WantNameFor, where not nil, is asked about each device whose address was
	// set whether its NameAssignType is to be collected, where Want does not
	// say so. It is called from several threads at once.
	WantNameFor func(id fact.Fact[[16]byte], name, mac string) bool
	// Files, where not nil, are those of which Packaged is collected.
	Files *linkfiles.Store
	// Release, where not zero, is taken as systemd's release and not looked up.
	Release linkfiles.Release
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
	// a file with OriginalName= makes use; see Options.WantNameFor.
	WantNameAssignType
	// WantUEvent keeps Device.UEvent; DevType is collected in any case.
	WantUEvent
	// WantSystem collects System.Virtualization, Firmware, Credentials and
	// MachineTags, which may ask the service manager over D-Bus.
	WantSystem
	// WantDeclarations reads the configuration of other programs that make
	// devices: Snapshot.Declarations.
	WantDeclarations
	// WantPortDevices collects, with WantPorts, the ports as devices too: a file of
	// another program may ask for anything about them.
	WantPortDevices
	// WantGlibc collects System.Glibc, for which the C library is read.
	WantGlibc

	// WantNone collects no devices, and the system's cheap facts alone.
	WantNone Want = 1 << 31

	// WantCheck is what an audit asks of a machine whose .link files match on
	// names, kinds, types and addresses only.
	WantCheck = WantPorts | WantUdevDB | WantDeclarations
	// WantEverything is for a snapshot that is to answer any question later.
	WantEverything = WantPorts | WantUdevDB | WantDriver | WantNameAssignType | WantUEvent | WantSystem | WantDeclarations | WantGlibc
)

// DefaultKinds are audited unless asked otherwise: those whose address other
// machines see and whose ports have an address of their own.
var DefaultKinds = []string{"bond", "bridge", "team"}

func (o Options) want() Want {
	if o.Want == 0 {
		return WantCheck
	}
	return o.Want
}

func (o Options) kinds() []string {
	if len(o.Kinds) == 0 && len(o.Names) == 0 && !o.All {
		return DefaultKinds
	}
	return o.Kinds
}

func (o Options) image() bool { return o.Root != "" && o.Root != "/" }

// decided returns the options with Want settled for the release.
func (o Options) decided(rel fact.Fact[linkfiles.Release]) Options {
	if o.WantFor != nil {
		o.Want = o.WantFor(rel)
	}
	return o
}
