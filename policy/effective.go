package policy

import "linkaudit/linkfiles"

// The values of MACAddressPolicy= (systemd.link(5)).
const (
	Persistent = "persistent"
	Random     = "random"
	None       = "none"
)

// Effective is what the .link files ask for of one device.
type Effective struct {
	// File is the file that udevd applies, with its drop-ins: absent where none applies,
	// unknown where a condition cannot be evaluated.
	File linkfiles.Fact[*linkfiles.File]
	// Policy is MACAddressPolicy= of the file: absent where it sets none, which has the
	// same effect as [None]. Where the file is not known it is known all the same if
	// every file that may apply says the same.
	Policy linkfiles.Fact[string]
	// Source is the line that sets the policy, the zero value where none does, or where
	// the file is not known.
	Source linkfiles.Pos
}

// Of returns what a decision about a device comes to.
func Of(d *linkfiles.Decision) Effective {
	e := Effective{File: d.File, Policy: linkfiles.Absent[string]()}
	f, known := d.File.Get()
	switch {
	case d.File.IsUnknown():
		e.Policy = whatever(d)
	case known:
		if set, ok := f.MACAddressPolicy(); ok {
			e.Policy, e.Source = linkfiles.Known(set.Value), set.Pos
		}
	}
	return e
}

// whatever is the policy where the file that applies is not known.
func whatever(d *linkfiles.Decision) linkfiles.Fact[string] {
	unknown := linkfiles.Unknown[string](d.File.Reason())
	policy := OfFile(d.Otherwise)
	for _, may := range d.Unknown {
		if may.File.State != linkfiles.StateActive || OfFile(may.File) != policy {
			return unknown
		}
	}
	if len(d.Unknown) == 0 {
		return unknown // a directory could not be read
	}
	return linkfiles.Text(policy)
}

// OfFile is the MACAddressPolicy= of a file, "" for none and where there is no file.
func OfFile(f *linkfiles.File) string {
	if f == nil {
		return ""
	}
	set, _ := f.MACAddressPolicy()
	return set.Value
}
