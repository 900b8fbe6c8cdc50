// Package watch follows the addresses of network devices while they change: it
// puts together what the kernel and udevd announce (package host), what is seen in
// the kernel of who sets an address (package trace), and what an audit makes of it
// (package policy), and reports each change as an Event.
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
	// Started and Stopped are the beginning and the end of the watch.
	Started = "started"
	Stopped = "stopped"
	// Created and Deleted are a device that comes and goes, or is moved to or
	// from another network namespace.
	Created = "created"
	Deleted = "deleted"
	// Changed is an address, addr_assign_type, master or name that changed.
	Changed = "changed"
	// Called is a call that set an address and changed nothing that can be seen:
	// the device had it already, or the driver refused it.
	Called = "called"
	// Applied is another .link file, or another policy, that is in force for a
	// device, or that udevd has applied to it.
	Applied = "applied"
	// Found and Ended are a finding of an audit that a change brought, or ended.
	Found = "found"
	Ended = "ended"
	// Lost is messages that were lost; what changed meanwhile follows, as far as
	// it can still be seen.
	Lost = "lost"
	// Problem is something that keeps part of the rest from being known.
	Problem = "problem"
)

// Event is one thing that happened.
type Event struct {
	// Time is when the call was made that did it, where that was seen, and
	// otherwise when the kernel's message about it was read.
	Time time.Time
	// Kind is one of the constants above.
	Kind string
	// Device, Index and DeviceKind name the device; "" and 0 where the event is
	// of none.
	Device     string
	Index      int
	DeviceKind string
	// Before and After are the state, nil where the device did not exist or
	// where the event is no change of one.
	Before, After *State
	// By is who gave the address, nil where no address changed.
	By *By
	// Finding is what was found or ended.
	Finding *audit.Finding
	// Call is the call of Called.
	Call *trace.Call
	// Text says what was lost or is the problem, how it is watched, or what was
	// counted in the end.
	Text string
	// First: no other change of the device was reported before. One that is deleted
	// and created again is another device.
	First bool
	// Late: the change was found by looking again after messages were lost. In
	// between there may have been others.
	Late bool
}

// State is what is watched of a device.
type State struct {
	Name string
	// MAC is "" for a device without an address.
	MAC linkfiles.MAC
	// AddrAssignType is unknown where the device had another address or was gone
	// by the time it was read.
	AddrAssignType fact.Fact[host.AddrAssignType]
	// Master is the bond, bridge or team that the device is a port of, "" for
	// none.
	Master string
	// LinkFile is the path of the .link file in force, Policy its
	// MACAddressPolicy=, and Applied the file that udevd applied last. They are
	// unknown for devices that are not audited.
	LinkFile, Policy, Applied fact.Fact[string]
}

// Who gave an address, and how that is known.
const (
	// Seen: the call that set it was seen in the kernel.
	Seen = "seen"
	// Deduced: it is the address that somebody gives, or the kernel's
	// addr_assign_type tells.
	Deduced = "deduced"
	// Unknown: neither.
	Unknown = "unknown"
)

// By is who gave an address.
type By struct {
	// How is Seen, Deduced or Unknown.
	How string
	// Call is the call that was seen.
	Call *trace.Call
	// Origin is whose address it is, one of the Origin constants of package
	// policy, "" where nothing tells; Port is the port of audit.OriginPort.
	Origin, Port string
	// Reason says why nothing is known.
	Reason *fact.Statement
}

// Complete returns an error where an event lacks what one of its kind has, or is of
// no known kind: one that was read from a file.
func (e *Event) Complete() error {
	if e.By != nil && e.By.How == Seen && e.By.Call == nil {
		return e.without("the call that was seen")
	}
	part, known := partOf[e.Kind]
	switch {
	case !known:
		return fmt.Errorf("an event %q is none that this linkaudit knows", e.Kind)
	case part.in != nil && !part.in(e):
		return e.without(part.what)
	}
	return nil
}

func (e *Event) without(what string) error {
	return fmt.Errorf("an event %q without %s", e.Kind, what)
}

// eventPart is what events of a kind have; in is nil where that is nothing.
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
