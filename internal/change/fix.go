package change

import (
	"context"
	"fmt"
	"slices"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
)

// Fix makes MACAddressPolicy=none effective for the targets. After an error no file
// is changed, unless the error says so.
func Fix(ctx context.Context, o Options) (*Result, error) {
	in, unlock, err := o.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	w := &work{Options: o, in: in, result: &Result{}, targets: o.Targets}
	return w.run(ctx, &fixing{work: w})
}

// fixing has the stages of Fix.
type fixing struct {
	*work
	// live are the addresses to set.
	live []LiveChange
}

func (f *fixing) plan() error {
	snap, err := f.planFiles()
	if err != nil {
		return err
	}
	f.files = &snap.Files
	r := f.result
	r.remainsEdited(snap, f.in.Release, f.in.Place)
	if f.live, err = f.planLive(); err != nil {
		return err
	}
	if f.Plan {
		r.Live = f.live
	}
	return nil
}

// planFiles plans for one target after the other, each as if the earlier plans were
// carried out, and returns the snapshot as it is after all of them.
func (f *fixing) planFiles() (*host.Snapshot, error) {
	snap, networkd := *f.in.Snapshot, *f.in.Networkd
	for _, t := range f.Targets {
		in := f.in
		in.Snapshot, in.Networkd = &snap, &networkd
		p, err := in.Plan(t)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(f.result.Plans, func(q *Plan) bool { return q.Target == p.Target }) {
			continue
		}
		f.result.Plans = append(f.result.Plans, p)
		if !p.Changed() {
			continue
		}
		f.result.Changed = true
		if err := p.assume(&snap, &networkd); err != nil {
			return nil, err
		}
	}
	return &snap, nil
}

// assume puts what the plan changes into what was read.
func (p *Plan) assume(snap *host.Snapshot, networkd *netconf.NetworkdFiles) error {
	after := &snap.Files
	for _, old := range p.Remove {
		after, _ = after.With(old.Path, nil)
	}
	if p.Path != "" {
		if after, _ = after.With(p.Path, p.Content); after == nil {
			return fmt.Errorf("%s is in the way", p.Path)
		}
	}
	snap.Files = *after
	for _, n := range p.NetDevs {
		if networkd.NetDev, _ = networkd.NetDev.With(n.Path, n.Content); networkd.NetDev == nil {
			return fmt.Errorf("%s is in the way", n.Path)
		}
	}
	return nil
}

func (f *fixing) verifyAsIs() error {
	return verifyAll(f.in, f.result.Plans, &f.in.Snapshot.Files, f.in.Networkd.NetDev)
}

func (f *fixing) write(ctx context.Context) (*doneSteps, error) {
	return applyPlans(ctx, f.Root, f.result.Plans)
}

func (f *fixing) verify() error {
	store, err := linkfiles.Read(f.Root)
	if err != nil {
		return err
	}
	netDevs, err := linkfiles.ReadConfig(f.Root, linkfiles.NetDevFiles)
	if err != nil {
		return err
	}
	netDevs = (&netconf.NetworkdFiles{NetDev: netDevs}).Rendered(f.in.Snapshot.Declarations.Or(nil)).NetDev
	return verifyAll(f.in, f.result.Plans, store, netDevs)
}

func (f *fixing) verifyReloaded(ctx context.Context) error {
	if f.Root != "/" || f.in.Release < harmlessTest || f.result.unheard {
		return nil
	}
	for _, p := range f.result.Plans {
		d := f.in.Snapshot.Device(p.Target.Name)
		if p.Path == "" || p.Target.Name == "" || d == nil {
			continue
		}
		if err := p.verifyApplied(ctx, d.Name); err != nil {
			return err
		}
	}
	return nil
}

// verifyApplied asks udev which file it would apply to the device.
func (p *Plan) verifyApplied(ctx context.Context, device string) error {
	file, err := appliedByUdev(ctx, device)
	if err != nil {
		return fmt.Errorf("ask udev which file it would apply to %s: %w", device, err)
	}
	want := p.Path
	if isDropIn(p.Path) {
		want = p.Base.Path
	}
	if file != want {
		return fmt.Errorf("udev would apply %q to %s, not %s", file, device, want)
	}
	return nil
}

func isDropIn(name string) bool { return (&override.Override{Path: name}).DropIn() }

func (f *fixing) record() {
	for _, p := range f.result.Plans {
		if p.LinkChanged() {
			f.tell(entry{"fix", p.Target.String(), p.Path, hash(p.Old), hash(p.Content)})
		}
		for _, n := range p.NetDevs {
			if n.Changed() {
				f.tell(entry{"fix", p.Target.String(), n.Path, hash(n.Old), hash(n.Content)})
			}
		}
		for _, old := range p.Remove {
			text, _ := f.in.Snapshot.Files.Content(old.Path)
			f.tell(entry{"fix, removed", p.Target.String(), old.Path, hash(text), ""})
		}
	}
}

// finish sets the addresses of devices that exist.
func (f *fixing) finish() error {
	for _, c := range f.live {
		if err := setAddress(c); err != nil {
			return fmt.Errorf("the override is effective, but: %w", err)
		}
		f.result.Live = append(f.result.Live, c)
		f.result.record(entry{"set-address", c.Device, "", c.Was.String(), c.MAC.String()})
		f.Say(fmt.Sprintf("set the address of %s to %s (port %s)", c.Device, c.MAC, c.From))
	}
	return nil
}

// planLive works out what is left to do for existing devices, and which addresses to
// set now.
func (f *fixing) planLive() (todo []LiveChange, err error) {
	if f.in.Snapshot.Udev.SetupLinkRule.IsAbsent() {
		f.result.remains("80-net-setup-link.rules is masked or missing: udev applies no .link files")
	}
	seen := map[string]bool{}
	for _, p := range f.result.Plans {
		for i := range f.in.Snapshot.Devices {
			d := &f.in.Snapshot.Devices[i]
			if seen[d.Name] || !isOf(d, p.Target) {
				continue
			}
			seen[d.Name] = true
			c, now, err := f.planLiveOf(d, p)
			if err != nil {
				return nil, err
			}
			if now {
				todo = append(todo, c)
			}
		}
	}
	return todo, nil
}

// isOf reports whether an existing device belongs to the target, by name or by kind.
func isOf(d *host.Device, t override.Target) bool {
	return t.Name == d.Name || t.Name == "" && t.Kind == d.Kind
}

// planLiveOf reports whether to set the address of the device now. Otherwise it notes
// what is left to do.
func (f *fixing) planLiveOf(d *host.Device, p *Plan) (c LiveChange, now bool, err error) {
	lasting, _ := audit.PortsOf(f.in.Snapshot, d)
	c = kernelsAddress(d, lasting)
	if c.MAC == "" && c.cannot.reason == canSet {
		return c, false, nil
	}
	keeps := fmt.Sprintf("%s keeps %s (addr_assign_type 3, set) until you recreate it%s or reboot", d.Name, d.MAC, p.recreates(f.in.Release, d.Name))
	switch {
	case c.cannot.reason != canSet:
		f.result.remains("%s; --apply cannot change it: %s", keeps, c.cannot.words(d))
	case !f.Live:
		f.result.remains("%s; to set %s (port %s) now: %s", keeps, c.MAC, c.From, remedy.Command{Name: "fix --apply", Target: p.Target, Place: f.place()})
	case c.Disturbs && !f.Yes:
		return c, false, fmt.Errorf("%s; use --yes to set %s anyway", disturbsWords(c), c.MAC)
	default:
		return c, true, nil
	}
	return c, false, nil
}
