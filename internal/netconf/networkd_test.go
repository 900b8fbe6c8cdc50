package netconf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// tree writes files below a root and reads them.
func tree(t testing.TB, files map[string]string) *NetworkdFiles {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n, err := ReadNetworkd(root)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func machine(rel linkfiles.Release) NetworkdMachine {
	return NetworkdMachine{Release: rel, System: &linkfiles.System{Hostname: fact.Known("host-a")}, Active: fact.Known(true),
		NewDevice: func(name, kind string) *linkfiles.Device {
			return &linkfiles.Device{Name: name, MAC: fact.Unknown[linkfiles.MAC](fact.Told("new")), Kind: fact.Text(kind), Type: fact.Text(kind)}
		}}
}

func said(ds []Declaration) string {
	var out []string
	for _, d := range ds {
		verb := "sets"
		if d.Creates {
			verb = "creates " + d.Kind
		}
		text := fmt.Sprintf("%s %s: %s", verb, d.Device, d.Address.Way)
		if d.Address.MAC != "" {
			text += " " + string(d.Address.MAC)
		}
		text += fmt.Sprintf(" at %s:%d", filepath.Base(d.Address.Pos.File), d.Address.Pos.Line)
		if len(d.Ports) > 0 {
			text += " ports " + strings.Join(d.Ports, " ")
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

const dir = "/etc/systemd/network/"

// The expectations were read off systemd-networkd's sources; test/networkd holds
// the same against the real ones.
func TestNetworkdDeclares(t *testing.T) {
	const bond = "[NetDev]\nName=bond0\nKind=bond\n"
	for _, c := range []struct {
		title string
		rel   linkfiles.Release
		files map[string]string
		want  string
	}{
		{"a bond without an address", 252, map[string]string{dir + "a.netdev": bond}, "creates bond bond0: networkd-persistent at a.netdev:2"},
		{"a bond with none", 252, map[string]string{dir + "a.netdev": bond + "MACAddress=none\n"}, "creates bond bond0: none at a.netdev:4"},
		{"none before 250", 249, map[string]string{dir + "a.netdev": bond + "MACAddress=none\n"}, "creates bond bond0: networkd-persistent at a.netdev:2"},
		{"a bridge in 249", 249, map[string]string{dir + "a.netdev": "[NetDev]\nName=br0\nKind=bridge\n"}, "creates bridge br0: none at a.netdev:2"},
		{"a bridge in 250", 250, map[string]string{dir + "a.netdev": "[NetDev]\nName=br0\nKind=bridge\n"}, "creates bridge br0: networkd-persistent at a.netdev:2"},
		{"an address", 252, map[string]string{dir + "a.netdev": bond + "MACAddress=02-00-5E-00-00-01\n"}, "creates bond bond0: explicit 02:00:5e:00:00:01 at a.netdev:4"},
		{"the multicast bit", 252, map[string]string{dir + "a.netdev": bond + "MACAddress=03:00:5e:00:00:01\n"}, "creates bond bond0: explicit 02:00:5e:00:00:01 at a.netdev:4"},
		{"a multicast address before 250", 249, map[string]string{dir + "a.netdev": bond + "MACAddress=03:00:5e:00:00:01\n"}, ""},
		{"no address at all", 252, map[string]string{dir + "a.netdev": bond + "MACAddress=00:00:00:00:00:00\n"}, ""},
		{"a drop-in takes the address back", 252, map[string]string{dir + "a.netdev": bond + "MACAddress=02:00:5e:00:00:01\n", dir + "a.netdev.d/x.conf": "[NetDev]\nMACAddress=none\n"}, "creates bond bond0: none at x.conf:2"},
		{"a drop-in is no .netdev file of another kind", 252, map[string]string{dir + "a.netdev": bond, dir + "a.netdev.d/x.conf": "[NetDev]\nKind=bridge\n"}, "creates bond bond0: networkd-persistent at a.netdev:2"},
		{"a mask", 252, map[string]string{dir + "a.netdev": "", "/usr/lib/systemd/network/a.netdev": bond}, ""},
		{"the first file holds", 252, map[string]string{dir + "a.netdev": bond + "MACAddress=none\n", dir + "b.netdev": bond}, "creates bond bond0: none at a.netdev:4"},
		{"once it was the last", 241, map[string]string{dir + "a.netdev": bond, dir + "b.netdev": bond + "MACAddress=02:00:5e:00:00:01\n"}, "creates bond bond0: explicit 02:00:5e:00:00:01 at b.netdev:4"},
		{"a kind with a wrong name", 252, map[string]string{dir + "a.netdev": "[NetDev]\nName=t0\nKind=team\n"}, ""},
		{"a condition that fails", 252, map[string]string{dir + "a.netdev": "[Match]\nHost=other\n" + bond}, ""},
		{"a condition that cannot be told", 252, map[string]string{dir + "a.netdev": "[Match]\nVirtualization=vm\n" + bond}, "creates bond bond0: unknown at a.netdev:4"},
		{"a pair", 252, map[string]string{dir + "a.netdev": "[NetDev]\nName=v0\nKind=veth\nMACAddress=none\n[Peer]\nName=v1\n"}, "creates veth v0: none at a.netdev:4; creates veth v1: networkd-persistent at a.netdev:6"},
		{"half a pair", 252, map[string]string{dir + "a.netdev": "[NetDev]\nName=v0\nKind=veth\n"}, ""},
		{"a .network file sets it", 252, map[string]string{dir + "a.netdev": bond, dir + "b.network": "[Match]\nName=bond*\n[Link]\nMACAddress=02:00:5e:00:00:02\n"},
			"creates bond bond0: networkd-persistent at a.netdev:2; sets bond0: explicit 02:00:5e:00:00:02 at b.network:4"},
		{"one that leaves it unmanaged", 252, map[string]string{dir + "a.netdev": bond, dir + "b.network": "[Match]\nName=bond*\n[Link]\nUnmanaged=yes\nMACAddress=02:00:5e:00:00:02\n"}, "creates bond bond0: networkd-persistent at a.netdev:2"},
		{"ports", 252, map[string]string{dir + "a.netdev": bond, dir + "b.network": "[Match]\nName=eth1 eth0\n[Network]\nBond=bond0\n", dir + "c.network": "[Match]\nName=eth2\n[Network]\nBridge=bond0\n"},
			"creates bond bond0: networkd-persistent at a.netdev:2 ports eth0 eth1"},
	} {
		t.Run(c.title, func(t *testing.T) {
			if got := said(tree(t, c.files).Declarations(machine(c.rel))); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

func TestWhatIsDeclaredToANetworkdThatDoesNotRunIsIgnored(t *testing.T) {
	files := tree(t, map[string]string{dir + "a.netdev": "[NetDev]\nName=bond0\nKind=bond\nMACAddress=02:00:5e:00:00:01\n"})
	m := machine(252)
	m.Active = fact.Known(false)
	if got := files.Declarations(m); len(got) != 1 || !got[0].NotEnabled() || got[0].Ignored != "systemd-networkd is not enabled" {
		t.Errorf("%v", got)
	}
	m.Active = fact.Unknown[bool](fact.Told("no /proc"))
	got := files.Declarations(m)
	if len(got) != 1 || got[0].Address.Way != WayUnknown || !strings.Contains(got[0].Address.Unknown, "no /proc") {
		t.Errorf("%v", got)
	}
}

// FuzzNetworkd: no text makes any release's reader panic, and what is declared is
// whole.
func FuzzNetworkd(f *testing.F) {
	for _, s := range []string{
		"[NetDev]\nName=bond0\nKind=bond\nMACAddress=none\n", "[NetDev]\nName=v0\nKind=veth\n[Peer]\nName=v1\nMACAddress=3:0:0:0:0:1\n",
		"[Match]\nHost=!a\nVirtualization=vm\n[NetDev]\nKind=bridge\nKind=bond\nName=b\\\n0\n",
		"[Match]\nName=bond0 !x [a\nSSID=x\n[Link]\nMACAddress=02:00:00:00:00:01\nUnmanaged=no\n[Network]\nBond=bond0\nKeepMaster=yes\n", "[", "\xff",
	} {
		f.Add(s, "", s)
		f.Add("[NetDev]\nName=bond0\nKind=bond\n", s, s)
	}
	f.Fuzz(func(t *testing.T, netdev, dropIn, network string) {
		store := func(kind linkfiles.ConfigType, content string, dropIn string) *linkfiles.Store {
			d := linkfiles.Dir{Path: strings.TrimSuffix(dir, "/"), Entries: []linkfiles.Entry{{Name: "a" + kind.Suffix(), Type: linkfiles.TypeRegular, Content: []byte(content)}}}
			if dropIn != "" {
				d.DropIns = []linkfiles.Dir{{Path: dir + "a" + kind.Suffix() + ".d", Entries: []linkfiles.Entry{{Name: "x.conf", Type: linkfiles.TypeRegular, Content: []byte(dropIn)}}}}
			}
			return &linkfiles.Store{Type: kind, Dirs: []linkfiles.Dir{d}}
		}
		files := &NetworkdFiles{store(linkfiles.NetDevFiles, netdev, dropIn), store(linkfiles.NetworkFiles, network, "")}
		for rel := linkfiles.OldestRelease; rel <= linkfiles.NewestRelease; rel++ {
			for _, d := range files.Declarations(machine(rel)) {
				if d.Device == "" || d.Pos.File == "" || d.Address.Pos.File == "" || d.Address.Way == "" ||
					(d.Address.Way == WayExplicit) != (d.Address.MAC != "") || (d.Address.Way == WayUnknown) != (d.Address.Unknown != "") {
					t.Fatalf("%d: %+v", rel, d)
				}
			}
		}
	})
}

// The file is in the form that netplan renders for a bridge, written by hand: neither it
// nor the drop-in was tried here with netplan itself.
func TestADropInForWhatNetplanHasNotRenderedYetCounts(t *testing.T) {
	declared := []Declaration{
		{Program: Netplan, Renderer: Networkd, Device: "br0", Kind: "bridge", Creates: true, Address: Address{Way: WayNetworkd, AtCreation: true}},
		{Program: Netplan, Renderer: Networkd, Device: "br1", Kind: "bridge", Creates: true, Address: Address{Way: WayExplicit, MAC: "02:00:00:00:00:01", AtCreation: true}},
		{Program: Netplan, Renderer: NetworkManager, Device: "br2", Kind: "bridge", Creates: true},
		{Program: Netplan, Renderer: Networkd, Device: "vlan7", Kind: "vlan", Creates: true},
		{Program: Netplan, Renderer: Networkd, Device: "eth0"},
	}
	const dropIn = dir + "10-netplan-br0.netdev.d/90-linkaudit.conf"
	for title, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing is there": {nil, "creates bridge br0: networkd-persistent at 10-netplan-br0.netdev:2; creates bridge br1: explicit 02:00:00:00:00:01 at 10-netplan-br1.netdev:4"},
		"the drop-in":      {map[string]string{dropIn: "[NetDev]\nMACAddress=none\n"}, "creates bridge br0: none at 90-linkaudit.conf:2; creates bridge br1: explicit 02:00:00:00:00:01 at 10-netplan-br1.netdev:4"},
		"it is there already": {map[string]string{dropIn: "[NetDev]\nMACAddress=none\n", "run/systemd/network/10-netplan-br0.netdev": "[NetDev]\nName=br0\nKind=bridge\n"},
			"creates bridge br0: none at 90-linkaudit.conf:2; creates bridge br1: explicit 02:00:00:00:00:01 at 10-netplan-br1.netdev:4"},
	} {
		t.Run(title, func(t *testing.T) {
			files := tree(t, c.files)
			if got := said(files.Rendered(declared).Declarations(machine(252))); got != c.want {
				t.Error(got)
			}
		})
	}
}

// Of the files themselves it is known beforehand what has to be looked at for them.
func TestWhatTheFilesOfNetworkdAskFor(t *testing.T) {
	const port = "[Network]\nBond=bond0\n"
	for title, c := range map[string]struct {
		network   string
		names     string
		otherwise bool
		sets      bool
	}{
		"no port":               {"[Match]\nName=eth0\n", "", false, false},
		"ports by name":         {"[Match]\nName=eth1 eth0\n" + port, "eth1 eth0", false, false},
		"ports by their driver": {"[Match]\nDriver=e1000e\n" + port, "", true, false},
		"an address":            {"[Match]\nName=eth0\n[Link]\nMACAddress=02:00:00:00:00:01\n", "", false, true},
	} {
		t.Run(title, func(t *testing.T) {
			trees := tree(t, map[string]string{dir + "a.network": c.network}).Parse(252)
			names, otherwise := trees.PortNames()
			if got := strings.Join(names, " "); got != c.names || otherwise != c.otherwise || trees.MaySetAddress() != c.sets {
				t.Errorf("%q, %v; %v", got, otherwise, trees.MaySetAddress())
			}
		})
	}
}

// What netplan's own declaration says already is not said again, unless a drop-in changes it
// or the file is there.
func TestSystemdNetworkdDoesNotRepeatNetplan(t *testing.T) {
	others := []Declaration{{Program: Netplan, Renderer: Networkd, Device: "br0", Kind: "bridge", Creates: true, Address: Address{Way: WayNetworkd, AtCreation: true}}}
	for title, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"netplan's file alone, not there yet": {nil, ""},
		"netplan's file, which is there": {map[string]string{"run/systemd/network/10-netplan-br0.netdev": "[NetDev]\nName=br0\nKind=bridge\n"},
			"creates bridge br0: networkd-persistent at 10-netplan-br0.netdev:2"},
		"a drop-in":    {map[string]string{dir + "10-netplan-br0.netdev.d/x.conf": "[NetDev]\nMACAddress=none\n"}, "creates bridge br0: none at x.conf:2"},
		"another file": {map[string]string{dir + "a.netdev": "[NetDev]\nName=bond0\nKind=bond\n"}, "creates bond bond0: networkd-persistent at a.netdev:2"},
	} {
		t.Run(title, func(t *testing.T) {
			if got := said(tree(t, c.files).Parse(252).Beside(others, machine(252))); got != c.want {
				t.Error(got)
			}
		})
	}
}
