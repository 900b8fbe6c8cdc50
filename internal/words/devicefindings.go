package words

// deviceFindings are the sentences about one device.
var deviceFindings = []entry{
	{"policy-overrides-ports", "udevd gives {kind} {device} an address of its own in place of a port's{port? (port {port})}"},
	{"policy-overrode-ports", "udevd gave {kind} {device} the address {mac} in place of a port's{port? (port {port})}"},
	{"policy-will-override-ports", "udevd will give {kind} {device} an address of its own in place of a port's{port? (port {port})}"},
	{"policy-overrides-ports-next-time", "somebody set the address of {kind} {device}; unless that is done as it is created, udevd gives it one of its own the next time"},
	{"policy-ignored-by-bond", "{kind} {device} has fail_over_mac={fail_over_mac}, so that its driver does not take the address that udevd gives it, but keeps a random one in place of a port's"},

	{"address-set-by-udev", "the address {mac} of {device} is the one that udevd derives from {other?another}{other!the} machine-id and {name:q}"},
	{"address-still-set-by-udev", "the address {mac} of {device} is the one that udevd derives from {other?another}{other!the} machine-id and {name:q}, although MACAddressPolicy=persistent is not in force any more"},
	{"nothing-if-derived-is-meant", "Nothing if it is meant; it changes with the machine-id and with the device's name."},
	{"find-out-which-file-applies", "Find out which file applies first; see unknown-match."},

	{"unexpected-policy", "MACAddressPolicy= for {device} is {policy}, but {pos} expects {expected}"},

	{"applied-file-differs", "udevd applied {applied} to {device}, but {file} is in force now"},
	{"applied-no-file", "udevd applied no .link file to {device}, but {file} is in force now"},
	{"applied-file-no-longer-in-force", "udevd applied {applied} to {device}, but no .link file is in force for it now"},
	{"applied-drop-ins-differ", "udevd applied {file} to {device} with {applied?the drop-ins {applied| }}{applied!no drop-ins}, but {now| }{now!none} are in force now"},
	{"nothing-for-address-is-settled", "Nothing: {device} has the address already that it gets when it is created again."},
	{"device-changed-since-file-applied", "{device} has changed since udevd applied {applied} to it, so that {file} fits it now; one that is created again gets the first"},
	{"nothing-or-fit-only-its-device", "Nothing if that is meant; otherwise have {file} fit only the device that it is for."},
	{"udevd-could-not-rename", "udevd could not rename {device} to {name}, and left off there: what is recorded of it is not what {file} says"},
	{"have-one-device-of-that-name", "Have only one device called {name}: give this one another name, or have the file match only one device. journalctl -u systemd-udevd has the error."},

	{"link-file-of-other-device", "{file} is for {owner}, but fits the {kind} {device} as well, which has the same address {mac}{name?; udevd would rename {device} to {name} (Name= at {pos}), and cannot while {owner} has that name}"},
	{"write-permanent-address", "Write PermanentMACAddress= in place of MACAddress= at {pos}: only the card has it as its permanent address."},
	{"add-type-ether", "Add Type=ether to [Match] of {file}: the {kind} is of type {type}."},
	{"add-driver", "Add Driver={driver} to [Match] of {file}: it is the card's."},
	{"add-what-only-card-has", "Add to [Match] of {file} what only the card has, such as Driver= or Path=."},

	{"unknown-match", "which .link file applies to {device} is not known: {why}"},
	{"do-first-what-unreadable-file-says", "Do first what the finding unreadable-file about this place says."},
	{"audit-where-udevd-runs", "Run the audit where systemd-udevd runs: its database is what is missing."},
	{"give-kind", "Say what kind the device will be, with --kind."},
	{"audit-running-machine", "Run the audit on a running machine: an image does not tell."},
	{"audit-when-device-exists", "Run the audit again when the device exists."},

	{"unpredictable-name", "the file applies to {device} by a name that the kernel only enumerated"},
	{"device-missing", "{device} does not exist; audited as a device that is to be created"},

	// What is not known, of devices and of the host, and what may help.
	{"not-known", "{what} is not known: {why}"},
	{"which-file-was-applied", "which .link file udevd last applied to {device}"},
	{"assign-type-of-device", "addr_assign_type of {device}"},
	{"who-gave-address", "who gave {device} its address"},
	{"persistent-address-of-device", "the address that MACAddressPolicy=persistent gives {device}"},
	{"address-after-add-event", "the address of {device} after the next udev add event"},
	{"what-is-declared", "what other programs' configuration says of {device}"},
	{"whether-vendor-files-are-as-brought", "whether the .link files of packages are as they were brought"},
	{"audit-may-know-more", "Nothing to mend; an audit as root and on the machine itself may know more."},
	{"give-file-printable-name", "Give the file a name of printable UTF-8."},
	{"nothing-if-random-is-meant", "Nothing if a random address is meant."},
}
