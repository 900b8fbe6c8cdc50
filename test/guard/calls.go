package guard

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// runtimeCalls are not counted: Go's run time makes them, as often as the clock and the
// scheduling of threads happen to require. What it does once when a program starts is
// counted, as part of the program.
var runtimeCalls = map[string]string{
	"futex":       "threads that wait for each other",
	"nanosleep":   "sysmon(), which looks around all the time",
	"sched_yield": "threads that wait for each other",
	"epoll_pwait": "the scheduler, whenever it has nothing else to do",
	"epoll_wait":  "the same",

	"clone":           "threads, as many as are wanted at a moment",
	"clone3":          "the same",
	"gettid":          "each thread at its start",
	"sigaltstack":     "each thread at its start",
	"rt_sigprocmask":  "each thread at its start",
	"rseq":            "each thread at its start",
	"set_robust_list": "each thread at its start",
	"exit":            "the end of a thread",
	"exit_group":      "once, and shown as finished or not",
	"tgkill":          "a thread asked to let others run",
	"getpid":          "before a tgkill",
	"rt_sigreturn":    "after a tgkill",
	"restart_syscall": "after a signal",
	"timer_create":    "the profiler",
	"rt_sigaction":    "each signal at the start, more than all else that a small audit asks for",

	// Memory is counted by what is allocated.
	"mmap": "memory", "munmap": "memory", "madvise": "memory", "mprotect": "memory", "brk": "memory",
	"mincore": "memory", "prctl": "names of mappings (PR_SET_VMA)",
}

// Untraced is the argument of strace's -e that leaves out those calls, on every
// architecture.
func Untraced() string {
	var names []string
	for name := range runtimeCalls {
		names = append(names, "?"+name)
	}
	slices.Sort(names)
	return "trace=!" + strings.Join(names, ",")
}

// Trace is strace's output about one run of a program.
type Trace struct {
	calls []call
}

// call is one line of "strace -ff -yy -v".
type call struct {
	name   string
	args   string
	result int64 // -1: it failed
}

var (
	// callLine matches the last "= " of a line: arguments may contain one too.
	callLine = regexp.MustCompile(`^([a-z_0-9]+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?:<.*>)?(?: [^=]*)?$`)
	// descriptor is the first argument, as -yy shows it; some files of procfs appear as
	// deleted.
	descriptor = regexp.MustCompile(`^(\d+)<(.*?)>(?:\(deleted\))?(?:,|$)`)
	// quoted is the first string among the arguments.
	quoted = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
)

// Add reads the file that strace -ff wrote about one thread. It skips what comes before
// the call that starts the program.
func (t *Trace) Add(r io.Reader, program string) error {
	var calls []call
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") || strings.HasSuffix(line, "<unfinished ...>") || strings.HasPrefix(line, "???(") {
			// Signals, the end, the call that a thread was in when strace attached, and
			// calls without data because the thread was gone.
			continue
		}
		m := callLine.FindStringSubmatch(line)
		if m == nil {
			return fmt.Errorf("no line of strace -ff: %.200q", line)
		}
		c := call{name: m[1], args: m[2], result: -1}
		if n, err := strconv.ParseInt(m[3], 0, 64); err == nil {
			c.result = n
		}
		if c.name == "execve" && strings.HasPrefix(c.args, strconv.Quote(program)) {
			calls = nil
			continue
		}
		calls = append(calls, c)
	}
	t.calls = append(t.calls, calls...)
	return lines.Err()
}

// path is the file that a call is about, "" if there is none. Sockets, pipes and the
// like have a colon.
func (c call) path() string {
	if m := descriptor.FindStringSubmatch(c.args); m != nil && c.name != "openat" && c.name != "newfstatat" && c.name != "readlinkat" && c.name != "statx" {
		return m[2]
	}
	if m := quoted.FindStringSubmatch(c.args); m != nil {
		return m[1]
	}
	return ""
}

// wakes reports whether Go's run time wakes one of its threads with the call.
func (c call) wakes() bool {
	return (c.name == "read" || c.name == "write") && strings.HasPrefix(c.path(), "anon_inode:[eventfd]")
}

// message is the beginning of each netlink message in strace's output.
const message = "{nlmsg_len="

// Figures counts. root is the path of the program's root from outside.
//
// Data received by netlink is counted in messages: the length of a message depends on
// the kernel's release. A kernel without a driver for a kind treats a dump of it as one
// of all devices. linkaudit reads only its first answer; it counts as one message, like
// the end of an empty dump.
func (t *Trace) Figures(root string) (Figures, error) {
	f := Figures{Calls: 0, FileBytes: 0, SysfsBytes: 0, MessagesSent: 0, BytesSent: 0, MessagesReceived: 0}
	ofKind := map[string]bool{} // sockets with a dump of one kind
	for _, c := range t.calls {
		if c.name == "sendto" && strings.Contains(c.args, "NLM_F_DUMP") && strings.Contains(c.args, "IFLA_INFO_KIND") {
			ofKind[c.path()] = true
		}
	}
	for _, c := range t.calls {
		if _, ok := runtimeCalls[c.name]; ok || c.wakes() {
			continue
		}
		f[Calls]++
		f[CallsOf+c.name]++
		path := c.path()
		netlink := strings.HasPrefix(path, "NETLINK:")
		switch c.name {
		case "read", "pread64", "readv", "preadv", "getdents64":
			if strings.Contains(path, ":[") || c.result <= 0 {
				break
			}
			switch path := strings.TrimPrefix(path, root); {
			case strings.HasPrefix(path, "/sys/"):
				f[SysfsBytes] += c.result
			case !strings.HasPrefix(path, "/proc/"):
				f[FileBytes] += c.result
			}
		case "sendto", "sendmsg":
			if netlink && c.result > 0 {
				f[MessagesSent] += int64(strings.Count(c.args, message))
				f[BytesSent] += c.result
			}
		case "recvfrom", "recvmsg":
			if !netlink || c.result <= 0 {
				break
			}
			messages := int64(strings.Count(c.args, message))
			switch {
			case messages == 0:
				return nil, fmt.Errorf("no netlink message in what strace shows of one: %.200q", c.args)
			case ofKind[path] && !strings.Contains(c.args, "NLM_F_DUMP_FILTERED") && !strings.Contains(c.args, "NLMSG_DONE"):
				messages = 1
			}
			f[MessagesReceived] += messages
		}
	}
	return f, nil
}

var digits = regexp.MustCompile(`\d+`)

// Paths are the files that the calls of a name are about, with their number, the most
// frequent first. Numbers in paths are removed, so the paths of devices and processes
// are counted together.
func (t *Trace) Paths(name, root string) []string {
	count := map[string]int{}
	for _, c := range t.calls {
		if c.name == name {
			count[digits.ReplaceAllString(strings.TrimPrefix(c.path(), root), "N")]++
		}
	}
	var paths []string
	for path := range count {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	for i, path := range paths {
		paths[i] = fmt.Sprintf("%d × %s", count[path], path)
	}
	return paths
}
