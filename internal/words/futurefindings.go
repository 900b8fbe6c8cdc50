package words

// futureFindings are the sentences about what becomes of an address.
var futureFindings = []entry{
	// When something happens to an address.
	{"after-next-boot", "after the next boot"},
	{"once-created", "once it is created"},
	{"once-created-again", "once it is deleted and created again"},
	{"once-ports-joined-again", "once its ports have left and joined again"},
	{"when-guest-starts-or-stops", "when a guest starts or stops"},

	// address-changes-on-restart, address-changes-on-boot
	{"address-changes", "{device} carries {mac}, and {then|, and }"},
	{"address-then", "{moment}{perhaps? perhaps} {outcomes}"},

	// address-changes-on-udev-event
	{"address-changes-on-udev-event", "{device} carries {mac}, and {then} after the next udev add event (udevadm trigger --action=add)"},
	{"nothing-if-link-file-is-meant", "Nothing if that address is meant: udev was asked for it by the link file."},

	// lacp-system-id-affected
	{"lacp-system-id-affected", "the address of {device} is its LACP system ID, and may change with {with}"},
	{"with-boot", "a boot"},
	{"with-udev-add-event", "a udev add event"},
	{"with-recreation", "being created anew"},
	{"with-return-of-ports", "the return of its ports"},

	// ports-order-decides
	{"ports-order-decides", "{device} takes the address of the port that joins first: {ports| or }"},

	// creator-races-udev
	{"creator-races-udev", "somebody set the address of {device} to {mac}; if that is done after it is created, udevd may set {derived} meanwhile, and which one stays is a matter of chance"},
	{"or-create-with-address", "{first} Or create it with the address: ip link add takes address {mac}."},
	{"fix-has-udevd-leave-it", "{fix} sets MACAddressPolicy=none, and udevd leaves the address alone."},

	// prediction-unknown
	{"prediction-unknown", "the address of {device} {moments|, or }{several?,} is not known: {why}"},

	// machine-id-changed
	{"machine-id-changed", "the address {mac} of {device} is the one that {program} derives from {name:q} and another machine-id than the machine has now, of which {source} shows a trace{next?; after the next boot it carries {next}}{again?, but will have again after the next boot}"},
	{"nothing-if-machine-id-is-meant", "Nothing if that machine-id is meant."},

	// machine-id-missing, -empty, -uninitialized, -invalid
	{"no-address-is-derived", "{what}: udevd and systemd-networkd derive no address, so that a new device keeps the kernel's or a port's; {next}"},
	{"machine-id-missing", "there is no /etc/machine-id"},
	{"machine-id-empty", "/etc/machine-id is empty"},
	{"machine-id-uninitialized", "/etc/machine-id says \"uninitialized\""},
	{"machine-id-is-zero", "/etc/machine-id is all zeros"},
	{"machine-id-malformed", "/etc/machine-id is not one line of 32 hexadecimal digits"},
	{"next-boot-makes-machine-id", "the next boot gives the machine one, random unless a hypervisor or container manager hands one over, and makes every derived address of that"},
	{"next-boot-takes-machine-id-of", "the next boot takes the machine-id of {file}"},
	{"next-boot-takes-command-line-machine-id", "the next boot takes the machine-id that the kernel command line names"},
	{"boot-leaves-machine-id", "a boot leaves it as it is"},
	{"first-boot-replaces-machine-id", "{what}: the first boot replaces it as it does an empty one"},

	// machine-id-transient
	{"machine-id-transient", "the machine-id was made up for this boot (/run/machine-id is mounted on /etc/machine-id): unless systemd-machine-id-commit.service writes it to /etc, the next boot makes up another one, and every derived address with it"},
	{"command-line-names-other-machine-id", "the kernel command line names another machine-id (systemd.machine_id=) than /etc/machine-id holds: the next boot writes that one to the file, and derived addresses change with it"},
	{"take-machine-id-out-of-command-line", "Take systemd.machine_id= out of the kernel command line, or restart the machine where its ID is meant."},

	// machine-id-in-image
	{"machine-id-in-image", "{where}: all hosts made of it share it, and devices of one name get one address on all of them"},
	{"image-has-machine-id", "the image has a machine-id"},
	{"image-has-machine-ids", "the image has a machine-id, and {file} holds one too, which a boot takes where the first is emptied"},
	{"image-has-other-machine-id", "the image has no machine-id in /etc, but the first boot takes the one of {file}"},
	{"initramfs-has-machine-id", "the initramfs has {same?the machine-id of /etc}{same!a machine-id}, and keeps it where that is emptied: all hosts made of the image share it in the initramfs, and devices of one name that are made there get one address on all of them"},
	{"empty-machine-id-and-make-initramfs", "Empty /etc/machine-id in the image, then make the initramfs anew; nothing if the tree is that of one host."},

	// shared-address, shared-machine-id, policy-differs
	{"shared-address", "{hosts} hosts carry the address {mac}: {claims}{virtual?; it is one of a virtual router (VRRP), which is meant to be shared}{inside?; no device with it leads to a network}"},
	{"shared-machine-id", "{hosts} hosts have one machine-id (fingerprint {fingerprint}): {claims}"},
	{"policy-differs", "the policy of {kind} {device} is not the same everywhere: {policies}"},
	{"policy-on-hosts", "{policy} on {hosts} ({claims})"},
	{"claims", "{all}{more?, ...}"},
	{"claim", "{device?{device} on }{host} ({source})"},
}
