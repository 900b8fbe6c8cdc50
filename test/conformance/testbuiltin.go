package conformance

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/tool"
)

//go:embed serve/serve.c
var serveSource string

// serveLibrary is serve/serve.c, compiled once: a file without a name, which the agents
// have open as descriptor 3.
var serveLibrary = sync.OnceValues(func() (*os.File, error) {
	f, err := os.CreateTemp("", "serve-*.so")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	f.Close()
	if err := tool.Compile(f.Name(), serveSource, "-shared", "-fPIC"); err != nil {
		return nil, err
	}
	return os.Open(f.Name())
})

// A testBuiltin is the udevadm of the root in which it is started. It answers many
// questions with one start.
type testBuiltin struct {
	cmd            *exec.Cmd
	socket         *os.File
	stdout, stderr *os.File
}

// startTestBuiltin starts it with the library, which serve/serve.c describes.
func startTestBuiltin(library *os.File) (u *testBuiltin, err error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("a socket for udevadm: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	defer theirs.Close()
	if err := syscall.SetNonblock(pair[0], true); err != nil { // or it has no deadlines
		return nil, err
	}
	u = &testBuiltin{socket: os.NewFile(uintptr(pair[0]), "socket")}
	for _, f := range []**os.File{&u.stdout, &u.stderr} {
		fd, err := unix.MemfdCreate("udevadm", unix.MFD_CLOEXEC)
		if err != nil {
			return nil, fmt.Errorf("a file for what udevadm prints: %w", err)
		}
		*f = os.NewFile(uintptr(fd), "output")
	}
	u.cmd = exec.Command("/usr/bin/udevadm", "test-builtin", "net_setup_link", "")
	u.cmd.Env = []string{"LD_PRELOAD=/proc/self/fd/3"}
	u.cmd.Stderr = os.Stderr
	u.cmd.ExtraFiles = []*os.File{library, theirs, u.stdout, u.stderr}
	if err := u.cmd.Start(); err != nil {
		return nil, err
	}
	return u, nil
}

// setupLink is udevadm test-builtin net_setup_link for the device.
func (u *testBuiltin) setupLink(device string, env []string) (output, error) {
	for _, f := range []*os.File{u.stdout, u.stderr} {
		if err := f.Truncate(0); err != nil {
			return output{}, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil { // udevadm writes from there
			return output{}, err
		}
	}
	// console-prefixed puts "<PRIORITY>" before each line. The action is "add"
	// by default; 247 has no option for it.
	question := strings.Join(append([]string{
		"/sys/class/net/" + device,
		"SYSTEMD_LOG_LEVEL=debug",
		"SYSTEMD_LOG_TARGET=console-prefixed",
		"SYSTEMD_LOG_LOCATION=0",
		"SYSTEMD_LOG_COLOR=0",
		"LANG=C.UTF-8",
	}, env...), "\x00") + "\x00"
	if _, err := u.socket.Write(append(binary.NativeEndian.AppendUint32(nil, uint32(len(question))), question...)); err != nil {
		return output{}, fmt.Errorf("ask udevadm: %w", err)
	}
	pid, err := u.number(time.Now().Add(tool.Patience(time.Minute)))
	if err != nil {
		return output{}, fmt.Errorf("udevadm does not start: %w", err)
	}
	var o output
	status, err := u.status(int(pid))
	if errors.Is(err, errWaitsForEver) {
		o.Failure = "udevadm did not end"
		if err := syscall.Kill(int(pid), syscall.SIGKILL); err != nil {
			return output{}, err
		}
		status, err = u.number(time.Now().Add(tool.Patience(time.Minute)))
	}
	if err != nil {
		return output{}, fmt.Errorf("hear udevadm: %w", err)
	}
	if ws := syscall.WaitStatus(status); ws.Signaled() && o.Failure == "" {
		o.Failure = fmt.Sprintf("udevadm was killed: signal %d (%v)", ws.Signal(), ws.Signal())
	}
	for f, to := range map[*os.File]*[]byte{u.stdout: &o.Stdout, u.stderr: &o.Stderr} {
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return output{}, err
		}
		*to = make([]byte, size)
		if _, err := f.ReadAt(*to, 0); err != nil && size > 0 {
			return output{}, err
		}
	}
	return o, nil
}

// number is the next one that the library sends before the deadline.
func (u *testBuiltin) number(deadline time.Time) (n int32, err error) {
	if err = u.socket.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	err = binary.Read(u.socket, binary.NativeEndian, &n)
	return n, err
}

// errWaitsForEver says that a udevadm waits forever.
var errWaitsForEver = errors.New("it waits at a FIFO")

// status is the wait status of the udevadm with that process ID, or errWaitsForEver. It
// takes some 10 ms. If it takes long, what the process does decides, not the time.
func (u *testBuiltin) status(pid int) (int32, error) {
	limit := time.Now().Add(tool.Patience(time.Minute))
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		status, err := u.number(time.Now().Add(pause))
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return status, err
		case waitsAtFIFO(pid):
			return 0, errWaitsForEver
		case time.Now().After(limit):
			wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
			call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
			return 0, fmt.Errorf("process %d does not end and waits at no FIFO (in %q, system call %q): %w", pid, wchan, call, err)
		}
	}
}

// waitsAtFIFO reports whether the process sleeps in openat(2) of a FIFO. In a generated
// tree no process opens the other end, so it sleeps there forever.
func waitsAtFIFO(pid int) bool {
	dir := fmt.Sprintf("/proc/%d", pid)
	// "NUMBER ARGUMENT...", the arguments in hexadecimal; "running" where it does not
	// sleep (proc(5)).
	call, err := os.ReadFile(dir + "/syscall")
	if err != nil {
		return false
	}
	var number int
	var at, path, flags uint64
	if n, _ := fmt.Sscanf(string(call), "%d 0x%x 0x%x 0x%x", &number, &at, &path, &flags); n != 4 ||
		number != unix.SYS_OPENAT || flags&(unix.O_NONBLOCK|unix.O_PATH) != 0 {
		return false
	}
	memory, err := os.Open(dir + "/mem")
	if err != nil {
		return false
	}
	defer memory.Close()
	text := make([]byte, unix.PathMax)
	n, _ := memory.ReadAt(text, int64(path)) // to the end of the mapping
	text, _, whole := bytes.Cut(text[:n], []byte{0})
	if !whole {
		return false
	}
	name := string(text)
	switch rest, own := strings.CutPrefix(name, "/proc/self/"); {
	case own: // an open file of its own, which it opens once more
		name = dir + "/" + rest
	case strings.HasPrefix(name, "/"):
	case int32(at) == unix.AT_FDCWD:
		name = dir + "/cwd/" + name
	default:
		name = fmt.Sprintf("%s/fd/%d/%s", dir, int32(at), name)
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}
