//go:build namespace

package namespace

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/tool"
)

const etcNetwork = "/etc/systemd/network"

// applies asks the stage's own udevadm which file applies. It runs without the
// capability to change the device, which test-builtin otherwise does up to systemd 255.
// ok is false if it waits forever.
func (s *stage) applies(name string, limit time.Duration) (file string, ok bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	args := []string{"setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", "udevadm", "test-builtin", "net_setup_link", "/sys/class/net/" + name}
	r := finish(ctx, s.command(ctx, args...), args)
	if r.hung {
		return "", false
	}
	for l := range strings.Lines(r.stdout) {
		if v, found := strings.CutPrefix(strings.TrimSpace(l), "ID_NET_LINK_FILE="); found {
			file = v
		}
	}
	return file, true
}

// clear empties /etc/systemd/network.
func (s *stage) clear() {
	s.t.Helper()
	entries, err := os.ReadDir(s.path(etcNetwork))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		s.remove(filepath.Join(etcNetwork, e.Name()))
	}
}

// TestNoOddFileMakesItHangCrashOrLie shows one odd file after the other to each udevd.
// Either the answer is udevd's, or there is none and a finding names the file.
func TestNoOddFileMakesItHangCrashOrLie(t *testing.T) {
	const none = "[Match]\nOriginalName=br*\n[Link]\nMACAddressPolicy=none\n"
	x := etcNetwork + "/10-x.link"
	dropIn := etcNetwork + "/99-default.link.d/x.conf"
	mknod := func(name string, mode uint32, dev uint64) func(*stage) error {
		return func(s *stage) error {
			if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
				return err
			}
			return unix.Mknod(s.path(name), mode|0o644, int(dev))
		}
	}
	link := func(name, target string) func(*stage) error {
		return func(s *stage) error {
			if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
				return err
			}
			return os.Symlink(target, s.path(name))
		}
	}
	file := func(name, content string) func(*stage) error {
		return func(s *stage) error { s.write(name, content); return nil }
	}
	dir := func(name string) func(*stage) error {
		return func(s *stage) error { return os.MkdirAll(s.path(name), 0o755) }
	}
	var stages []*stage
	for _, p := range releases(t) {
		stages = append(stages, bridged(t, p.root))
	}
	for i, c := range []struct {
		name string
		// lay puts the file there.
		lay func(*stage) error
		// unread is the file that linkaudit may refuse to read; for any other file the
		// answer must be udevd's.
		unread string
		// odd is a name that udevd does not put into its database, or not readably. The
		// policy tells which file is effective.
		odd bool
	}{
		{"a FIFO", mknod(x, unix.S_IFIFO, 0), x, false},
		{"a FIFO as drop-in", mknod(dropIn, unix.S_IFIFO, 0), dropIn, false},
		{"a link to a FIFO", func(s *stage) error {
			if err := unix.Mkfifo(s.path(etcNetwork+"/fifo"), 0o644); err != nil {
				return err
			}
			return os.Symlink("fifo", s.path(x))
		}, x, false},
		{"a directory", dir(x), "", false},
		{"a directory as drop-in", dir(dropIn), "", false},
		{"a socket", mknod(x, unix.S_IFSOCK, 0), "", false},
		{"a socket as drop-in", mknod(dropIn, unix.S_IFSOCK, 0), "", false},
		{"a block device", mknod(x, unix.S_IFBLK, unix.Mkdev(7, 77)), x, false},
		{"the device /dev/zero", mknod(x, unix.S_IFCHR, unix.Mkdev(1, 5)), "", false},
		{"a tty as drop-in", mknod(dropIn, unix.S_IFCHR, unix.Mkdev(5, 0)), dropIn, false},
		{"a link to /dev/null", link(x, "/dev/null"), "", false},
		{"a link to /dev/zero", link(x, "/dev/zero"), "", false},
		{"a link to itself", link(x, "10-x.link"), "", false},
		{"a loop of links", func(s *stage) error {
			if err := os.Symlink("20-x.link", s.path(x)); err != nil {
				return err
			}
			return os.Symlink("10-x.link", s.path(etcNetwork+"/20-x.link"))
		}, "", false},
		{"a link to nothing", link(x, "/nosuch/file"), "", false},
		{"a link to a directory", link(x, "/etc"), "", false},
		{"a link below a file", link(x, "/etc/machine-id/below"), "", false},
		{"a directory of drop-ins that is a loop", link(filepath.Dir(dropIn), "99-default.link.d"), "", false},
		{"a directory of drop-ins that is a file", file(filepath.Dir(dropIn), "[Link]\n"), "", false},
		{"a directory of drop-ins that is a FIFO", mknod(filepath.Dir(dropIn), unix.S_IFIFO, 0), "", false},
		{"100 MB in one line", sparse(x, "[Match]\nOriginalName=br*\n[Link]\n#", 100<<20, 'x'), x, false},
		{"100 MB of lines", sparse(x, none, 100<<20, '\n'), x, false},
		{"100 MB as drop-in", sparse(dropIn, "[Link]\nMACAddressPolicy=none\n", 100<<20, '\n'), dropIn, false},
		{"100 MB of NUL bytes", sparse(x, "", 100<<20, 0), x, false},
		{"2 MB of lines", sparse(x, none, 2<<20, '\n'), "", false},
		{"a line of 2 MiB", file(x, none+"#"+strings.Repeat("x", 2<<20)+"\n"), "", false},
		{"a NUL byte in a key", file(x, "[Match]\nOriginalName=br*\n[Link]\nMACAddress\x00Policy=none\n"), "", false},
		{"a NUL byte in a value", file(x, "[Match]\nOriginalName=br*\x00zz\n[Link]\nMACAddressPolicy=none\n"), "", false},
		{"a NUL byte at the end", file(x, none+"\x00"), "", false},
		{"NUL bytes alone", file(x, "\x00\x00\x00"), "", false},
		{"a byte-order mark", file(x, "\ufeff"+none), "", false},
		{"invalid UTF-8 in a match", file(x, "[Match]\nOriginalName=br*\xff\nDriver=bridge\n[Link]\nMACAddressPolicy=none\n"), "", false},
		{"invalid UTF-8 in a comment", file(x, "# S\xfcd\n"+none), "", false},
		{"terminal escapes", file(x, none+"\x1b]0;owned\x07=\x1b[2J\nDescription=\x1b[31mred\nNamePolicy=\x1b[31m\n[\x1b[31m]\n"), "", false},
		{"a name with terminal escapes", file(etcNetwork+"/10-\x1b[31m\x07.link", none), "", true},
		{"a name with a newline", file(etcNetwork+"/10-a\nb.link", none), "", true},
		{"a name that is not UTF-8", file(etcNetwork+"/10-\xff.link", none), "", true},
		{"a name of 255 bytes", file(etcNetwork+"/10-"+strings.Repeat("x", 247)+".link", none), "", false},
		{"nothing but a section", file(x, "[Match]\n"), "", false},
		{"an unclosed section", file(x, "[Match\nOriginalName=br*\n[Link]\nMACAddressPolicy=none\n"), "", false},
		{"5,000 unknown keys", file(x, none+strings.Repeat("Nonsense=1\n", 5_000)), "", false},
		{"10,000 sections", file(x, strings.Repeat("[Match]\nOriginalName=br*\n", 10_000)+"[Link]\nMACAddressPolicy=none\n"), "", false},
		{"a continuation without end", file(x, none+strings.Repeat("\\\n", 20_000)), "", false},
		{"a glob that invites backtracking", file(x, "[Match]\nOriginalName="+strings.Repeat("*b", 3000)+"\n[Link]\nMACAddressPolicy=none\n"), "", false},
		{"5,000 files", func(s *stage) error {
			for i := range 5000 {
				s.write(fmt.Sprintf("%s/10-%d.link", etcNetwork, i), fmt.Sprintf("[Match]\nOriginalName=x%d\n[Link]\nMACAddressPolicy=none\n", i))
			}
			s.write(etcNetwork+"/20-x.link", none)
			return nil
		}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range stages {
				s.t = t
				s.clear()
				if err := c.lay(s); err != nil {
					t.Fatal(err)
				}
				rep, r := s.json("br0")
				d := rep.device(t, "br0")
				// If linkaudit does not read what it may refuse to read, there is
				// nothing to compare. udevadm waits forever at a FIFO.
				want, ends := "", true
				if c.unread == "" || d.LinkFile != nil {
					want, ends = s.applies("br0", 3*patience())
				}
				switch {
				case c.odd:
					if want == defaultLink || str(d.Policy) != "none" || d.Source == nil || d.Source.Line != 4 {
						t.Errorf("udevd %d applies %q: %v", s.release, want, r)
					}
				case d.LinkFile != nil:
					if !ends {
						t.Errorf("udevd %d waits for ever: %v", s.release, r)
					} else if *d.LinkFile != want {
						t.Errorf("udevd %d applies %q: %v", s.release, want, r)
					}
				case c.unread == "":
					t.Errorf("no answer, but udevd %d applies %q: %v", s.release, want, r)
				default:
					if d.Policy != nil || d.Source != nil || !d.has("unknown-match") {
						t.Errorf("systemd %d: the file is unknown, but the policy is not: %v", s.release, r)
					}
					if !slices.ContainsFunc(rep.all(), func(f finding) bool { return f.Rule == "unreadable-file" && f.File == c.unread }) {
						t.Errorf("systemd %d: no finding says that %s was not read: %v", s.release, c.unread, r)
					}
				}
				// The other commands that read the files use the same reader. Try one
				// release for each file.
				if s == stages[i%len(stages)] {
					if text := s.audit("check", "--severity", "info"); text.status != r.status && text.status != 1 {
						t.Errorf("%v", text)
					}
					if lint := s.audit("lint", "--format", "json"); lint.status == 2 {
						t.Errorf("%v", lint)
					}
					if snap := s.audit("snapshot"); snap.status != 0 {
						t.Errorf("%v", snap)
					}
				}
				s.clear()
			}
		})
	}
}

// sparse writes a large file; zeros take no space.
func sparse(name, start string, size int64, fill byte) func(*stage) error {
	return func(s *stage) error {
		s.write(name, start)
		f, err := os.OpenFile(s.path(name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if fill == 0 {
			return f.Truncate(size)
		}
		block := bytes.Repeat([]byte{fill}, 1<<20)
		for n := int64(len(start)); n < size; n += int64(len(block)) {
			if _, err := f.Write(block); err != nil {
				return err
			}
		}
		return nil
	}
}

// bridged is a stage with a running udevd and the bridge br0.
func bridged(t *testing.T, root string) *stage {
	t.Helper()
	s := newStage(t, root)
	s.startUdevd()
	s.add("br0", "type", "bridge")
	return s
}

// as runs the program in the stage, in an environment that a shell line sets up; the
// line ends with "exec $@".
func (s *stage) as(line string, args ...string) result {
	s.t.Helper()
	r := s.do(append([]string{"sh", "-c", line, "sh", program}, args...)...)
	behaves(s.t, r)
	return r
}

const nobody = "exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\""

func inMountNamespace(commands string) string {
	return "exec unshare --mount sh -c '" + commands + " && exec \"$@\"' sh \"$@\""
}

func TestWhatCannotBeReadIsUnknown(t *testing.T) {
	s := bridged(t, "/")
	check := []string{"check", "--format", "json", "br0"}
	sure := parse(t, s.as(nobody, check...)).device(t, "br0")
	if str(sure.Policy) != "persistent" || str(sure.Live.AddrAssignType) != "set" {
		t.Errorf("the audit cannot be complete here: %+v", sure)
	}

	unknown := func(t *testing.T, r result, rule, what string) {
		t.Helper()
		rep := parse(t, r)
		d := rep.device(t, "br0")
		if d.Policy != nil || d.LinkFile != nil || d.Source != nil {
			t.Errorf("a guess: %v", r)
		}
		for _, f := range rep.all() {
			if f.Rule == rule && strings.Contains(f.File+f.Message, what) && f.Help != "" {
				return
			}
		}
		t.Errorf("no finding %s says why: %v", rule, r)
	}
	for _, c := range []struct{ name, chmod, mode string }{
		{"an unreadable file", etcNetwork + "/10-x.link", "0600"},
		{"an unreadable drop-in", etcNetwork + "/99-default.link.d/x.conf", "0600"},
		{"an unreadable directory of drop-ins", etcNetwork + "/99-default.link.d", "0700"},
		{"a directory of drop-ins that can be listed only", etcNetwork + "/99-default.link.d", "0744"},
		{"an unreadable directory of files", etcNetwork, "0700"},
		{"a directory of files that can be listed only", etcNetwork, "0744"},
		{"a directory of files that can be passed only", etcNetwork, "0711"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			s.write(etcNetwork+"/10-x.link", "[Match]\nOriginalName=br*\n[Link]\nMACAddressPolicy=none\n")
			s.write(etcNetwork+"/99-default.link.d/x.conf", "[Link]\nMACAddressPolicy=none\n")
			if strings.Contains(c.chmod, "99-default") {
				s.remove(etcNetwork + "/10-x.link")
			}
			s.must("chmod", c.mode, c.chmod)
			unknown(t, s.as(nobody, check...), "unreadable-file", c.chmod)
			if text := s.as(nobody, "check", "br0"); text.status != 1 || !strings.Contains(text.stdout, c.chmod) {
				t.Errorf("%v", text)
			}
			if d := parse(t, s.audit(check...)).device(t, "br0"); str(d.Policy) != "none" {
				t.Errorf("root: %+v", d)
			}
			s.must("chmod", "0755", etcNetwork)
			s.clear()
		})
	}
	s.t = t

	t.Run("no sysfs", func(t *testing.T) {
		s.t = t
		r := s.as(inMountNamespace("mount -t tmpfs none /sys"), check...)
		d := parse(t, r).device(t, "br0")
		if d.Live == nil || d.Live.AddrAssignType != nil || d.Origin != nil || r.status != 1 || !strings.Contains(r.stdout, "/sys") {
			t.Errorf("%v", r)
		}
	})
	t.Run("no udev database", func(t *testing.T) {
		s.t = t
		defer s.clear()
		s.write(etcNetwork+"/10-x.link", "[Match]\nProperty=SITE_ROLE=uplink\n[Link]\nMACAddressPolicy=none\n")
		r := s.as(inMountNamespace("mount -t tmpfs none /run/udev"), check...)
		unknown(t, r, "unknown-match", "/run/udev/data")
		if d := parse(t, r).device(t, "br0"); d.Applied.LinkFile != nil {
			t.Errorf("%v", r)
		}
	})
	t.Run("no /proc", func(t *testing.T) {
		s.t = t
		r := s.as(inMountNamespace("mount -t tmpfs none /proc"), check...)
		rep := parse(t, r)
		if rep.Host.Udevd != nil {
			t.Errorf("whether udevd runs cannot be seen: %v", r)
		}
		if d := rep.device(t, "br0"); d.Policy != nil && *d.Policy != "persistent" {
			t.Errorf("%v", r)
		}
	})
	t.Run("neither /proc nor /sys nor /run nor /etc", func(t *testing.T) {
		s.t = t
		s.as(inMountNamespace("mount -t tmpfs none /proc && mount -t tmpfs none /sys && mount -t tmpfs none /run && mount -t tmpfs none /etc"), check...)
	})
	t.Run("the sysfs and the udev database of another network namespace", func(t *testing.T) {
		s.t = t
		// The same name and the same index, another address.
		index := s.sysfs("br0", "ifindex")
		r := s.as("exec unshare --net sh -c 'ip link add br0 index "+index+" address 02:00:00:00:00:01 type bridge && exec \"$@\"' sh \"$@\"", check...)
		rep := parse(t, r)
		d := rep.device(t, "br0")
		if d.Live == nil || d.Live.MAC != "02:00:00:00:00:01" || d.Live.AddrAssignType != nil || d.Origin != nil || d.Applied.LinkFile != nil || str(rep.Host.Udevd) != "stopped" {
			t.Errorf("%v", r)
		}
	})

	data := "/run/udev/data/n" + s.sysfs("br0", "ifindex")
	good := s.read(data)
	for _, c := range []struct {
		name string
		lay  func(name string) error
		// known: the entry is still readable.
		known bool
	}{
		{"empty", func(n string) error { return os.WriteFile(n, nil, 0o644) }, true},
		{"binary", func(n string) error {
			return os.WriteFile(n, bytes.Repeat([]byte{0, 0xff, '\n', 'E', ':'}, 10_000), 0o644)
		}, true},
		{"with escapes", func(n string) error {
			return os.WriteFile(n, []byte("E:ID_NET_LINK_FILE=/\x1b[31m\x07\u009b\xff\nE:ID_PATH=\x1b]0;x\x07\nE:ID_NET_NAMING_SCHEME=\x1b[2J\n"), 0o644)
		}, true},
		{"huge", func(n string) error { return os.WriteFile(n, bytes.Repeat([]byte("E:A=B\n"), 1<<20), 0o644) }, false},
		{"one line of 900 KB", func(n string) error {
			return os.WriteFile(n, append([]byte("E:ID_NET_LINK_FILE="), bytes.Repeat([]byte("x"), 900_000)...), 0o644)
		}, true},
		{"a FIFO", func(n string) error { return unix.Mkfifo(n, 0o644) }, false},
		{"a directory", func(n string) error { return os.Mkdir(n, 0o755) }, false},
		{"a link", func(n string) error { return os.Symlink("/dev/zero", n) }, false},
		{"a device", func(n string) error { return unix.Mknod(n, unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))) }, false},
	} {
		t.Run("an entry of the udev database that is "+c.name, func(t *testing.T) {
			s.t = t
			defer s.clear()
			s.write(etcNetwork+"/10-x.link", "[Match]\nProperty=SITE_ROLE=uplink\n[Link]\nMACAddressPolicy=none\n")
			s.remove(data)
			if err := c.lay(s.path(data)); err != nil {
				t.Fatal(err)
			}
			r := s.audit(check...)
			if c.known {
				if d := parse(t, r).device(t, "br0"); str(d.Policy) != "persistent" || str(d.LinkFile) != defaultLink {
					t.Errorf("%v", r)
				}
			} else {
				unknown(t, r, "unknown-match", data)
			}
			s.audit("check", "br0", "--severity", "info")
			s.audit("snapshot")
			s.remove(data)
			s.write(data, good)
		})
	}
}

func TestNamesOfDevicesMayHoldAnything(t *testing.T) {
	// Without udev, which renames a device with a name that it does not accept.
	s := newStage(t, "/")
	names := []string{"\x1b[31mred", "\x07\x08\x7f", "br*", "br[0-9]", "-all", "a'b\"c", "$(id)", "\xff\xfe", "\u202eevil", "\u009b31m", "<b>&amp;", "x=y", "a,b", "#c", "\\"}
	for _, n := range names {
		s.must("ip", "link", "add", "name", n, "type", "bridge")
	}
	s.must("ip", "link", "add", "plain", "type", "bridge")
	s.must("ip", "link", "property", "add", "dev", "plain", "altname", "\x1b[32maltname")
	s.must("ip", "link", "property", "add", "dev", "plain", "altname", "a-long-alternative-name-of-a-bridge")
	rep, r := s.json()
	if len(rep.Devices) != len(names)+1 {
		t.Errorf("%d devices: %v", len(rep.Devices), r)
	}
	for _, d := range rep.Devices {
		if str(d.Policy) != "persistent" || str(d.Origin) != "kernel-random" {
			t.Errorf("%q: %+v", d.Name, d)
		}
	}
	s.audit("check", "--color", "never", "--severity", "info")
	for _, n := range append(names, "plain", "\x1b[32maltname", "a-long-alternative-name-of-a-bridge") {
		if r := s.audit("check", "--format", "json", "--", n); r.status != 1 {
			t.Errorf("%q: %v", n, r)
		}
		s.audit("check", "--", n)
		s.audit("check", "--kind", "bond", "--", "no"+n)
		s.audit("check", "--kind", n)
	}
	// JSON cannot represent it.
	s.must("ip", "link", "del", "dev", "\xff\xfe")
	s.sameFromSnapshot(t)
	s.write("/etc/linkaudit.conf", "[device \"br?0-9?\"]\npolicy=none\n[device \"*red\"]\nignore=yes\n")
	rep, r = s.json()
	for _, d := range rep.Devices {
		if strings.HasSuffix(d.Name, "red") {
			t.Errorf("it is ignored: %v", r)
		}
	}
}

func TestABrokenSnapshotIsRefusedInOneLine(t *testing.T) {
	s := bridged(t, "/")
	good := s.audit("snapshot").stdout
	var doc map[string]any
	if err := json.Unmarshal([]byte(good), &doc); err != nil {
		t.Fatal(err)
	}
	changed := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in the snapshot", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	dir := t.TempDir()
	for _, c := range []struct{ name, content string }{
		{"empty", ""},
		{"white space", " \n\n "},
		{"no JSON", "#!/bin/sh\necho hello\n"},
		{"binary", "\x7fELF\x00\x01\x02\xff\xfe"},
		{"escapes", "\x1b[31m{"},
		{"cut off", good[:len(good)/2]},
		{"cut off at the end", strings.TrimRight(good, "}\n \t")},
		{"another schema", changed("linkaudit.snapshot/1", "linkaudit.snapshot/2")},
		{"a report", `{"schema": "linkaudit.check/1", "devices": []}`},
		{"a hostile schema", changed("linkaudit.snapshot/1", `\u001b[31m\n\u009b`)},
		{"an array", "[1, 2, 3]"},
		{"null", "null"},
		{"a number", "7"},
		{"a string", `"linkaudit.snapshot/1"`},
		{"deeply nested", strings.Repeat("[", 1_000_000)},
		{"deeply nested value", changed(`"devices": [`, `"devices": [`+strings.Repeat("[", 100_000))},
		{"a number out of range", changed(`"arphrd": 1`, `"arphrd": 1e999`)},
		{"a number too large", changed(`"arphrd": 1`, `"arphrd": 99999999999999999999`)},
		{"a fraction", changed(`"arphrd": 1`, `"arphrd": 1.5`)},
		{"a word for a number", changed(`"arphrd": 1`, `"arphrd": "x"`)},
		{"an unknown field", changed(`"arphrd": 1`, `"arphrt": 1`)},
		{"devices that are none", changed(`"devices": [`, `"devices": 1, "x": [`)},
		{"file content that is not base64", changed(`"content": "`, `"content": "*`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(dir, "snapshot.json")
			if err := os.WriteFile(name, []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"check", "--from", name}, {"check", "--from", name, "--format", "json", "--all"}} {
				if r := outside(t, args...); r.status != 2 || r.stdout != "" || !strings.Contains(r.stderr, name) {
					t.Errorf("%v", r)
				}
			}
		})
	}
	for _, c := range []struct{ name, content string }{
		{"hostile strings", changed(`"stage"`, `"\u001b[31m\u0007\u009b\n\u202e"`)},
		{"hostile names", strings.ReplaceAll(good, `"br0"`, `"\u001b]0;x\u0007\n\r\u0000"`)},
		{"hostile addresses", strings.ReplaceAll(good, `"mac": "`, `"mac": "\u001b[1m`)},
		{"a negative index", changed(`"index": `, `"index": -`)},
		{"hostile content", changed(`"content": "`, `"content": "`+base64.StdEncoding.EncodeToString([]byte("\x1b[31m=\x1b[2J\n\x00\xff\xfe]")))},
		{"two hosts", changed(`"stage"`, `"\u001b[31mone\n"`) + changed(`"stage"`, `"\u001b]0;two\u0007\u009b"`)},
		{"two hosts and hostile devices", strings.Repeat(strings.ReplaceAll(good, `"br0"`, `"\u001b]0;x\u0007\n\r\u0000"`), 2)},
		{"a name twice", changed(`"schema": "linkaudit.snapshot/1",`, `"schema": "linkaudit.snapshot/1", "schema": "linkaudit.snapshot/1",`)},
	} {
		t.Run("nothing happens to the terminal with "+c.name, func(t *testing.T) {
			name := filepath.Join(dir, "snapshot.json")
			if err := os.WriteFile(name, []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			outside(t, "check", "--from", name, "--all", "--severity", "info")
			outside(t, "check", "--from", name, "--all", "--quiet")
			outside(t, "check", "--from", name, "--all", "--format", "json")
		})
	}
	for _, name := range []string{filepath.Join(dir, "nosuch"), dir, "/dev/null", "/proc/self/mem"} {
		if r := outside(t, "check", "--from", name); r.status != 2 || !strings.Contains(r.stderr, name) {
			t.Errorf("%v", r)
		}
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	// A FIFO may be another program's pipe; without a writer it is empty. Opened for
	// both, it has a writer before it has a reader, until everything is read.
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var written sync.WaitGroup
	written.Go(func() {
		defer f.Close()
		if _, err := f.WriteString(good); err != nil {
			t.Error(err)
		}
		if !tool.Until(time.Minute, func() bool {
			left, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCINQ)
			return err != nil || left == 0
		}) {
			t.Error("it does not read what is in the FIFO")
		}
	})
	if r := outside(t, "check", "--from", fifo); r.status != 1 {
		t.Errorf("%v", r)
	}
	written.Wait()
}

func TestABrokenSiteConfigurationIsAnErrorWithItsFile(t *testing.T) {
	s := bridged(t, "/")
	const conf = "/etc/linkaudit.conf"
	text := func(content string) func() error {
		return func() error { return os.WriteFile(s.path(conf), []byte(content), 0o644) }
	}
	for _, c := range []struct {
		name, where string
		lay         func() error
	}{
		{"an unknown section", conf + ":1", text("[devices]\n")},
		{"an unknown key", conf + ":2", text("[device \"br*\"]\npolcy=none\n")},
		{"an unknown policy", conf + ":2", text("[device \"br*\"]\npolicy=sometimes\n")},
		{"an unknown rule", conf + ":2", text("[rules]\nno-such-rule=off\n")},
		{"an invalid line", conf + ":2", text("[rules]\nhello\n")},
		{"no UTF-8", conf, text("# S\xfcd\n")},
		{"escapes", conf, text("[\x1b[31m]\n")},
		{"NUL bytes", conf, text("\x00\x00")},
		{"a bad glob", conf + ":1", text("[device \"br[\"]\npolicy=none\n")},
		{"2 MiB", conf, text(strings.Repeat("# comment\n", 1<<18))},
		{"a directory", conf, func() error { return os.Mkdir(s.path(conf), 0o755) }},
		{"a FIFO", conf, func() error { return unix.Mkfifo(s.path(conf), 0o644) }},
		{"a link to itself", conf, func() error { return os.Symlink("linkaudit.conf", s.path(conf)) }},
		{"a link to /dev/zero", conf, func() error { return os.Symlink("/dev/zero", s.path(conf)) }},
		{"a loop in the directory", "/etc/linkaudit.conf.d/a.conf", func() error {
			s.write("/etc/linkaudit.conf.d/b.conf", "")
			return os.Symlink("a.conf", s.path("/etc/linkaudit.conf.d/a.conf"))
		}},
		{"a directory that is a loop", "/etc/linkaudit.conf.d", func() error { return os.Symlink("linkaudit.conf.d", s.path("/etc/linkaudit.conf.d")) }},
		{"a directory that is a file", "/etc/linkaudit.conf.d", func() error { return os.WriteFile(s.path("/etc/linkaudit.conf.d"), nil, 0o644) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			if err := c.lay(); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"check"}, {"check", "--format", "json"}, {"lint"}} {
				if r := s.audit(args...); r.status != 2 || r.stdout != "" || !strings.Contains(r.stderr, c.where) {
					t.Errorf("%v", r)
				}
			}
			if r := s.audit("check", "--no-config"); r.status != 1 {
				t.Errorf("%v", r)
			}
			s.remove(conf, "/etc/linkaudit.conf.d")
		})
	}
	s.t = t
	s.write(conf, "[device \"br*\"]\npolicy=persistent\n")
	s.must("chmod", "0600", conf)
	if r := s.as(nobody, "check"); r.status != 2 || !strings.Contains(r.stderr, conf) {
		t.Errorf("without root it does not know what the site expects: %v", r)
	}
	if r := s.audit("check"); r.status != 0 {
		t.Errorf("the site expects what it is: %v", r)
	}
}

func TestAnOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	s := bridged(t, "/")
	for _, args := range [][]string{{"check"}, {"check", "--format", "json"}, {"lint", "--severity", "info"}, {"lint", "--format", "json"}, {"snapshot"}, {"example"}, {"version"}} {
		s.part(t, strings.Join(args, " "), func(t *testing.T) {
			if r := s.as("exec \"$@\" >/dev/full", args...); r.status != 2 || !strings.Contains(r.stderr, "no space left") {
				t.Errorf("a full disk: %v", r)
			}
			// Go's run time opens /dev/null instead of closed descriptors, so no socket
			// becomes the standard output.
			want := s.do(append([]string{program}, args...)...).status
			if r := s.as("exec \"$@\" >&-", args...); r.status != want && r.status != 2 {
				t.Errorf("closed: %v", r)
			}
			if r := s.as("exec \"$@\" >&- 2>&- <&-", args...); r.status != want && r.status != 2 {
				t.Errorf("all closed: %v", r)
			}
			r := brokenPipe(t, s, args...)
			if r.signal != syscall.SIGPIPE && (r.status != 2 || r.stderr == "") {
				t.Errorf("a pipe without a reader: %v", r)
			}
		})
	}
	if r := s.audit("snapshot", "--output", "/nosuch/dir/file"); r.status != 2 || !strings.Contains(r.stderr, "/nosuch/dir") {
		t.Errorf("%v", r)
	}
	if r := s.audit("snapshot", "--output", "/proc/snapshot.json"); r.status != 2 {
		t.Errorf("%v", r)
	}
}

// brokenPipe runs the program with a standard output that is not read.
func brokenPipe(t *testing.T, s *stage, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	cmd := s.command(ctx, append([]string{program}, args...)...)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	defer write.Close()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = write, &stderr
	r := result{args: args}
	err = cmd.Run()
	r.stderr, r.hung = stderr.String(), ctx.Err() != nil
	if exit, ok := err.(*exec.ExitError); ok {
		r.status = exit.ExitCode()
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			r.signal = ws.Signal()
		}
	}
	if r.hung {
		t.Errorf("it hangs: %v", r)
	}
	return r
}
