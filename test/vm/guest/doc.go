// Package guest holds the tests that run inside a virtual machine, where the kernel has
// bonds and teams and systemd is the first process. The tests of test/vm boot the
// machines, once for each release, and report the results.
//
// Tests named First run after the first boot, tests named Second after a second one,
// which has only what the first left in /etc/systemd/network. Third, Fourth, Life,
// Managers and Trace have a boot of their own. TestWalkthrough of test/vm runs some of
// them in the one boot of .ci/run. The table of boots in test/vm says what each boot
// begins with. Each file is about one topic; shared code is in guest_test.go. Go runs
// the tests in the order of the file names: first_test.go must come before any file
// that deletes the bond created at boot.
package guest
