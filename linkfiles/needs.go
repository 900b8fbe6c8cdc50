package linkfiles

import "strings"

// Needs is a set of facts about devices and the machine. Each fact comes from one place.
type Needs uint

// The facts that [Match] can ask for.
const (
	// NeedLink is what a list of devices has: Name, AltNames, MAC, Kind, Type.
	NeedLink Needs = 1 << iota
	// NeedPermMAC is Device.PermMAC.
	NeedPermMAC
	// NeedDriver is Device.Driver.
	NeedDriver
	// NeedNameAssignType is Device.NameAssignType.
	NeedNameAssignType
	// NeedUdevDB is the device's record in the udev database: Path and Properties.
	NeedUdevDB
	// NeedUEvent is the device's uevent file, for the other Properties.
	NeedUEvent
	// NeedMachine is Hostname, KernelCommandLine, KernelRelease and Architecture.
	NeedMachine
	// NeedMachineID is System.MachineID.
	NeedMachineID
	// NeedOtherIDs is BootID and ProductUUID.
	NeedOtherIDs
	// NeedVirtualization is System.Virtualization.
	NeedVirtualization
	// NeedFirmware is System.Firmware.
	NeedFirmware
	// NeedCredentials is System.Credentials.
	NeedCredentials
	// NeedMachineTags is System.MachineTags.
	NeedMachineTags
	// NeedGlibc is System.Glibc.
	NeedGlibc

	afterNeeds
	// NeedEverything is all of them.
	NeedEverything = afterNeeds - 1
)

// Has reports whether any fact of facts is in the set.
func (n Needs) Has(facts Needs) bool { return n&facts != 0 }

// Needs returns what must be known to decide for any device. Other facts need not be
// collected.
func (t *Tree) Needs() Needs {
	var n Needs
	for _, f := range t.Files {
		if f.State != StateActive {
			continue
		}
		for _, conditions := range [][]condition{f.match.device, f.match.system} {
			for i := range conditions {
				n |= conditions[i].needs(&t.quirks)
			}
		}
	}
	return n
}

func (c *condition) needs(q *quirks) Needs {
	if c.row.needsFor == nil {
		return c.row.needs
	}
	return c.row.needs | c.row.needsFor(q, c.wants)
}

// needsOfNames: link_get_config() needs to know whether the kernel or udevd made up a name,
// but not beside a "*".
func needsOfNames(q *quirks, wants []pattern) Needs {
	if q.starExempt && hasStar(wants) {
		return 0
	}
	return NeedNameAssignType
}

// needsOfHost: a name is compared only with the host name.
func needsOfHost(q *quirks, wants []pattern) Needs {
	switch _, err := ParseMachineID(wants[0].text); {
	case err != nil:
		return 0
	case q.hostOtherIDs:
		return NeedMachineID | NeedOtherIDs
	}
	return NeedMachineID
}

func needsOfVersion(q *quirks, wants []pattern) Needs {
	if q.versionSubject && strings.HasPrefix(wants[0].text, "glibc") {
		return NeedGlibc
	}
	return 0
}
