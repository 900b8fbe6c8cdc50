// Package change makes MACAddressPolicy=none take effect for a device, and
// takes it back: it plans a change, writes it, has udevd reload, verifies and
// records it, and undoes it.
//
// Input.Plan and Input.planUndo decide and do no I/O; applyPlans does what a plan
// says and decides nothing but whether it worked. What udevd makes of a file is asked of
// package linkfiles, before the change on a copy of what was read and after it
// on what is there then.
package change

import (
	"fmt"
	"slices"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// Input is what a plan is made from.
type Input struct {
	Snapshot *host.Snapshot // with its Files
	Release  linkfiles.Release
	// DirExists reports whether a directory of the root exists; what does not
	// is made, and removed again by undo. An error says why nothing can be written
	// below it (noPlaceError), or that this is not known.
	DirExists func(dir string) (bool, error)
	// Networkd are systemd-networkd's files, and NetworkdActive says whether it
	// runs or is started at boot. Nil: they are not looked at.
	Networkd       *netconf.NetworkdFiles
	NetworkdActive fact.Fact[bool]
	// Force takes over an override that somebody edited.
	Force bool
	// recovered: what a run did that was killed was taken back.
	recovered bool
	// Place is the machine whose Snapshot it is, for the commands of notes.
	Place remedy.Place
}

// Plan is one file to write, and what goes with it.
type Plan struct {
	Target override.Target
	// Path is the override, "" where none is needed.
	Path string
	// Content is its text; Old what is there now, nil where nothing is.
	Content, Old []byte
	// NetDevs are drop-ins that go with it, for devices that systemd-networkd
	// creates.
	NetDevs []NetDev
	// Remove are overrides of the same target that Path takes the place of.
	Remove []override.Override
	// Base is the file in force without the override.
	Base *linkfiles.File
	// Edited are the packages' files in force for the target that were edited or
	// removed in place, so that the next upgrade puts another text in force.
	Edited []audit.VendorFile
	// Why says in one sentence why this file, or why none.
	Why string
	// Notes are further things to know.
	Notes []string
}

// Changed reports whether carrying out the plan changes any file.
func (p *Plan) Changed() bool {
	return p.LinkChanged() || len(p.Remove) > 0 || slices.ContainsFunc(p.NetDevs, NetDev.Changed)
}

// LinkChanged reports whether the .link file or drop-in is to be written.
func (p *Plan) LinkChanged() bool {
	return p.Path != "" && (p.Old == nil || string(p.Old) != string(p.Content))
}

// maxName is the kernel's IFNAMSIZ without the final NUL. An alternative name may
// be longer, but only a device that exists has one.
const maxName = 15

// Target returns the target with the kind that the device really has. A device
// of another kind than the user said is an error; one that does not exist is
// none, unless there cannot be one of that name.
func (in Input) Target(t override.Target) (override.Target, error) {
	d, nameless := in.Snapshot.Device(t.Name), audit.Nameless(in.Snapshot, in.Release, t.Name)
	switch {
	case d == nil && len(t.Name) > maxName:
		return t, fmt.Errorf("no device can be called %s: a name has at most %d bytes, and no device has this alternative name", t.Name, maxName)
	case nameless != nil:
		return t, words.Error(nameless)
	case t.Kind != "" && !policy.KnownKind(t.Kind) && !in.Snapshot.HasKind(t.Kind):
		return t, words.Error(policy.UnknownKind(t.Kind))
	case t.Name == "":
		return t, nil
	case d == nil:
		if t.Kind == "" {
			t.Kind = audit.DeclaredKind(in.Snapshot, t.Name)
		}
		return t, nil
	}
	return realTarget(d, t)
}

// realTarget is the target as the device that exists is.
func realTarget(d *host.Device, t override.Target) (override.Target, error) {
	if t.Kind != "" && d.Kind != t.Kind {
		is := "of kind " + d.Kind
		if d.Kind == "" {
			is = "a device without a kind"
		}
		return t, fmt.Errorf("%s is %s, not a %s", t.Name, is, t.Kind)
	}
	if d.Loopback() {
		return t, fmt.Errorf("%s is the loopback device, whose address udevd leaves alone", t.Name)
	}
	return override.Target{Kind: d.Kind, Name: d.Name}, nil
}

// Plan works out the smallest override for the target. An error says why there
// can be none.
func (in Input) Plan(t override.Target) (*Plan, error) {
	t, err := in.Target(t)
	if err != nil {
		return nil, err
	}
	if policy.WithoutMAC(t.Kind) {
		return &Plan{Target: t, Why: fmt.Sprintf("devices of kind %s have no MAC address, so that no MACAddressPolicy= acts on them", t.Kind)}, nil
	}
	managers, err := in.heedManagers(t)
	switch {
	case err != nil:
		return nil, err
	case managers.leaves != "":
		return &Plan{Target: t, Why: managers.leaves}, nil
	}
	networkd, err := in.planNetDevs(t)
	switch {
	case err != nil:
		return nil, err
	case networkd.leaves != "":
		return &Plan{Target: t, Why: networkd.leaves, Notes: networkd.notes}, nil
	}
	plan, err := in.planLink(t)
	if err != nil {
		return nil, err
	}
	plan.NetDevs = networkd.parts
	if plan.Path == "" && len(plan.NetDevs) > 0 {
		plan.Why = fmt.Sprintf("systemd-networkd creates %s with an address that it derives; %s", t, plan.Why)
	}
	plan.Notes = append(plan.Notes, networkd.allNotes()...)
	plan.Notes = append(plan.Notes, managers.notes...)
	for _, guests := range audit.GuestsUnderNone(in.Snapshot, t.Name, t.Kind, in.Place) {
		plan.Notes = append(plan.Notes, words.Of(guests))
	}
	return plan, nil
}
