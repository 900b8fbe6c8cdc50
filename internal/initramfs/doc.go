// Package initramfs reads an initramfs image as the kernel unpacks it, and says
// what udevd would find in it: .link files, drop-ins, its rule, its release.
//
// It follows init/initramfs.c and Documentation/driver-api/early-userspace/
// buffer-format.rst: any number of cpio archives (newc, "070701", and crc,
// "070702"), each compressed or not, with zeros between them, the later ones
// over the earlier. Nothing is unpacked to disk. What is kept in memory is the
// directories, the symbolic links and the few files that matter, so that an
// image of any size, or made to do harm, costs what Limits says and no more;
// see docs/initramfs.md.
//
// It decides nothing about devices; that is package policy's.
package initramfs
