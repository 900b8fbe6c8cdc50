// Package inject runs a program and decides about each of its system calls that touch
// files: the call is made, it fails, or the program is killed instead. It sees calls in
// the order in which the process makes them, in any thread. So "the second fsync of
// this directory" is the same call in each run. The counters of strace --inject cannot
// do that, because each thread has its own.
//
// It uses seccomp's user notification (seccomp_unotify(2), Linux 5.0; the flag that
// keeps the signals of Go's run time from repeating a call is of 5.19). A program that
// uses this package calls [Build] first.
package inject

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"linkaudit/test/tool"
)

//go:embed launch/launch.c
var launchSource string

// launcher is the program that becomes the one that [Run] watches.
var launcher string

// Build compiles the launcher into a directory.
func Build(dir string) error {
	launcher = filepath.Join(dir, "launch")
	return tool.Compile(launcher, launchSource, "-static")
}

// arguments says what each argument of a call is.
type arguments struct {
	number uint32
	// fds are descriptors, or directories that a path is relative to. paths are
	// pointers to the path for the descriptor at the same index.
	fds, paths []int
}

// known are the calls that can be watched.
var known = map[string]arguments{
	"openat":     {unix.SYS_OPENAT, []int{0}, []int{1}},
	"write":      {unix.SYS_WRITE, []int{0}, nil},
	"read":       {unix.SYS_READ, []int{0}, nil},
	"close":      {unix.SYS_CLOSE, []int{0}, nil},
	"fsync":      {unix.SYS_FSYNC, []int{0}, nil},
	"fchown":     {unix.SYS_FCHOWN, []int{0}, nil},
	"fchmod":     {unix.SYS_FCHMOD, []int{0}, nil},
	"fstat":      {unix.SYS_FSTAT, []int{0}, nil},
	"flock":      {unix.SYS_FLOCK, []int{0}, nil},
	"getdents64": {unix.SYS_GETDENTS64, []int{0}, nil},
	"utimensat":  {unix.SYS_UTIMENSAT, []int{0}, []int{1}},
	"newfstatat": {unix.SYS_NEWFSTATAT, []int{0}, []int{1}},
	"unlinkat":   {unix.SYS_UNLINKAT, []int{0}, []int{1}},
	"mkdirat":    {unix.SYS_MKDIRAT, []int{0}, []int{1}},
	"renameat":   {unix.SYS_RENAMEAT, []int{0, 2}, []int{1, 3}},
	"renameat2":  {unix.SYS_RENAMEAT2, []int{0, 2}, []int{1, 3}},
}

// Call is a system call that the program is about to make.
type Call struct {
	Name string
	// What is the object of the call: "<file>" for a descriptor, `<directory> "name"`
	// for a path, as strace -y shows them; twice that for a rename.
	What string
	// Creates is an openat(2) with O_CREAT.
	Creates bool
}

// Verdict is what happens to a call.
type Verdict int

const (
	Continue Verdict = 0
	// Kill ends the process before the call is made. A positive number is the errno(3)
	// with which the call fails.
	Kill Verdict = -1
)

// Run runs cmd to its end. One goroutine calls decide, in order, about each call with
// one of those names (or about all known calls, if there are none) that cmd's process
// makes after it has executed a program with that base name. Its child processes are
// left alone. An error says that nothing could be watched.
func Run(cmd *exec.Cmd, program string, names []string, decide func(Call) Verdict) (tool.Outcome, error) {
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(known))
	}
	for _, name := range names {
		if known[name].fds == nil {
			return tool.Outcome{}, fmt.Errorf("inject: unknown call %q", name)
		}
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return tool.Outcome{}, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "inject"), os.NewFile(uintptr(pair[1]), "inject")
	defer ours.Close()
	numbers := make([]string, 0, len(names))
	for _, name := range names {
		numbers = append(numbers, fmt.Sprint(known[name].number))
	}
	cmd.Args = append([]string{"launch", strings.Join(numbers, ","), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = launcher
	cmd.ExtraFiles = []*os.File{theirs}
	var (
		watching sync.WaitGroup
		failed   error
	)
	outcome := tool.RunWith(cmd, func() {
		theirs.Close()
		watching.Go(func() {
			if failed = watch(ours, cmd.Process.Pid, program, names, decide); failed != nil {
				unix.Kill(cmd.Process.Pid, unix.SIGKILL)
			}
		})
	})
	theirs.Close()
	watching.Wait()
	return outcome, failed
}

// notification and response are struct seccomp_notif and seccomp_notif_resp of
// linux/seccomp.h.
type notification struct {
	id      uint64
	pid     uint32
	flags   uint32
	number  int32
	arch    uint32
	pointer uint64
	args    [6]uint64
}

type response struct {
	id    uint64
	value int64
	error int32
	flags uint32
}

// watch answers until no process is left that could call.
func watch(socket *os.File, pid int, program string, names []string, decide func(Call) Verdict) error {
	listener, err := receive(socket)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	byNumber := map[int32]string{}
	for _, name := range names {
		byNumber[int32(known[name].number)] = name
	}
	running := false
	for {
		poll := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err == unix.EINTR {
			continue
		} else if err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			return nil
		}
		var n notification
		if errno := control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); errno == unix.ENOENT || errno == unix.EINTR {
			continue // the call was cancelled
		} else if errno != 0 {
			return fmt.Errorf("SECCOMP_IOCTL_NOTIF_RECV: %w", errno)
		}
		answer := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if !running {
			exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
			running = strings.HasSuffix(exe, "/"+program)
		}
		if running && ofProcess(n.pid, pid) {
			switch v := decide(describe(n, byNumber[n.number])); {
			case v == Kill:
				unix.Kill(pid, unix.SIGKILL)
				continue
			case v > 0:
				answer.flags, answer.error = 0, -int32(v)
			}
		}
		if errno := control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)); errno != 0 && errno != unix.ENOENT {
			return fmt.Errorf("SECCOMP_IOCTL_NOTIF_SEND: %w", errno)
		}
	}
}

func control(fd int, request uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno
}

// receive takes the listener that the launcher sends.
func receive(socket *os.File) (int, error) {
	conn, err := net.FileConn(socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(make([]byte, 1), rights)
	if err != nil {
		return 0, fmt.Errorf("no listener came: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return 0, errors.Join(errors.New("no listener came"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	unix.CloseOnExec(fds[0])
	return fds[0], nil
}

// ofProcess reports whether a thread belongs to a process.
func ofProcess(thread uint32, pid int) bool {
	if int(thread) == pid {
		return true
	}
	_, err := os.Lstat(fmt.Sprintf("/proc/%d/task/%d", pid, thread))
	return err == nil
}

// describe reads the arguments; the thread is stopped meanwhile.
func describe(n notification, name string) Call {
	a := known[name]
	var parts []string
	for i, fd := range a.fds {
		link := fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[fd]))
		if int32(n.args[fd]) == unix.AT_FDCWD {
			link = fmt.Sprintf("/proc/%d/cwd", n.pid)
		}
		file, err := os.Readlink(link)
		if err != nil {
			file = "?"
		}
		parts = append(parts, "<"+file+">")
		if i < len(a.paths) && n.args[a.paths[i]] != 0 {
			parts = append(parts, fmt.Sprintf("%q", text(n.pid, n.args[a.paths[i]])))
		}
	}
	return Call{Name: name, What: strings.Join(parts, " "), Creates: name == "openat" && n.args[2]&unix.O_CREAT != 0}
}

// text is a C string in the memory of a thread.
func text(thread uint32, address uint64) string {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", thread))
	if err != nil {
		return "?"
	}
	defer mem.Close()
	buf := make([]byte, unix.PathMax)
	n, _ := mem.ReadAt(buf, int64(address)) // up to the end of the mapping
	path, _, _ := strings.Cut(string(buf[:n]), "\x00")
	return path
}
