// Package linkfiles reads trees of systemd.link(5) files as systemd-udevd of a
// given release reads them, and says which file applies to a device and why the
// others do not.
//
// It goes in three steps. [Read] takes everything below the search path into a
// [Store]: directories, files, drop-ins, masks, and what could not be read. [Parse]
// makes a [Tree] of the Store for one [Release]: which files there are, what they
// set, and what udevd complains about. [Tree.For] asks the conditions of the machine
// and returns a [Decider], which answers for one [Device] after the other:
// [Decider.Decide] with the file that applies, [Decider.Explain] with the fate of
// every file. Only Read does I/O; a Store can be saved as JSON and be parsed later,
// elsewhere, for another release.
//
// Releases 239 to 262 are told apart, in search path, drop-ins, grammar, keys, values
// and matching. What each does was read off its sources and is compared with the
// answers of real udevds.
//
// What cannot be known is not guessed: a value of a device or machine is a [Fact],
// which may be unknown for a reason. A condition on it is undecided then, and so is
// the decision, where the file comes before the one that would apply.
//
// The files of systemd-networkd that lie in the same directories can be read as well
// ([NetDevFiles], [NetworkFiles]), as far as they bear on a device's address.
//
// What the package deliberately does not do:
//   - It does not look at devices or the machine. The caller fills [Device] and
//     [System]; [Tree.Needs] says what has to be known.
//   - It does not say what a setting does to a device, but for the settings that the
//     kernel refuses together with the address ([File.Refusal]).
//   - It does not know the udev rules that come before the files are applied, by
//     which a device may get none at all.
//   - It writes nothing. [Store.With] shows what a change would bring.
package linkfiles
