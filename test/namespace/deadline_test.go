//go:build namespace

package namespace

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/tool"
)

// deafJournal is a systemd-journald that reads nothing, with a full socket.
func (s *stage) deafJournal() {
	s.t.Helper()
	s.must("mkdir", "-p", "/run/systemd/journal")
	name := s.path("/run/systemd/journal/socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { unix.Close(fd) })
	for err == nil {
		err = unix.Sendto(fd, []byte("MESSAGE=full\n"), 0, &unix.SockaddrUnix{Name: name})
	}
	if !errors.Is(err, unix.EAGAIN) {
		s.t.Fatal(err)
	}
}

// TestAJournalThatDoesNotReadKeepsNothingUp: the change is made and reported, the lock
// is free, and the output says what is missing.
func TestAJournalThatDoesNotReadKeepsNothingUp(t *testing.T) {
	s := bridged(t, "/")
	s.deafJournal()
	file := override("br0")
	for _, c := range []struct {
		args   []string
		exists bool
	}{
		{[]string{"fix", "--bridge", "br0"}, true},
		{[]string{"undo", "--bridge", "br0"}, false},
	} {
		made := s.changes(c.args...)
		if !slices.ContainsFunc(made.Remaining, func(left string) bool {
			return strings.HasPrefix(left, "the change is not in the journal: systemd-journald did not accept it")
		}) {
			t.Errorf("%s: %+v", c.args, made)
		}
		if exists(s.path(file)) != c.exists {
			t.Errorf("%s: %s: that is not what was asked for", c.args, file)
		}
		s.unlocked()
	}
}

// TestTheFirstSignalEndsAWait makes a change wait for a lock that another process
// holds, and for a service manager that does not answer.
func TestTheFirstSignalEndsAWait(t *testing.T) {
	s := bridged(t, "/")
	before := contents(t, s.path("/etc"))
	ends := func(what string, waits func(pid int) bool) {
		t.Helper()
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			ctx, cancel := context.WithTimeout(context.Background(), patience())
			defer cancel()
			cmd := s.command(ctx, program, "fix", "--bridge", "br0")
			var once bool
			o := tool.RunWith(cmd, func() {
				once = tool.Until(patience(), func() bool { return waits(cmd.Process.Pid) })
				if err := cmd.Process.Signal(signal); err != nil {
					t.Error(err)
				}
			})
			if !once {
				t.Fatalf("%s: it does not wait", what)
			}
			r := outcome(ctx, o, cmd.Args)
			if r.hung || r.status != 2 || !strings.HasPrefix(r.stderr, "linkaudit: ") || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%s: %v", what, r)
			}
			same(t, what+": nothing is changed", before, contents(t, s.path("/etc")))
		}
	}

	if err := os.MkdirAll(s.path("/run/linkaudit"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(s.path("/run/linkaudit/lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ends("a lock that is held", func(pid int) bool { return opens(pid, "/run/linkaudit/lock") })
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}

	// What tells that systemd runs, and its socket.
	s.must("mkdir", "-p", "/run/systemd/system")
	private, err := net.Listen("unix", s.path("/run/systemd/private"))
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	ends("a service manager that does not answer", func(int) bool {
		private.(*net.UnixListener).SetDeadline(time.Now().Add(patience()))
		conn, err := private.Accept()
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
		return err == nil
	})
}

// opens reports whether a process has the file open.
func opens(pid int, name string) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasSuffix(to, name) {
			return true
		}
	}
	return false
}

// TestAChangeOutlivesItsOutput gives fix and undo outputs that are not read, closed, or
// full. The change is made, recorded and counts as made.
func TestAChangeOutlivesItsOutput(t *testing.T) {
	s := bridged(t, "/")
	records := s.journal()
	file := override("br0")
	want := map[string]int{}
	for _, c := range []struct {
		name, line string
	}{
		{"its output is not read", `exec 2> >(exec true); wait $!; exec "$@" >/dev/null`},
		{"neither output is read", `exec > >(exec true) 2>&1; wait $!; exec "$@"`},
		{"both are full", `exec "$@" >/dev/full 2>/dev/full`},
		{"both are closed", `exec "$@" >&- 2>&-`},
	} {
		s.part(t, c.name, func(t *testing.T) {
			for _, what := range []string{"fix", "undo"} {
				r := s.do("bash", "-c", c.line, "bash", program, what, "--bridge", "br0")
				if r.hung || r.signal != 0 || r.status != 0 && r.status != 2 {
					t.Errorf("%v", r)
				}
				if exists(s.path(file)) != (what == "fix") {
					t.Errorf("that is not what was asked for: %v", r)
				}
				want[what]++
				tool.Eventually(t, "the journal has the record", func() bool { return records()[what] == want[what] })
				s.unlocked()
			}
		})
	}
}

// TestTheLockOfAnImageIsRootsAlone: another user holds a lock on the directory of an
// image, for which he only needs to open it.
func TestTheLockOfAnImageIsRootsAlone(t *testing.T) {
	s := newStage(t, "/")
	const image = "/mnt/image"
	s.write(image+defaultLink, s.read(defaultLink))
	dir, err := os.Open(s.path(image))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	on := []string{"--root", image, "--systemd-release", "252", "--format", "json"}
	s.changes(append([]string{"fix", "--bridge", "br0"}, on...)...)
	s.changes(append([]string{"undo", "--bridge", "br0"}, on...)...)

	// It is still a lock, on a file that is removed with it.
	changes := map[string]int{}
	for _, r := range s.together(50, func(i int) []string {
		return append([]string{[]string{"fix", "undo"}[i%2], "--bridge", "br0"}, on...)
	}) {
		if r.status != 0 {
			t.Fatalf("%v", r)
		}
		if c := parseChange(t, r); c.Changed {
			changes[command(r.args)]++
		}
	}
	there := exists(s.path(image + override("br0")))
	if d := changes["fix"] - changes["undo"]; changes["fix"] == 0 || d != 0 && d != 1 || (d == 1) != there {
		t.Errorf("%v, and the file is there: %v", changes, there)
	}
	if left, err := os.ReadDir(s.path("/run/linkaudit")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
