//go:build vm

package guest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// statement is what check says about who creates a device and who sets its address.
type statement struct {
	Name         string
	Persistent   *string `json:"persistent_mac"`
	Policy       *string `json:"mac_address_policy"`
	Origin       *string
	Declarations []declaration
	Manager      *struct {
		Program, MAC string
		Certain      bool
	}
	Findings []struct{ Rule, Severity, Message string }
}

type declaration struct {
	Program, Renderer, Kind, Ignored string
	Creates                          bool
	Ports                            []string
	Address                          struct {
		Way, MAC, Key, File string
		Line                int
	}
}

// stated is what check says about the devices of the cases, by name.
func stated(t *testing.T, cases []managed) map[string]statement {
	t.Helper()
	said := map[string]statement{}
	for _, kind := range []string{"bond", "bridge"} {
		args := []string{"check", "--format", "json", "--kind", kind}
		for _, c := range cases {
			if c.kind == kind {
				args = append(args, c.name)
			}
		}
		if len(args) == 5 {
			continue
		}
		var result struct{ Devices []statement }
		out, err := exec.Command("linkaudit", args...).Output()
		if jsonErr := json.Unmarshal(out, &result); jsonErr != nil {
			t.Fatalf("linkaudit %v: %v, %v: %s", args, err, jsonErr, out)
		}
		for _, d := range result.Devices {
			said[d.Name] = d
		}
	}
	return said
}

// managed is one device in a program's configuration, and what check must say about it.
type managed struct {
	title, name, kind string
	config            string
	program           string
	// way is what the program does to the address, in the schema's spelling. mac is an
	// explicit address or that of a named port.
	way, mac string
	// ignored: the program leaves the device alone.
	ignored bool
}

// ofManager is a program that creates devices: up creates those of the cases, and down
// deletes them.
type ofManager struct {
	write, up, down func(t *testing.T, cases []managed)
}

// portOf is the port of each device in these tests, and portAddress its address.
func portOf(name string) string { return name + "p" }

const portAddress = "02:00:00:00:aa:01"

// holdsStatements makes the program create the devices under both policies, those with
// a derived or made-up address twice, and compares what check said with what the kernel
// shows. All cases run on one release, under persistent; elsewhere one of each kind and
// way is enough.
func holdsStatements(t *testing.T, m ofManager, all []managed) {
	seen := map[string]bool{}
	few := slices.DeleteFunc(slices.Clone(all), func(c managed) bool {
		one := c.kind + c.way
		again := seen[one]
		seen[one] = true
		return again || c.ignored
	})
	cases := few
	if release(t) == thorough {
		cases = all
	}
	m.write(t, cases)
	m.makes(t, "persistent", cases, stated(t, cases))

	m.write(t, few)
	for _, kind := range []string{"bond", "bridge"} {
		linkaudit(t, "fix", "--kind", kind)
		defer linkaudit(t, "undo", "--kind", kind)
	}
	said := stated(t, few)
	first := m.makes(t, "none", few, said)
	twice := slices.DeleteFunc(slices.Clone(few), func(c managed) bool { return c.way != "random" && c.way != "stable" })
	if len(twice) == 0 {
		return
	}
	m.write(t, twice)
	second := m.makes(t, "none, again", twice, said)
	for _, c := range twice {
		if same := first[c.name] == second[c.name]; same != (c.way == "stable") {
			t.Errorf("%s: %s, and then %s", c.title, first[c.name], second[c.name])
		}
	}
}

// thorough is the release of Debian 13.
const thorough = 257

// makes creates and deletes the devices, and returns their addresses.
func (m ofManager) makes(t *testing.T, title string, cases []managed, said map[string]statement) map[string]string {
	t.Helper()
	m.up(t, cases)
	for _, c := range cases {
		if !c.ignored {
			handled(t, c.name)
		}
	}
	now := stated(t, cases)
	macs := map[string]string{}
	if i := slices.IndexFunc(cases, func(c managed) bool { return c.way == "explicit" }); i >= 0 {
		now[cases[i].name].explains(t, cases[i])
	}
	for _, c := range cases {
		t.Run(title+"/"+c.title, func(t *testing.T) {
			said[c.name].holds(t, c)
			switch {
			case !c.ignored:
				macs[c.name] = said[c.name].came(t, c, now[c.name])
			case has(c.name):
				t.Errorf("%s exists, although the program must leave it alone", c.name)
			}
		})
	}
	m.down(t, cases)
	return macs
}

// explains compares what explain says about an explicit address with check's answer.
func (s statement) explains(t *testing.T, c managed) {
	t.Helper()
	if s.Manager == nil {
		t.Errorf("explain does not say who sets the address of %s", c.name)
		return
	}
	var explained struct{ Wins string }
	if err := json.Unmarshal([]byte(linkaudit(t, "explain", c.name, "--format", "json")), &explained); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(explained.Wins, "sets ("+c.mac+")") || strings.Contains(explained.Wins, "unless udev is later") == s.Manager.Certain {
		t.Errorf("according to explain it is %s in the end", explained.Wins)
	}
	_, section, _ := strings.Cut(linkaudit(t, "explain", c.name), "Other programs\n")
	section, _, _ = strings.Cut(section, "\nThe address now")
	t.Logf("explain says\n%s", section)
}

// holds compares what check says about the configuration with what was written there.
func (s statement) holds(t *testing.T, c managed) {
	t.Helper()
	i := slices.IndexFunc(s.Declarations, func(d declaration) bool { return d.Program == c.program })
	if i < 0 {
		t.Fatalf("check does not say that %s declares %s: %+v; %+v", c.program, c.name, s.Declarations, s.Findings)
	}
	d := s.Declarations[i]
	if d.Address.Way != c.way || c.way == "explicit" && d.Address.MAC != c.mac || (d.Ignored != "") != c.ignored || !d.Creates || d.Kind != c.kind {
		t.Errorf("said: %+v", d)
	}
	if !slices.Contains(d.Ports, portOf(c.name)) {
		t.Errorf("check says the ports are %v", d.Ports)
	}
	dropIn, _ := filepath.Glob("/etc/systemd/network/*-" + c.name + ".netdev.d/90-linkaudit.conf")
	if gives := c.way != "none" && c.way != "unknown" && !c.ignored && len(dropIn) == 0; gives != (s.Manager != nil) {
		t.Errorf("check says the manager is %+v", s.Manager)
	}
}

// came compares what the kernel shows and check says now with what check said, and
// returns the address.
func (s statement) came(t *testing.T, c managed, now statement) string {
	t.Helper()
	mac, typ := sysfs(t, c.name, "address"), sysfs(t, c.name, "addr_assign_type")
	m, persistent := s.Manager, str(s.Persistent)
	t.Logf("%s of type %s, origin %s, policy %s, udev derives %s, port %s; said: %+v", mac, typ, str(now.Origin), str(now.Policy), persistent, sysfs(t, portOf(c.name), "address"), m)
	switch {
	case m == nil && (str(now.Origin) == "set-by-someone" || str(now.Origin) == "networkd-persistent"):
		t.Errorf("check says that no program sets an address, but %s does", str(now.Origin))
	case m == nil:
	case !m.Certain && mac == persistent:
	case typ != "3" || mac == persistent:
		t.Errorf("check says that %s sets an address, but it is %s of type %s", m.Program, mac, typ)
	case c.mac != "" && mac != c.mac:
		t.Errorf("check says that %s sets %s, but it is %s", m.Program, c.mac, mac)
	}
	for _, f := range now.Findings {
		if f.Rule == "manager-sets-address" && f.Severity == "warning" && !(m != nil && !m.Certain && mac == persistent) {
			t.Errorf("%s: %s", f.Rule, f.Message)
		}
		if f.Rule == "declared-twice" {
			t.Errorf("%s: %s", f.Rule, f.Message)
		}
	}
	return mac
}

// leavesAlone: the device is created with its address, and fix names the setting.
func leavesAlone(t *testing.T, name, kind, setting string) {
	t.Helper()
	out := strings.Join(strings.Fields(linkaudit(t, "fix", "--"+kind, name)), " ")
	if !strings.Contains(out, "nothing to change") || !strings.Contains(out, setting) {
		t.Errorf("linkaudit fix: %s", out)
	}
}

// keyfiles are the profiles of the devices and of their ports.
func keyfiles(t *testing.T, cases []managed) {
	t.Helper()
	put := func(name, content string) {
		write(t, "/etc/NetworkManager/system-connections/"+name+".nmconnection", content)
		if err := os.Chmod("/etc/NetworkManager/system-connections/"+name+".nmconnection", 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range cases {
		put(c.name, "[connection]\nid="+c.name+"\nuuid="+uuid(c.name)+"\ntype="+c.kind+"\ninterface-name="+c.name+"\n\n"+c.config+
			"\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=ignore\n")
		put(portOf(c.name), "[connection]\nid="+portOf(c.name)+"\nuuid="+uuid(portOf(c.name))+"\ntype=dummy\ninterface-name="+portOf(c.name)+
			"\nmaster="+c.name+"\nslave-type="+c.kind+"\n\n[ethernet]\ncloned-mac-address="+portAddress+"\n")
	}
}

// uuid is the same each time for a name.
func uuid(name string) string {
	h := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%x-%x-4000-8000-%x", h[:4], h[4:6], h[6:12])
}

// nmUp makes NetworkManager read the profiles; it then creates the devices by itself.
func nmUp(t *testing.T, cases []managed) {
	t.Helper()
	output(t, "nmcli", "connection", "reload")
	eventually(t, func() bool {
		active := output(t, "nmcli", "-t", "-f", "NAME,STATE", "connection", "show", "--active")
		return !slices.ContainsFunc(cases, func(c managed) bool {
			return !c.ignored && (!strings.Contains(active, c.name+":activated\n") || !strings.Contains(active, portOf(c.name)+":activated\n"))
		})
	}, func() string { return "all devices are up: " + output(t, "nmcli", "device") })
}

func nmDown(t *testing.T, cases []managed) {
	t.Helper()
	forgetProfiles()
	output(t, "nmcli", "connection", "reload")
	for _, c := range cases {
		eventually(t, func() bool { return !has(c.name) && !has(portOf(c.name)) },
			func() string { return "NetworkManager removes " + c.name })
	}
}

func forgetProfiles() {
	files, _ := filepath.Glob("/etc/NetworkManager/system-connections/*")
	for _, f := range files {
		os.Remove(f)
	}
}

// remove deletes what is left of a device and its port.
func remove(t *testing.T, c managed) {
	t.Helper()
	for _, name := range []string{c.name, portOf(c.name)} {
		if has(name) {
			ip(t, "del", name)
		}
	}
}

// addPorts creates the ports, for programs that do not.
func addPorts(t *testing.T, cases []managed) {
	t.Helper()
	for _, c := range cases {
		ip(t, "add", portOf(c.name), "address", portAddress, "type", "dummy")
	}
	for _, c := range cases {
		handled(t, portOf(c.name))
	}
}

func names(cases []managed) (names []string) {
	for _, c := range cases {
		names = append(names, c.name)
	}
	return names
}

const nmGuestConf = "/etc/NetworkManager/conf.d/guest.conf"

func startNetworkManager(t *testing.T, conf string) {
	t.Helper()
	write(t, nmGuestConf, conf)
	os.Remove("/etc/systemd/system/NetworkManager.service")
	output(t, "systemctl", "daemon-reload")
	output(t, "systemctl", "restart", "NetworkManager.service")
	t.Cleanup(func() {
		output(t, "systemctl", "stop", "NetworkManager.service")
		forgetProfiles()
		os.Remove(nmGuestConf)
	})
	// The unit is active when the name is on the bus, which is before the objects
	// exist.
	reload := func() ([]byte, error) { return exec.Command("nmcli", "connection", "reload").CombinedOutput() }
	eventually(t, func() bool { _, err := reload(); return err == nil }, func() string {
		out, err := reload()
		return fmt.Sprintf("NetworkManager answers: %v: %s", err, out)
	})
}

func TestManagersNetworkManager(t *testing.T) {
	write(t, "/etc/NetworkManager/conf.d/10-early.conf", "[connection-a]\nmatch-device=interface-name:nmd*\nethernet.cloned-mac-address=02:00:00:00:01:10\n")
	write(t, "/etc/NetworkManager/conf.d/20-late.conf", "[connection-b]\nmatch-device=interface-name:nmd*,except:interface-name:nmde*\nethernet.cloned-mac-address=02:00:00:00:01:20\n\n"+
		"[connection-c]\nmatch-device=interface-name:nmd*\nethernet.cloned-mac-address=02:00:00:00:01:30\n\n"+
		"[connection]\nethernet.cloned-mac-address=preserve\n")
	defer os.Remove("/etc/NetworkManager/conf.d/10-early.conf")
	defer os.Remove("/etc/NetworkManager/conf.d/20-late.conf")
	startNetworkManager(t, "[main]\nplugins=keyfile\nno-auto-default=*\n[keyfile]\nunmanaged-devices=*,except:interface-name:nm*\n[device-x]\nmatch-device=interface-name:nmun*\nmanaged=0\n")
	t.Log(output(t, "nmcli", "--version"))
	const ethernet, bridge = "[ethernet]\ncloned-mac-address=", "[bridge]\nstp=false\n"
	holdsStatements(t, ofManager{keyfiles, nmUp, nmDown}, []managed{
		{"a bond", "nmb0", "bond", "", "NetworkManager", "none", "", false},
		{"a bond, explicit", "nmb1", "bond", ethernet + "02:00:00:00:00:51\n", "NetworkManager", "explicit", "02:00:00:00:00:51", false},
		{"a bond, explicit, the old name of the group", "nmb2", "bond", "[802-3-ethernet]\ncloned-mac-address=02:00:00:00:00:52\n", "NetworkManager", "explicit", "02:00:00:00:00:52", false},
		{"a bond, stable", "nmb3", "bond", ethernet + "stable\n", "NetworkManager", "stable", "", false},
		{"a bond, random", "nmb4", "bond", ethernet + "random\n", "NetworkManager", "random", "", false},
		{"a bond, permanent", "nmb5", "bond", ethernet + "permanent\n", "NetworkManager", "none", "", false},
		{"a bond, preserve", "nmb6", "bond", ethernet + "preserve\n", "NetworkManager", "none", "", false},
		{"a bond, by default", "nmdb0", "bond", "", "NetworkManager", "explicit", "02:00:00:00:01:20", false},
		{"a bond, by another default", "nmdeb0", "bond", "", "NetworkManager", "explicit", "02:00:00:00:01:30", false},
		{"a bridge", "nmr0", "bridge", bridge, "NetworkManager", "none", "", false},
		{"a bridge, mac-address", "nmr1", "bridge", bridge + "mac-address=02:00:00:00:00:61\n", "NetworkManager", "explicit", "02:00:00:00:00:61", false},
		{"a bridge, cloned-mac-address", "nmr2", "bridge", bridge + ethernet + "02:00:00:00:00:62\n", "NetworkManager", "explicit", "02:00:00:00:00:62", false},
		{"a bridge, both", "nmr3", "bridge", bridge + "mac-address=02:00:00:00:00:64\n" + ethernet + "02:00:00:00:00:63\n", "NetworkManager", "explicit", "02:00:00:00:00:63", false},
		{"a bridge, mac-address and preserve", "nmr4", "bridge", bridge + "mac-address=02:00:00:00:00:65\n" + ethernet + "preserve\n", "NetworkManager", "explicit", "02:00:00:00:00:65", false},
		{"a bridge, stable", "nmr5", "bridge", bridge + ethernet + "stable\n", "NetworkManager", "stable", "", false},
		{"a bridge, random", "nmr6", "bridge", bridge + ethernet + "random\n", "NetworkManager", "random", "", false},
		{"a bridge, by default", "nmdr0", "bridge", bridge, "NetworkManager", "explicit", "02:00:00:00:01:20", false},
		{"unmanaged-devices", "unb0", "bond", "", "NetworkManager", "none", "", true},
		{"managed=0", "nmun0", "bond", "", "NetworkManager", "none", "", true},
	})
	keyfiles(t, []managed{{name: "nmr1", kind: "bridge", config: bridge + "mac-address=02:00:00:00:00:61\n"}})
	leavesAlone(t, "nmr1", "bridge", "mac-address at /etc/NetworkManager/system-connections/nmr1.nmconnection:9")
}

const interfacesPath = "/etc/network/interfaces"

// stanzas writes the stanzas to a directory that interfaces includes with these lines.
func stanzas(lines string) func(t *testing.T, cases []managed) {
	return func(t *testing.T, cases []managed) {
		t.Helper()
		write(t, interfacesPath, lines)
		for _, c := range cases {
			write(t, "/etc/network/interfaces.d/"+c.name, c.config)
		}
	}
}

func ifUp(t *testing.T, cases []managed) {
	t.Helper()
	addPorts(t, cases)
	output(t, append([]string{"ifup", "--force"}, names(cases)...)...)
}

func ifDown(t *testing.T, cases []managed) {
	t.Helper()
	output(t, append([]string{"ifdown", "--force"}, names(cases)...)...)
	for _, c := range cases {
		remove(t, c)
	}
}

// bondStanza and bridgeStanza are the usual ones, with further lines.
func bondStanza(name, more string) string {
	return "iface " + name + " inet manual\n\tbond-slaves " + portOf(name) + "\n\tbond-mode active-backup\n" + more
}

func bridgeStanza(name, more string) string {
	return "iface " + name + " inet manual\n\tbridge_ports " + portOf(name) + "\n\tbridge_fd 0\n\tbridge_maxwait 0\n" + more
}

func TestManagersIfupdown(t *testing.T) {
	t.Cleanup(forgetInterfaces(t))
	const p = "ifupdown"
	ifupdown := stanzas("# the guest's\nsource-directory interfaces.d\nsource interfaces.d/*.cfg\n")
	holdsStatements(t, ofManager{ifupdown, ifUp, ifDown}, []managed{
		{"a bond", "ifb0", "bond", bondStanza("ifb0", ""), p, "none", "", false},
		{"a bond, hwaddress", "ifb1", "bond", bondStanza("ifb1", "\thwaddress 02:00:00:00:00:71\n"), p, "explicit", "02:00:00:00:00:71", false},
		{"a bond, hwaddress ether", "ifb2", "bond", bondStanza("ifb2", "\thwaddress ether 02:00:00:00:00:72\n"), p, "explicit", "02:00:00:00:00:72", false},
		{"a bond, hwaddress random", "ifb3", "bond", bondStanza("ifb3", "\thwaddress random\n"), p, "random", "", false},
		{"a bond, post-up", "ifb4", "bond", bondStanza("ifb4", "\thwaddress 02:00:00:00:00:73\n\tpost-up ip link set dev $IFACE address 02:00:00:00:00:74\n"), p, "explicit", "02:00:00:00:00:74", false},
		{"a bond, pre-up", "ifb5", "bond", "iface ifb5 inet manual\n\tpre-up ip link add dev ifb5 address 02:00:00:00:00:75 type bond mode active-backup\n\tbond-slaves ifb5p\n", p, "explicit", "02:00:00:00:00:75", false},
		{"a bond with the old word", "ifb6", "bond", "iface ifb6 inet manual\n\tslaves ifb6p\n\tbond_mode active-backup\n", p, "none", "", false},
		{"a bond that inherits", "ifb7", "bond", "iface base inet manual\n\thwaddress 02:00:00:00:00:77\n\niface ifb7 inet manual inherits base\n\tbond-slaves ifb7p\n\tbond-mode active-backup\n", p, "explicit", "02:00:00:00:00:77", false},
		{"a bridge", "ifr0", "bridge", bridgeStanza("ifr0", ""), p, "none", "", false},
		{"a bridge, hwaddress", "ifr1", "bridge", bridgeStanza("ifr1", "\thwaddress 02:00:00:00:00:81\n"), p, "explicit", "02:00:00:00:00:81", false},
		{"a bridge, bridge_hw", "ifr2", "bridge", bridgeStanza("ifr2", "\tbridge_hw 02:00:00:00:00:82\n"), p, "explicit", "02:00:00:00:00:82", false},
		{"a bridge, bridge_hw of a device", "ifr3", "bridge", bridgeStanza("ifr3", "\tbridge_hw ifr3p\n"), p, "port", portAddress, false},
		{"a bridge, both", "ifr4", "bridge", bridgeStanza("ifr4", "\thwaddress 02:00:00:00:00:84\n\tbridge_hw 02:00:00:00:00:85\n"), p, "explicit", "02:00:00:00:00:84", false},
		{"a bridge, pre-up ip link add", "ifr5", "bridge", "iface ifr5 inet manual\n\tpre-up ip link add name ifr5 address 02:00:00:00:00:86 type bridge\n\tbridge_ports ifr5p\n\tbridge_fd 0\n\tbridge_maxwait 0\n", p, "explicit", "02:00:00:00:00:86", false},
	})
	ifupdown(t, []managed{{name: "ifb9", config: "iface ifb9 inet manual\n\tpre-up ip link add ifb9 address 02:00:00:00:00:79 type bond\n"}})
	leavesAlone(t, "ifb9", "bond", "pre-up at /etc/network/interfaces.d/ifb9:2")
}

// forgetInterfaces restores the interfaces file.
func forgetInterfaces(t *testing.T) func() {
	t.Helper()
	before, err := os.ReadFile(interfacesPath)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		os.WriteFile(interfacesPath, before, 0o644)
		files, _ := filepath.Glob("/etc/network/interfaces.d/if*")
		for _, f := range files {
			os.Remove(f)
		}
	}
}

func TestManagersNetplan(t *testing.T) {
	// The files that netplan writes for systemd-networkd are found too; they are not
	// declarations of their own.
	forget := func() {
		files, _ := filepath.Glob("/etc/netplan/50-*.yaml")
		for _, f := range files {
			os.Remove(f)
		}
	}
	defer os.RemoveAll("/run/systemd/network")
	defer forget()
	yaml := func(t *testing.T, cases []managed) {
		t.Helper()
		forget()
		for _, c := range cases {
			file := "/etc/netplan/50-" + c.name + ".yaml"
			write(t, file, c.config)
			if err := os.Chmod(file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		output(t, "netplan", "generate")
	}
	device := func(group, name, more string) string {
		return "network:\n  version: 2\n  ethernets:\n    " + portOf(name) + ": {}\n  " + group + ":\n    " + name + ":\n      interfaces: [" + portOf(name) + "]\n" + more
	}
	networkd := ofManager{
		write: yaml,
		up: func(t *testing.T, cases []managed) {
			addPorts(t, cases)
			output(t, "systemctl", "restart", "systemd-networkd")
			for _, c := range cases {
				appears(t, c.name+"/lower_"+portOf(c.name))
			}
		},
		down: func(t *testing.T, cases []managed) {
			output(t, "systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
			for _, c := range cases {
				remove(t, c)
			}
		},
	}
	const p = "netplan"
	bridges := "networkd-persistent"
	if release(t) < netdevNone {
		bridges = "none"
	}
	holdsStatements(t, networkd, []managed{
		{"a bond", "npb0", "bond", device("bonds", "npb0", ""), p, "networkd-persistent", "", false},
		{"a bond, macaddress", "npb1", "bond", device("bonds", "npb1", "      macaddress: 02:00:00:00:00:91\n"), p, "explicit", "02:00:00:00:00:91", false},
		{"a bridge", "npr0", "bridge", device("bridges", "npr0", ""), p, bridges, "", false},
		{"a bridge, macaddress", "npr1", "bridge", device("bridges", "npr1", "      macaddress: 02:00:00:00:00:92\n"), p, "explicit", "02:00:00:00:00:92", false},
	})
	if release(t) < netdevNone {
		return
	}
	t.Run("fix before netplan has made its files", func(t *testing.T) {
		c := managed{title: "a bridge", name: "npr2", kind: "bridge", config: device("bridges", "npr2", "")}
		yaml(t, []managed{c})
		os.RemoveAll("/run/systemd/network")
		t.Log(linkaudit(t, "fix", c.name)) // its kind in netplan
		dropIns, _ := filepath.Glob(networkDir + "/10-netplan-npr2.netdev.d/*.conf")
		if len(dropIns) != 1 {
			t.Errorf("the drop-ins are %q", dropIns)
		}
		output(t, "netplan", "generate")
		networkd.up(t, []managed{c})
		handled(t, c.name)
		eventually(t, func() bool { return sysfs(t, c.name, "address") == portAddress }, func() string {
			return "npr2 takes the address of its port: it has " + sysfs(t, c.name, "address")
		})
		if assigned := sysfs(t, c.name, "addr_assign_type"); assigned != "1" {
			t.Errorf("addr_assign_type is %s", assigned)
		}
		if d := check(t, c.name); d.found("policy-overrides-ports") || d.found("networkd-sets-address") {
			t.Errorf("%+v", d)
		}
		networkd.down(t, []managed{c})
		linkaudit(t, "undo", c.name, "--kind", "bridge")
		if left, _ := filepath.Glob(networkDir + "/10-netplan-*"); len(left) > 0 {
			t.Errorf("undo leaves %q", left)
		}
	})
}

// dialect installs another program instead of ifupdown, from its package in the image.
func dialect(t *testing.T, name string) {
	t.Helper()
	debs, _ := filepath.Glob("/usr/lib/linkaudit-debs/" + name + "_*.deb")
	if len(debs) != 1 {
		t.Fatalf("the image has no package of %s", name)
	}
	for _, other := range []string{"ifupdown", "ifupdown2", "ifupdown-ng"} {
		if other != name && exec.Command("dpkg", "-s", other).Run() == nil {
			output(t, "dpkg", "--purge", "--force-all", other)
		}
	}
	compat, _ := filepath.Glob("/usr/lib/linkaudit-debs/" + name + "-compat_*.deb")
	output(t, append([]string{"dpkg", "--install", "--force-all"}, append(debs, compat...)...)...)
	t.Log(output(t, "dpkg-query", "-W", name))
}

func TestManagersIfupdown2(t *testing.T) {
	t.Cleanup(forgetInterfaces(t))
	dialect(t, "ifupdown2")
	const p = "ifupdown2"
	source := ofManager{stanzas("auto lo\niface lo inet loopback\n\nsource /etc/network/interfaces.d/*\n"), ifUp, ifDown}
	bridge := func(name, more string) string {
		return "iface " + name + "\n\tbridge-ports " + portOf(name) + "\n\tbridge-fd 0\n" + more
	}
	bond := func(name, more string) string {
		return "iface " + name + "\n\tbond-slaves " + portOf(name) + "\n\tbond-mode active-backup\n" + more
	}
	holdsStatements(t, source, []managed{
		{"a bond", "ifb0", "bond", bond("ifb0", ""), p, "none", "", false},
		{"a bond, hwaddress", "ifb1", "bond", bond("ifb1", "\thwaddress 02:00:00:00:00:71\n"), p, "explicit", "02:00:00:00:00:71", false},
		{"a bond, hwaddress ether", "ifb2", "bond", bond("ifb2", "\thwaddress ether 02:00:00:00:00:72\n"), p, "explicit", "02:00:00:00:00:72", false},
		{"a bond, post-up", "ifb4", "bond", bond("ifb4", "\thwaddress 02:00:00:00:00:73\n\tpost-up ip link set dev $IFACE address 02:00:00:00:00:74\n"), p, "explicit", "02:00:00:00:00:74", false},
		{"a bridge", "ifr0", "bridge", bridge("ifr0", ""), p, "none", "", false},
		{"a bridge, hwaddress", "ifr1", "bridge", bridge("ifr1", "\thwaddress 02:00:00:00:00:81\n"), p, "explicit", "02:00:00:00:00:81", false},
	})
}

func TestManagersIfupdownNG(t *testing.T) {
	if release(t) < 250 {
		t.Log("Debian 11 has no ifupdown-ng")
		return
	}
	t.Cleanup(forgetInterfaces(t))
	dialect(t, "ifupdown-ng")
	const p = "ifupdown-ng"
	source := ofManager{stanzas("auto lo\niface lo\n\tuse loopback\n\nsource-directory /etc/network/interfaces.d\n"), ifUp, ifDown}
	bond := func(name, more string) string {
		return "iface " + name + "\n\tuse bond\n\tbond-members " + portOf(name) + "\n\tbond-mode active-backup\n" + more
	}
	bridge := func(name, more string) string {
		return "iface " + name + "\n\tuse bridge\n\tbridge-ports " + portOf(name) + "\n\tbridge-fd 2\n\tbridge-maxwait 0\n" + more
	}
	holdsStatements(t, source, []managed{
		{"a bond", "ifb0", "bond", bond("ifb0", ""), p, "none", "", false},
		{"a bond, hwaddress", "ifb1", "bond", bond("ifb1", "\thwaddress 02:00:00:00:00:71\n"), p, "explicit", "02:00:00:00:00:71", false},
		{"a bond, post-up", "ifb4", "bond", bond("ifb4", "\thwaddress 02:00:00:00:00:73\n\tpost-up ip link set dev $IFACE address 02:00:00:00:00:74\n"), p, "explicit", "02:00:00:00:00:74", false},
		{"a bridge", "ifr0", "bridge", bridge("ifr0", ""), p, "none", "", false},
		{"a bridge, hwaddress", "ifr1", "bridge", bridge("ifr1", "\thwaddress 02:00:00:00:00:81\n"), p, "explicit", "02:00:00:00:00:81", false},
	})
}
