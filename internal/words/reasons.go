package words

// reasons are the sentences that say why something is unknown. They follow "unknown:".
var reasons = []entry{
	{"systemd-release", "the systemd release: {why}"},
	{"udev-database", "the udev database: {why}"},
	{"name-not-recorded", "none is recorded, but systemd {since} and newer do not record a name that is not UTF-8 or has control characters, such as {file}"},
	{"whether-rule-runs-net-setup-link", "whether a udev rule runs net_setup_link: {why}"},
	{"whether-udevd-runs", "whether systemd-udevd runs: {why}"},
	{"file-that-applies", "the .link file that applies: {why}"},
	{"file-that-applies-when-new", "the .link file that applies when it is new: {why}"},
	{"any-kernel", "it may be any"},
	{"kernel-may-refuse", "{pos}: the kernel may refuse {key}=, and the address with it"},
	{"address-of-lower-unknown", "the kernel does not accept the address of its lower device for a {kind}, and that address is unknown"},
	{"made-up-by-policy", "MACAddressPolicy=random sets another random address each time"},
	{"kind-not-modelled", "linkaudit does not know what the kernel does with a new device of this kind"},
	{"port-of-master", "it is a port of {master}, which may set its address"},
	{"address-networkd-derives", "the address that systemd-networkd derives: {why}"},
	{"only-checksum-recorded", "only the checksum of the package's file is recorded"},
	{"host-name-in-initramfs", "the host name in the initramfs is unknown"},

	{"udevd-keeps-machine-id", "a file has Host= with an ID; systemd-udevd may have read another machine ID then, and keeps it until it is restarted"},
	{"machine-id-of-this-boot", "the machine ID was created for this boot only"},
	{"machine-id-of-command-line", "the next boot takes the machine ID from the kernel command line"},

	{"whether-program-sets-address", "whether {program} sets its address: {why}"},
	{"two-programs-set-address", "{one} and {other} both set its address"},
	{"program-or-udevd-is-later", "{program} {does}, unless udev is later"},
	{"program-sets-address", "{program} {does}"},

	// Who may have set the address of a device.
	{"assign-type-not-understood", "linkaudit does not know the addr_assign_type that the kernel shows"},
	{"origin-kernel-or-creator", "the kernel, or the program that created the bond: with fail_over_mac={fail_over_mac} the driver ignores a new address but records it as set"},
	{"origin-master-or-someone", "its master {master}, or a program or person"},
	{"origin-udev-random-or-someone", "udev by MACAddressPolicy=random, or another program or a person"},
	{"origin-udev-or-someone", "udev, or another program or person who set the persistent address"},
	{"origin-other-machine-id-or-someone", "udev, or another program or person who set the persistent address of another machine ID"},
	{"origin-udev-unknown", "udev, or another program or a person; the persistent address is unknown: {why}"},
	{"origin-networkd-unknown", "systemd-networkd, or another program or a person; the address that networkd derives is unknown: {why}"},
	{"origin-earlier-name-or-someone", "udev or systemd-networkd by an earlier interface name, or another program or a person"},
}

// outcomes are the addresses that a device may have after an event, and when.
var outcomes = []entry{
	{"outcomes", "{all|; }{more?; or that of another port}"},
	{"outcome", "{mac}{when? if {when}}"},
	{"outcome-of-port", "{mac} ({port}){when? if {when}}"},
	{"outcome-of-unknown-port", "the unknown address of {port}{port!a port}{when? if {when}}"},
	{"outcome-made-up", "a random address{when? if {when}}"},

	{"when-udevd-before-ports", "udev is done before a port joins"},
	{"when-port-before-udevd", "a port joins before udev is done"},
	{"when-port-first", "{port} joins first"},
	{"when-port-first-after-udevd", "{port} joins first, after udev is done"},
	{"when-port-first-before-udevd", "{port} joins first, before udev is done"},
	{"when-created-with-address", "it is created with this address"},
	{"when-created-without-address", "it is created without an address{when? and {when}}"},
	{"when-set-beside-udevd", "it is created without an address, and this one is set before or after udev handles it"},
	{"when-set-during-udevd", "it is created without an address, and this one is set while udev handles it"},
	{"when-program-is-later", "{program} is later than udev"},
	{"when-udevd-is-later", "udev is later"},
	{"when-no-lower-guest-starts", "no guest with a lower address starts"},
	{"when-guest-stays", "{guest} stays, and no guest with a lower address starts"},
	{"when-guest-leaves", "{guest} leaves"},
	{"when-lower-guest-starts", "a guest with a lower address starts"},
}

// giving are the sentences about what a program does with the address of a device.
var giving = []entry{
	{"sets-address", "sets {mac}"},
	{"sets-random-address", "sets another random address each time"},
	{"derives-address", "derives an address, the same each time"},
	{"sets-permanent-address", "sets the permanent address of the hardware"},
	{"derives-address-as-networkd", "derives an address from the machine ID and the interface name"},
	{"sets-address-of-port", "sets the address of {port}{port!a port}"},
	{"sets-no-address", "does not set an address"},
	{"sets-unknown-address", "unknown: {why}"},
}

// watching are the sentences about why it is unknown who set an address that a device
// had for a moment.
var watching = []entry{
	{"watch-no-address", "it has no address"},
	{"watch-not-looked-at", "it is not audited, or it was gone before linkaudit could look at it"},
	{"watch-changed-again", "it changed again before linkaudit could look at it, and it is not one that udev, systemd-networkd or a port would set"},
}
