// Package policy works out which MACAddressPolicy= systemd-udevd has for a network device:
// from the .link files of a tree, which package linkfiles reads, and from what [Match] will
// see of a device, also of one that does not exist yet.
//
// What udevd then makes of the address is in package policy/address, and what the kernel
// makes of it in package policy/life. None of them reads anything of the machine that it
// runs on: an image's files and a machine's are judged alike, anywhere.
//
// It does not look for who set an address, compares with no live device and predicts no
// boot: that is what the command linkaudit does.
package policy
