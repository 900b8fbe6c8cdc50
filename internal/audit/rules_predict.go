package audit

import (
	"fmt"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/policy/life"
)

// predictRules are about the address that a device will carry tomorrow.
var predictRules = []Rule{
	{
		Name: "address-changes-on-restart", Severity: Warning,
		device: addressChangesOnRestart,
	},
	{
		Name: "address-changes-on-boot", Severity: Warning,
		device: addressChangesOnBoot,
	},
	{
		Name: "address-changes-on-udev-event", Severity: Warning,
		device: addressChangesOnUdevEvent,
	},
	{
		Name: "lacp-system-id-affected", Severity: Error,
		device: lacpSystemIDAffected,
	},
	{
		Name: "ports-order-decides", Severity: Info,
		device: portsOrderDecides,
	},
	{
		Name: "creator-races-udev", Severity: Info,
		device: creatorRacesUdev,
	},
	{
		Name: "prediction-unknown", Severity: Info,
		device: predictionUnknown,
	},
}

// after is the prediction for an event.
func (s *analysis) after(e Event) Prediction {
	for _, p := range s.Predicted {
		if p.Event == e {
			return p
		}
	}
	return Prediction{}
}

// others are the outcomes of an event with another address than the present
// one, and whether all are. Of a bond that has one port's address, that another
// port may be first is left to ports-order-decides; what is known to depend on
// the creator alone is left to prediction-unknown.
func (s *analysis) others(e Event) (others []Outcome, all bool) {
	p := s.after(e)
	ofPort := s.Origin.Or("") == OriginPort
	all = len(p.Outcomes) > 0
	for _, o := range p.Outcomes {
		switch {
		case o.MAC == s.Device.MAC, ofPort && o.Origin == OriginPort:
			all = false
		default:
			others = append(others, o)
		}
	}
	if !all && s.Origin.Or(OriginSomeone) == OriginSomeone {
		return nil, false
	}
	return others, all
}

func addressChangesOnRestart(s *analysis) []found {
	return s.changes(moment{EventPortsRejoin, "once its ports have left and joined again"},
		moment{EventRecreate, "once it is deleted and created again"})
}

func addressChangesOnBoot(s *analysis) []found {
	return s.changes(moment{EventBoot, "after the next boot"})
}

// moment is an event and how a sentence tells it.
type moment struct {
	event Event
	words string
}

// changes is one finding about all events after which the device has, or may
// have, another address. It says nothing where that is no news:
// address-set-by-udev speaks of a policy that was mended and takes effect then.
func (s *analysis) changes(moments ...moment) []found {
	if !s.mayChange() || s.mended() {
		return nil
	}
	var then []string
	for _, m := range moments {
		others, all := s.others(m.event)
		switch {
		case len(others) == 0:
		case all:
			then = append(then, m.words+" "+words.Of(listed(others)))
		default:
			then = append(then, m.words+" perhaps "+words.Of(listed(others)))
		}
	}
	if len(then) == 0 {
		return nil
	}
	f := found{
		message:  fmt.Sprintf("%s carries %s, and %s", s.Name, s.Device.MAC, strings.Join(then, ", and ")),
		pos:      s.PolicySource,
		severity: s.consequence(),
	}
	if s.Policy.Or("") == "persistent" && s.Manager == nil {
		f.remedy, f.advice = s.fixWith(say("sets-policy-none"))
	}
	return []found{f}
}

// mended reports whether the device carries udev's address under a policy that
// does not ask for it any more.
func (s *attributed) mended() bool {
	return !s.Policy.IsUnknown() && s.Policy.Or("none") == "none" && s.Origin.Or("") == OriginUdev
}

func addressChangesOnUdevEvent(s *analysis) []found {
	if !s.mayChange() {
		return nil
	}
	mac, ok := s.AfterAdd.Get()
	if !ok || mac == s.Device.MAC {
		return nil
	}
	f := found{
		message:  fmt.Sprintf("%s carries %s, and %s after the next udev add event (udevadm trigger --action=add)", s.Name, s.Device.MAC, mac),
		pos:      s.PolicySource,
		severity: s.consequence(),
	}
	if s.Policy.Or("") == "persistent" {
		f.remedy, f.advice = s.fixWith(say("sets-policy-none-so-udev-leaves-it"))
	} else {
		f.help = "Nothing if that address is meant: udev was asked for it by the link file."
	}
	return []found{f}
}

// mayChange reports whether the rules about changes have something to say: the
// device exists, takes ports, and has an address.
func (s *subject) mayChange() bool {
	d := s.Device
	return d != nil && takesPortAddress[d.Kind] && d.MAC != "" && d.MAC != life.Zero
}

// cloudDrivers are network cards of virtual machines behind switches that
// commonly let pass only the address that they gave to the card.
var cloudDrivers = map[string]bool{"ena": true, "gve": true, "mana": true, "hv_netvsc": true, "vmxnet3": true}

// consequence is how much a change of the device's address matters: a partner
// in LACP, a DHCP server and a cloud's switch know the device by it; a bridge
// without an uplink is known to nobody but the guests behind it.
func (s *subject) consequence() Severity {
	d := s.Device
	switch {
	case s.lacp(), d.DynamicIPv4:
		return Error
	case slices.ContainsFunc(d.Ports, func(p host.Port) bool { return cloudDrivers[p.Driver] }):
		return Error
	case d.Kind == "bridge" && uplink(d) == "":
		return Info
	}
	return Warning
}

// lacp reports whether the device's address is its LACP system ID
// (bond_3ad_initialize(): ad_actor_system where that is set, else dev_addr).
func (s *subject) lacp() bool {
	b := s.Device.Bond
	return b != nil && b.Mode == "802.3ad" && b.ADActorSystem == ""
}

func lacpSystemIDAffected(s *analysis) []found {
	if !s.mayChange() || !s.lacp() || s.mended() {
		return nil
	}
	var when []string
	for _, m := range []moment{{EventBoot, "a boot"}, {EventUdevAdd, "a udev add event"}, {EventRecreate, "being created anew"}, {EventPortsRejoin, "the return of its ports"}} {
		if others, _ := s.others(m.event); len(others) > 0 {
			when = append(when, m.words)
		}
	}
	if len(when) == 0 {
		return nil
	}
	return []found{{
		message: fmt.Sprintf("the address of %s is its LACP system ID, and may change with %s", s.Name, strings.Join(when, ", ")),
		pos:     s.PolicySource,
	}}
}

func portsOrderDecides(s *analysis) []found {
	if !s.mayChange() || s.Kind != "bond" {
		return nil
	}
	for _, e := range []Event{EventBoot, EventRecreate, EventPortsRejoin} {
		ports := map[string]bool{}
		var names []string
		for _, o := range s.after(e).Outcomes {
			if o.Origin == OriginPort && !ports[o.MAC] {
				ports[o.MAC] = true
				names = append(names, o.Port)
			}
		}
		if len(names) > 1 {
			return []found{{message: fmt.Sprintf("%s takes the address of the port that joins first: %s", s.Name, strings.Join(names[:min(len(names), 8)], " or "))}}
		}
	}
	return nil
}

// recordedKinds are the kinds of devices whose creators are known to write down the
// address that they set, so that another one breaks what they are for: the forwarding
// of a CNI plugin or of flannel, the filters of libvirt.
var recordedKinds = map[string]bool{"veth": true, "vxlan": true, "tun": true}

// creatorRacesUdev is about an address that may have been set after the device was
// created: then udevd may find the made-up one and set its own, before or after. Of a
// bond or team policy-overrides-ports says the same.
func creatorRacesUdev(s *analysis) []found {
	derived, races := s.races()
	if !races {
		return nil
	}
	f := found{
		message: fmt.Sprintf("somebody set the address of %s to %s; if that is done after it is created, udevd may set %s meanwhile, and which one stays is a matter of chance", s.Name, s.Device.MAC, derived),
		pos:     s.PolicySource,
	}
	var instead *linkfiles.Statement
	if f.remedy, instead = s.fix(); instead != nil {
		f.help = words.Of(instead)
	} else {
		f.help = fmt.Sprintf("%s sets MACAddressPolicy=none, and udevd leaves the address alone.", f.remedy)
	}
	f.help += fmt.Sprintf(" Or create it with the address: ip link add takes address %s.", s.Device.MAC)
	if recordedKinds[s.Kind] {
		f.severity = Warning
	}
	return []found{f}
}

// races reports whether udevd gives the device an address of its own, derived, the
// next time if it comes before the program that set the present one.
func (s *attributed) races() (derived string, races bool) {
	d := s.Device
	if d == nil || d.Kind == "" || d.Kind == "bond" || d.Kind == "team" || s.Manager != nil ||
		d.AddrAssignType.Or(host.AddrPerm) != host.AddrSet || s.Origin.Or("") != OriginSomeone ||
		s.Policy.Or("") != "persistent" || !s.linkFilesApply() || createdWith(s.Declarations.Or(nil)) != "" {
		return "", false
	}
	derived = s.Persistent.Or(host.PersistentMAC{}).MAC
	return derived, derived != "" && derived != d.MAC
}

// predictionUnknown says once what is unknown for the same reason.
func predictionUnknown(s *analysis) []found {
	type unknown struct {
		mac  fact.Fact[string]
		when string
		many bool
	}
	all := make([]unknown, 0, 4)
	moments := []moment{{EventBoot, "after the next boot"}, {EventRecreate, "once it is deleted and created again"}, {EventPortsRejoin, "once its ports have left and joined again"}, {EventGuests, "when a guest starts or stops"}}
	if s.Device == nil {
		moments = []moment{{EventRecreate, "once it is created"}}
	}
	for _, m := range moments {
		mac, last := s.after(m.event).MAC, len(all)-1
		switch {
		case !mac.IsUnknown():
		case last >= 0 && all[last].mac.Reason().Equal(mac.Reason()):
			all[last].when, all[last].many = all[last].when+", or "+m.words, true
		default:
			all = append(all, unknown{mac: mac, when: m.words})
		}
	}
	var out []found
	for _, u := range all {
		after := u.when
		if u.many {
			after += ","
		}
		out = append(out, notKnown(u.mac, say("address-after", "device", s.Name, "after", after))...)
	}
	return out
}
