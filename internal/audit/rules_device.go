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

// deviceRules look at one device at a time.
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
			fs := notKnown(s.Applied, say("which-file-was-applied", "device", s.Name))
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
				return notKnown(s.Origin, say("who-gave-address", "device", s.Name))
			case d.AddrAssignType.IsUnknown():
				return notKnown(d.AddrAssignType, say("assign-type-of-device", "device", s.Name))
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
			return notKnown(s.Persistent, say("persistent-address-of-device", "device", s.Name))
		},
	},
	{
		Name: "add-event-unknown", Severity: Info,
		device: func(s *analysis) []found {
			if s.decision.File.IsUnknown() {
				return nil // unknown-match says why
			}
			if !s.AfterAdd.IsUnknown() {
				return nil
			}
			fs := notKnown(s.AfterAdd, say("address-after-add-event", "device", s.Name))
			if fs != nil && s.Policy.Or("") == "random" {
				fs[0].help = say("nothing-if-random-is-meant")
			}
			return fs
		},
	},
}

// helpUnknown is the help where it is only said why a value is not known.
var helpUnknown = say("audit-may-know-more")

// notKnown is the finding that something is not known, and why; what goes before "is not
// known". That a device does not exist is device-missing. A look at each device asks first
// whether there is anything to say, as what costs more than the question.
func notKnown[T any](f fact.Fact[T], what *linkfiles.Statement) []found {
	if !f.IsUnknown() || f.Reason().Is(policy.NoSuchDevice.Code) {
		return nil
	}
	return []found{{message: say("not-known", "what", what, "why", f.Reason())}}
}

// howToKnow is what helps against an unknown-match, nil for the rule's own help.
func (s *inForce) howToKnow() *linkfiles.Statement {
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

// policyOverridesPorts is about masters of ports under the persistent policy.
// It says nothing where udevd would not touch the address: it was set by
// somebody else, no address can be derived, no .link file is applied, or the
// site has an expectation of its own (unexpected-policy speaks then).
func policyOverridesPorts(s *analysis) []found {
	f, is := s.overridesPorts()
	if !is {
		return nil
	}
	f.pos = s.PolicySource
	f.remedy, f.help = s.fixWith(say("sets-policy-none"))
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
		return f, false // networkd-sets-address or manager-sets-address speaks of it
	case d == nil:
		return s.willOverridePorts(), true
	case d.Bond.IgnoresAddress() && d.Bond.FailOverMAC == "active":
		return f, false // the bond has its active port's address, whatever udevd asks for
	case d.Bond.IgnoresAddress() && d.AddrAssignType.Or(host.AddrRandom) == host.AddrSet:
		return found{message: say("policy-ignored-by-bond", "kind", s.Kind, "device", s.Name, "fail_over_mac", d.Bond.FailOverMAC)}, true
	}
	return s.overridesPortsOf(d)
}

// willOverridePorts is about a device that does not exist yet.
func (s *subject) willOverridePorts() found {
	d := s.toCome()
	port := s.uplinkToCome(d)
	f := found{message: say("policy-will-override-ports", "kind", s.Kind, "device", s.Name, "port", port)}
	if port == "" && s.Kind != "bond" {
		f.severity = lightly(d)
	}
	return f
}

// overridesPortsOf is about a device that exists and takes what udevd gives it.
func (s *attributed) overridesPortsOf(d *host.Device) (f found, is bool) {
	t, known := d.AddrAssignType.Get()
	gave, unsure := false, !known
	if t == host.AddrSet {
		gave, unsure = s.setByPolicy(d)
		switch {
		case gave || unsure:
		case s.Kind == "bond":
			// By hand, or by whoever creates it: the kernel does not tell.
			return found{severity: Info, message: say("policy-overrides-ports-next-time", "kind", s.Kind, "device", s.Name)}, true
		default:
			return f, false
		}
	}
	port := uplink(d)
	if gave {
		f.message = say("policy-overrode-ports", "kind", s.Kind, "device", s.Name, "mac", d.MAC, "port", port)
	} else {
		f.message = say("policy-overrides-ports", "kind", s.Kind, "device", s.Name, "port", port)
	}
	if port == "" && s.Kind != "bond" {
		f.severity = lightly(d)
	}
	if unsure && f.severity == "" {
		f.severity = Warning
	}
	return f, true
}

// setByPolicy reports whether the address that somebody set is the persistent policy's;
// unsure where it may be.
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

// lightly is the severity for a bridge or team without a port that leads out.
func lightly(d *host.Device) Severity {
	if len(d.Ports) > 0 && allVirtual(d) {
		return Info
	}
	return Warning
}

// uplink names a port that leads to a physical network: one with a permanent
// address, or one that stands for such devices. A bridge of virtual machines
// or containers alone has none, and no address of a port worth having.
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

// allVirtual reports whether every port is known to be one end of a virtual
// wire to a guest on this machine.
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
	if other && asked {
		return nil // machine-id-changed says it
	}
	if !asked && !s.Policy.IsUnknown() {
		return []found{{message: say("address-still-set-by-udev", "mac", d.MAC, "device", d.Name, "other", other, "name", name), pos: s.PolicySource}}
	}
	f := found{severity: Info, message: say("address-set-by-udev", "mac", d.MAC, "device", d.Name, "other", other, "name", name)}
	if asked {
		f.pos, f.help = s.PolicySource, say("nothing-if-derived-is-meant")
	} else {
		f.help = say("find-out-which-file-applies")
	}
	return []found{f}
}

func unexpectedPolicy(s *analysis) []found {
	if s.expected == "" || s.expected == "any" || s.Policy.IsUnknown() {
		return nil
	}
	// No policy and none have the same effect (systemd.link(5)).
	is := s.Policy.Or("none")
	if is == s.expected {
		return nil
	}
	return []found{{
		message: say("unexpected-policy", "device", s.Name, "policy", is, "pos", s.expectedAt, "expected", s.expected),
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
			help:    say("have-one-device-of-that-name", "name", name.Value),
		}}
	}
	return s.compareApplied(effective, db)
}

// recordToCompare is udevd's record of the device; false where the file that it applied
// cannot be compared with the one in force, or another rule speaks of them.
func (s *analysis) recordToCompare() (db map[string]string, ok bool) {
	d := s.Device
	if d == nil || s.decision.File.IsUnknown() || !s.linkFilesApply() {
		return nil, false
	}
	db, ok = d.UdevDB.Get()
	if !ok || d.Loopback() || s.Applied.IsUnknown() { // applied-file-unknown says why
		return nil, false
	}
	_, caught := s.catches() // link-file-of-other-device says what to do then
	return db, !caught
}

// compareApplied compares the file that udevd applied with the effective one, "" for none.
func (s *analysis) compareApplied(effective string, db map[string]string) []found {
	applied := s.Applied.Or("")
	f := found{pos: linkfiles.Pos{File: effective}}
	switch {
	case applied == "" && effective == "":
		return nil
	case applied == "":
		f.message = say("applied-no-file", "device", s.Name, "file", effective)
	case effective == "":
		f.message = say("applied-file-no-longer-in-force", "applied", applied, "device", s.Name)
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

// unlessSettled makes a finding light where the device has the address already
// that it will have once it is created again: nothing is left to do about it.
func (s *analysis) unlessSettled(f found) found {
	if s.settled() {
		f.severity = Info
		f.help = say("nothing-for-address-is-settled", "device", s.Name)
	}
	return f
}

// settled reports whether a boot and a recreation leave the device its address, as
// far as they can be foretold, and one of them can be. Which port of a bond is
// first is no matter here: ports-order-decides is about that. Hardware has its own
// address whatever the file, and gets its name and more from there.
func (s *analysis) settled() bool {
	if s.Kind == "" {
		return false
	}
	ofAnyPort := s.Kind == "bond" && s.OriginPort != ""
	foretold := false
	for _, e := range []Event{EventBoot, EventRecreate} {
		outcomes := s.after(e).Outcomes
		if len(outcomes) == 0 || slices.ContainsFunc(outcomes, ofUnknownPort) {
			continue
		}
		if slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.MAC != s.Device.MAC && !(ofAnyPort && o.Origin == OriginPort) }) {
			return false
		}
		foretold = true
	}
	return foretold
}

// ofUnknownPort reports whether the address is a port's, which is not known.
func ofUnknownPort(o Outcome) bool { return o.MAC == "" && o.Origin == OriginPort }

// sameAddressSettings compares what two files say about the address.
// MACAddress= counts only where no policy overrides it.
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

// appliedDropInsDiffer compares the drop-ins, on releases whose udev database
// names them.
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

// samePathIn compares two drop-ins: the directory of the .link file is one
// level up.
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

// splitDropIns reads ID_NET_LINK_FILE_DROPINS: paths joined by colons, with
// special characters as \xNN (link_apply_udev_properties, xescape).
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
