package audit

import (
	"fmt"
	"slices"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// machineIDRules are about the ID that derived addresses are made of. That it is
// missing in the tree of an image is as it should be: machine_id_setup() of PID 1
// gives each host one of its own at the first boot.
var machineIDRules = []Rule{
	{
		Name: "machine-id-changed", Severity: Warning,
		device: machineIDChanged,
	},
	{
		Name: "machine-id-missing", Severity: Warning,
		host: noMachineID(host.MachineIDMissing, "there is no /etc/machine-id"),
	},
	{
		Name: "machine-id-empty", Severity: Warning,
		host: noMachineID(host.MachineIDEmpty, "/etc/machine-id is empty"),
	},
	{
		Name: "machine-id-uninitialized", Severity: Warning,
		host: noMachineID(host.MachineIDUninitialized, `/etc/machine-id says "uninitialized"`),
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

// derives reports whether udevd or systemd-networkd make an address of the
// machine-id for the device, or did.
func (a *hostAudit) derives(r *DeviceResult) bool {
	if o := r.Origin.Or(""); o == OriginUdev || o == OriginNetworkd {
		return true
	}
	if address := networkdAmong(r.Declarations.Or(nil)).address(); address != nil {
		return address.Way == netconf.WayNetworkd
	}
	return r.Policy.Or("") == "persistent" && !r.Persistent.IsAbsent() && a.linkFilesApply()
}

// ifDerived makes a finding that weighs nothing where no audited device has an
// address derived from the machine-id.
func (a *hostAudit) ifDerived(message, file string) found {
	f := found{message: message, pos: linkfiles.Pos{File: file}}
	if a.derived == 0 {
		f.severity = Info
	}
	return f
}

// noMachineID is a rule about a running machine whose file holds none. 247 and
// newer take "uninitialized" and a missing file for a first boot; all releases
// make up an ID in place of whatever is not one.
func noMachineID(state host.MachineIDState, what string) func(*hostAudit) []found {
	return func(a *hostAudit) []found {
		if a.snap.Offline || a.snap.MachineIDFile.State != state {
			return nil
		}
		return []found{a.ifDerived(what+": "+derivesNone+"; "+a.nextMachineID(), "/etc/machine-id")}
	}
}

const derivesNone = "udevd and systemd-networkd derive no address, so that a new device keeps the kernel's or a port's"

// nextMachineID says what the next boot makes of a file without an ID
// (generate_machine_id(), acquire_machine_id()).
func (a *hostAudit) nextMachineID() string {
	switch a.sourceAtBoot() {
	case host.CommandLineMachineID:
		return "the next boot takes the machine-id that the kernel command line names"
	case host.DBusMachineID:
		return "the next boot takes the machine-id of " + host.DBusMachineID
	}
	return "the next boot gives the machine one, random unless a hypervisor or container manager hands one over, and makes every derived address of that"
}

func (a *hostAudit) traceOf(source string) bool {
	return slices.ContainsFunc(a.snap.OtherMachineIDs, func(o host.OtherMachineID) bool { return o.Source == source })
}

func machineIDInvalid(a *hostAudit) []found {
	const file = "/etc/machine-id"
	switch state := a.snap.MachineIDFile.State; {
	case state == host.MachineIDZero:
		// machine_id_setup() takes the null ID for one: it reads the file
		// without ID128_REFUSE_NULL. sd_id128_get_machine(3) refuses it.
		return []found{a.ifDerived(file+" is all zeros: "+derivesNone+"; a boot leaves it as it is", file)}
	case state == host.MachineIDMalformed && a.snap.Offline:
		return []found{{severity: Info, message: file + " is not one line of 32 hexadecimal digits: the first boot replaces it as it does an empty one", pos: linkfiles.Pos{File: file}}}
	case state == host.MachineIDMalformed:
		return []found{a.ifDerived(file+" is not one line of 32 hexadecimal digits: "+derivesNone+"; "+a.nextMachineID(), file)}
	}
	return nil
}

func machineIDTransient(a *hostAudit) []found {
	switch a.snap.MachineIDFile.NotKept {
	case host.MachineIDTransient:
		return []found{a.ifDerived("the machine-id was made up for this boot (/run/machine-id is mounted on /etc/machine-id): unless systemd-machine-id-commit.service writes it to /etc, the next boot makes up another one, and every derived address with it", "/etc/machine-id")}
	case host.MachineIDOverridden:
		f := a.ifDerived("the kernel command line names another machine-id (systemd.machine_id=) than /etc/machine-id holds: the next boot writes that one to the file, and derived addresses change with it", "/etc/machine-id")
		f.help = "Take systemd.machine_id= out of the kernel command line, or restart the machine where its ID is meant."
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
		out = append(out, a.ifDerived("the image has a machine-id, and "+host.DBusMachineID+" holds one too, which a boot takes where the first is emptied: "+shareAll, "/etc/machine-id"))
	case state == host.MachineIDSet:
		out = append(out, a.ifDerived("the image has a machine-id: "+shareAll, "/etc/machine-id"))
	case state.None() && state != host.MachineIDZero && dbus:
		out = append(out, a.ifDerived("the image has no machine-id in /etc, but the first boot takes the one of "+host.DBusMachineID+": "+shareAll, host.DBusMachineID))
	}
	// The initramfs of a host that runs has that host's own ID and says nothing.
	images, _ := a.snap.Initramfs.Get()
	for i := range images {
		id := images[i].MachineID
		if id.Fingerprint() == "" {
			continue
		}
		which := "a machine-id"
		if sameMachineID(id, a.snap.System.MachineID) {
			which = "the machine-id of /etc"
		}
		f := a.ifDerived(fmt.Sprintf("the initramfs has %s, and keeps it where that is emptied: all hosts made of the image share it in the initramfs, and devices of one name that are made there get one address on all of them", which), images[i].Path)
		f.help = "Empty /etc/machine-id in the image, then make the initramfs anew; nothing if the tree is that of one host."
		out = append(out, f)
	}
	return out
}

const shareAll = "all hosts made of it share it, and devices of one name get one address on all of them"

func machineIDChanged(s *analysis) []found {
	d, other := s.Device, s.OfOtherID
	if other.Source == "" {
		return nil
	}
	by := "udevd"
	if other.Networkd {
		by = "systemd-networkd"
	}
	f := found{message: fmt.Sprintf("the address %s of %s is the one that %s derives from %q and another machine-id than the machine has now, of which %s shows a trace", d.MAC, d.Name, by, other.Name, other.Source)}
	boot := s.after(EventBoot)
	stays := slices.ContainsFunc(boot.Outcomes, func(o Outcome) bool { return o.MAC == d.MAC })
	switch mac, ok := boot.MAC.Get(); {
	case ok && mac == d.MAC:
		f.severity = Info
	case ok:
		f.message += "; after the next boot it carries " + mac
	case len(boot.Outcomes) > 0 && !stays:
		f.message += "; after the next boot it carries " + words.Of(listed(boot.Outcomes))
	case other.Source == s.sourceAtBoot():
		f.severity = Info
		f.message += ", but will have again after the next boot"
		f.help = "Nothing if that machine-id is meant."
	}
	return []found{f}
}

// sourceAtBoot is the source of the machine-id that the next boot takes in place
// of the present one, "" where it keeps that or no trace tells.
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

// persistentNow is the address that udevd gives under the persistent policy before
// the next boot: none where it finds no machine-id (net_get_unique_predictable_data()
// fails, and link_generate_new_hw_addr() leaves the address alone). Where a file is
// matched by machine ID, udevd has read the former one when it read the files, and
// keeps it (sd_id128_get_machine(3)).
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

// keptAtBoot is an address derived from the machine-id as it is after the next
// boot: not known where the machine-id does not last.
func keptAtBoot[T any](snap *host.Snapshot, derived fact.Fact[T]) fact.Fact[T] {
	switch snap.MachineIDFile.NotKept {
	case host.MachineIDTransient:
		return fact.Unknown[T](say("machine-id-of-this-boot"))
	case host.MachineIDOverridden:
		return fact.Unknown[T](say("machine-id-of-command-line"))
	}
	return derived
}
