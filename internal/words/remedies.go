package words

// remedies are the sentences about what to do.
var remedies = []entry{
	{"fix", "{fix}"},
	{"fix-then-recreate", "{fix}, then reboot or recreate {device}"},
	{"netdev-knows-no-none", "systemd {release} does not know MACAddress=none in a .netdev file (250 is the first): write the address that you want as MACAddress= in [NetDev] of {file}"},

	{"no-override-helps", "no override helps: {why}"},
	{"override-was-edited", "{file} was edited after linkaudit wrote it: write MACAddressPolicy=none there, or let {fix} write it again"},
	{"file-sorts-before-ours", "{file} sorts before every file that linkaudit can write: rename that file, or set MACAddressPolicy=none in it"},
	{"name-with-exclamation-mark", "linkaudit writes no file for {device}, because udev reads the \"!\" as a slash in some places: choose a name without it"},
	{"udevd-changes-name", "systemd {release} renames a device called {device}, so no .link file can match it by that name: choose a name of letters, digits, - and _"},
	{"networkd-sets-that", "systemd-networkd sets the MAC address of {device} to {mac} ({pos}); no .link file changes that, and linkaudit leaves it alone"},
	{"networkd-creates-with-that", "systemd-networkd creates {device} with the MAC address {mac} ({pos}); no .link file changes that, and linkaudit leaves it alone"},
	{"networkd-derives-on-old-release", "systemd-networkd creates {device} with an address that it derives ({pos}); no .link file changes that, and systemd {release} does not know MACAddress=none for it (250 is the first): write the address that you want as MACAddress= in [NetDev] of {file}"},
	{"override-keeps-udevd-out", "{program} {sets}; with an override udev does not replace it; for another address {setting}"},
	{"no-file-changes-one-creator", "{program} {sets}, and no .link file changes that; if {other} creates it ({pos}), the override works"},
	{"no-file-changes-that", "{program} {sets}, and no .link file changes that: for another address {setting}"},

	{"change-if-not-intended", "nothing to do if intended; otherwise {setting}; a .link file does not change it"},
	{"change-setting", "change {key} at {pos}{then?, then {then}}"},
	{"add-setting", "add {key} at {pos}{then?, then {then}}"},

	// An explicit address for a bridge that follows its guests.
	{"pin-by-hand", "{now}, which lasts until the bridge is deleted; for good, let the program that creates it set {mac} (ip link add ... address {mac}; in a libvirt network <mac address='{mac}'/>)"},
	{"pin-where-declared", "write {setting} at {pos}{then?, then {then}}"},
	{"address-setting", "the address={mac}"},
	{"or-it-would-follow-guests", "{pin}; with MACAddressPolicy=none alone it would follow its guests"},
	{"pin-or-persistent", "{pin}{or?; {or}}"},
	{"or-undo", "or let udev derive one: {undo}, then reboot or recreate {device}"},
	{"or-file-with-persistent", "or let udev derive one: write a .link file for {device} with MACAddressPolicy=persistent that sorts before {before}, then recreate {device}"},
	{"guests-under-none", "{follows}; {pin}{persistent?; or keep MACAddressPolicy=persistent}"},
}

// sets are the addresses that a program sets on a device. They follow its name.
var sets = []entry{
	{"as-it-creates-it", "{sets} when it creates it"},
	{"sets-explicit-address-of", "sets the MAC address of {device} to {mac}"},
	{"lets-networkd-derive-address-of", "makes systemd-networkd create {device} with a derived MAC address"},
	{"sets-port-address-of", "sets the MAC address of {device} to that of {port}{port!a port}"},
	{"sets-permanent-address-of", "sets the MAC address of {device} to its permanent address"},
	{"sets-random-address-of", "sets a random MAC address on {device} each time"},
	{"sets-derived-address-of", "sets a MAC address on {device} that it derives from the connection"},
	{"manager-setting", "{key}"},
}
