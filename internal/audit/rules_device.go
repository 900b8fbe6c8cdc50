package audit

import (
	"fmt"
	"linkaudit/policy"
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
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
				message: fmt.Sprintf("which .link file applies to %s is not known: %s", s.Name, words.Of(s.decision.File.Reason())),
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
				message: fmt.Sprintf("the file applies to %s by a name that the kernel only enumerated", s.Name),
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
			return []found{{message: s.Name + " does not exist; audited as a device that is to be created"}}
		},
	},
	{
		Name: "applied-file-unknown", Severity: Info,
		device: func(s *analysis) []found {
			fs := notKnown(s.Applied, "which .link file udevd last applied to "+s.Name)
			if d := s.Device; fs != nil && d.UdevDB.IsKnown() {
				fs[0].help = "Give the file a name of printable UTF-8."
			}
			return fs
		},
	},
	{
		Name: "address-origin-unknown", Severity: Info,
		device: func(s *analysis) []found {
			if s.Device == nil {
				return nil
			}
			if t := s.Device.AddrAssignType; !t.IsKnown() && !s.Origin.IsUnknown() {
				return notKnown(t, "addr_assign_type of "+s.Name)
			}
			return notKnown(s.Origin, "who gave "+s.Name+" its address")
		},
	},
	{
		Name: "persistent-address-unknown", Severity: Info,
		device: func(s *analysis) []found {
			return notKnown(s.Persistent, "the address that MACAddressPolicy=persistent gives "+s.Name)
		},
	},
	{
		Name: "add-event-unknown", Severity: Info,
		device: func(s *analysis) []found {
			if s.decision.File.IsUnknown() {
				return nil // unknown-match says why
			}
			fs := notKnown(s.AfterAdd, "the address of "+s.Name+" after the next udev add event")
			if fs != nil && s.Policy.Or("") == "random" {
				fs[0].help = "Nothing if a random address is meant."
			}
			return fs
		},
	},
}

// helpUnknown is the help where it is only said why a value is not known.
const helpUnknown = "Nothing to mend; an audit as root and on the machine itself may know more."

// notKnown is the finding that something is not known, and why. That a device
// does not exist is device-missing.
func notKnown[T any](f fact.Fact[T], what string) []found {
	if !f.IsUnknown() || f.Reason().Is(policy.NoSuchDevice.Code) {
		return nil
	}
	return []found{{message: what + " is not known: " + words.Of(f.Reason())}}
}

// howToKnow is what helps against an unknown-match, "" for the rule's own help.
func (s *inForce) howToKnow() string {
	unknown := s.decision.Unknown
	switch {
	case len(unknown) == 0, unknown[0].File.State == linkfiles.StateUnknown:
		return "Do first what the finding unreadable-file about this place says."
	case s.Device != nil && s.Device.UdevDB.IsUnknown() && !s.snap.Udev.Running.Or(true):
		return "Run the audit where systemd-udevd runs: its database is what is missing."
	case s.Device != nil:
		return ""
	case s.Kind == "":
		return "Say what kind the device will be, with --kind."
	case s.snap.Offline:
		return "Run the audit on a running machine: an image does not tell."
	}
	return "Run the audit again when the device exists."
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
	f.remedy, f.advice = s.fixWith(say("sets-policy-none"))
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
		return found{message: fmt.Sprintf("%s %s has fail_over_mac=%s, so that its driver does not take the address that udevd gives it, but keeps a random one in place of a port's",
			s.Kind, s.Name, d.Bond.FailOverMAC)}, true
	}
	return s.overridesPortsOf(d)
}

// willOverridePorts is about a device that does not exist yet.
func (s *subject) willOverridePorts() found {
	f := found{message: fmt.Sprintf("udevd will give %s %s an address of its own in place of a port's", s.Kind, s.Name)}
	d := s.toCome()
	if port := s.uplinkToCome(d); port != "" {
		f.message += fmt.Sprintf(" (port %s)", port)
	} else if s.Kind != "bond" {
		f.severity = lightly(d)
	}
	return f
}

// overridesPortsOf is about a device that exists and takes what udevd gives it.
func (s *attributed) overridesPortsOf(d *host.Device) (f found, is bool) {
	name := s.Kind + " " + s.Name
	t, known := d.AddrAssignType.Get()
	unsure := !known
	f.message = fmt.Sprintf("udevd gives %s an address of its own in place of a port's", name)
	if t == host.AddrSet {
		gave := fmt.Sprintf("udevd gave %s the address %s in place of a port's", name, d.MAC)
		p, ok := s.Persistent.Get()
		switch {
		case s.OfOtherID.Source != "" && !s.OfOtherID.Networkd:
			f.message = gave
		case !ok, p.MAC != d.MAC && ofEarlierName(d):
			unsure = true
		case p.MAC == d.MAC:
			f.message = gave
		case s.Kind == "bond":
			// By hand, or by whoever creates it: the kernel does not tell.
			f.severity = Info
			f.message = fmt.Sprintf("somebody set the address of %s; unless that is done as it is created, udevd gives it one of its own the next time", name)
			return f, true
		default:
			return f, false
		}
	}
	if port := uplink(d); port != "" {
		f.message += fmt.Sprintf(" (port %s)", port)
	} else if s.Kind != "bond" {
		f.severity = lightly(d)
	}
	if unsure && f.severity == "" {
		f.severity = Warning
	}
	return f, true
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
	from, name := "the machine-id", s.Persistent.Or(host.PersistentMAC{}).Name
	other := s.OfOtherID
	if other.Source != "" {
		from, name = "another machine-id", other.Name
	}
	f := found{message: fmt.Sprintf("the address %s of %s is the one that udevd derives from %s and %q", d.MAC, d.Name, from, name)}
	switch policy := s.Policy; {
	case other.Source != "" && policy.Or("") == "persistent":
		return nil // machine-id-changed says it
	case policy.Or("") == "persistent":
		f.severity = Info
		f.pos = s.PolicySource
		f.help = "Nothing if it is meant; it changes with the machine-id and with the device's name."
	case policy.IsUnknown():
		f.severity = Info
		f.help = "Find out which file applies first; see unknown-match."
	default:
		f.message += ", although MACAddressPolicy=persistent is not in force any more"
		f.pos = s.PolicySource
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
		message: fmt.Sprintf("MACAddressPolicy= for %s is %s, but %s expects %s", s.Name, is, s.expectedAt, s.expected),
		pos:     s.PolicySource,
	}}
}

func appliedFileDiffers(s *analysis) []found {
	d := s.Device
	if d == nil || s.decision.File.IsUnknown() || !s.linkFilesApply() {
		return nil
	}
	db, ok := d.UdevDB.Get()
	if !ok || d.Loopback() {
		return nil
	}
	if s.Applied.IsUnknown() {
		return nil // applied-file-unknown says why
	}
	if _, caught := s.catches(); caught {
		return nil // link-file-of-other-device says what to do
	}
	applied := s.Applied.Or("")
	effective := ""
	if s.file != nil {
		effective = s.file.Path
	}
	f := found{pos: linkfiles.Pos{File: effective}}
	if name, failed := s.renameFailed(db); failed {
		return []found{{
			pos:     name.Pos,
			message: fmt.Sprintf("udevd could not rename %s to %s, and left off there: what is recorded of it is not what %s says", d.Name, name.Value, effective),
			help:    fmt.Sprintf("Have only one device called %s: give this one another name, or have the file match only one device. journalctl -u systemd-udevd has the error.", name.Value),
		}}
	}
	switch {
	case applied == "" && effective == "":
		return nil
	case applied == "":
		f.message = fmt.Sprintf("udevd applied no .link file to %s, but %s is in force now", d.Name, effective)
	case effective == "":
		f.message = fmt.Sprintf("udevd applied %s to %s, but no .link file is in force for it now", applied, d.Name)
	case !s.samePath(applied, asRecorded(effective)) && s.appliedWhenNew(applied):
		return []found{{
			pos:      f.pos,
			severity: Info,
			message:  fmt.Sprintf("%s has changed since udevd applied %s to it, so that %s fits it now; one that is created again gets the first", d.Name, applied, effective),
			help:     fmt.Sprintf("Nothing if that is meant; otherwise have %s fit only the device that it is for.", effective),
		}}
	case !s.samePath(applied, asRecorded(effective)):
		f.message = fmt.Sprintf("udevd applied %s to %s, but %s is in force now", applied, d.Name, effective)
	default:
		return s.appliedDropInsDiffer(db)
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
		f.help = fmt.Sprintf("Nothing: %s has the address already that it gets when it is created again.", s.Name)
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
		if len(outcomes) == 0 || slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.MAC == "" && o.Origin == OriginPort }) {
			continue // a port's, which is not known
		}
		for _, o := range outcomes {
			if o.MAC != s.Device.MAC && !(ofAnyPort && o.Origin == OriginPort) {
				return false
			}
		}
		foretold = true
	}
	return foretold
}

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
		message: fmt.Sprintf("udevd applied %s to %s with %s, but %s in force now", s.file.Path, s.Name, dropIns(applied), areInForce(s.file.DropIns)),
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

func dropIns(paths []string) string {
	if len(paths) == 0 {
		return "no drop-ins"
	}
	return "the drop-ins " + strings.Join(paths, " ")
}

func areInForce(paths []string) string {
	if len(paths) == 0 {
		return "none are"
	}
	return strings.Join(paths, " ") + " are"
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
