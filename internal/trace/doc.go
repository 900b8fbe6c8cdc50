// Package trace tells who sets the address of a network device: eBPF programs at
// the functions of the kernel through which addresses are set take the time, the
// device, the addresses, the process with its parents and its cgroup while the
// call is made, when the process still exists.
//
// The package says which calls there were, in the order in which they returned. It
// does not say what a device has now, and it does not judge. An address that a
// device is given before it is registered is no change of an address and is not
// told.
package trace
