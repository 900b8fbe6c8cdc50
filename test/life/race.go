package life

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"linkaudit/linkfiles"
	"linkaudit/policy/address"
	model "linkaudit/policy/life"
)

// Outcomes of a port joining while udevd is about to handle the add event.
const (
	UdevFirst = "udev, then join"
	JoinFirst = "join, then udev"
	// InBetween: udevd looks at the device, a port joins, and udevd sets the address
	// that it had chosen.
	InBetween = "udev decides, join, udev sets"
)

// someMAC stands for an address that the driver makes up.
const someMAC = "02:ff:ff:ff:ff:ff"

// Outcomes are what the model predicts for each order, "ADDRESS TYPE PORT'S".
func (r *Runner) Outcomes(create Sequence) map[string]string {
	ends := map[string]string{}
	for _, order := range []string{UdevFirst, JoinFirst, InBetween} {
		l := r.model(create)
		join := Op{Do: Join, Port: "p0"}
		switch order {
		case UdevFirst:
			l.apply(Op{Do: Udev})
			l.apply(join)
		case JoinFirst:
			l.apply(join)
			l.apply(Op{Do: Udev})
		case InBetween:
			a := l.udev()
			l.apply(join)
			if a.Do == address.Set {
				d := l.dev.SetMAC(a.MAC)
				l.dev = &d
			}
		}
		ends[order] = fmt.Sprintf("%s %d %s", l.dev.MAC, l.dev.Assign, l.portMAC("p0"))
	}
	return ends
}

// model is a lane without devices, after the operations of a sequence.
func (r *Runner) model(s Sequence) *lane {
	l := &lane{seq: s, run: r, free: map[string]linkfiles.MAC{"p0": own[0]}}
	l.name = "l" + Policies[s.Policy].letter + "0"
	for _, o := range s.Ops {
		l.apply(o)
		if l.dev.MAC == "" {
			l.dev.MAC = someMAC
		}
	}
	return l
}

// Race creates the device of a sequence under a running udevd, lets a port join at
// various delays, and returns how often each outcome of the model occurred. Any other
// outcome is an error. It adjusts the delay until both orders occur. It races the given
// number of times, or up to ten times as often if it has seen fewer outcomes: the order
// depends on the machine.
func (r *Runner) Race(create Sequence, times, outcomes int) (map[string]int, error) {
	ends := r.Outcomes(create)
	seen := map[string]int{}
	distance := time.Duration(0)
	for n := 0; n < times || n < 10*times && len(seen) < outcomes; n++ {
		l, err := r.lane(create, 0)
		if err != nil {
			return nil, err
		}
		if err := udevadm("settle", "--timeout=300"); err != nil {
			return nil, err
		}
		if err := l.do(create.Ops[0]); err != nil {
			return nil, err
		}
		// sleep: it is the delay between the two racers, which changes until both win.
		time.Sleep(distance)
		if err := l.do(Op{Do: Join, Port: "p0"}); err != nil {
			return nil, err
		}
		if err := udevadm("settle", "--timeout=300"); err != nil {
			return nil, err
		}
		mac, err := addressOf(l.name)
		if err != nil {
			return nil, err
		}
		typ, err := assignType(l.name)
		if err != nil {
			return nil, err
		}
		port, err := addressOf(l.portDevice("p0"))
		if err != nil {
			return nil, err
		}
		known := slices.Concat(own, []linkfiles.MAC{l.persistent(), model.Zero})
		if madeUp(l.name, mac, known) == nil {
			if port == mac {
				port = someMAC
			}
			mac = someMAC
		}
		got := fmt.Sprintf("%s %d %s", mac, typ, port)
		var orders []string
		for _, order := range []string{UdevFirst, JoinFirst, InBetween} {
			if ends[order] == got {
				orders = append(orders, order)
			}
		}
		if len(orders) == 0 {
			return nil, fmt.Errorf("%safter %v a port joined, and the end is %s, none of %v", create, distance, got, ends)
		}
		seen[strings.Join(orders, "; or ")]++
		if slices.Contains(orders, UdevFirst) {
			distance /= 2
		} else {
			distance = min(distance*2+time.Millisecond, time.Minute)
		}
		if err := r.clear([]*lane{l}); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// race is a device to race for, and how each order ends.
type race struct {
	Create string
	// UdevFirst and JoinFirst are the results: whose address, and the type.
	UdevFirst, JoinFirst string
}

// Races are the devices of BothOrders and RealRaces.
var Races = []race{
	{"bond under persistent\n create mode=balance-rr", "persistent 3", "port 2"},
	{"bond under persistent\n create mode=802.3ad", "persistent 3", "port 2"},
	{"bond under persistent\n create mode=active-backup", "persistent 3", "port 2"},
	{"bond under persistent\n create mode=active-backup fail_over_mac=active", "port 2", "port 2"},
	{"bond under persistent\n create mode=active-backup fail_over_mac=follow", "made-up 3", "port 2"},
	{"bond under none\n create mode=active-backup", "port 2", "port 2"},
	{"bridge under persistent\n create", "persistent 3", "persistent 3"},
	{"bridge under none\n create", "port 1", "port 1"},
	{"team under persistent\n create", "persistent 3", "persistent 3"},
	{"team under persistent\n create mode=roundrobin", "persistent 3", "persistent 3"},
}

type raceOf struct {
	race
	sequence Sequence
}

// racesOf are the Races of some kinds, with the sequence that creates the device.
func racesOf(kinds []string) ([]raceOf, error) {
	var out []raceOf
	for _, r := range Races {
		s, err := ParseSequence(r.Create)
		if err != nil {
			return nil, err
		}
		if slices.Contains(kinds, s.Kind) {
			out = append(out, raceOf{r, s})
		}
	}
	return out, nil
}

// BothOrders runs each of Races with udevd stopped, in both orders, and checks the
// results; kinds selects among them.
func (r *Runner) BothOrders(kinds ...string) error {
	if err := r.Begin(); err != nil {
		return err
	}
	defer r.End()
	races, err := racesOf(kinds)
	if err != nil {
		return err
	}
	for _, race := range races {
		for _, order := range []struct {
			ops  string
			want string
		}{
			{" udev\n join p0", race.UdevFirst},
			{" join p0\n udev", race.JoinFirst},
		} {
			s, err := ParseSequence(race.Create + "\n" + order.ops)
			if err != nil {
				return err
			}
			ends, err := r.Replay(s)
			if err != nil {
				return err
			}
			mac, typ, _ := strings.Cut(ends[0], " ")
			switch linkfiles.MAC(mac) {
			case r.model(Sequence{Kind: s.Kind, Policy: s.Policy}).persistent():
				mac = "persistent"
			case own[0]:
				mac = "port"
			default:
				mac = "made-up"
			}
			if got := mac + " " + typ; got != order.want {
				return fmt.Errorf("%sends as %s, not %s", s, got, order.want)
			}
		}
	}
	return nil
}

// RealRaces runs each of Races with udevd running.
func (r *Runner) RealRaces(times int, kinds ...string) error {
	races, err := racesOf(kinds)
	if err != nil {
		return err
	}
	for _, race := range races {
		s := race.sequence
		times, outcomes := times, 2
		if race.UdevFirst == race.JoinFirst {
			times, outcomes = max(1, times/3), 1 // there is less to see
		}
		seen, err := r.Race(s, times, outcomes)
		if err != nil {
			return err
		}
		r.Log("%sseen: %v", s, seen)
		if len(seen) < outcomes {
			return fmt.Errorf("%sonly one order was seen in %d races: %v", s, 10*times, seen)
		}
	}
	return nil
}
