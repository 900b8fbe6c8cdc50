//go:build namespace

package namespace

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"linkaudit/test/questions"
	"linkaudit/test/tool"
)

// TestOneHostOneAnswer makes hosts with different devices. It asks about each device
// alone, with others, by kind, with --all, live and from a snapshot. The answer about a
// device is always the same.
func TestOneHostOneAnswer(t *testing.T) {
	hosts := 3
	if tool.Full() {
		hosts = 30
	}
	random := draw(t)
	for i := range hosts {
		t.Run(fmt.Sprint("host ", i), func(t *testing.T) {
			askOneHost(t, rand.New(rand.NewPCG(random.Uint64(), 0)))
		})
	}
}

func askOneHost(t *testing.T, random *rand.Rand) {
	s := newStage(t, "/")
	generateFiles(s, random)
	s.startUdevd() // otherwise another suite's udevd may be seen or not
	generateDevices(s, random)
	s.settle()
	h := questions.Host{
		Name:   "stage",
		Run:    func(args ...string) ([]byte, error) { return status(s.audit(args...)) },
		Random: random,
		Load: func(snapshot []byte, args ...string) ([]byte, error) {
			file := filepath.Join(t.TempDir(), "snapshot.json")
			if err := os.WriteFile(file, snapshot, 0o600); err != nil {
				return nil, err
			}
			return status(outside(t, append(args, "--from", file)...))
		},
	}
	differences, compared, err := h.Differences()
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range differences {
		if i == 5 {
			t.Errorf("and %d more", len(differences)-i)
			break
		}
		t.Error(d)
	}
	if compared < 100 {
		t.Errorf("only %d answers were compared", compared)
	}
	t.Logf("seed: %d cases", compared)
	s.tryRemedies()
}

func status(r result) ([]byte, error) {
	if r.hung || r.status != 0 && r.status != 1 {
		return nil, fmt.Errorf("%v", r)
	}
	return []byte(r.stdout), nil
}

// generateFiles writes .link files that match some of the devices of generateDevices,
// and declarations of them.
func generateFiles(s *stage, random *rand.Rand) {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for i := range random.IntN(4) {
		s.write(fmt.Sprintf("/etc/systemd/network/%s%d0-x.link", pick("", "", "", "!"), i), fmt.Sprintf("[Match]\n%s\n[Link]\n%s\n",
			pick("OriginalName=br*", "Kind=bridge", "OriginalName=v*", "OriginalName=p1 p3 br1", "Kind=veth", "MACAddress=02:00:00:00:00:03", "Driver=bridge", "Property=ID_NET_DRIVER=veth", "Type=bridge"),
			pick("MACAddressPolicy=none", "MACAddressPolicy=persistent", "MACAddressPolicy=random", "MACAddress=02:00:00:00:0f:0f", "Description=x")))
	}
	if random.IntN(2) == 0 {
		s.must("mkdir", "-p", "/etc/systemd/system/multi-user.target.wants")
		s.must("ln", "-s", "/usr/lib/systemd/system/systemd-networkd.service", "/etc/systemd/system/multi-user.target.wants")
		s.write("/etc/systemd/network/50-br1.netdev", "[NetDev]\nName=br1\nKind=bridge\n"+pick("", "MACAddress=02:00:00:00:0a:0a\n", "MACAddress=none\n"))
		for i := range random.IntN(3) {
			s.write(fmt.Sprintf("/etc/systemd/network/6%d-x.network", i), fmt.Sprintf("[Match]\n%s\n[Link]\n%s\n",
				pick("Name=p*", "Name=p1 p2 p9", "Name=br*", "Driver=veth", "Kind=veth", "MACAddress=02:00:00:00:00:01", "Type=ether"),
				pick("MACAddress=02:00:00:00:0b:0b", "MTUBytes=1400", "Unmanaged=yes")+pick("", "\n[Network]\nBridge=br1")))
		}
	}
	if random.IntN(2) == 0 {
		s.installManagers()
		s.write("/etc/network/interfaces", "auto br0\niface br0 inet manual\n bridge-ports "+pick("p0", "p0 p1", "none")+"\n"+pick("", " hwaddress 02:00:00:00:0c:0c\n"))
	}
}

// generateDevices makes bridges with ports of several kinds, some of them bridges
// themselves, and devices that are not ports.
func generateDevices(s *stage, random *rand.Rand) {
	var commands bytes.Buffer
	add := func(format string, a ...any) { fmt.Fprintf(&commands, "link "+format+"\n", a...) }
	address := func() string {
		if random.IntN(2) == 0 {
			return ""
		}
		return fmt.Sprintf("address 02:00:00:00:00:%02x", random.IntN(16))
	}
	bridges := 2 + random.IntN(3)
	for i := range bridges {
		add("add br%d %s type bridge", i, address())
	}
	ports := 3 + random.IntN(4)
	for i := range ports {
		switch random.IntN(3) {
		case 0:
			add("add p%d %s type vxlan id %d dstport 4789", i, address(), i+1)
		case 1:
			add("add p%d %s type ifb", i, address())
		default:
			add("add p%d %s type veth peer name v%d", i, address(), i)
		}
		if random.IntN(4) > 0 {
			add("set p%d master br%d", i, random.IntN(bridges))
		}
		if random.IntN(4) == 0 {
			add("set p%d %s", i, fmt.Sprintf("address 02:00:00:00:00:%02x", random.IntN(16)))
		}
	}
	if random.IntN(2) == 0 {
		add("set br0 name b0")
	}
	if random.IntN(3) == 0 {
		add("add %s type bridge", []string{"x!y", "x;y", "xéy"}[random.IntN(3)])
	}
	ip := s.command(context.Background(), "ip", "-force", "-batch", "-")
	ip.Stdin = &commands
	if out, err := ip.CombinedOutput(); err != nil {
		if _, exit := err.(*exec.ExitError); !exit {
			s.t.Fatalf("%v: %s", err, out)
		}
		s.t.Logf("the kernel refused: %s", out)
	}
}
