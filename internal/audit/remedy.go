package audit

import (
	"encoding/json"
	"fmt"

	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// Place is the machine that a remedy is for.
type Place struct {
	// Root is the directory of an image, as the user named it; "" for a machine.
	Root string
	// Release is the release that the user said there is, 0 for the one found.
	Release linkfiles.Release
	// Host names the machine that a snapshot was taken of, "" for the running one:
	// nothing that is run here changes another machine.
	Host string
}

// Linkaudit is the beginning of a command line of linkaudit's for the place.
func (p Place) Linkaudit(command string) string {
	line := "linkaudit " + command
	if p.Root != "" {
		line += " --root " + override.ShellWord(p.Root)
	}
	if p.Release != 0 {
		line += fmt.Sprintf(" --systemd-release %d", p.Release)
	}
	return line
}

// Run is a command of another program as it is typed for the place.
func (p Place) Run(command string) string {
	if p.Root != "" {
		command = "chroot " + override.ShellWord(p.Root) + " " + command
	}
	return p.on(command)
}

// on adds the host on which to run a command, where that is another.
func (p Place) on(command string) string {
	if p.Host != "" {
		command += " (on " + p.Host + ")"
	}
	return command
}

// UpdateInitramfs is the command that builds images again, or what stands for one that is
// not known.
func (p Place) UpdateInitramfs(m initramfs.Maker) string {
	if m.Update() == nil {
		return m.UpdateWords()
	}
	return p.Run(m.UpdateWords())
}

// takeEffect is how a device that exists comes to have what the configuration of a program
// says by then; "" where no command does that. In an image nothing has to: it is booted.
func (p Place) takeEffect(program netconf.Program, device string) string {
	then := program.Remake(override.ShellWord(device))
	if p.Root != "" || then == "" {
		return ""
	}
	return p.Run(then)
}

// Remedy is a command of linkaudit that does something about a finding. The zero value
// is none.
type Remedy struct {
	Command string // "fix", "undo"
	Target  override.Target
	Place   Place
}

// Shell is the command line, ready to be pasted into a shell; "" for none.
func (r Remedy) Shell() string {
	if r.Command == "" {
		return ""
	}
	line := r.Place.Linkaudit(r.Command)
	if r.Target == (override.Target{}) {
		return line
	}
	return line + " " + r.Target.Flags()
}

// String is the command line, with the host on which to run it where that is another.
func (r Remedy) String() string { return r.Place.on(r.Shell()) }

// MarshalJSON writes null for none.
func (r Remedy) MarshalJSON() ([]byte, error) {
	if r.Command == "" {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Command string `json:"command"`
		Host    string `json:"host"`
	}{r.Shell(), r.Place.Host})
}

// remedy is a command about a device or kind of the machine that is audited.
func (a *hostAudit) remedy(command string, t override.Target) Remedy {
	return Remedy{command, t, a.opt.Place}
}

// fix is the command that fixes the device or, for want of one, what to do instead. A
// bridge that would follow its guests then gets no such advice.
func (s *inForce) fix() (r Remedy, instead *linkfiles.Statement) {
	if why := s.inVain(s.Name, s.Kind, s.Declarations.Or(nil), s.file); why != nil {
		return Remedy{}, say("no-override-helps", "why", why)
	}
	if wouldFollowGuests(s.Device, s.Declarations.Or(nil)) {
		return Remedy{}, say("or-it-would-follow-guests", "pin", s.pinAddress(s.Device))
	}
	return s.remedy("fix", override.Target{Kind: s.Kind, Name: s.Name}), nil
}

// fixWith is fix with what the command does and what is left to do then: a device that
// exists comes to follow its file once it is created again, one that is still to be
// created follows it anyway.
func (s *inForce) fixWith(does *linkfiles.Statement) (Remedy, *linkfiles.Statement) {
	r, instead := s.fix()
	switch {
	case instead != nil:
		return r, instead
	case s.Device == nil:
		return r, say("fix-does", "fix", r, "does", does)
	}
	return r, say("fix-does-then-recreate", "fix", r, "does", does, "device", s.Name)
}
