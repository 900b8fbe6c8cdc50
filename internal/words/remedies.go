package words

// remedies are the sentences about what to do.
var remedies = []entry{
	{"fix-does", "{fix} {does}."},
	{"fix-does-then-recreate", "{fix} {does}; then reboot, or delete and recreate {device}."},
	{"sets-policy-none", "sets MACAddressPolicy=none"},
	{"sets-policy-none-so-udev-leaves-it", "sets MACAddressPolicy=none, and udev leaves the address alone"},
	{"sets-both-none", "sets MACAddress=none for the .netdev file, and MACAddressPolicy=none"},
	{"netdev-knows-no-none", "systemd {release} knows no MACAddress=none in a .netdev file (250 is the first): give the address that is meant as MACAddress= in [NetDev] of {file}."},

	{"no-override-helps", "No override helps: {why}."},
	{"override-was-edited", "{file} was edited since linkaudit wrote it: write MACAddressPolicy=none there, or {fix} writes it again"},
	{"file-sorts-before-ours", "{file} sorts before every name that linkaudit gives to a file: give that file another name, or set MACAddressPolicy=none in it"},
	{"name-with-exclamation-mark", "linkaudit writes no file for {device}, for udevd reads the \"!\" in a name as a slash in places: choose a name without it"},
	{"udevd-changes-name", "udevd {release} itself gives a device called {device} another name, so that no .link file can be for it: choose a name of letters, digits, - and _"},
	{"networkd-sets-that", "systemd-networkd sets the address of {device} to {mac}, by {pos}, and no .link file changes that; linkaudit leaves it alone"},
	{"networkd-creates-with-that", "systemd-networkd creates {device} with the address {mac}, by {pos}, and no .link file changes that; linkaudit leaves it alone"},
	{"networkd-derives-on-old-release", "systemd-networkd creates {kind} {device} with an address that it derives ({pos}), which no .link file changes, and systemd {release} knows no MACAddress=none for it (250 is the first): write the address that is meant as MACAddress= in [NetDev] of {file}"},
	{"override-keeps-udevd-out", "{program} {gives}; an override keeps udevd from replacing that address, but for another one {setting}"},
	{"no-file-changes-one-creator", "{program} {gives}, and no .link file changes that; where {other} creates it ({pos}) the override does"},
	{"no-file-changes-that", "{program} {gives}, and no .link file changes that: for another one {setting}"},

	{"change-if-not-meant", "Nothing if that is meant; otherwise {setting}: a .link file does not change it."},
	{"change-setting", "change {key} at {pos}{then? and have it take effect ({then})}"},
	{"add-setting", "add {key} to what is at {pos}{then? and have it take effect ({then})}"},

	// An address of its own for a bridge that follows its guests.
	{"pin-by-hand", "{now} gives it one of its own until it is deleted; for later, have the program that creates it do so: ip link add takes address {mac}, and a network of libvirt <mac address='{mac}'/>."},
	{"pin-where-declared", "Write {setting} at {pos}{then?, then {then}}."},
	{"address-setting", "the address={mac}"},
	{"or-it-would-follow-guests", "{pin} With MACAddressPolicy=none alone it would follow its guests."},
	{"pin-or-persistent", "{pin}{or? {or}}"},
	{"or-undo", "Or let udev give it one: {undo}; then reboot, or delete and recreate {device}."},
	{"or-file-with-persistent", "Or let udev give it one: a .link file for {device} that sorts before {before} and has MACAddressPolicy=persistent, then create the device again."},
	{"guests-under-none", "{follows}. {pin}{persistent? Or leave MACAddressPolicy=persistent in force.}"},
}

// gives are which address a program gives a device; they go on after its name.
var gives = []entry{
	{"as-it-creates-it", "{gives} as it creates it"},
	{"gives-explicit", "gives {device} the address {mac} ({key})"},
	{"gives-by-networkd", "has systemd-networkd create {device} with a derived address"},
	{"gives-of-port", "gives {device} the address of {port}{port!a port} ({key})"},
	{"gives-permanent", "gives {device} its permanent address ({key})"},
	{"gives-made-up", "makes up another address for {device} each time ({key})"},
	{"gives-derived", "gives {device} an address that it derives of the connection ({key})"},
}
