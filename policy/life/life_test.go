package life

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"linkaudit/linkfiles"
)

const (
	persistent = "96:85:c5:ce:a2:4b"
	port0      = "08:00:27:e2:37:5f"
	port1      = "08:00:27:00:00:01"
	hand       = "02:00:00:00:00:77"
)

// story is told step by step: what was done, and the device afterwards. Every
// step was seen on a real kernel, by test/life or in test/vm.
type story []struct {
	step   string
	do     func(Device) Device
	mac    string
	assign AssignType
	// ports are the ports' addresses in order.
	ports string
}

func (s story) tell(t *testing.T, d Device) {
	t.Helper()
	for _, step := range s {
		before := slices.Clone(d.Ports)
		next := step.do(d)
		if !slices.Equal(before, d.Ports) {
			t.Errorf("%s: the receiver was changed", step.step)
		}
		d = next
		var macs []string
		for _, p := range d.Ports {
			macs = append(macs, string(p.MAC))
		}
		if d.MAC != linkfiles.MAC(step.mac) || d.Assign != step.assign || strings.Join(macs, " ") != step.ports {
			t.Errorf("%s: %s of type %d, ports %q; want %s of type %d, ports %q", step.step, d.MAC, d.Assign, macs, step.mac, step.assign, step.ports)
		}
	}
}

func join(name, mac string) func(Device) Device {
	return func(d Device) Device { return d.Join(name, linkfiles.MAC(mac)) }
}

func leave(name, has string, t *testing.T) func(Device) Device {
	return func(d Device) Device {
		d, mac := d.Leave(name)
		if mac != linkfiles.MAC(has) {
			t.Errorf("%s leaves with %s, not %s", name, mac, has)
		}
		return d
	}
}

func set(mac string) func(Device) Device {
	return func(d Device) Device { return d.SetMAC(linkfiles.MAC(mac)) }
}

func setPort(name, mac string) func(Device) Device {
	return func(d Device) Device { return d.SetPortMAC(name, linkfiles.MAC(mac)) }
}

func stay(d Device) Device { return d }

func bond(mode, failOver string) Device {
	d := New("bond", "")
	d.Mode, d.FailOverMAC = mode, failOver
	return d
}

// The story that the project began with.
func TestBondThatUdevNamedFirst(t *testing.T) {
	story{
		{"created", stay, "", Random, ""},
		{"udevd handles the add event", set(persistent), persistent, Set, ""},
		{"the first port joins", join("p0", port0), persistent, Set, persistent},
		{"the last port leaves", leave("p0", port0, t), "", Random, ""},
		{"it joins again", join("p0", port0), port0, Stolen, port0},
		{"somebody sets an address", set(hand), hand, Set, hand},
	}.tell(t, bond("balance-rr", ""))
}

func TestBondWhosePortCameFirst(t *testing.T) {
	story{
		{"the first port joins", join("p0", port0), port0, Stolen, port0},
		{"another one", join("p1", port1), port0, Stolen, port0 + " " + port0},
		{"the first leaves, and the bond keeps its address", leave("p0", port0, t), port0, Stolen, port0},
		{"the last leaves", leave("p1", port1, t), "", Random, ""},
		{"it joins again", join("p1", port1), port1, Stolen, port1},
	}.tell(t, bond("active-backup", "none"))
}

func TestBondWithAnAddressFromBirthLosesItToo(t *testing.T) {
	story{
		{"created", stay, hand, Set, ""},
		{"a port joins", join("p0", port0), hand, Set, hand},
		{"it leaves", leave("p0", port0, t), "", Random, ""},
	}.tell(t, New("bond", hand))
}

func TestBondThatFollowsItsActivePort(t *testing.T) {
	story{
		{"udevd, to which the driver says yes", set(persistent), "", Set, ""},
		{"a port joins and becomes active", join("p0", port0), port0, Stolen, port0},
		{"another one keeps its own", join("p1", port1), port0, Stolen, port0 + " " + port1},
		{"somebody sets an address", set(hand), port0, Set, port0 + " " + port1},
		{"the active port leaves", leave("p0", port0, t), port1, Stolen, port1},
	}.tell(t, bond("active-backup", "active"))
}

func TestBondWhosePortsFollow(t *testing.T) {
	story{
		{"a port joins and becomes active", join("p0", port0), port0, Stolen, port0},
		{"another one keeps its own", join("p1", port1), port0, Stolen, port0 + " " + port1},
		{"the active port leaves, and the next gets the bond's", leave("p0", port0, t), port0, Stolen, port0},
		{"the last leaves with its own", leave("p1", port1, t), "", Random, ""},
	}.tell(t, bond("active-backup", "follow"))

	story{
		{"a port joins", join("p0", port0), port0, Stolen, port0},
		{"one joins with another", join("p1", port1), port0, Stolen, port0 + " " + port1},
		{"somebody gives it the bond's", setPort("p1", port0), port0, Stolen, port0 + " " + port0},
		{"a third joins", join("p2", hand), port0, Stolen, port0 + " " + port0 + " " + hand},
		{"the active port leaves, and the next has the bond's", leave("p0", port0, t), port0, Stolen, port0 + " " + hand},
	}.tell(t, bond("active-backup", "follow"))
}

// Newer kernels see to it that no two ports have the bond's address.
func TestPortThatJoinsAFollowingBondWithItsAddress(t *testing.T) {
	for spares, third := range map[bool]string{false: port0, true: ""} {
		t.Run(fmt.Sprintf("spares the bond's address: %v", spares), func(t *testing.T) {
			d := bond("active-backup", "follow")
			d.Kernel.SparesBondsAddress = spares
			story{
				{"a port joins", join("p0", port0), port0, Stolen, port0},
				{"one joins with the bond's address", join("p1", port0), port0, Stolen, port0 + " " + third},
			}.tell(t, d)
		})
	}
}

// An address that the bond has already reaches its ports on older kernels only.
func TestSameAddressAgain(t *testing.T) {
	for skips, after := range map[bool]string{false: persistent, true: hand} {
		t.Run(fmt.Sprintf("ports/skips: %v", skips), func(t *testing.T) {
			d := bond("802.3ad", "")
			d.Kernel.SkipsSameAddress = skips
			story{
				{"udevd", set(persistent), persistent, Set, ""},
				{"a port joins", join("p0", port0), persistent, Set, persistent},
				{"somebody sets the port's", setPort("p0", hand), persistent, Set, hand},
				{"the same for the bond", set(persistent), persistent, Set, after},
			}.tell(t, d)
		})
	}
	// What it does to the type is the same everywhere.
	for _, skips := range []bool{false, true} {
		t.Run(fmt.Sprintf("type/skips: %v", skips), func(t *testing.T) {
			d := bond("802.3ad", "").Join("p0", port0)
			d.Kernel.SkipsSameAddress = skips
			if got := d.SetMAC(port0); got.MAC != port0 || got.Assign != Set {
				t.Errorf("%s of type %d", got.MAC, got.Assign)
			}
		})
	}
}

func TestBondThatDealsOutAddresses(t *testing.T) {
	for _, mode := range []string{"balance-tlb", "balance-alb"} {
		t.Run(mode, func(t *testing.T) {
			story{
				{"a port joins", join("p0", port0), port0, Stolen, ""},
				{"another one", join("p1", port1), port0, Stolen, " "},
				{"an address by hand", set(hand), hand, Set, " "},
				{"one leaves with its own", leave("p0", port0, t), hand, Set, ""},
				{"the last leaves", leave("p1", port1, t), "", Random, ""},
			}.tell(t, bond(mode, ""))
		})
	}
}

func TestBridge(t *testing.T) {
	story{
		{"created", stay, "", Random, ""},
		{"a port joins", join("p0", port0), port0, Random, port0},
		{"one with a lower address", join("p1", port1), port1, Random, port0 + " " + port1},
		{"somebody lowers the other", setPort("p0", hand), hand, Random, hand + " " + port1},
		{"the lowest leaves", leave("p0", hand, t), port1, Random, port1},
		{"the last leaves", leave("p1", port1, t), string(Zero), Random, ""},
		{"udevd comes late", set(persistent), persistent, Set, ""},
		{"a port joins again", join("p0", port0), persistent, Set, port0},
		{"and leaves", leave("p0", port0, t), persistent, Set, ""},
	}.tell(t, New("bridge", ""))
}

func TestTeam(t *testing.T) {
	for runner, hands := range map[string]bool{"": false, "activebackup": false, "loadbalance": false, "roundrobin": true, "broadcast": true, "random": true} {
		t.Run(fmt.Sprintf("runner %q", runner), func(t *testing.T) {
			has := func(theTeams string) string {
				if hands {
					return theTeams
				}
				return port0
			}
			d := New("team", "")
			d.Mode = runner
			story{
				{"udevd", set(persistent), persistent, Set, ""},
				{"a port joins", join("p0", port0), persistent, Set, has(persistent)},
				{"an address by hand", set(hand), hand, Set, has(hand)},
				{"the last port leaves, and the team keeps its own", leave("p0", port0, t), hand, Set, ""},
			}.tell(t, d)
		})
	}
}

// A port that is deleted, or that was never one.
func TestLeaveOfAStranger(t *testing.T) {
	d := bond("balance-rr", "").Join("p0", port0)
	after, mac := d.Leave("p1")
	if mac != "" || after.MAC != d.MAC || len(after.Ports) != 1 {
		t.Errorf("%+v, %q", after, mac)
	}
	if after := d.SetPortMAC("p1", hand); after.Ports[0].MAC != port0 {
		t.Errorf("%+v", after)
	}
}

// All at once is one after the other.
func TestAllAtOnceIsOneAfterTheOther(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	address := func() string { return pick("", hand, port0, port1, "02:00:00:00:00:01") }
	for range 20000 {
		d := New(pick("bond", "bridge", "team"), linkfiles.MAC(pick("", hand)))
		if d.Kind == "bond" {
			d.Mode, d.FailOverMAC = pick("active-backup", "balance-rr", "balance-alb", "802.3ad"), pick("", "active", "follow")
		} else if d.Kind == "team" {
			d.Mode = pick("", "roundrobin", "activebackup")
		}
		d.Kernel = Kernel{random.IntN(2) == 0, random.IntN(2) == 0}
		for i := range random.IntN(3) {
			d = d.Join("a"+strconv.Itoa(i), linkfiles.MAC(address()))
		}
		if random.IntN(3) == 0 {
			d = d.SetMAC(hand)
		}
		var ports []Port
		for i := range random.IntN(4) {
			ports = append(ports, Port{Name: "b" + strconv.Itoa(i), Own: linkfiles.MAC(address())})
		}
		joined, left := d, d
		for _, p := range ports {
			joined = joined.Join(p.Name, p.Own)
		}
		for _, p := range d.Ports {
			left, _ = left.Leave(p.Name)
		}
		before := fmt.Sprint(d)
		if got, want := fmt.Sprint(d.JoinAll(ports)), fmt.Sprint(joined); got != want {
			t.Fatalf("%s: joined %s, one after the other %s", before, got, want)
		}
		if got, want := fmt.Sprint(d.LeaveAll()), fmt.Sprint(left); got != want {
			t.Fatalf("%s: left %s, one after the other %s", before, got, want)
		}
		if after := fmt.Sprint(d); after != before {
			t.Fatalf("the receiver was changed from %s to %s", before, after)
		}
	}
}
