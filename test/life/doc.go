// Package life runs the model of policy/life beside the kernel and a real udevd: random
// sequences of operations. Each operation is executed in both, and the results are
// compared after each one.
//
// test/namespace runs it with bridges on the machine's own kernel, test/vm with bonds,
// bridges and teams on the kernels of four releases.
//
// udevd's part of a race is an operation of its own: udevd is stopped (SIGSTOP), and
// only the operation "udev" lets it handle waiting events. To save time, many sequences
// run side by side and wait at their next "udev" until all the others are there. With
// udevadm control --stop-exec-queue instead, udevd 252 once handled an event anyway, in
// some 30,000 operations; the reason is unknown.
package life
