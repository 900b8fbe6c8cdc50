package audit

import (
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

// remedy is a command for a device or kind of the audited machine.
func (a *hostAudit) remedy(command string, t override.Target) remedy.Command {
	return remedy.Command{Name: command, Target: t, Place: a.opt.Place}
}

// fix returns the command that fixes the device and the help for it. If no command
// does, help says what to do instead, for instance for a bridge that would follow its
// guests.
func (s *decided) fix() (r remedy.Command, help *linkfiles.Statement) {
	if why := s.noEffect(s.Name, s.Kind, s.Declarations.Or(nil), s.file); why != nil {
		return remedy.Command{}, say("no-override-helps", "why", why)
	}
	if wouldFollowGuests(s.Device, s.Declarations.Or(nil)) {
		return remedy.Command{}, say("or-it-would-follow-guests", "pin", s.pinAddress(s.Device))
	}
	r = s.remedy("fix", override.Target{Kind: s.Kind, Name: s.Name})
	return r, say("fix", "fix", r)
}

// fixHelp is fix plus the next step: an existing device must be created again to get
// its file's settings, a future one need not.
func (s *decided) fixHelp() (remedy.Command, *linkfiles.Statement) {
	r, help := s.fix()
	if r.Name == "" || s.Device == nil {
		return r, help
	}
	return r, say("fix-then-recreate", "fix", r, "device", s.Name)
}
