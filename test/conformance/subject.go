package conformance

import (
	"fmt"
	"slices"

	"linkaudit/linkfiles"
)

// Ours is the verdict of the code under test about each device of the case,
// whose tree is laid out below root. A panic becomes the verdict's Failure.
func Ours(root string, c *Case, release int) (verdicts []Verdict) {
	verdicts = make([]Verdict, len(c.Devices))
	failed := func(reason string) {
		for i := range verdicts {
			verdicts[i] = Verdict{Failure: reason}
		}
	}
	defer func() {
		if p := recover(); p != nil {
			failed(fmt.Sprintf("panic: %v", p))
		}
	}()
	store, err := linkfiles.Read(root)
	if err != nil {
		failed(err.Error())
		return verdicts
	}
	tree := linkfiles.Parse(store, linkfiles.Release(release))
	sys := c.Machine.System()
	decider := tree.For(sys)
	var complaints []Complaint
	complain := func(file string, used bool, diagnostics []linkfiles.Diagnostic) {
		for _, d := range diagnostics {
			switch {
			case d.Late && !used:
				// udevd gives the file up at its conditions, before it
				// comes to this.
			case d.Level == linkfiles.LevelInfo:
				// udevd says nothing of it.
			case d.Code == linkfiles.CodeDropInUnsupported:
				// That a release reads no drop-ins is our warning.
			case d.Code == linkfiles.CodeMACAddressIgnored:
				// udevd names the .link file only, we the line too.
				complaints = append(complaints, Complaint{string(d.Level), file, 0})
			default:
				complaints = append(complaints, Complaint{string(d.Level), d.File, d.Line})
			}
		}
	}
	complain("", true, tree.Diagnostics)
	for _, f := range tree.Files {
		complain(f.Path, decider.Uses(f), f.Diagnostics)
	}
	for i, d := range c.Devices {
		decision := decider.Decide(d.Facts())
		v := Verdict{Unpredictable: decision.NameUnpredictable, Complaints: slices.Clone(complaints)}
		if f, ok := decision.File.Get(); ok {
			v.File, v.DropIns = f.Path, f.DropIns
		} else if decision.File.IsUnknown() {
			v.Failure = "unknown: " + decision.File.Reason()
		}
		v.normalise()
		verdicts[i] = v
	}
	return verdicts
}

// reportsDropIns says whether the release's udevadm names the drop-ins of the
// file that applies (ID_NET_LINK_FILE_DROPINS). Where it does not, they can be
// seen only by the complaints about their lines.
func reportsDropIns(release int) bool { return release >= 257 }

// comparable takes out of our verdict what the release's udevadm cannot say.
func comparable(release int, ours Verdict) Verdict {
	if !reportsDropIns(release) {
		ours.DropIns = nil
	}
	return ours
}
