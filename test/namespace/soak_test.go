//go:build namespace && soak

package namespace

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/soak"
	"linkaudit/test/tool"
)

// lengths is how much of everything the soak suite does.
type lengths struct {
	checks, audits, fixes int
	// watch is the minimum duration of a watch, and names the minimum number of devices
	// that are created meanwhile.
	watch time.Duration
	names int
}

// soakLengths are the full ones, or CI's with SOAK=short.
func soakLengths(t *testing.T) lengths {
	t.Helper()
	switch v := os.Getenv("SOAK"); v {
	case "full":
		return lengths{checks: 10000, audits: 10000, fixes: 1000, watch: 10 * time.Minute, names: 100000}
	case "short":
		return lengths{checks: 60, audits: 150, fixes: 15, watch: 15 * time.Second, names: 4000}
	default:
		t.Fatalf("SOAK=%q, and not full or short", v)
	}
	panic("not reached")
}

// remains is what a program may leave in the stage: files (for those in /etc with all
// attributes), processes and sockets. udevd's own files do not count.
func (s *stage) remains() string {
	s.t.Helper()
	var b strings.Builder
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm", "/run"} {
		for l := range strings.Lines(contents(s.t, s.path(dir))) {
			if dir != "/run" || !strings.HasPrefix(l, "/udev") {
				b.WriteString(dir + l)
			}
		}
	}
	b.WriteString(listing(s.t, s.path("/etc")))
	for _, pid := range tool.NetworkOf(s.pid) {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil { // else it has ended
			fmt.Fprintf(&b, "process %d %q\n", pid, command)
		}
	}
	for _, protocol := range []string{"netlink", "unix", "udp", "tcp", "raw", "packet"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", s.pid, protocol))
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s sockets: %d\n", protocol, strings.Count(string(table), "\n")-1)
	}
	return b.String()
}

// clean gives the stage its own directories for temporary files.
func (s *stage) clean() {
	s.t.Helper()
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		s.must("mount", "-t", "tmpfs", "tmpfs", dir)
	}
}

// idle waits until udevd has no workers left: it ends them after 3 seconds without work
// (on_post() of udevd.c).
func (s *stage) idle() {
	s.t.Helper()
	tool.Eventually(s.t, "udevd ends its workers", func() bool {
		u, err := soak.Of(s.udevd.Process.Pid)
		if err != nil {
			s.t.Fatal(err)
		}
		return u.Children == 0
	})
}

// Each check is a process of its own: what it leaves stays on the machine.
func TestSoakChecks(t *testing.T) {
	n := soakLengths(t)
	s := bridged(t, "/")
	s.gentle = true
	s.clean()
	s.json()
	s.idle()
	before := s.remains()
	took := auditChurn(t, s, "udev-persistent", n.checks)
	s.idle()
	same(t, fmt.Sprintf("%d checks", n.checks), before, s.remains())
	t.Logf("%d checks in %v: no file, process or socket is left in the stage", n.checks, took.Round(time.Second))
	// The comparison must see something.
	s.write("/tmp/linkaudit-1", "")
	if s.remains() == before {
		t.Error("a file that is left would not be seen")
	}
}

// TestSoakOneProcess runs TestAuditsLeaveNothing of cmd/linkaudit while devices come
// and go: only a process that goes on shows what an audit does not free.
func TestSoakOneProcess(t *testing.T) {
	n := soakLengths(t)
	s := bridged(t, "/")
	s.gentle = true
	const inStage = "/mnt/audits.test"
	build := exec.Command("go", "test", "-c", "-o", s.path(inStage), "linkaudit/cmd/linkaudit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stop := s.churning()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), tool.Patience(time.Hour))
	defer cancel()
	cmd := s.command(ctx, inStage, "-test.run=^TestAuditsLeaveNothing$", "-test.v", "-test.timeout=0")
	cmd.Env = append(cmd.Env, "CI=true", fmt.Sprintf("LINKAUDIT_SOAK_AUDITS=%d", n.audits))
	r := finish(ctx, cmd, []string{"audits"})
	if r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("%d audits in one process", n.audits)) {
		t.Fatal(r.stdout + r.stderr)
	}
	t.Logf("%v\n%s", r.took.Round(time.Second), r.stdout)
}

// told is the part of a line of watch --format json that this test needs.
type told struct {
	Event, Device, Text string
	Index               int
	After               *struct{ MAC string }
}

// follower reads the output of a watch and keeps only what it can compare in the end:
// there is too much of it.
type follower struct {
	*watching
	// there are the devices by index, as reported so far.
	there          map[int]string
	lines, changes int
	sum            []byte // SHA-256 of all of it, once it has ended
	hash           interface {
		Write([]byte) (int, error)
		Sum([]byte) []byte
	}
	valid  map[string]int
	series map[string]soak.Series
}

func follow(w *watching) *follower {
	f := &follower{watching: w, there: map[int]string{}, hash: sha256.New(), valid: map[string]int{}, series: map[string]soak.Series{}}
	for _, l := range w.s.links() {
		f.there[l.Index] = l.Name
	}
	for _, l := range w.raw {
		f.take(l)
	}
	return f
}

func (f *follower) take(line string) told {
	f.s.t.Helper()
	var e told
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		f.s.t.Fatalf("%v: %s", err, line)
	}
	f.lines++
	f.hash.Write([]byte(line + "\n"))
	// Validate each kind of event against the schema often enough.
	if f.valid[e.Event]++; f.valid[e.Event] <= 20 {
		valid(f.s.t, result{args: []string{"watch"}, stdout: line}, compiledSchema("watch"), line)
	}
	switch e.Event {
	case "created", "changed":
		f.there[e.Index] = e.Device
		f.changes++
	case "deleted":
		delete(f.there, e.Index)
		f.changes++
	}
	return e
}

// next is false at the end.
func (f *follower) next() (told, bool) {
	f.s.t.Helper()
	select {
	case l, ok := <-f.watching.lines:
		if !ok {
			return told{}, false
		}
		return f.take(l), true
	case <-time.After(patience()):
		f.s.t.Fatalf("no output after %d lines\n%s", f.lines, head(f.stderr.String()))
	}
	panic("not reached")
}

// until reads on until the device has the address.
func (f *follower) until(device, mac string) {
	f.s.t.Helper()
	for {
		e, ok := f.next()
		if !ok {
			f.s.t.Fatalf("it ended after %d lines: %s", f.lines, head(f.stderr.String()))
		}
		if e.Event == "changed" && e.Device == device && e.After.MAC == mac {
			return
		}
	}
}

// sample waits until the program holds the same for a while and no child runs, and
// stores what it holds.
func (f *follower) sample() {
	f.s.t.Helper()
	var last soak.Usage
	same := 0
	// Nothing tells when the things that a process holds change.
	// sleep: wait until they stay the same for a fifth of a second.
	for begun := time.Now(); same < 10; time.Sleep(20 * time.Millisecond) {
		u, err := soak.Of(f.cmd.Process.Pid)
		if err != nil {
			f.s.t.Fatal(err)
		}
		resident := u.Resident
		if u.Resident = last.Resident; u == last && u.Children == 0 {
			same++
		} else {
			same = 0
		}
		u.Resident = resident
		last = u
		if time.Since(begun) > patience() {
			f.s.t.Fatalf("it never comes to rest: %+v", u)
		}
	}
	for what, n := range map[string]int{
		"resident kB": last.Resident, "descriptors": last.Descriptors, "sockets": last.Sockets, "inotify watches": last.Watches,
		"threads": last.Threads, "child processes": last.Children,
	} {
		f.series[what] = append(f.series[what], n)
	}
}

// judge ends it and judges what it held. most is the memory it may take, in kB.
func (f *follower) judge(name string, most int) {
	f.s.t.Helper()
	t := f.s.t
	peak, processor := tool.Cost(t, f.cmd.Process.Pid)
	if err := f.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var last told
	for {
		e, ok := f.next()
		if !ok {
			break
		}
		last = e
	}
	if err := f.ends(); err != nil || last.Event != "stopped" {
		t.Errorf("%s: it ends with %v and %+v: %s", name, err, last, head(f.stderr.String()))
	}
	f.sum = f.hash.Sum(nil)
	t.Logf("%s: %d lines; %s; %v of processor time, resident at most %d kB", name, f.lines, last.Text, processor.Round(time.Second), peak)
	if peak > most {
		t.Errorf("%s: it took %d kB, %d are allowed", name, peak, most)
	}
	f.series["live heap MB"] = f.heap()
	for _, what := range slices.Sorted(maps.Keys(f.series)) {
		s := f.series[what]
		t.Logf("%s: %s: %v of %d samples", name, what, s, len(s))
		var err error
		switch what {
		case "resident kB":
			// Go returns memory when it wants to.
			err = s.Level(4<<10, most)
		case "live heap MB":
			err = s.Level(1, most>>10)
		case "threads":
			// Go creates one when all others wait for the kernel, and keeps it.
			err = s.Level(2, 64)
		default:
			err = s.Constant()
		}
		if err != nil {
			t.Errorf("%s: %s: %v", name, what, err)
		}
	}
}

// turnover is one round of devices that are created, changed in each way that is
// watched, and deleted. No name is used twice.
func turnover(round int) (batch string, names int) {
	var b strings.Builder
	const pairs, bridges = 20, 3
	for i := range bridges {
		fmt.Fprintf(&b, "link add x%d-%d type bridge\n", round, i)
	}
	for i := range pairs {
		n := fmt.Sprintf("%d-%d", round, i)
		master := "br0"
		if i%2 == 1 {
			master = fmt.Sprintf("x%d-%d", round, i%bridges)
		}
		fmt.Fprintf(&b, "link add n%s type veth peer name m%s\nlink set n%s address 02:00:%02x:%02x:%02x:%02x\n", n, n, n, round>>16&0xff, round>>8&0xff, round&0xff, i)
		fmt.Fprintf(&b, "link set n%s master %s\nlink set m%s name r%s\n", n, master, n, n)
		if i%3 == 0 { // the others go while they are ports
			fmt.Fprintf(&b, "link set n%s nomaster\n", n)
		}
		fmt.Fprintf(&b, "link del n%s\n", n)
	}
	for i := range bridges {
		fmt.Fprintf(&b, "link del x%d-%d\n", round, i)
	}
	return b.String(), 3*pairs + bridges
}

// burst creates and deletes many devices as fast as the kernel can.
func burst(round int) (batch string, names int) {
	var b strings.Builder
	const pairs = 1000
	for i := range pairs {
		fmt.Fprintf(&b, "link add p%d-%d group 7 type veth peer name q%d-%d\nlink set p%d-%d address 02:01:%02x:%02x:%02x:%02x\n",
			round, i, round, i, round, i, round>>8&0xff, round&0xff, i>>8, i&0xff)
	}
	b.WriteString("link del group 7\n")
	return b.String(), 2 * pairs
}

// files changes .link files in each way that is watched. The result is the same each
// time.
func (s *stage) files(round int) {
	s.t.Helper()
	const file = etcNetwork + "/20-soak.link"
	away := fmt.Sprintf("%s.%d", etcNetwork, round)
	s.write(file, fmt.Sprintf("[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=none\nMTUBytes=%d\n", 1300+round%100))
	s.write(file+".d/x.conf", "[Link]\nMACAddressPolicy=persistent\n")
	s.reload()
	s.must("mv", file+".d", fmt.Sprintf("%s/%d.link.d", "/etc/systemd", round))
	s.write(file+".d/y.conf", "[Link]\nMTUBytes=1400\n")
	// As an editor does, or a tool that deploys whole directories.
	s.must("cp", "-a", etcNetwork, etcNetwork+".new")
	s.must("mv", etcNetwork, away)
	s.must("mv", etcNetwork+".new", etcNetwork)
	s.reload()
	s.must("udevadm", "trigger", "--action=change", "--subsystem-match=net")
	s.settle()
}

// TestSoakWatch runs two watches while devices are created, deleted, renamed and get
// masters and addresses, .link files and their directories change, and udevd works,
// reloads and restarts. One watch is of all devices, the other of one device, with all
// actions for events.
func TestSoakWatch(t *testing.T) {
	n := soakLengths(t)
	s := bridged(t, "/")
	s.files(0)
	s.write("/mnt/hook", "#!/bin/sh\necho >>/mnt/ran\n")
	s.must("chmod", "755", "/mnt/hook")
	const trace = "GODEBUG=gctrace=1"
	all := follow(s.watchWith([]string{trace}, "--all", "--no-trace", "--severity", "error"))
	one := follow(s.watchWith([]string{trace}, "br0", "--no-trace", "--exec", "/mnt/hook", "--record", "/mnt/record"))
	watches := []*follower{all, one}
	ran := func() int {
		b, _ := os.ReadFile(s.path("/mnt/ran"))
		return strings.Count(string(b), "\n")
	}

	begun, names, rounds := time.Now(), 0, 0
	for ; rounds < 9 || names < n.names || time.Since(begun) < n.watch; rounds++ {
		batch, count := turnover(rounds)
		s.batch(batch)
		names += count
		s.files(rounds + 1)
		if rounds%2 == 0 {
			// udevd takes longer than the kernel. A burst comes while there is no
			// udevd, as during an upgrade of its package.
			s.stopUdevd()
			batch, count := burst(rounds)
			s.batch(batch)
			names += count
			s.startUdevd()
		}
		mark := fmt.Sprintf("02:02:00:00:%02x:%02x", rounds>>8&0xff, rounds&0xff)
		s.must("ip", "link", "set", "br0", "address", mark)
		real := map[int]string{}
		for _, l := range s.links() {
			real[l.Index] = l.Name
		}
		all.until("br0", mark)
		one.until("br0", mark)
		if !maps.Equal(all.there, real) {
			t.Fatalf("round %d: according to the watch there are %v, in fact %v", rounds, all.there, real)
		}
		for _, w := range watches {
			w.sample()
		}
	}
	if !tool.Until(time.Minute, func() bool { return ran() == one.changes }) {
		t.Errorf("--exec ran %d times for %d changes", ran(), one.changes)
	}
	t.Logf("%d rounds in %v with %d names of devices; --exec ran %d times", rounds, time.Since(begun).Round(time.Second), names, ran())
	all.judge("watch --all", 96<<10)
	one.judge("watch br0 --exec --record", 64<<10)
	if record := sha256.Sum256([]byte(s.read("/mnt/record"))); string(record[:]) != string(one.sum) {
		t.Error("what was recorded is not what was shown")
	}
}

// others are the files and directories of /etc that no fix touches, with all
// attributes.
func (s *stage) others() string {
	var b strings.Builder
	for l := range strings.Lines(listing(s.t, s.path("/etc"))) {
		// A directory's time changes if a file in it is created and deleted.
		if name, _, _ := strings.Cut(l, " "); name != "/systemd/network" && name != "/systemd/network/50-br1.link.d" {
			b.WriteString(l)
		}
	}
	return b.String()
}

// TestSoakChanges fixes and undoes many times, with a udevd that reloads each time.
func TestSoakChanges(t *testing.T) {
	n := soakLengths(t)
	s := bridged(t, "/")
	s.add("br1", "type", "bridge")
	s.clean()
	s.write(etcNetwork+"/50-br1.link", "[Match]\nOriginalName=br1\n\n[Link]\nMACAddressPolicy=persistent\nMTUBytes=1400\n")
	s.write(etcNetwork+"/50-br1.link.d/10-site.conf", "[Link]\nMTUBytes=1300\n")
	s.write(etcNetwork+"/70-other.link", "[Match]\nOriginalName=other0\n[Link]\nMACAddressPolicy=none\n")
	s.write(etcNetwork+"/br9.netdev", "[NetDev]\nName=br9\nKind=bridge\n")
	other := s.path(etcNetwork + "/70-other.link")
	for _, err := range []error{
		os.Symlink("/dev/null", s.path(etcNetwork+"/80-masked.link")),
		unix.Setxattr(other, "trusted.site", []byte("theirs"), 0),
		os.Chmod(other, 0o640),
		os.Chown(other, 1, 2),
		os.Chtimes(other, time.Unix(1, 0), time.Unix(1000000000, 123456789)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if l := s.others(); !strings.Contains(l, " trusted.site="+fmt.Sprintf("%x", "theirs")) {
		t.Fatalf("the extended attribute is not seen:\n%s", l)
	}
	s.reload()
	records := s.journal()
	cycles := []struct{ fix, undo, paths []string }{
		{[]string{"--bridge", "br0"}, []string{"--bridge", "br0"}, []string{override("br0")}},
		{[]string{"--bridge", "br1"}, []string{"--everything"}, []string{etcNetwork + "/50-br1.link.d/90-linkaudit.conf"}},
		{[]string{"--bridge", "br9"}, []string{"--bridge", "br9"}, []string{override("br9")}},
	}
	run := func(command string, args []string, more ...string) []string {
		return append(append([]string{command}, args...), more...)
	}
	// The lock's file exists from the first run on.
	if c := s.changes(run("undo", cycles[0].undo)...); c.Changed {
		t.Fatalf("%+v", c)
	}
	s.idle()
	tree, others, remains := contents(t, s.path("/etc")), s.others(), s.remainsButEtc()
	udevd := func() soak.Usage {
		u, err := soak.Of(s.udevd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	var memory, descriptors soak.Series
	begun, changes := time.Now(), 0
	for i := range n.fixes {
		c := cycles[i%len(cycles)]
		status := func(want int, args []string) {
			t.Helper()
			if r := s.change(args...); r.status != want {
				t.Fatalf("round %d: not status %d: %v", i, want, r)
			}
		}
		does := func(want bool, args []string) {
			t.Helper()
			got := s.changes(args...)
			if got.Changed != want || got.Reloaded != want || !got.Verified {
				t.Fatalf("round %d: %q: %+v", i, args, got)
			}
			if want {
				changes++
			}
		}
		if i%5 == 0 {
			status(1, run("fix", c.fix, "--check"))
			status(0, run("undo", c.undo, "--check"))
		}
		does(true, run("fix", c.fix))
		for _, path := range c.paths {
			s.whole(path)
		}
		if i%5 == 1 {
			does(false, run("fix", c.fix))
			status(0, run("fix", c.fix, "--check"))
			status(1, run("undo", c.undo, "--check"))
		}
		if i%25 == 0 && c.fix[1] == "br0" {
			s.recreate("br0", "type", "bridge")
			if g := s.got("br0"); g.file != override("br0") || g.typ != typeRandom {
				t.Fatalf("round %d: udevd goes by %+v", i, g)
			}
		}
		does(true, run("undo", c.undo))
		if i%5 == 2 {
			does(false, run("undo", c.undo))
			status(2, run("fix", []string{"--bridge", "no/such"}))
		}
		if got := contents(t, s.path("/etc")); got != tree {
			same(t, fmt.Sprintf("round %d is undone", i), tree, got)
			t.FailNow()
		}
		s.unlocked()
		u := udevd()
		memory, descriptors = append(memory, u.Resident), append(descriptors, u.Descriptors)
	}
	took := time.Since(begun)
	same(t, "fix and undo touch no other file", others, s.others())
	s.idle()
	same(t, "fix and undo leave nothing", remains, s.remainsButEtc())
	// The last records may not have been read yet.
	want := map[string]int{"fix": n.fixes, "undo": n.fixes}
	if !tool.Until(time.Minute, func() bool { return maps.Equal(records(), want) }) {
		t.Errorf("the journal has %v, not %v", records(), want)
	}
	t.Logf("%d times fix and undo in %v; records in the journal: %v", n.fixes, took.Round(time.Second), records())
	t.Logf("udevd meanwhile, which is not linkaudit's: resident kB %v; descriptors %v", memory, descriptors)
}

// remainsButEtc are remains for tests that change /etc.
func (s *stage) remainsButEtc() string {
	s.t.Helper()
	etc := listing(s.t, s.path("/etc"))
	return strings.Replace(s.remains(), etc, "", 1)
}
