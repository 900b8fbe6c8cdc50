package audit

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
	"linkaudit/policy/address"
)

// declared indexes the declarations of a snapshot by device. A pattern is for several
// devices.
type declared struct {
	names    map[string][]int
	patterns []int
}

func (a *hostAudit) indexDeclared() declared { return indexDeclared(a.snap) }

func indexDeclared(snap *host.Snapshot) declared {
	d := declared{names: map[string][]int{}}
	for i, one := range snap.Declarations.Or(nil) {
		if one.Pattern {
			d.patterns = append(d.patterns, i)
		} else {
			d.names[one.Device] = append(d.names[one.Device], i)
		}
	}
	return d
}

// declarationsFor returns the snapshot's declarations for the device, in their order.
func (a *hostAudit) declarationsFor(name, kind string, present bool) fact.Fact[[]netconf.Declaration] {
	all, ok := a.snap.Declarations.Get()
	if !ok {
		return a.snap.Declarations
	}
	return fact.Known(a.declared().pick(all, name, kind, present))
}

// pick returns the declarations for the device, in the order of all.
func (d declared) pick(all []netconf.Declaration, name, kind string, present bool) []netconf.Declaration {
	of := []netconf.Declaration{}
	for _, i := range d.of(name) {
		if isFor(all[i], name, kind, present) {
			of = append(of, all[i])
		}
	}
	return of
}

// declaredFor returns the declarations for one device, without building an index.
func declaredFor(snap *host.Snapshot, name, kind string, present bool) (of []netconf.Declaration) {
	for _, d := range snap.Declarations.Or(nil) {
		if isFor(d, name, kind, present) {
			of = append(of, d)
		}
	}
	return of
}

// of returns the indexes of the declarations with that name or a pattern, in order.
func (d declared) of(name string) []int {
	if len(d.patterns) == 0 {
		return d.names[name]
	}
	return slices.Sorted(slices.Values(slices.Concat(d.names[name], d.patterns)))
}

// isFor reports whether a declaration is for a device. A declaration that creates
// another kind is not for the present device.
func isFor(d netconf.Declaration, name, kind string, present bool) bool {
	switch {
	case d.Creates && d.Kind != "" && d.Kind != kind && (present || kind != ""):
		return false
	case !d.Pattern:
		return d.Device == name
	}
	return matchesPattern(d.Device, name) && (d.Kind == "" || kind == "" || d.Kind == kind)
}

// setsOnBoot reports whether a program sets the address of an existing device, such as
// a port.
func (a *hostAudit) setsOnBoot(name string) bool {
	all := a.snap.Declarations.Or(nil)
	return slices.ContainsFunc(a.declared().of(name), func(i int) bool {
		d := all[i]
		return !d.Creates && isFor(d, name, "", true) && d.Ignored == "" && d.Address.Way != netconf.WayNone
	})
}

// matchesPattern reports whether one of several shell patterns matches.
func matchesPattern(patterns, name string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// Manager is the program that sets a device's address independently of .link files.
type Manager struct {
	netconf.Declaration
	// Certain says that the program's address always wins: it creates the device with
	// the address and udev does not change it, or udev sets none. Otherwise udev may
	// act later, or may have acted before.
	Certain bool
}

// setsAddress reports whether a declaration sets the device's address.
func setsAddress(d netconf.Declaration) bool {
	return d.Ignored == "" && d.Address.Way != netconf.WayNone && d.Address.Way != netconf.WayUnknown
}

// maySetAddress reports whether it is unknown if a program other than systemd-networkd
// sets the device's address.
func maySetAddress(d netconf.Declaration) bool {
	return d.Program != netconf.Networkd && d.Ignored == "" && d.Address.Way == netconf.WayUnknown
}

// FindManager returns the declaration that sets the device's address, nil if there is
// none. If netplan generated declarations, its own one is returned. An address that a
// program sets later takes precedence over one that it creates the device with.
func FindManager(of []netconf.Declaration) *netconf.Declaration {
	var found *netconf.Declaration
	for i := range of {
		d := &of[i]
		if setsAddress(*d) && !overruled(of, *d) && (found == nil || rendered(*found, *d) || found.Program == d.Program && found.Creates && !d.Creates) {
			found = d
		}
	}
	return found
}

// rendered reports whether netplan generated d from its own declaration by.
func rendered(d, by netconf.Declaration) bool {
	return by.Program == netconf.Netplan && by.Renderer == d.Program &&
		strings.HasPrefix(d.Pos.File, "/run/") && strings.Contains(path.Base(d.Pos.File), "netplan-")
}

// overruled reports whether systemd-networkd reads another address than netplan's,
// because a drop-in changes the file that netplan generated.
func overruled(of []netconf.Declaration, d netconf.Declaration) bool {
	return d.Renderer == netconf.Networkd && slices.ContainsFunc(of, func(by netconf.Declaration) bool {
		return by.Creates && rendered(by, d) && (by.Address.Way != d.Address.Way || by.Address.MAC != d.Address.MAC)
	})
}

// manager returns DeviceResult.Manager.
func (s *decided) manager() *Manager {
	d := FindManager(s.Declarations.Or(nil))
	if d == nil {
		return nil
	}
	if b := s.Device; b != nil && b.Bond.IgnoresAddress() {
		return nil
	}
	waits := by(*d).WaitsForUdevd() && !d.Address.AtCreation
	return &Manager{Declaration: *d, Certain: waits || s.udevLeaves(d.Address)}
}

// udevLeaves reports whether udev is known not to change the address of a new device
// that has, or will have, the initial one.
func (s *decided) udevLeaves(initial netconf.Address) bool {
	does, ok := s.onNewDevice(initial).Get()
	return ok && does.Do == address.Leave
}

// onNewDevice is what udev does with the address of a new device.
func (s *decided) onNewDevice(initial netconf.Address) fact.Fact[address.Action] {
	switch applies, ok := s.appliesFiles().Get(); {
	case ok && !applies, s.decision.File.IsAbsent():
		return fact.Known(address.Action{Do: address.Leave})
	case s.decision.File.IsUnknown():
		return fact.Unknown[address.Action](say("file-that-applies", "why", s.decision.File.Reason()))
	}
	about, _ := s.addressFacts()
	about.MAC = "made up"
	assign := host.AddrRandom
	if initial.AtCreation && initial.Way != netconf.WayNone {
		about.MAC, assign = cmp.Or(initial.MAC, "explicit"), host.AddrSet
	}
	mac, _ := s.macAddress()
	return s.whenSent(address.AddEvent{
		Release: s.tree.Release, Policy: s.Policy.Or("unknown"), MACAddress: mac,
		Assign: fact.Known(assign), Device: about, Persistent: s.Persistent,
	}.Action(), s.file)
}

// managerAddress returns the address that a program sets each time it creates the
// device, and its origin. It is absent if no program does, unknown if that cannot be
// decided.
func (s *attributed) managerAddress() (fact.Fact[linkfiles.MAC], string) {
	ofNetworkd, origin := s.networkdAddress()
	for _, d := range s.Declarations.Or(nil) {
		if maySetAddress(d) {
			return fact.Unknown[linkfiles.MAC](say("whether-program-sets-address", "program", d.Program, "why", d.Address.Unknown)), ""
		}
	}
	m := s.Manager
	if m == nil {
		return ofNetworkd, origin
	}
	who := by(m.Declaration)
	if who != netconf.Networkd && !ofNetworkd.IsAbsent() {
		return fact.Unknown[linkfiles.MAC](say("two-programs-set-address", "one", who, "other", netconf.Networkd)), ""
	}
	if m.Address.AtCreation {
		if does, _ := s.onNewDevice(m.Address).Get(); does.Do == address.Set {
			return fact.Known(does.MAC), OriginLinkFile
		}
	}
	if !ofNetworkd.IsAbsent() {
		return ofNetworkd, origin // its own files agree
	}
	return s.addressFrom(m)
}

// addressFrom is managerAddress for one program.
func (s *subject) addressFrom(m *Manager) (fact.Fact[linkfiles.MAC], string) {
	who := by(m.Declaration)
	switch {
	case !m.Certain:
		return fact.Unknown[linkfiles.MAC](say("program-or-udevd-is-later", "program", who, "does", AddressBy(m.Declaration))), ""
	case m.Address.Way == netconf.WayExplicit:
		return fact.Known(m.Address.MAC), OriginSomeone
	case m.Address.Way == netconf.WayNetworkd:
		if derived := s.derivedByNetworkd(); !derived.IsUnknown() {
			return derived, OriginNetworkd
		}
	}
	return fact.Unknown[linkfiles.MAC](say("program-sets-address", "program", who, "does", AddressBy(m.Declaration))), ""
}

// raceOutcomes returns both possible addresses of a device for which udev and another
// program set one after creation; nil if one of them is unknown.
func (s *attributed) raceOutcomes() []Outcome {
	m := s.Manager
	if m == nil || m.Certain || m.Address.Way != netconf.WayExplicit && m.Address.Way != netconf.WayRandom {
		return nil
	}
	does, _ := s.onNewDevice(m.Address).Get()
	if does.Do != address.Set {
		return nil
	}
	return []Outcome{
		{MAC: m.Address.MAC, Origin: OriginSomeone, When: say("when-program-is-later", "program", by(m.Declaration))},
		{MAC: does.MAC, Origin: originBy(s.Policy.Or("")), When: say("when-udevd-is-later")},
	}
}

// creatorOf returns the declaration that creates the device, nil if there is none.
func creatorOf(of []netconf.Declaration) *netconf.Declaration {
	var found *netconf.Declaration
	for i := range of {
		if d := &of[i]; d.Creates && d.Ignored == "" && !overruled(of, *d) && (found == nil || rendered(*found, *d)) {
			found = d
		}
	}
	return found
}

// AddressBy says what a program does with the address of a device.
func AddressBy(d netconf.Declaration) *linkfiles.Statement {
	switch a := d.Address; a.Way {
	case netconf.WayExplicit:
		return say("sets-address", "mac", a.MAC)
	case netconf.WayRandom:
		return say("sets-random-address")
	case netconf.WayStable:
		return say("derives-address")
	case netconf.WayPermanent:
		return say("sets-permanent-address")
	case netconf.WayNetworkd:
		return say("derives-address-as-networkd")
	case netconf.WayPort:
		return say("sets-address-of-port", "port", a.Port)
	case netconf.WayNone:
		return say("sets-no-address")
	default:
		return say("sets-unknown-address", "why", a.Unknown)
	}
}

// settingAt says which setting decides about the address, where it is or where to write
// it, and how a change takes effect.
func settingAt(d netconf.Declaration, at remedy.Place) *linkfiles.Statement {
	then := at.TakeEffect(d.Program, d.Device)
	if d.Address.Pos == d.Pos {
		return say("add-setting", "key", d.Address.Key, "pos", d.Pos, "then", then)
	}
	return say("change-setting", "key", d.Address.Key, "pos", d.Address.Pos, "then", then)
}

// Step is one thing that happens to the address while a device is created.
type Step struct {
	// Who is a program or the kernel; Does is what it does.
	Who, Does *linkfiles.Statement
	Pos       linkfiles.Pos
}

// stepsOfCreation returns what happens to the address when the device is created, in
// order, and which address remains. Both are empty if no program declares the device.
func (s *attributed) stepsOfCreation() (steps []Step, wins *linkfiles.Statement) {
	creator, m := creatorOf(s.Declarations.Or(nil)), s.Manager
	if creator == nil && m == nil {
		return nil, nil
	}
	if creator != nil {
		steps = append(steps, Step{actor(*creator), creates(*creator, s.Name), creator.Pos})
	}
	created := addressOnCreation(creator, m)
	steps = append(steps, Step{say("who-udevd"), s.udevdDoes(created), s.PolicySource})
	if takesPortAddress[s.Kind] && s.Kind != "team" && !hasAddress(created) {
		steps = append(steps, Step{Who: say("who-kernel"), Does: say("kernel-sets-address-of-port")})
	}
	if m != nil && !m.Address.AtCreation {
		steps = append(steps, Step{actor(m.Declaration), AddressBy(m.Declaration), m.Address.Pos})
	}
	return steps, s.finalAddress()
}

func actor(d netconf.Declaration) *linkfiles.Statement { return say("who-program", "program", by(d)) }

// addressOnCreation returns the address that a device is created with, as far as known.
// If no declaration creates it, that of m counts if m sets it at creation.
func addressOnCreation(creator *netconf.Declaration, m *Manager) netconf.Address {
	switch {
	case creator == nil && m.Address.AtCreation:
		return m.Address
	case creator != nil && creator.Address.Way != netconf.WayUnknown:
		return creator.Address
	}
	return netconf.Address{}
}

// hasAddress reports whether a device is created with an address.
func hasAddress(created netconf.Address) bool {
	return created.AtCreation && created.Way != netconf.WayNone
}

// creates says how a program creates the device.
func creates(d netconf.Declaration, name string) *linkfiles.Statement {
	switch {
	case d.Address.Way == netconf.WayUnknown:
		return say("creates-maybe-with-address", "device", name, "why", d.Address.Unknown)
	case hasAddress(d.Address):
		return say("creates-with-address", "device", name, "address", AddressBy(d))
	}
	return say("creates-without-address", "device", name)
}

// finalAddress says which address the device has in the end.
func (s *attributed) finalAddress() *linkfiles.Statement {
	m := s.Manager
	if m == nil {
		if managed, _ := s.managerAddress(); managed.IsUnknown() {
			return say("end-unknown", "why", managed.Reason())
		}
		return say("end-without-program")
	}
	program := by(m.Declaration)
	if rival := s.rival(); rival != "" {
		return say("end-of-two-programs", "one", program, "other", rival)
	}
	mac := m.Address.MAC
	if mac == "" && m.Address.Way == netconf.WayNetworkd {
		mac = s.derivedByNetworkd().Or("")
	}
	does, _ := s.onNewDevice(m.Address).Get()
	ofFile, set := s.macAddress()
	switch {
	case m.Certain:
		return say("end-program", "program", program, "mac", mac)
	case does.Do == address.Set && m.Address.AtCreation:
		return say("end-udevd", "mac", does.MAC)
	case set:
		return say("end-set-last", "mac", ofFile, "program", program)
	}
	return say("end-program-unless-udevd-is-later", "program", program, "mac", mac)
}

// rival returns another program that creates the device or sets its address, "" if
// there is none.
func (s *attributed) rival() netconf.Program {
	for _, d := range acting(s.Declarations.Or(nil)) {
		if by(d) != by(s.Manager.Declaration) {
			return by(d)
		}
	}
	return ""
}

// by is the program that acts on a declaration.
func by(d netconf.Declaration) netconf.Program {
	if d.Renderer != "" {
		return d.Renderer
	}
	return d.Program
}

// udevdDoes says what udev does with the new device.
func (s *decided) udevdDoes(created netconf.Address) *linkfiles.Statement {
	file := ""
	if s.file != nil {
		file = s.file.Path
	}
	mac, set := s.macAddress()
	switch {
	case s.decision.File.IsUnknown():
		return say("applies-unknown-file")
	case s.udevLeaves(created):
		return say("applies-file-and-keeps-address", "file", file)
	case s.Policy.Or("") == "persistent":
		return say("applies-file-and-sets-persistent", "file", file)
	case set:
		return say("applies-file-and-sets-address", "file", file, "mac", mac)
	}
	return say("applies-file-that-may-set-address", "file", file)
}

// DeclaredKind is the kind of device that network configuration creates with this name,
// "" for none.
func DeclaredKind(snap *host.Snapshot, name string) string {
	for _, d := range snap.Declarations.Or(nil) {
		if d.Creates && !d.Pattern && d.Device == name && d.Kind != "" && d.Ignored == "" {
			return d.Kind
		}
	}
	return ""
}
