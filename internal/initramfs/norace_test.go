//go:build !race

package initramfs_test

const raceDetector = false
