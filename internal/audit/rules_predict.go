package audit

import (
	"slices"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/life"
)

// predictRules are about addresses after future events.
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

// others returns the outcomes of an event with an address other than the present one,
// and whether that is all of them. If a bond has a port's address, outcomes with
// another port's address are left out: ports-order-decides reports them. Outcomes that
// depend only on the creator are left to prediction-unknown.
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

// The two rules about addresses that change without intent.
const (
	changesOnBoot    = "address-changes-on-boot"
	changesOnRestart = "address-changes-on-restart"
)

func addressChangesOnRestart(s *analysis) []found { return s.changes(changesOnRestart) }

func addressChangesOnBoot(s *analysis) []found { return s.changes(changesOnBoot) }

// moment is an event with the words for it.
type moment struct {
	event Event
	when  *linkfiles.Statement
}

var (
	afterBoot     = moment{EventBoot, say("after-reboot")}
	whenCreated   = moment{EventRecreate, say("when-created")}
	whenRecreated = moment{EventRecreate, say("when-recreated")}
	whenRejoined  = moment{EventPortsRejoin, say("after-network-restart")}
	whenGuests    = moment{EventGuests, say("when-guest-starts-or-stops")}
)

// changeRules are the two rules about an address that changes, and the moments that each
// of them checks.
var changeRules = []struct {
	name    string
	moments []moment
}{
	{changesOnBoot, []moment{afterBoot}},
	{changesOnRestart, []moment{whenRejoined, whenRecreated}},
}

// change is a moment after which the device has, or may have, another address.
type change struct {
	moment
	others []Outcome
	all    bool // the address certainly changes
}

// changesAt returns the changes among the moments. A change from an address that an
// earlier policy set is left out: address-set-by-udev reports it.
func (s *analysis) changesAt(moments []moment) (all []change) {
	if !s.mayChange() || s.leftOver() {
		return nil
	}
	for _, m := range moments {
		if others, every := s.others(m.event); len(others) > 0 {
			all = append(all, change{m, others, every})
		}
	}
	return all
}

// changes returns the only finding about changes after a boot and a restart, because
// they have one cause. Of the rules that find something and that the site has switched
// on, the one with the highest severity reports all changes. If the severities are
// equal, the boot rule does.
func (s *analysis) changes(rule string) []found {
	if !s.mayChange() {
		return nil
	}
	severity := s.consequence()
	var all []change
	leads, highest := "", Severity("")
	for _, r := range changeRules {
		at, on := siteSeverity(s.opt.Site, r.name, severity)
		if !on {
			continue
		}
		these := s.changesAt(r.moments)
		if len(these) > 0 && at.Compare(highest) > 0 {
			leads, highest = r.name, at
		}
		all = append(all, these...)
	}
	if leads != rule {
		return nil
	}
	will, may := groupChanges(all, true), groupChanges(all, false)
	var same *linkfiles.Statement
	if len(will) == 1 && len(may) == 1 && may[0].conditionally(will[0]) {
		same, may = say("change-likewise", "moments", may[0].moments, "when", may[0].others[0].When), nil
	}
	f := found{
		message:  say("address-changes", "device", s.Name, "mac", s.Device.MAC, "will", statements(will), "may", statements(may), "same", same),
		cause:    s.cause(),
		pos:      s.PolicySource,
		severity: severity,
	}
	if s.Policy.Or("") == "persistent" && s.Manager == nil {
		f.remedy, f.help = s.fixHelp()
	}
	return []found{f}
}

// changeGroup are changes with the same outcomes.
type changeGroup struct {
	change
	moments []*linkfiles.Statement
}

// groupChanges groups either the certain changes or the others.
func groupChanges(all []change, certain bool) (groups []changeGroup) {
	for _, c := range all {
		if c.all != certain {
			continue
		}
		i := slices.IndexFunc(groups, func(g changeGroup) bool { return slices.EqualFunc(g.others, c.others, Outcome.same) })
		if i < 0 {
			i, groups = len(groups), append(groups, changeGroup{change: c})
		}
		groups[i].moments = append(groups[i].moments, c.when)
	}
	return groups
}

// conditionally reports whether g has only the outcome of other, with a condition.
func (g changeGroup) conditionally(other changeGroup) bool {
	if len(g.others) != 1 || len(other.others) != 1 || g.others[0].When == nil {
		return false
	}
	o := g.others[0]
	o.When = other.others[0].When
	return o.same(other.others[0])
}

func statements(groups []changeGroup) (out []*linkfiles.Statement) {
	for _, g := range groups {
		out = append(out, g.statement())
	}
	return out
}

func (g changeGroup) statement() *linkfiles.Statement {
	o := g.others[0]
	when := o.When
	o.When = nil
	switch {
	case len(g.others) > 1:
		return say("change-to-one-of", "moments", g.moments, "outcomes", listed(g.others))
	case when != nil:
		return say("change-if", "outcome", o.statement(), "moments", g.moments, "when", when)
	}
	return say("change", "outcome", o.statement(), "moments", g.moments)
}

// tellsOf reports whether another finding covers the address after the event, so
// prediction-unknown need not.
func (s *analysis) tellsOf(e Event) bool {
	for _, r := range changeRules {
		if s.isOn(r.name) && slices.ContainsFunc(s.changesAt(r.moments), func(c change) bool { return c.event == e }) {
			return true
		}
	}
	after := s.after(e)
	outcomes := after.Outcomes
	switch {
	case s.tellsReason(after.MAC):
		return true
	case len(outcomes) == 0:
		return false
	case e == EventGuests:
		return s.isOn("bridge-follows-guests") && len(bridgeFollowsGuests(s)) > 0
	case every(outcomes, "when-created-with-address", "when-created-without-address", "when-set-beside-udevd", "when-set-during-udevd"):
		_, races := s.races()
		return races && s.isOn("creator-races-udev")
	case every(outcomes, "when-port-first"):
		return len(outcomes) <= listedPorts && s.isOn("ports-order-decides") && len(portsOrderDecides(s)) > 0
	}
	return false
}

// tellsReason reports whether another finding has the reason why an address is unknown:
// it is about what else is unknown, or about a program that races udev.
func (s *analysis) tellsReason(mac fact.Fact[linkfiles.MAC]) bool {
	switch why := mac.Reason(); {
	case why.Is("persistent-address"):
		return s.Persistent.IsUnknown() && s.isOn("persistent-address-unknown")
	case why.Is("assign-type"):
		return s.Device != nil && s.Device.AddrAssignType.IsUnknown() && s.isOn("address-origin-unknown")
	case why.Is("file-that-applies"):
		return s.decision.File.IsUnknown() && s.isOn("unknown-match")
	case why.Is("program-or-udevd-is-later"):
		return s.isOn("manager-sets-address") && len(managerSetsAddress(s)) > 0
	}
	return false
}

// every reports whether the conditions of all outcomes have one of the codes.
func every(outcomes []Outcome, codes ...string) bool {
	return !slices.ContainsFunc(outcomes, func(o Outcome) bool { return !slices.ContainsFunc(codes, o.When.Is) })
}

func (s *subject) isOn(rule string) bool {
	_, on := siteSeverity(s.opt.Site, rule, Info)
	return on
}

// leftOver reports whether the device still has the derived address although the policy
// is no longer persistent.
func (s *attributed) leftOver() bool {
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
		message: say("address-changes-on-udev-event", "device", s.Name, "mac", s.Device.MAC, "then", mac),
		cause:   s.cause(), pos: s.PolicySource,
		severity: s.consequence(),
	}
	if s.Policy.Or("") == "persistent" {
		f.remedy, f.help = s.fix()
	} else {
		f.help = say("nothing-if-link-file-is-intended")
	}
	return []found{f}
}

// mayChange reports whether the rules about changes are for this device: it exists,
// takes the address of ports, and has an address.
func (s *subject) mayChange() bool {
	d := s.Device
	return d != nil && takesPortAddress[d.Kind] && d.MAC != "" && d.MAC != life.Zero
}

// cloudDrivers are network cards of virtual machines. Their switches often accept only
// the address that was assigned to the card.
var cloudDrivers = map[string]bool{"ena": true, "gve": true, "mana": true, "hv_netvsc": true, "vmxnet3": true}

// consequence is the severity of an address change. LACP partners, DHCP servers and
// cloud switches identify the device by its address. A bridge without an uplink is
// known only to its guests.
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
// (bond_3ad_initialize() uses ad_actor_system if it is set, otherwise dev_addr).
func (s *subject) lacp() bool {
	b := s.Device.Bond
	return b != nil && b.Mode == "802.3ad" && b.ADActorSystem == ""
}

// ofSystemID are the events that may change the system ID.
var ofSystemID = []moment{
	afterBoot,
	{EventUdevAdd, say("after-udev-add-event")},
	whenRecreated,
	whenRejoined,
}

func lacpSystemIDAffected(s *analysis) []found {
	if !s.mayChange() || !s.lacp() || s.leftOver() {
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
	return []found{{message: say("lacp-system-id-affected", "device", s.Name, "moments", with), cause: s.cause(), pos: s.PolicySource}}
}

// listedPorts is the maximum number of ports in a message of ports-order-decides.
const listedPorts = 8

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
			return []found{{message: say("ports-order-decides", "device", s.Name, "ports", names[:min(len(names), listedPorts)])}}
		}
	}
	return nil
}

// recordedKinds are the kinds of devices for which the creating programs store the
// address, so another address breaks something: forwarding of flannel or a CNI plugin,
// filters of libvirt.
var recordedKinds = map[string]bool{"veth": true, "vxlan": true, "tun": true}

// creatorRacesUdev is about an address that may have been set after the device was
// created. udev may then find the kernel's address and set its own, before or after.
// For a bond or team, policy-overrides-ports reports it.
func creatorRacesUdev(s *analysis) []found {
	derived, races := s.races()
	if !races {
		return nil
	}
	f := found{
		message: say("creator-races-udev", "device", s.Name, "mac", s.Device.MAC, "derived", derived),
		cause:   s.cause(), pos: s.PolicySource,
	}
	remedy, first := s.fix()
	f.remedy, f.help = remedy, say("or-create-with-address", "first", first, "mac", s.Device.MAC)
	if recordedKinds[s.Kind] {
		f.severity = Warning
	}
	return []found{f}
}

// races reports whether udev sets its own address, derived, the next time if it acts
// before the program that set the present address.
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

// predictionUnknown makes one finding of the events that are unknown for the same
// reason.
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
		case !p.MAC.IsUnknown(), p.MAC.Reason().Is(policy.NoSuchDevice.Code), s.tellsOf(m.event):
		case last >= 0 && all[last].unknownAs(p):
			all[last].moments = append(all[last].moments, m.when)
		default:
			all = append(all, unknown{p, append(make([]*linkfiles.Statement, 0, len(moments)), m.when)})
		}
	}
	var out []found
	for _, u := range all {
		f := found{message: say("prediction-unknown", "device", s.Name, "moments", u.moments, "why", u.MAC.Reason())}
		switch why := u.MAC.Reason(); {
		case len(u.Outcomes) > 0:
		case why.Is("port-of-master"), why.Is("kind-not-modelled"), why.Is("made-up-by-policy"), why.Is("program-sets-address"):
			f.help = say("nothing-reason-decides")
		default:
			f.help = helpUnknown
		}
		out = append(out, f)
	}
	return out
}

// unknownAs reports whether two predictions are unknown for the same reason.
func (p Prediction) unknownAs(other Prediction) bool {
	if len(p.Outcomes) == 0 {
		return len(other.Outcomes) == 0 && p.MAC.Reason().Equal(other.MAC.Reason())
	}
	return p.MAC.Reason().Code == other.MAC.Reason().Code && slices.EqualFunc(p.Outcomes, other.Outcomes, Outcome.same)
}

func (o Outcome) same(other Outcome) bool {
	return o.MAC == other.MAC && o.Origin == other.Origin && o.Port == other.Port && o.When.Equal(other.When)
}
