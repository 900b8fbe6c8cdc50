package audit

import (
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

// remedy is a command about a device or kind of the machine that is audited.
func (a *hostAudit) remedy(command string, t override.Target) remedy.Command {
	return remedy.Command{Name: command, Target: t, Place: a.opt.Place}
}

// fix is the command that fixes the device or, for want of one, what to do instead. A
// bridge that would follow its guests then gets no such advice.
func (s *inForce) fix() (r remedy.Command, instead *linkfiles.Statement) {
	if why := s.inVain(s.Name, s.Kind, s.Declarations.Or(nil), s.file); why != nil {
		return remedy.Command{}, say("no-override-helps", "why", why)
	}
	if wouldFollowGuests(s.Device, s.Declarations.Or(nil)) {
		return remedy.Command{}, say("or-it-would-follow-guests", "pin", s.pinAddress(s.Device))
	}
	return s.remedy("fix", override.Target{Kind: s.Kind, Name: s.Name}), nil
}

// fixWith is fix with what the command does and what is left to do then: a device that
// exists comes to follow its file once it is created again, one that is still to be
// created follows it anyway.
func (s *inForce) fixWith(does *linkfiles.Statement) (remedy.Command, *linkfiles.Statement) {
	r, instead := s.fix()
	switch {
	case instead != nil:
		return r, instead
	case s.Device == nil:
		return r, say("fix-does", "fix", r, "does", does)
	}
	return r, say("fix-does-then-recreate", "fix", r, "does", does, "device", s.Name)
}
