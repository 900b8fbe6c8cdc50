package words

// deviceFindings are the sentences about one device.
var deviceFindings = []entry{
	{"policy-overrides-ports", "udev can set a made-up MAC address on {device}, instead of that of its port{port? {port}}"},
	{"policy-overrode-ports", "{device} has a MAC address made up by udev ({mac}), not that of its port{port? {port}}"},
	{"policy-will-override-ports", "{device} will have a MAC address made up by udev, not that of its port{port? {port}}"},
	{"policy-overrides-ports-next-time", "a program or a person set the MAC address of {device}; the next time udev will set a made-up one, unless {device} is created with its address"},
	{"policy-ignored-by-bond", "{device} has fail_over_mac={fail_over_mac}: the bonding driver ignores the MAC address that udev sets, and keeps a random one instead of a port's"},

	{"address-set-by-udev", "{device} has the MAC address {mac}, which udev derived from {other?another}{other!the} machine ID and {name:q}"},
	{"address-still-set-by-udev", "{device} still has the MAC address {mac}, which udev derived from {other?another}{other!the} machine ID and {name:q}; MACAddressPolicy=persistent is no longer effective"},
	{"nothing-if-derived-is-intended", "nothing to do if intended; the address changes with the machine ID and with the interface name"},
	{"find-out-which-file-applies", "find out which .link file applies first; see unknown-match"},

	{"unexpected-policy", "the policy of {device} is {policy}, but {pos} expects {expected}"},

	{"applied-file-differs", "udev applied {applied} to {device}, but {file} is effective now"},
	{"applied-no-file", "udev applied no .link file to {device}, but {file} is effective now"},
	{"applied-file-no-longer-effective", "udev applied {applied} to {device}, but no .link file is effective now"},
	{"applied-drop-ins-differ", "udev applied {file} to {device} with {applied?the drop-ins {applied| }}{applied!no drop-ins}, but the drop-ins are {now| }{now!none} now"},
	{"nothing-because-address-stays", "nothing to do: {device} keeps its address when it is recreated"},
	{"device-changed-since-file-applied", "{file} matches {device} now, but udev applied {applied}: {device} changed after that, and a new one matches the first"},
	{"nothing-or-fit-only-its-device", "nothing to do if intended; otherwise make {file} match only its own device"},
	{"udevd-could-not-rename", "udev could not rename {device} to {name}, so its record does not show what {file} sets"},
	{"leave-name-to-one-device", "leave {name} to one device: give this one another name, or make the file match only one device; for the error: journalctl -u systemd-udevd"},

	{"link-file-of-other-device", "{file} is for {owner}, but matches {device} as well: both have the MAC address {mac}{name?; udev would rename {device} to {name} (Name= at {pos}), but cannot while {owner} has that name}"},
	{"write-permanent-address", "write PermanentMACAddress= instead of MACAddress= at {pos}: only the card has it as permanent address"},
	{"add-type-ether", "add Type=ether to [Match] of {file}: {kind} devices are of type {type}"},
	{"add-driver", "add Driver={driver} to [Match] of {file}: only the card has that driver"},
	{"add-what-only-card-has", "add a condition to [Match] of {file} that only the card meets, such as Driver= or Path="},

	{"unknown-match", "the .link file that applies to {device} is unknown: {why}"},
	{"do-first-what-unreadable-file-says", "fix first what the finding unreadable-file says about this path"},
	{"audit-where-udevd-runs", "run the audit where systemd-udevd runs: its database is missing here"},
	{"give-kind", "give the kind of the device with --kind"},
	{"audit-running-machine", "run the audit on a running machine: an image does not show this"},
	{"audit-when-device-exists", "run the audit again when the device exists"},

	{"unpredictable-name", "the .link file matches {device} by a name that the kernel only numbered"},
	{"device-missing", "{device} does not exist; it is audited as a future device"},

	// Unknown facts about devices and the host, and what may help.
	{"is-unknown", "{what} is unknown: {why}"},
	{"which-file-was-applied", "the .link file that udev last applied to {device}"},
	{"assign-type-of-device", "the addr_assign_type of {device}"},
	{"who-set-address", "who set the MAC address of {device}"},
	{"persistent-address-of-device", "the persistent address of {device}"},
	{"address-after-add-event", "the MAC address of {device} after the next udev add event"},
	{"what-is-declared", "what network configuration declares about {device}"},
	{"whether-vendor-files-were-edited", "whether somebody edited the .link files of packages"},
	{"nothing-reason-decides", "nothing to do: the reason says what decides the address"},
	{"audit-may-know-more", "run the audit as root on the machine itself"},
	{"give-file-printable-name", "give the file a name of printable UTF-8 characters"},
	{"nothing-if-random-is-intended", "nothing to do if a random address is intended"},
}
