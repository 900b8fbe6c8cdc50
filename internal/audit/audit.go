package audit

import (
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

// Severity orders findings: info < warning < error.
type Severity string

const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Finding is one thing that an administrator should know, made by one rule.
type Finding struct {
	// Rule is the rule's stable kebab-case name; docs/rules.md has an entry
	// for each.
	Rule     string
	Severity Severity
	// Message is what is the matter.
	Message *linkfiles.Statement
	// File and Line say where, "" and 0 where no file is concerned.
	File string
	Line int
	// Help is what to do, nil where it is what the rule says.
	Help *linkfiles.Statement
	// Remedy is the command in Help; the zero value where there is none.
	Remedy remedy.Command
}

// Target is a device to audit that need not exist yet.
type Target struct {
	Name string
	Kind string // "" where the user did not say
}

// Options choose what is audited and how findings weigh.
type Options struct {
	// Targets are the devices named by the user; empty means: choose by kind.
	Targets []Target
	// Kinds are the IFLA_INFO_KINDs to audit; empty means host.DefaultKinds.
	Kinds []string
	// All audits every device of the snapshot, whatever its kind.
	All bool
	// Site is the site's own configuration; nil for none.
	Site Site
	// Place is the machine that remedies are for; the zero value is the one on which
	// the audit runs.
	Place remedy.Place
}

// Site is what the site's own configuration says about devices and rules.
type Site interface {
	// Expect returns the policy the site expects for the device and where it
	// says so, or ignore for a device that is not to be audited. An empty
	// policy means: no expectation.
	Expect(name, kind string) (policy string, ignore bool, at linkfiles.Pos)
	// Severity returns the severity of a rule at this site, def where the
	// site does not say, and false where the rule is switched off.
	Severity(rule string, def Severity) (Severity, bool)
}

// Result is the outcome of an audit, still free of any presentation.
type Result struct {
	Snapshot *host.Snapshot
	Tree     *linkfiles.Tree
	Devices  []DeviceResult
	// Findings are those about the host or its files as a whole.
	Findings []Finding
	// Place is that of the options.
	Place remedy.Place
}

// DeviceResult is what the audit says about one device.
type DeviceResult struct {
	Name    string
	Kind    string
	Present bool
	// Device is the device itself, nil where it is not present.
	Device *host.Device
	// LinkFile is the effective link file: absent where no file applies,
	// unknown where that cannot be decided.
	LinkFile fact.Fact[*linkfiles.File]
	// Policy is persistent, random or none; absent where nothing sets it.
	Policy fact.Fact[string]
	// PolicySource is the line the policy comes from; zero where nothing
	// sets it.
	PolicySource linkfiles.Pos
	// Applied is ID_NET_LINK_FILE of the udev database: the file that udevd
	// last applied to this device.
	Applied fact.Fact[string]
	// Persistent is the address MACAddressPolicy=persistent gives the device.
	Persistent fact.Fact[host.PersistentMAC]
	Provenance
	// AfterAdd is the address that the device carries once udevd has handled
	// another add event for it; of a device that is still to be created, the
	// one that udevd gives it if it comes without an address of its own.
	// Absent for a device without an address.
	AfterAdd fact.Fact[linkfiles.MAC]
	// Predicted is what each event makes of the address, in the order of
	// Events.
	Predicted []Prediction
	// InImages is what each initramfs image that was read would make of it.
	InImages []InImage
	// Declarations are what the configuration of other programs says of the
	// device, and Manager the one that gives it an address, nil where none does.
	Declarations fact.Fact[[]netconf.Declaration]
	Manager      *Manager
	// Steps are what happens to the address as the device is made, in order, and
	// Wins is whose address it has in the end; none where no program declares it.
	Steps    []Step
	Wins     *linkfiles.Statement
	Findings []Finding

	// snap is what the device is of.
	snap *host.Snapshot
}

// Event is something that happens to a device and may change its address.
type Event string

const (
	// EventBoot is the next boot of the machine.
	EventBoot Event = "boot"
	// EventUdevAdd is the next uevent of the action add, as "udevadm trigger
	// --action=add" sends it.
	EventUdevAdd Event = "udev_add_event"
	// EventRecreate is that the device is deleted and created anew.
	EventRecreate Event = "recreate"
	// EventPortsRejoin is that all ports leave the device and join again.
	EventPortsRejoin Event = "ports_rejoin"
	// EventGuests is that a virtual machine or container starts or stops whose
	// port the bridge has, or will have.
	EventGuests Event = "guest_starts_or_stops"
)

// Events are all events, in the order in which they are shown.
var Events = []Event{EventBoot, EventUdevAdd, EventRecreate, EventPortsRejoin, EventGuests}

// Prediction is the address of a device after an event.
type Prediction struct {
	Event Event
	// MAC is the address where there is one possible outcome only, and that
	// is no made-up address; absent for a device without an address, or one
	// that the event cannot happen to (a device without ports, or without
	// guests); unknown
	// otherwise, with the reason.
	MAC fact.Fact[linkfiles.MAC]
	// Outcomes are all possible outcomes; none where they cannot be told.
	Outcomes []Outcome
}

// Outcome is one address that a device may carry after an event.
type Outcome struct {
	// MAC is "" for an address that is made up at that moment.
	MAC linkfiles.MAC
	// Origin is one of the Origin constants, and Port the port whose address
	// it is where that is OriginPort.
	Origin, Port string
	// When is the condition of this outcome, nil where it is the only one: that eth0
	// joins before udevd handles the event.
	When *linkfiles.Statement
}
