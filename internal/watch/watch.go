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

// Options say what is watched, and how.
type Options struct {
	Source Source
	// Calls are the calls that are seen in the kernel; nil where nothing is.
	Calls <-chan trace.Call
	// LostCalls is how many calls were lost so far; nil with Calls.
	LostCalls func() uint64
	// Unseen is why nothing is seen in the kernel.
	Unseen string
	// Wanted says which devices are watched. The ports of those are too.
	Wanted func(name, kind string) bool
	// Audit audits the devices of these names that exist.
	Audit func(ctx context.Context, names []string) (*audit.Result, error)
	// Emit takes each event. An error ends the watch.
	Emit func(*Event) error
}

// window is how long a change waits for what belongs to it: the call that made
// it, which comes by another way, and the changes that follow at once, which are
// audited together.
const window = 50 * time.Millisecond

// patience is how long a change waits for the call that made it, where calls are
// seen, and a call for its change.
const patience = time.Second

// farewell is how long what happened before the end is read.
const farewell = 2 * time.Second

// Run watches until ctx is done or Emit fails. ready is called once everything
// that happens from then on is seen.
func Run(ctx context.Context, o Options, ready func(devices int)) error {
	w := &watcher{Options: o, devices: map[int]*device{}, ports: map[int]map[int]bool{}}
	if err := w.begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to end before it began
		}
		return err
	}
	if ready != nil {
		ready(w.watched())
	}
	for {
		select {
		case <-ctx.Done():
			return w.end()
		case n := <-w.Source.C():
			w.take(ctx, n)
		case c := <-w.Calls:
			w.calls = append(w.calls, call{Call: c, read: time.Now()})
			w.later()
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
	// round is that of the last list of all devices.
	round   int
	devices map[int]*device
	// ports are the indexes of a master's ports, by its index: it may be heard of
	// after they are.
	ports map[int]map[int]bool
	// pending are the changes that were not reported yet, calls those that no
	// change was found for.
	pending []change
	calls   []call
	// audit names the devices to audit by their index.
	audit map[int]bool
	due   <-chan time.Time
	// lostCalls is how many lost calls were reported.
	lostCalls uint64
	// failed is the last error of an audit, which is not reported again.
	failed string
	late   bool
	// ending: nothing is waited for any more, but for what is unread: so many will say
	// that nothing is left.
	ending bool
	unread int
}

// device is what was last known of a device.
type device struct {
	host.LinkNotice
	// lastType is the last AddrAssignType that was known.
	lastType fact.Fact[host.AddrAssignType]
	wanted   bool
	// told: a change of it was reported.
	told bool
	// audited says that the rest is known.
	audited                   bool
	linkFile, policy, applied fact.Fact[string]
	findings                  map[string]audit.Finding
}

// change is a change of a device that waits to be reported.
type change struct {
	Event
	index int
	// master is the index of the master that it had then, 0 for none.
	master int
	// ports are those that the device had then.
	ports []host.Port
	// address says that the address, or how it was assigned, changed.
	address bool
}

// call is a call that waits for its change.
type call struct {
	trace.Call
	read time.Time
}

func (w *watcher) begin(ctx context.Context) error {
	links, round, err := w.Source.Links(ctx)
	if err != nil {
		return err
	}
	w.round = round
	w.audit = map[int]bool{}
	for _, l := range links {
		if d := w.appears(l); d.wanted {
			w.audit[l.Index] = true
		}
	}
	_, problem := w.look(ctx)
	w.audit = nil
	return problem
}

func (w *watcher) watched() (n int) {
	for _, d := range w.devices {
		if d.wanted {
			n++
		}
	}
	return n
}

// end reports what is pending.
func (w *watcher) end() error {
	w.ending = true
	// What is there already belongs to the time before the end.
	ctx := context.Background()
	w.unread = w.Source.Rest()
	for end := time.After(farewell); w.unread > 0; {
		select {
		case n := <-w.Source.C():
			w.take(ctx, n)
		case <-end:
			w.add(change{Event: Event{Time: time.Now(), Kind: Lost, Text: "more happened before the end than could be read"}})
			w.unread = 0
		}
	}
	for range cap(w.Calls) {
		select {
		case c := <-w.Calls:
			w.calls = append(w.calls, call{Call: c, read: time.Now().Add(-patience)})
		default:
			return w.flush(ctx)
		}
	}
	return w.flush(ctx)
}

// later has flush called after the window.
func (w *watcher) later() {
	if w.due == nil {
		w.due = time.After(window)
	}
}

func (w *watcher) add(c change) {
	c.Late = w.late
	w.pending = append(w.pending, c)
	w.later()
}

// tell is add for a change of a device.
func (w *watcher) tell(d *device, c change) {
	c.First, d.told = !d.told, true
	w.add(c)
}

// look again at a device once the window is over.
func (w *watcher) lookAt(index int) {
	if w.audit == nil {
		w.audit = map[int]bool{}
	}
	w.audit[index] = true
	w.later()
}

// take is for one notice.
func (w *watcher) take(ctx context.Context, n host.Notice) {
	switch {
	case n.Round < w.round && (n.Link != nil || n.Lost == host.LostKernel):
		// The list of all devices is newer.
	case n.Idle:
		w.unread--
	case n.Link != nil:
		w.takeLink(n.Time, n.Link)
	case n.Udev != nil:
		if d := w.devices[n.Udev.Index]; d != nil && d.wanted && n.Udev.Action != "remove" {
			w.lookAt(n.Udev.Index)
		}
	case n.Files:
		w.lookAtAll()
	case n.Lost == host.LostUdev, n.Lost == host.LostFiles:
		what := map[string]string{host.LostUdev: "messages of udevd were lost", host.LostFiles: "changes of .link files may have been missed"}[n.Lost]
		w.add(change{Event: Event{Time: n.Time, Kind: Lost, Text: what + "; all devices are looked at again"}})
		w.lookAtAll()
	case n.Lost != "":
		w.add(change{Event: Event{Time: n.Time, Kind: Lost, Text: "messages of the kernel were lost; all devices are looked at again"}})
		w.resync(ctx)
	}
}

func (w *watcher) lookAtAll() {
	for index, d := range w.devices {
		if d.wanted {
			w.lookAt(index)
		}
	}
}

// resync finds out what changed while messages were lost. Those that were read by now
// come first: they are older than what the kernel shows.
func (w *watcher) resync(ctx context.Context) {
	for range cap(w.Source.C()) {
		select {
		case n := <-w.Source.C():
			if n.Lost != host.LostKernel {
				w.take(ctx, n)
			}
			continue
		default:
		}
		break
	}
	links, round, err := w.Source.Links(context.WithoutCancel(ctx))
	if err != nil {
		w.add(change{Event: Event{Time: time.Now(), Kind: Problem, Text: "what changed meanwhile is not known: " + err.Error()}})
		return
	}
	w.round = round
	w.late = true
	defer func() { w.late = false }()
	now := time.Now()
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
	w.lookAtAll()
}

// takeLink compares a notice with what was known.
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
	if d.wanted {
		w.lookAt(d.Index)
	}
	if master := w.devices[d.MasterIndex]; master != nil && master.wanted {
		w.lookAt(master.Index)
	}
}

func (w *watcher) takeCreated(now time.Time, l *host.LinkNotice) *device {
	d := w.appears(l)
	if w.interesting(d, 0) {
		w.tell(d, change{index: l.Index, master: l.MasterIndex, address: true, ports: w.portsOf(l.Index), Event: w.event(now, Created, d, nil, w.state(d))})
	}
	return d
}

func (w *watcher) takeDeleted(now time.Time, d *device) {
	w.leaves(d)
	delete(w.devices, d.Index)
	if w.interesting(d, 0) {
		before := w.state(d)
		w.tell(d, change{index: d.Index, Event: w.event(now, Deleted, d, before, nil)})
	}
}

// takeChanged reports whether the device differs in anything that a watch is about.
func (w *watcher) takeChanged(now time.Time, d *device, l *host.LinkNotice) bool {
	before, old := w.state(d), d.MasterIndex
	if l.AddrAssignType.IsUnknown() && l.MAC == d.MAC {
		l.AddrAssignType = d.AddrAssignType
	}
	typed := l.AddrAssignType.IsKnown() && d.lastType.IsKnown() && l.AddrAssignType != d.lastType
	address := l.MAC != d.MAC || typed
	differs := address || l.MasterIndex != old || l.Name != d.Name
	if l.MasterIndex != old {
		w.leaves(d)
		w.joins(l)
	}
	d.LinkNotice = *l
	if l.AddrAssignType.IsKnown() {
		d.lastType = l.AddrAssignType
	}
	if !differs {
		return false
	}
	d.wanted = w.Wanted(l.Name, l.Kind)
	if w.interesting(d, old) {
		w.tell(d, change{index: l.Index, master: l.MasterIndex, address: address, ports: w.portsOf(l.Index), Event: w.event(now, Changed, d, before, w.state(d))})
	}
	if master := w.devices[old]; master != nil && master.wanted {
		w.lookAt(old)
	}
	return true
}

// interesting: it is watched, or is or was a port of one that is.
func (w *watcher) interesting(d *device, formerMaster int) bool {
	for _, index := range []int{d.MasterIndex, formerMaster} {
		if master := w.devices[index]; index != 0 && master != nil && master.wanted {
			return true
		}
	}
	return d.wanted
}

func (w *watcher) event(now time.Time, kind string, d *device, before, after *State) Event {
	return Event{Time: now, Kind: kind, Device: d.Name, Index: d.Index, DeviceKind: d.Kind, Before: before, After: after}
}

func (w *watcher) state(d *device) *State {
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
	if master == nil || !master.wanted {
		return nil
	}
	var ports []host.Port
	for _, port := range slices.Sorted(maps.Keys(w.ports[index])) {
		if d := w.devices[port]; d != nil {
			ports = append(ports, host.Port{Index: d.Index, Name: d.Name, MAC: d.MAC, PermanentMAC: d.PermanentMAC, Kind: d.Kind})
		}
	}
	return ports
}

func (w *watcher) appears(l *host.LinkNotice) *device {
	d := &device{LinkNotice: *l, lastType: l.AddrAssignType, wanted: w.Wanted(l.Name, l.Kind)}
	w.devices[l.Index] = d
	w.joins(l)
	return d
}

// joins and leaves keep the ports of masters.
func (w *watcher) joins(l *host.LinkNotice) {
	if l.MasterIndex == 0 {
		return
	}
	if w.ports[l.MasterIndex] == nil {
		w.ports[l.MasterIndex] = map[int]bool{}
	}
	w.ports[l.MasterIndex][l.Index] = true
}

func (w *watcher) leaves(d *device) {
	of := w.ports[d.MasterIndex]
	if delete(of, d.Index); len(of) == 0 {
		delete(w.ports, d.MasterIndex)
	}
}

// flush reports what is pending, together with what it makes of the audit.
func (w *watcher) flush(ctx context.Context) error {
	w.due = nil
	waiting := w.hold()
	results, err := w.look(ctx)
	switch {
	case err == nil && results != nil:
		w.failed = ""
	case err != nil && err.Error() != w.failed:
		w.failed = err.Error()
		w.pending = append(w.pending, change{Event: Event{Time: time.Now(), Kind: Problem, Text: w.failed}})
	}
	pending := w.pending
	w.pending, w.audit = nil, nil
	for _, c := range waiting {
		w.pending = append(w.pending, c)
		w.lookAt(c.index)
	}
	for i := range pending {
		c := &pending[i]
		if c.address {
			w.attribute(c, results, lastOf(pending, i))
		}
		if err := w.Emit(&c.Event); err != nil {
			return err
		}
	}
	if err := w.emitAll(results); err != nil {
		return err
	}
	return w.oldCalls()
}

// hold takes the changes out of what is pending whose calls are still to come, and
// all that came after the first of those devices' changes.
func (w *watcher) hold() (waiting []change) {
	if w.Calls == nil || w.ending {
		return nil
	}
	held := map[int]bool{}
	for i := range w.pending {
		c := &w.pending[i]
		if c.Kind == Changed && c.address && !c.Late && time.Since(c.Time) < patience && w.findCall(c) < 0 {
			held[c.index] = true
		}
	}
	first := slices.IndexFunc(w.pending, func(c change) bool { return held[c.index] })
	if first < 0 {
		return nil
	}
	waiting = slices.Clone(w.pending[first:])
	w.pending = w.pending[:first]
	for _, c := range waiting {
		delete(w.audit, c.index)
	}
	return waiting
}

// lastOf reports whether no later change of the same device's address waits.
func lastOf(pending []change, i int) bool {
	return !slices.ContainsFunc(pending[i+1:], func(c change) bool { return c.index == pending[i].index && c.address })
}
