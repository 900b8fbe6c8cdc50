// Package initramfs compares real initramfs images with what linkaudit reads in them, and
// updates them with linkaudit fix. The images are made by initramfs-tools, by dracut and
// in mkinitcpio's layout, with every compression, in copies of the roots of
// test/roots/build. The tests need root, those roots in $LINKAUDIT_ROOTS and Debian's
// archive.
//
//	go test -tags ecosystem -count=1 ./test/initramfs
package initramfs
