package audit

import (
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// takesPortAddress are the kinds of masters that take a port's address. The bonding and
// bridge drivers do so themselves; for a team, teamd or NetworkManager does.
var takesPortAddress = map[string]bool{"bond": true, "bridge": true, "team": true}

// LinkDevice returns what [Match] will see of an existing device at its next event.
func LinkDevice(d *host.Device) *linkfiles.Device {
	dev := linkDevice(d)
	return &dev // inlined, so dev stays on the stack if the caller does not keep it
}

func linkDevice(d *host.Device) linkfiles.Device {
	return policy.AsSeen(d.MatchAttributes(), d.Kind, !d.UdevDB.IsAbsent())
}
