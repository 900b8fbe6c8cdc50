// Package policy works out which MACAddressPolicy= systemd-udevd has for a network device:
// from the .link files of a tree, which package linkfiles reads, and from what [Match] sees of
// the device, even if it does not exist yet.
//
// Package policy/address has what udevd then does to the address, and package policy/life
// what the kernel does. None of them reads anything of the running machine: files of an image
// and of a machine are judged in the same way, anywhere.
//
// It does not find out who set an address, compares with no existing device and predicts no
// boot: the command linkaudit does that.
package policy
