package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/override"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
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
	// UpdateInitramfs makes stale initramfs images again.
	UpdateInitramfs bool
	// ReadInitramfs reads the images that there are now.
	ReadInitramfs func(context.Context) []initramfs.Image
	// Collect makes the snapshot, with its files, that everything is decided
	// on. It is called while the lock is held.
	Collect func(context.Context) (*host.Snapshot, error)
	// Say tells of progress, a line at a time.
	Say func(string)
}

// place is where the commands that are left to the user are to be run.
func (o Options) place() remedy.Place {
	at := remedy.Place{Root: o.Root, Release: o.Release}
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
	// UpdatesInitramfs: images were made again, or would be.
	UpdatesInitramfs bool
	// Remaining says what is left to do, a sentence each.
	Remaining []string
}

// errNotRoot is for who may not change anything.
var errNotRoot = errors.New("changing .link files needs root; --dry-run shows what would be changed")

// begin locks, takes back what a run did that was killed, and looks at the machine. Where
// it is only planned it looks alone. The caller has to call unlock.
func (o Options) begin(ctx context.Context) (in Input, unlock func(), err error) {
	unlock, err = o.lock(ctx)
	if err != nil {
		return Input{}, nil, err
	}
	recovered, err := o.recover(ctx)
	if err == nil {
		in, err = o.look(ctx)
	}
	if err != nil {
		unlock()
		return Input{}, nil, err
	}
	in.recovered = recovered
	return in, unlock, nil
}

// lock keeps other runs away, unless it is only planned.
func (o Options) lock(ctx context.Context) (unlock func(), err error) {
	if o.Plan {
		return func() {}, nil
	}
	if o.Root == "/" && os.Geteuid() != 0 {
		return nil, errNotRoot
	}
	lock, err := acquireLock(ctx, o.Root)
	if err != nil {
		return nil, err
	}
	return lock.release, nil
}

// look makes the snapshot that everything is decided on.
func (o Options) look(ctx context.Context) (Input, error) {
	snap, err := o.Collect(ctx)
	if err != nil {
		return Input{}, err
	}
	rel, err := snap.Systemd.Needed()
	if err != nil {
		return Input{}, err
	}
	files, active, err := host.ReadNetworkd(o.Root)
	if err != nil {
		return Input{}, err
	}
	now := *snap
	now.Interrupted = "" // it is taken back
	return Input{Snapshot: &now, Release: rel, DirExists: dirsBelow(o.Root), Force: o.Force, Place: o.place(),
		Networkd: files.Rendered(snap.Declarations.Or(nil)), NetworkdActive: active}, nil
}

// recover takes back what a run did that was killed, and reports whether there was
// anything of it. Where it is only planned it says that there is.
func (o Options) recover(ctx context.Context) (recovered bool, err error) {
	if o.Plan {
		if name := Interrupted(o.Root); name != "" {
			o.Say(fmt.Sprintf("%s is of a run that is at work or was killed: what that did is taken back first", name))
		}
		return false, nil
	}
	t, err := openTree(o.Root)
	if err != nil {
		return false, err
	}
	defer t.close()
	said, err := t.recover(ctx)
	for _, line := range said {
		o.Say(line)
	}
	return len(said) > 0, err
}

// work is one run of Fix or TakeBack after it has looked.
type work struct {
	Options
	in     Input
	result *Result
	// files are those that the root has after the change, beside which the initramfs
	// images are held, for the targets.
	files   *linkfiles.Store
	targets []override.Target
}

// stages are what Fix and TakeBack do each in a way of its own.
type stages interface {
	// plan decides what is to be changed.
	plan() error
	// verifyAsIs holds the files that were looked at against the plan, where it changes
	// none of them.
	verifyAsIs() error
	// write changes the files, in a way that can be taken back.
	write(context.Context) (*doneSteps, error)
	// verify reads the files once more and holds them against the plan.
	verify() error
	// verifyReloaded asks udev, once udevd has reloaded.
	verifyReloaded(context.Context) error
	// record writes what was changed to the journal, and says it.
	record()
	// finish does what is left to do once the files are in force.
	finish() error
}

// run goes through the stages of a change, in their order. begin has locked, taken back
// what a run did that was killed, and looked.
func (w *work) run(ctx context.Context, s stages) (*Result, error) {
	r := w.result
	if err := s.plan(); err != nil {
		return nil, err
	}
	if w.Plan {
		return r, w.checkImages(ctx)
	}
	if r.Changed {
		if err := w.carryOut(ctx, s); err != nil {
			return nil, err
		}
		s.record()
		w.sayReloaded()
	} else {
		if err := s.verifyAsIs(); err != nil {
			return nil, err
		}
		if err := w.reloadRecovered(ctx); err != nil {
			return r, err
		}
	}
	r.Verified = !r.unheard
	if err := s.finish(); err != nil {
		return r, err
	}
	return r, w.checkImages(ctx)
}

// carryOut is the part of run that is done as a whole or not at all: write, verify, reload,
// verify, commit.
func (w *work) carryOut(ctx context.Context, s stages) error {
	applied, err := s.write(ctx)
	if err != nil {
		return err
	}
	if err = s.verify(); err == nil {
		err = w.reload(ctx)
	}
	if err == nil {
		err = s.verifyReloaded(ctx)
	}
	if err == nil {
		err = w.result.commit(applied)
	}
	if err != nil {
		return w.rollBackAndReload(ctx, applied, err)
	}
	return nil
}

// reload has udevd reload unless there is nobody to do it or nobody wants it.
func (w *work) reload(ctx context.Context) error {
	r := w.result
	running, known := w.in.Snapshot.Udev.Running.Get()
	switch {
	case w.Root != "/":
		return nil
	case w.NoReload:
		r.remains("udevd was not reloaded; it reads the files by itself within some seconds, or at once with udevadm control --reload")
		return nil
	case known && !running:
		r.remains("systemd-udevd does not run: no .link file is applied to any device until it does")
		return nil
	}
	if why := elsewhere(); why != "" {
		r.unheard = true
		r.remains("udevd was not reloaded: %s", why)
		return nil
	}
	r.reloadAsked = true
	how, err := reloadUdevd(ctx)
	if err != nil {
		return fmt.Errorf("reload udevd: %w", err)
	}
	r.Reloaded, r.reloadedBy = true, how
	return nil
}

// reloadRecovered has udevd forget what a run that was killed had it read, where nothing
// else is changed.
func (w *work) reloadRecovered(ctx context.Context) error {
	if !w.in.recovered {
		return nil
	}
	err := w.reload(ctx)
	w.sayReloaded()
	return err
}

// sayReloaded tells of a reload once the change stays.
func (w *work) sayReloaded() {
	if w.result.Reloaded {
		w.Say(w.result.reloadedBy)
	}
}

// rollBackAndReload undoes what was written because of an error. udevd may have read it.
func (w *work) rollBackAndReload(ctx context.Context, applied *doneSteps, because error) error {
	err := applied.failed(because)
	if w.result.reloadAsked {
		// Also where the run was told to end.
		if _, again := reloadUdevd(context.WithoutCancel(ctx)); again != nil {
			err = fmt.Errorf("%w; and udevd was not reloaded after that: %v", err, again)
		}
	}
	return err
}

// tell records a change of a file, and says so.
func (w *work) tell(e entry) {
	said := message(e.action, e.target, e.file)
	e.file = path.Join(w.Root, e.file)
	w.result.record(e)
	w.Say(said)
}

// commit keeps what is done.
func (r *Result) commit(applied *doneSteps) error {
	unsynced, err := applied.keep()
	if unsynced != nil {
		r.remains("%v", unsynced)
	}
	return err
}

// remains adds a sentence to what is left to do.
func (r *Result) remains(format string, args ...any) {
	r.Remaining = append(r.Remaining, fmt.Sprintf(format, args...))
}
