package conformance

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/address"
	"linkaudit/test/tool"
)

// The outcome itself: devices are created under a running systemd-udevd of each
// release, and their addresses are compared with address.AddEvent. udevd is stopped
// while the devices are created, so each can be read as the kernel made it, before
// udevd handles it.

// outcomeVariable makes an agent start udevd instead of creating the fixed devices.
const outcomeVariable = "LINKAUDIT_CONFORMANCE_UDEVD"

// An Outcome is what udevd did to one device.
type Outcome struct {
	Release       int
	Scheme        string // the naming scheme that udevd uses
	Machine       Machine
	Tree          Tree
	Before, After Device // After has the udev database's properties in DB
	// Others are the present addresses of the batch's other devices.
	Others map[string]bool
}

// Counted, but no proof: address.AddEvent could not predict, or the kernel refused the
// address because a neighbour of a macvlan has it.
const (
	unpredicted = "unknown"
	refused     = "refused"
)

type created struct{ Before, After Device }

// startUdevd starts the root's udevd with its own rules.
func startUdevd() error {
	// The database and the control socket are there; from now on its trees are emptied
	// one by one.
	for _, dir := range []string{"/run/udev", "/etc/systemd/network"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := outcomeMachine().Nodes().Write("/"); err != nil {
		return err
	}
	cmd := exec.Command("/usr/lib/systemd/systemd-udevd", "--daemon")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("start systemd-udevd: %w: %s", err, out)
	}
	// 262 goes into the background before it listens. If it answers, it receives
	// events.
	var err error
	if !tool.Until(time.Minute, func() bool { err = udevadm("control", "--ping"); return err == nil }) {
		return fmt.Errorf("systemd-udevd does not come up: %w", err)
	}
	return nil
}

// udevds are the processes of systemd-udevd in this network namespace; there is only
// ours.
func udevds() (pids []int) {
	for _, pid := range tool.NetworkOf(os.Getpid()) {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if s := string(name); s == "systemd-udevd\n" || s == "(udev-worker)\n" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// signalUdevds sends the signal to every process of systemd-udevd until so is true for
// all of them.
func signalUdevds(signal syscall.Signal, so func(pid int) bool) error {
	var err error
	done := tool.Until(time.Minute, func() bool {
		all := true
		for _, pid := range udevds() {
			if so(pid) {
				continue
			}
			all = false
			if failed := syscall.Kill(pid, signal); failed != nil && !errors.Is(failed, syscall.ESRCH) {
				err = failed
			}
		}
		return all || err != nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("send %v to systemd-udevd: %w", signal, err)
	case !done:
		return fmt.Errorf("systemd-udevd does not take notice of %v", signal)
	}
	return nil
}

// endUdevd ends systemd-udevd and waits until it is gone: while it exits, it would
// still answer on the socket, and then remove the socket of the next one. It uses a
// signal, because "control --exit" may be lost and still succeed.
func endUdevd() error { return signalUdevds(syscall.SIGTERM, func(int) bool { return false }) }

// holdUdevd stops systemd-udevd until continueUdevd. Events from the kernel wait in its
// socket meanwhile. "control --stop-exec-queue" may be lost too.
func holdUdevd() error {
	if len(udevds()) == 0 {
		return errors.New("no systemd-udevd to hold")
	}
	return signalUdevds(syscall.SIGSTOP, stopped)
}

func continueUdevd() error {
	return signalUdevds(syscall.SIGCONT, func(pid int) bool { return !stopped(pid) })
}

// stopped reports whether a signal has stopped the process (proc(5), stat).
func stopped(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.HasPrefix(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " T ")
}

func outcomeMachine() Machine {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return Machine{Hostname: "host-a", MachineID: "0123456789abcdef0123456789abcdef", Container: "lxc", Kernel: strings.TrimSpace(string(kernel))}
}

// createUnderUdevd lays out the tree, creates the devices, lets udevd handle them and
// deletes them.
func createUnderUdevd(req request) ([]created, error) {
	if err := empty(SearchPath); err != nil {
		return nil, err
	}
	if err := req.Tree.Write("/"); err != nil {
		return nil, err
	}
	// After a reload alone a worker sometimes still has the files of the last batch.
	if err := endUdevd(); err != nil {
		return nil, err
	}
	if err := startUdevd(); err != nil {
		return nil, err
	}
	if err := holdUdevd(); err != nil {
		return nil, err
	}
	if failed := ip(req.Create); len(failed) > 0 {
		return nil, fmt.Errorf("create the devices: %s", strings.Join(failed, "; "))
	}
	before, err := readDevices()
	if err != nil {
		return nil, err
	}
	if err := continueUdevd(); err != nil {
		return nil, err
	}
	if err := settle(); err != nil {
		return nil, err
	}
	records := map[int]map[string]string{}
	for _, b := range before {
		if b.Loopback {
			continue
		}
		if slices.Contains(req.Unrecorded, b.Name) {
			continue
		}
		if records[b.Index], err = readDatabase(b.Index); err != nil {
			return nil, err
		}
	}
	after, err := readDevices()
	if err != nil {
		return nil, err
	}
	var all []created
	for _, b := range before {
		i := slices.IndexFunc(after, func(a Device) bool { return a.Index == b.Index })
		if i < 0 {
			return nil, fmt.Errorf("%s has gone", b.Name)
		}
		if b.Loopback {
			continue
		}
		after[i].DB = records[b.Index]
		all = append(all, created{b, after[i]})
	}
	if err := deleteDevices(after); err != nil {
		return nil, err
	}
	return all, settle()
}

// settle waits until udevd has handled all events.
func settle() error {
	return udevadm("settle", fmt.Sprintf("--timeout=%.0f", tool.Patience(time.Minute).Seconds()))
}

func udevadm(args ...string) error {
	if out, err := exec.Command("/usr/bin/udevadm", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("udevadm %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// readDatabase returns the E: lines of the device's file in the udev database. "settle"
// may return before the last event has left the kernel's socket.
func readDatabase(index int) (map[string]string, error) {
	name := "/run/udev/data/n" + strconv.Itoa(index)
	var text []byte
	var err error
	tool.Until(time.Minute, func() bool { text, err = os.ReadFile(name); return !os.IsNotExist(err) })
	if err != nil {
		return nil, fmt.Errorf("udevd left no record: %w", err)
	}
	db := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if e, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "E:"); ok {
			k, v, _ := strings.Cut(e, "=")
			db[k] = v
		}
	}
	return db, nil
}

// Outcomes creates Options.Devices devices under the udevd of each release and compares
// the results.
func Outcomes(o Options) error {
	return o.eachSuite("%d outcomes differ from the prediction", outcomeSuite)
}

// underUdevd is the one worker, with an agent that has a running udevd; udevd mostly
// waits.
func (o Options) underUdevd(suite string, do func(agent *Oracle, piece int) error) tool.Workers[*Oracle] {
	return tool.Workers[*Oracle]{
		Count: 1,
		Open:  func() (*Oracle, error) { return startAgent(o.root(suite), []string{outcomeVariable + "=1"}) },
		Close: (*Oracle).Close,
		Do:    do,
	}
}

func outcomeSuite(o Options, suite string) (failures int, err error) {
	results := map[string]int{}
	devices, release, scheme := 0, 0, ""
	err = o.underUdevd(suite, func(agent *Oracle, batch int) error {
		release = agent.Release
		g := &generator{Rand: rand.New(rand.NewPCG(o.Seed, uint64(batch)))}
		tree := g.policyTree()
		req := request{Tree: tree, Create: g.devicesToCreate(nameSigns...)}
		for _, args := range req.Create {
			for _, name := range args {
				if agent.Release >= 260 && !linkfiles.CleanText(name) {
					req.Unrecorded = append(req.Unrecorded, name)
				}
			}
		}
		rep, err := agent.ask(req)
		if err != nil {
			return fmt.Errorf("batch %d: %w", batch, err)
		}
		// Not every device has the scheme in its record, but all have the same.
		for _, c := range rep.Outcomes {
			scheme = cmp.Or(scheme, c.After.DB["ID_NET_NAMING_SCHEME"])
		}
		for i, c := range rep.Outcomes {
			// The rules call the net_driver builtin before net_setup_link.
			c.Before.DB = map[string]string{"ID_NET_DRIVER": c.Before.Driver}
			others := map[string]bool{}
			for j, other := range rep.Outcomes {
				others[other.After.MAC] = others[other.After.MAC] || i != j
			}
			out := Outcome{agent.Release, scheme, outcomeMachine(), tree, c.Before, c.After, others}
			what, problem := out.check(agent.Root())
			results[what]++
			if what != unpredicted && what != refused {
				devices++
			}
			if problem != "" {
				failures++
				fmt.Fprintf(o.Log, "--- outcome: udev %d, seed %d, batch %d, device %s: %s\n%s",
					agent.Release, o.Seed, batch, c.Before.Name, problem,
					(&Case{Machine: out.Machine, Devices: []Device{c.Before, c.After}, Tree: tree}).Format())
			}
		}
		if devices >= o.Devices {
			return tool.ErrEnough
		}
		return nil
	}).Work(math.MaxInt)
	if err != nil {
		return failures, err
	}
	fmt.Fprintf(o.Log, "udev %d (%s), seed %d: %d devices under a running udevd, predicted and compared:", release, suite, o.Seed, devices)
	for _, what := range slices.Sorted(maps.Keys(results)) {
		fmt.Fprintf(o.Log, " %s %d", what, results[what])
	}
	fmt.Fprintf(o.Log, "; %d differ\n", failures)
	return failures, nil
}

// check compares one outcome with the prediction. It returns the predicted verb and, if
// the outcome is another, what differs. The tree is still laid out below root.
func (o Outcome) check(root string) (what, problem string) {
	release := linkfiles.Release(o.Release)
	store, err := linkfiles.Read(root)
	if err != nil {
		return "failed", err.Error()
	}
	tree := linkfiles.Parse(store, release)
	names := map[string]string{}
	for k, v := range o.After.DB {
		if strings.HasPrefix(k, "ID_NET_NAME_") {
			names[k] = v
		}
	}
	id, err := linkfiles.ParseMachineID(o.Machine.MachineID)
	if err != nil {
		return "failed", err.Error()
	}
	// handle is what happens to the device at an event.
	handle := func(dev *linkfiles.Device, now Device) (path string, does address.Action, ok bool) {
		decision := tree.Decide(o.Machine.System(), dev)
		file, _ := decision.File.Get()
		var macPolicy, mac string
		if file != nil {
			set, _ := file.MACAddressPolicy()
			static, _ := file.MACAddress()
			path, macPolicy, mac = file.Path, set.Value, static.Value
		}
		facts := address.Facts{
			Name: now.Name, ARPHRD: now.ARPHRD, MAC: linkfiles.MAC(now.MAC), Loopback: now.Loopback,
			Names: fact.Known(names), Scheme: fact.Known(o.Scheme), MachineID: fact.Known(id),
		}
		action := address.AddEvent{
			Release: release, Policy: macPolicy, MACAddress: linkfiles.MAC(mac),
			Assign: fact.Known(host.AddrAssignType(now.AddrAssignType)), Device: facts, Persistent: address.Persistent(release, facts),
		}.Action()
		does, ok = audit.WhenSent(action, release, file, now.Kind, fact.Known(o.Machine.Kernel)).Get()
		return path, does, ok
	}
	dev := o.Before.Facts()
	// The builtin net_driver, or the one that looks for the file, has not run yet.
	dev.DriverUnrecorded = true
	path, action, ok := handle(dev, o.Before)
	if o.Before.AddrAssignType == int(host.AddrRandom) && !o.Before.Enumerated() && (o.Before.Kind == "bridge" || o.Before.Kind == "veth" || o.Before.Kind == "vxlan") {
		if early, _, _ := handle(policy.NewDevice(o.Before.Name, o.Before.Kind), o.Before); early != path {
			return "failed", fmt.Sprintf("%q applies to it, and before it exists %q", path, early)
		}
	}
	want := o.Before.Name
	if path != "" {
		want = policy.UdevName(release, fact.Known(o.Scheme), want)
	}
	if o.After.Name != want {
		return "failed", fmt.Sprintf("udevd called it %q, predicted %q", o.After.Name, want)
	}
	if o.After.Name != o.Before.Name {
		// udevd has renamed it, and applied the file for the new name.
		if !ok || action.Do == address.SetRandom {
			return unpredicted, ""
		}
		between := o.Before
		between.Name, between.UEvent = o.After.Name, o.After.UEvent
		if action.Do == address.Set {
			between.MAC, between.AddrAssignType = action.MAC.String(), int(host.AddrSet)
		}
		again := between.Facts()
		var then address.Action
		if path, then, ok = handle(again, between); then.Do != address.Leave {
			action = then
		}
	}
	if got := o.After.DB["ID_NET_LINK_FILE"]; got != path {
		return "failed", fmt.Sprintf("udevd applied %q, predicted %q", got, path)
	}
	if !ok {
		return unpredicted, ""
	}
	got := fmt.Sprintf("%s (type %d)", o.After.MAC, o.After.AddrAssignType)
	const set = int(host.AddrSet)
	switch action.Do {
	case address.Set:
		// macvlan_addr_busy() of the kernel's driver refuses udevd's address.
		if o.Before.Kind == "macvlan" && o.Others[action.MAC.String()] && o.After.MAC == o.Before.MAC {
			return refused, ""
		}
		if want := fmt.Sprintf("%s (type %d)", action.MAC, set); got != want {
			return "set", fmt.Sprintf("udevd made it %s, predicted %s", got, want)
		}
	case address.SetRandom:
		if o.After.MAC == o.Before.MAC || o.After.AddrAssignType != set {
			return "set-random", fmt.Sprintf("udevd made it %s, predicted a random one", got)
		}
	case address.Leave:
		if want := fmt.Sprintf("%s (type %d)", o.Before.MAC, o.Before.AddrAssignType); got != want {
			return "leave", fmt.Sprintf("udevd made it %s, predicted %s", got, want)
		}
	}
	return string(action.Do), ""
}

// policyTree is a tree of a few files with policies, which rename nothing.
func (g *generator) policyTree() Tree {
	for i := range 1 + g.IntN(4) {
		var b strings.Builder
		fmt.Fprintf(&b, "[Match]\n%s\n[Link]\n", one(g, "OriginalName=*", "OriginalName=a*", "Driver=bridge", "Type=ether",
			"Driver=veth vxlan", "Type=bridge", "OriginalName=!*1", "Driver=tun macvlan", "OriginalName=*2 *3 *4",
			"PermanentMACAddress=00:00:00:00:00:00", "OriginalName=*!* *_*", "Property=SYSTEMD_ALIAS=*", "Property=ID_NET_NAME=* ID_NET_LINK_FILE=*"))
		if !g.chance(6) {
			fmt.Fprintf(&b, "MACAddressPolicy=%s\n", one(g, "persistent", "persistent", "random", "none", "bogus"))
		}
		if g.chance(4) {
			fmt.Fprintf(&b, "MACAddress=%s\n", one(g, "02:00:5e:00:00:01", "02-00-5E-00-00-02", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "0200.5e00.0003", "bogus"))
		}
		if g.chance(4) {
			b.WriteString(one(g, "Alias="+strings.Repeat("a", 255), "Alias="+strings.Repeat("a", 254), "GenericSegmentOffloadMaxBytes=185000",
				"GenericSegmentOffloadMaxBytes=1", "GenericSegmentOffloadMaxBytes=64K", "GenericSegmentOffloadMaxBytes=524281",
				"GenericSegmentOffloadMaxSegments=65535", "GenericSegmentOffloadMaxSegments=65536", "MTUBytes=60", "MTUBytes=100000",
				"TransmitQueues=4096", "ReceiveQueues=1", "TransmitQueueLength=4294967294") + "\n")
		}
		name := fmt.Sprintf("%d0-p.link", i+1)
		g.add(Node{Path: SearchPath[g.IntN(len(SearchPath))] + "/" + name, Kind: NodeFile, Content: []byte(b.String())})
		if g.chance(3) {
			g.add(Node{Path: SearchPath[g.IntN(len(SearchPath))] + "/" + name + ".d/a.conf", Kind: NodeFile,
				Content: []byte("[Link]\nMACAddressPolicy=" + one(g, "persistent", "none", "random", "") + "\n")})
		}
	}
	return g.tree
}

// nameSigns are characters in names that udevd decodes, replaces or refuses.
var nameSigns = []string{"-", "-", "-", "-", "-", "-", "!", "!", "[", "é", "\x01", "\x7f", "\xff", "\ufdd0", "\u0085"}

// devicesToCreate are some devices of kinds that every kernel of the test has. The
// names differ in each batch, and contain one of the signs.
func (g *generator) devicesToCreate(signs ...string) [][]string {
	name := func(i int) string {
		return fmt.Sprintf("%s%05x%s%d", one(g, "a", "b"), g.Uint32()>>12, one(g, signs...), i)
	}
	address := func() string {
		return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", g.IntN(256), g.IntN(256), g.IntN(256), g.IntN(256), g.IntN(256))
	}
	var all [][]string
	for i := range 25 {
		n := name(i)
		switch g.IntN(7) {
		case 0, 1:
			all = append(all, []string{"link", "add", n, "type", "bridge"})
		case 2:
			all = append(all, []string{"link", "add", n, "address", address(), "type", "bridge"})
		case 3:
			all = append(all, []string{"link", "add", n, "type", "veth", "peer", "name", name(i)})
		case 4:
			all = append(all, []string{"link", "add", n, "type", "vxlan", "id", strconv.Itoa(1 + i), "dstport", "4789"})
		case 5:
			all = append(all, []string{"tuntap", "add", n, "mode", one(g, "tap", "tun")})
		case 6:
			all = append(all, []string{"link", "add", n, "type", "bridge"},
				[]string{"link", "add", "link", n, "name", name(i), "type", "macvlan"})
		}
	}
	return all
}
