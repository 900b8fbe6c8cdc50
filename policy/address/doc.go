// Package address says which address systemd-udevd and systemd-networkd derive from the
// machine ID and a name, and what udevd does to the address of a device at an add event, by
// release.
//
// It knows nothing about this machine, .link files or what the kernel does: its input is the
// effective policy and the facts of the device.
package address
