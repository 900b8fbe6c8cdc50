package words

// deriving are the sentences of package policy and those below it: why it is not known
// what a device has, or what udevd makes of its address.
var deriving = []entry{
	{"no-such-device", "the device does not exist yet"},
	{"no-such-device-nor-kind", "the device does not exist yet; give --kind"},
	{"no-such-device-of-kind", "the device does not exist yet; what the kernel shows of kind {kind} is not in the table"},
	{"kind-differs-in-type", "the device does not exist yet, and those of kind {kind} differ in it"},
	{"kernels-differ-in-driver", "the device does not exist yet, and kernels differ in what they call the driver of kind {kind}"},
	{"no-such-kind", "there is no kind of device {kind:q}, and no device of it here (kinds are {kinds})"},
	{"no-udev-record", "udev has no record of the device"},

	{"assign-type", "addr_assign_type: {why}"},
	{"persistent-address", "the persistent address: {why}"},
	{"machine-id", "the machine-id: {why}"},
	{"no-machine-id", "the machine has no machine-id"},
	{"naming-scheme", "the naming scheme: {why}"},
	{"naming-scheme-of-others", "the naming scheme {scheme:q} is neither one of systemd's own nor of RHEL's, so whether it hashes interface names is not known"},
	{"mac-address-not-understood", "MACAddress= is not understood"},
	{"driver-may-refuse", "systemd before {since} sends MACAddress= unchecked; whether the driver takes it is not known"},
	{"driver-may-refuse-six-bytes", "systemd before {since} sends a six-byte address to a device of another type than Ethernet; whether the driver takes it is not known"},
	{"infiniband-address-length", "the current InfiniBand address is not 20 bytes long"},
}
