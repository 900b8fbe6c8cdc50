package change

import (
	"errors"
	"fmt"
	"slices"

	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// verifyLink compares the present files with the plan: the error says why the override is
// not effective.
func (p *Plan) verifyLink(in Input, now *linkfiles.Store) error {
	if p.Path == "" {
		return nil
	}
	before, _ := now.With(p.Path, nil)
	if before == nil {
		return fmt.Errorf("%s does not exist", p.Path)
	}
	v := &planner{in: in, target: p.Target, store: before}
	v.parse()
	if err := v.devicesAndBase(); err != nil {
		return err
	}
	return v.works(now, p.Path)
}

func verifyAll(in Input, plans []*Plan, store, netDevs *linkfiles.Store) error {
	for _, p := range plans {
		if err := p.verifyLink(in, store); err != nil {
			return fmt.Errorf("%s has no effect: %w", p.Path, err)
		}
		if err := p.verifyNetDevs(in, netDevs); err != nil {
			return err
		}
	}
	return nil
}

// works checks what udevd would do with the files of after.
func (p *planner) works(after *linkfiles.Store, name string) error {
	tree := linkfiles.Parse(after, p.in.Release)
	if err := matchTaken(tree, name); err != nil {
		return err
	}
	decider := tree.For(&p.in.Snapshot.System)
	if err := p.worksForTarget(decider, name); err != nil {
		return err
	}
	if p.target.Name != "" && p.appliesToStranger(decider, name) {
		return fmt.Errorf("udevd %d ignores such a name, and would apply the file to other devices too", p.in.Release)
	}
	for _, d := range p.others {
		if !sameDecision(d.decision, decider.Decide(d.facts)) {
			return fmt.Errorf("it would change the file or settings of %s", d.name)
		}
	}
	return nil
}

// worksForTarget says for which devices of the target it is not effective.
func (p *planner) worksForTarget(decider *linkfiles.Decider, name string) (failed error) {
	for i, d := range p.devices {
		err := effective(decider.Decide(d.facts), name, p.base)
		switch {
		case err == nil:
		case i > 0 && d.renamed && errors.Is(err, errNotApplied):
			// Some releases do not match a renamed device by OriginalName=.
		default:
			failed = both(failed, fmt.Errorf("for %s, %w", d.name, err))
		}
	}
	return failed
}

// appliesToStranger reports whether udevd would apply the override to a device of another
// name. udevd ignores a name that is not valid, such as one that is not ASCII, and a file
// without names is for every device of the kind.
func (p *planner) appliesToStranger(decider *linkfiles.Decider, name string) bool {
	stranger := *p.devices[0].facts
	if stranger.Name = "linkaudit0"; p.target.Name == stranger.Name {
		stranger.Name = "linkaudit1"
	}
	f := decider.Decide(&stranger).File.Or(nil)
	return f != nil && f.Path == name
}

// matchTaken makes sure that udevd accepts every line of the override's [Match]: without
// its OriginalName= it would be for every device of the kind.
func matchTaken(tree *linkfiles.Tree, name string) error {
	for _, f := range tree.Files {
		for _, a := range f.Assignments {
			if a.File == name && a.Section == "Match" && !a.Taken {
				return fmt.Errorf("udevd does not accept %s=%s", a.Key, a.Value)
			}
		}
	}
	return nil
}

var errNotApplied = errors.New("it does not apply")

// effective reports why the override name does not work: it must apply, with
// MACAddressPolicy=none and otherwise the settings of base.
func effective(d linkfiles.Decision, name string, base *linkfiles.File) error {
	f, ok := d.File.Get()
	switch {
	case d.File.IsUnknown():
		return fmt.Errorf("%w, or that is unknown: %s", errNotApplied, words.Of(d.File.Reason()))
	case !ok:
		return errNotApplied
	case f.Path != name && !slices.Contains(f.DropIns, name):
		return fmt.Errorf("%w; %s does", errNotApplied, f.Path)
	}
	switch set, sets := f.MACAddressPolicy(); {
	case !sets:
		return fmt.Errorf("%s does not set MACAddressPolicy=", f.Path)
	case set.Value != "none":
		return fmt.Errorf("MACAddressPolicy=%s is effective, %s", set.Value, set.Pos)
	}
	if set, ok := f.MACAddress(); ok {
		return fmt.Errorf("MACAddress=%s is effective, %s", set.Value, set.Pos)
	}
	if want, is := settings(base), settings(f); !slices.Equal(want, is) {
		return fmt.Errorf("the other settings of %s cannot be copied", fileName(base))
	}
	return nil
}

// settings are the settings of a file without the address, in order. Sections of the
// same name are told apart.
func settings(f *linkfiles.File) []string {
	if f == nil {
		return nil
	}
	var link, rest []string
	last, n := linkfiles.Pos{}, 0
	for _, a := range f.Assignments {
		switch {
		case a.Section == "Match", isAddressKey(a):
		case a.Section == "Link":
			if a.Taken {
				link = append(link, a.Key+"="+a.Value)
			}
		default:
			if a.SectionPos != last {
				last = a.SectionPos
				n++
			}
			rest = append(rest, fmt.Sprintf("%d %s %s=%s", n, a.Section, a.Key, a.Value))
		}
	}
	return append(link, rest...)
}

// sameDecision compares the decisions before and after a change.
func sameDecision(x, y linkfiles.Decision) bool {
	if x.File.IsUnknown() || y.File.IsUnknown() {
		return x.File.IsUnknown() == y.File.IsUnknown() && fileName(x.Otherwise) == fileName(y.Otherwise)
	}
	fx, fy := x.File.Or(nil), y.File.Or(nil)
	if fx == nil || fy == nil {
		return fx == fy
	}
	return fx.Path == fy.Path && slices.Equal(fx.DropIns, fy.DropIns) && sameAddress(fx, fy) && slices.Equal(settings(fx), settings(fy))
}

func sameAddress(x, y *linkfiles.File) bool {
	px, _ := x.MACAddressPolicy()
	py, _ := y.MACAddressPolicy()
	ax, _ := x.MACAddress()
	ay, _ := y.MACAddress()
	return px == py && ax == ay
}
