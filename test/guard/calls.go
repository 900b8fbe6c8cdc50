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

// runtimeCalls are not counted: Go's run time makes them, and how often depends on
// the clock and on how threads happen to be scheduled. What it does once when a
// program starts is counted, as part of the program.
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
	"exit_group":      "once, and told as finished or not",
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

// Untraced is the argument of strace's -e that leaves those calls out, on every
// architecture.
func Untraced() string {
	var names []string
	for name := range runtimeCalls {
		names = append(names, "?"+name)
	}
	slices.Sort(names)
	return "trace=!" + strings.Join(names, ",")
}

// Trace is what strace told of one run of a program.
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
	// callLine has the last "= " of a line: arguments may hold one too.
	callLine = regexp.MustCompile(`^([a-z_0-9]+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?:<.*>)?(?: [^=]*)?$`)
	// descriptor is the first argument, as -yy shows it; some files of procfs seem
	// deleted.
	descriptor = regexp.MustCompile(`^(\d+)<(.*?)>(?:\(deleted\))?(?:,|$)`)
	// quoted is the first string among the arguments.
	quoted = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
)

// Add reads the file that strace -ff wrote of one thread. What comes before the
// call that starts the program is not the program's.
func (t *Trace) Add(r io.Reader, program string) error {
	var calls []call
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") || strings.HasSuffix(line, "<unfinished ...>") || strings.HasPrefix(line, "???(") {
			// Signals, the end, what a thread was at when it came, and what strace did
			// not come to ask for, since the thread was gone by then.
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

// path is the file that a call is about, "" where there is none. Those of sockets,
// pipes and the like have a colon.
func (c call) path() string {
	if m := descriptor.FindStringSubmatch(c.args); m != nil && c.name != "openat" && c.name != "newfstatat" && c.name != "readlinkat" && c.name != "statx" {
		return m[2]
	}
	if m := quoted.FindStringSubmatch(c.args); m != nil {
		return m[1]
	}
	return ""
}

// wakes reports whether the call is the run time's way to wake one of its threads.
func (c call) wakes() bool {
	return (c.name == "read" || c.name == "write") && strings.HasPrefix(c.path(), "anon_inode:[eventfd]")
}

// message is the begin of each netlink message that strace shows.
const message = "{nlmsg_len="

// Figures counts. root is where the program's root is outside of it.
//
// What was received by netlink is counted in messages: how long one is depends on
// the kernel's release. A kernel that has no driver for a kind takes a dump of it
// for one of all devices, of which linkaudit reads the first answer; that counts as
// the one message that the end of an empty dump is.
func (t *Trace) Figures(root string) (Figures, error) {
	f := Figures{Calls: 0, FileBytes: 0, SysfsBytes: 0, MessagesSent: 0, BytesSent: 0, MessagesReceived: 0}
	ofKind := map[string]bool{} // sockets on which a dump of one kind was asked for
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

// Paths are the files that the calls of a name are about, with how often, the most
// frequent first; numbers in them are left out, so that those of devices and
// processes come together.
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
