// Package address says which address systemd-udevd and systemd-networkd derive from the
// machine-id and a name, and what udevd does to the address of a device at an event of
// the action add, by release.
//
// It knows nothing of this machine, of .link files or of what the kernel does: it is given
// the policy in force and the facts of the device.
package address
