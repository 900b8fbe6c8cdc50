package words

// managerFindings are the sentences about other programs that set addresses.
var managerFindings = []entry{
	// networkd-sets-address
	{"networkd-sets-address", "systemd-networkd sets the address of {kind}{kind!device} {device} to {mac}, and no .link file changes that{against?: {against}}"},
	{"networkd-derives-address", "systemd-networkd creates {kind}{kind!device} {device} with an address that it derives from the machine-id{mac? ({mac})}, and no .link file changes that{against?: {against}}"},
	{"networkd-creates-with-address", "systemd-networkd creates {kind}{kind!device} {device} with the address {mac}, and no .link file changes that{against?: {against}}"},
	{"networkd-may-set-address", "whether systemd-networkd gives {kind}{kind!device} {device} its address, so that no .link file changes it, is not known: {why}"},
	{"policy-none-has-no-effect", "MACAddressPolicy=none at {pos} has no effect"},
	{"site-expects-none", "{pos} expects none"},

	// manager-sets-address; what "gives" says is among those of gives.
	{"manager-sets-address", "{program} {gives}"},
	{"manager-sets-address-in-vain", "{program} {gives}, but with fail_over_mac={fail_over_mac} the bond takes none"},
	{"manager-address-not-carried", "{program} {gives}, but it carries {mac}{mac!none}"},
	{"bring-up-or-correct", "Have {program} bring the device up anew, or correct the setting."},
	{"manager-creates-with-address", "{program} {gives} as it creates it: {against}"},
	{"manager-and-file-set-address", "{program} {gives}, and {pos} asks for MACAddress={mac}"},
	{"have-one-set-address", "Have one of the two set the address."},
	{"manager-or-udevd-sets-address", "{program} {gives}, unless udevd, which MACAddressPolicy=persistent has set one as well, is later"},
	{"manager-may-set-address", "whether {program} gives {device} an address is not known: {why}"},
	{"look-at-setting", "Look at the setting: if it sets one, no .link file changes it."},

	{"declared-twice", "{one} and {other} both declare {device}, at {pos} and {other_pos}"},

	{"declared-port-missing", "{program} names {port} as a port of {device}, but no device has that name"},
	{"name-port-as-it-is", "Write the present name of the port at {pos} (ip link shows the names), or give it the name {port} by a .link file; then bring {device} up again."},

	{"declaration-not-enabled", "{file} declares {kind} {device}, but {why}"},

	{"manager-file-unreadable", "{program}: {why}"},

	// What happens to the address of a device as it is made: who does something, and what.
	{"who-kernel", "the kernel"},
	{"who-udevd", "udevd"},
	{"who-program", "{program}"},
	{"creates-with-address", "creates {device} with an address: {address}"},
	{"creates-without-address", "creates {device} without an address, so that the kernel makes one up"},
	{"creates-maybe-with-address", "creates {device}; whether it gives it an address is not known: {why}"},
	{"applies-unknown-file", "applies a .link file that is not known"},
	{"applies-file-and-leaves-address", "applies {file}{file!no .link file} and leaves the address alone"},
	{"applies-file-and-sets-persistent", "applies {file}{file!no .link file} and, where it still finds the made-up address, sets the persistent one"},
	{"applies-file-and-sets-address", "applies {file}{file!no .link file} and sets {mac}"},
	{"applies-file-that-may-set-address", "applies {file}{file!no .link file}, which may set an address"},
	{"kernel-gives-address-of-port", "gives it the address of a port, as ports join, unless somebody has set one by then"},
	{"gives-it-an-address", "gives it an address: {address}"},

	// Whose address it has in the end.
	{"end-program", "{program}'s address{mac? {mac}}"},
	{"end-program-unless-udevd-is-later", "{program}'s address{mac? {mac}}, unless udevd is later; MACAddressPolicy=none would make it certain"},
	{"end-udevd", "udevd's, {mac} of MACAddress="},
	{"end-who-is-later", "whoever is later: udevd with MACAddress={mac}, or {program}"},
	{"end-without-program", "what udevd or the kernel gives it: no program that declares it sets an address"},
	{"end-of-two-programs", "not known: {one} and {other} both declare it"},
	{"end-not-known", "not known: {why}"},
}
