// Package life runs the model of policy/life beside the kernel and a real
// udevd: random sequences of operations, each carried out in both, and compared
// after every single one.
//
// test/namespace runs it with bridges on the machine's own kernel, test/vm with
// bonds, bridges and teams on the kernels of four releases.
//
// udevd's part of a race is made an operation of its own: udevd is stopped
// (SIGSTOP), and only the operation "udev" lets it handle what has come in. So
// that this costs little, many sequences run side by side and stop at their next
// "udev" until all the others are there. With udevadm control --stop-exec-queue
// instead, udevd 252 was once seen, in some 30,000 operations, to handle an event
// all the same; why is not known.
package life
