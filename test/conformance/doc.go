// Package conformance proves that this program's reader of .link files gives the same
// answers as udevd.
//
// The oracle is the udevadm of each Debian release in a private set of namespaces. A
// generated file tree is laid out in the search path, and "udevadm test-builtin
// net_setup_link" says which file it would apply to a device, with which drop-ins, and
// what it complains about. The same tree goes through linkfiles.Read, linkfiles.Parse
// and Tree.Decide, and the two verdicts must be equal. (udevadm is started once for
// thousands of questions, and answers each in a child of its own: serve/serve.c.) If
// they differ, the tree is shrunk to the smallest one that still shows the difference
// and kept as a fixture. "go test" replays the fixtures without any rights.
//
// The package decides nothing about .link files itself: what it expects always comes
// from a udevadm or a udevd.
package conformance
