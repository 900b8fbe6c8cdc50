// Package watch follows the addresses of network devices while they change. It combines
// what the kernel and udevd announce (package host), which program sets an address
// (package trace), and the audit (package policy), and reports each change as an Event.
package watch

import (
	"fmt"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/trace"
	"linkaudit/linkfiles"
)

// The kinds of events.
const (
	// Started and Stopped are the start and the end of the watch.
	Started = "started"
	Stopped = "stopped"
	// Created and Deleted are a device that appears and disappears, or is moved from
	// or to another network namespace.
	Created = "created"
	Deleted = "deleted"
	// Changed is a change of an address, addr_assign_type, master or name.
	Changed = "changed"
	// Called is a call that set an address without a visible change: the device had
	// it already, or the driver refused it.
	Called = "called"
	// Applied is another .link file or policy that is effective for a device, or that
	// udevd applied to it.
	Applied = "applied"
	// Found and Ended are a finding that a change started or ended.
	Found = "found"
	Ended = "ended"
	// Lost is a loss of messages. The changes meanwhile follow, as far as they are
	// still visible.
	Lost = "lost"
	// Problem is a reason why some events are incomplete.
	Problem = "problem"
)

// Event is one thing that happened.
type Event struct {
	// Time is when the call that made the change was made, if it was seen, and
	// otherwise when the kernel's message about it was read.
	Time time.Time
	// Kind is one of the constants above.
	Kind string
	// Device, Index and DeviceKind name the device; "" and 0 if the event is not about
	// one.
	Device     string
	Index      int
	DeviceKind string
	// Before and After are the state, nil if the device did not exist or if the event
	// does not change one.
	Before, After *State
	// By is who set the address, nil if no address changed.
	By *By
	// Finding is the finding of Found and Ended.
	Finding *audit.Finding
	// Call is the call of Called.
	Call *trace.Call
	// Text says what was lost, what the problem is, how it is watched, or what was
	// counted until the end.
	Text string
	// First: no earlier change of the device was reported. A device that was deleted
	// and created again is another device.
	First bool
	// Late: the change was found by looking again after messages were lost. There may
	// have been others in between.
	Late bool
}

// State is the watched state of a device.
type State struct {
	Name string
	// MAC is "" for a device without an address.
	MAC linkfiles.MAC
	// AddrAssignType is unknown if the device had another address or was gone when it
	// was read.
	AddrAssignType fact.Fact[host.AddrAssignType]
	// Master is the bond, bridge or team that the device is a port of, "" if there is
	// none.
	Master string
	// LinkFile is the path of the effective .link file, Policy its MACAddressPolicy=,
	// and Applied the file that udevd applied last. They are unknown for devices that
	// are not audited.
	LinkFile, Policy, Applied fact.Fact[string]
}

// How it is known who set an address.
const (
	// Seen: the call was seen in the kernel.
	Seen = "seen"
	// Deduced: the address itself, or the kernel's addr_assign_type, shows it.
	Deduced = "deduced"
	// Unknown: neither.
	Unknown = "unknown"
)

// By is who set an address.
type By struct {
	// How is Seen, Deduced or Unknown.
	How string
	// Call is the call, if it was seen.
	Call *trace.Call
	// Origin is one of the Origin constants of package policy, "" if it is unknown;
	// Port is the port of audit.OriginPort.
	Origin, Port string
	// Reason says why the origin is unknown.
	Reason *fact.Statement
}

// Complete returns an error if an event from a file lacks a part that its kind has, or
// has an unknown kind.
func (e *Event) Complete() error {
	if e.By != nil && e.By.How == Seen && e.By.Call == nil {
		return e.without("the call that was seen")
	}
	part, known := partOf[e.Kind]
	switch {
	case !known:
		return fmt.Errorf("unknown event %q", e.Kind)
	case part.in != nil && !part.in(e):
		return e.without(part.what)
	}
	return nil
}

func (e *Event) without(what string) error {
	return fmt.Errorf("an event %q without %s", e.Kind, what)
}

// eventPart is what events of a kind have; in is nil if that is nothing.
type eventPart struct {
	what string
	in   func(*Event) bool
}

var partOf = map[string]eventPart{
	Started: {},
	Stopped: {},
	Lost:    {},
	Problem: {},
	Created: {"the state after it", func(e *Event) bool { return e.After != nil }},
	Applied: {"the state after it", func(e *Event) bool { return e.After != nil }},
	Deleted: {"the state before it", func(e *Event) bool { return e.Before != nil }},
	Changed: {"the states before and after it", func(e *Event) bool { return e.Before != nil && e.After != nil }},
	Called:  {"the call", func(e *Event) bool { return e.Call != nil }},
	Found:   {"the finding", func(e *Event) bool { return e.Finding != nil }},
	Ended:   {"the finding", func(e *Event) bool { return e.Finding != nil }},
}
