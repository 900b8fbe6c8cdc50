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

// Finding is one thing that an administrator should know, reported by one rule.
type Finding struct {
	// Rule is the rule's stable kebab-case name; docs/rules.md has an entry
	// for each.
	Rule     string
	Severity Severity
	// Message names the device and the fact.
	Message *linkfiles.Statement
	// Cause is the setting behind the finding, nil if there is none.
	Cause *linkfiles.Statement
	// File and Line are the position of the cause or the fact; "" and 0 if it is in no
	// file.
	File string
	Line int
	// Help is what to do; nil means the help of the rule.
	Help *linkfiles.Statement
	// Remedy is the command in Help, or the zero value.
	Remedy remedy.Command
}

// Target is a device to audit. It may not exist yet.
type Target struct {
	Name string
	Kind string // "" if the user did not say
}

// Options choose what is audited and the severities of findings.
type Options struct {
	// Targets are the devices that the user named; if empty, Kinds and All choose.
	Targets []Target
	// Kinds are the IFLA_INFO_KINDs to audit; empty means host.DefaultKinds.
	Kinds []string
	// All audits every device of the snapshot, whatever its kind.
	All bool
	// Site is the site's own configuration; nil for none.
	Site Site
	// Place is the machine that remedies are for; the zero value is the local machine.
	Place remedy.Place
}

// Site is what the site's own configuration says about devices and rules.
type Site interface {
	// Expect returns the policy that the site expects for the device, "" for none, and
	// where the expectation is written. ignore means: do not audit the device.
	Expect(name, kind string) (policy string, ignore bool, at linkfiles.Pos)
	// Severity returns the severity of a rule at this site, or def if the site does not
	// set one. It returns false if the rule is switched off.
	Severity(rule string, def Severity) (Severity, bool)
}

// Result is the outcome of an audit, without any presentation.
type Result struct {
	Snapshot *host.Snapshot
	Tree     *linkfiles.Tree
	Devices  []DeviceResult
	// Findings are about the host or its files as a whole.
	Findings []Finding
	// Place is Options.Place.
	Place remedy.Place
}

// DeviceResult is what the audit says about one device.
type DeviceResult struct {
	Name    string
	Kind    string
	Present bool
	// Device is nil if it is not present.
	Device *host.Device
	// LinkFile is the effective .link file: absent if no file applies, unknown if that
	// cannot be decided.
	LinkFile fact.Fact[*linkfiles.File]
	// Policy is persistent, random or none; absent if no file sets it.
	Policy fact.Fact[string]
	// PolicySource is the line that sets the policy; zero if no file does.
	PolicySource linkfiles.Pos
	// Applied is ID_NET_LINK_FILE of the udev database: the file that udev last applied
	// to this device.
	Applied fact.Fact[string]
	// Persistent is the address that MACAddressPolicy=persistent sets for the device.
	Persistent fact.Fact[host.PersistentMAC]
	Provenance
	// AfterAdd is the address after udev handles another add event for the device. For
	// a device that does not exist yet, it is the address that udev sets if the device
	// is created without one. Absent for a device without an address.
	AfterAdd fact.Fact[linkfiles.MAC]
	// Predicted has the address after each event, in the order of Events.
	Predicted []Prediction
	// InImages has the result for each initramfs image that was read.
	InImages []InImage
	// Declarations are what network configuration says about the device. Manager is the
	// program that sets its address, nil if none does.
	Declarations fact.Fact[[]netconf.Declaration]
	Manager      *Manager
	// Steps are what happens to the address when the device is created, in order. Wins
	// says which address it has in the end. Both are empty if no program declares the
	// device.
	Steps    []Step
	Wins     *linkfiles.Statement
	Findings []Finding

	snap *host.Snapshot
}

// Event is something that may change the address of a device.
type Event string

const (
	// EventBoot is the next boot of the machine.
	EventBoot Event = "boot"
	// EventUdevAdd is the next uevent with the action add, for instance from "udevadm
	// trigger --action=add".
	EventUdevAdd Event = "udev_add_event"
	// EventRecreate: the device is deleted and created again.
	EventRecreate Event = "recreate"
	// EventPortsRejoin: all ports leave the device and join again.
	EventPortsRejoin Event = "ports_rejoin"
	// EventGuests: a guest that has a port of the bridge starts or stops.
	EventGuests Event = "guest_starts_or_stops"
)

// Events are all events, in the order in which reports show them.
var Events = []Event{EventBoot, EventUdevAdd, EventRecreate, EventPortsRejoin, EventGuests}

// Prediction is the address of a device after an event.
type Prediction struct {
	Event Event
	// MAC is the address if there is only one possible outcome with a fixed address. It
	// is absent for a device without an address, and if the event cannot happen to the
	// device (it has no ports or no guests). Otherwise it is unknown, with the reason.
	MAC fact.Fact[linkfiles.MAC]
	// Outcomes are all possible outcomes; empty if they are unknown.
	Outcomes []Outcome
}

// Outcome is one address that a device may have after an event.
type Outcome struct {
	// MAC is "" for an address that is made up at that moment.
	MAC linkfiles.MAC
	// Origin is one of the Origin constants. Port is the port that has the address if
	// Origin is OriginPort.
	Origin, Port string
	// When is the condition of this outcome, for instance that eth0 joins before udev
	// is done. It is nil if there is only one outcome.
	When *linkfiles.Statement
}
