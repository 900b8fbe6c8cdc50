// Package namespace tests the whole program with the real systemd-udevd of this machine
// and of other releases. Each runs in its own namespaces, with devices that are created
// and deleted.
//
// The tests need root and the build tag "namespace":
//
//	go test -tags namespace ./test/namespace
//
// LINKAUDIT_ROOTS is the directory with the roots of the other releases (test/roots makes
// them). If something is missing, the tests fail.
//
// With LINKAUDIT_TIER=ci, as in .ci/run, the tests take two of the releases, this
// machine's and a random one, and some of the faults, rounds and devices. LINKAUDIT_SEED
// (default 1) is the seed; the log of a test says what it takes.
package namespace
