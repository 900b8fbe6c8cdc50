// Package bench measures `linkaudit check` beside the tools that an
// administrator has for parts of its work, in one run and in one network
// namespace: `make bench`. docs/performance.md says what comes out and why.
//
// Nothing here passes or fails by the clock.
package bench
