package soak

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Of sees each of the things that may leak.
func TestUsage(t *testing.T) {
	read := func() Usage {
		t.Helper()
		u, err := Of(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	// Go's run time has created what it creates at first use.
	if err := exec.Command("true").Run(); err != nil {
		t.Fatal(err)
	}
	before := read()

	inotify, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inotify)
	for _, dir := range []string{t.TempDir(), t.TempDir()} {
		if _, err := unix.InotifyAddWatch(inotify, dir, unix.IN_CREATE); err != nil {
			t.Fatal(err)
		}
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	zombie(t)
	memory := make([]byte, 64<<20)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}

	after := read()
	if after.Watches != before.Watches+2 || after.Sockets != before.Sockets+1 || after.Children != before.Children+1 ||
		after.Descriptors < before.Descriptors+2 || after.Threads < 1 || after.Resident < before.Resident+32<<10 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	runtime.KeepAlive(memory)
}

// zombie is a child process that has ended and is not waited for before the test ends.
func zombie(t *testing.T) (pid int) {
	t.Helper()
	child := exec.Command("true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Wait() })
	if err := unix.Waitid(unix.P_PID, child.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	return child.Process.Pid
}

func TestUsageOfNobody(t *testing.T) {
	if u, err := Of(-1); err == nil {
		t.Errorf("%+v", u)
	}
	// It no longer has memory.
	pid := zombie(t)
	if u, err := Of(pid); err == nil {
		t.Errorf("%+v", u)
	}
}
