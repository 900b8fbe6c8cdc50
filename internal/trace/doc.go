// Package trace tells which process sets the address of a network device. eBPF programs at
// the kernel functions that set addresses record the time, the device, the addresses, and
// the process with its parents and cgroup, during the call, while the process exists.
//
// The package reports the calls in the order in which they returned. It does not say what
// address a device has now, and does not judge. An address that is set before the device
// is registered is not a change, and is not reported.
package trace
