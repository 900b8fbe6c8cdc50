package words

// managerFindings are the sentences about network managers that set addresses.
var managerFindings = []entry{
	// networkd-sets-address
	{"networkd-sets-address", "systemd-networkd sets the MAC address of {device} to {mac}, and no .link file changes that{against?: {against}}"},
	{"networkd-derives-address", "systemd-networkd creates {device} with a MAC address that it derives from the machine ID and the interface name{mac? ({mac})}, and no .link file changes that{against?: {against}}"},
	{"networkd-creates-with-address", "systemd-networkd creates {device} with the MAC address {mac}, and no .link file changes that{against?: {against}}"},
	{"networkd-may-set-address", "whether systemd-networkd sets the MAC address of {device} is unknown: {why}"},
	{"policy-none-has-no-effect", "MACAddressPolicy=none at {pos} has no effect"},
	{"site-expects-none", "{pos} expects none"},

	// manager-sets-address; {sets} is a sentence of the table sets.
	{"manager-sets-address", "{program} {sets}"},
	{"manager-address-ignored-by-bond", "{program} {sets}, but with fail_over_mac={fail_over_mac} the bond ignores that"},
	{"manager-address-differs", "{program} {sets}, but it has {mac}{mac!no address}"},
	{"bring-up-or-correct", "let {program} bring the device up again, or correct the setting"},
	{"manager-creates-with-address", "{program} {sets} when it creates it: {against}"},
	{"manager-and-file-set-address", "{program} {sets}, but {pos} sets MACAddress={mac}"},
	{"remove-one-setting", "remove one of the two settings"},
	{"manager-or-udevd-sets-address", "{program} {sets}, unless udev sets the persistent one later"},
	{"manager-may-set-address", "whether {program} sets the MAC address of {device} is unknown: {why}"},
	{"look-at-setting", "look at the setting: if it sets an address, no .link file changes that"},

	{"declared-twice", "{one} and {other} both declare {device}, at {pos} and {other_pos}"},

	{"declared-port-missing", "{program} declares {port} as a port of {device}, but no device has that name"},
	{"name-port-as-it-is", "write the present name of the port at {pos} (ip link shows the names), or rename the port to {port} with a .link file; then bring up {device} again"},

	{"declaration-not-enabled", "{file} declares {device} ({kind}), but {why}"},

	{"manager-file-unreadable", "{program}: {why}"},

	// What happens to the address when a device is created: who acts, and how.
	{"who-kernel", "the kernel"},
	{"who-udevd", "udev"},
	{"who-program", "{program}"},
	{"creates-with-address", "creates {device} with an address ({address})"},
	{"creates-without-address", "creates {device} without an address, and the kernel draws a random one"},
	{"creates-maybe-with-address", "creates {device}; whether it sets an address is unknown: {why}"},
	{"applies-unknown-file", "applies an unknown .link file"},
	{"applies-file-and-keeps-address", "applies {file}{file!no .link file} and does not change the address"},
	{"applies-file-and-sets-persistent", "applies {file}{file!no .link file} and sets the persistent address, if the random one is still there"},
	{"applies-file-and-sets-address", "applies {file}{file!no .link file} and sets {mac}"},
	{"applies-file-that-may-set-address", "applies {file}{file!no .link file}, which may set an address"},
	{"kernel-sets-address-of-port", "sets the address of a port when ports join, unless an address was set before"},

	// The address of the device in the end.
	{"end-program", "the address that {program} sets{mac? ({mac})}"},
	{"end-program-unless-udevd-is-later", "the address that {program} sets{mac? ({mac})}, unless udev is later; MACAddressPolicy=none makes it certain"},
	{"end-udevd", "the address that udev sets from MACAddress= ({mac})"},
	{"end-set-last", "the address that is set last: by udev (MACAddress={mac}) or by {program}"},
	{"end-without-program", "the address of udev or the kernel: network configuration sets none"},
	{"end-of-two-programs", "unknown: {one} and {other} both declare it"},
	{"end-unknown", "unknown: {why}"},
}
