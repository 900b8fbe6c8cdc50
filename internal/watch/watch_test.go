package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/trace"
	"linkaudit/linkfiles"
)

// machine is one whose devices a test changes.
type machine struct {
	sync.Mutex
	c     chan host.Notice
	links map[int]*host.LinkNotice
	// result is what an audit says of a device.
	result map[string]*audit.DeviceResult
	err    error
	calls  chan trace.Call
	events []string
	lost   uint64
	round  int
	// meanwhile, if set, happens once, as soon as the watch has seen the devices, and
	// before it reads a notice.
	meanwhile func()
}

func newMachine() *machine {
	return &machine{c: make(chan host.Notice, 256), links: map[int]*host.LinkNotice{}, result: map[string]*audit.DeviceResult{}, calls: make(chan trace.Call, 16)}
}

// now does something to the machine that the watch may look at meanwhile.
func (m *machine) now(do func()) {
	m.Lock()
	defer m.Unlock()
	do()
}

func (m *machine) C() <-chan host.Notice { return m.c }

// Rest tells at once that there is no more.
func (m *machine) Rest() int {
	m.c <- host.Notice{Idle: true}
	return 1
}

func (m *machine) Links(context.Context) ([]*host.LinkNotice, int, error) {
	if meanwhile := m.meanwhile; meanwhile != nil {
		m.meanwhile = nil
		defer meanwhile()
	}
	m.Lock()
	defer m.Unlock()
	var out []*host.LinkNotice
	for _, index := range slices.Sorted(maps.Keys(m.links)) {
		copied := *m.links[index]
		out = append(out, &copied)
	}
	return out, m.round, nil
}

// is changes a device without a word, says with a notice.
func (m *machine) is(index int, name, kind, mac string, t host.AddrAssignType, master int) *host.LinkNotice {
	m.Lock()
	defer m.Unlock()
	l := &host.LinkNotice{Device: host.Device{Index: index, Name: name, Kind: kind, MAC: linkfiles.MAC(mac), AddrAssignType: fact.Known(t)}, MasterIndex: master}
	m.links[index] = l
	return l
}

func (m *machine) says(index int, name, kind, mac string, t host.AddrAssignType, master int) {
	copied := *m.is(index, name, kind, mac, t, master)
	m.c <- host.Notice{Time: time.Now(), Link: &copied}
}

func (m *machine) gone(index int) {
	m.Lock()
	l := *m.links[index]
	delete(m.links, index)
	m.Unlock()
	l.Gone = true
	m.c <- host.Notice{Time: time.Now(), Link: &l}
}

func (m *machine) audit(_ context.Context, names []string) (*audit.Result, error) {
	m.Lock()
	defer m.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	res := &audit.Result{}
	for _, l := range m.links {
		for _, name := range names {
			if l.Name != name {
				continue
			}
			r := audit.DeviceResult{Name: name, Kind: l.Kind, Provenance: audit.Provenance{Origin: fact.Known(audit.OriginSomeone)}}
			if m.result[name] != nil {
				r = *m.result[name]
			}
			d := l.Device
			r.Name, r.Device, r.Present = name, &d, true
			if l.AddrAssignType == fact.Known(host.AddrRandom) {
				r.Origin = fact.Known(audit.OriginKernel)
			}
			res.Devices = append(res.Devices, r)
		}
	}
	return res, nil
}

// line is an event in short.
func line(e *Event) string {
	s := e.Kind + " " + e.Device
	if e.Before != nil && e.After != nil && e.Kind == Changed {
		if e.Before.MAC != e.After.MAC {
			s += string(" "+e.Before.MAC+"->") + string(e.After.MAC)
		}
		if e.Before.Master != e.After.Master {
			s += " master " + e.Before.Master + "->" + e.After.Master
		}
		if e.Before.Name != e.After.Name {
			s += " name " + e.Before.Name + "->" + e.After.Name
		}
		if e.Before.AddrAssignType != e.After.AddrAssignType {
			s += fmt.Sprintf(" type %v->%v", e.Before.AddrAssignType, e.After.AddrAssignType)
		}
	}
	if e.By != nil {
		s += " by " + e.By.How + " " + e.By.Origin
		if e.By.Port != "" {
			s += "(" + e.By.Port + ")"
		}
		if e.By.Call != nil {
			s += " " + e.By.Call.Process.Name
		}
	}
	if e.Finding != nil {
		s += " " + e.Finding.Rule
	}
	if e.Kind == Applied {
		s += " " + e.After.Applied.Or("")
	}
	if e.Late {
		s += " late"
	}
	if e.Kind == Lost || e.Kind == Problem {
		s += strings.SplitN(e.Text, ";", 2)[0]
	}
	return strings.TrimRight(s, " ")
}

// pass lets time go by. The tests have it in a bubble of testing/synctest: its clock jumps
// ahead once every goroutine waits, so that this takes no time and is never too short.
func pass(d time.Duration) {
	// sleep: in the time of the bubble
	time.Sleep(d)
}

// watchIt watches while tell changes the machine, and returns the events.
func watchIt(t *testing.T, m *machine, tell func(wait func())) []string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	ready := make(chan bool)
	go func() {
		done <- Run(ctx, Options{
			Source: m, Calls: m.calls, LostCalls: func() (n uint64) { m.now(func() { n = m.lost }); return n },
			Wanted: func(_, kind string) bool { return kind == "bond" || kind == "bridge" },
			Audit:  m.audit,
			Emit:   func(e *Event) error { m.events = append(m.events, line(e)); return e.Complete() },
		}, func(int) { close(ready) })
	}()
	<-ready
	tell(func() { pass(2 * time.Second) })
	synctest.Wait()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return m.events
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(lines, "\n"); g != w {
		t.Errorf("the events are\n%s\nnot\n%s", g, w)
	}
}

const (
	a = "02:00:00:00:00:0a"
	b = "02:00:00:00:00:0b"
	p = "02:00:00:00:00:0f"
)

func hw(s string) net.HardwareAddr {
	h, err := net.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return h
}

func TestTheLifeOfABridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		m.is(1, "eth0", "", p, host.AddrPerm, 0)
		got := watchIt(t, m, func(wait func()) {
			m.says(2, "br0", "bridge", a, host.AddrRandom, 0)
			wait()
			// A port joins, and the bridge takes its address.
			m.says(1, "eth0", "", p, host.AddrPerm, 2)
			m.now(func() {
				m.result["br0"] = &audit.DeviceResult{Provenance: audit.Provenance{Origin: fact.Known(audit.OriginPort), OriginPort: "eth0"}}
			})
			m.says(2, "br0", "bridge", p, host.AddrSet, 0)
			wait()
			m.says(1, "eth0", "", p, host.AddrPerm, 0)
			m.now(func() { m.result["br0"] = nil })
			m.says(2, "br0", "bridge", b, host.AddrSet, 0)
			wait()
			m.says(2, "br1", "bridge", b, host.AddrSet, 0)
			wait()
			m.gone(2)
			wait()
			m.says(1, "eth0", "", a, host.AddrSet, 0) // a port no longer
		})
		want(t, got,
			"created br0 by deduced kernel-random",
			"changed eth0 master ->br0",
			"changed br0 02:00:00:00:00:0a->02:00:00:00:00:0f type random->set by deduced port(eth0)",
			"changed eth0 master br0->",
			"changed br0 02:00:00:00:00:0f->02:00:00:00:00:0b by deduced set-by-someone",
			"changed br1 name br0->br1",
			"deleted br1",
		)
	})
}

func TestWhatHappensAtOnceIsToldInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		got := watchIt(t, m, func(wait func()) {
			m.now(func() {
				m.result["bond0"] = &audit.DeviceResult{
					Provenance: audit.Provenance{Origin: fact.Known(audit.OriginSomeone)},
					Persistent: fact.Known(host.PersistentMAC{MAC: b}),
				}
			})
			m.says(2, "bond0", "bond", a, host.AddrRandom, 0)
			m.says(2, "bond0", "bond", b, host.AddrSet, 0)
			m.says(2, "bond0", "bond", p, host.AddrSet, 0)
			wait()
		})
		want(t, got,
			"created bond0 by deduced kernel-random",
			"changed bond0 02:00:00:00:00:0a->02:00:00:00:00:0b type random->set by deduced udev-persistent",
			"changed bond0 02:00:00:00:00:0b->02:00:00:00:00:0f by deduced set-by-someone",
		)
	})
}

func TestACallIsPutToItsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		m.is(2, "br0", "bridge", a, host.AddrRandom, 0)
		m.is(3, "dummy0", "dummy", a, host.AddrRandom, 0)
		set := func(index int, name, before, after, who string) {
			m.calls <- trace.Call{Function: "dev_set_mac_address", Index: index, Name: name, Before: hw(before), After: hw(after), Process: trace.Process{PID: 7, Name: who}}
		}
		got := watchIt(t, m, func(wait func()) {
			// The call comes after the change that it made, or before.
			m.says(2, "br0", "bridge", b, host.AddrSet, 0)
			pass(5 * time.Millisecond)
			set(2, "br0", a, b, "ip")
			wait()
			set(2, "br0", b, a, "ifenslave")
			pass(20 * time.Millisecond)
			m.says(2, "br0", "bridge", a, host.AddrSet, 0)
			wait()
			// It comes late, on a busy machine, or not at all.
			m.says(2, "br0", "bridge", b, host.AddrSet, 0)
			pass(700 * time.Millisecond)
			set(2, "br0", a, b, "slow")
			wait()
			m.says(2, "br0", "bridge", a, host.AddrSet, 0)
			wait()
			wait()
			set(2, "br0", a, a, "again")
			set(3, "dummy0", a, b, "unwatched")
			wait()
			m.now(func() { m.lost = 2 })
			set(2, "br0", a, a, "last")
			wait()
		})
		want(t, got,
			"changed br0 02:00:00:00:00:0a->02:00:00:00:00:0b type random->set by seen set-by-someone ip",
			"changed br0 02:00:00:00:00:0b->02:00:00:00:00:0a by seen set-by-someone ifenslave",
			"changed br0 02:00:00:00:00:0a->02:00:00:00:00:0b by seen set-by-someone slow",
			"changed br0 02:00:00:00:00:0b->02:00:00:00:00:0a by deduced set-by-someone",
			"called br0",
			"lost 2 calls that set an address were missed: their origin is deduced",
			"called br0",
		)
	})
}

func TestFindingsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		m.is(2, "br0", "bridge", a, host.AddrRandom, 0)
		m.now(func() {
			m.result["br0"] = &audit.DeviceResult{Provenance: audit.Provenance{Origin: fact.Known(audit.OriginKernel)}, Findings: []audit.Finding{{Rule: "old"}}}
		})
		got := watchIt(t, m, func(wait func()) {
			m.now(func() {
				m.result["br0"] = &audit.DeviceResult{Provenance: audit.Provenance{Origin: fact.Known(audit.OriginUdev)}, Applied: fact.Known("/x.link"), Findings: []audit.Finding{{Rule: "new"}}}
			})
			m.c <- host.Notice{Udev: &host.UdevNotice{Action: "add", Index: 2}}
			wait()
			m.now(func() {
				m.result["br0"] = &audit.DeviceResult{Provenance: audit.Provenance{Origin: fact.Known(audit.OriginUdev)}, Applied: fact.Known("/x.link"), Policy: fact.Known("none"), Findings: []audit.Finding{{Rule: "new"}}}
			})
			m.c <- host.Notice{Files: true}
			wait()
			m.now(func() { m.err = errors.New("no such luck") })
			m.c <- host.Notice{Udev: &host.UdevNotice{Action: "add", Index: 2}}
			wait()
			m.c <- host.Notice{Udev: &host.UdevNotice{Action: "add", Index: 2}}
			wait()
		})
		want(t, got, "applied br0 /x.link", "ended br0 old", "found br0 new", "applied br0 /x.link", "problem no such luck")
	})
}

// What was lost is found by looking again, each change once.
func TestLostMessagesAreMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		m.is(1, "eth0", "", p, host.AddrPerm, 0)
		m.is(2, "br0", "bridge", a, host.AddrRandom, 0)
		m.is(3, "br1", "bridge", a, host.AddrRandom, 0)
		// All of it is so before the loss is read, which has the watch look at once.
		m.meanwhile = func() {
			m.c <- host.Notice{Lost: host.LostKernel}
			m.says(2, "br0", "bridge", b, host.AddrSet, 0) // not lost
			m.is(2, "br0", "bridge", p, host.AddrSet, 0)
			m.now(func() { delete(m.links, 3) })
			m.is(4, "br2", "bridge", a, host.AddrRandom, 0)
		}
		got := watchIt(t, m, func(wait func()) {
			wait()
			m.c <- host.Notice{Lost: host.LostUdev}
			wait()
		})
		want(t, got,
			"lost messages of the kernel were lost",
			"changed br0 02:00:00:00:00:0a->02:00:00:00:00:0b type random->set by unknown",
			"changed br0 02:00:00:00:00:0b->02:00:00:00:00:0f by deduced set-by-someone late",
			"created br2 by deduced kernel-random late",
			"deleted br1 late",
			"lost messages of udevd were lost",
		)
	})
}

func TestEmitEndsTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		no := errors.New("no more")
		m.says(2, "br0", "bridge", a, host.AddrRandom, 0)
		delete(m.links, 2)
		err := Run(t.Context(), Options{Source: m, Wanted: func(string, string) bool { return true }, Audit: m.audit, Emit: func(*Event) error { return no }}, nil)
		if !errors.Is(err, no) {
			t.Errorf("it ends with %v", err)
		}
	})
}

// Of devices that are gone nothing is kept, whatever they were and in which order
// they went; each is told to be new once.
func TestWhatIsGoneIsForgotten(t *testing.T) {
	m := newMachine()
	first := map[int]int{}
	events := 0
	w := &watcher{
		Options: Options{
			Source: m, Wanted: func(_, kind string) bool { return kind == "bridge" }, Audit: m.audit,
			Emit: func(e *Event) error {
				events++
				if e.First {
					first[e.Index]++
				}
				return nil
			},
		},
		devices: map[int]*knownDevice{}, portIndexes: map[int]map[int]bool{},
	}
	link := func(index int, kind, mac string, master int, gone bool) {
		m.is(index, fmt.Sprint("n", index), kind, mac, host.AddrSet, master)
		m.links[index].Gone = gone
		w.takeLink(time.Now(), m.links[index])
		if gone {
			delete(m.links, index)
		}
	}
	const rounds = 1000
	for i := range rounds {
		bridge, port, other := 3*i+1, 3*i+2, 3*i+3
		if i%2 == 0 {
			link(bridge, "bridge", a, 0, false)
		}
		link(port, "veth", p, bridge, false) // perhaps before its master is heard of
		link(bridge, "bridge", b, 0, false)
		link(other, "veth", p, bridge, false)
		link(other, "veth", p, 0, false)
		if i%3 == 0 {
			if err := w.flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		gone := []int{bridge, port, other}
		for j := range gone {
			index := gone[(i+j)%3]
			master := 0
			if index == port {
				master = bridge
			}
			link(index, "", "", master, true)
		}
		if i%7 == 0 {
			if err := w.flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.devices) + len(w.portIndexes) + len(w.pending) + len(w.unmatched) + len(w.toAudit); n != 0 {
		t.Errorf("kept: %d devices, %d masters, %d changes, %d calls, %d audits", len(w.devices), len(w.portIndexes), len(w.pending), len(w.unmatched), len(w.toAudit))
	}
	if events < 4*rounds || len(first) < 2*rounds {
		t.Errorf("only %d events of %d devices", events, len(first))
	}
	for index, n := range first {
		if n != 1 {
			t.Errorf("device %d was new %d times", index, n)
		}
	}
}
