// Package host tells what a machine is right now: its network devices, as netlink, sysfs
// and the udev database show them, and the facts about the system that .link files ask
// for. A Snapshot holds all of it, and can be saved and audited anywhere else.
//
// [Probe] finds the release of systemd. The [Machine] that it returns answers everything
// else, step by step, because one answer decides the next question: the caller makes the
// Snapshot from the answers, once.
//
// The package decides nothing about .link files and does not read them: the caller puts
// linkfiles.Read's Store into Snapshot.Files. It changes nothing on the machine. What
// cannot be read, or may be about another device or machine, is unknown with a reason.
package host
