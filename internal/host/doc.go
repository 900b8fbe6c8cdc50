// Package host tells what a machine is right now: its network devices as
// netlink, sysfs and the udev database show them, and the facts about the
// system that .link files ask for. All of it goes into a Snapshot, which can
// be saved and taken in the machine's place anywhere else.
//
// [Probe] finds the release of systemd. What else there is to know is asked of
// the [Machine] that it returns, step by step, since the answer to one question
// says which is the next: the caller makes the Snapshot of the answers, once.
//
// The package decides nothing about .link files and does not read them: the
// caller puts linkfiles.Read's Store into Snapshot.Files. It changes nothing
// on the machine. What cannot be read, or cannot be shown to be about the
// device or machine in question, is unknown with a reason.
package host
