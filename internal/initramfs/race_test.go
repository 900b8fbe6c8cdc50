//go:build race

package initramfs_test

// raceDetector has a process take several times the memory.
const raceDetector = true
