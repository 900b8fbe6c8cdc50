package conformance

import (
	"context"
	"fmt"
	"slices"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// Ours is the verdict of the code under test about each device of the case; its tree is
// laid out below root. A panic becomes the verdict's Failure.
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
	if sys.Glibc, err = glibc(root, tree.Release); err != nil {
		failed(err.Error())
		return verdicts
	}
	decider := tree.For(sys)
	var complaints []Complaint
	complain := func(file string, used bool, diagnostics []linkfiles.Diagnostic) {
		for _, d := range diagnostics {
			switch {
			case d.Late && !used:
				// udevd rejects the file at its conditions, before it gets here.
			case d.Level == linkfiles.LevelInfo:
				// udevd does not report it.
			case d.Code == linkfiles.CodeDropInUnsupported:
				// It is our own warning that a release reads no drop-ins.
			case d.Code == linkfiles.CodeCommentInMatch:
				// So is the one about what looks like a comment.
			case d.Code == linkfiles.CodeMACAddressIgnored:
				// udevd names only the .link file, we also the line.
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
		if err := explained(decision, decider.Explain(d.Facts())); err != nil {
			verdicts[i].Failure = err.Error()
			continue
		}
		v := Verdict{Unpredictable: decision.NameUnpredictable, Complaints: slices.Clone(complaints)}
		if f, ok := decision.File.Get(); ok {
			v.File, v.DropIns = f.Path, f.DropIns
		} else if decision.File.IsUnknown() {
			v.Failure = "unknown: " + words.Of(decision.File.Reason())
		}
		v.normalise()
		verdicts[i] = v
	}
	return verdicts
}

// explained compares the explanation of a decision with it: the same file applies, and
// the same ones are in doubt.
func explained(decision linkfiles.Decision, verdicts []linkfiles.Verdict) error {
	var applies, otherwise *linkfiles.File
	var doubtful []*linkfiles.File
	for _, v := range verdicts {
		switch v.Fate {
		case linkfiles.FateApplies:
			applies = v.File
		case linkfiles.FateOtherwise:
			otherwise = v.File
		case linkfiles.FateUnknown:
			if v.Reached {
				doubtful = append(doubtful, v.File)
			}
		}
		if v.Fate != linkfiles.FateApplies && v.Fate != linkfiles.FateOtherwise && v.Fate != linkfiles.FateLater && v.Reason == nil {
			return fmt.Errorf("explain: %s is %s for no reason", v.File.Path, v.Fate)
		}
	}
	var unknown []*linkfiles.File
	for _, s := range decision.Unknown {
		unknown = append(unknown, s.File)
	}
	if applies != decision.File.Or(nil) || otherwise != decision.Otherwise || !slices.Equal(doubtful, unknown) && len(unknown) > 0 {
		return fmt.Errorf("explain: %+v, but the decision is %+v", verdicts, decision)
	}
	return nil
}

// reportsDropIns reports whether the release's udevadm names the drop-ins of the file
// that applies (ID_NET_LINK_FILE_DROPINS). Otherwise only the complaints about their
// lines show them.
func reportsDropIns(release int) bool { return release >= 253 }

// comparable removes from our verdict what the release's udevadm cannot report.
func comparable(release int, ours Verdict) Verdict {
	if !reportsDropIns(release) {
		ours.DropIns = nil
	}
	return ours
}

// glibc is the version of the release's own C library, which no case can choose.
func glibc(root string, release linkfiles.Release) (fact.Fact[string], error) {
	m, err := host.Probe(context.Background(), root, release)
	if err != nil {
		return fact.Fact[string]{}, err
	}
	defer m.Close()
	return m.Facts(context.Background(), host.WantGlibc).System.Glibc, nil
}
