package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/trace"
)

// Source is where the kernel's and udevd's notices come from: host.Notices.
type Source interface {
	C() <-chan host.Notice
	Links(context.Context) (links []*host.LinkNotice, round int, err error)
	Rest() int
}

// Options say what to watch, and how.
type Options struct {
	Source Source
	// Calls are the calls seen in the kernel; nil without tracing.
	Calls <-chan trace.Call
	// LostCalls is how many calls were lost so far; nil with Calls.
	LostCalls func() uint64
	// Unseen is why there is no tracing.
	Unseen string
	// Wanted says which devices to watch. Their ports are watched too.
	Wanted func(name, kind string) bool
	// Audit audits those of the named devices that exist.
	Audit func(ctx context.Context, names []string) (*audit.Result, error)
	// Emit gets each event. An error ends the watch.
	Emit func(*Event) error
}

// window is how long a change waits for what belongs to it: the call that made it, which
// arrives separately, and changes right after it, which share one audit.
const window = 50 * time.Millisecond

// patience is how long a change waits for its call, if calls are traced, and a call for its
// change.
const patience = time.Second

// farewell is how long to read what happened before the end.
const farewell = 2 * time.Second

// Run watches until ctx is done or Emit fails. ready is called when everything that
// happens from then on is seen.
func Run(ctx context.Context, o Options, ready func(devices int)) error {
	w := &watcher{Options: o, devices: map[int]*knownDevice{}, portIndexes: map[int]map[int]bool{}}
	if err := w.begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to end before it began
		}
		return err
	}
	if ready != nil {
		ready(w.countWatched())
	}
	for {
		select {
		case <-ctx.Done():
			return w.end()
		case n := <-w.Source.C():
			w.take(ctx, n)
		case c := <-w.Calls:
			w.keepCall(c, time.Now())
			w.flushLater()
		case <-w.due:
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// watcher is one run.
type watcher struct {
	Options
	// round is the number of the last list of all devices.
	round   int
	devices map[int]*knownDevice
	// portIndexes are the ports of a master, by its index: its ports may be reported
	// before it.
	portIndexes map[int]map[int]bool
	// pending are the changes that were not reported yet, unmatched the calls without a
	// change.
	pending   []change
	unmatched []unmatchedCall
	// toAudit names the devices to audit by their index.
	toAudit map[int]bool
	due     <-chan time.Time
	// lostReported is how many lost calls were reported.
	lostReported uint64
	// failed is the last error of an audit, which is not reported again.
	failed string
	// resyncing: the notices were found by looking again after messages were lost.
	resyncing bool
	// ending: wait only for unread messages, from this many sources.
	ending bool
	unread int
}

// knownDevice is the last known state of a device.
type knownDevice struct {
	host.LinkNotice
	// lastType is the last known AddrAssignType.
	lastType fact.Fact[host.AddrAssignType]
	watched  bool
	// told: a change of it was reported.
	told bool
	// audited says that the other fields are known.
	audited                   bool
	linkFile, policy, applied fact.Fact[string]
	findings                  map[string]audit.Finding
}

// change is a change of a device that waits to be reported.
type change struct {
	Event
	// masterIndex is the index of the master at that time, 0 for none.
	masterIndex int
	// ports are the ports of the device at that time.
	ports []host.Port
	// addressChanged: the address, or how it was assigned, is different.
	addressChanged bool
}

// unmatchedCall is a call that waits for its change.
type unmatchedCall struct {
	trace.Call
	read time.Time
}

func (w *watcher) begin(ctx context.Context) error {
	links, round, err := w.Source.Links(ctx)
	if err != nil {
		return err
	}
	w.round = round
	w.toAudit = map[int]bool{}
	for _, l := range links {
		if d := w.appears(l); d.watched {
			w.toAudit[l.Index] = true
		}
	}
	_, err = w.auditMarked(ctx)
	w.toAudit = nil
	return err
}

func (w *watcher) countWatched() (n int) {
	for _, d := range w.devices {
		if d.watched {
			n++
		}
	}
	return n
}

// end reports what is pending.
func (w *watcher) end() error {
	w.ending = true
	// What is there already happened before the end.
	ctx := context.Background()
	w.takeUnread(ctx)
	w.keepLastCalls()
	return w.flush(ctx)
}

// takeUnread reads the notices from before the end.
func (w *watcher) takeUnread(ctx context.Context) {
	w.unread = w.Source.Rest()
	for timeout := time.After(farewell); w.unread > 0; {
		select {
		case n := <-w.Source.C():
			w.take(ctx, n)
		case <-timeout:
			w.addChange(change{Event: Event{Time: time.Now(), Kind: Lost, Text: "some events before the end were not read"}})
			w.unread = 0
		}
	}
}

// keepLastCalls keeps the calls that were seen before the end. None of them waits for its
// change any longer.
func (w *watcher) keepLastCalls() {
	for range cap(w.Calls) {
		select {
		case c := <-w.Calls:
			w.keepCall(c, time.Now().Add(-patience))
		default:
			return
		}
	}
}

func (w *watcher) keepCall(c trace.Call, read time.Time) {
	w.unmatched = append(w.unmatched, unmatchedCall{Call: c, read: read})
}

// flushLater calls flush after the window.
func (w *watcher) flushLater() {
	if w.due == nil {
		w.due = time.After(window)
	}
}

func (w *watcher) addChange(c change) {
	c.Late = w.resyncing
	w.pending = append(w.pending, c)
	w.flushLater()
}

// tell is addChange for a change of a device.
func (w *watcher) tell(d *knownDevice, c change) {
	c.First, d.told = !d.told, true
	w.addChange(c)
}

// auditLater audits a device after the window.
func (w *watcher) auditLater(index int) {
	if w.toAudit == nil {
		w.toAudit = map[int]bool{}
	}
	w.toAudit[index] = true
	w.flushLater()
}

// take is for one notice.
func (w *watcher) take(ctx context.Context, n host.Notice) {
	switch {
	case w.outdated(n):
	case n.Idle:
		w.unread--
	case n.Link != nil:
		w.takeLink(n.Time, n.Link)
	case n.Udev != nil:
		w.takeUdev(n.Udev)
	case n.Files:
		w.auditAllLater()
	case n.Lost != "":
		w.takeLost(ctx, n)
	}
}

// outdated: the list of all devices is newer than the kernel's message.
func (w *watcher) outdated(n host.Notice) bool {
	return n.Round < w.round && (n.Link != nil || n.Lost == host.LostKernel)
}

func (w *watcher) takeUdev(n *host.UdevNotice) {
	if n.Action != "remove" {
		w.auditLaterIfWatched(n.Index)
	}
}

// lostTexts say what may be missing, by the names in host.Notice.
var lostTexts = map[string]string{
	host.LostKernel: "messages of the kernel were lost",
	host.LostUdev:   "messages of udevd were lost",
	host.LostFiles:  "changes of .link files may have been missed",
}

func (w *watcher) takeLost(ctx context.Context, n host.Notice) {
	w.addChange(change{Event: Event{Time: n.Time, Kind: Lost, Text: lostTexts[n.Lost] + "; all devices are read again"}})
	if n.Lost == host.LostKernel {
		w.resync(ctx)
		return
	}
	w.auditAllLater()
}

// auditLaterIfWatched is auditLater for a device that may be unknown.
func (w *watcher) auditLaterIfWatched(index int) {
	if d := w.devices[index]; d != nil && d.watched {
		w.auditLater(index)
	}
}

func (w *watcher) auditAllLater() {
	for index, d := range w.devices {
		if d.watched {
			w.auditLater(index)
		}
	}
}

// resync finds out what changed while messages were lost. Messages that were read by now
// come first: they are older than the kernel's present state.
func (w *watcher) resync(ctx context.Context) {
	w.takeRead(ctx)
	links, round, err := w.Source.Links(context.WithoutCancel(ctx))
	if err != nil {
		w.addChange(change{Event: Event{Time: time.Now(), Kind: Problem, Text: "missed changes are unknown: " + err.Error()}})
		return
	}
	w.round = round
	w.resyncing = true
	defer func() { w.resyncing = false }()
	w.takeAll(time.Now(), links)
	w.auditAllLater()
}

// takeRead takes the notices that were read by now.
func (w *watcher) takeRead(ctx context.Context) {
	for range cap(w.Source.C()) {
		select {
		case n := <-w.Source.C():
			if n.Lost != host.LostKernel {
				w.take(ctx, n)
			}
		default:
			return
		}
	}
}

// takeAll compares the present devices with the known ones.
func (w *watcher) takeAll(now time.Time, links []*host.LinkNotice) {
	there := make(map[int]bool, len(links))
	for _, l := range links {
		there[l.Index] = true
		w.takeLink(now, l)
	}
	for _, index := range slices.Sorted(maps.Keys(w.devices)) {
		if !there[index] {
			gone := w.devices[index].LinkNotice
			gone.Gone = true
			w.takeLink(now, &gone)
		}
	}
}

// takeLink compares a notice with the known state.
func (w *watcher) takeLink(now time.Time, l *host.LinkNotice) {
	d := w.devices[l.Index]
	switch {
	case d == nil && l.Gone:
		return
	case l.Gone:
		w.takeDeleted(now, d)
		return
	case d == nil:
		d = w.takeCreated(now, l)
	case !w.takeChanged(now, d, l):
		return
	}
	w.auditLaterIfWatched(d.Index)
	w.auditLaterIfWatched(d.MasterIndex)
}

func (w *watcher) takeCreated(now time.Time, l *host.LinkNotice) *knownDevice {
	d := w.appears(l)
	if w.interesting(d, 0) {
		w.tell(d, change{masterIndex: l.MasterIndex, addressChanged: true, ports: w.portsOf(l.Index), Event: w.newEvent(now, Created, d, nil, w.stateOf(d))})
	}
	return d
}

func (w *watcher) takeDeleted(now time.Time, d *knownDevice) {
	w.leaves(d)
	delete(w.devices, d.Index)
	if w.interesting(d, 0) {
		before := w.stateOf(d)
		w.tell(d, change{Event: w.newEvent(now, Deleted, d, before, nil)})
	}
}

// takeChanged reports whether a watched property of the device differs.
func (w *watcher) takeChanged(now time.Time, d *knownDevice, l *host.LinkNotice) bool {
	before, formerMaster := w.stateOf(d), d.MasterIndex
	if l.AddrAssignType.IsUnknown() && l.MAC == d.MAC {
		l.AddrAssignType = d.AddrAssignType
	}
	addressChanged := d.addressDiffers(l)
	differs := addressChanged || l.MasterIndex != formerMaster || l.Name != d.Name
	if l.MasterIndex != formerMaster {
		w.leaves(d)
		w.joins(l)
	}
	d.update(l)
	if !differs {
		return false
	}
	d.watched = w.Wanted(l.Name, l.Kind)
	if w.interesting(d, formerMaster) {
		w.tell(d, change{masterIndex: l.MasterIndex, addressChanged: addressChanged, ports: w.portsOf(l.Index), Event: w.newEvent(now, Changed, d, before, w.stateOf(d))})
	}
	w.auditLaterIfWatched(formerMaster)
	return true
}

// addressDiffers reports whether the address, or how it was assigned, is different.
func (d *knownDevice) addressDiffers(l *host.LinkNotice) bool {
	return l.MAC != d.MAC || l.AddrAssignType.IsKnown() && d.lastType.IsKnown() && l.AddrAssignType != d.lastType
}

func (d *knownDevice) update(l *host.LinkNotice) {
	d.LinkNotice = *l
	if l.AddrAssignType.IsKnown() {
		d.lastType = l.AddrAssignType
	}
}

// interesting: it is watched, or is or was a port of a watched device.
func (w *watcher) interesting(d *knownDevice, formerMaster int) bool {
	for _, index := range []int{d.MasterIndex, formerMaster} {
		if master := w.devices[index]; index != 0 && master != nil && master.watched {
			return true
		}
	}
	return d.watched
}

func (w *watcher) newEvent(now time.Time, kind string, d *knownDevice, before, after *State) Event {
	return Event{Time: now, Kind: kind, Device: d.Name, Index: d.Index, DeviceKind: d.Kind, Before: before, After: after}
}

func (w *watcher) stateOf(d *knownDevice) *State {
	s := &State{Name: d.Name, MAC: d.MAC, AddrAssignType: d.AddrAssignType, LinkFile: d.linkFile, Policy: d.policy, Applied: d.applied}
	if d.MasterIndex != 0 {
		s.Master = fmt.Sprintf("device %d", d.MasterIndex)
		if master := w.devices[d.MasterIndex]; master != nil {
			s.Master = master.Name
		}
	}
	return s
}

func (w *watcher) portsOf(index int) []host.Port {
	master := w.devices[index]
	if master == nil || !master.watched {
		return nil
	}
	var ports []host.Port
	for _, port := range slices.Sorted(maps.Keys(w.portIndexes[index])) {
		if d := w.devices[port]; d != nil {
			ports = append(ports, host.Port{Index: d.Index, Name: d.Name, MAC: d.MAC, PermanentMAC: d.PermanentMAC, Kind: d.Kind})
		}
	}
	return ports
}

func (w *watcher) appears(l *host.LinkNotice) *knownDevice {
	d := &knownDevice{LinkNotice: *l, lastType: l.AddrAssignType, watched: w.Wanted(l.Name, l.Kind)}
	w.devices[l.Index] = d
	w.joins(l)
	return d
}

// joins and leaves track the ports of masters.
func (w *watcher) joins(l *host.LinkNotice) {
	if l.MasterIndex == 0 {
		return
	}
	if w.portIndexes[l.MasterIndex] == nil {
		w.portIndexes[l.MasterIndex] = map[int]bool{}
	}
	w.portIndexes[l.MasterIndex][l.Index] = true
}

func (w *watcher) leaves(d *knownDevice) {
	of := w.portIndexes[d.MasterIndex]
	if delete(of, d.Index); len(of) == 0 {
		delete(w.portIndexes, d.MasterIndex)
	}
}

// flush reports pending changes, with the results of their audit.
func (w *watcher) flush(ctx context.Context) error {
	w.due = nil
	waiting := w.hold()
	outcomes, err := w.auditMarked(ctx)
	w.noteProblem(err, outcomes != nil)
	pending := w.pending
	w.pending, w.toAudit = waiting, nil
	for _, c := range waiting {
		w.auditLater(c.Index)
	}
	if err := w.emitChanges(pending, outcomes); err != nil {
		return err
	}
	if err := w.emitOutcomes(outcomes); err != nil {
		return err
	}
	if err := w.emitOldCalls(); err != nil {
		return err
	}
	return w.emitLostCalls()
}

// noteProblem reports why an audit failed, once until one succeeds.
func (w *watcher) noteProblem(err error, audited bool) {
	switch {
	case err == nil && audited:
		w.failed = ""
	case err != nil && err.Error() != w.failed:
		w.failed = err.Error()
		w.pending = append(w.pending, change{Event: Event{Time: time.Now(), Kind: Problem, Text: w.failed}})
	}
}

// emitChanges reports changes, and who made address changes.
func (w *watcher) emitChanges(changes []change, outcomes map[int]*outcome) error {
	for i := range changes {
		c := &changes[i]
		if c.addressChanged {
			w.attribute(c, outcomes, lastOf(changes, i))
		}
		if err := w.Emit(&c.Event); err != nil {
			return err
		}
	}
	return nil
}

// hold takes the changes whose calls may still come out of the pending ones, and all
// changes of the same devices after those.
func (w *watcher) hold() (waiting []change) {
	if w.Calls == nil || w.ending {
		return nil
	}
	held := map[int]bool{}
	for i := range w.pending {
		if c := &w.pending[i]; w.awaitsCall(c) {
			held[c.Index] = true
		}
	}
	from := slices.IndexFunc(w.pending, func(c change) bool { return held[c.Index] })
	if from < 0 {
		return nil
	}
	waiting = slices.Clone(w.pending[from:])
	w.pending = w.pending[:from]
	for _, c := range waiting {
		delete(w.toAudit, c.Index)
	}
	return waiting
}

// awaitsCall reports whether the call for the change may still come.
func (w *watcher) awaitsCall(c *change) bool {
	return c.Kind == Changed && c.addressChanged && !c.Late && time.Since(c.Time) < patience && w.findCall(c) < 0
}

// lastOf reports whether no later change of the same device's address waits.
func lastOf(pending []change, i int) bool {
	return !slices.ContainsFunc(pending[i+1:], func(c change) bool { return c.Index == pending[i].Index && c.addressChanged })
}
