package audit

import (
	"cmp"
	"slices"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/address"
	"linkaudit/policy/life"
)

// appliesFiles reports whether udev applies .link files to this device.
func (s *subject) appliesFiles() fact.Fact[bool] {
	udev := s.snap.Udev
	switch {
	case udev.SetupLinkRule.IsUnknown():
		return fact.Unknown[bool](say("whether-rule-runs-net-setup-link", "why", udev.SetupLinkRule.Reason()))
	case udev.Running.IsUnknown() && !s.snap.Offline: // the udev of an image runs when the image does
		return fact.Unknown[bool](say("whether-udevd-runs", "why", udev.Running.Reason()))
	case !s.snap.Offline && !s.linkFilesApply(), udev.SetupLinkRule.IsAbsent():
		return fact.Known(false)
	}
	return fact.Known(true)
}

// addressAfterAdd returns DeviceResult.AfterAdd: the result of an add event if udev
// applies .link files on this host.
func (s *attributed) addressAfterAdd() fact.Fact[linkfiles.MAC] {
	if s.isDeclared() {
		switch managed, _ := s.managerAddress(); {
		case managed.IsKnown(), managed.IsUnknown():
			return managed // whether or not udev sees the device without an address first
		}
	}
	applies := s.appliesFiles()
	switch {
	case applies.IsUnknown():
		return fact.Unknown[linkfiles.MAC](applies.Reason())
	case !applies.Or(false), s.decision.File.IsAbsent():
		return s.left()
	case s.decision.File.IsUnknown():
		return fact.Unknown[linkfiles.MAC](say("file-that-applies", "why", s.decision.File.Reason()))
	}
	about, assign := s.addressFacts()
	mac, _ := s.macAddress()
	action := s.whenSent(address.AddEvent{
		Release: s.tree.Release, Policy: s.Policy.Or(""), MACAddress: mac,
		Assign: assign, Device: about, Persistent: s.persistentNow(),
	}.Action(), s.file)
	does, ok := action.Get()
	if !ok {
		return fact.Unknown[linkfiles.MAC](action.Reason())
	}
	return s.afterAction(does)
}

// afterAction is the address of the device after an action of udev.
func (s *subject) afterAction(does address.Action) fact.Fact[linkfiles.MAC] {
	switch {
	case s.Device != nil && s.Device.Bond.IgnoresAddress():
		return s.left()
	case does.Do == address.SetRandom:
		return fact.Unknown[linkfiles.MAC](say("made-up-by-policy"))
	case does.Do != address.Set:
		return s.left()
	}
	switch takes := s.takes(does.MAC); {
	case takes.IsUnknown():
		return fact.Unknown[linkfiles.MAC](takes.Reason())
	case !takes.Or(true):
		return s.left()
	}
	return fact.Known(does.MAC)
}

// takes reports whether the driver accepts the address. A macvlan refuses the address
// of the device below with EADDRINUSE (macvlan_addr_busy(), called by
// macvlan_set_mac_address() in drivers/net/macvlan.c).
func (s *subject) takes(mac linkfiles.MAC) fact.Fact[bool] {
	if s.Kind != "macvlan" && s.Kind != "macvtap" {
		return fact.Known(true)
	}
	if d := s.Device; d != nil && d.Lower != nil {
		return fact.Known(d.Lower.MAC != mac)
	}
	return fact.Unknown[bool](say("address-of-lower-unknown", "kind", s.Kind))
}

// addressFacts are the device's properties for address.AddEvent. A device that does not
// exist yet has a random address, as every new device of the kinds in the table does
// (kinds).
func (s *subject) addressFacts() (address.Facts, fact.Fact[host.AddrAssignType]) {
	if d := s.Device; d != nil {
		return address.Facts{Name: d.Name, ARPHRD: d.ARPHRD, MAC: d.MAC, Loopback: d.Loopback()}, d.AddrAssignType
	}
	about := address.Facts{Name: s.Name, ARPHRD: address.Ether, MAC: "random"}
	if policy.StartsRandom(s.Kind) {
		return about, fact.Known(host.AddrRandom)
	}
	return about, fact.Unknown[host.AddrAssignType](policy.NoSuchDevice)
}

// left is the address of a device that udev does not change.
func (s *subject) left() fact.Fact[linkfiles.MAC] {
	if s.Device == nil {
		return fact.Unknown[linkfiles.MAC](policy.NoSuchDevice)
	}
	return fact.Text(s.Device.MAC)
}

// predict returns DeviceResult.Predicted.
func (s *forecast) predict() []Prediction {
	out := make([]Prediction, 0, len(Events))
	for _, e := range Events {
		p := Prediction{Event: e}
		switch d := s.Device; {
		case s.isDeclared():
			p.Outcomes, p.MAC = s.afterCreation(e)
		case e == EventUdevAdd:
			p.MAC = s.AfterAdd
			if mac, ok := p.MAC.Get(); ok && d != nil {
				p.Outcomes = []Outcome{s.afterAddOutcome(mac)}
			}
		case d == nil:
			p.MAC = fact.Unknown[linkfiles.MAC](policy.NoSuchDevice)
		case d.MAC == "":
			p.MAC = fact.Absent[linkfiles.MAC]()
		default:
			p.Outcomes, p.MAC = s.afterEvent(e, d)
		}
		out = append(out, p)
	}
	return out
}

// afterEvent predicts the address of an existing device after the event.
func (s *forecast) afterEvent(e Event, d *host.Device) (outcomes []Outcome, mac fact.Fact[linkfiles.MAC]) {
	switch e {
	case EventPortsRejoin:
		return s.portsRejoin(d)
	case EventGuests:
		return s.guestStartsOrStops(d)
	case EventRecreate:
		return s.recreated(d, false)
	case EventBoot:
		return s.recreated(d, true)
	}
	return nil, mac
}

func (s *attributed) afterAddOutcome(mac linkfiles.MAC) Outcome {
	o := Outcome{MAC: mac}
	o.Origin, o.Port = s.asNow()
	if mac != s.Device.MAC {
		o.Port, o.Origin = "", originBy(s.Policy.Or(""))
	}
	return o
}

// originBy is the origin of an address that udev sets because of a policy.
func originBy(policy string) string {
	if policy == "persistent" {
		return OriginUdev
	}
	return OriginLinkFile
}

// portsRejoin predicts the address after all ports leave and join again.
func (s *attributed) portsRejoin(d *host.Device) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	if !takesPortAddress[d.Kind] || len(d.Ports) == 0 {
		return nil, fact.Absent[linkfiles.MAC]()
	}
	t, ok := d.AddrAssignType.Get()
	if !ok {
		return nil, fact.Unknown[linkfiles.MAC](say("assign-type", "why", d.AddrAssignType.Reason()))
	}
	now := model(d)
	now.MAC, now.Assign = d.MAC, t
	ports := s.ports(d, false)
	now.Ports = ports
	now = now.LeaveAll()
	var all []course
	for _, first := range firstPorts(d.Kind, ports) {
		all = append(all, course{firstName(d.Kind, first), untold, s.outcome(now.JoinAll(first), "")})
	}
	return summary(all)
}

// recreated predicts the address of a device that is deleted and created again as
// before. Then its present ports join; if atBoot, with the addresses that they have
// after a boot.
//
// The creator of a device may set its address. udev does not change such an address. So
// if the device has an address that only udev sets, the creator set none. If it has the
// one that systemd-networkd derives, the creator set it. Otherwise both are possible,
// unless network configuration decides it. A bond of type 1 or 2 lost its initial
// address when its last port left; it counts as created without one.
func (s *forecast) recreated(d *host.Device, atBoot bool) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	if outcomes, mac, is := s.recreatedWhateverUdevDoes(d, atBoot); is {
		return outcomes, mac
	}
	onNew := s.udevOnNew(d, atBoot)
	if onNew.unknown != nil {
		return nil, fact.Unknown[linkfiles.MAC](onNew.unknown)
	}
	var room [2]course // most devices have at most one port
	outcomes, mac := summary(s.courses(room[:0], d, onNew.step, atBoot))
	if t := d.AddrAssignType.Or(host.AddrRandom); t == host.AddrSet && s.networkd().creates == nil && !createdWithoutAddress[s.Origin.Or("")] {
		outcomes = s.orCreatedWithAddress(d, outcomes)
		mac = agreed(outcomes)
	}
	return outcomes, mac
}

// recreatedWhateverUdevDoes handles devices that get an address independently of udev,
// and those that cannot be predicted.
func (s *forecast) recreatedWhateverUdevDoes(d *host.Device, atBoot bool) (outcomes []Outcome, mac fact.Fact[linkfiles.MAC], is bool) {
	unknown := func(why *linkfiles.Statement) ([]Outcome, fact.Fact[linkfiles.MAC], bool) {
		return nil, fact.Unknown[linkfiles.MAC](why), true
	}
	managed, origin := s.managerAddress()
	if atBoot {
		if why := s.bootedInImage(); why != nil {
			return unknown(why)
		}
		if origin == OriginNetworkd {
			managed = keptAtBoot(s.snap, managed)
		}
	}
	switch {
	case d.Kind == "" && d.PermanentMAC != "":
		outcomes, mac = s.hardware(d, atBoot)
		return outcomes, mac, true
	case d.Loopback():
		return []Outcome{{MAC: d.MAC, Origin: OriginPermanent}}, fact.Known(d.MAC), true
	case !policy.Modelled(d.Kind):
		return unknown(say("kind-not-modelled"))
	case managed.IsUnknown():
		return s.raceOutcomes(), fact.Unknown[linkfiles.MAC](managed.Reason()), true
	case managed.IsKnown() && !d.Bond.IgnoresAddress():
		outcomes = []Outcome{{MAC: managed.Or(""), Origin: origin}}
		return outcomes, agreed(outcomes), true
	case s.Origin.Or("") == OriginNetworkd && s.networkd().creates == nil:
		outcomes, mac = s.derivedByNetworkdAgain(atBoot)
		return outcomes, mac, true
	case d.Master != "" && !takesPortAddress[d.Kind]:
		return unknown(say("port-of-master", "master", d.Master))
	}
	return nil, mac, false
}

// derivedByNetworkdAgain handles a device that systemd-networkd created but that its
// present files no longer declare.
func (s *subject) derivedByNetworkdAgain(atBoot bool) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	mac := s.derivedByNetworkd()
	if atBoot {
		mac = keptAtBoot(s.snap, mac)
	}
	if mac.IsUnknown() {
		return nil, fact.Unknown[linkfiles.MAC](say("address-networkd-derives", "why", mac.Reason()))
	}
	return []Outcome{{MAC: mac.Or(""), Origin: OriginNetworkd}}, mac
}

// courses appends the possible courses of events when the device is created: which port
// joins first, and whether udev acts, by step, before or after that.
func (s *attributed) courses(all []course, d *host.Device, step func(life.Device) (life.Device, string), atBoot bool) []course {
	ports := s.ports(d, atBoot)
	for _, first := range firstPorts(d.Kind, ports) {
		fresh := model(d)
		fresh.Assign = life.Random
		if step == nil {
			all = append(all, course{firstName(d.Kind, first), untold, s.outcome(fresh.JoinAll(first), "")})
			continue
		}
		early, from := step(fresh)
		all = append(all, course{firstName(d.Kind, first), udevFirst, s.outcome(early.JoinAll(first), from)})
		if len(ports) > 0 {
			late, from := step(fresh.JoinAll(first))
			all = append(all, course{firstName(d.Kind, first), portFirst, s.outcome(late, from)})
		}
	}
	return all
}

// orCreatedWithAddress adds outcomes to those of a device that is created without an
// address: the creator may set the present address at creation, or while udev handles
// the event.
func (s *attributed) orCreatedWithAddress(d *host.Device, outcomes []Outcome) []Outcome {
	for i := range outcomes {
		if outcomes[i].When == nil {
			outcomes[i].When = whenCreatedWithoutAddress
		} else {
			outcomes[i].When = say("when-created-without-address", "when", outcomes[i].When)
		}
	}
	outcomes = append(outcomes, Outcome{MAC: d.MAC, Origin: OriginSomeone, When: whenCreatedWithAddress})
	if derived, races := s.races(); races {
		// For instance, ip link add and then ip link set: udev may read
		// addr_assign_type before the second command and set its own address after it.
		outcomes = append(outcomes,
			Outcome{MAC: d.MAC, Origin: OriginSomeone, When: whenSetBesideUdevd},
			Outcome{MAC: derived, Origin: OriginUdev, When: whenSetDuringUdevd})
	}
	return outcomes
}

// createdWithoutAddress are the origins that prove that a device was created without an
// address, although its address is marked as set.
var createdWithoutAddress = map[string]bool{OriginUdev: true, OriginLinkFile: true}

// hardware handles devices that start with a permanent address.
func (s *attributed) hardware(d *host.Device, atBoot bool) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	applies := s.appliesFiles()
	switch {
	case !atBoot:
		return nil, fact.Absent[linkfiles.MAC]()
	case d.Master != "":
		return nil, fact.Unknown[linkfiles.MAC](say("port-of-master", "master", d.Master))
	case applies.IsUnknown():
		return nil, fact.Unknown[linkfiles.MAC](applies.Reason())
	case s.decision.File.IsUnknown():
		return nil, fact.Unknown[linkfiles.MAC](say("file-that-applies", "why", s.decision.File.Reason()))
	}
	switch managed, origin := s.managerAddress(); {
	case managed.IsUnknown():
		return nil, fact.Unknown[linkfiles.MAC](managed.Reason())
	case managed.IsKnown():
		own := []Outcome{{MAC: managed.Or(""), Origin: origin}}
		return own, agreed(own)
	}
	if !applies.Or(false) || s.file == nil {
		own := []Outcome{{MAC: d.PermanentMAC, Origin: OriginPermanent}}
		return own, agreed(own)
	}
	return s.hardwareByFile(d)
}

// hardwareByFile is hardware if udev applies the effective file and no program sets the
// address.
func (s *attributed) hardwareByFile(d *host.Device) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	mac, _ := s.macAddress()
	action := s.whenSent(address.AddEvent{
		Release: s.tree.Release, Policy: s.Policy.Or(""), MACAddress: mac, Assign: fact.Known(host.AddrPerm),
		Device: address.Facts{Name: d.Name, ARPHRD: d.ARPHRD, MAC: d.PermanentMAC}, Persistent: s.Persistent,
	}.Action(), s.file)
	own := Outcome{MAC: d.PermanentMAC, Origin: OriginPermanent}
	switch does, ok := action.Get(); {
	case !ok:
		return nil, fact.Unknown[linkfiles.MAC](action.Reason())
	case does.Do == address.Set:
		own = Outcome{MAC: does.MAC, Origin: OriginLinkFile}
	case does.Do == address.SetRandom:
		own = Outcome{Origin: OriginUdevRandom}
	}
	return []Outcome{own}, agreed([]Outcome{own})
}

// udevOnNew is what udev does with a device that is created again.
type udevOnNew struct {
	// step is nil if udev does nothing. It returns the origin of the address if udev
	// sets one.
	step func(life.Device) (life.Device, string)
	// unknown says why the result is unknown.
	unknown *linkfiles.Statement
	// persistent is the persistent address used in step.
	persistent fact.Fact[host.PersistentMAC]
}

// udevOnNew returns the same for a boot and a recreation, unless the boot changes the
// machine ID.
func (s *subject) udevOnNew(d *host.Device, atBoot bool) *udevOnNew {
	persistent := s.persistentNow()
	if atBoot {
		persistent = keptAtBoot(s.snap, s.Persistent)
	}
	if s.onNew == nil || s.onNew.persistent != persistent {
		s.onNew = s.newUdevOnNew(d, persistent)
		s.onNew.persistent = persistent
	}
	return s.onNew
}

// newUdevOnNew covers the add event of the device and, if udev renames it then, the
// following event with the new name.
func (s *subject) newUdevOnNew(d *host.Device, persistent fact.Fact[host.PersistentMAC]) *udevOnNew {
	first := s.udevOnNewCalled(d, persistent)
	name := policy.UdevName(s.tree.Release, schemeName(s.snap), d.Name)
	if name == d.Name || first.step == nil {
		return first // without a .link file, udev does not rename
	}
	renamed := *d
	renamed.Name = name
	if persistent.IsKnown() {
		persistent = persistentMACOf(s.snap, &renamed, s.snap.System.MachineID.ID())
	}
	then := s.udevOnNewCalled(&renamed, persistent)
	switch {
	case then.unknown != nil:
		return then
	case then.step == nil:
		return first
	}
	return &udevOnNew{step: func(now life.Device) (life.Device, string) {
		now, by := first.step(now)
		now, again := then.step(now)
		return now, cmp.Or(again, by)
	}}
}

func (s *subject) udevOnNewCalled(d *host.Device, persistent fact.Fact[host.PersistentMAC]) *udevOnNew {
	applies := s.appliesFiles()
	if applies.IsUnknown() {
		return &udevOnNew{unknown: applies.Reason()}
	}
	decision := s.decider.Decide(policy.NewDevice(d.Name, d.Kind))
	file, ok := decision.File.Get()
	switch {
	case !applies.Or(false) || decision.File.IsAbsent():
		return &udevOnNew{}
	case !ok:
		return &udevOnNew{unknown: say("file-that-applies-when-new", "why", decision.File.Reason())}
	}
	policy, _ := file.MACAddressPolicy()
	fixed, _ := file.MACAddress()
	act := func(assign life.AssignType, mac linkfiles.MAC) fact.Fact[address.Action] {
		if mac == "" {
			mac = "made up"
		}
		return s.whenSent(address.AddEvent{
			Release: s.tree.Release, Policy: policy.Value, MACAddress: linkfiles.MAC(fixed.Value), Assign: fact.Known(assign),
			Device: address.Facts{Name: d.Name, ARPHRD: d.ARPHRD, MAC: mac}, Persistent: persistent,
		}.Action(), file)
	}
	if act := act(life.Random, ""); act.IsUnknown() {
		return &udevOnNew{unknown: act.Reason()}
	}
	return &udevOnNew{step: func(now life.Device) (life.Device, string) {
		if does, _ := act(now.Assign, now.MAC).Get(); does.Do == address.Set {
			return now.SetMAC(does.MAC), originBy(policy.Value)
		}
		return now, ""
	}}
}

// model is the device as package life models it, before it has an address.
func model(d *host.Device) life.Device {
	m := life.Device{Kind: d.Kind}
	if d.Bond != nil {
		m.Mode, m.FailOverMAC = d.Bond.Mode, d.Bond.FailOverMAC
	}
	return m
}

// ports are the device's ports with their own addresses, "" for an unknown one.
func (s *subject) ports(d *host.Device, atBoot bool) []life.Port {
	ports := make([]life.Port, len(d.Ports))
	for i, p := range d.Ports {
		own := p.MAC
		switch {
		case atBoot && s.filesSetAddresses(), atBoot && s.setsOnBoot(p.Name):
			own = ""
		case atBoot:
			own = p.PermanentMAC
		case p.OwnMAC != "":
			own = p.OwnMAC
		case d.Kind != "bridge":
			own = p.PermanentMAC
		}
		ports[i] = life.Port{Name: p.Name, MAC: own, Own: own}
	}
	return ports
}

// findSetsAddresses reports whether a file of the tree changes the address of hardware.
func (a *hostAudit) findSetsAddresses() bool {
	for _, f := range a.tree.Files {
		if f.State != linkfiles.StateActive {
			continue
		}
		policy, _ := f.MACAddressPolicy()
		if _, sets := f.MACAddress(); sets || policy.Value == "random" {
			return true
		}
	}
	return false
}

// firstPorts are the alternatives for the ports that join first. For a bond, the first
// port alone decides, so there is one alternative for each port. For other kinds the
// order does not matter, so there is one with all ports.
func firstPorts(kind string, ports []life.Port) [][]life.Port {
	if kind != "bond" || len(ports) == 0 {
		return [][]life.Port{ports}
	}
	each := make([][]life.Port, len(ports))
	for i := range ports {
		each[i] = ports[i : i+1]
	}
	return each
}

// firstName is the name of a port that decides alone, "" for several.
func firstName(kind string, ports []life.Port) string {
	if kind != "bond" || len(ports) == 0 {
		return ""
	}
	return ports[0].Name
}

// outcome is the address that a device ends up with; set is its origin if udev set it.
func (s *attributed) outcome(d life.Device, set string) Outcome {
	o := Outcome{MAC: d.MAC, Origin: OriginKernel}
	switch {
	case d.Assign == life.Set && set != "" && d.MAC != "":
		o.Origin = set
	case d.Assign == life.Set && set == "":
		o.Origin, o.Port = s.asNow()
	case d.Kind == "bond" && d.Assign == life.Stolen:
		o.Origin, o.Port = OriginPort, d.Ports[0].Name
	case d.Kind == "bridge" && d.Assign == life.Random && len(d.Ports) > 0:
		o.Origin, o.Port = OriginPort, firstOfAddress(d.Ports, d.MAC)
	case d.Kind == "team" && d.Assign != life.Set && set == "" && d.MAC != "":
		o.Origin, o.Port = s.asNow()
	}
	return o
}

// firstOfAddress returns the first port with the address, "" if there is none or the
// address is unknown.
func firstOfAddress(ports []life.Port, mac linkfiles.MAC) string {
	for _, p := range ports {
		if p.MAC == mac && mac != "" {
			return p.Name
		}
	}
	return ""
}

// course is one possible course of events with its outcome.
type course struct {
	first   string // the port that joins first
	order   order
	outcome Outcome
}

// order says whether udev or a port came first.
type order uint8

const (
	untold order = iota
	udevFirst
	portFirst
)

// summary merges courses with the same outcome, and says when each outcome happens.
func summary(all []course) ([]Outcome, fact.Fact[linkfiles.MAC]) {
	if !slices.ContainsFunc(all, func(c course) bool { return c.outcome != all[0].outcome }) {
		only := []Outcome{all[0].outcome}
		return only, agreed(only)
	}
	firsts, orders := map[string]bool{}, map[order]bool{}
	var keys []Outcome
	groups := map[Outcome]*sameOutcome{}
	for _, c := range all {
		firsts[c.first], orders[c.order] = true, true
		g := groups[c.outcome]
		if g == nil {
			g = &sameOutcome{map[string]bool{}, map[order]bool{}, c.first}
			groups[c.outcome] = g
			keys = append(keys, c.outcome)
		}
		g.firsts[c.first], g.orders[c.order] = true, true
	}
	outcomes := make([]Outcome, 0, len(keys))
	for _, o := range keys {
		g := groups[o]
		o.When = g.when(len(g.firsts) == len(firsts), len(g.orders) == len(orders))
		outcomes = append(outcomes, o)
	}
	return outcomes, agreed(outcomes)
}

// sameOutcome are the courses with one outcome.
type sameOutcome struct {
	firsts map[string]bool
	orders map[order]bool
	first  string // of the first course
}

// when says when the outcome happens, nil for always. With anyFirst it happens
// whichever port joins first. With anyOrder it happens whether udev or a port comes
// first.
func (g *sameOutcome) when(anyFirst, anyOrder bool) *linkfiles.Statement {
	switch {
	case anyFirst && anyOrder:
		return nil
	case anyFirst && g.orders[udevFirst]:
		return whenUdevdBeforePorts
	case anyFirst:
		return whenPortBeforeUdevd
	case anyOrder:
		return say("when-port-first", "port", g.first)
	case g.orders[udevFirst]:
		return say("when-port-first-after-udevd", "port", g.first)
	}
	return say("when-port-first-before-udevd", "port", g.first)
}

// Conditions that many outcomes have.
var (
	whenUdevdBeforePorts      = say("when-udevd-before-ports")
	whenPortBeforeUdevd       = say("when-port-before-udevd")
	whenCreatedWithAddress    = say("when-created-with-address")
	whenCreatedWithoutAddress = say("when-created-without-address", "when", nil)
	whenSetBesideUdevd        = say("when-set-beside-udevd")
	whenSetDuringUdevd        = say("when-set-during-udevd")
)

// agreed is the address that all outcomes have in common.
func agreed(outcomes []Outcome) fact.Fact[linkfiles.MAC] {
	mac := outcomes[0].MAC
	if mac == "" || slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.MAC != mac }) {
		return fact.Unknown[linkfiles.MAC](listed(outcomes))
	}
	return fact.Known(mac)
}

// listed names the first few outcomes.
func listed(outcomes []Outcome) *linkfiles.Statement {
	const few = 4
	return say("outcomes", "all", someOutcomes(outcomes[:min(len(outcomes), few)]), "more", len(outcomes) > few)
}

// someOutcomes become statements only when they are shown.
type someOutcomes []Outcome

func (some someOutcomes) Statements() []*linkfiles.Statement {
	all := make([]*linkfiles.Statement, 0, len(some))
	for i := range some {
		all = append(all, some[i].statement())
	}
	return all
}

func (o *Outcome) statement() *linkfiles.Statement {
	switch {
	case o.MAC != "" && o.Port != "":
		return say("outcome-of-port", "mac", o.MAC, "port", o.Port, "when", o.When)
	case o.MAC != "":
		return say("outcome", "mac", o.MAC, "when", o.When)
	case o.Origin == OriginPort:
		return say("outcome-of-unknown-port", "port", o.Port, "when", o.When)
	}
	return say("outcome-made-up", "when", o.When)
}
