package audit

import (
	"slices"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// machineIDRules are about the machine ID used to derive addresses. In an image it
// should be missing: machine_id_setup() of PID 1 creates one for each host at the first
// boot.
var machineIDRules = []Rule{
	{
		Name: "machine-id-changed", Severity: Warning,
		device: machineIDChanged,
	},
	{
		Name: "machine-id-missing", Severity: Warning,
		host: noMachineID(host.MachineIDMissing, say("machine-id-missing")),
	},
	{
		Name: "machine-id-empty", Severity: Warning,
		host: noMachineID(host.MachineIDEmpty, say("machine-id-empty")),
	},
	{
		Name: "machine-id-uninitialized", Severity: Warning,
		host: noMachineID(host.MachineIDUninitialized, say("machine-id-uninitialized")),
	},
	{
		Name: "machine-id-invalid", Severity: Warning,
		host: machineIDInvalid,
	},
	{
		Name: "machine-id-transient", Severity: Warning,
		host: machineIDTransient,
	},
	{
		Name: "machine-id-in-image", Severity: Warning,
		host: machineIDInImage,
	},
}

// derives reports whether udev or systemd-networkd derive an address for the device
// from the machine ID, or did.
func (a *hostAudit) derives(r *DeviceResult) bool {
	if o := r.Origin.Or(""); o == OriginUdev || o == OriginNetworkd {
		return true
	}
	if address := networkdAmong(r.Declarations.Or(nil)).address(); address != nil {
		return address.Way == netconf.WayNetworkd
	}
	return r.Policy.Or("") == "persistent" && !r.Persistent.IsAbsent() && a.linkFilesApply()
}

// ifDerived makes a finding that is only an info if no audited device has a derived
// address.
func (a *hostAudit) ifDerived(says *linkfiles.Statement, file string) found {
	f := found{message: says, pos: linkfiles.Pos{File: file}}
	if a.derived == 0 {
		f.severity = Info
	}
	return f
}

const etcMachineID = "/etc/machine-id"

// noneDerived makes a finding about a machine without a machine ID: what is wrong, and
// what the next boot does.
func (a *hostAudit) noneDerived(what, next *linkfiles.Statement) found {
	return a.ifDerived(say("no-address-is-derived", "what", what, "next", next), etcMachineID)
}

// noMachineID is a rule for a running machine without an ID in its file. 247 and newer
// treat "uninitialized" and a missing file as a first boot. All releases replace an
// invalid ID by a new one.
func noMachineID(state host.MachineIDState, what *linkfiles.Statement) func(*hostAudit) []found {
	return func(a *hostAudit) []found {
		if a.snap.Offline || a.snap.MachineIDFile.State != state {
			return nil
		}
		return []found{a.noneDerived(what, a.nextMachineID())}
	}
}

// nextMachineID says what the next boot does if the file has no ID
// (generate_machine_id(), acquire_machine_id()).
func (a *hostAudit) nextMachineID() *linkfiles.Statement {
	switch a.sourceAtBoot() {
	case host.CommandLineMachineID:
		return say("next-boot-takes-command-line-machine-id")
	case host.DBusMachineID:
		return say("next-boot-takes-machine-id-of", "file", host.DBusMachineID)
	}
	return say("next-boot-makes-machine-id")
}

func (a *hostAudit) traceOf(source string) bool {
	return slices.ContainsFunc(a.snap.OtherMachineIDs, func(o host.OtherMachineID) bool { return o.Source == source })
}

func machineIDInvalid(a *hostAudit) []found {
	switch state := a.snap.MachineIDFile.State; {
	case state == host.MachineIDZero:
		// machine_id_setup() accepts the null ID, because it reads the file without
		// ID128_REFUSE_NULL. sd_id128_get_machine(3) refuses it.
		return []found{a.noneDerived(say("machine-id-is-zero"), say("boot-leaves-machine-id"))}
	case state == host.MachineIDMalformed && a.snap.Offline:
		return []found{{severity: Info, message: say("first-boot-replaces-machine-id", "what", say("machine-id-malformed")), pos: linkfiles.Pos{File: etcMachineID}}}
	case state == host.MachineIDMalformed:
		return []found{a.noneDerived(say("machine-id-malformed"), a.nextMachineID())}
	}
	return nil
}

func machineIDTransient(a *hostAudit) []found {
	switch a.snap.MachineIDFile.NotKept {
	case host.MachineIDTransient:
		return []found{a.ifDerived(say("machine-id-transient"), etcMachineID)}
	case host.MachineIDOverridden:
		f := a.ifDerived(say("command-line-names-other-machine-id"), etcMachineID)
		f.help = say("take-machine-id-out-of-command-line")
		return []found{f}
	}
	return nil
}

func machineIDInImage(a *hostAudit) (out []found) {
	if !a.snap.Offline {
		return nil
	}
	dbus := a.traceOf(host.DBusMachineID)
	switch state := a.snap.MachineIDFile.State; {
	case state == host.MachineIDSet && dbus:
		out = append(out, a.sharedByImage(say("image-has-machine-ids", "file", host.DBusMachineID), etcMachineID))
	case state == host.MachineIDSet:
		out = append(out, a.sharedByImage(say("image-has-machine-id"), etcMachineID))
	case state.None() && state != host.MachineIDZero && dbus:
		out = append(out, a.sharedByImage(say("image-has-other-machine-id", "file", host.DBusMachineID), host.DBusMachineID))
	}
	return append(out, a.machineIDInInitramfs()...)
}

// machineIDInInitramfs is about the initramfs images of an image. Those of a running
// host have the host's own ID, which is no problem.
func (a *hostAudit) machineIDInInitramfs() (out []found) {
	images, _ := a.snap.Initramfs.Get()
	for i := range images {
		id := images[i].MachineID
		if id.Fingerprint() == "" {
			continue
		}
		f := a.ifDerived(say("initramfs-has-machine-id", "same", sameMachineID(id, a.snap.System.MachineID)), images[i].Path)
		f.help = say("empty-machine-id-and-make-initramfs")
		out = append(out, f)
	}
	return out
}

// sharedByImage makes a finding about a machine ID in an image. where says which file
// has it.
func (a *hostAudit) sharedByImage(where *linkfiles.Statement, file string) found {
	return a.ifDerived(say("machine-id-in-image", "where", where), file)
}

func machineIDChanged(s *analysis) []found {
	d, other := s.Device, s.OfOtherID
	if other.Source == "" {
		return nil
	}
	by := "udevd"
	if other.Networkd {
		by = "systemd-networkd"
	}
	var f found
	var next *linkfiles.Statement // addresses that change at the next boot
	again := false                // the next boot uses the other machine ID
	boot := s.after(EventBoot)
	stays := slices.ContainsFunc(boot.Outcomes, func(o Outcome) bool { return o.MAC == d.MAC })
	switch mac, ok := boot.MAC.Get(); {
	case ok && mac == d.MAC:
		f.severity = Info
	case ok:
		next = listed([]Outcome{{MAC: mac}})
	case len(boot.Outcomes) > 0 && !stays:
		next = listed(boot.Outcomes)
	case other.Source == s.sourceAtBoot():
		again = true
		f.severity, f.help = Info, say("nothing-if-machine-id-is-intended")
	}
	f.message = say("machine-id-changed", "mac", d.MAC, "device", d.Name, "program", by, "name", other.Name, "source", other.Source, "next", next, "again", again)
	return []found{f}
}

// sourceAtBoot is the source of the machine ID that the next boot will use instead of
// the present one. It is "" if the ID stays, or if no trace of another one was found.
func (a *hostAudit) sourceAtBoot() string {
	file := a.snap.MachineIDFile
	none := file.State.None() && file.State != host.MachineIDZero
	switch {
	case none && a.traceOf(host.CommandLineMachineID), file.NotKept == host.MachineIDOverridden:
		return host.CommandLineMachineID
	case none && a.traceOf(host.DBusMachineID):
		return host.DBusMachineID
	}
	return ""
}

// persistentNow is the address that udev sets under the persistent policy before the
// next boot. It is absent if udev finds no machine ID:
// net_get_unique_predictable_data() fails, and link_generate_new_hw_addr() leaves the
// address unchanged. If a file matches by machine ID, udev read the former ID with its
// files and keeps it (sd_id128_get_machine(3)).
func (s *subject) persistentNow() fact.Fact[host.PersistentMAC] {
	switch {
	case s.snap.Offline || !s.snap.MachineIDFile.State.None():
	case s.tree.Needs().Has(linkfiles.NeedMachineID):
		return fact.Unknown[host.PersistentMAC](say("udevd-keeps-machine-id"))
	default:
		return fact.Absent[host.PersistentMAC]()
	}
	return s.Persistent
}

// keptAtBoot is a derived address after the next boot: unknown if the machine ID does
// not last.
func keptAtBoot[T any](snap *host.Snapshot, derived fact.Fact[T]) fact.Fact[T] {
	switch snap.MachineIDFile.NotKept {
	case host.MachineIDTransient:
		return fact.Unknown[T](say("machine-id-of-this-boot"))
	case host.MachineIDOverridden:
		return fact.Unknown[T](say("machine-id-of-command-line"))
	}
	return derived
}
