package suites

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/tool"
)

// failure finds the lines in which programs say what went wrong.
var failure = regexp.MustCompile(`^\s*--- FAIL|^FAIL|^panic:|^\s+\S+_test\.go:\d+: |^make: \*\*\*|[Ee]rror:|failed`)

// adopt makes this process the parent of processes whose parent ends (prctl(2),
// PR_SET_CHILD_SUBREAPER), and waits for them until ctx is done. No other process does,
// and the first process of a PID namespace ends only when all others there were waited
// for (zap_pid_ns_processes() of kernel/pid_namespace.c).
func adopt(ctx context.Context) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		defer signal.Stop(ended)
		look := time.NewTicker(time.Second) // not for each of many that end at once
		defer look.Stop()
		var before map[int]bool
		for some := false; ; {
			select {
			case <-ctx.Done():
				return
			case <-ended:
				some = true
				continue
			case <-look.C:
			}
			if some {
				before = reapSince(before)
				some = len(before) > 0
			}
		}
	}()
	return nil
}

// A process is what /proc says of one.
type process struct {
	pid, parent, session int
	state, command       string
}

// processes are all processes of the machine.
func processes() (all []process) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// proc(5): pid (comm) state ppid pgrp session; comm may have any characters.
		before, after, ok := strings.Cut(string(text), " (")
		end := strings.LastIndexByte(after, ')')
		fields := []string{}
		if ok && end >= 0 {
			fields = strings.Fields(after[end+1:])
		}
		if len(fields) < 4 {
			continue
		}
		p := process{state: fields[0]}
		p.pid, _ = strconv.Atoi(before)
		p.parent, _ = strconv.Atoi(fields[1])
		p.session, _ = strconv.Atoi(fields[3])
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		p.command = strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
		if p.command == "" {
			p.command = "(" + after[:end] + ")"
		}
		all = append(all, p)
	}
	return all
}

// A family is the processes of a suite: all that its first process started, directly or
// indirectly, even if a parent has ended or a process has a session of its own.
type family struct {
	first int
	// mark is a variable in the environment of the first process, and of all others
	// that did not remove it.
	mark string
}

func (f family) processes() (out []process) {
	all := processes()
	in := map[int]bool{f.first: true}
	for _, p := range all {
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if slices.Contains(strings.Split(string(environ), "\x00"), f.mark) {
			in[p.pid] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !in[p.pid] && (in[p.parent] || p.session == f.first) {
				in[p.pid], grown = true, true
			}
		}
	}
	for _, p := range all {
		if in[p.pid] && p.pid != os.Getpid() {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b process) int { return a.pid - b.pid })
	return out
}

// dump writes what each process does: its state and its place in the kernel, and the
// goroutines of Go programs, which print them on SIGQUIT.
func (f family) dump(to io.Writer) {
	all := f.processes()
	for _, p := range all {
		where, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", p.pid))
		fmt.Fprintf(to, "  %d (of %d) %s in %s: %s\n", p.pid, p.parent, p.state, where, printable(p.command))
		stack, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stack", p.pid))
		for line := range strings.Lines(string(stack)) {
			fmt.Fprint(to, "      ", line)
		}
	}
	var asked []int
	for _, p := range all {
		// Not the go command, which would end its test without a dump.
		info, err := buildinfo.ReadFile(fmt.Sprintf("/proc/%d/exe", p.pid))
		if err == nil && info.Path != "cmd/go" {
			unix.Kill(p.pid, unix.SIGQUIT)
			asked = append(asked, p.pid)
		}
	}
	// A stopped process never prints.
	tool.Until(10*time.Second, func() bool {
		return !slices.ContainsFunc(asked, func(pid int) bool { return unix.Kill(pid, 0) == nil })
	})
}

// printable is a command line, safe for a log.
func printable(s string) string {
	s = strconv.QuoteToGraphic(s)
	if len(s) > 300 {
		s = s[:300] + "..."
	}
	return s
}

// kill kills all processes until there are none, and returns how many it found.
func (f family) kill() (found int) {
	defer reap()
	seen := map[int]bool{}
	tool.Until(time.Minute, func() bool {
		alive := false
		for _, p := range f.processes() {
			if p.state != "Z" && p.state != "X" {
				unix.Kill(p.pid, unix.SIGKILL)
				seen[p.pid], alive = true, true
			}
		}
		return !alive
	})
	return len(seen)
}

// firsts are the first processes of suites. The code that starts them waits for them.
var firsts = struct {
	sync.Mutex
	pids map[int]bool
}{pids: map[int]bool{}}

// start starts the first process of a suite.
func start(cmd *exec.Cmd) error {
	firsts.Lock()
	defer firsts.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	firsts.pids[cmd.Process.Pid] = true
	return nil
}

// reap waits for ended children for which no other code waits: those that this process
// adopted.
func reap() {
	reapSince(reapSince(nil))
}

// reapSince does so for children that had ended when an earlier look found them,
// because other code waits at once for those that this process started. It returns
// those that it finds now.
func reapSince(before map[int]bool) (ended map[int]bool) {
	firsts.Lock()
	defer firsts.Unlock()
	ended = map[int]bool{}
	for _, p := range processes() {
		switch {
		case p.parent != os.Getpid() || p.state != "Z" || firsts.pids[p.pid]:
		case before[p.pid]:
			unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
		default:
			ended[p.pid] = true
		}
	}
	return ended
}
