package audit

import (
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// takesPortAddress holds the kinds that are masters of ports and have a use
// for a port's address: the bonding and bridge drivers take it by themselves,
// for a team it is teamd or NetworkManager.
var takesPortAddress = map[string]bool{"bond": true, "bridge": true, "team": true}

// LinkDevice is what [Match] sees of a device that exists, at its next event.
func LinkDevice(d *host.Device) *linkfiles.Device {
	dev := linkDevice(d)
	return &dev // inlined: on the stack of a caller that does not keep it
}

func linkDevice(d *host.Device) linkfiles.Device {
	return policy.AsSeen(d.MatchAttributes(), d.Kind, !d.UdevDB.IsAbsent())
}
