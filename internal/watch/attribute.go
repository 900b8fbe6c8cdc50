package watch

import (
	"fmt"
	"slices"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/trace"
)

// attribute says who gave the address that a change brought. last: the device has
// it still, as far as is known.
func (w *watcher) attribute(c *change, results map[int]*outcome, last bool) {
	by := &By{How: Unknown}
	c.By = by
	o := results[c.index]
	if o != nil && last {
		c.After.LinkFile, c.After.Policy, c.After.Applied = o.device.linkFile, o.device.policy, o.device.applied
	}
	w.deduce(by, c, o, last)
	if by.Origin != "" {
		by.How = Deduced
	}
	if seen := w.callOf(c); seen != nil {
		by.How, by.Call, by.Reason = Seen, seen, nil
		c.Time = wallClock(seen.Time)
	}
}

func (w *watcher) deduce(by *By, c *change, o *outcome, last bool) {
	after := c.After
	switch {
	case after.MAC == "":
		by.Reason = fact.Say("watch-no-address")
		return
	case o != nil && last && o.result.Device.MAC == after.MAC:
		origin := o.result.Origin
		if by.Origin = origin.Or(""); by.Origin == audit.OriginPort {
			by.Port = o.result.OriginPort
		}
		by.Reason = origin.Reason()
		return
	case o != nil:
		if by.Origin, by.Port = o.result.OriginOf(after.MAC, c.ports); by.Origin != "" {
			return
		}
	}
	if by.Origin = originByType(after.AddrAssignType); by.Origin != "" {
		return
	}
	switch master := w.devices[c.master]; {
	case master != nil && master.MAC == after.MAC && master.Kind == "bond":
		by.Origin = audit.OriginMaster
	case after.MAC == w.permanent(c.index):
		by.Origin = audit.OriginPermanent
	case o == nil:
		by.Reason = fact.Say("watch-not-looked-at")
	default:
		by.Reason = fact.Say("watch-changed-again")
	}
}

// originByType is the origin that the kernel's addr_assign_type alone shows.
func originByType(t fact.Fact[host.AddrAssignType]) string {
	switch v, ok := t.Get(); {
	case ok && v == host.AddrPerm:
		return audit.OriginPermanent
	case ok && v == host.AddrRandom:
		return audit.OriginKernel
	}
	return ""
}

func (w *watcher) permanent(index int) string {
	if d := w.devices[index]; d != nil {
		return d.PermanentMAC
	}
	return ""
}

// callOf takes the first call that gave the device this address. It is nil for a
// change that was found late: the call may be of another time.
func (w *watcher) callOf(c *change) *trace.Call {
	i := w.findCall(c)
	if i < 0 {
		return nil
	}
	found := w.calls[i].Call
	w.calls = slices.Delete(w.calls, i, i+1)
	return &found
}

func (w *watcher) findCall(c *change) int {
	return slices.IndexFunc(w.calls, func(k call) bool { return k.Index == c.index && k.After.String() == c.After.MAC })
}

// oldCalls reports the calls that no change came of.
func (w *watcher) oldCalls() error {
	var waiting []call
	for i := range w.calls {
		c := &w.calls[i]
		if time.Since(c.read) < patience {
			waiting = append(waiting, *c)
			continue
		}
		d := w.devices[c.Index]
		if d != nil && !w.interesting(d, 0) || d == nil && !w.Wanted(c.Name, "") {
			continue
		}
		e := Event{Time: wallClock(c.Time), Kind: Called, Device: c.Name, Index: c.Index, Call: &c.Call}
		if d != nil {
			e.DeviceKind = d.Kind
		}
		if err := w.Emit(&e); err != nil {
			return err
		}
	}
	if w.calls = waiting; len(waiting) > 0 {
		w.later()
	}
	if w.LostCalls == nil {
		return nil
	}
	if n := w.LostCalls(); n > w.lostCalls {
		e := Event{Time: time.Now(), Kind: Lost, Text: fmt.Sprintf("%d calls that set an address were not seen: who made them is deduced", n-w.lostCalls)}
		w.lostCalls = n
		return w.Emit(&e)
	}
	return nil
}
