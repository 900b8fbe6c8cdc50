// Package initramfs reads an initramfs image as the kernel unpacks it, and says what udevd
// finds in it: .link files, drop-ins, its rule, its release.
//
// It follows init/initramfs.c and Documentation/driver-api/early-userspace/
// buffer-format.rst: any number of cpio archives (newc, "070701", and crc, "070702"),
// compressed or not, with zeros between them; later ones overwrite earlier ones. Nothing is
// unpacked to disk. Only directories, symbolic links and the few files that matter are in
// memory, so an image of any size, even a hostile one, stays within the limits; see
// docs/initramfs.md.
//
// It decides nothing about devices; package policy does.
package initramfs
