// Package change makes MACAddressPolicy=none effective for a device, and takes
// it back: it plans a change, writes it, reloads udev, verifies it and records it.
//
// Input.Plan and Input.planUndo decide and do no I/O. applyPlans executes a plan
// and decides only whether it worked. Package linkfiles says what udev does with a
// file: before the change on a copy of what was read, after it on what is there.
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
	// DirExists reports whether a directory of the root exists. Plans create missing
	// ones, and undo removes them again. An error says why nothing can be written
	// below it (noPlaceError), or why that is unknown.
	DirExists func(dir string) (bool, error)
	// Networkd are systemd-networkd's files. NetworkdActive says whether it runs or
	// is started at boot. Nil: do not look at them.
	Networkd       *netconf.NetworkdFiles
	NetworkdActive fact.Fact[bool]
	// Force replaces an override that somebody edited.
	Force bool
	// recovered: the changes of a run that was killed were taken back.
	recovered bool
	// Place is the machine of the Snapshot, for the commands in notes.
	Place remedy.Place
}

// Plan is one file to write, and all changes that belong to it.
type Plan struct {
	Target override.Target
	// Path is the override, "" where none is needed.
	Path string
	// Content is its new text; Old its present one, nil if there is no file.
	Content, Old []byte
	// NetDevs are the drop-ins for devices that systemd-networkd creates.
	NetDevs []NetDev
	// Remove are overrides of the same target that Path replaces.
	Remove []override.Override
	// Base is the effective file without the override.
	Base *linkfiles.File
	// Edited are effective files of packages that were edited or removed in place:
	// the next upgrade of the package restores them.
	Edited []audit.VendorFile
	// Why says in one sentence why this file, or why none.
	Why string
	// Notes are further facts, a sentence each.
	Notes []string
}

// Changed reports whether the plan changes any file.
func (p *Plan) Changed() bool {
	return p.LinkChanged() || len(p.Remove) > 0 || slices.ContainsFunc(p.NetDevs, NetDev.Changed)
}

// LinkChanged reports whether the plan writes the .link file or drop-in.
func (p *Plan) LinkChanged() bool {
	return p.Path != "" && (p.Old == nil || string(p.Old) != string(p.Content))
}

// maxName is the kernel's IFNAMSIZ without the final NUL. An alternative name may
// be longer, but only a device that exists has one.
const maxName = 15

// Target returns the target with the real kind of the device. It is an error if
// the device has another kind, or if no device can have the name; a device that
// does not exist is no error.
func (in Input) Target(t override.Target) (override.Target, error) {
	d, nameless := in.Snapshot.Device(t.Name), audit.Nameless(in.Snapshot, in.Release, t.Name)
	switch {
	case d == nil && len(t.Name) > maxName:
		return t, fmt.Errorf("invalid interface name %s: it has more than %d bytes, and no device has it as an alternative name", t.Name, maxName)
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

// realTarget is the target of a device that exists.
func realTarget(d *host.Device, t override.Target) (override.Target, error) {
	if d.Loopback() {
		return t, fmt.Errorf("%s is the loopback device: udev does not change its address", t.Name)
	}
	if t.Kind != "" && d.Kind != t.Kind {
		is := "of kind " + d.Kind
		if d.Kind == "" {
			is = "a device without a kind"
		}
		return t, fmt.Errorf("%s is %s, not a %s (use %s)", t.Name, is, t.Kind, override.Target{Kind: d.Kind, Name: d.Name}.Flags())
	}
	return override.Target{Kind: d.Kind, Name: d.Name}, nil
}

// Plan works out the smallest override for the target, or an error that says why
// there is none.
func (in Input) Plan(t override.Target) (*Plan, error) {
	t, err := in.Target(t)
	if err != nil {
		return nil, err
	}
	if policy.WithoutMAC(t.Kind) {
		return &Plan{Target: t, Why: fmt.Sprintf("devices of kind %s have no MAC address, so MACAddressPolicy= has no effect", t.Kind)}, nil
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
		plan.Why = fmt.Sprintf("systemd-networkd creates %s with a derived address; %s", t, plan.Why)
	}
	plan.Notes = append(plan.Notes, networkd.allNotes()...)
	plan.Notes = append(plan.Notes, managers.notes...)
	for _, guests := range audit.GuestsUnderNone(in.Snapshot, t.Name, t.Kind, in.Place) {
		plan.Notes = append(plan.Notes, words.Of(guests))
	}
	return plan, nil
}
