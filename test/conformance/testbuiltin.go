package conformance

import (
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

// timeLimit is how long one udevadm may take. It needs some 10 ms; a FIFO that
// a release opens makes it wait for ever.
const timeLimit = 5 * time.Second

//go:embed serve/serve.c
var serveSource string

// serveLibrary is serve/serve.c, compiled once: a file without a name, for the agents
// to have open as descriptor 3.
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

// A testBuiltin is the udevadm of the root in which it is started, and answers many questions
// with one start.
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
	number := func() (n int32, err error) {
		if err = u.socket.SetReadDeadline(time.Now().Add(timeLimit)); err != nil {
			return 0, err
		}
		err = binary.Read(u.socket, binary.NativeEndian, &n)
		return n, err
	}
	pid, err := number()
	if err != nil {
		return output{}, fmt.Errorf("udevadm does not start: %w", err)
	}
	var o output
	status, err := number()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		o.Failure = "udevadm did not end"
		if err := syscall.Kill(int(pid), syscall.SIGKILL); err != nil {
			return output{}, err
		}
		status, err = number()
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
