package words

// deriving are the sentences of package policy and its subpackages: why a property of a
// device is unknown, or what udev does with its address.
var deriving = []entry{
	{"no-such-device", "the device does not exist yet"},
	{"no-such-device-nor-kind", "the device does not exist yet; give --kind"},
	{"no-such-device-of-kind", "the device does not exist yet, and linkaudit does not know what the kernel shows for kind {kind}"},
	{"kind-differs-in-type", "the device does not exist yet, and devices of kind {kind} differ in it"},
	{"kernels-differ-in-driver", "the device does not exist yet, and kernels differ in the driver name of kind {kind}"},
	{"no-such-kind", "invalid kind {kind:q}, and no device here has it (kinds are {kinds})"},
	{"no-udev-record", "udev has no record of the device"},

	{"assign-type", "addr_assign_type: {why}"},
	{"persistent-address", "the persistent address: {why}"},
	{"machine-id", "the machine ID: {why}"},
	{"no-machine-id", "the machine has no machine ID"},
	{"naming-scheme", "the naming scheme: {why}"},
	{"naming-scheme-of-others", "the naming scheme {scheme:q} is not one of systemd or RHEL, so linkaudit cannot tell if it hashes interface names"},
	{"mac-address-not-understood", "MACAddress= is malformed"},
	{"driver-may-refuse", "systemd before {since} sends MACAddress= unchecked, and the driver may refuse it"},
	{"driver-may-refuse-six-bytes", "systemd before {since} sends a six-byte address to a device that is not Ethernet, and the driver may refuse it"},
	{"infiniband-address-length", "the current InfiniBand address is not 20 bytes long"},
}
