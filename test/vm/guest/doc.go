// Package guest holds the tests that run inside a virtual machine, where the
// kernel has bonds and teams and systemd is the first process. The tests of
// test/vm boot them, once for each release, and report their results.
//
// Tests named First run after the first boot, tests named Second after a second
// one, which has what the first left in /etc/systemd/network and nothing else;
// Third, Fourth, Life, Managers and Trace have a boot of their own. TestWalkthrough of
// test/vm runs some of them in the one boot of .ci/run. What each boot begins with is said in the table
// of boots of test/vm. A file is about one topic; what several need is in
// guest_test.go. Go runs the tests in the order of the files' names: first_test.go
// has to come before whatever takes down the bond that was made at boot.
package guest
