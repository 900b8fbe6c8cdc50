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
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// Options are those of Fix and TakeBack.
type Options struct {
	// Root is "/" for the running machine; else an image, in which only files
	// change.
	Root string
	// Release is the one from the user, 0 for the one found.
	Release linkfiles.Release
	Targets []override.Target
	// Plan plans, and changes nothing.
	Plan bool
	// Interrupted makes TakeBack take back only the changes of a run that was killed.
	// Every other run does that first, too.
	Interrupted bool
	// NoReload does not reload udevd.
	NoReload bool
	// Force replaces or removes an override that somebody edited.
	Force bool
	// Live sets the address of existing devices; Yes does so even if it disturbs
	// traffic.
	Live, Yes bool
	// UpdateInitramfs rebuilds stale initramfs images.
	UpdateInitramfs bool
	// ReadInitramfs reads the present images.
	ReadInitramfs func(context.Context) []initramfs.Image
	// Collect makes the snapshot, with its files, for all decisions. It is called
	// while the lock is held.
	Collect func(context.Context) (*host.Snapshot, error)
	// Say reports progress, a line at a time.
	Say func(string)
}

// place is where to run the commands that are left to the user.
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
	// Recovered: the changes of a run that was killed were taken back, or would be.
	Recovered bool
	// reloadAsked: udevd may have read the changed files, even if Reloaded is
	// false.
	reloadAsked bool
	// unheard: there is a udevd, or may be one, but it does not read these files.
	unheard    bool
	reloadedBy string
	// unrecorded: the journal accepts no entries.
	unrecorded bool
	// Live are the addresses that were set, or would be.
	Live []LiveChange
	// Initramfs are the stale images, or those that were stale before the update.
	Initramfs []StaleImage
	// UpdatesInitramfs: images were rebuilt, or would be.
	UpdatesInitramfs bool
	// Remaining says what is left to do, a sentence each.
	Remaining []string
	// Commands are the commands in Remaining.
	Commands []string
}

// errNotRoot is for users without the right to change anything.
var errNotRoot = errors.New("must be root to change .link files (--dry-run works without)")

// begin locks, takes back the changes of a run that was killed, and looks at the machine.
// A plan only looks. The caller has to call unlock.
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

// lock keeps other runs away, unless this is only a plan.
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

// look makes the snapshot for all decisions.
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

// recover takes back the changes of a run that was killed, and reports whether there were
// any. A plan only says that there are.
func (o Options) recover(ctx context.Context) (recovered bool, err error) {
	if o.Plan {
		if name := Interrupted(o.Root); name != "" {
			o.Say(fmt.Sprintf("%s: another run of linkaudit is at work or was killed; its changes are taken back first", name))
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
	// files are those of the root after the change. The initramfs images must agree
	// with them for the targets.
	files   *linkfiles.Store
	targets []override.Target
}

// stages are the parts that Fix and TakeBack do differently.
type stages interface {
	// plan decides what to change.
	plan() error
	// verifyAsIs compares the files with the plan, if it changes none of them.
	verifyAsIs() error
	// write changes the files in a way that can be undone.
	write(context.Context) (*doneSteps, error)
	// verify reads the files again and compares them with the plan.
	verify() error
	// verifyReloaded asks udev, after udevd was reloaded.
	verifyReloaded(context.Context) error
	// record writes the changes to the journal, and reports them.
	record()
	// finish does what is left once the files are effective.
	finish() error
}

// run goes through the stages of a change, in order. begin has locked, taken back the
// changes of a killed run, and looked.
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

// reload reloads udevd unless there is none or the user does not want it.
func (w *work) reload(ctx context.Context) error {
	r := w.result
	running, known := w.in.Snapshot.Udev.Running.Get()
	switch {
	case w.Root != "/":
		return nil
	case w.NoReload:
		r.remains("udev was not reloaded; it reads the files itself within seconds, or now: udevadm control --reload")
		return nil
	case known && !running:
		r.remains("systemd-udevd is not running: no .link file is applied until you start it: systemctl start systemd-udevd")
		return nil
	}
	if why := elsewhere(); why != "" {
		r.unheard = true
		r.remains("udev was not reloaded: %s", why)
		return nil
	}
	r.reloadAsked = true
	how, err := reloadUdevd(ctx)
	if err != nil {
		return fmt.Errorf("reload udev: %w", err)
	}
	r.Reloaded, r.reloadedBy = true, how
	return nil
}

// reloadRecovered reloads udevd after the changes of a killed run were taken back, if
// nothing else changes.
func (w *work) reloadRecovered(ctx context.Context) error {
	if !w.in.recovered {
		return nil
	}
	err := w.reload(ctx)
	w.sayReloaded()
	return err
}

// sayReloaded reports a reload once the change stays.
func (w *work) sayReloaded() {
	if w.result.Reloaded {
		w.Say(w.result.reloadedBy)
	}
}

// rollBackAndReload undoes what was written because of an error. udevd may have read it.
func (w *work) rollBackAndReload(ctx context.Context, applied *doneSteps, because error) error {
	err := applied.failed(because)
	if w.result.reloadAsked {
		// Even if the run was told to end.
		if _, again := reloadUdevd(context.WithoutCancel(ctx)); again != nil {
			err = fmt.Errorf("%w; and udev was not reloaded after that: %v", err, again)
		}
	}
	return err
}

// tell records a change of a file, and reports it.
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
	for _, a := range args {
		if command, is := a.(words.Pasted); is {
			r.Commands = append(r.Commands, command.String())
		}
	}
}
