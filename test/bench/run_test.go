//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// command is how a tool does a piece of work.
type command struct {
	argvs [][]string // one program after the other
	stdin *input     // nil: empty
	// The programs are run for one of devices at a time, which replaces DEVICE. The
	// result is multiplied by the number of devices, of.
	devices []string
	of      int
}

func once(argv ...string) command {
	return command{argvs: [][]string{argv}, devices: []string{""}, of: 1}
}

// sampled is run for ten devices at most, and counted for all.
func sampled(all []string, argvs ...[]string) command {
	const most = 10
	c := command{argvs: argvs, of: len(all)}
	for i := range min(most, len(all)) {
		c.devices = append(c.devices, all[i*len(all)/min(most, len(all))])
	}
	return c
}

func (c command) argv(i int, device string) []string {
	argv := slices.Clone(c.argvs[i])
	for j := range argv {
		argv[j] = strings.ReplaceAll(argv[j], "DEVICE", device)
	}
	return argv
}

// String is the command as it is shown.
func (c command) String() string {
	var all []string
	for _, argv := range c.argvs {
		argv = slices.Clone(argv)
		argv[0] = filepath.Base(argv[0])
		for i, a := range argv {
			if strings.ContainsAny(a, " *") {
				argv[i] = "'" + a + "'"
			}
		}
		// Of several files in one directory, only the first.
		shown := slices.CompactFunc(slices.Clone(argv), func(x, y string) bool {
			return strings.Contains(y, "/") && filepath.Dir(x) == filepath.Dir(y)
		})
		if len(shown) < len(argv) {
			shown = append(shown, "...")
		}
		all = append(all, strings.Join(shown, " "))
	}
	s := strings.Join(all, "; ")
	if c.stdin != nil {
		s += " <" + c.stdin.name
	}
	return s
}

// usage is one run of a command for one device.
type usage struct{ wall, cpu time.Duration }

// cell is what a tool took for a piece of work.
type cell struct {
	able  bool
	runs  []usage
	peak  int // kB, of one process
	of    int // wall and cpu are for one device of so many
	fails string
}

// measure runs a piece of work with each tool: once for its memory, and then in turns
// as often as the size says.
func (b *bench) measure(what, where string, work commands) *row {
	r := &row{what: what, where: where, commands: work}
	b.rows = append(b.rows, r)
	label := what + ", " + where
	start := time.Now()
	var rounds [toolCount]int
	for t := range toolCount {
		c, ok := work[t]
		if !ok {
			continue
		}
		cell := &r.cells[t]
		cell.able, cell.of = true, c.of
		begun := time.Now()
		var err error
		if cell.peak, err = b.peak(c); err != nil {
			cell.fails = err.Error()
			b.t.Errorf("%s: %s: %v", label, c, err)
		}
		b.record(label, t, c.devices[0], usage{}, cell.peak, err)
		rounds[t] = b.size.rounds(time.Since(begun), len(c.devices))
	}
	for round := range b.size.atMost {
		for t := range toolCount {
			cell := &r.cells[t]
			if cell.fails != "" || round >= rounds[t] {
				continue
			}
			c := work[t]
			for _, d := range c.devices {
				u, err := b.run(c, d)
				b.record(label, t, d, u, 0, err)
				if err != nil {
					cell.fails = err.Error()
					b.t.Errorf("%s: %s: %v", label, c, err)
					break
				}
				cell.runs = append(cell.runs, u)
			}
		}
	}
	b.note("measured: %s: %.1f s", label, time.Since(start).Seconds())
	return r
}

// rounds is how often to run a command that took first for one of its devices.
func (s size) rounds(first time.Duration, devices int) int {
	if first > s.long {
		return 1
	}
	fit := int(s.budget / max(1, first*time.Duration(devices)))
	return min(max(fit, s.atLeast), s.atMost)
}

// record keeps a run in runs.csv.
func (b *bench) record(label string, t tool, device string, u usage, peak int, err error) {
	var wall, cpu, kb, failed string
	if peak > 0 {
		kb = strconv.Itoa(peak)
	} else {
		wall, cpu = strconv.FormatInt(u.wall.Microseconds(), 10), strconv.FormatInt(u.cpu.Microseconds(), 10)
	}
	if err != nil {
		failed = err.Error()
	}
	b.raw.Write([]string{label, t.String(), device, wall, cpu, kb, failed})
}

// failed is the error of a program's end. linkaudit exits 1 if it has findings.
func failed(argv []string, status int, said string) error {
	if status == 0 || status == 1 && filepath.Base(argv[0]) == filepath.Base(program) {
		return nil
	}
	return fmt.Errorf("exit status %d: %s", status, said)
}

func (b *bench) run(c command, device string) (usage, error) {
	var sum usage
	for i := range c.argvs {
		argv := c.argv(i, device)
		cmd := exec.Command(argv[0], argv[1:]...)
		in := b.reader(c.stdin)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = in, b.null, b.null
		start := time.Now()
		err := cmd.Run()
		sum.wall += time.Since(start)
		in.Close()
		if cmd.ProcessState == nil {
			return sum, err
		}
		sum.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if err := failed(argv, cmd.ProcessState.ExitCode(), "see the first run"); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// reader opens a program's standard input.
func (b *bench) reader(in *input) *os.File {
	path := os.DevNull
	if in != nil {
		path = fmt.Sprintf("/proc/self/fd/%d", in.file.Fd())
	}
	f, err := os.Open(path)
	b.must(err)
	return f
}

// peak is the most memory in kB of the programs of a command, each run for the first
// device.
func (b *bench) peak(c command) (kb int, err error) {
	for i := range c.argvs {
		argv := c.argv(i, c.devices[0])
		one, status, said := b.traced(argv, c.stdin)
		kb = max(kb, one)
		if err := failed(argv, status, said); err != nil {
			return kb, err
		}
	}
	return kb, nil
}

// traced runs a program and returns its peak resident memory in kB: VmHWM as it exits.
// ru_maxrss does not work: a process inherits it over execve(2) from the process that
// started it, which is this large program.
func (b *bench) traced(argv []string, stdin *input) (kb, status int, said string) {
	runtime.LockOSThread() // ptrace(2) belongs to a thread
	defer runtime.UnlockOSThread()
	in := b.reader(stdin)
	defer in.Close()
	var stderr bytes.Buffer
	r, w, err := os.Pipe()
	b.must(err)
	defer r.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, b.null, w
	cmd.SysProcAttr = &unix.SysProcAttr{Ptrace: true}
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
