package life

import (
	"fmt"
	"math/rand"
	"slices"

	"github.com/vishvananda/netlink"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy/address"
	model "linkaudit/policy/life"
)

// lane is a running sequence: the model's view of one device and its ports.
type lane struct {
	seq    Sequence
	number int
	name   string
	run    *Runner
	nl     *netlink.Handle

	dev *model.Device
	// free are the addresses of devices that are not ports of dev. What is in neither
	// does not exist.
	free map[string]linkfiles.MAC
	// pending says that an add event of the device waits for udevd.
	pending bool

	rand  *rand.Rand
	done  int
	fault *Fault
	// waits: the next operation is "udev".
	waits   bool
	refused int
}

// Fault is a difference between the model and the kernel.
type Fault struct {
	Seq Sequence // up to the operation after which they differ
	Why string
}

func (f *Fault) Error() string { return fmt.Sprintf("%s%s", f.Seq, f.Why) }

func (l *lane) portDevice(port string) string { return fmt.Sprintf("lq%d%s", l.number, port) }

// resolve returns the address for Op.Addr; "" if it is unknown.
func (l *lane) resolve(addr string) linkfiles.MAC {
	switch addr {
	case "same":
		if l.dev == nil {
			return ""
		}
		return l.dev.MAC
	case "persistent":
		return l.persistent()
	case "p0", "p1", "p2":
		return l.portMAC(addr)
	}
	return linkfiles.MAC(addr)
}

func (l *lane) joined(port string) int {
	if l.dev == nil {
		return -1
	}
	return slices.IndexFunc(l.dev.Ports, func(p model.Port) bool { return p.Name == port })
}

func (l *lane) portMAC(port string) linkfiles.MAC {
	if i := l.joined(port); i >= 0 {
		return l.dev.Ports[i].MAC
	}
	return l.free[port]
}

// facts is what udevd sees of the device.
func (l *lane) facts() address.Facts {
	f := address.Facts{
		Name: l.name, ARPHRD: 1,
		Names:     fact.Known(map[string]string{}),
		Scheme:    fact.Known("latest"),
		MachineID: fact.Known(l.run.MachineID),
	}
	f.MAC = "02:00:00:00:00:00"
	if l.dev != nil {
		f.MAC = l.dev.MAC
	}
	return f
}

func (l *lane) persistent() linkfiles.MAC {
	return address.Persistent(l.run.Release, l.facts()).Or(host.PersistentMAC{}).MAC
}

// udev is what udevd does to the address of a device in its present state.
func (l *lane) udev() address.Action {
	p := Policies[l.seq.Policy]
	a, ok := address.AddEvent{
		Release: l.run.Release, Policy: p.policy, MACAddress: p.macAddress,
		Assign: fact.Known(l.dev.Assign), Device: l.facts(), Persistent: address.Persistent(l.run.Release, l.facts()),
	}.Action().Get()
	if !ok {
		panic("everything is known of the event")
	}
	return a
}

// applicable reports whether the operation makes sense now. Only such operations are
// generated, but the sequence around one may be shrunk.
func (l *lane) applicable(o Op) bool {
	_, free := l.free[o.Port]
	joined := l.joined(o.Port) >= 0
	if o.Addr != "" {
		b := l.resolve(o.Addr).Octets()
		if len(b) != 6 || b[0]&1 != 0 || l.resolve(o.Addr) == model.Zero {
			return false
		}
	}
	switch o.Do {
	case Create, Udev:
		return true
	case Join:
		return l.dev != nil && free
	case Leave:
		return joined
	case SetPortMAC, DeletePort:
		return free || joined
	case CreatePort:
		return !free && !joined
	}
	return l.dev != nil
}

// apply executes the operation in the model.
func (l *lane) apply(o Op) {
	addr := l.resolve(o.Addr)
	set := func(d model.Device) { l.dev = &d }
	switch o.Do {
	case Create:
		l.remove()
		d := model.New(l.seq.Kind, addr)
		d.Mode, d.FailOverMAC = o.Mode, o.FailOver
		d.Kernel = l.run.Kernel
		set(d)
		l.pending = true
	case Delete:
		l.remove()
	case Up, Down: // nothing to an address
	case SetMAC:
		set(l.dev.SetMAC(addr))
	case SetPortMAC:
		if l.joined(o.Port) >= 0 {
			set(l.dev.SetPortMAC(o.Port, addr))
		} else {
			l.free[o.Port] = addr
		}
	case Join:
		mac := l.free[o.Port]
		delete(l.free, o.Port)
		set(l.dev.Join(o.Port, mac))
	case Leave:
		d, mac := l.dev.Leave(o.Port)
		set(d)
		l.free[o.Port] = mac
	case DeletePort:
		if l.joined(o.Port) >= 0 {
			d, _ := l.dev.Leave(o.Port)
			set(d)
		}
		delete(l.free, o.Port)
	case CreatePort:
		l.free[o.Port] = addr
	case Trigger:
		l.pending = true
	case Udev:
		if l.dev != nil && l.pending {
			if a := l.udev(); a.Do == address.Set {
				set(l.dev.SetMAC(a.MAC))
			}
		}
		l.pending = false
	}
}

func (l *lane) remove() {
	if l.dev == nil {
		return
	}
	for len(l.dev.Ports) > 0 {
		port := l.dev.Ports[0].Name
		d, mac := l.dev.Leave(port)
		l.dev, l.free[port] = &d, mac
	}
	l.dev, l.pending = nil, false
}

// compare compares the model with the kernel, and takes from the kernel what the model
// does not claim. before is the device's address before the operation.
func (l *lane) compare(before linkfiles.MAC) error {
	known := append(slices.Clone(own), before, l.persistent(), Policies[l.seq.Policy].macAddress)
	for _, addr := range pool {
		known = append(known, linkfiles.MAC(addr))
	}
	check := func(device string, want linkfiles.MAC) (linkfiles.MAC, error) {
		got, err := addressOf(device)
		if err != nil {
			return "", err
		}
		if want != "" && got != want {
			return "", fmt.Errorf("%s has %s, not %s as in the model", device, got, want)
		}
		return got, nil
	}
	if l.dev != nil {
		typ, err := assignType(l.name)
		if err != nil {
			return err
		}
		mac, err := check(l.name, l.dev.MAC)
		if err != nil {
			return err
		}
		if typ != l.dev.Assign {
			return fmt.Errorf("%s has addr_assign_type %d, not %d as in the model (address %s)", l.name, typ, l.dev.Assign, mac)
		}
		for i := range ports {
			known = append(known, l.portMAC(portName(i)))
		}
		if l.dev.MAC == "" {
			if err := madeUp(l.name, mac, known); err != nil {
				return err
			}
			l.dev.MAC = mac
		}
		deals := l.dev.Mode == "balance-tlb" || l.dev.Mode == "balance-alb"
		for i := range l.dev.Ports {
			p := &l.dev.Ports[i]
			mac, err := check(l.portDevice(p.Name), p.MAC)
			if err == nil && p.MAC == "" && !deals {
				err = madeUp(l.portDevice(p.Name), mac, append(known, l.dev.MAC, p.Own))
			}
			if err != nil {
				return err
			}
			p.MAC = mac
		}
	}
	for i := range ports {
		port := portName(i)
		if mac, ok := l.free[port]; ok {
			got, err := check(l.portDevice(port), mac)
			if err != nil {
				return err
			}
			l.free[port] = got
		}
	}
	return nil
}

// madeUp checks that a driver can make up the address, and that it is not a known one.
func madeUp(device string, mac linkfiles.MAC, known []linkfiles.MAC) error {
	switch b := mac.Octets(); {
	case len(b) != 6 || b[0]&3 != 2:
		return fmt.Errorf("%s has %s, which no driver makes up", device, mac)
	case slices.Contains(known, mac):
		return fmt.Errorf("%s has %s, which is not made up as in the model", device, mac)
	}
	return nil
}

// next is the next operation, and whether there is one.
func (l *lane) next() (Op, bool) {
	if l.rand == nil { // a given sequence
		for l.done < len(l.seq.Ops) {
			if o := l.seq.Ops[l.done]; l.applicable(o) {
				return o, true
			}
			l.done++
		}
		return Op{}, false
	}
	if l.done == len(l.seq.Ops) {
		if l.done >= l.run.Length {
			return Op{}, false
		}
		l.seq.Ops = append(l.seq.Ops, l.generate(l.rand))
	}
	return l.seq.Ops[l.done], true
}

// step executes the next operation, in the model and by do in the kernel.
func (l *lane) step(o Op, do func(Op) error) {
	var before linkfiles.MAC
	if l.dev != nil {
		before = l.dev.MAC
	}
	keep := *l
	keep.free = map[string]linkfiles.MAC{}
	for k, v := range l.free {
		keep.free[k] = v
	}
	err := do(o)
	switch {
	case err == nil:
		l.apply(o)
	case refusal(l, o, err):
		l.refused++
	default:
		l.fail(fmt.Sprintf("the kernel refuses: %v", err))
		return
	}
	l.done++
	if err := l.compare(before); err != nil {
		l.done--
		why := err.Error()
		if keep.dev != nil {
			why += fmt.Sprintf("\n  before: %+v", *keep.dev)
		}
		if l.dev != nil {
			why += fmt.Sprintf("\n  model:  %+v", *l.dev)
		}
		l.fail(why)
	}
}

func (l *lane) fail(why string) {
	s := l.seq
	s.Ops = slices.Clone(s.Ops[:l.done+1])
	l.fault = &Fault{Seq: s, Why: why}
}
