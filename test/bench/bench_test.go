//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	others      = 16000 // links besides the bridges
	rounds      = 11    // runs of each tool; the tools take turns
	slowRounds  = 3     // of what takes long
	sampleCount = 10    // devices that udevadm is measured on
	inside      = "LINKAUDIT_BENCH_INSIDE"
	udevd       = "/lib/systemd/systemd-udevd"
	localFiles  = "/etc/systemd/network"
	program     = "../../linkaudit"
	resultsDir  = "results"
)

// TestMain starts this program again in a network and a mount namespace of its
// own. With -bench it runs the Go benchmarks instead, which need neither.
func TestMain(m *testing.M) {
	if slices.ContainsFunc(os.Args[1:], func(a string) bool {
		return strings.HasPrefix(a, "-test.bench=") && a != "-test.bench="
	}) || os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	if why := missing(); why != "" {
		fmt.Fprintln(os.Stderr, "make bench: "+why)
		os.Exit(1)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, "make bench: new namespaces:", err)
		}
		os.Exit(1)
	}
}

// missing says in one line what the benchmark lacks.
func missing() string {
	if os.Geteuid() != 0 {
		return "needs root, for namespaces and devices of its own"
	}
	var lacks []string
	for _, t := range []struct{ name, pkg string }{{"ip", "iproute2"}, {"udevadm", "udev"}, {"networkctl", "systemd"}, {udevd, "udev"}} {
		if _, err := exec.LookPath(t.name); err != nil {
			lacks = append(lacks, fmt.Sprintf("%s (package %s)", t.name, t.pkg))
		}
	}
	if _, err := os.Stat(program); err != nil {
		lacks = append(lacks, "./linkaudit (make build)")
	}
	if len(lacks) > 0 {
		return "missing: " + strings.Join(lacks, ", ")
	}
	return ""
}

// tool is one column.
type tool struct {
	name string
	argv []string
	// perDevice tools are run for one device at a time.
	perDevice bool
	rounds    int
}

func (t tool) command(device string) []string {
	argv := slices.Clone(t.argv)
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "DEVICE", device)
	}
	return argv
}

// usage is one run of a program.
type usage struct {
	wall, cpu time.Duration
	err       error
}

// row is one piece of work.
type row struct {
	work    string
	bridges int
	cells   []cell
}

type cell struct {
	runs  []usage
	peak  int // kB
	scale int // wall and cpu are for one device of so many
	fails string
}

func TestBench(t *testing.T) {
	b := &bench{t: t}
	b.open()
	defer b.close()
	b.namespace()
	b.header()

	self, err := filepath.Abs(program)
	b.must(err)
	b.tools = []tool{
		{name: "linkaudit check", argv: []string{self, "check"}, rounds: rounds},
		{name: "… --format json", argv: []string{self, "check", "--format", "json"}, rounds: rounds},
		{name: "linkaudit version", argv: []string{self, "version"}, rounds: rounds},
		{name: "ip … type bridge", argv: []string{"ip", "-d", "-j", "link", "show", "type", "bridge"}, rounds: rounds},
		{name: "ip, all links", argv: []string{"ip", "-d", "-j", "link", "show"}, rounds: slowRounds},
		{name: "udevadm × bridges", argv: []string{"udevadm", "test-builtin", "net_setup_link", "/sys/class/net/DEVICE"}, perDevice: true, rounds: slowRounds},
		{name: "networkctl list", argv: []string{"networkctl", "list", "--no-pager"}, rounds: slowRounds},
	}

	// An ordinary host: three cards, here ends of veth pairs, two of them
	// ports of a bridge.
	b.batch("three cards", func(w io.Writer) {
		for i := range 3 {
			fmt.Fprintf(w, "link add name eth%d type veth peer name far%d\n", i, i)
		}
		fmt.Fprint(w, "link add name br1 type bridge\nlink set eth0 master br1\nlink set eth1 master br1\n")
	})
	b.settle()
	b.files(0)
	b.measure("ordinary host: 3 cards, 1 bridge, the distribution's files", 1)

	// udevd would take minutes for the others, of which nobody asks it
	// anything; the bridges are made under its eyes.
	b.udevd(false)
	b.batch(fmt.Sprintf("%d other links (veth pairs)", others), func(w io.Writer) {
		for i := range others / 2 {
			fmt.Fprintf(w, "link add name v%d type veth peer name w%d\n", i, i)
		}
	})
	b.udevd(true)
	b.measure("1 bridge among 16,000 links", 1)
	b.bridges(1, 100)
	b.measure("100 bridges among 16,000 links", 100)
	b.bridges(100, 1000)
	b.measure("1,000 bridges among 16,000 links", 1000)
	for _, n := range []int{1, 100, 1000} {
		b.files(n)
		b.measure(fmt.Sprintf("… and %s of the site's own", plural(n, ".link file")), 1000)
	}
	b.files(0)
	b.tables()
	b.floor()
	b.rooms()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	s := strconv.Itoa(n)
	if n >= 1000 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s + " " + what + "s"
}

type bench struct {
	t      *testing.T
	tools  []tool
	rows   []row
	dir    string
	out    io.Writer
	table  *os.File
	raw    *csv.Writer
	rawOut *os.File
	daemon *exec.Cmd
	null   *os.File
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal("make bench: ", err)
	}
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

func (b *bench) open() {
	dir, err := filepath.Abs(filepath.Join(resultsDir, time.Now().UTC().Format("20060102T150405Z")))
	b.must(err)
	b.must(os.MkdirAll(dir, 0o755))
	b.dir = dir
	b.table, err = os.Create(filepath.Join(dir, "table.txt"))
	b.must(err)
	b.out = io.MultiWriter(os.Stdout, b.table)
	b.rawOut, err = os.Create(filepath.Join(dir, "runs.csv"))
	b.must(err)
	b.raw = csv.NewWriter(b.rawOut)
	b.raw.Write([]string{"work", "tool", "device", "wall_us", "cpu_us", "error"})
	b.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
	b.must(err)
}

func (b *bench) close() {
	b.udevd(false)
	b.raw.Flush()
	b.rawOut.Close()
	fmt.Printf("\nResults: %s\n", b.dir)
	b.table.Close()
}

// namespace gives the benchmark a sysfs of its network namespace and a /run
// and /etc/systemd/network that nobody else sees.
func (b *bench) namespace() {
	b.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	b.must(unix.Mount("sysfs", "/sys", "sysfs", 0, ""))
	b.must(unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
	b.bus()
	b.must(os.MkdirAll(localFiles, 0o755))
	b.must(unix.Mount("tmpfs", localFiles, "tmpfs", 0, "mode=755"))
	b.udevd(true)
}

// bus starts a system bus, without which networkctl does nothing, where there
// is a program for it. Nobody but networkctl is on it.
func (b *bench) bus() {
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		return
	}
	b.must(os.MkdirAll("/run/dbus", 0o755))
	cmd := exec.Command(program, "--system", "--nofork", "--nopidfile", "--nosyslog")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	b.must(cmd.Start())
	b.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 100 {
		if _, err := os.Stat("/run/dbus/system_bus_socket"); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// udevd starts a real udevd, which works in this network namespace, or ends it.
func (b *bench) udevd(run bool) {
	switch {
	case run && b.daemon == nil:
		b.daemon = exec.Command(udevd)
		b.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
		b.must(b.daemon.Start())
		b.settle()
	case !run && b.daemon != nil:
		b.daemon.Process.Signal(unix.SIGTERM)
		b.daemon.Wait()
		b.daemon = nil
	}
}

func (b *bench) settle() {
	for range 100 {
		if _, err := os.Stat("/run/udev/control"); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.must(exec.Command("udevadm", "settle", "--timeout=300").Run())
}

func (b *bench) batch(what string, write func(io.Writer)) {
	var in, errs bytes.Buffer
	write(&in)
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin, cmd.Stderr = &in, &errs
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.t.Fatalf("make bench: create %s: %v: %s", what, err, bytes.TrimSpace(errs.Bytes()))
	}
	b.say("created: %s in %.1f s", what, time.Since(start).Seconds())
}

// bridges makes br<from+1> to br<to> with udevd running.
func (b *bench) bridges(from, to int) {
	b.batch(plural(to-from, "more bridge"), func(w io.Writer) {
		for i := from + 1; i <= to; i++ {
			fmt.Fprintf(w, "link add name br%d type bridge\n", i)
		}
	})
	b.settle()
}

// files puts n .link files of the site beside the distribution's.
func (b *bench) files(n int) {
	old, err := filepath.Glob(localFiles + "/*")
	b.must(err)
	for _, f := range old {
		b.must(os.Remove(f))
	}
	for i := range n {
		name, content := linkFile(i)
		b.must(os.WriteFile(filepath.Join(localFiles, name), []byte(content), 0o644))
	}
}

func firstLine(argv ...string) string {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	line, _, _ := strings.Cut(string(out), "\n")
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

func (b *bench) header() {
	cpu := "unknown processor"
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		for s := bufio.NewScanner(f); s.Scan(); {
			if _, v, ok := strings.Cut(s.Text(), ":"); ok && strings.HasPrefix(s.Text(), "model name") {
				cpu = strings.TrimSpace(v)
				break
			}
		}
		f.Close()
	}
	load, _ := os.ReadFile("/proc/loadavg")
	b.say("%s  %d × %s, load %s", time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.NumCPU(), cpu, strings.Join(strings.Fields(string(load))[:3], " "))
	b.say("%s", firstLine("uname", "-srvm"))
	b.say("%s", firstLine(program, "version"))
	b.say("%s; udev %s; %s", firstLine("ip", "-V"), firstLine("udevadm", "--version"), firstLine("networkctl", "--version"))
	b.say("one network namespace of its own, sysfs of its own, tmpfs on /run; a real systemd-udevd runs")
	b.say("and made the database of every bridge; of the other links it has none")
}

// measure runs all tools for one piece of work, in turns.
func (b *bench) measure(work string, bridges int) {
	r := row{work: work, bridges: bridges, cells: make([]cell, len(b.tools))}
	sample := make([]string, 0, sampleCount)
	for i := range min(sampleCount, bridges) {
		sample = append(sample, fmt.Sprintf("br%d", 1+i*bridges/sampleCount))
	}
	slices.Sort(sample)
	sample = slices.Compact(sample)
	for i, t := range b.tools {
		c := &r.cells[i]
		c.scale = 1
		device := sample[0]
		if t.perDevice {
			c.scale = bridges
		}
		peak, status, text := b.peak(t.command(device))
		c.peak = peak
		ours := strings.Contains(t.argv[0], "linkaudit")
		if status != 0 && !(ours && status == 1) {
			c.fails = fmt.Sprintf("exit %d: %s", status, text)
		}
	}
	for round := range rounds {
		for i, t := range b.tools {
			c := &r.cells[i]
			if c.fails != "" || round >= t.rounds {
				continue
			}
			devices := []string{""}
			if t.perDevice {
				devices = sample
			}
			for _, d := range devices {
				u := b.run(t.command(d))
				c.runs = append(c.runs, u)
				failed := ""
				if u.err != nil {
					failed = u.err.Error()
				}
				b.raw.Write([]string{work, t.name, d, strconv.FormatInt(u.wall.Microseconds(), 10), strconv.FormatInt(u.cpu.Microseconds(), 10), failed})
			}
		}
	}
	b.rows = append(b.rows, r)
}

func (b *bench) run(argv []string) usage {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = b.null, b.null
	start := time.Now()
	err := cmd.Run()
	u := usage{wall: time.Since(start), err: err}
	if s := cmd.ProcessState; s != nil {
		u.cpu = s.UserTime() + s.SystemTime()
	}
	return u
}

// peak runs a program once more and returns its peak resident memory in kB:
// VmHWM as it exits. ru_maxrss would not do: a process inherits it over
// execve(2) from the one that started it, which is this large program.
func (b *bench) peak(argv []string) (kb, status int, said string) {
	runtime.LockOSThread() // ptrace(2) belongs to a thread
	defer runtime.UnlockOSThread()
	var stderr bytes.Buffer
	r, w, err := os.Pipe()
	b.must(err)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = b.null, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	b.must(cmd.Start())
	w.Close()
	copied := make(chan struct{})
	go func() { io.Copy(&stderr, r); close(copied) }()
	pid := cmd.Process.Pid
	var ws unix.WaitStatus
	_, err = unix.Wait4(pid, &ws, unix.WALL, nil)
	b.must(err)
	b.must(unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACEEXIT|unix.PTRACE_O_EXITKILL))
	signal := 0
	for {
		b.must(unix.PtraceCont(pid, signal))
		signal = 0
		_, err := unix.Wait4(pid, &ws, unix.WALL, nil)
		b.must(err)
		switch {
		case ws.Exited():
			<-copied
			line, _, _ := strings.Cut(stderr.String(), "\n")
			return kb, ws.ExitStatus(), line
		case ws.Signaled():
			b.t.Fatalf("make bench: %s: %v", argv[0], ws.Signal())
		case ws.TrapCause() == unix.PTRACE_EVENT_EXIT:
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			b.must(err)
			for line := range strings.Lines(string(text)) {
				if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					kb, _ = strconv.Atoi(strings.Fields(v)[0])
				}
			}
		default:
			signal = int(ws.StopSignal())
		}
	}
}

// quartiles of what get takes of the runs, in ms.
func quartiles(runs []usage, scale int, get func(usage) time.Duration) (low, median, high float64) {
	var v []float64
	for _, u := range runs {
		v = append(v, get(u).Seconds()*1000*float64(scale))
	}
	slices.Sort(v)
	n := len(v)
	return v[n/4], v[n/2], v[(3*n)/4]
}

func wall(u usage) time.Duration { return u.wall }
func cpu(u usage) time.Duration  { return u.cpu }

func ms(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// tables prints one table for each thing that was measured.
func (b *bench) tables() {
	for _, what := range []struct {
		title string
		cell  func(c cell) string
	}{
		{"time in ms: median (quartiles)", func(c cell) string {
			low, median, high := quartiles(c.runs, c.scale, wall)
			return fmt.Sprintf("%s (%s-%s)", ms(median), ms(low), ms(high))
		}},
		{"processor time in ms, user and system: median", func(c cell) string {
			_, median, _ := quartiles(c.runs, c.scale, cpu)
			return ms(median)
		}},
		{"peak resident memory in MB", func(c cell) string { return fmt.Sprintf("%.1f", float64(c.peak)/1024) }},
	} {
		b.say("\n%s", what.title)
		b.print(func(c cell, _ row) string {
			if c.fails != "" {
				return "fails"
			}
			return what.cell(c)
		}, b.tools)
	}
	b.say("\nratios in this run: the tool's median divided by that of linkaudit check (more than 1: linkaudit is faster)")
	b.print(func(c cell, r row) string {
		if c.fails != "" {
			return "fails"
		}
		_, theirs, _ := quartiles(c.runs, c.scale, wall)
		_, ours, _ := quartiles(r.cells[0].runs, 1, wall)
		return fmt.Sprintf("%.2f", theirs/ours)
	}, b.tools)
	b.say("\nudevadm × bridges: one run for each bridge, measured on up to %d of them and multiplied by their number", sampleCount)
	b.say("memory is that of one process; linkaudit version is what starting the program alone takes")
	for i, t := range b.tools {
		for _, r := range b.rows {
			if f := r.cells[i].fails; f != "" {
				b.say("%s fails here (%s): no figure", t.name, f)
				break
			}
		}
	}
}

func (b *bench) print(text func(cell, row) string, tools []tool) {
	lines := [][]string{{""}}
	for _, t := range tools {
		lines[0] = append(lines[0], t.name)
	}
	for _, r := range b.rows {
		line := []string{r.work}
		for _, c := range r.cells {
			line = append(line, text(c, r))
		}
		lines = append(lines, line)
	}
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, s := range line {
			width[i] = max(width[i], len([]rune(s)))
		}
	}
	for _, line := range lines {
		var s strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 {
				s.WriteString(cell + pad)
			} else {
				s.WriteString("  " + pad + cell)
			}
		}
		b.say("%s", strings.TrimRight(s.String(), " "))
	}
}

// rooms runs the Go benchmarks of this package and keeps what they print, for
// benchstat.
func (b *bench) rooms() {
	f, err := os.Create(filepath.Join(b.dir, "gobench.txt"))
	b.must(err)
	defer f.Close()
	b.say("\nthe rooms below the program, by themselves (for benchstat: gobench.txt)")
	cmd := exec.Command("/proc/self/exe", "-test.run=^$", "-test.bench=.", "-test.benchtime=200ms", "-test.count=3")
	cmd.Stdout, cmd.Stderr = io.MultiWriter(b.out, f), os.Stderr
	b.must(cmd.Run())
}
