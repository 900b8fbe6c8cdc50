package words

// futureFindings are the sentences about future addresses.
var futureFindings = []entry{
	// The events that change an address.
	{"after-reboot", "after a reboot"},
	{"when-created", "when it is created"},
	{"when-recreated", "when it is recreated"},
	{"after-network-restart", "after a network restart"},
	{"after-udev-add-event", "after a udev add event"},
	{"when-guest-starts-or-stops", "when a guest starts or stops"},

	// address-changes-on-restart, address-changes-on-boot
	{"address-changes", "the MAC address of {device} {will?will change: {mac} now, {will|; }}{may?{will?; it may also change to }{will!may change: {mac} now, }{may|; or }}{same?; the same may happen {same}}"},
	{"change-likewise", "{moments| or }, if {when}"},
	{"change", "{outcome} {moments| or }"},
	{"change-if", "{outcome} {moments| or }, if {when}"},
	{"change-to-one-of", "one of these {moments| or }: {outcomes}"},

	// address-changes-on-udev-event
	{"address-changes-on-udev-event", "the next udev add event changes the MAC address of {device}: {mac} now, {then} after it (udevadm trigger --action=add)"},
	{"nothing-if-link-file-is-intended", "nothing to do if the .link file is intended to set that address"},

	// lacp-system-id-affected
	{"lacp-system-id-affected", "the LACP partner of {device} may see another system {moments| or }: the system ID is the MAC address of {device}, which may change"},

	// ports-order-decides
	{"ports-order-decides", "{device} takes the MAC address of the port that joins first: {ports| or }"},

	// creator-races-udev
	{"creator-races-udev", "a program or a person set the MAC address of {device} to {mac}; if that happens after {device} is created, udev may set {derived} at the same time, and either one can win"},
	{"or-create-with-address", "{first}; or create it with the address: ip link add ... address {mac}"},

	// prediction-unknown
	{"prediction-unknown", "the MAC address of {device} {moments| or } is unknown: {why}"},

	// machine-id-changed
	{"machine-id-changed", "{device} has the MAC address {mac}, which {program} derived from {name:q} and an earlier machine ID (found in {source}){next?; after a reboot it has {next}}{again?, but will have {mac} again after a reboot}"},
	{"nothing-if-machine-id-is-intended", "nothing to do if that machine ID is intended"},

	// machine-id-missing, -empty, -uninitialized, -invalid
	{"no-address-is-derived", "{what}: udev and systemd-networkd derive no address, and a new device keeps the kernel's or a port's; {next}"},
	{"machine-id-missing", "/etc/machine-id does not exist"},
	{"machine-id-empty", "/etc/machine-id is empty"},
	{"machine-id-uninitialized", "/etc/machine-id says \"uninitialized\""},
	{"machine-id-is-zero", "/etc/machine-id is all zeros"},
	{"machine-id-malformed", "/etc/machine-id is not one line of 32 hexadecimal digits"},
	{"next-boot-makes-machine-id", "the next boot creates a machine ID, and all derived addresses follow from it; it is random unless a hypervisor or container manager passes one"},
	{"next-boot-takes-machine-id-of", "the next boot takes the machine ID from {file}"},
	{"next-boot-takes-command-line-machine-id", "the next boot takes the machine ID from the kernel command line"},
	{"boot-leaves-machine-id", "a boot does not change that"},
	{"first-boot-replaces-machine-id", "{what}: the first boot replaces it, as it does an empty file"},

	// machine-id-transient
	{"machine-id-transient", "the machine ID was created for this boot only (/run/machine-id is mounted on /etc/machine-id): the next boot creates another one, and other derived addresses, unless systemd-machine-id-commit.service writes it to /etc"},
	{"command-line-names-other-machine-id", "the kernel command line sets another machine ID (systemd.machine_id=) than /etc/machine-id has: the next boot writes it to the file, and derived addresses change"},
	{"take-machine-id-out-of-command-line", "remove systemd.machine_id= from the kernel command line, or reboot if that ID is intended"},

	// machine-id-in-image
	{"machine-id-in-image", "{where}: all hosts of this image share it, so devices with the same name have the same derived address on all of them"},
	{"image-has-machine-id", "the image has a machine ID"},
	{"image-has-machine-ids", "the image has a machine ID, and {file} has one too, which a boot takes if the first is empty"},
	{"image-has-other-machine-id", "the image has no machine ID in /etc, but the first boot takes the one in {file}"},
	{"initramfs-has-machine-id", "the initramfs has {same?the machine ID of /etc}{same!a machine ID}, and keeps it if /etc/machine-id is emptied: all hosts of this image share it, so devices with the same name that are created in the initramfs have the same derived address on all of them"},
	{"empty-machine-id-and-make-initramfs", "empty /etc/machine-id in the image, then rebuild the initramfs; nothing to do if the image is for one host only"},

	// shared-address, shared-machine-id, policy-differs
	{"shared-address", "{hosts} hosts have the MAC address {mac}: {claims}{virtual?; it belongs to a virtual router (VRRP) and is shared on purpose}{inside?; no device with it leads to a network}"},
	{"shared-machine-id", "{hosts} hosts have the same machine ID (fingerprint {fingerprint}): {claims}"},
	{"policy-differs", "the policy of {kind} {device} differs among hosts: {policies}"},
	{"policy-on-hosts", "{policy} on {hosts} ({claims})"},
	{"claims", "{all}{more?, ...}"},
	{"claim", "{device?{device} on }{host} ({source})"},
}
