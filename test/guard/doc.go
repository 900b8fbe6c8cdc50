// Package guard keeps linkaudit from doing more work than it did: `make guard`
// runs the program on hosts that are the same everywhere, counts what it asks of
// the kernel and what it allocates, and compares that with recorded figures. No
// clock has a say. docs/performance.md says what is counted, and what is not.
//
// The package itself holds the figures, their comparison, and the reader of
// strace's output; the suite needs root's rights and has the build tag guard. What
// commands allocate that need no machine is a test of cmd/linkaudit.
package guard
