// Package namespace tests the whole program against real systemd-udevds: this
// machine's and those of other releases, each in namespaces of its own with
// devices that come and go.
//
// The tests need root's rights, and are behind the build tag "namespace":
//
//	go test -tags namespace ./test/namespace
//
// LINKAUDIT_ROOTS is the directory that holds the trees of the other releases
// (test/roots makes them). What is missing fails the tests.
//
// With LINKAUDIT_TIER=ci, as .ci/run has it, two of the releases are taken, this
// machine's and one that is drawn, and some of the faults, rounds and devices.
// LINKAUDIT_SEED is what draws them, 1 without it; what a test takes is in its log.
package namespace
