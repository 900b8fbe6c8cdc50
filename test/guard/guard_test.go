//go:build guard

package guard

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/internal/derived"
	"linkaudit/test/tool"
)

var (
	update = flag.Bool("update", false, "record the figures")
	runs   = flag.Int("runs", 8, "how often to run a command again if its figures differ from the recorded ones")
	spread = flag.Bool("spread", false, "show how far the figures of the runs are apart, and compare nothing")
	only   = flag.String("only", "", "run only the commands with a description that matches the `REGEXP`")
	traces = flag.String("traces", "", "keep strace's output in `DIR`, one directory for each command")
)

const (
	recordFile = "recorded.json"

	// With these variables the process starts itself again.
	stageVariable = "LINKAUDIT_GUARD_STAGE"
	udevdVariable = "LINKAUDIT_GUARD_UDEVD"

	// In the root of the fixed host.
	program     = "/linkaudit"
	allocations = "/linkaudit-allocations"
)

func TestMain(m *testing.M) {
	var err error
	status := 0
	switch {
	case os.Getenv(udevdVariable) != "":
		err = beUdevd()
	case os.Getenv(stageVariable) != "":
		status = m.Run()
	default:
		status, err = stage()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "make guard:", err)
		status = 1
	}
	os.Exit(status)
}

// stage builds the programs and starts this one again, in its own namespaces.
func stage() (int, error) {
	flag.Parse()
	if *update && *only != "" {
		return 0, fmt.Errorf("-update records all commands, and -only leaves some out")
	}
	if os.Geteuid() != 0 {
		return 0, fmt.Errorf("namespaces need root's rights")
	}
	for _, p := range []string{"strace", "ip", "chroot"} {
		if _, err := exec.LookPath(p); err != nil {
			return 0, fmt.Errorf("%s is not installed (Debian packages strace, iproute2, coreutils)", p)
		}
	}
	dir, err := os.MkdirTemp("", "linkaudit-guard-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := tool.Build(filepath.Join(dir, program)); err != nil {
		return 0, err
	}
	build := exec.Command("go", "test", "-c", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", filepath.Join(dir, allocations), "linkaudit/cmd/linkaudit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the tests of cmd/linkaudit: %w\n%s", err, out)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), stageVariable+"="+dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
	}
	if err := onTwoProcessors(); err != nil {
		return 0, err
	}
	if err := cmd.Run(); cmd.ProcessState == nil {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// onTwoProcessors limits this thread, and every process that it starts, to two of the
// processors: their number decides how many threads work, and which dump is better.
func onTwoProcessors() error {
	runtime.LockOSThread()
	var all, two unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("sched_getaffinity: %w", err)
	}
	for cpu := 0; cpu < 1024 && two.Count() < 2; cpu++ {
		if all.IsSet(cpu) {
			two.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &two); err != nil {
		return fmt.Errorf("sched_setaffinity: %w", err)
	}
	return nil
}

// beUdevd is a process that looks like systemd-udevd in /proc and does nothing.
func beUdevd() error {
	if err := os.WriteFile("/proc/self/comm", []byte("systemd-udevd"), 0); err != nil {
		return err
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// fixedHost is a machine that is the same everywhere: a root with the files of
// WriteRoot, the sysfs of a network namespace, and files of the same length in /proc.
type fixedHost struct {
	t    *testing.T
	root string
	// recorded is what the figures are compared with; it is empty with -update and
	// -spread.
	recorded Record
	// figures are those of the runs so far, traces the last one of each.
	figures map[string]Figures
	traces  map[string]*Trace
}

func newFixedHost(t *testing.T) *fixedHost {
	t.Helper()
	dir := os.Getenv(stageVariable)
	h := &fixedHost{t: t, root: filepath.Join(dir, "root"), figures: map[string]Figures{}, traces: map[string]*Trace{}}
	if !*update && !*spread {
		var err error
		h.recorded, err = Load(recordFile)
		h.must(err)
	}
	h.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	h.must(os.Mkdir(h.root, 0o755))
	h.mount("tmpfs", "/", "tmpfs")
	h.must(WriteRoot(h.root))
	for _, p := range []string{program, allocations} {
		binary, err := os.ReadFile(filepath.Join(dir, p))
		h.must(err)
		h.must(os.WriteFile(h.path(p), binary, 0o755))
	}
	h.mount("proc", "/proc", "proc")
	h.mount("sysfs", "/sys", "sysfs")
	h.mount("tmpfs", "/tmp", "tmpfs")
	// Their length depends on the machine.
	h.cover("/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.1.0-42-amd64 root=/dev/sda1 ro quiet\n")
	h.cover("/proc/1/environ", "HOME=/\x00TERM=linux\x00")
	h.must(unix.Sethostname([]byte("fixed")))
	h.mount("tmpfs", "/sys/fs/cgroup", "tmpfs")
	h.write("/sys/fs/cgroup/system.slice/systemd-udevd.service/udev/cgroup.procs", fmt.Sprintln(h.startUdevd()))
	h.must(os.MkdirAll(h.path(udevDB), 0o755))
	return h
}

func (h *fixedHost) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *fixedHost) path(name string) string { return filepath.Join(h.root, name) }

func (h *fixedHost) write(name, content string) {
	h.t.Helper()
	h.must(write(h.root, name, content))
}

func (h *fixedHost) mount(source, target, fstype string) {
	h.t.Helper()
	h.must(os.MkdirAll(h.path(target), 0o755))
	if err := unix.Mount(source, h.path(target), fstype, 0, ""); err != nil {
		h.t.Fatalf("mount %s: %v", target, err)
	}
}

// cover puts a file over one of /proc.
func (h *fixedHost) cover(name, content string) {
	h.t.Helper()
	h.write("/srv"+name, content)
	if err := unix.Mount(h.path("/srv"+name), h.path(name), "", unix.MS_BIND, ""); err != nil {
		h.t.Fatalf("cover %s: %v", name, err)
	}
}

// startUdevd starts the process that stands for udevd and returns its PID.
func (h *fixedHost) startUdevd() int {
	h.t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{udevdVariable + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	held, err := tool.Hold(cmd, "ready")
	h.must(err)
	h.t.Cleanup(func() { h.must(held.End()) })
	return held.PID()
}

// links creates devices by commands of "ip -batch", and the records of bridges in the
// udev database. Each has an index, so its files have the same names everywhere.
func (h *fixedHost) links(batch string) {
	h.t.Helper()
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(batch)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("make the devices: %v: %s", err, bytes.TrimSpace(out))
	}
	for _, m := range regexp.MustCompile(`name (br\d+) index (\d+)`).FindAllStringSubmatch(batch, -1) {
		h.write(udevDB+"/n"+m[2], "I:1000000\nE:ID_NET_DRIVER=bridge\nE:ID_MM_CANDIDATE=1\nE:ID_NET_LINK_FILE="+linkDir+"/99-default.link\nE:ID_NET_NAME="+m[1]+"\nG:systemd\nQ:systemd\nV:1\n")
	}
}

// given is the address that udev derives for a bridge from the machine ID and its name.
func given(name string) string { return string(derived.AppendPersistent(nil, MachineID, name)) }

// command is one of the program in the root.
func (h *fixedHost) command(before []string, args []string, stdin string) *exec.Cmd {
	argv := slices.Concat(before, []string{"chroot", h.root}, args)
	cmd := exec.Command(argv[0], argv[1:]...)
	// asyncpreemptoff: the signals with which Go's run time interrupts a thread every
	// 10 ms end system calls early.
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb", "GOMAXPROCS=2", "GODEBUG=asyncpreemptoff=1"}
	if stdin != "" {
		f, err := os.Open(h.path(stdin))
		h.must(err)
		h.t.Cleanup(func() { f.Close() })
		cmd.Stdin = f
	}
	return cmd
}

// run counts what "linkaudit args" takes; name describes the run. Its standard input is
// the file stdin.
func (h *fixedHost) run(name, stdin string, args ...string) {
	h.t.Helper()
	if !regexp.MustCompile(*only).MatchString(name) {
		delete(h.recorded.Runs, name)
		return
	}
	var all []Figures
	h.figures[name] = h.recorded.Measure(name, *runs, func() Figures {
		f, trace := h.trace(name, stdin, args)
		if stdin == "" && !slices.Contains(args, "--root") && !slices.Contains(args, "--from") {
			maps.Copy(f, h.allocations(name, args))
		}
		all = append(all, f)
		h.traces[name] = trace
		return f
	})
	if *spread {
		h.showSpread(name, all)
	}
}

// trace runs the program under strace.
func (h *fixedHost) trace(name, stdin string, args []string) (Figures, *Trace) {
	h.t.Helper()
	dir := h.t.TempDir()
	if *traces != "" {
		dir = filepath.Join(*traces, strings.NewReplacer(" ", "-", "/", "-").Replace(name))
		h.must(os.RemoveAll(dir))
		h.must(os.MkdirAll(dir, 0o755))
	}
	cmd := h.command([]string{"strace", "-ff", "-yy", "-v", "-s", "0", "-a", "1", "-e", Untraced(), "-o", filepath.Join(dir, "calls")}, append([]string{program}, args...), stdin)
	h.finish(name, cmd)
	files, err := filepath.Glob(filepath.Join(dir, "calls.*"))
	h.must(err)
	trace := &Trace{}
	for _, file := range files {
		f, err := os.Open(file)
		h.must(err)
		h.must(trace.Add(f, program))
		f.Close()
	}
	f, err := trace.Figures(h.root)
	h.must(err)
	return f, trace
}

// allocations runs the same in a test binary, which reports what was allocated.
// cmd/linkaudit has a test of its own for commands that need no machine.
func (h *fixedHost) allocations(name string, args []string) Figures {
	h.t.Helper()
	cmd := h.command(nil, append([]string{allocations}, args...), "")
	f := Figures{}
	h.must(json.Unmarshal([]byte(h.finish(name, cmd)), &f))
	return f
}

// finish runs a command that must end with status 0 or 1, and returns its output.
func (h *fixedHost) finish(name string, cmd *exec.Cmd) string {
	h.t.Helper()
	timer := time.AfterFunc(tool.Patience(5*time.Minute), func() { cmd.Process.Kill() })
	defer timer.Stop()
	o := tool.Run(cmd)
	if o.Status != 0 && o.Status != 1 {
		h.t.Fatalf("%s: %q: status %d\n%s", name, cmd.Args, o.Status, o.Stderr)
	}
	return o.Stdout
}

func (h *fixedHost) showSpread(name string, all []Figures) {
	for _, figure := range names(all) {
		low, high := all[0][figure], all[0][figure]
		for _, f := range all {
			low, high = min(low, f[figure]), max(high, f[figure])
		}
		if low != high {
			fmt.Printf("%-45s %-35s %9d to %9d (%.1f %%)\n", name, figure, low, high, 100*float64(high-low)/float64(max(low, 1)))
		}
	}
}

func names(all []Figures) []string {
	var names []string
	for _, f := range all {
		for name := range f {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// compare fails for every figure that differs from the recorded one, or records them
// all.
func (h *fixedHost) compare() {
	h.t.Helper()
	switch {
	case *update:
		h.must(Save(recordFile, h.figures))
		return
	case *spread:
		return
	}
	for _, d := range h.recorded.Compare(h.figures) {
		h.t.Error(d)
		for _, name := range d.Calls {
			paths := h.traces[d.Run].Paths(name, h.root)
			h.t.Logf("%s is called for\n\t%s", name, strings.Join(paths[:min(len(paths), 25)], "\n\t"))
		}
	}
}

// TestWorkIsWhatWasRecorded runs the program on fixed hosts.
func TestWorkIsWhatWasRecorded(t *testing.T) {
	h := newFixedHost(t)

	const ordinary = "ordinary host: "
	h.links("link set lo up\n" +
		"link add name eth0 index 11 address 02:00:00:00:00:11 type veth peer name far0 index 21 address 02:00:00:00:00:21\n" +
		"link add name eth1 index 12 address 02:00:00:00:00:12 type veth peer name far1 index 22 address 02:00:00:00:00:22\n" +
		"link add name eth2 index 13 address 02:00:00:00:00:13 type veth peer name far2 index 23 address 02:00:00:00:00:23\n" +
		"link add name br0 index 31 address " + given("br0") + " type bridge\n" +
		"link set eth0 master br0\nlink set eth1 master br0\n")
	h.run(ordinary+"version", "", "version")
	h.run(ordinary+"check", "", "check")
	h.run(ordinary+"check --format json", "", "check", "--format", "json")
	h.run(ordinary+"check br0", "", "check", "br0")
	h.run(ordinary+"check --all", "", "check", "--all")
	h.run(ordinary+"explain br0", "", "explain", "br0")
	h.run(ordinary+"lint", "", "lint")
	h.run(ordinary+"snapshot", "", "snapshot")
	h.run(ordinary+"fix --bridge br0 --dry-run", "", "fix", "--bridge", "br0", "--dry-run")

	// Commands that need no device.
	h.must(WriteRoot(h.path("/srv/image")))
	h.must(WriteSiteFiles(h.path("/srv/image"), 100))
	h.run("an image with 102 .link files: check --root", "", "check", "--root", "/srv/image")
	h.run("an image with 102 .link files: lint --root", "", "lint", "--root", "/srv/image")
	h.file("/srv/hosts.ndjson", func(w io.Writer) error { return WriteSnapshots(w, 1000) })
	h.run("snapshots of 1,000 hosts: check --from", "", "check", "--from", "/srv/hosts.ndjson")
	h.file("/srv/names", func(w io.Writer) error { return WriteNames(w, 10000) })
	h.run("10,000 names: mac -", "/srv/names", "mac", "-")

	const site = "ordinary host with 102 .link files: "
	h.must(WriteSiteFiles(h.root, 100))
	h.run(site+"check", "", "check")
	h.run(site+"check --all", "", "check", "--all")
	h.run(site+"explain br0", "", "explain", "br0")
	h.run(site+"lint", "", "lint")
	h.must(os.RemoveAll(h.path(localDir)))

	const many = "1,000 bridges among 5,000 links: "
	var batch strings.Builder
	for i := 1; i < 1000; i++ {
		fmt.Fprintf(&batch, "link add name br%d index %d address %s type bridge\n", i, i+1000, given(fmt.Sprint("br", i)))
	}
	for i := range 2000 {
		fmt.Fprintf(&batch, "link add name v%d index %d address 02:00:00:02:%02x:%02x type veth peer name w%d index %d address 02:00:00:03:%02x:%02x\n",
			i, 10001+2*i, i>>8, i&255, i, 10002+2*i, i>>8, i&255)
	}
	// One bridge in ten has two ports.
	for i := range 200 {
		fmt.Fprintf(&batch, "link set v%d master br%d\n", i, i/2*10+1)
	}
	h.links(batch.String())
	h.run(many+"check", "", "check")
	h.run(many+"check --format json", "", "check", "--format", "json")
	h.run(many+"check br0", "", "check", "br0")
	h.run(many+"check --all", "", "check", "--all")
	h.must(WriteSiteFiles(h.root, 100))
	h.run("1,000 bridges, 102 .link files: check", "", "check")

	h.compare()
}

// file writes a file of the root.
func (h *fixedHost) file(name string, content func(io.Writer) error) {
	h.t.Helper()
	var b bytes.Buffer
	h.must(content(&b))
	h.write(name, b.String())
}
