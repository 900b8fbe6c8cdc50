// Package linkfiles reads trees of systemd.link(5) files as systemd-udevd of a given release
// reads them, and says which file applies to a device and why the others do not.
//
// It has three steps. [Read] reads everything below the search path into a [Store]:
// directories, files, drop-ins, masks, and what could not be read. [Parse] makes a [Tree]
// from the Store for one [Release]: which files there are, what they set, and what udevd
// complains about. [Tree.For] tests the conditions of the machine and returns a [Decider],
// which answers for one [Device] after the other: [Decider.Decide] with the file that applies,
// [Decider.Explain] with the fate of every file. Only Read does I/O; a Store can be saved as
// JSON and parsed later, elsewhere, for another release.
//
// It knows releases 239 to 262, and their differences in search path, drop-ins, grammar, keys,
// values and matching. They come from the sources, and are compared with real udevds.
//
// It does not guess: a value of a device or machine is a [Fact], which may be unknown for a
// reason. A condition on it is then undecided, and so is the decision, if the file comes
// before the one that would apply.
//
// The files of systemd-networkd in the same directories can be read, too ([NetDevFiles],
// [NetworkFiles]), as far as they matter for a device's address.
//
// What the package does not do, on purpose:
//   - It does not look at devices or the machine. The caller fills [Device] and [System];
//     [Tree.Needs] says what they need.
//   - It does not say what a setting does to a device, except for settings that the kernel
//     refuses together with the address ([File.Refusal]).
//   - It does not know the udev rules before the files are applied, which can keep a device
//     from getting any.
//   - It writes nothing. [Store.With] shows the result of a change.
package linkfiles
