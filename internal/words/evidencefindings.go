package words

// evidenceFindings are the sentences that explain shows as evidence.
var evidenceFindings = []entry{
	{"evidence-unknown", "unknown: {why}"},
	{"evidence-permanent", "addr_assign_type is 0: it is the permanent address of the device"},
	{"evidence-permanent-but-set", "it is the permanent address that the device reports"},
	{"evidence-kernel", "addr_assign_type is 1: the driver drew a random address when the device was created, and nothing has set another one since"},
	{"evidence-port", "addr_assign_type is 2: the driver took the address of a port, {port?and {port} has it}{port!but no present port has it}"},
	{"evidence-lowest-port", "addr_assign_type is 1, so nothing set it, and a bridge then has the lowest address of its ports: that of {port}"},
	{"evidence-lower", "addr_assign_type is 2 and the device has no ports: the driver took the address of the lower device"},
	{"evidence-master", "{device} is a port of {master}, which has the same address and sets it on all of its ports (fail_over_mac=none)"},
	{"evidence-udev", "addr_assign_type is 3, so it was set, and it is the address that MACAddressPolicy=persistent derives from the machine ID and {name:q}; only udev does that"},
	{"evidence-networkd", "addr_assign_type is 3, so it was set, and it is the address that systemd-networkd derives from the machine ID and {device:q} for a device that it creates"},
	{"evidence-other-machine-id", "addr_assign_type is 3, so it was set, and it is the address that {by} derives from {name:q} and an earlier machine ID, which is found in {source}"},
	{"evidence-link-file", "addr_assign_type is 3, so it was set, and it is MACAddress= of the .link file that udev applied to the device"},
	{"evidence-someone-as-port", "addr_assign_type is 3, so it was set, and it is the address of the port {port}: a program or a person set it, as linkaudit fix --apply does"},
	{"evidence-someone", "addr_assign_type is 3, so it was set, but neither udev nor systemd-networkd derives it for {device:q} from this machine ID: another program or a person set it"},
}
