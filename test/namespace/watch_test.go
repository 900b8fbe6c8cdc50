//go:build namespace

package namespace

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/guard"
	"linkaudit/test/soak"
	"linkaudit/test/tool"
)

// event is a line of watch --format json.
type event struct {
	Event, Device, Kind, Text string
	Before, After             *struct {
		MAC, Master     string
		AddrAssignType  *string `json:"addr_assign_type"`
		AppliedLinkFile *string `json:"applied_link_file"`
		Policy          *string `json:"mac_address_policy"`
	}
	By *struct {
		How, Origin, Reason string
		Port                string `json:"origin_port"`
		Call                *struct {
			Function string
			Process  struct{ Name string }
		}
	}
	Finding *finding
	Late    bool
}

// watching is a watch that runs in the stage.
type watching struct {
	s     *stage
	cmd   *exec.Cmd
	lines chan string
	all   []event
	raw   []string
	// passed are events that until skipped.
	passed []event
	stderr bytes.Buffer
}

// watch starts one with --format json and waits until it has begun.
func (s *stage) watch(args ...string) *watching {
	s.t.Helper()
	return s.watchWith(nil, args...)
}

// watchWith adds variables to its environment.
func (s *stage) watchWith(environment []string, args ...string) *watching {
	s.t.Helper()
	return s.watching(environment, append([]string{program, "watch", "--format", "json"}, args...)...)
}

// watching is a watch that a command line starts.
func (s *stage) watching(environment []string, command ...string) *watching {
	s.t.Helper()
	w := &watching{s: s, lines: make(chan string, 1<<20)}
	w.cmd = s.command(context.Background(), command...)
	w.cmd.Env = append(w.cmd.Env, environment...)
	w.cmd.Stderr = &w.stderr
	held, err := tool.Hold(w.cmd, "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if w.cmd.ProcessState == nil { // the test has failed
			tool.End(w.cmd, syscall.SIGKILL)
		}
	})
	go func() {
		defer close(w.lines)
		lines := bufio.NewScanner(held.Out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			w.lines <- lines.Text()
		}
	}()
	w.until("started", "")
	return w
}

// next returns the next event, false at the end.
func (w *watching) next() (event, bool) {
	w.s.t.Helper()
	select {
	case l, ok := <-w.lines:
		var e event
		if !ok {
			return e, false
		}
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			w.s.t.Fatalf("%v: %s", err, l)
		}
		w.all, w.raw = append(w.all, e), append(w.raw, l)
		return e, true
	case <-time.After(patience()):
		w.s.t.Fatalf("no event comes; so far %s\n%s", strings.Join(w.raw, "\n"), w.stderr.String())
	}
	panic("not reached")
}

// until returns the first event of the kind, and about the device if one is named, that
// it has not returned yet.
func (w *watching) until(kind, device string) event {
	w.s.t.Helper()
	is := func(e event) bool { return e.Event == kind && (device == "" || e.Device == device) }
	if i := slices.IndexFunc(w.passed, is); i >= 0 {
		e := w.passed[i]
		w.passed = slices.Delete(w.passed, i, i+1)
		return e
	}
	for {
		e, ok := w.next()
		if !ok {
			w.s.t.Fatalf("it ended before %s of %s came: %s\n%s", kind, device, strings.Join(w.raw, "\n"), w.stderr.String())
		}
		if is(e) {
			return e
		}
		w.passed = append(w.passed, e)
	}
}

// end interrupts it, reads the rest and returns the last event.
func (w *watching) end() event {
	w.s.t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		w.s.t.Fatal(err)
	}
	for {
		if _, ok := w.next(); !ok {
			break
		}
	}
	if err := w.ends(); err != nil {
		w.s.t.Errorf("interrupted, it ends with %v: %s", err, w.stderr.String())
	}
	for _, l := range w.raw {
		valid(w.s.t, result{args: []string{"watch"}, stdout: l}, compiledSchema("watch"), l)
	}
	last := w.all[len(w.all)-1]
	if last.Event != "stopped" {
		w.s.t.Errorf("its last line is %s", w.raw[len(w.raw)-1])
	}
	return last
}

// ends waits for its end, after all its output was read.
func (w *watching) ends() error {
	if err := tool.End(w.cmd, 0); err != nil {
		return err
	}
	if !w.cmd.ProcessState.Success() {
		return errors.New(w.cmd.ProcessState.String())
	}
	return nil
}

// A bridge's story under each udevd, without eBPF: watch deduces each origin as it
// happens, and check shows the same.
func TestWatchDeducesWhoItWas(t *testing.T) {
	everyUdevd(t, func(t *testing.T, s *stage) {
		s.must("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
		s.settle("v0", "v1")
		w := s.watch("--no-trace", "--severity", "error", "--record", "/mnt/record.jsonl")
		// step waits for a change and compares it with check.
		step := func(what, device, kind, origin, port string) event {
			t.Helper()
			e := w.until(kind, device)
			if kind == "created" && e.After.AddrAssignType == nil && e.By.How == "unknown" {
				return e // udevd was faster than sysfs could be read
			}
			if e.By == nil || e.By.How != "deduced" || e.By.Origin != origin || e.By.Port != port || e.Late {
				t.Errorf("%s: it is %s, not deduced to be %s %s", what, w.raw[len(w.raw)-1], origin, port)
				return e
			}
			if kind == "changed" {
				r, _ := s.json("--no-config", device)
				if is := str(r.device(t, device).Origin); is != origin {
					t.Errorf("%s: watch says %s, check %s", what, origin, is)
				}
			}
			return e
		}

		s.add("br0", "type", "bridge")
		step("created", "br0", "created", "kernel-random", "")
		e := step("udevd gives it the persistent address", "br0", "changed", "udev-persistent", "")
		if str(e.Before.AddrAssignType) != "random" && e.Before.AddrAssignType != nil || str(e.After.AddrAssignType) != "set" {
			t.Errorf("%s", w.raw[len(w.raw)-1])
		}
		if e := w.until("applied", "br0"); str(e.After.AppliedLinkFile) != s.property("br0", "ID_NET_LINK_FILE") {
			t.Errorf("%s, but udevd says %s", w.raw[len(w.raw)-1], s.property("br0", "ID_NET_LINK_FILE"))
		}
		s.must("ip", "link", "set", "br0", "address", "02:00:00:00:00:01")
		step("set by hand", "br0", "changed", "set-by-someone", "")
		s.must("ip", "link", "del", "br0")
		if e := w.until("deleted", "br0"); e.Before.MAC != "02:00:00:00:00:01" {
			t.Errorf("%+v", e)
		}

		s.changes("fix", "--bridge", "br0")
		s.add("br0", "type", "bridge")
		step("created after the fix", "br0", "created", "kernel-random", "")
		s.must("ip", "link", "set", "v0", "master", "br0")
		if e := w.until("changed", "v0"); e.After.Master != "br0" || e.By != nil {
			t.Errorf("%s", w.raw[len(w.raw)-1])
		}
		step("it takes the port's", "br0", "changed", "port", "v0")
		s.must("ip", "link", "set", "v0", "nomaster")
		if e := w.until("changed", "v0"); e.Before.Master != "br0" {
			t.Errorf("%s", w.raw[len(w.raw)-1])
		}
		if e := w.until("changed", "br0"); e.After.MAC != "00:00:00:00:00:00" {
			t.Errorf("%s", w.raw[len(w.raw)-1]) // a bridge without ports has no address left
		}
		s.must("ip", "link", "del", "br0")
		w.until("deleted", "br0")
		s.changes("undo", "--bridge", "br0")

		s.write(etcNetwork+"/10-br0.link", "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=none\nMACAddress=02:00:00:00:00:02\n")
		s.reload()
		s.add("br0", "type", "bridge")
		step("created", "br0", "created", "kernel-random", "")
		step("the file gives it one", "br0", "changed", "link-file", "")
		last := w.end()
		if !strings.Contains(last.Text, "nothing was lost") {
			t.Errorf("%s", last.Text)
		}

		record := s.read("/mnt/record.jsonl")
		if got := s.audit("replay", "/mnt/record.jsonl", "--format", "json").stdout; got != record || got != strings.Join(w.raw, "\n")+"\n" {
			t.Errorf("replay is not what was recorded, or that is not what was shown:\n%s\n%s\n%s", got, record, strings.Join(w.raw, "\n"))
		}
		text := s.audit("replay", "/mnt/record.jsonl").stdout
		if n := strings.Count(text, "\n"); n != len(w.raw) {
			t.Errorf("%d lines of text for %d events:\n%s", n, len(w.raw), text)
		}
		for _, words := range []string{"deduced: set by udev because of", "deduced: taken from its port v0", "deduced: set by another program or a person", "v0: master none -> br0"} {
			if !strings.Contains(text, words) {
				t.Errorf("replay does not say %q:\n%s", words, text)
			}
		}
	})
}

// TestWatchLosesNothingInSilence creates, changes and deletes devices as fast as the
// kernel can.
func TestWatchLosesNothingInSilence(t *testing.T) {
	devices, idle := 10000, 20*time.Second
	if !tool.Full() {
		devices, idle = 2000, 5*time.Second
	}
	s := newStage(t, "/")
	w := s.watchWith([]string{"GODEBUG=gctrace=1"}, "--no-trace", "--severity", "error", "--kind", "veth")
	var batch strings.Builder
	for i := 0; i < devices; i += 2 {
		fmt.Fprintf(&batch, "link add b%d group 7 type veth peer name b%d\n", i, i+1)
		for j := i; j < i+2; j++ {
			fmt.Fprintf(&batch, "link set b%d address 02:00:00:00:%02x:%02x\n", j, j>>8, j&0xff)
		}
	}
	// All at once: one by one, and with bridges, each waits for RCU.
	batch.WriteString("link del group 7\n")
	s.write("/mnt/batch", batch.String())
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), tool.Patience(10*time.Minute))
	defer cancel()
	if out, err := s.command(ctx, "ip", "-batch", "/mnt/batch").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("ip took %v", time.Since(begun))
	s.must("ip", "link", "add", "last", "type", "veth", "peer", "name", "peer")
	w.until("created", "last")
	t.Logf("all was reported after %v", time.Since(begun))

	lost := false
	seen := map[string][]string{}
	for _, e := range w.all {
		lost = lost || e.Event == "lost"
		if e.Event == "changed" && e.After.MAC == e.Before.MAC {
			continue // its addr_assign_type alone
		}
		if e.Event == "created" || e.Event == "changed" || e.Event == "deleted" {
			seen[e.Device] = append(seen[e.Device], e.Event)
		}
	}
	whole := 0
	for i := range devices {
		events := seen["b"+strconv.Itoa(i)]
		switch {
		case slices.Equal(events, []string{"created", "changed", "deleted"}):
			whole++
		case !lost:
			t.Fatalf("b%d: %v, and nothing was lost", i, events)
		}
	}
	t.Logf("%d of %d reported completely; lost: %v", whole, devices, lost)

	calls := w.calls(idle)
	t.Logf("in %v without an event it made %d system calls", idle, len(calls))
	if len(calls) >= int(idle/time.Second) {
		t.Errorf("in %v without an event it made %d system calls:\n%s", idle, len(calls), head(strings.Join(calls, "\n")))
	}
	memory, _ := tool.Cost(t, w.cmd.Process.Pid)
	w.end()
	// The live heap is what it holds. The resident garbage beside it, and when Go
	// returns it, depend on the machine.
	live := slices.Max(append(w.heap(), 0))
	t.Logf("at most %d MB were live; resident at most %d kB", live, memory)
	if live > 48 {
		t.Errorf("%d MB were live", live)
	}
}

// TestWatchEndsInTheStateThatIs stops a watch that has an ordinary user's receive
// buffer, changes more than fits into it, and lets it continue. What it reported last
// about each device is what the kernel shows, however much was lost or still queued.
func TestWatchEndsInTheStateThatIs(t *testing.T) {
	rounds := 3
	if tool.Full() {
		rounds = 100
	}
	s := newStage(t, "/")
	random := draw(t)
	losses := 0
	s.must("ip", "link", "add", "br0", "type", "bridge")
	for round := range rounds {
		w := s.watching(nil, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program, "watch", "--no-trace", "--format", "json", "--severity", "error", "--kind", "bridge")
		if err := syscall.Kill(w.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		var batch strings.Builder
		for i := range 1500 + random.IntN(1500) {
			fmt.Fprintf(&batch, "link set br0 address 02:00:00:00:%02x:%02x\n", i>>8, i&0xff)
			if i%50 == 0 {
				fmt.Fprintf(&batch, "link add b%d type bridge\n", i)
			}
			if i%50 == 25 && random.IntN(3) > 0 {
				fmt.Fprintf(&batch, "link del b%d\n", i-25)
			}
		}
		last := fmt.Sprintf("02:00:00:01:00:%02x", round)
		fmt.Fprintf(&batch, "link set br0 address %s\n", last)
		s.batch(batch.String())
		if err := syscall.Kill(w.cmd.Process.Pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		// In some rounds it is told to end at once: then the unread events count too.
		if random.IntN(2) == 0 {
			s.must("ip", "link", "add", "done", "type", "bridge")
			w.until("created", "done")
			s.must("ip", "link", "del", "done")
		}
		w.end()
		told := map[string]string{}
		lost := false
		for _, e := range w.all {
			switch e.Event {
			case "lost":
				lost = true
			case "created", "changed":
				told[e.Device] = e.After.MAC
			case "deleted":
				delete(told, e.Device)
			}
		}
		if lost {
			losses++
		}
		is := map[string]string{}
		for _, l := range s.links() {
			if l.Info.Kind == "bridge" {
				is[l.Name] = l.Address
			}
		}
		if told["br0"] == "" && !lost {
			t.Errorf("round %d: there is no event about br0", round)
		}
		for name, mac := range told {
			if is[name] != mac {
				t.Errorf("round %d: its last event says that %s has %s, but it has %q", round, name, mac, is[name])
			}
		}
		for name := range is {
			if told[name] == "" {
				t.Errorf("round %d: %s was never reported", round, name)
			}
		}
		if t.Failed() {
			return
		}
		var clean strings.Builder
		for name := range is {
			if name != "br0" {
				fmt.Fprintf(&clean, "link del %s\n", name)
			}
		}
		s.batch(clean.String())
	}
	t.Logf("messages were lost in %d of %d rounds", losses, rounds)
	if losses < rounds/2 {
		t.Error("too few to show anything")
	}
}

// calls are those that the watch makes while nothing happens, except those of Go's run
// time.
func (w *watching) calls(while time.Duration) (calls []string) {
	w.s.t.Helper()
	file := filepath.Join(w.s.t.TempDir(), "calls")
	pid := w.cmd.Process.Pid
	strace := exec.Command("strace", "--quiet=all", "--follow-forks", "-ttt", "--attach="+strconv.Itoa(pid),
		"-e", guard.Untraced()+",?sched_getaffinity,?pread64", "--output="+file)
	if err := strace.Start(); err != nil {
		w.s.t.Fatal(err)
	}
	tool.Eventually(w.s.t, "strace attaches to the watch", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		return !slices.ContainsFunc(threads, func(name string) bool {
			status, err := os.ReadFile(name)
			return err == nil && strings.Contains(string(status), "TracerPid:\t0\n")
		})
	})
	// A call that a thread was in is shown with the time at which strace attached.
	begin := time.Now()
	// sleep: the test is that nothing happens while time passes.
	time.Sleep(while)
	end := time.Now()
	w.s.must("ip", "link", "add", "awake", "type", "veth", "peer", "name", "wake")
	w.until("created", "awake")
	if err := tool.End(strace, syscall.SIGTERM); err != nil {
		w.s.t.Error(err)
	}
	all, err := os.ReadFile(file)
	if err != nil {
		w.s.t.Fatal(err)
	}
	woken := false
	for l := range strings.Lines(string(all)) {
		m := regexp.MustCompile(`^\d+ +(\d+\.\d+) [a-z]`).FindStringSubmatch(l)
		if m == nil {
			continue // the end of a call, a signal
		}
		seconds, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			w.s.t.Fatal(err)
		}
		switch at := time.UnixMicro(int64(seconds * 1e6)); {
		case at.After(end):
			woken = true
		case at.After(begin):
			calls = append(calls, strings.TrimSpace(l))
		}
	}
	if !woken {
		w.s.t.Errorf("not even what an event has it do is seen:\n%s", head(string(all)))
	}
	return calls
}

// collected is a line of GODEBUG=gctrace=1 (package runtime): the heap when a
// collection began, when it ended, and how much of it is live.
var collected = regexp.MustCompile(`^gc \d+ @.* \d+->\d+->(\d+) MB, `)

// heap is the live heap at each collection, in MB: a leak cannot hide in it. There is
// nothing else on standard error.
func (w *watching) heap() (live soak.Series) {
	w.s.t.Helper()
	for l := range strings.Lines(w.stderr.String()) {
		m := collected.FindStringSubmatch(l)
		if m == nil {
			w.s.t.Errorf("it complains: %s", l)
			continue
		}
		n, _ := strconv.Atoi(m[1])
		live = append(live, n)
	}
	return live
}

// A watch ends if its reader does, or if it is told to.
func TestWatchEnds(t *testing.T) {
	s := bridged(t, "/")
	t.Run("its reader goes away", func(t *testing.T) {
		for _, reader := range []string{"head -n 1", "true"} {
			r := s.do("sh", "-c", program+" watch --no-trace | "+reader)
			if r.hung || r.stderr != "" {
				t.Errorf("%v", r)
			}
		}
	})
	t.Run("its terminal goes away", func(t *testing.T) {
		for _, before := range []string{"", "trap '' HUP; "} {
			// The terminal is script(1)'s and ends with it. It shows the process ID
			// and, when the watch has begun, its first line.
			script, err := tool.Hold(s.command(context.Background(), "script", "-qc", before+"echo $$; exec "+program+" watch --no-trace", "/dev/null"), "")
			if err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(patience(), func() { script.Cmd.Process.Kill() })
			number, _ := script.Out.ReadString('\n')
			pid, err := strconv.Atoi(strings.TrimSpace(number))
			begun, _ := script.Out.ReadString('\n')
			if !late.Stop() || err != nil || begun == "" {
				t.Fatalf("%q: no watch begins: %v, %q", before, err, number+begun)
			}
			if ended(pid) {
				t.Errorf("%q: it ends before its terminal does: %q", before, begun)
			}
			if err := tool.End(script.Cmd, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			tool.Eventually(t, "the watch ends with its terminal", func() bool { return ended(pid) })
		}
	})
	t.Run("after --for", func(t *testing.T) {
		r := s.audit("watch", "--no-trace", "--for", "300ms")
		if r.status != 0 || !strings.Contains(r.stdout, "0 changes of 0 devices") || r.took < 300*time.Millisecond {
			t.Errorf("%v", r)
		}
		if r := s.audit("watch", "--no-trace", "--for", "300ms", "--until-change"); r.status != 1 {
			t.Errorf("%v", r)
		}
	})
	t.Run("after a change", func(t *testing.T) {
		w := s.watch("--no-trace", "--severity", "error", "--until-change", "br0")
		s.must("ip", "link", "add", "other", "type", "bridge")
		s.must("ip", "link", "set", "br0", "address", "02:00:00:00:00:09")
		w.until("stopped", "")
		if err := w.ends(); err != nil {
			t.Error(err)
		}
		if n := len(w.all); n != 3 || w.all[1].Device != "br0" || w.all[1].By.Origin != "set-by-someone" {
			t.Errorf("%s", strings.Join(w.raw, "\n"))
		}
	})
}

// ended reports whether a process has ended: it does not exist, or is a zombie
// (proc_pid_stat(5)).
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, state, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')'):]), " ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

// The effective file changes with the files, without an event of the device.
func TestWatchSeesFilesChange(t *testing.T) {
	s := bridged(t, "/")
	w := s.watch("--no-trace", "--severity", "error")
	policy := func(what, want string) {
		t.Helper()
		e := w.until("applied", "br0")
		if got := str(e.After.Policy); got != want {
			t.Errorf("%s: the policy is %s, not %s: %s", what, got, want, w.raw[len(w.raw)-1])
		}
	}
	const file = etcNetwork + "/10-br0.link"
	s.write(file, "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=none\n")
	policy("a file", "none")
	s.write(file+".d/x.conf", "[Link]\nMACAddressPolicy=random\n")
	policy("a directory with a drop-in", "random")
	s.write(file+".d/y.conf", "[Link]\nMACAddressPolicy=none\n")
	policy("one more drop-in", "none")
	s.must("mv", etcNetwork, "/etc/systemd/away")
	policy("the directory goes away", "persistent")
	s.must("mv", "/etc/systemd/away", etcNetwork)
	policy("the directory is back", "none")
	s.remove(file+".d", file)
	policy("all is removed", "persistent")
	w.end()
}

// What comes from the kernel is never taken for a command.
func TestWatchRunsAProgram(t *testing.T) {
	s := newStage(t, "/")
	s.write("/mnt/hook", "#!/bin/sh\n{ for a; do echo \"argument $a\"; done; env | grep ^LINKAUDIT_ | sort; cat; echo; } >>/mnt/ran\n")
	s.must("chmod", "755", "/mnt/hook")
	w := s.watch("--no-trace", "--severity", "error", "--exec", "/mnt/hook")
	for _, name := range []string{"$(id)", "-rf", "a;b&c|d", `"'`, "*"} {
		s.must("ip", "link", "add", "name", name, "address", "02:00:00:00:00:07", "type", "bridge")
		w.until("created", name)
		s.must("ip", "link", "del", "dev", name)
		w.until("deleted", name)
	}
	w.end()
	ran := s.read("/mnt/ran")
	for _, name := range []string{"$(id)", "-rf", "a;b&c|d", `"'`, "*"} {
		for _, words := range []string{
			"argument created\nargument " + name + "\nLINKAUDIT_AFTER=02:00:00:00:00:07\n",
			"argument deleted\nargument " + name + "\n",
			"LINKAUDIT_DEVICE=" + name + "\n",
		} {
			if !strings.Contains(ran, words) {
				t.Errorf("%q is missing:\n%s", words, ran)
			}
		}
	}
	if n := strings.Count(ran, `{"schema":"linkaudit.watch/1"`); n != 10 {
		t.Errorf("%d events on standard input:\n%s", n, ran)
	}
	if r := s.audit("watch", "--no-trace", "--for", "1ms", "--record", "/mnt/hook"); r.status != 2 || !strings.Contains(r.stderr, "/mnt/hook") {
		t.Errorf("%v", r)
	}
	for _, bad := range []string{"", "{}\n", "{\"schema\":\"linkaudit.watch/1\",\"event\":\"changed\"}\n", "\x00\n", strings.Repeat("x", 2<<20)} {
		s.write("/mnt/bad", bad)
		if r := s.audit("replay", "/mnt/bad"); r.status != 2 {
			t.Errorf("%v", r)
		}
	}
}
