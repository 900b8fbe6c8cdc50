package words

// evidenceFindings are the sentences that explain gives as evidence.
var evidenceFindings = []entry{
	{"evidence-not-known", "It cannot be told: {why}."},
	{"evidence-permanent", "addr_assign_type is 0: the address is the device's own."},
	{"evidence-permanent-but-set", "The address is the permanent one that the device reports."},
	{"evidence-kernel", "addr_assign_type is 1: the driver made the address up when the device was created, and nobody has set another since."},
	{"evidence-port", "addr_assign_type is 2: the driver took the address of a port, {port?and {port} has it}{port!which none of the present ports has}."},
	{"evidence-lowest-port", "addr_assign_type is 1, so nobody set it, and a bridge then has the lowest address of its ports: {port} has it."},
	{"evidence-lower", "addr_assign_type is 2 on a device without ports: the driver took the address of the device beneath."},
	{"evidence-master", "{device} is a port of the bond {master}, which has the same address and with fail_over_mac=none gives it to all of its ports."},
	{"evidence-udev", "addr_assign_type is 3, so somebody set it, and it is the one that MACAddressPolicy=persistent makes of the machine-id and {name:q}, which only udevd does."},
	{"evidence-networkd", "addr_assign_type is 3, so somebody set it, and it is the one that systemd-networkd makes of the machine-id and {device:q} for a device that it creates."},
	{"evidence-other-machine-id", "addr_assign_type is 3, so somebody set it, and it is the one that {by} makes of {name:q} and another machine-id than the present one: {source} shows that the machine had it."},
	{"evidence-link-file", "addr_assign_type is 3, so somebody set it, and it is MACAddress= of the .link file that udevd applied to the device."},
	{"evidence-someone-as-port", "addr_assign_type is 3, so somebody set it, and it is the address of the port {port}: a program or a person did, as linkaudit fix --apply does."},
	{"evidence-someone", "addr_assign_type is 3, so somebody set it, but it is none that udevd or systemd-networkd make for {device:q} with this machine-id: a program or a person did."},
}
