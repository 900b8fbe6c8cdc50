package watch

import (
	"fmt"
	"slices"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/trace"
	"linkaudit/linkfiles"
)

// attribute says who set the address that a change brought. last: the device still has
// it, as far as is known.
func (w *watcher) attribute(c *change, outcomes map[int]*outcome, last bool) {
	by := &By{How: Unknown}
	c.By = by
	o := outcomes[c.Index]
	if o != nil && last {
		c.After.LinkFile, c.After.Policy, c.After.Applied = o.known.linkFile, o.known.policy, o.known.applied
	}
	w.deduce(by, c, o, last)
	if by.Origin != "" {
		by.How = Deduced
	}
	if made := w.callOf(c); made != nil {
		by.How, by.Call, by.Reason = Seen, made, nil
		c.Time = wallClock(made.Time)
	}
}

// deduce finds the origin of the address without the call that set it, or says why not.
func (w *watcher) deduce(by *By, c *change, o *outcome, last bool) {
	switch {
	case c.After.MAC == "":
		by.Reason = fact.Say("watch-no-address")
		return
	case o != nil && last && o.result.Device.MAC == c.After.MAC:
		by.takeOrigin(o.result)
		return
	case o != nil:
		by.Origin, by.Port = o.result.OriginOf(c.After.MAC, c.ports)
	}
	if by.Origin == "" {
		by.Origin = w.originByNotices(c)
	}
	switch {
	case by.Origin != "":
	case o == nil:
		by.Reason = fact.Say("watch-not-looked-at")
	default:
		by.Reason = fact.Say("watch-changed-again")
	}
}

// takeOrigin takes the origin from an audit of the address that the device still has.
func (by *By) takeOrigin(r *audit.DeviceResult) {
	if by.Origin = r.Origin.Or(""); by.Origin == audit.OriginPort {
		by.Port = r.OriginPort
	}
	by.Reason = r.Origin.Reason()
}

// originByNotices is the origin that the kernel's messages about devices show, "" for
// none.
func (w *watcher) originByNotices(c *change) string {
	if origin := originByType(c.After.AddrAssignType); origin != "" {
		return origin
	}
	switch master := w.devices[c.masterIndex]; {
	case master != nil && master.MAC == c.After.MAC && master.Kind == "bond":
		return audit.OriginMaster
	case c.After.MAC == w.permanent(c.Index):
		return audit.OriginPermanent
	}
	return ""
}

// originByType is the origin that the kernel's addr_assign_type shows.
func originByType(t fact.Fact[host.AddrAssignType]) string {
	switch v, ok := t.Get(); {
	case ok && v == host.AddrPerm:
		return audit.OriginPermanent
	case ok && v == host.AddrRandom:
		return audit.OriginKernel
	}
	return ""
}

func (w *watcher) permanent(index int) linkfiles.MAC {
	if d := w.devices[index]; d != nil {
		return d.PermanentMAC
	}
	return ""
}

// callOf takes the first call that set this address of the device. It is nil for a change
// that was found late: the call may belong to another one.
func (w *watcher) callOf(c *change) *trace.Call {
	i := w.findCall(c)
	if i < 0 {
		return nil
	}
	made := w.unmatched[i].Call
	w.unmatched = slices.Delete(w.unmatched, i, i+1)
	return &made
}

func (w *watcher) findCall(c *change) int {
	return slices.IndexFunc(w.unmatched, func(k unmatchedCall) bool { return k.Index == c.Index && linkfiles.MACOf(k.After) == c.After.MAC })
}

// emitOldCalls reports the calls without a change.
func (w *watcher) emitOldCalls() error {
	var waiting []unmatchedCall
	for i := range w.unmatched {
		c := &w.unmatched[i]
		if time.Since(c.read) < patience {
			waiting = append(waiting, *c)
			continue
		}
		if err := w.emitCall(&c.Call); err != nil {
			return err
		}
	}
	if w.unmatched = waiting; len(waiting) > 0 {
		w.flushLater()
	}
	return nil
}

// emitCall reports a call without a change, if the device is watched.
func (w *watcher) emitCall(c *trace.Call) error {
	d := w.devices[c.Index]
	if d != nil && !w.interesting(d, 0) || d == nil && !w.Wanted(c.Name, "") {
		return nil
	}
	e := Event{Time: wallClock(c.Time), Kind: Called, Device: c.Name, Index: c.Index, Call: c}
	if d != nil {
		e.DeviceKind = d.Kind
	}
	return w.Emit(&e)
}

// emitLostCalls reports how many calls were lost since the last report.
func (w *watcher) emitLostCalls() error {
	if w.LostCalls == nil {
		return nil
	}
	n := w.LostCalls()
	if n <= w.lostReported {
		return nil
	}
	e := Event{Time: time.Now(), Kind: Lost, Text: fmt.Sprintf("%d calls that set an address were missed: their origin is deduced", n-w.lostReported)}
	w.lostReported = n
	return w.Emit(&e)
}
