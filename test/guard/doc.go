// Package guard keeps linkaudit from doing more work than before. `make guard` runs the
// program on hosts that are the same everywhere, counts its system calls and
// allocations, and compares them with recorded figures. The clock does not matter.
// docs/performance.md says what is counted and what is not.
//
// The package itself has the figures, their comparison, and the reader of strace's
// output. The suite needs root and has the build tag guard. A test of cmd/linkaudit
// counts the allocations of commands that need no machine.
package guard
