package audit

import (
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

var deviceRules = []Rule{
	{
		Name: "policy-overrides-ports", Severity: Error,
		device: policyOverridesPorts,
	},
	{
		Name: "address-set-by-udev", Severity: Warning,
		device: addressSetByUdev,
	},
	{
		Name: "unexpected-policy", Severity: Error,
		device: unexpectedPolicy,
	},
	{
		Name: "applied-file-differs", Severity: Warning,
		device: appliedFileDiffers,
	},
	{
		Name: "link-file-of-other-device", Severity: Warning,
		device: linkFileOfOther,
	},
	{
		Name: "unknown-match", Severity: Warning,
		device: func(s *analysis) []found {
			if !s.decision.File.IsUnknown() {
				return nil
			}
			f := found{
				message: say("unknown-match", "device", s.Name, "why", s.decision.File.Reason()),
				help:    s.howToKnow(),
			}
			if len(s.decision.Unknown) > 0 {
				f.pos = s.decision.Unknown[0].Pos
			}
			return []found{f}
		},
	},
	{
		Name: "unpredictable-name", Severity: Warning,
		device: func(s *analysis) []found {
			if !s.decision.NameUnpredictable || s.file == nil {
				return nil
			}
			return []found{{
				message: say("unpredictable-name", "device", s.Name),
				pos:     linkfiles.Pos{File: s.file.Path},
			}}
		},
	},
	{
		Name: "device-missing", Severity: Info,
		device: func(s *analysis) []found {
			if s.Device != nil {
				return nil
			}
			return []found{{message: say("device-missing", "device", s.Name)}}
		},
	},
	{
		Name: "applied-file-unknown", Severity: Info,
		device: func(s *analysis) []found {
			if !s.Applied.IsUnknown() {
				return nil
			}
			fs := unknownFinding(s.Applied, say("which-file-was-applied", "device", s.Name))
			if d := s.Device; fs != nil && d.UdevDB.IsKnown() {
				fs[0].help = say("give-file-printable-name")
			}
			return fs
		},
	},
	{
		Name: "address-origin-unknown", Severity: Info,
		device: func(s *analysis) []found {
			switch d := s.Device; {
			case d == nil:
				return nil
			case s.Origin.IsUnknown():
				return unknownFinding(s.Origin, say("who-set-address", "device", s.Name))
			case d.AddrAssignType.IsUnknown():
				return unknownFinding(d.AddrAssignType, say("assign-type-of-device", "device", s.Name))
			}
			return nil
		},
	},
	{
		Name: "persistent-address-unknown", Severity: Info,
		device: func(s *analysis) []found {
			if !s.Persistent.IsUnknown() {
				return nil
			}
			return unknownFinding(s.Persistent, say("persistent-address-of-device", "device", s.Name))
		},
	},
	{
		Name: "add-event-unknown", Severity: Info,
		device: func(s *analysis) []found {
			if s.decision.File.IsUnknown() {
				return nil // unknown-match says why
			}
			if !s.AfterAdd.IsUnknown() || s.tellsReason(s.AfterAdd) {
				return nil
			}
			fs := unknownFinding(s.AfterAdd, say("address-after-add-event", "device", s.Name))
			if fs != nil && s.Policy.Or("") == "random" {
				fs[0].help = say("nothing-if-random-is-intended")
			}
			return fs
		},
	},
}

// helpUnknown is the help if the only message is why a value is unknown.
var helpUnknown = say("audit-may-know-more")

// unknownFinding is the finding that what is unknown, and why. A device that does not
// exist is left to device-missing. Callers check first whether the fact is unknown,
// because building what costs more.
func unknownFinding[T any](f fact.Fact[T], what *linkfiles.Statement) []found {
	if !f.IsUnknown() || f.Reason().Is(policy.NoSuchDevice.Code) {
		return nil
	}
	return []found{{message: say("is-unknown", "what", what, "why", f.Reason())}}
}

// howToKnow is the help for an unknown-match, nil for the rule's own.
func (s *decided) howToKnow() *linkfiles.Statement {
	unknown := s.decision.Unknown
	switch {
	case len(unknown) == 0, unknown[0].File.State == linkfiles.StateUnknown:
		return say("do-first-what-unreadable-file-says")
	case s.Device != nil && s.Device.UdevDB.IsUnknown() && !s.snap.Udev.Running.Or(true):
		return say("audit-where-udevd-runs")
	case s.Device != nil:
		return nil
	case s.Kind == "":
		return say("give-kind")
	case s.snap.Offline:
		return say("audit-running-machine")
	}
	return say("audit-when-device-exists")
}

// policyOverridesPorts is about masters of ports under the persistent policy. It
// reports nothing if udev would not change the address: somebody else set it, no
// address can be derived, or no .link file is applied. If the site expects a policy,
// unexpected-policy reports instead.
func policyOverridesPorts(s *analysis) []found {
	f, is := s.overridesPorts()
	if !is {
		return nil
	}
	f.cause, f.pos = s.cause(), s.PolicySource
	f.remedy, f.help = s.fixHelp()
	return []found{f}
}

func (s *attributed) overridesPorts() (f found, is bool) {
	d := s.Device
	switch {
	case !takesPortAddress[s.Kind], s.Policy.Or("") != "persistent", s.Persistent.IsAbsent(),
		!s.linkFilesApply(), s.expected != "":
		return f, false
	case d != nil && uplink(d) == "" && len(s.missingPorts()) > 0:
		return f, false // declared-port-missing says why it has no port's address
	case s.Manager != nil && (d == nil || d.MAC != s.Persistent.Or(host.PersistentMAC{}).MAC):
		return f, false // networkd-sets-address or manager-sets-address reports it
	case d == nil:
		return s.willOverridePorts(), true
	case d.Bond.IgnoresAddress() && d.Bond.FailOverMAC == "active":
		return f, false // the bond has the address of its active port anyway
	case d.Bond.IgnoresAddress() && d.AddrAssignType.Or(host.AddrRandom) == host.AddrSet:
		return found{message: say("policy-ignored-by-bond", "device", s.Name, "fail_over_mac", d.Bond.FailOverMAC)}, true
	}
	return s.overridesPortsOf(d)
}

// willOverridePorts is policyOverridesPorts for a device that does not exist yet.
func (s *subject) willOverridePorts() found {
	d := s.future()
	port := s.futureUplink(d)
	f := found{message: say("policy-will-override-ports", "device", s.Name, "port", port)}
	if port == "" && s.Kind != "bond" {
		f.severity = severityWithoutUplink(d)
	}
	return f
}

// overridesPortsOf is policyOverridesPorts for an existing device that accepts an
// address.
func (s *attributed) overridesPortsOf(d *host.Device) (f found, is bool) {
	t, known := d.AddrAssignType.Get()
	byPolicy, unsure := false, !known
	if t == host.AddrSet {
		byPolicy, unsure = s.setByPolicy(d)
		switch {
		case byPolicy || unsure:
		case s.Kind == "bond":
			// A person or the program that creates it: the kernel does not tell.
			return found{severity: Info, message: say("policy-overrides-ports-next-time", "device", s.Name)}, true
		default:
			return f, false
		}
	}
	port := uplink(d)
	if byPolicy {
		f.message = say("policy-overrode-ports", "device", s.Name, "mac", d.MAC, "port", port)
	} else {
		f.message = say("policy-overrides-ports", "device", s.Name, "port", port)
	}
	if port == "" && s.Kind != "bond" {
		f.severity = severityWithoutUplink(d)
	}
	if unsure && f.severity == "" {
		f.severity = Warning
	}
	return f, true
}

// setByPolicy reports whether the set address is that of the persistent policy; unsure
// means that it may be.
func (s *attributed) setByPolicy(d *host.Device) (is, unsure bool) {
	p, ok := s.Persistent.Get()
	switch {
	case s.OfOtherID.Source != "" && !s.OfOtherID.Networkd:
		return true, false
	case !ok, p.MAC != d.MAC && ofEarlierName(d):
		return false, true
	}
	return p.MAC == d.MAC, false
}

// severityWithoutUplink is the severity for a bridge or team without an uplink.
func severityWithoutUplink(d *host.Device) Severity {
	if len(d.Ports) > 0 && allVirtual(d) {
		return Info
	}
	return Warning
}

// uplink returns a port that leads to a physical network: one with a permanent address,
// or one of a kind that is usually above such devices. A bridge with only virtual
// machines or containers has none, and no port's address worth taking.
func uplink(d *host.Device) string {
	for _, p := range d.Ports {
		if p.PermanentMAC != "" {
			return p.Name
		}
	}
	for _, p := range d.Ports {
		if slices.Contains([]string{"bond", "team", "vlan"}, p.Kind) {
			return p.Name
		}
	}
	return ""
}

// allVirtual reports whether all ports are of kinds that lead only to guests on this
// machine.
func allVirtual(d *host.Device) bool {
	return !slices.ContainsFunc(d.Ports, func(p host.Port) bool {
		return !slices.Contains([]string{"veth", "tun", "dummy"}, p.Kind)
	})
}

func addressSetByUdev(s *analysis) []found {
	d := s.Device
	if d == nil || s.Origin.Or("") != OriginUdev {
		return nil
	}
	name, other := s.Persistent.Or(host.PersistentMAC{}).Name, s.OfOtherID.Source != ""
	if other {
		name = s.OfOtherID.Name
	}
	asked := s.Policy.Or("") == "persistent"
	switch {
	case other && asked:
		return nil // machine-id-changed reports it
	case asked && s.tellsOfMadeUp():
		return nil // policy-overrides-ports reports it
	}
	if !asked && !s.Policy.IsUnknown() {
		return []found{{message: say("address-still-set-by-udev", "mac", d.MAC, "device", d.Name, "other", other, "name", name), pos: s.PolicySource}}
	}
	f := found{severity: Info, message: say("address-set-by-udev", "mac", d.MAC, "device", d.Name, "other", other, "name", name)}
	if asked {
		f.cause, f.pos, f.help = s.cause(), s.PolicySource, say("nothing-if-derived-is-intended")
	} else {
		f.help = say("find-out-which-file-applies")
	}
	return []found{f}
}

// tellsOfMadeUp reports whether policy-overrides-ports has already reported the address
// that udev made up.
func (s *analysis) tellsOfMadeUp() bool {
	f, is := s.overridesPorts()
	if !is || !f.message.Is("policy-overrode-ports") {
		return false
	}
	return s.isOn("policy-overrides-ports")
}

func unexpectedPolicy(s *analysis) []found {
	if s.expected == "" || s.expected == "any" || s.Policy.IsUnknown() {
		return nil
	}
	// An unset policy has the same effect as none (systemd.link(5)).
	is := s.Policy.Or("none")
	if is == s.expected {
		return nil
	}
	return []found{{
		message: say("unexpected-policy", "device", s.Name, "policy", is, "pos", s.expectedAt, "expected", s.expected),
		cause:   s.cause(),
		pos:     s.PolicySource,
	}}
}

func appliedFileDiffers(s *analysis) []found {
	db, ok := s.recordToCompare()
	if !ok {
		return nil
	}
	effective := ""
	if s.file != nil {
		effective = s.file.Path
	}
	if name, failed := s.renameFailed(db); failed {
		return []found{{
			pos:     name.Pos,
			message: say("udevd-could-not-rename", "device", s.Name, "name", name.Value, "file", effective),
			help:    say("leave-name-to-one-device", "name", name.Value),
		}}
	}
	return s.compareApplied(effective, db)
}

// recordToCompare returns udev's record of the device. It returns false if the applied
// file cannot be compared with the effective one, or if another rule reports them.
func (s *analysis) recordToCompare() (db map[string]string, ok bool) {
	d := s.Device
	if d == nil || s.decision.File.IsUnknown() || !s.linkFilesApply() {
		return nil, false
	}
	db, ok = d.UdevDB.Get()
	if !ok || d.Loopback() || s.Applied.IsUnknown() { // applied-file-unknown says why
		return nil, false
	}
	_, caught := s.catches() // link-file-of-other-device says what to do
	return db, !caught
}

// compareApplied compares the file that udev applied with the effective one, "" for
// none.
func (s *analysis) compareApplied(effective string, db map[string]string) []found {
	applied := s.Applied.Or("")
	f := found{pos: linkfiles.Pos{File: effective}}
	switch {
	case applied == "" && effective == "":
		return nil
	case applied == "":
		f.message = say("applied-no-file", "device", s.Name, "file", effective)
	case effective == "":
		f.message = say("applied-file-no-longer-effective", "applied", applied, "device", s.Name)
	case s.samePath(applied, asRecorded(effective)):
		return s.appliedDropInsDiffer(db)
	case s.appliedWhenNew(applied):
		f.severity = Info
		f.message = say("device-changed-since-file-applied", "device", s.Name, "applied", applied, "file", effective)
		f.help = say("nothing-or-fit-only-its-device", "file", effective)
		return []found{f}
	default:
		f.message = say("applied-file-differs", "applied", applied, "device", s.Name, "file", effective)
	}
	if old := s.appliedFile(); old != nil && s.file != nil && sameAddressSettings(old, s.file) {
		f.severity = Info
	}
	return []found{s.unlessSettled(f)}
}

// unlessSettled lowers a finding to info if the address will not change when the device
// is created again, because then nothing is left to do.
func (s *analysis) unlessSettled(f found) found {
	if s.settled() {
		f.severity = Info
		f.help = say("nothing-because-address-stays", "device", s.Name)
	}
	return f
}

// settled reports whether a boot and a recreation leave the address unchanged, as far
// as they can be predicted. At least one of them must be predictable. Another first
// port of a bond does not count: ports-order-decides reports that. Hardware is never
// settled: it keeps its own address, but gets its name and more from the file.
func (s *analysis) settled() bool {
	if s.Kind == "" {
		return false
	}
	ofAnyPort := s.Kind == "bond" && s.OriginPort != ""
	predicted := false
	for _, e := range []Event{EventBoot, EventRecreate} {
		outcomes := s.after(e).Outcomes
		if len(outcomes) == 0 || slices.ContainsFunc(outcomes, ofUnknownPort) {
			continue
		}
		if slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.MAC != s.Device.MAC && !(ofAnyPort && o.Origin == OriginPort) }) {
			return false
		}
		predicted = true
	}
	return predicted
}

// ofUnknownPort reports whether the outcome is the address of a port, but unknown.
func ofUnknownPort(o Outcome) bool { return o.MAC == "" && o.Origin == OriginPort }

// sameAddressSettings reports whether two files have the same effect on the address.
// MACAddress= has none if a policy overrides it.
func sameAddressSettings(x, y *linkfiles.File) bool {
	settings := func(f *linkfiles.File) (policy, address string) {
		if p, _ := f.MACAddressPolicy(); p.Value != "none" {
			policy = p.Value
		}
		if a, _ := f.MACAddress(); policy == "" {
			address = a.Value
		}
		return policy, address
	}
	px, ax := settings(x)
	py, ay := settings(y)
	return px == py && ax == ay
}

// appliedDropInsDiffer compares drop-ins, on releases that record them in the udev
// database.
func (s *analysis) appliedDropInsDiffer(db map[string]string) []found {
	if s.tree.Release < tellsDropIns {
		return nil
	}
	applied := splitDropIns(db["ID_NET_LINK_FILE_DROPINS"])
	if slices.EqualFunc(applied, s.file.DropIns, s.samePathIn) {
		return nil
	}
	return []found{s.unlessSettled(found{
		message: say("applied-drop-ins-differ", "file", s.file.Path, "device", s.Name, "applied", applied, "now", s.file.DropIns),
		pos:     linkfiles.Pos{File: s.file.Path},
	})}
}

// samePathIn is samePath for drop-ins, which are in a directory below that of the .link
// file.
func (s *subject) samePathIn(x, y string) bool {
	return s.resolveDropIn(x) == s.resolveDropIn(y)
}

func (s *subject) resolveDropIn(name string) string {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return name
	}
	return s.resolve(name[:i]) + name[i:]
}

// splitDropIns reads ID_NET_LINK_FILE_DROPINS: paths separated by colons, special
// characters as \xNN (link_apply_udev_properties(), xescape()).
func splitDropIns(value string) []string {
	if value == "" {
		return nil
	}
	paths := strings.Split(value, ":")
	for i, p := range paths {
		paths[i] = unescape(p)
	}
	return paths
}

func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], `\x`) && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
