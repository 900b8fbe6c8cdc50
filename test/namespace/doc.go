// Package namespace tests the whole program against real systemd-udevds: this
// machine's and those of other releases, each in namespaces of its own with
// devices that come and go.
//
// The tests need root's rights, and are behind the build tag "namespace":
//
//	go test -tags namespace ./test/namespace
//
// LINKAUDIT_ROOTS is the directory that holds the trees of the other releases
// (test/roots makes them); -short leaves out those that are missing.
package namespace
