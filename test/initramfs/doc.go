// Package initramfs holds real initramfs images beside what linkaudit reads in
// them: made by initramfs-tools, by dracut and in mkinitcpio's layout, with every
// compression, in copies of the roots of test/roots/build; and it has linkaudit
// fix update them. It needs root's rights, those roots in $LINKAUDIT_ROOTS and
// Debian's archive.
//
//	go test -tags ecosystem -count=1 ./test/initramfs
package initramfs
