package netconf

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
	"linkaudit/test/tool"
)

// root is one in memory. A content of "FIFO" is no regular file, one of
// "DENIED" cannot be read.
type root map[string]string

func (t root) Read(name string, limit int64) ([]byte, error) {
	content, ok := t[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case content == "FIFO":
		return nil, fmt.Errorf("%s: not a regular file", name)
	case content == "DENIED":
		return nil, fmt.Errorf("%s: %w", name, errors.New("permission denied"))
	case int64(len(content)) > limit:
		return nil, fmt.Errorf("%s: larger than %d bytes", name, limit)
	}
	return []byte(content), nil
}

func (t root) Names(dir string) ([]string, error) {
	var names []string
	for name := range t {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			first, _, _ := strings.Cut(rest, "/")
			if !slices.Contains(names, first) {
				names = append(names, first)
			}
		}
	}
	if names == nil {
		return nil, fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	return names, nil
}

func (t root) Exists(name string) bool {
	names, _ := t.Names(path.Clean(name))
	_, ok := t[name]
	return ok || len(names) > 0
}

// brief is a declaration in a line: who, device, kind, ports, what it does to
// the address by which setting, and where.
func brief(d Declaration) string {
	out := strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Program, d.Device, d.Kind))
	if d.Renderer != "" {
		out += " by " + string(d.Renderer)
	}
	if d.Creates {
		out += " creates"
	}
	if d.OnRequest {
		out += " on-request"
	}
	if len(d.Ports) > 0 {
		out += " [" + strings.Join(d.Ports, " ") + "]"
	}
	out += fmt.Sprintf(": %s %s%s", d.Address.Way, d.Address.MAC, d.Address.Port)
	if d.Address.AtCreation {
		out += " at-creation"
	}
	out += fmt.Sprintf(" %s %s", d.Address.Key, d.Address.Pos)
	if d.Ignored != "" {
		out += " IGNORED " + d.Ignored
	}
	if d.Address.Unknown != "" {
		out += " UNKNOWN " + d.Address.Unknown
	}
	return strings.Join(strings.Fields(out), " ")
}

// portsAreThere holds where each port is named against the files: the line has its
// name, or that of its master where the port's own file says so.
func portsAreThere(t *testing.T, files root, d Declaration) {
	t.Helper()
	if len(d.PortsAt) != len(d.Ports) {
		t.Errorf("%s: %d ports in %d places", brief(d), len(d.Ports), len(d.PortsAt))
		return
	}
	for i, name := range d.Ports {
		at := d.PortsAt[i]
		lines := strings.Split(files[at.File], "\n")
		if at.Line < 1 || at.Line > len(lines) {
			t.Errorf("%s: %s at %s", brief(d), name, at)
			continue
		}
		line := lines[at.Line-1]
		for i := at.Line; i < len(lines) && strings.HasSuffix(line, `\`); i++ {
			line += lines[i]
		}
		if d.Program != Netplan && !strings.Contains(line, name) && !strings.Contains(line, d.Device) {
			t.Errorf("%s: %s at %s, which is %q", brief(d), name, at, line)
		}
	}
}

func TestWhereAPortIsNamed(t *testing.T) {
	ds, _ := Read(root{
		"/usr/sbin/ifup":                         "",
		"/usr/lib/ifupdown/settle-dad.sh":        "",
		"/etc/network/if-pre-up.d/bridge":        "",
		"/etc/network/interfaces":                "auto br0\niface br0 inet dhcp\n  bridge_ports enp3s0 \\\n    enp4s0\n",
		"/usr/sbin/netplan":                      "",
		"/etc/netplan/50-x.yaml":                 "network:\n  bridges:\n    br1:\n      interfaces:\n        - enp5s0\n        - enp6s0\n",
		"/etc/sysconfig/network-scripts/ifcfg-a": "DEVICE=enp7s0\nBRIDGE=br2\n",
		"/etc/sysconfig/network-scripts/ifcfg-b": "DEVICE=br2\nTYPE=Bridge\n",
	}, fact.Known[linkfiles.Release](252), nil)
	got := map[string]string{}
	for _, d := range ds {
		for i, p := range d.Ports {
			got[p] = d.PortAt(i).String()
		}
	}
	want := map[string]string{
		"enp3s0": "/etc/network/interfaces:3", "enp4s0": "/etc/network/interfaces:3",
		"enp5s0": "/etc/netplan/50-x.yaml:5", "enp6s0": "/etc/netplan/50-x.yaml:6",
		"enp7s0": "/etc/sysconfig/network-scripts/ifcfg-a:2",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func read(t *testing.T, files root) (declarations, problems []string) {
	t.Helper()
	ds, ps := Read(files, fact.Known[linkfiles.Release](252), nil)
	for _, d := range ds {
		declarations = append(declarations, brief(d))
		portsAreThere(t, files, d)
	}
	for _, p := range ps {
		problems = append(problems, fmt.Sprintf("%s %s: %s", p.Program, p.Pos, p.Message))
	}
	return declarations, problems
}

func TestWhatEachProgramsFilesSay(t *testing.T) {
	const nm, profiles = "/usr/sbin/NetworkManager", "/etc/NetworkManager/system-connections/"
	bond := func(more string) string {
		return "[connection]\nid=b\nuuid=u1\ntype=bond\ninterface-name=bond0\n" + more
	}
	for _, c := range []struct {
		title              string
		files              root
		declared, problems []string
	}{
		{title: "nothing is installed", files: root{"/etc/network/interfaces": "iface x0 inet manual\n", profiles + "b": bond("")}},
		{
			title: "NetworkManager, and a password that stays behind",
			files: root{nm: "", profiles + "b.nmconnection": bond("[ethernet]\ncloned-mac-address=02-00-00-00-00-0A\n[wifi-security]\npsk=\"\"\"secret\n[x]\npsk=`\n"),
				profiles + "p": "[connection]\ntype=ethernet\ninterface-name=eth0\nmaster=u1\nuuid=u2\n", profiles + "old~": bond("")},
			declared: []string{
				"NetworkManager bond0 bond creates [eth0]: explicit 02:00:00:00:00:0a cloned-mac-address /etc/NetworkManager/system-connections/b.nmconnection:7",
				"NetworkManager eth0: none cloned-mac-address /etc/NetworkManager/system-connections/p:3",
			},
		},
		{
			title: "the same profile in /run and /usr/lib, and one that was deleted",
			files: root{nm: "", "/run/NetworkManager/system-connections/b.nmconnection": bond("autoconnect=no\n"), profiles + "b.nmconnection": bond("[ethernet]\ncloned-mac-address=stable\n"),
				"/usr/lib/NetworkManager/system-connections/gone.nmconnection": strings.ReplaceAll(bond(""), "u1", "u9"), profiles + "u9.nmmeta": ""},
			declared: []string{"NetworkManager bond0 bond creates on-request: none cloned-mac-address /run/NetworkManager/system-connections/b.nmconnection:5"},
		},
		{
			title: "a default for some devices, and unmanaged ones",
			files: root{nm: "", profiles + "b": bond(""), profiles + "c": strings.ReplaceAll(strings.ReplaceAll(bond(""), "bond0", "br0"), "u1", "u2"),
				"/etc/NetworkManager/NetworkManager.conf":   "[connection-x]\nmatch-device=type:bond\nethernet.cloned-mac-address=random\n",
				"/etc/NetworkManager/conf.d/a.conf":         "[connection-x]\nethernet.cloned-mac-address=stable\n[keyfile]\nunmanaged-devices=interface-name:br*\n",
				"/usr/lib/NetworkManager/conf.d/a.conf":     "[connection-z]\nethernet.cloned-mac-address=02:00:00:00:00:01\n",
				"/usr/lib/NetworkManager/conf.d/b.conf.off": "[connection-z]\nethernet.cloned-mac-address=02:00:00:00:00:01\n"},
			declared: []string{
				"NetworkManager bond0 bond creates: stable ethernet.cloned-mac-address /etc/NetworkManager/conf.d/a.conf:2",
				"NetworkManager br0 bond creates: stable ethernet.cloned-mac-address /etc/NetworkManager/conf.d/a.conf:2 IGNORED unmanaged-devices= at /etc/NetworkManager/conf.d/a.conf:4",
			},
		},
		{
			title: "a default with a match that is not evaluated",
			files: root{nm: "", profiles + "b": bond(""), "/etc/NetworkManager/NetworkManager.conf": "[connection-x]\nmatch-device=driver:bonding\nethernet.cloned-mac-address=random\n"},
			declared: []string{
				"NetworkManager bond0 bond creates: unknown ethernet.cloned-mac-address /etc/NetworkManager/NetworkManager.conf:3 UNKNOWN linkaudit does not evaluate match-device=driver:bonding of [connection-x]",
			},
		},
		{
			title: "profiles that are none",
			files: root{nm: "", profiles + "a": "type=bond\n", profiles + "b": "[connection]\ntype=bond\nwhat\n", profiles + "c": "FIFO", profiles + "d": "DENIED", profiles + "e": "[connection]\ntype=wifi\n"},
			problems: []string{
				"NetworkManager " + profiles + "a:1: NetworkManager does not accept this profile: the file does not begin with a group",
				"NetworkManager " + profiles + "b:3: NetworkManager does not accept this profile: neither a group header nor key=value",
				"NetworkManager " + profiles + "c: not read: not a regular file",
				"NetworkManager " + profiles + "d: not read: permission denied",
			},
		},
		{
			title: "ifupdown",
			files: root{"/sbin/ifup": "", "/etc/network/if-pre-up.d/ifenslave": "", "/etc/network/if-pre-up.d/bridge": "",
				"/etc/network/interfaces": "# x\nauto lo bond0\nsource-directory interfaces.d\nsource /etc/network/more/*.cfg\niface lo inet loopback\n" +
					"iface bond0 inet manual\n\tbond-slaves eth0 \\\n\t\teth1\n\twpa-psk secret\n\thwaddress ether 02:00:00:00:00:0A\n\niface bond0 inet6 auto\n\tup ip link set $IFACE address 02:00:00:00:00:0b\n",
				"/etc/network/interfaces.d/br0":     "iface br0 inet static\n\tbridge_ports none\n\tbridge_hw eth0\n",
				"/etc/network/interfaces.d/br1.bak": "iface br1 inet static\n",
				"/etc/network/more/x.cfg":           "source /etc/network/interfaces\niface eth9 inet manual\n\tbond-master bond7\niface bond7 inet manual\n\tbond-slaves none\n\tpost-up ip link set bond7 address $(cat /x)\n",
			},
			declared: []string{
				"ifupdown br0 bridge creates on-request: port eth0 bridge-hw /etc/network/interfaces.d/br0:3",
				"ifupdown eth9 on-request: none hwaddress /etc/network/more/x.cfg:2",
				"ifupdown bond7 bond creates on-request [eth9]: unknown post-up /etc/network/more/x.cfg:6 UNKNOWN the command computes the address when it runs",
				"ifupdown bond0 bond creates [eth0 eth1]: explicit 02:00:00:00:00:0b up /etc/network/interfaces:13",
			},
			problems: []string{"ifupdown /etc/network/more/x.cfg:1: /etc/network/interfaces is sourced by itself"},
		},
		{
			title: "netplan, merged by name",
			files: root{"/usr/sbin/netplan": "", "/etc/netplan/10-a.yaml": "network:\n  renderer: networkd\n  bonds:\n    bond0: &b\n      interfaces: [nic, eth1]\n    bond1:\n      renderer: NetworkManager\n  ethernets:\n    nic:\n      match: {name: en*}\n      set-name: eth0\n",
				"/lib/netplan/10-a.yaml": "nonsense", "/run/netplan/20-b.yaml": "network:\n  bonds:\n    bond0:\n      macaddress: 02:00:00:00:00:0A\n      interfaces: [eth2]\n"},
			declared: []string{
				"netplan bond0 bond by systemd-networkd creates [eth0 eth1 eth2]: explicit 02:00:00:00:00:0a at-creation macaddress /run/netplan/20-b.yaml:4",
				"netplan bond1 bond by NetworkManager creates: none macaddress /etc/netplan/10-a.yaml:6",
				"netplan eth0 by systemd-networkd: none macaddress /etc/netplan/10-a.yaml:9",
			},
		},
		{
			title: "YAML that is none",
			files: root{"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": "network:\n  bonds: [\n", "/etc/netplan/b.yaml": "- x\n"},
			problems: []string{
				"netplan /etc/netplan/a.yaml:2: netplan does not accept this file, and renders nothing: did not find expected node content",
				"netplan /etc/netplan/b.yaml:1: netplan does not accept this file, and renders nothing: not a mapping",
			},
		},
		{
			title: "wicked and the files of RHEL",
			files: root{"/usr/sbin/wicked": "", "/etc/sysconfig/network/ifcfg-bond0": "BONDING_MASTER='yes'\nBONDING_SLAVE_0=eth0\nBONDING_SLAVE_1='eth1'\nLLADDR=\"02:00:00:00:00:0a\" # x\n",
				"/etc/sysconfig/network/ifcfg-br0":             "BRIDGE=yes\nBRIDGE_PORTS='eth2 eth3'\nSTARTMODE=off\n",
				"/etc/sysconfig/network-scripts/ifcfg-bond1":   "TYPE=Bond\nMACADDR=stable\nONBOOT=no\n",
				"/etc/sysconfig/network-scripts/ifcfg-Wired_1": "DEVICE=eth4\nMASTER=bond1\nSLAVE=yes\nMACADDR=02:00:00:00:00:0c\n"},
			declared: []string{
				"wicked bond0 bond creates [eth0 eth1]: explicit 02:00:00:00:00:0a LLADDR /etc/sysconfig/network/ifcfg-bond0:4",
				"wicked br0 bridge creates [eth2 eth3]: unknown LLADDR /etc/sysconfig/network/ifcfg-br0 IGNORED STARTMODE=off at /etc/sysconfig/network/ifcfg-br0:3 UNKNOWN linkaudit does not know what wicked does without LLADDR=",
				"network-scripts eth4: explicit 02:00:00:00:00:0c MACADDR /etc/sysconfig/network-scripts/ifcfg-Wired_1:4",
				"network-scripts bond1 bond creates on-request [eth4]: stable MACADDR /etc/sysconfig/network-scripts/ifcfg-bond1:2",
			},
		},
	} {
		t.Run(c.title, func(t *testing.T) {
			declared, problems := read(t, c.files)
			if diff := cmp.Diff(c.declared, declared); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.problems, problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatACommandDoesToTheDevice(t *testing.T) {
	for line, want := range map[string]string{
		"ip link set dev br0 address 02:00:00:00:00:01":           "explicit 02:00:00:00:00:01",
		"/sbin/ip link set br0 up address 02:00:00:00:00:01":      "explicit 02:00:00:00:00:01",
		"sleep 1; ip l set $IFACE addr 02:00:00:00:00:01 || true": "explicit 02:00:00:00:00:01",
		"ip link add br0 address 02:00:00:00:00:01 type bridge":   "creates bridge explicit 02:00:00:00:00:01 at-creation",
		"ip link add name br0 type bond mode 1":                   "creates bond",
		"ip link set dev eth0 master br0":                         "",
		"ip link set dev eth0 address 02:00:00:00:00:01":          "",
		"ip link set dev br0 mtu 9000":                            "",
		"ifconfig br0 hw ether 02:00:00:00:00:01":                 "explicit 02:00:00:00:00:01",
		"brctl addbr br0":                                "creates bridge",
		"macchanger -r br0":                              "unknown",
		"ip link set br0 address `cat /x`":               "unknown",
		"echo ip link set br0 address 02:00:00:00:00:01": "",
	} {
		t.Run(line, func(t *testing.T) {
			d := Declaration{Device: "br0"}
			a, ok := d.command(option{"up", line, linkfiles.Pos{}})
			got := ""
			if d.Creates {
				got = "creates " + d.Kind
			}
			if ok {
				got += " " + string(a.Way) + " " + string(a.MAC)
				if a.AtCreation {
					got += " at-creation"
				}
			}
			if got = strings.TrimSpace(got); got != want {
				t.Errorf("%q, not %q", got, want)
			}
		})
	}
}

func TestMatchOfNetworkManager(t *testing.T) {
	p := &nmProfile{name: "bond0", nmType: "bond", kind: "bond"}
	for list, want := range map[string]match{
		"*": matchYes, "": matchNo, "bond0": matchYes, "interface-name:bond*": matchYes, "interface-name:=bond*": matchNo,
		"interface-name:~b?nd0;": matchYes, "type:bond,except:interface-name:bond0": matchNo, "except:interface-name:eth*": matchYes,
		"except:bond0": matchNo, "type:ethernet": matchNo, "mac:02:00:00:00:00:01": matchUnknown, "INTERFACE-NAME:bond0": matchYes,
		"driver:bonding,except:type:bond": matchNo,
	} {
		t.Run(list, func(t *testing.T) {
			if got := matches(nmValue{list, linkfiles.Pos{File: "x"}}, p, true); got != want {
				t.Errorf("%d, not %d", got, want)
			}
		})
	}
}

func FuzzNetworkManagerProfile(f *testing.F) {
	f.Add([]byte("[connection]\ntype=bond\ninterface-name=bond0\n[ethernet]\ncloned-mac-address=stable\n"))
	f.Add([]byte("[a.b]\nx=`\n[connection]\ntype=\"\"\"x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parseNMProfile("/x", data); err == nil && p != nil {
			p.declaration(&nmConfig{}, []*nmProfile{p})
		}
	})
}

func FuzzNetworkManagerConf(f *testing.F) {
	f.Add([]byte("[connection-x]\nmatch-device=type:bond,except:*\nethernet.cloned-mac-address+=stable\n[keyfile]\nunmanaged-devices=bond*\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &nmConfig{values: map[[2]string]nmValue{}}
		for range 2 {
			if err := c.merge("/x", data); err != nil {
				return
			}
		}
		p := &nmProfile{name: "bond0", nmType: "bond", kind: "bond"}
		p.declaration(c, nil)
	})
}

func FuzzInterfaces(f *testing.F) {
	f.Add([]byte("auto bond0\niface bond0 inet manual inherits x\n\tbond-slaves eth0 \\\n eth1\n\tup ip link set $IFACE address 02:00:00:00:00:01\nsource x/*\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, program := range []string{"/sbin/ifup", "/usr/libexec/ifupdown-ng/link", "/usr/share/ifupdown2/ifupdown/main.py"} {
			Read(root{program: "", interfacesFile: string(data), "/etc/network/x/y": string(data)}, fact.Known[linkfiles.Release](252), nil)
		}
	})
}

func FuzzNetplan(f *testing.F) {
	f.Add([]byte("network:\n  bonds:\n    bond0: &a\n      interfaces: [eth0]\n      macaddress: 02:00:00:00:00:01\n    bond1: *a\n"))
	f.Add([]byte("a: &a [x, x]\nnetwork: {bonds: {b: {interfaces: [*a, *a]}}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		Read(root{"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": string(data), "/etc/netplan/b.yaml": string(data)}, fact.Known[linkfiles.Release](252), nil)
	})
}

func FuzzIfcfg(f *testing.F) {
	f.Add([]byte("BONDING_MASTER=yes\nBONDING_SLAVE_0='eth0'\nLLADDR=\"02:00:00:00:00:01\"\nexport BRIDGE=\"x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		Read(root{"/usr/sbin/wicked": "", wickedDir + "/ifcfg-x": string(data), networkScriptsDir + "/ifcfg-y": string(data)}, fact.Known[linkfiles.Release](252), nil)
	})
}

// A file of the largest size that is read is done within the patience of a minute,
// whatever is in it: seconds, where what is quadratic in its lines takes hours.
func TestNoFileTakesLong(t *testing.T) {
	many := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < maxFileSize-100; i++ {
			fmt.Fprintf(&b, strings.ReplaceAll(format, "N", "%[1]x"), i)
		}
		return b.String()
	}
	const profiles = "/etc/NetworkManager/system-connections/"
	for title, files := range map[string]root{
		"groups":      {"/usr/sbin/NetworkManager": "", nmConf: many("[aN]\nmanaged=1\n"), profiles + "x": many("[aN]\ntype=x\n")},
		"a list":      {"/usr/sbin/NetworkManager": "", nmConf: "[keyfile]\nunmanaged-devices=" + many("a*N,")},
		"stanzas":     {"/sbin/ifup": "", interfacesFile: many("iface bN inherits a\n")},
		"autos":       {"/sbin/ifup": "", interfacesFile: "iface a\n" + many("auto /N*\nauto N\n")},
		"sources":     {"/sbin/ifup": "", interfacesFile: many("source a*\n"), "/etc/network/a1": many("source a*\n"), "/etc/network/a2": many("source a*\n")},
		"options":     {"/sbin/ifup": "", interfacesFile: "iface a\n" + many("up x N\n")},
		"devices":     {"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": "network:\n bonds:\n" + many("  bN: {interfaces: [bN]}\n")},
		"deep":        {"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": strings.Repeat("[", maxFileSize-1)},
		"aliases":     {"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": "x: &a {interfaces: [" + strings.Repeat("e, ", 1000) + "]}\nnetwork:\n bonds:\n" + many("  bN: *a\n")},
		"cubed":       {"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": bomb(20000)},
		"globs":       {"/sbin/ifup": "", interfacesFile: many("source /*/*/N*\n"), "/a/b/c": "", "/d/e/f": ""},
		"assignments": {"/usr/sbin/wicked": "", wickedDir + "/ifcfg-a": "BONDING_MASTER=yes\n" + many("BONDING_SLAVE_N=aN\n")},
	} {
		t.Run(title, func(t *testing.T) {
			var problems []Problem
			tool.Finishes(t, title, func() { _, problems = Read(files, fact.Known[linkfiles.Release](252), nil) })
			if len(problems) > 100000 {
				t.Errorf("%d problems", len(problems))
			}
			t.Log(len(problems))
		})
	}
}

// bomb is a file whose aliases stand for n*n*n/2 values.
func bomb(n int) string {
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, strings.ReplaceAll(format, "N", "%[1]d")+", ", i)
		}
		return "{" + b.String() + "}"
	}
	return "y: &y " + many("kN: 1", n/2) + "\nx: &x " + many("dN: *y", n) + "\nnetwork: {" + strings.Repeat("bonds: *x, ", n) + "}\n"
}

// counted counts the directories that are listed.
type counted struct {
	root
	listed *int
}

func (c counted) Names(dir string) ([]string, error) {
	*c.listed++
	return c.root.Names(dir)
}

// A file may ask for every directory that there is, over and over.
func TestPatternsListABoundedNumberOfDirectories(t *testing.T) {
	n := 0
	files := counted{root{"/sbin/ifup": "", "/a/b/c": "", "/d/e/f": "", interfacesFile: strings.Repeat("source /*/*/x*\n", 50_000)}, &n}
	_, problems := Read(files, fact.Known[linkfiles.Release](252), nil)
	if n > 2*maxFiles {
		t.Errorf("%d directories were listed", n)
	}
	said := 0
	for _, p := range problems {
		if strings.Contains(p.Message, "more than 4096") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("it is said %d times: %v", said, problems[:min(len(problems), 3)])
	}
}

// A file whose aliases multiply is read as far as the bound, and that is said.
func TestAliasesOfNetplanDoNotMultiply(t *testing.T) {
	files := root{"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": bomb(2000), "/etc/netplan/b.yaml": "network: {bonds: {late: {}}}\n"}
	all, problems := Read(files, fact.Known[linkfiles.Release](252), nil)
	if len(all) > maxYAML || len(problems) == 0 || !problems[0].Refused || !strings.Contains(problems[0].Message, "more than") {
		t.Errorf("%d declarations, %v", len(all), problems)
	}
}

// What systemd-networkd does with a bridge out of netplan's files depends on its
// release (networkdDerives).
func TestNetplanGoesByTheReleaseOfNetworkd(t *testing.T) {
	files := root{"/usr/sbin/netplan": "", "/etc/netplan/a.yaml": "network:\n  bridges:\n    br0: {}\n  bonds:\n    bond0: {}\n  vrfs:\n    vrf0: {table: 1}\n"}
	for _, c := range []struct {
		release fact.Fact[linkfiles.Release]
		want    string // of br0, bond0 and vrf0
	}{
		{fact.Known[linkfiles.Release](247), "none networkd-persistent unknown"},
		{fact.Known[linkfiles.Release](252), "networkd-persistent networkd-persistent unknown"},
		{fact.Unknown[linkfiles.Release](fact.Told("x")), "unknown unknown unknown"},
	} {
		t.Run(c.release.String(), func(t *testing.T) {
			all, _ := Read(files, c.release, nil)
			var ways []string
			for _, d := range all {
				ways = append(ways, string(d.Address.Way))
			}
			if got := strings.Join(ways, " "); got != c.want {
				t.Error(got)
			}
		})
	}
}

func TestOneProgramReadsInterfaces(t *testing.T) {
	const ng, classic, ifup, two = "/usr/libexec/ifupdown-ng/bond", "/usr/lib/ifupdown/wait-online.sh", "/usr/sbin/ifup", "/usr/share/ifupdown2/ifupdown/main.py"
	for _, c := range []struct {
		files []string
		want  Program
	}{
		{nil, ""},
		{[]string{ifup}, Ifupdown},
		{[]string{ifup, classic}, Ifupdown},
		{[]string{ifup, ng}, IfupdownNG},
		{[]string{ifup, classic, ng}, Ifupdown},
		{[]string{ifup, two}, Ifupdown2},
		{[]string{ifup, two, ng}, Ifupdown2},
	} {
		t.Run(strings.Join(c.files, " "), func(t *testing.T) {
			files := root{interfacesFile: "iface br0 inet manual\n\tbridge-ports none\n\tpre-up ip link add br0 type bridge\n"}
			for _, f := range c.files {
				files[f] = ""
			}
			all, _ := Read(files, fact.Known[linkfiles.Release](252), nil)
			var got Program
			if len(all) > 0 {
				got = all[0].Program
			}
			if got != c.want {
				t.Errorf("%q", got)
			}
		})
	}
}
