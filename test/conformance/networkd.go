package conformance

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
	"linkaudit/policy/address"
	"linkaudit/test/tool"
)

// What systemd-networkd does: generated .netdev and .network files are laid out, the
// systemd-networkd of each release creates devices from them beside its udevd, and the
// resulting devices are compared with the declarations of package netconf.

const networkdProgram = "/usr/lib/systemd/systemd-networkd"

// A marker is a device that is created to see how far systemd-networkd is: when it has
// the address that its .network file sets, systemd-networkd has handled everything
// before. The file sorts before all generated ones, because they would match it too.
const (
	marker        = "marker-0"
	markerAddress = "02:00:5e:ff:ff:ff"
	markerFile    = "/etc/systemd/network/+marker.network"
	markerContent = "[Match]\nName=" + marker + "\n[Link]\nMACAddress=" + markerAddress + "\n[Network]\nLinkLocalAddressing=no\n"
)

// runNetworkd lays out the tree, lets systemd-networkd work on it, and returns the
// resulting devices, which it deletes.
func runNetworkd(req request) (devices []Device, err error) {
	if err := empty(SearchPath); err != nil {
		return nil, err
	}
	// networkd refuses a directory of another owner.
	if err := os.RemoveAll("/run/systemd/netif"); err != nil {
		return nil, err
	}
	if err := syscall.Sethostname([]byte(req.Host)); err != nil {
		return nil, err
	}
	tree := append(slices.Clone(req.Tree), Node{Path: markerFile, Kind: NodeFile, Content: []byte(markerContent)})
	if err := tree.Write("/"); err != nil {
		return nil, err
	}
	cmd := exec.Command(networkdProgram)
	cmd.Env = append([]string{"SYSTEMD_LOG_LEVEL=info", "SYSTEMD_LOG_TARGET=console", "PATH=/usr/sbin:/usr/bin"}, req.Env...)
	log, err := os.CreateTemp("/run", "networkd-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	defer os.Remove(log.Name())
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	devices, err = watchNetworkd(cmd.Process.Pid)
	if ended := tool.End(cmd, syscall.SIGKILL); ended != nil {
		err = errors.Join(err, ended)
	}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
		err = errors.Join(err, fmt.Errorf("systemd-networkd ended: %v", cmd.ProcessState))
	}
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	if err := os.Remove(markerFile); err != nil {
		return nil, err
	}
	if err := deleteDevices(devices); err != nil {
		return nil, err
	}
	return devices, settle()
}

// watchNetworkd returns the devices that exist when systemd-networkd is done.
func watchNetworkd(pid int) (devices []Device, err error) {
	// It writes its state when it reaches its event loop.
	if !tool.Until(time.Minute, func() bool { _, err := os.Stat("/run/systemd/netif/state"); return err == nil || gone(pid) }) {
		return nil, errors.New("systemd-networkd does not come up")
	}
	// systemd-networkd handles events in order: notifications of the kernel, those of
	// udevd, and its own requests that follow. When the first marker has its address,
	// all devices exist that it creates. When udevd has handled those and then the
	// second marker has its address, they have theirs.
	for range 2 {
		if err := settle(); err != nil {
			return nil, err
		}
		if err := passMarker(pid); err != nil {
			return nil, err
		}
	}
	all, err := readDevices()
	return slices.DeleteFunc(all, func(d Device) bool { return d.Loopback }), err
}

// passMarker creates the marker, waits until systemd-networkd has set its address, and
// deletes it.
func passMarker(pid int) error {
	if failed := ip([][]string{{"link", "add", marker, "type", "bridge"}}); len(failed) > 0 {
		return fmt.Errorf("create the marker: %s", failed[0])
	}
	address := ""
	if !tool.Until(time.Minute, func() bool {
		text, _ := os.ReadFile("/sys/class/net/" + marker + "/address")
		address = strings.TrimSpace(string(text))
		return address == markerAddress || gone(pid)
	}) {
		return fmt.Errorf("systemd-networkd does not set the address of the marker, which is %s", address)
	}
	if failed := ip([][]string{{"link", "del", marker}}); len(failed) > 0 {
		return fmt.Errorf("delete the marker: %s", failed[0])
	}
	return nil
}

// gone reports whether a child has ended and is not yet waited for.
func gone(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.HasPrefix(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " Z ")
}

// Networkd compares Options.Trees trees for each release.
func Networkd(o Options) error {
	return o.eachSuite("%d disagreements with systemd-networkd", networkdSuite)
}

func networkdSuite(o Options, suite string) (failures int, err error) {
	counts := map[string]int{}
	release := 0
	err = o.underUdevd(suite, func(agent *Oracle, piece int) error {
		release = agent.Release
		index := uint64(piece)
		g := &generator{Rand: rand.New(rand.NewPCG(o.Seed, index))}
		c := &Case{About: fmt.Sprintf("seed %d, index %d", o.Seed, index), Machine: networkdMachine(), Tree: g.networkdTree()}
		if err := c.Machine.ofThisMachine(); err != nil {
			return err
		}
		got, err := agent.askNetworkd(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.About, err)
		}
		problem := compareNetworkd(agent, c, got, counts)
		if problem == "" {
			return nil
		}
		failures++
		fmt.Fprintf(o.Log, "--- systemd-networkd %d, %s: %s\n%s", agent.Release, c.About, problem, c.Format())
		if failures >= o.MaxFailures {
			return tool.ErrEnough
		}
		return nil
	}).Work(o.Trees)
	if err != nil {
		return failures, err
	}
	fmt.Fprintf(o.Log, "systemd-networkd %d (%s), seed %d: %d trees:", release, suite, o.Seed, o.Trees)
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(o.Log, " %s %d", what, counts[what])
	}
	fmt.Fprintf(o.Log, "; %d differ\n", failures)
	return failures, nil
}

// networkdMachine is the agent's machine as [Match] sees it.
func networkdMachine() Machine {
	m := outcomeMachine()
	m.CommandLine = "root=/dev/vda ro quiet"
	return m
}

func (o *Oracle) askNetworkd(c *Case) ([]Device, error) {
	rep, err := o.ask(request{Tree: c.Tree, Env: c.Machine.Env(), Host: c.Machine.Hostname, Networkd: true})
	return rep.Devices, err
}

// compareNetworkd compares the devices with the declarations; the tree is still laid
// out. It counts what it compared.
func compareNetworkd(agent *Oracle, c *Case, got []Device, counts map[string]int) string {
	files, err := netconf.ReadNetworkd(agent.Root())
	if err != nil {
		return err.Error()
	}
	snap := &host.Snapshot{System: *c.Machine.System()}
	release := linkfiles.Release(agent.Release)
	want := map[string]*expectedDevice{}
	for _, d := range audit.NetworkdDeclares(files, fact.Known(true), snap, release) {
		e := want[d.Device]
		if e == nil {
			e = &expectedDevice{}
			want[d.Device] = e
		}
		if d.Creates {
			e.kind = d.Kind
			e.creates = d.Address
		} else {
			e.sets = &d.Address
		}
	}
	var problems []string
	for _, d := range got {
		if e := want[d.Name]; e == nil || e.kind == "" {
			problems = append(problems, fmt.Sprintf("%s of kind %s was created, but is not declared", d.Name, d.Kind))
		}
	}
	id, err := linkfiles.ParseMachineID(c.Machine.MachineID)
	if err != nil {
		return err.Error()
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		e := want[name]
		if e.kind == "" {
			continue // the address of a device that is not created
		}
		i := slices.IndexFunc(got, func(d Device) bool { return d.Name == name })
		declared := e.creates
		if e.sets != nil {
			declared = *e.sets
		}
		switch {
		case declared.Way == netconf.WayUnknown:
			counts["unknown"]++
			continue
		case i < 0:
			problems = append(problems, fmt.Sprintf("%s of kind %s is declared, but was not created", name, e.kind))
			continue
		}
		counts[string(declared.Way)]++
		mac, typ := "", int(host.AddrSet)
		switch declared.Way {
		case netconf.WayNone:
			typ = int(host.AddrRandom)
		case netconf.WayExplicit:
			mac = declared.MAC.String()
		case netconf.WayNetworkd:
			mac = address.Networkd(id, name).String()
		}
		if d := got[i]; d.Kind != e.kind || d.AddrAssignType != typ || mac != "" && d.MAC != mac {
			problems = append(problems, fmt.Sprintf("%s is of kind %s with %s (type %d), declared as %s with %s %s (type %d) by %s",
				name, d.Kind, d.MAC, d.AddrAssignType, e.kind, declared.Way, mac, typ, declared.Pos))
		}
	}
	return strings.Join(problems, "; ")
}

type expectedDevice struct {
	kind    string
	creates netconf.Address
	sets    *netconf.Address
}

// networkdTree is a tree of .netdev and .network files, with kinds of devices that
// every kernel of the test has.
func (g *generator) networkdTree() Tree {
	names := []string{"10-a", "10-A", "2", "50-x", "é", "sp ace", "Z", "z", "99-last", "-dash"}
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for i, name := range names[:3+g.IntN(5)] {
		g.networkdFile(name, ".netdev", func(dropIn bool) []byte { return g.netDevFile(i, dropIn) })
	}
	for _, name := range names[:g.IntN(4)] {
		g.networkdFile(name, ".network", func(dropIn bool) []byte { return g.networkFile(dropIn) })
	}
	return g.tree
}

// networkdFile adds a file under one name, in one or more directories and with
// drop-ins.
func (g *generator) networkdFile(name, suffix string, content func(dropIn bool) []byte) {
	for _, d := range g.Perm(len(SearchPath))[:one(g, 1, 1, 1, 2)] {
		p := SearchPath[d] + "/" + name + suffix
		switch k := g.IntN(40); {
		case k < 33:
			g.add(Node{Path: p, Kind: NodeFile, Content: content(false)})
		case k < 34:
			g.add(Node{Path: p, Kind: NodeFile}) // empty: a mask
		case k < 36:
			g.add(Node{Path: p, Kind: NodeSymlink, Target: "/dev/null"})
		case k < 37:
			g.add(Node{Path: p, Kind: NodeSymlink, Target: one(g, "/nowhere", name+suffix)})
		case k < 38:
			g.add(Node{Path: p, Kind: NodeDir})
		default:
			target := fmt.Sprintf("/run/elsewhere-%x", g.Uint32())
			g.add(Node{Path: target, Kind: NodeFile, Content: content(false)})
			g.add(Node{Path: p, Kind: NodeSymlink, Target: target})
		}
	}
	if !g.chance(2) {
		return
	}
	for range 1 + g.IntN(2) {
		dir := SearchPath[g.IntN(len(SearchPath))] + "/" + name + suffix + ".d/"
		n := Node{Path: dir + one(g, "10-x.conf", "90-y.conf", "é.conf", "ignored"), Kind: NodeFile, Content: content(true)}
		if g.chance(12) {
			n = Node{Path: n.Path, Kind: NodeSymlink, Target: "/dev/null"}
		}
		g.add(n)
	}
}

func (g *generator) networkdMAC() string {
	return one(g, "02:00:5e:00:00:01", "02-00-5E-00-00-02", "0200.5e00.0003", "2:0:5e:0:0:4", "03:00:5e:00:00:05",
		"none", "none", "none", "None", "", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "bogus", "1.2.3.4", "02:00:5e:00:00:06:07", " 02:00:5e:00:00:08 ")
}

// networkdConditions are lines of [Match] about the machine.
func (g *generator) networkdConditions(b *strings.Builder) {
	for range one(g, 0, 0, 1, 1, 2) {
		fmt.Fprintln(b, one(g, "Host=host-a", "Host=host-a", "Host=HOST-*", "Host=!host-a", "Host=host-b", "Host=", "Virtualization=container", "Virtualization=yes", "Virtualization=lxc",
			"Virtualization=!lxc", "Virtualization=kvm", "KernelCommandLine=quiet", "KernelCommandLine=!quiet", "KernelCommandLine=root", "Architecture=!native", "Architecture=native",
			"KernelVersion=>=1", "KernelVersion=<1", "Credential=nothing", "Credential=!nothing", "Firmware=uefi", "Firmware=!uefi", "Bogus=1", "X-Bogus=1", "MachineTag=web", "Version=>=1", "OriginalName=x"))
	}
}

// netDevFile is the text of the file with the number. Its devices mostly have different
// names.
func (g *generator) netDevFile(number int, dropIn bool) []byte {
	var b strings.Builder
	name := fmt.Sprintf("n%d", number)
	if g.chance(4) {
		name = "n0"
	}
	if g.chance(3) {
		b.WriteString("[Match]\n")
		g.networkdConditions(&b)
	}
	b.WriteString(one(g, "[NetDev]\n", "[NetDev]\n", "[NetDev]\n", "[NetDev]\n", "[NetDev]\n", "# comment\n[NetDev]\n; another\n", "[netdev]\n"))
	var lines []string
	if !dropIn || g.chance(6) {
		lines = append(lines, "Name="+one(g, name, name, name, name, name, name, name, name, name, name, "all", "averylongname123", "a b", "", "x/y"))
	}
	if !dropIn || g.chance(6) {
		lines = append(lines, "Kind="+one(g, "bridge", "bridge", "bridge", "veth", "veth", "ifb", "ifb", "team", "Bridge", ""))
	}
	if g.chance(2) {
		lines = append(lines, "MACAddress="+g.networkdMAC())
	}
	if g.chance(6) {
		lines = append(lines, "MACAddress="+g.networkdMAC())
	}
	if g.chance(6) {
		lines = append(lines, one(g, "Description=x", "Bogus=1", "no equals", "=x", "Kind=veth", "Kind=bridge", "Name=n1", "MTUBytes=1400", "MACAddress = 02:00:5e:00:\\\n00:09"))
	}
	g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	b.WriteString(strings.Join(lines, "\n") + "\n")
	if !dropIn && !g.chance(8) || g.chance(8) {
		fmt.Fprintf(&b, "[Peer]\nName=%s\n", one(g, fmt.Sprintf("p%d", number), fmt.Sprintf("p%d", number), fmt.Sprintf("p%d", number), "", name))
		if g.chance(3) {
			fmt.Fprintf(&b, "MACAddress=%s\n", g.networkdMAC())
		}
	}
	if g.chance(6) {
		b.WriteString(one(g, "[Bridge]\nSTP=no\n", "[Bond]\nMode=active-backup\n", "[Unknown]\nName=q\n", "[NetDev\n", "[NetDev]\nMACAddress=none\n", "\xff\n", "[X-Foo]\nKind=veth\n", "[Bridge]\nnonsense\n"))
	}
	return []byte(b.String())
}

func (g *generator) networkFile(dropIn bool) []byte {
	var b strings.Builder
	if !dropIn || g.chance(4) {
		b.WriteString("[Match]\n")
		if !g.chance(6) {
			fmt.Fprintln(&b, one(g, "Name=n0", "Name=n1 n2", "Name=n*", "Name=!n0", "Name=p*", "Kind=bridge", "Type=bridge", "Type=ether", "Driver=bridge", "Kind=veth ifb", "Name=*", "MACAddress=02:00:5e:00:00:01"))
		}
		if g.chance(4) {
			g.networkdConditions(&b)
		}
	}
	b.WriteString("[Link]\n")
	if !g.chance(3) {
		fmt.Fprintf(&b, "MACAddress=%s\n", g.networkdMAC())
	}
	if g.chance(5) {
		fmt.Fprintf(&b, "Unmanaged=%s\n", one(g, "yes", "no", "bogus", ""))
	}
	b.WriteString("[Network]\nLinkLocalAddressing=no\n")
	return []byte(b.String())
}
