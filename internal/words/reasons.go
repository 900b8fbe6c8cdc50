package words

// reasons are the sentences that say why the audit cannot tell something. They go on
// after "not known:".
var reasons = []entry{
	{"systemd-release", "the systemd release: {why}"},
	{"udev-database", "the udev database: {why}"},
	{"name-not-recorded", "none is recorded, but systemd {since} and newer do not record a name that is not UTF-8 or holds control characters, such as {file}"},
	{"whether-rule-runs-net-setup-link", "whether a udev rule runs net_setup_link: {why}"},
	{"whether-udevd-runs", "whether udevd runs: {why}"},
	{"file-that-applies", "the file that applies: {why}"},
	{"file-that-applies-when-new", "the file that applies to it when it is new: {why}"},
	{"any-kernel", "it may be any"},
	{"kernel-may-refuse", "{pos}: the kernel may refuse {key}=, and the address with it"},
	{"address-of-lower-not-known", "the kernel refuses a {kind} the address of the device beneath it, which is not known"},
	{"made-up-by-policy", "MACAddressPolicy=random makes up another one"},
	{"kind-not-modelled", "what the kernel does with a new device of this kind is not modelled"},
	{"port-of-master", "it is a port of {master}, which may give it an address"},
	{"address-networkd-derives", "the address that systemd-networkd derives: {why}"},
	{"only-checksum-recorded", "only the checksum of the package's file is recorded"},
	{"host-name-in-initramfs", "the host name in the initramfs is not known"},

	{"udevd-keeps-machine-id", "a file has Host= with an ID, for which udevd may have read a machine-id that it keeps until it is started anew"},
	{"machine-id-of-this-boot", "the machine-id was made up for this boot"},
	{"machine-id-of-command-line", "the next boot takes the machine-id of the kernel command line"},

	{"whether-program-gives-address", "whether {program} gives it an address: {why}"},
	{"two-programs-give-address", "{one} and {other} both give it an address"},
	{"program-or-udevd-is-later", "{program} gives it an address ({does}), unless udevd is later"},
	{"program-gives-address", "{program} gives it one: {does}"},

	// Who may have set the address of a device.
	{"assign-type-not-known", "the kernel shows an addr_assign_type that is not known here"},
	{"origin-kernel-or-creator", "the kernel, or whoever created the bond: with fail_over_mac={fail_over_mac} the driver takes no address, but notes it as set"},
	{"origin-master-or-someone", "its master {master}, or whoever set it"},
	{"origin-udev-random-or-someone", "udev by MACAddressPolicy=random, or someone who set it"},
	{"origin-udev-or-someone", "udev, or someone who set the address that MACAddressPolicy=persistent derives"},
	{"origin-other-machine-id-or-someone", "udev, or someone who set the address that MACAddressPolicy=persistent derives from another machine-id"},
	{"origin-udev-not-known", "udev or someone who set it; the persistent address is not known: {why}"},
	{"origin-networkd-not-known", "systemd-networkd or someone who set it; the address that networkd derives is not known: {why}"},
	{"origin-earlier-name-or-someone", "udev or systemd-networkd by a name that the device had before, or someone who set it"},
}

// outcomes are the addresses that a device may have after an event, and when.
var outcomes = []entry{
	{"outcomes", "{all|; }{more?; or another port's}"},
	{"outcome", "{mac}{when? if {when}}"},
	{"outcome-of-port", "{mac} ({port}'s){when? if {when}}"},
	{"outcome-of-unknown-port", "the address of {port}{port!a port}, which is not known{when? if {when}}"},
	{"outcome-made-up", "one that is made up then{when? if {when}}"},

	{"when-udevd-before-ports", "udevd handles the event before a port joins"},
	{"when-port-before-udevd", "a port joins before udevd handles the event"},
	{"when-port-first", "{port} joins first"},
	{"when-port-first-after-udevd", "{port} joins first, after udevd has handled the event"},
	{"when-port-first-before-udevd", "{port} joins first, before udevd handles the event"},
	{"when-created-with-address", "it is created with this address"},
	{"when-created-without-address", "it is created without an address{when?, {when}}"},
	{"when-set-beside-udevd", "it is created without an address, and this one is set before or after udevd handles the event"},
	{"when-set-during-udevd", "it is created without an address, and this one is set while udevd handles the event"},
	{"when-program-is-later", "{program} is later than udevd"},
	{"when-udevd-is-later", "udevd is later"},
	{"when-no-lower-guest-starts", "no guest with a lower address starts"},
	{"when-guest-stays", "{guest} stays, and no guest with a lower address starts"},
	{"when-guest-leaves", "{guest} leaves"},
	{"when-lower-guest-starts", "a guest with a lower address starts"},
}

// giving are what a program does to the address of a device.
var giving = []entry{
	{"sets-address", "sets {mac}"},
	{"makes-up-address", "makes up another one each time"},
	{"derives-address", "derives one of its own, always the same"},
	{"sets-permanent-address", "sets the permanent one of the hardware"},
	{"derives-address-as-networkd", "derives one from the machine-id and the name"},
	{"sets-address-of-port", "sets that of {port}{port!a port}"},
	{"leaves-address-alone", "leaves it alone"},
	{"address-not-known", "not known: {why}"},
}

// watching are the sentences that say why it is not known who gave a device the address
// that it had for a moment.
var watching = []entry{
	{"watch-no-address", "it has no address"},
	{"watch-not-looked-at", "it is not audited, or was gone before it could be looked at"},
	{"watch-changed-again", "it was changed again before it could be looked at, and is none that udevd, systemd-networkd or a port gives"},
}
