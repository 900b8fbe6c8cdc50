package audit

import (
	"slices"

	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
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
	return s.changes(whenRejoined, whenRecreated)
}

func addressChangesOnBoot(s *analysis) []found {
	return s.changes(afterBoot)
}

// moment is an event and how a sentence tells it.
type moment struct {
	event Event
	when  *linkfiles.Statement
}

var (
	afterBoot     = moment{EventBoot, say("after-next-boot")}
	whenCreated   = moment{EventRecreate, say("once-created")}
	whenRecreated = moment{EventRecreate, say("once-created-again")}
	whenRejoined  = moment{EventPortsRejoin, say("once-ports-joined-again")}
	whenGuests    = moment{EventGuests, say("when-guest-starts-or-stops")}
)

// changes is one finding about all events after which the device has, or may
// have, another address. It says nothing where that is no news:
// address-set-by-udev speaks of a policy that was mended and takes effect then.
func (s *analysis) changes(moments ...moment) []found {
	if !s.mayChange() || s.mended() {
		return nil
	}
	var then []*linkfiles.Statement
	for _, m := range moments {
		if others, all := s.others(m.event); len(others) > 0 {
			then = append(then, say("address-then", "moment", m.when, "perhaps", !all, "outcomes", listed(others)))
		}
	}
	if len(then) == 0 {
		return nil
	}
	f := found{
		message:  say("address-changes", "device", s.Name, "mac", s.Device.MAC, "then", then),
		pos:      s.PolicySource,
		severity: s.consequence(),
	}
	if s.Policy.Or("") == "persistent" && s.Manager == nil {
		f.remedy, f.help = s.fixWith(say("sets-policy-none"))
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
		message:  say("address-changes-on-udev-event", "device", s.Name, "mac", s.Device.MAC, "then", mac),
		pos:      s.PolicySource,
		severity: s.consequence(),
	}
	if s.Policy.Or("") == "persistent" {
		f.remedy, f.help = s.fixWith(say("sets-policy-none-so-udev-leaves-it"))
	} else {
		f.help = say("nothing-if-link-file-is-meant")
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

// ofSystemID are the events that may change it.
var ofSystemID = []moment{
	{EventBoot, say("with-boot")},
	{EventUdevAdd, say("with-udev-add-event")},
	{EventRecreate, say("with-recreation")},
	{EventPortsRejoin, say("with-return-of-ports")},
}

func lacpSystemIDAffected(s *analysis) []found {
	if !s.mayChange() || !s.lacp() || s.mended() {
		return nil
	}
	var with []*linkfiles.Statement
	for _, m := range ofSystemID {
		if others, _ := s.others(m.event); len(others) > 0 {
			with = append(with, m.when)
		}
	}
	if len(with) == 0 {
		return nil
	}
	return []found{{message: say("lacp-system-id-affected", "device", s.Name, "with", with), pos: s.PolicySource}}
}

func portsOrderDecides(s *analysis) []found {
	if !s.mayChange() || s.Kind != "bond" {
		return nil
	}
	for _, e := range []Event{EventBoot, EventRecreate, EventPortsRejoin} {
		ports := map[linkfiles.MAC]bool{}
		var names []string
		for _, o := range s.after(e).Outcomes {
			if o.Origin == OriginPort && !ports[o.MAC] {
				ports[o.MAC] = true
				names = append(names, o.Port)
			}
		}
		if len(names) > 1 {
			return []found{{message: say("ports-order-decides", "device", s.Name, "ports", names[:min(len(names), 8)])}}
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
		message: say("creator-races-udev", "device", s.Name, "mac", s.Device.MAC, "derived", derived),
		pos:     s.PolicySource,
	}
	remedy, first := s.fix()
	if first == nil {
		first = say("fix-has-udevd-leave-it", "fix", remedy)
	}
	f.remedy, f.help = remedy, say("or-create-with-address", "first", first, "mac", s.Device.MAC)
	if recordedKinds[s.Kind] {
		f.severity = Warning
	}
	return []found{f}
}

// races reports whether udevd gives the device an address of its own, derived, the
// next time if it comes before the program that set the present one.
func (s *attributed) races() (derived linkfiles.MAC, races bool) {
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
		Prediction
		moments []*linkfiles.Statement
	}
	moments := []moment{afterBoot, whenRecreated, whenRejoined, whenGuests}
	if s.Device == nil {
		moments = []moment{whenCreated}
	}
	all := make([]unknown, 0, 4)
	for _, m := range moments {
		p, last := s.after(m.event), len(all)-1
		switch {
		case !p.MAC.IsUnknown(), p.MAC.Reason().Is(policy.NoSuchDevice.Code):
		case last >= 0 && all[last].unknownAs(p):
			all[last].moments = append(all[last].moments, m.when)
		default:
			all = append(all, unknown{p, append(make([]*linkfiles.Statement, 0, len(moments)), m.when)})
		}
	}
	var out []found
	for _, u := range all {
		out = append(out, found{message: say("prediction-unknown", "device", s.Name, "moments", u.moments, "several", len(u.moments) > 1, "why", u.MAC.Reason())})
	}
	return out
}

// unknownAs reports whether two predictions are not known for the same reason.
func (p Prediction) unknownAs(other Prediction) bool {
	if len(p.Outcomes) == 0 {
		return len(other.Outcomes) == 0 && p.MAC.Reason().Equal(other.MAC.Reason())
	}
	return p.MAC.Reason().Code == other.MAC.Reason().Code && slices.EqualFunc(p.Outcomes, other.Outcomes, Outcome.same)
}

func (o Outcome) same(other Outcome) bool {
	return o.MAC == other.MAC && o.Origin == other.Origin && o.Port == other.Port && o.When.Equal(other.When)
}
