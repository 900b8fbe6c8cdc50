//go:build namespace

package namespace

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"linkaudit/test/tool"
)

// churnRounds is how many rounds each of the two tests has; the full soak has 10,000 of
// the first.
func churnRounds() int {
	if tool.Full() {
		return 125
	}
	return 40
}

// churn writes commands for "ip -force -batch": devices are created, renamed, become
// ports and are deleted. The name and address of a device tell which kind it was
// created with. No address is used twice. Bridges named u never get a port, so their
// address is from the kernel or udev.
func churn(b io.Writer, rnd *rand.Rand) {
	var err error
	name := func(class string) string { return fmt.Sprintf("%s%d", class, rnd.IntN(6)) }
	mac := func(class byte, n int) string {
		return fmt.Sprintf("02:%02x:00:%02x:%02x:%02x", class, n>>16&0xff, n>>8&0xff, n&0xff)
	}
	for n := 0; err == nil; n++ {
		switch rnd.IntN(10) {
		case 0, 1:
			_, err = fmt.Fprintf(b, "link add %s address %s type bridge\n", name("b"), mac(0xbb, n))
		case 2:
			_, err = fmt.Fprintf(b, "link add %s type bridge\n", name("u"))
		case 3, 4:
			_, err = fmt.Fprintf(b, "link add %s address %s type veth peer name %s address %s\n", name("v"), mac(0xee, n), name("w"), mac(0xef, n))
		case 5:
			class := []string{"b", "u", "v", "w"}[rnd.IntN(4)]
			_, err = fmt.Fprintf(b, "link set %s name %s\n", name(class), name(class))
		case 6, 7:
			// ip exits if there is no such master.
			master := name("b")
			_, err = fmt.Fprintf(b, "link add %s address %s type bridge\nlink set %s master %s\n", master, mac(0xbb, n), name("v"), master)
		case 8:
			_, err = fmt.Fprintf(b, "link set %s nomaster\n", name("v"))
		default:
			_, err = fmt.Fprintf(b, "link del %s\n", name([]string{"b", "u", "v"}[rnd.IntN(3)]))
		}
	}
}

// TestDevicesThatComeAndGoAreNeverMixedUp audits while devices are created and deleted
// as fast as the kernel and udev can.
func TestDevicesThatComeAndGoAreNeverMixedUp(t *testing.T) {
	t.Run("under udevd", func(t *testing.T) {
		s := bridged(t, "/")
		auditChurn(t, s, "udev-persistent", churnRounds())
	})
	// Faster, because no other process needs the kernel's lock.
	t.Run("without udevd", func(t *testing.T) {
		s := newStage(t, "/")
		s.must("ip", "link", "add", "br0", "type", "bridge")
		auditChurn(t, s, "kernel-random", churnRounds())
	})
}

// TestChurnAmongManyLinks: among so many links there is never a list during which no
// device changes. Check must list what exists all the time.
func TestChurnAmongManyLinks(t *testing.T) {
	pairs, audits := 2000, 10
	if tool.Thorough() {
		pairs, audits = 8000, 100
	}
	s := newStage(t, "/")
	var all strings.Builder
	fmt.Fprintln(&all, "link add br0 type bridge\nlink add port0 type veth peer name peer0\nlink set port0 master br0")
	for i := range pairs {
		fmt.Fprintf(&all, "link add still%d type veth peer name stiller%d\n", i, i)
	}
	s.batch(all.String())
	stop := s.churning()
	defer stop()
	start := time.Now()
	for round := range audits {
		args := []string{"check", "--format", "json"}
		if round%10 == 0 { // most of that time is for printing
			args = append(args, "--all")
		}
		r := s.audit(args...)
		if r.status == 2 {
			t.Fatalf("audit %d: %v", round, r)
		}
		var rep report
		if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
			t.Fatal(err)
		}
		if d := rep.device(t, "br0"); str(d.Origin) != "port" || !slices.Equal(d.Live.Ports, []string{"port0"}) {
			t.Fatalf("audit %d: br0 and its port never change: %+v", round, d)
		}
		still := 0
		for _, d := range rep.Devices {
			if strings.HasPrefix(d.Name, "still") {
				still++
			}
		}
		if round%10 == 0 && still != 2*pairs {
			t.Fatalf("audit %d: %d of %d devices that were there all the time", round, still, 2*pairs)
		}
	}
	t.Logf("%d audits among %d links in %v", audits, 2*pairs, time.Since(start).Round(time.Millisecond))
}

// churning makes devices come and go until its result is called, which returns when
// nothing changes any longer.
func (s *stage) churning() (stop func()) {
	s.t.Helper()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	if !tool.Full() {
		random = draw(s.t)
	}
	first := random.Uint64()
	s.t.Logf("the commands are drawn from %d", first)
	ctx, cancel := context.WithCancel(context.Background())
	ip := s.command(ctx, "ip", "-force", "-batch", "-")
	commands, err := ip.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := ip.Start(); err != nil {
		s.t.Fatal(err)
	}
	var to io.Writer = commands
	if s.gentle {
		to = &paced{Writer: commands, queue: s.path("/run/udev/queue")}
	}
	go churn(to, rand.New(rand.NewPCG(first, 0)))
	return func() {
		cancel()
		ip.Wait()
	}
}

// paced lets udev keep up, because its memory is not bounded: it continues when udev
// has nothing to do, which its file tells (event_queue_insert() of udevd.c).
type paced struct {
	io.Writer
	queue string
	n     int
}

func (p *paced) Write(b []byte) (int, error) {
	if p.n++; p.n%20 == 0 {
		tool.Until(time.Minute, func() bool { return !exists(p.queue) })
	}
	return p.Writer.Write(b)
}

// auditChurn audits the given number of times while devices come and go; origin is
// where br0's address always comes from. It continues until it has seen enough devices
// in enough different states.
func auditChurn(t *testing.T, s *stage, origin string, rounds int) (took time.Duration) {
	stop := s.churning()
	defer stop()
	start := time.Now()
	devices, unknown := 0, 0
	differ := map[string]bool{}
	enough := func(done int) bool { return done >= rounds && len(differ) >= rounds/4 && devices >= rounds }
	limit := start.Add(tool.Patience(time.Minute + time.Duration(rounds)*2*time.Second))
	for done := 0; !enough(done); done++ {
		if time.Now().After(limit) {
			t.Fatalf("%d rounds: %d different sets, %d devices: the test does not test much", done, len(differ), devices)
		}
		args := []string{"check", "--format", "json", "--all"}
		if done%2 == 0 {
			args = []string{"check", "--format", "json"}
		}
		r := s.audit(args...)
		if r.status == 2 {
			t.Fatalf("%v", r)
		}
		var rep report
		if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
			t.Fatal(err)
		}
		if d := rep.device(t, "br0"); str(d.Policy) != "persistent" || str(d.Origin) != origin || len(d.Live.Ports) != 0 {
			t.Fatalf("br0 never changes: %+v", d)
		}
		macs, names := map[string]string{}, map[string]bool{}
		var all []string
		for _, d := range rep.Devices {
			devices++
			all = append(all, d.Name+" "+d.Live.MAC)
			if names[d.Name] {
				t.Errorf("%s twice: %v", d.Name, r)
			}
			names[d.Name] = true
			if other, twice := macs[d.Live.MAC]; twice && d.Name[0] != 'u' {
				t.Errorf("%s and %s with one address: %v", d.Name, other, r)
			}
			macs[d.Live.MAC] = d.Name
			kind, class := "bridge", ""
			switch d.Name[0] {
			case 'b':
				class = "02:bb:"
			case 'v':
				kind, class = "veth", "02:ee:"
			case 'w':
				kind, class = "veth", "02:ef:"
			case 'l':
				kind = ""
			}
			if d.Name == "br0" {
				class = ""
			}
			if d.Kind != kind || !strings.HasPrefix(d.Live.MAC, class) {
				t.Errorf("%s is a %s with %s: %v", d.Name, d.Kind, d.Live.MAC, r)
			}
			switch typ := d.Live.AddrAssignType; {
			case typ == nil:
				unknown++
				if d.Origin != nil {
					t.Errorf("%s: the type is unknown, but the origin is not: %+v", d.Name, d)
				}
			case class != "" && *typ != "set":
				t.Errorf("%s was made with its address, but the type is %s: %+v", d.Name, *typ, d)
			case d.Name[0] == 'u' && (*typ == "random") != (str(d.Origin) == "kernel-random"):
				t.Errorf("%s: %s by %s", d.Name, *typ, str(d.Origin))
			case str(d.Origin) == "udev-persistent" && d.PersistentMAC != nil && d.Live.MAC != *d.PersistentMAC:
				t.Errorf("%s has not udevd's address: %+v", d.Name, d)
			}
			if d.Live.Master != "" && (d.Live.Master[0] != 'b' || d.Name[0] != 'v') {
				t.Errorf("%s is a port of %s", d.Name, d.Live.Master)
			}
			for _, p := range d.Live.Ports {
				if p[0] != 'v' || d.Name[0] != 'b' {
					t.Errorf("%s has the port %s", d.Name, p)
				}
			}
		}
		differ[strings.Join(all, ",")] = true
	}
	took = time.Since(start)
	t.Logf("%d rounds in %v: %d devices, %d different sets, %d addresses of unknown type",
		rounds, took.Round(time.Millisecond), devices, len(differ), unknown)
	return took
}
