package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// Options are those of Fix and TakeBack.
type Options struct {
	// Root is "/" for the running machine; anything else is an image, in
	// which nothing but files is changed.
	Root string
	// Release is the one that the user said there is, 0 for the one found.
	Release linkfiles.Release
	Targets []override.Target
	// Plan says that nothing is to be changed, only planned.
	Plan bool
	// Interrupted has TakeBack take back what a run did that was killed, and no more;
	// that is done before any other change in any case.
	Interrupted bool
	// NoReload leaves udevd alone.
	NoReload bool
	// Force takes or removes an override that somebody edited.
	Force bool
	// Live sets the address of devices that exist; Yes also where that
	// disturbs traffic.
	Live, Yes bool
	// UpdateInitramfs makes stale initramfs images anew.
	UpdateInitramfs bool
	// ReadInitramfs puts the images that there are now into the snapshot.
	ReadInitramfs func(context.Context, *host.Snapshot)
	// Collect makes the snapshot, with its files, that everything is decided
	// on. It is called while the lock is held.
	Collect func(context.Context) (*host.Snapshot, error)
	// Say tells of progress, a line at a time.
	Say func(string)
}

// place is where the commands that are left to the user are to be run.
func (o Options) place() policy.Place {
	at := policy.Place{Root: o.Root, Release: o.Release}
	if at.Root == "/" {
		at.Root = ""
	}
	return at
}

// Result is what Fix did, or would do.
type Result struct {
	Plans []*Plan
	// Removed are the overrides that TakeBack removed, or would.
	Removed []*override.Override
	// Before holds their texts.
	Before map[string][]byte

	Changed, Reloaded, Verified bool
	// Recovered: what a run did that was killed was taken back, or would be.
	Recovered bool
	// reloadAsked: udevd may have read what was written, even where Reloaded is
	// false.
	reloadAsked bool
	// unheard: there is a udevd, or may be one, but none that reads the files.
	unheard    bool
	reloadedBy string
	// unrecorded: the journal does not take what is recorded.
	unrecorded bool
	// Live are the addresses that were set, or would be.
	Live []LiveChange
	// Initramfs are the images that are stale, or were until they were updated.
	Initramfs []StaleImage
	// UpdatesInitramfs: images were made anew, or would be.
	UpdatesInitramfs bool
	// Remaining says what is left to do, a sentence each.
	Remaining []string
}

// errNotRoot is for who may not change anything.
var errNotRoot = errors.New("changing .link files needs root; --dry-run shows what would be changed")

// begin locks, unless it is only planned, and looks at the machine.
func (o Options) begin(ctx context.Context) (*Lock, Input, error) {
	var lock *Lock
	if !o.Plan {
		if o.Root == "/" && os.Geteuid() != 0 {
			return nil, Input{}, errNotRoot
		}
		var err error
		if lock, err = AcquireLock(ctx, o.Root); err != nil {
			return nil, Input{}, err
		}
	}
	fail := func(err error) (*Lock, Input, error) {
		if lock != nil {
			lock.Release()
		}
		return nil, Input{}, err
	}
	var said []string
	if lock != nil {
		var err error
		if said, err = o.recover(ctx); err != nil {
			return fail(err)
		}
	} else if name := Interrupted(o.Root); name != "" {
		o.Say(fmt.Sprintf("%s is of a run that is at work or was killed: what that did is taken back first", name))
	}
	snap, err := o.Collect(ctx)
	if err != nil {
		return fail(err)
	}
	rel, err := snap.Systemd.Needed()
	if err != nil {
		return fail(err)
	}
	files, err := netconf.ReadNetworkd(o.Root)
	if err != nil {
		return fail(err)
	}
	snap.Interrupted = "" // it is taken back
	return lock, Input{Snapshot: snap, Release: rel, DirExists: DirExists(o.Root), Force: o.Force, Place: o.place(), recovered: len(said) > 0,
		Networkd:       files.Rendered(snap.Declarations.Or(nil)),
		NetworkdActive: host.FindNetworkd(o.Root, files.Configured()).Active()}, nil
}

// recover takes back what a run did that was killed.
func (o Options) recover(ctx context.Context) ([]string, error) {
	t, err := openTree(o.Root)
	if err != nil {
		return nil, err
	}
	defer t.close()
	said, err := t.recover(ctx)
	for _, line := range said {
		o.Say(line)
	}
	return said, err
}

// Fix puts MACAddressPolicy=none in force for the targets. An error means that
// no file is changed, unless it says otherwise.
func Fix(ctx context.Context, o Options) (*Result, error) {
	lock, in, err := o.begin(ctx)
	if err != nil {
		return nil, err
	}
	if lock != nil {
		defer lock.Release()
	}
	r := &Result{}
	// Each plan is made as if the ones before it were carried out.
	next, networkd := *in.Snapshot, *in.Networkd
	for _, t := range o.Targets {
		step := in
		step.Snapshot, step.Networkd = &next, &networkd
		p, err := step.Plan(t)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(r.Plans, func(q *Plan) bool { return q.Target == p.Target }) {
			continue
		}
		r.Plans = append(r.Plans, p)
		if !p.Changed() {
			continue
		}
		r.Changed = true
		after := &next.Files
		for _, old := range p.Remove {
			after, _ = after.With(old.Path, nil)
		}
		if p.Path != "" {
			if after, _ = after.With(p.Path, p.Content); after == nil {
				return nil, fmt.Errorf("%s is in the way", p.Path)
			}
		}
		next.Files = *after
		for _, n := range p.NetDevs {
			if networkd.NetDev, _ = networkd.NetDev.With(n.Path, n.Content); networkd.NetDev == nil {
				return nil, fmt.Errorf("%s is in the way", n.Path)
			}
		}
	}
	r.Remaining = append(r.Remaining, stillEdited(r.Plans, &next, in.Release, in.Place)...)
	live, err := r.planLive(in, o)
	if err != nil {
		return nil, err
	}
	if o.Plan {
		r.Live = live
		return r, o.initramfs(ctx, in, r, &next.Files, o.Targets)
	}
	if r.Changed {
		applied, err := Apply(ctx, o.Root, r.Plans)
		if err != nil {
			return nil, err
		}
		if err = o.takeEffect(ctx, in, r); err == nil {
			err = r.commit(applied)
		}
		if err != nil {
			return nil, takeBack(ctx, applied, r, err)
		}
		for _, p := range r.Plans {
			if p.LinkChanged() {
				o.tell(r, entry{"fix", p.Target.String(), p.Path, hash(p.Old), hash(p.Content)})
			}
			for _, n := range p.NetDevs {
				if n.Changed() {
					o.tell(r, entry{"fix", p.Target.String(), n.Path, hash(n.Old), hash(n.Content)})
				}
			}
			for _, old := range p.Remove {
				text, _ := in.Snapshot.Files.Content(old.Path)
				o.tell(r, entry{"fix, removed", p.Target.String(), old.Path, hash(text), ""})
			}
		}
		o.sayReloaded(r)
	} else if err := verifyAll(in, r.Plans, &in.Snapshot.Files, in.Networkd.NetDev); err != nil {
		return nil, err
	} else if err := o.reloadRecovered(ctx, in, r); err != nil {
		return r, err
	}
	r.Verified = !r.unheard
	for _, c := range live {
		if err := setAddress(c); err != nil {
			return r, fmt.Errorf("the override is in force, but: %w", err)
		}
		r.Live = append(r.Live, c)
		r.record(entry{"set-address", c.Device, "", c.Was, c.MAC})
		o.Say(fmt.Sprintf("set the address of %s to %s, that of its port %s", c.Device, c.MAC, c.From))
	}
	return r, o.initramfs(ctx, in, r, &next.Files, o.Targets)
}

// takeEffect verifies what was written, has udevd reload and asks it.
func (o Options) takeEffect(ctx context.Context, in Input, r *Result) error {
	store, err := linkfiles.Read(o.Root)
	if err != nil {
		return err
	}
	netDevs, err := linkfiles.ReadKind(o.Root, linkfiles.NetDev)
	if err != nil {
		return err
	}
	netDevs = (&netconf.NetworkdFiles{NetDev: netDevs}).Rendered(in.Snapshot.Declarations.Or(nil)).NetDev
	if err := verifyAll(in, r.Plans, store, netDevs); err != nil {
		return err
	}
	if err := o.reload(ctx, in, r); err != nil {
		return err
	}
	if o.Root != "/" || in.Release < harmlessTest || r.unheard {
		return nil
	}
	for _, p := range r.Plans {
		d := in.Snapshot.Device(p.Target.Name)
		if p.Path == "" || p.Target.Name == "" || d == nil {
			continue
		}
		file, err := appliedByUdev(ctx, d.Name)
		want := p.Path
		if base := p.Base; isDropIn(p.Path) {
			want = base.Path
		}
		switch {
		case err != nil:
			return fmt.Errorf("ask udev which file it would apply to %s: %w", d.Name, err)
		case file != want:
			return fmt.Errorf("udev itself would not apply %s to %s but %q", want, d.Name, file)
		}
	}
	return nil
}

func isDropIn(name string) bool { return (&override.Override{Path: name}).DropIn() }

// reload has udevd reload unless there is nobody to do it or nobody wants it.
func (o Options) reload(ctx context.Context, in Input, r *Result) error {
	running, known := in.Snapshot.Udev.Running.Get()
	switch {
	case o.Root != "/":
		return nil
	case o.NoReload:
		r.Remaining = append(r.Remaining, "udevd was not reloaded; it reads the files by itself within some seconds, or at once with udevadm control --reload")
		return nil
	case known && !running:
		r.Remaining = append(r.Remaining, "systemd-udevd does not run: no .link file is applied to any device until it does")
		return nil
	}
	if why := elsewhere(); why != "" {
		r.unheard = true
		r.Remaining = append(r.Remaining, "udevd was not reloaded: "+why)
		return nil
	}
	r.reloadAsked = true
	how, err := reload(ctx)
	if err != nil {
		return fmt.Errorf("reload udevd: %w", err)
	}
	r.Reloaded, r.reloadedBy = true, how
	return nil
}

// reloadRecovered has udevd forget what a run that was killed had it read, where nothing
// else is changed.
func (o Options) reloadRecovered(ctx context.Context, in Input, r *Result) error {
	if !in.recovered {
		return nil
	}
	err := o.reload(ctx, in, r)
	o.sayReloaded(r)
	return err
}

// commit keeps what is done.
func (r *Result) commit(applied *Applied) error {
	unsynced, err := applied.Commit()
	if unsynced != nil {
		r.Remaining = append(r.Remaining, unsynced.Error())
	}
	return err
}

// tell records a change of a file, and says so.
func (o Options) tell(r *Result, e entry) {
	said := message(e.action, e.target, e.file)
	e.file = path.Join(o.Root, e.file)
	r.record(e)
	o.Say(said)
}

// takeBack undoes what was written because of an error. udevd may have read it.
func takeBack(ctx context.Context, applied *Applied, r *Result, because error) error {
	err := applied.failed(because)
	if r.reloadAsked {
		// Also where the run was told to end.
		if _, again := reload(context.WithoutCancel(ctx)); again != nil {
			err = fmt.Errorf("%w; and udevd was not reloaded after that: %v", err, again)
		}
	}
	return err
}

// sayReloaded tells of a reload once the change stays.
func (o Options) sayReloaded(r *Result) {
	if r.Reloaded {
		o.Say(r.reloadedBy)
	}
}

func verifyAll(in Input, plans []*Plan, store, netDevs *linkfiles.Store) error {
	for _, p := range plans {
		if err := p.Verify(in, store); err != nil {
			return fmt.Errorf("%s did not take effect: %w", p.Path, err)
		}
		if err := p.verifyNetDevs(in, netDevs); err != nil {
			return err
		}
	}
	return nil
}

// planLive works out what is left to do for devices that exist, and which
// addresses to set now.
func (r *Result) planLive(in Input, o Options) (todo []LiveChange, err error) {
	if in.Snapshot.Udev.SetupLinkRule.IsAbsent() {
		r.Remaining = append(r.Remaining, "80-net-setup-link.rules is masked or missing: udev applies no .link file to any device")
	}
	seen := map[string]bool{}
	for _, p := range r.Plans {
		for i := range in.Snapshot.Devices {
			d := &in.Snapshot.Devices[i]
			named := p.Target.Name == d.Name
			if !named && (p.Target.Name != "" || d.Kind != p.Target.Kind) || seen[d.Name] {
				continue
			}
			seen[d.Name] = true
			lasting, _ := policy.PortsOf(in.Snapshot, d)
			c := PlanLive(d, lasting)
			anew := fmt.Sprintf("%s carries %s (addr_assign_type 3, set) until it is created anew%s or the machine boots", d.Name, d.MAC, p.createsAnew(in.Release, d.Name))
			switch {
			case c.MAC == "" && c.Cannot == "":
			case c.Cannot != "":
				r.Remaining = append(r.Remaining, fmt.Sprintf("%s; --apply can do nothing: %s", anew, c.Cannot))
			case !o.Live:
				r.Remaining = append(r.Remaining, fmt.Sprintf("%s; --apply sets %s now, the address of its port %s", anew, c.MAC, c.From))
			case c.Disturbs != "" && !o.Yes:
				return nil, fmt.Errorf("%s; say --yes to set %s all the same", c.Disturbs, c.MAC)
			default:
				todo = append(todo, c)
			}
		}
	}
	return todo, nil
}

// TakeBack removes the overrides of the targets, or all where none is named.
func TakeBack(ctx context.Context, o Options) (*Result, error) {
	lock, in, err := o.begin(ctx)
	if err != nil {
		return nil, err
	}
	if lock != nil {
		defer lock.Release()
	}
	r := &Result{Before: map[string][]byte{}}
	if o.Interrupted {
		r.Recovered = in.recovered || o.Plan && Interrupted(o.Root) != ""
		return r, o.reloadRecovered(ctx, in, r)
	}
	if r.Removed, err = in.PlanUndo(o.Targets); err != nil {
		return nil, err
	}
	for _, u := range r.Removed {
		if text, ok := in.Snapshot.Files.Content(u.Path); ok {
			r.Before[u.Path] = text
			continue
		}
		r.Before[u.Path], _ = in.Networkd.NetDev.Content(u.Path)
	}
	r.Changed = len(r.Removed) > 0
	after := &in.Snapshot.Files
	targets := o.Targets
	for _, u := range r.Removed {
		if without, ok := after.With(u.Path, nil); ok {
			after = without
		}
		targets = append(targets, u.Target)
	}
	if o.Plan {
		return r, o.initramfs(ctx, in, r, after, targets)
	}
	if r.Changed {
		applied, err := Undo(ctx, o.Root, r.Removed)
		if err != nil {
			return nil, err
		}
		err = o.gone(r)
		if err == nil {
			err = o.reload(ctx, in, r)
		}
		if err == nil {
			err = r.commit(applied)
		}
		if err != nil {
			return nil, takeBack(ctx, applied, r, err)
		}
		for _, u := range r.Removed {
			o.tell(r, entry{"undo", u.Target.String(), u.Path, hash(r.Before[u.Path]), ""})
		}
		o.sayReloaded(r)
	} else if err := o.reloadRecovered(ctx, in, r); err != nil {
		return r, err
	}
	r.Verified = !r.unheard
	return r, o.initramfs(ctx, in, r, after, targets)
}

// gone makes sure that nothing of what was removed is still there.
func (o Options) gone(r *Result) error {
	var left []*override.Override
	for _, kind := range []linkfiles.Kind{linkfiles.Link, linkfiles.NetDev} {
		store, err := linkfiles.ReadKind(o.Root, kind)
		if err != nil {
			return err
		}
		if err := unreadable(store); err != nil {
			return err
		}
		left = append(left, override.Find(store)...)
	}
	for _, u := range r.Removed {
		if slices.ContainsFunc(left, func(x *override.Override) bool { return x.Path == u.Path }) {
			return fmt.Errorf("%s is still there", u.Path)
		}
	}
	return nil
}
