// Package soak judges whether what processes hold grows: memory, descriptors, watches
// of inotify(7), threads, sockets, child processes. Usage reads this from /proc, and a
// Series judges it.
//
// The suite is in test/namespace, with the stage that it needs ("make soak"), and in
// cmd/linkaudit for audits in one process.
package soak
