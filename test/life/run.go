package life

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"

	"linkaudit/linkfiles"
	model "linkaudit/policy/life"
)

// Runner runs sequences on this machine, in the process's network namespace and with
// its udevd.
type Runner struct {
	// Release is the release of udevd.
	Release   linkfiles.Release
	MachineID [16]byte
	// Kernel is what the model must know about the kernel.
	Kernel model.Kernel
	// Udevd is udevd's process.
	Udevd int
	// Veth makes ports from veth pairs, for kernels without dummy.
	Veth bool
	// Length is how many operations a generated sequence has.
	Length int
	// Side is how many sequences run side by side.
	Side int
	// Log gets progress messages.
	Log func(format string, args ...any)

	// Sequences, Operations, Refused and Settled count what was done. Refused are
	// operations that the kernel refused, as it may.
	Sequences, Operations, Refused, Settled int
	// Early counts how often "udevadm settle" returned too early.
	Early int

	settling time.Duration

	handles []*netlink.Handle
}

// Random runs generated sequences of a kind and returns the first difference, shrunk.
func (r *Runner) Random(kind string, sequences int, seed int64) error {
	start := time.Now()
	before, refused, settled, settling := r.Operations, r.Refused, r.Settled, r.settling
	for first := 0; first < sequences; first += r.Side {
		var lanes []*lane
		for i := range min(r.Side, sequences-first) {
			s := Sequence{Kind: kind, Seed: seed + int64(first+i)}
			random := rand.New(rand.NewSource(s.Seed))
			s.Policy = pick(random, policyNames)
			l, err := r.lane(s, i)
			if err != nil {
				return err
			}
			l.rand = random
			lanes = append(lanes, l)
		}
		if err := r.together(lanes); err != nil {
			return err
		}
		var faults []*Fault
		for _, l := range lanes {
			if l.fault != nil {
				faults = append(faults, l.fault)
			}
		}
		if len(faults) > 0 {
			var b strings.Builder
			fmt.Fprintf(&b, "seed %d: %d of %d sequences differ from the model\n", seed, len(faults), len(lanes))
			seen := map[string]bool{}
			for _, f := range faults {
				if s := f.Seq.Ops[len(f.Seq.Ops)-1]; !seen[string(s.Do)+s.Mode] && len(seen) < 4 {
					seen[string(s.Do)+s.Mode] = true
					f := r.Shrink(f)
					fmt.Fprintf(&b, "sequence seed %d:\n%s\n", f.Seq.Seed, f.Error())
				}
			}
			return fmt.Errorf("%s", b.String())
		}
		if err := r.clear(lanes); err != nil {
			return err
		}
		r.Sequences += len(lanes)
	}
	r.Log("%s: %d sequences from seed %d, %d operations (%d refused), %v in all, %v for udevd in %d turns",
		kind, sequences, seed, r.Operations-before, r.Refused-refused,
		time.Since(start).Round(time.Millisecond), (r.settling - settling).Round(time.Millisecond), r.Settled-settled)
	return nil
}

// Replay runs given sequences side by side. The second result is the final state:
// "ADDRESS TYPE" of each sequence's device.
func (r *Runner) Replay(sequences ...Sequence) ([]string, error) {
	var lanes []*lane
	for i, s := range sequences {
		l, err := r.lane(s, i)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, l)
	}
	err := r.together(lanes)
	var ends []string
	for _, l := range lanes {
		if l.fault != nil {
			err = errors.Join(err, l.fault)
		}
		end := ""
		if l.dev != nil {
			end = fmt.Sprintf("%s %d", l.dev.MAC, l.dev.Assign)
		}
		ends = append(ends, end)
	}
	if e := r.clear(lanes); err == nil {
		err = e
	}
	return ends, err
}

// together runs each lane up to its next "udev", lets udevd do its work for all of
// them, and repeats this until all are done.
func (r *Runner) together(lanes []*lane) error {
	for {
		// The kernel takes long to delete a device, but many at once take no longer.
		var running sync.WaitGroup
		for first := range r.nl() {
			running.Go(func() {
				for i := first; i < len(lanes); i += len(r.nl()) {
					lanes[i].untilUdev()
				}
			})
		}
		running.Wait()
		waiting := 0
		for _, l := range lanes {
			if l.waits {
				waiting++
			}
		}
		if waiting == 0 {
			break
		}
		if err := r.settle(); err != nil {
			return err
		}
		for _, l := range lanes {
			if l.waits {
				o, _ := l.next()
				l.step(o, func(Op) error { return nil })
			}
		}
	}
	for _, l := range lanes {
		r.Operations += l.done
		r.Refused += l.refused
	}
	return nil
}

// untilUdev runs a lane up to its next "udev".
func (l *lane) untilUdev() {
	l.waits = false
	for l.fault == nil {
		o, ok := l.next()
		if !ok {
			return
		}
		if o.Do == Udev {
			l.waits = true
			return
		}
		l.step(o, l.do)
	}
}

// Shrink drops operations while the rest still differs from the model.
func (r *Runner) Shrink(f *Fault) *Fault {
	until := time.Now().Add(30 * time.Second)
	for size := len(f.Seq.Ops) / 2; size > 0; size /= 2 {
		for at := 0; at+size < len(f.Seq.Ops) && time.Now().Before(until); {
			s := f.Seq
			s.Ops = append(append([]Op(nil), s.Ops[:at]...), s.Ops[at+size:]...)
			if smaller := r.fault(s); smaller != nil {
				f = smaller
			} else {
				at += size
			}
		}
	}
	return f
}

func (r *Runner) fault(s Sequence) *Fault {
	l, err := r.lane(s, 999)
	if err != nil {
		return nil
	}
	if r.together([]*lane{l}) != nil {
		return nil
	}
	r.clear([]*lane{l})
	return l.fault
}

// lane creates the devices that a sequence starts with.
func (r *Runner) lane(s Sequence, number int) (*lane, error) {
	l := &lane{seq: s, number: number, run: r, nl: r.nl()[number%len(r.nl())], free: map[string]linkfiles.MAC{}}
	p, ok := Policies[s.Policy]
	if !ok {
		return nil, fmt.Errorf("no policy %q", s.Policy)
	}
	l.name = fmt.Sprintf("l%s%d", p.letter, number)
	for i := range ports {
		l.free[portName(i)] = own[i]
		if err := l.makePort(l.portDevice(portName(i)), own[i]); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// clear deletes a lane's device and leaves the ports to the next lane.
func (r *Runner) clear(lanes []*lane) error {
	for _, l := range lanes {
		if err := l.deleteIfThere(l.name); err != nil {
			return err
		}
	}
	return nil
}

func udevadm(args ...string) error {
	out, err := exec.Command("udevadm", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("udevadm %v: %w: %s", args, err, out)
	}
	return nil
}

// Begin stops udevd after it has handled everything before.
func (r *Runner) Begin() error {
	for range 100 {
		if err := udevadm("settle", "--timeout=300"); err != nil {
			return err
		}
		if err := syscall.Kill(r.Udevd, syscall.SIGSTOP); err != nil {
			return fmt.Errorf("stop udevd: %w", err)
		}
		if _, err := os.Stat("/run/udev/queue"); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		r.Early++
		if err := r.goOn(); err != nil {
			return err
		}
	}
	return errors.New("udevd does not come to an end")
}

func (r *Runner) goOn() error {
	if err := syscall.Kill(r.Udevd, syscall.SIGCONT); err != nil {
		return fmt.Errorf("let udevd go on: %w", err)
	}
	return nil
}

// End continues udevd.
func (r *Runner) End() error {
	if err := r.goOn(); err != nil {
		return err
	}
	return udevadm("settle", "--timeout=300")
}

// settle lets udevd handle the waiting events.
func (r *Runner) settle() error {
	start := time.Now()
	defer func() { r.Settled++; r.settling += time.Since(start) }()
	if err := r.goOn(); err != nil {
		return err
	}
	return r.Begin()
}

// Standard is what the suites run: generated sequences of each kind.
// LINKAUDIT_LIFE_SEED in the environment repeats those of an earlier run,
// LINKAUDIT_LIFE_COUNT sets their number.
func (r *Runner) Standard(kinds []string, sequences int) error {
	seed := time.Now().UnixNano() % 1e9
	for _, v := range []struct {
		name string
		set  func(int64)
	}{
		{"LINKAUDIT_LIFE_SEED", func(n int64) { seed = n }},
		{"LINKAUDIT_LIFE_COUNT", func(n int64) { sequences = int(n) }},
	} {
		if text := os.Getenv(v.name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			v.set(n)
		}
	}
	if err := r.Begin(); err != nil {
		return err
	}
	for _, kind := range kinds {
		err := r.Known(kind)
		if err == nil {
			err = r.Random(kind, sequences, seed)
		}
		if err != nil {
			return errors.Join(err, r.End())
		}
	}
	if r.Early > 0 {
		r.Log("udevadm settle was early %d times", r.Early)
	}
	return r.End()
}
