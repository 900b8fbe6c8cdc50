package fleet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/test/tool"
)

// machine is a host whose machine-id is made of one byte, with devices
// "NAME KIND MAC [PERMANENT]".
func machine(name string, id byte, devices ...string) *host.Snapshot {
	s := &host.Snapshot{System: linkfiles.System{Hostname: fact.Known(name), MachineID: linkfiles.KnownMachineID([16]byte{id})}}
	for i, d := range devices {
		f := append(strings.Fields(d), "", "")
		kind := strings.TrimPrefix(f[1], "-")
		s.Devices = append(s.Devices, host.Device{Index: i + 1, Name: f[0], Kind: kind, MAC: linkfiles.MAC(f[2]), PermanentMAC: linkfiles.MAC(f[3])})
	}
	return s
}

// with makes port a port of master, which is there already.
func with(s *host.Snapshot, master, port string) *host.Snapshot {
	m, p := s.Device(master), s.Device(port)
	p.Master = master
	m.Ports = append(m.Ports, host.Port{Index: p.Index, Name: port, MAC: p.MAC, PermanentMAC: p.PermanentMAC})
	return s
}

// audited is an audit of a host, "DEVICE POLICY" each; "?" is unknown, "-" unset.
func audited(s *host.Snapshot, policies ...string) *audit.Result {
	res := &audit.Result{Snapshot: s}
	for _, p := range policies {
		name, value, _ := strings.Cut(p, " ")
		d := audit.DeviceResult{Name: name, Policy: fact.Known(value)}
		if dev := s.Device(name); dev != nil {
			d.Kind = dev.Kind
		}
		switch value {
		case "?":
			d.Policy = fact.Unknown[string](fact.Told("a test"))
		case "-":
			d.Policy = fact.Absent[string]()
		}
		res.Devices = append(res.Devices, d)
	}
	return res
}

func findings(t *testing.T, f *Fleet) []string {
	t.Helper()
	var out []string
	err := f.Findings(nil, func(x Finding) error {
		out = append(out, fmt.Sprintf("%s %s %d: %s", x.Severity, x.Rule, x.Hosts, words.Of(x.Message)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func of(t *testing.T, results ...*audit.Result) []string {
	t.Helper()
	f := New()
	defer f.Close()
	for i, r := range results {
		if err := f.Add(fmt.Sprintf("%d.json", i+1), r); err != nil {
			t.Fatal(err)
		}
	}
	return findings(t, f)
}

func TestFindings(t *testing.T) {
	const a, b = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
	fingerprint := linkfiles.KnownMachineID([16]byte{7}).Fingerprint()[:12]
	for _, tt := range []struct {
		title string
		hosts []*audit.Result
		want  []string
	}{
		{"one host alone", []*audit.Result{audited(machine("web1", 1, "bond0 bond "+a), "bond0 none")}, nil},
		{
			"an address on two bonds",
			[]*audit.Result{audited(machine("web1", 1, "bond0 bond "+a)), audited(machine("web2", 2, "bond1 bond "+a))},
			[]string{"error shared-address 2: 2 hosts have the MAC address " + a + ": bond0 on web1 (1.json), bond1 on web2 (2.json)"},
		},
		{
			"a bond and its port have one address",
			[]*audit.Result{audited(with(machine("web1", 1, "eth0 - "+a+" "+a, "bond0 bond "+a), "bond0", "eth0")), audited(machine("web2", 2, "eth0 - "+b+" "+b))},
			nil,
		},
		{
			"the master is named, not the port",
			[]*audit.Result{
				audited(with(machine("web1", 1, "eth0 - "+a+" "+b, "bond0 bond "+a), "bond0", "eth0")),
				audited(machine("web2", 2, "bond0 bond "+a)),
			},
			[]string{"error shared-address 2: 2 hosts have the MAC address " + a + ": bond0 on web1 (1.json), bond0 on web2 (2.json)"},
		},
		{
			"bridges without an uplink, of hosts with one machine-id",
			[]*audit.Result{audited(machine("web1", 7, "br0 bridge "+a)), audited(machine("web2", 7, "br0 bridge "+a))},
			[]string{
				"error shared-machine-id 2: 2 hosts have the same machine ID (fingerprint " + fingerprint + "): web1 (1.json), web2 (2.json)",
				"info shared-address 2: 2 hosts have the MAC address " + a + ": br0 on web1 (1.json), br0 on web2 (2.json); no device with it leads to a network",
			},
		},
		{
			"containers",
			[]*audit.Result{audited(machine("c1", 1, "eth0 veth "+a)), audited(machine("c2", 2, "eth0 veth "+a))},
			[]string{"warning shared-address 2: 2 hosts have the MAC address " + a + ": eth0 on c1 (1.json), eth0 on c2 (2.json)"},
		},
		{
			"virtual routers",
			[]*audit.Result{audited(machine("r1", 1, "vrrp1 macvlan 00:00:5e:00:01:33")), audited(machine("r2", 2, "vrrp1 macvlan 00:00:5e:00:01:33"))},
			[]string{"info shared-address 2: 2 hosts have the MAC address 00:00:5e:00:01:33: vrrp1 on r1 (1.json), vrrp1 on r2 (2.json); it belongs to a virtual router (VRRP) and is shared on purpose"},
		},
		{
			"one host at two times",
			[]*audit.Result{
				audited(machine("web1", 1, "eth0 - "+a+" "+a, "bond0 bond "+a), "bond0 persistent"),
				audited(machine("web1", 1, "eth0 - "+b+" "+a, "bond0 bond "+a), "bond0 none"),
			},
			nil,
		},
		{
			"policies that differ; unset is none, and unknown is neither",
			[]*audit.Result{
				audited(machine("web1", 1, "bond0 bond "+a, "br0 bridge "+b), "bond0 persistent", "br0 none"),
				audited(machine("web2", 2, "bond0 bond", "br0 bridge"), "bond0 -", "br0 -"),
				audited(machine("web3", 3, "bond0 bond", "br0 bridge"), "bond0 none", "br0 ?"),
				audited(machine("web4", 4, "bond0 bridge"), "bond0 persistent"),
			},
			[]string{"warning policy-differs 3: the policy of bond bond0 differs among hosts: persistent on 1 (bond0 on web1 (1.json)), none on 2 (bond0 on web2 (2.json), bond0 on web3 (3.json))"},
		},
	} {
		t.Run(tt.title, func(t *testing.T) {
			got := of(t, tt.hosts...)
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManyHostsAreCountedAndTenNamed(t *testing.T) {
	var hosts []*audit.Result
	for i := range 300 {
		hosts = append(hosts, audited(machine(fmt.Sprintf("web%03d", i), byte(i/2), "bond0 bond 02:00:00:00:00:0a")))
	}
	got := of(t, hosts...)
	last := got[len(got)-1]
	if !strings.HasPrefix(last, "error shared-address 300: 300 hosts have the MAC address") || strings.Count(last, "bond0 on") != 10 || !strings.HasSuffix(last, ", ...") {
		t.Error(last)
	}
}

// What is found does not depend on how much fits into memory, or on the order.
func TestSpilled(t *testing.T) {
	n := 500 // with one record at a time in memory, that is merged runs of merged runs
	if tool.Thorough() {
		n = 2000
	}
	var hosts []*audit.Result
	for i := range n {
		name := fmt.Sprintf("web%04d", i)
		hosts = append(hosts, audited(machine(name, byte(i%250), fmt.Sprintf("bond0 bond 02:00:00:00:%02x:%02x", i/10%200, i%7)), "bond0 "+[]string{"none", "persistent"}[i%11/10]))
	}
	var want []string
	for _, size := range []int{1 << 30, 1 << 20, 2000, 1} {
		f := New()
		f.sorter.memory = size
		rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
		for _, h := range hosts {
			if err := f.Add(h.Snapshot.System.Hostname.Or("")+".json", h); err != nil {
				t.Fatal(err)
			}
		}
		if size == 1 && len(f.sorter.runs) < 2 || size > 1<<20 && len(f.sorter.runs) > 0 {
			t.Errorf("%d runs with %d bytes", len(f.sorter.runs), size)
		}
		got := findings(t, f)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) < 100 {
			t.Fatalf("with %d bytes: %d findings\n%s", size, len(got), diff)
		}
	}
}

func TestSorterKeepsEveryRecord(t *testing.T) {
	s := sorter{dir: t.TempDir(), memory: 300}
	var want [][]byte
	for i := range 5000 {
		r := fmt.Appendf(nil, "%d", i*7919%5000)
		want = append(want, r)
		if err := s.add(r); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(want, bytes.Compare)
	for range 2 { // it can be read again
		i := 0
		if err := s.each(func(r []byte) error {
			if !bytes.Equal(r, want[i]) {
				return fmt.Errorf("record %d is %q, not %q", i, r, want[i])
			}
			i++
			return nil
		}); err != nil || i != len(want) {
			t.Fatalf("%d records: %v", i, err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

func TestNoTemporaryDirectory(t *testing.T) {
	s := sorter{dir: t.TempDir() + "/missing", memory: 1}
	s.add([]byte("one"))
	if err := s.add([]byte("two")); err == nil {
		t.Error("no error")
	}
}
