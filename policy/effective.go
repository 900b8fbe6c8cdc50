package policy

import "linkaudit/linkfiles"

// The values of MACAddressPolicy= (systemd.link(5)).
const (
	Persistent = "persistent"
	Random     = "random"
	None       = "none"
)

// Effective is what the .link files set for one device.
type Effective struct {
	// File is the file that udevd applies, with its drop-ins: absent if none applies,
	// unknown if a condition is unknown.
	File linkfiles.Fact[*linkfiles.File]
	// Policy is MACAddressPolicy= of the file: absent if it sets none, which has the same
	// effect as [None]. If the file is unknown, the policy is still known if every file
	// that may apply has the same.
	Policy linkfiles.Fact[string]
	// Source is the line that sets the policy, the zero value if none does, or if the file
	// is unknown.
	Source linkfiles.Pos
}

// Of returns the result of a decision about a device.
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

// whatever is the policy if the file that applies is unknown.
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

// OfFile is the MACAddressPolicy= of a file, "" for none and for no file.
func OfFile(f *linkfiles.File) string {
	if f == nil {
		return ""
	}
	set, _ := f.MACAddressPolicy()
	return set.Value
}
