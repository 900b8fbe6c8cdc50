//go:build namespace

package namespace

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// changed is the JSON of fix or undo.
type changed struct {
	Schema    string
	DryRun    bool `json:"dry_run"`
	Changed   bool
	Path      string
	Diff      string
	Reloaded  bool
	Verified  bool
	Remaining []string
	Targets   []struct {
		Kind, Name, Path, Why string
		Changed               bool
		Notes                 []string
	}
	Addresses []struct{ Device, MAC, Port string }
}

// change runs fix or undo in the stage and checks what every run must fulfil.
func (s *stage) change(args ...string) result {
	s.t.Helper()
	r := s.do(append([]string{program}, args...)...)
	owes(s.t, r)
	return r
}

// owes is behaves for a program that reports on standard error what it does, one line
// at a time.
func owes(t testing.TB, r result) {
	t.Helper()
	if r.status != 2 {
		for l := range strings.Lines(r.stderr) {
			if !strings.HasPrefix(l, "linkaudit: ") || !strings.HasSuffix(l, "\n") {
				t.Errorf("%q is not a line from linkaudit: %v", l, r)
			}
		}
	}
	quiet := r
	if r.status != 2 {
		quiet.stderr = ""
	}
	behaves(t, quiet)
}

// changes runs fix or undo, which must succeed, and reads its JSON.
func (s *stage) changes(args ...string) changed {
	s.t.Helper()
	r := s.change(append(args, "--format", "json")...)
	if r.status != 0 {
		s.t.Fatalf("it fails: %v", r)
	}
	return parseChange(s.t, r)
}

func parseChange(t testing.TB, r result) changed {
	t.Helper()
	var c changed
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil {
		t.Fatalf("no JSON: %v\n%v", err, r)
	}
	if want := "linkaudit." + command(r.args) + "/1"; c.Schema != want {
		t.Errorf("schema %q, not %q", c.Schema, want)
	}
	return c
}

// command is fix or undo, for any runner.
func command(args []string) string {
	for _, a := range args {
		if a == "fix" || a == "undo" {
			return a
		}
	}
	return ""
}

// refuses runs fix or undo, which must refuse in one line with all the words, and write
// nothing.
func (s *stage) refuses(args []string, words ...string) {
	s.t.Helper()
	before := s.written()
	r := s.change(args...)
	if r.status != 2 || r.stdout != "" {
		s.t.Errorf("it does not refuse: %v", r)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			s.t.Errorf("it does not say %q: %v", w, r)
		}
	}
	same(s.t, fmt.Sprintf("%q refuses", args), before, s.written())
}

// same compares two listings and shows the differing lines.
func same(t testing.TB, what, before, after string) {
	t.Helper()
	if before == after {
		return
	}
	b, a := strings.Split(before, "\n"), strings.Split(after, "\n")
	var d strings.Builder
	for _, l := range b {
		if !slices.Contains(a, l) {
			d.WriteString("- " + l + "\n")
		}
	}
	for _, l := range a {
		if !slices.Contains(b, l) {
			d.WriteString("+ " + l + "\n")
		}
	}
	t.Errorf("%s, but something changed:\n%s", what, d.String())
}

// written is all of /etc with its times, and every device with its address: all that
// fix and undo may change, except the lock in /run.
func (s *stage) written() string {
	s.t.Helper()
	return listing(s.t, s.path("/etc")) + s.must("ip", "-o", "link")
}

// listing is everything below a directory, one entry a line, with every attribute
// except the access time.
func listing(t testing.TB, dir string) string {
	t.Helper()
	return list(t, dir, true)
}

// contents is a listing without the times: the tree is unchanged even if something was
// created and removed.
func contents(t testing.TB, dir string) string {
	t.Helper()
	return list(t, dir, false)
}

func list(t testing.TB, dir string, times bool) string {
	t.Helper()
	if !exists(dir) {
		return "nothing\n"
	}
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%s %v %d:%d", strings.TrimPrefix(name, dir), info.Mode(), st.Uid, st.Gid)
		if times {
			fmt.Fprintf(&b, " %d %v %v", st.Ino, st.Mtim, st.Ctim)
		}
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(content))
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " -> %s", to)
		}
		b.WriteString(attributes(t, name))
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// attributes are the extended attributes of a file, xattr(7).
func attributes(t testing.TB, name string) string {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(name, buf)
	if err == unix.ENOTSUP {
		return ""
	}
	if err != nil {
		t.Fatalf("the extended attributes of %s: %v", name, err)
	}
	var out strings.Builder
	for key := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if key == "" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(name, key, value)
		if err != nil {
			t.Fatalf("the extended attribute %s of %s: %v", key, name, err)
		}
		fmt.Fprintf(&out, " %s=%x", key, value[:n])
	}
	return out.String()
}

// recreate deletes the device and creates it again, as a boot or ifup does.
func (s *stage) recreate(name string, args ...string) {
	s.t.Helper()
	s.must("ip", "link", "del", name)
	s.add(name, args...)
}

// got is what the kernel and udev report about a new device.
type got struct{ file, typ, mac string }

func (s *stage) got(name string) got {
	s.t.Helper()
	return got{s.property(name, "ID_NET_LINK_FILE"), s.sysfs(name, "addr_assign_type"), s.sysfs(name, "address")}
}

// The kernel's NET_ADDR_RANDOM and NET_ADDR_SET: the kernel drew the address, or
// somebody set it.
const (
	typeRandom = "1"
	typeSet    = "3"
)

// ours checks that one of linkaudit's files was effective when the device was created.
func (s *stage) ours(name, file, persistent string) {
	s.t.Helper()
	if g := s.got(name); g.file != file || g.typ != typeRandom || g.mac == persistent {
		s.t.Errorf("%s was made under %s; not: %+v, persistent is %s", name, file, g, persistent)
	}
}

// udevs checks that a device is as before any fix.
func (s *stage) udevs(name string, before got) {
	s.t.Helper()
	if g := s.got(name); g != before || before.typ != typeSet || before.file == "" {
		s.t.Errorf("%s is %+v, not %+v", name, g, before)
	}
}

// whole checks that a file is as an administrator expects: owned by root, readable for
// all, and without temporary files beside it.
func (s *stage) whole(name string) {
	s.t.Helper()
	st, err := os.Lstat(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	owner := st.Sys().(*syscall.Stat_t)
	if st.Mode() != 0o644 || owner.Uid != 0 || owner.Gid != 0 {
		s.t.Errorf("%s is %v of %d:%d", name, st.Mode(), owner.Uid, owner.Gid)
	}
	if left := temporary(s.t, s.path(etcNetwork)); len(left) > 0 {
		s.t.Errorf("left behind: %q", left)
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// temporary are the files that linkaudit creates and always removes.
func temporary(t testing.TB, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), ".linkaudit-") {
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// everyUdevd runs a story under each udevd.
func everyUdevd(t *testing.T, tell func(*testing.T, *stage)) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			s := newStage(t, p.root)
			if p.systemd != 0 && s.release != p.systemd {
				t.Fatalf("%s has systemd %d, not %d", p.root, s.release, p.systemd)
			}
			s.startUdevd()
			tell(t, s)
		})
	}
}

// journal stands in for systemd-journald: it counts linkaudit's records by action.
func (s *stage) journal() (records func() map[string]int) {
	s.t.Helper()
	s.must("mkdir", "-p", "/run/systemd/journal")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("/run/systemd/journal/socket"), Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	counts := make(chan map[string]int, 1)
	counts <- map[string]int{}
	go func() {
		buf := make([]byte, 1<<20)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			record := string(buf[:n])
			if !strings.Contains(record, "MESSAGE_ID=c7e1f1f5b8d94f8b9d0a3b6a52e4c8d1\n") {
				continue
			}
			c := <-counts
			_, action, _ := strings.Cut(record, "LINKAUDIT_ACTION=")
			action, _, _ = strings.Cut(action, "\n")
			c[action]++
			counts <- c
		}
	}()
	s.t.Cleanup(func() { conn.Close() })
	return func() map[string]int {
		c := <-counts
		defer func() { counts <- c }()
		return maps.Clone(c)
	}
}

// unlocked: the lock file exists, and no process holds the lock.
func (s *stage) unlocked() {
	s.t.Helper()
	dir := s.path("/run/linkaudit")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "lock" {
		s.t.Fatalf("in %s: %v, %v", dir, entries, err)
	}
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		s.t.Fatalf("the lock is held: %v", err)
	}
}
