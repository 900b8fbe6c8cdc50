package life

import (
	"fmt"
	"math/rand"
	"os"
	"strings"

	"linkaudit/linkfiles"
)

// Verb is what an operation does.
type Verb string

const (
	// Create creates the device, and deletes an existing one first.
	Create Verb = "create"
	Delete Verb = "delete"
	// Up and Down are the device's.
	Up   Verb = "up"
	Down Verb = "down"
	// SetMAC sets the device's address, SetPortMAC a port's.
	SetMAC     Verb = "set"
	SetPortMAC Verb = "set-port"
	Join       Verb = "join"
	Leave      Verb = "leave"
	// DeletePort and CreatePort are about a device that may be a port.
	DeletePort Verb = "delete-port"
	CreatePort Verb = "create-port"
	// Trigger writes "add" to the device's uevent file.
	Trigger Verb = "trigger"
	// Udev lets udevd handle the events that wait.
	Udev Verb = "udev"
)

// Op is one operation.
type Op struct {
	Do Verb
	// Port is p0, p1, ...
	Port string
	// Addr is an address from the pool, or "same" (what the device has now),
	// "persistent" (what udev derives for the device), "p0" (what that port has).
	Addr string
	// Mode and FailOver are a bond's, Mode a team's runner.
	Mode, FailOver string
}

// String writes an operation as ParseSequence reads it.
func (o Op) String() string {
	words := []string{string(o.Do)}
	for _, w := range []struct{ key, value string }{{"", o.Port}, {"mode=", o.Mode}, {"fail_over_mac=", o.FailOver}, {"address=", o.Addr}} {
		if w.value != "" {
			words = append(words, w.key+w.value)
		}
	}
	return strings.Join(words, " ")
}

// Sequence is the operations on one device, in order.
type Sequence struct {
	// Kind is bond, bridge or team.
	Kind string
	// Policy is a key of Policies.
	Policy string
	Seed   int64
	Ops    []Op
}

func (s Sequence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s under %s\n", s.Kind, s.Policy)
	for _, o := range s.Ops {
		fmt.Fprintf(&b, "  %s\n", o)
	}
	return b.String()
}

// ParseSequence reads what String wrote.
func ParseSequence(text string) (Sequence, error) {
	var s Sequence
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case s.Kind == "":
			if len(words) != 3 || words[1] != "under" {
				return s, fmt.Errorf("%q: want KIND under POLICY", line)
			}
			s.Kind, s.Policy = words[0], words[2]
			continue
		}
		o := Op{Do: Verb(words[0])}
		for _, w := range words[1:] {
			key, value, ok := strings.Cut(w, "=")
			switch {
			case !ok:
				o.Port = w
			case key == "mode":
				o.Mode = value
			case key == "fail_over_mac":
				o.FailOver = value
			case key == "address":
				o.Addr = value
			default:
				return s, fmt.Errorf("%q: what is %q?", line, w)
			}
		}
		s.Ops = append(s.Ops, o)
	}
	return s, nil
}

// Policies are what the .link files of Files set, by the word in a device's name that
// selects the file.
var Policies = map[string]struct {
	letter, policy string
	macAddress     linkfiles.MAC
}{
	"persistent": {"p", "persistent", ""},
	"random":     {"r", "random", ""},
	"none":       {"n", "none", ""},
	"MACAddress": {"m", "none", "02:00:00:00:0f:0f"},
}

var policyNames = []string{"persistent", "persistent", "none", "random", "MACAddress"}

// Files are the .link files of Policies, by name.
func Files() map[string]string {
	files := map[string]string{"10-life-port.link": "[Match]\nOriginalName=lq* lx*\n\n[Link]\nMACAddressPolicy=none\n"}
	for name, p := range Policies {
		text := "[Match]\nOriginalName=l" + p.letter + "*\n\n[Link]\nMACAddressPolicy=" + p.policy + "\n"
		if p.macAddress != "" {
			text += "MACAddress=" + p.macAddress.String() + "\n"
		}
		files["10-life-"+name+".link"] = text
	}
	return files
}

// OtherRules are the names of udev's rules below dir that do not affect a network
// device's address. A run creates and deletes thousands of devices, and each rule costs
// time.
func OtherRules(dir string) ([]string, error) {
	rules, err := os.ReadDir(dir)
	var names []string
	for _, rule := range rules {
		switch rule.Name() {
		case "50-udev-default.rules", "75-net-description.rules", "80-net-setup-link.rules":
		default:
			names = append(names, rule.Name())
		}
	}
	return names, err
}

// ports is how many devices of a sequence may join.
const ports = 3

// pool are the addresses that are set. Neither their order nor that of the ports is the
// order of the ports' own addresses.
var pool = []string{"02:00:00:00:00:01", "02:00:00:00:00:04", "02:00:00:00:00:05", "02:00:00:00:00:09"}

// own are the addresses that ports start with.
var own = []linkfiles.MAC{"02:00:00:00:00:07", "02:00:00:00:00:03", "02:00:00:00:00:08"}

var (
	bondModes   = []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}
	failOvers   = []string{"none", "active", "follow"}
	teamRunners = []string{"", "activebackup", "roundrobin", "broadcast", "loadbalance", "random"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.Intn(len(from))] }

func portName(i int) string { return fmt.Sprintf("p%d", i) }

// generate returns an operation that is possible now.
func (l *lane) generate(r *rand.Rand) Op {
	if l.dev == nil && r.Intn(4) > 0 {
		return l.generateCreate(r)
	}
	for {
		if o := l.generateAny(r); l.applicable(o) {
			return o
		}
	}
}

func (l *lane) generateCreate(r *rand.Rand) Op {
	o := Op{Do: Create}
	if r.Intn(4) == 0 {
		o.Addr = pick(r, append([]string{"persistent", "p0", "p1"}, pool...))
	}
	switch l.seq.Kind {
	case "bond":
		// active-backup has the most cases.
		if o.Mode = pick(r, bondModes); r.Intn(2) == 0 {
			o.Mode = "active-backup"
		}
		if o.Mode == "active-backup" || r.Intn(4) == 0 {
			o.FailOver = pick(r, failOvers)
		}
	case "team":
		o.Mode = pick(r, teamRunners)
	}
	return o
}

func (l *lane) generateAny(r *rand.Rand) Op {
	addr := func() string {
		return pick(r, append([]string{"same", "same", "persistent", "p0", "p1", "p2"}, pool...))
	}
	port := portName(r.Intn(ports))
	switch n := r.Intn(100); {
	case n < 25:
		return Op{Do: Join, Port: port}
	case n < 45:
		return Op{Do: Leave, Port: port}
	case n < 55:
		return Op{Do: SetMAC, Addr: addr()}
	case n < 65:
		return Op{Do: SetPortMAC, Port: port, Addr: addr()}
	case n < 67:
		return Op{Do: DeletePort, Port: port}
	case n < 73:
		return Op{Do: CreatePort, Port: port, Addr: pick(r, []string{string(own[0]), string(own[1]), string(own[2]), "same", "p0"})}
	case n < 75:
		return Op{Do: Delete}
	case n < 77:
		return l.generateCreate(r)
	case n < 81:
		return Op{Do: Up}
	case n < 83:
		return Op{Do: Down}
	case n < 90:
		return Op{Do: Trigger}
	default:
		return Op{Do: Udev}
	}
}
