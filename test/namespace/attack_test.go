//go:build namespace

package namespace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"linkaudit/linkfiles"
	"linkaudit/test/tool"
)

// elsewhere is a directory that linkaudit must never write to.
const elsewhere = "/mnt/elsewhere"

// TestNothingIsWrittenWhereALinkLeads puts an obstacle at each file and directory that
// fix writes. Either fix finds another way and udev agrees, or it refuses. It never
// writes through the obstacle, waits for it or changes it.
func TestNothingIsWrittenWhereALinkLeads(t *testing.T) {
	s := bridged(t, "/")
	s.write(elsewhere+"/file", "[Match]\nOriginalName=other\n")
	const site = etcNetwork + "/50-br0.link"
	file, dropIn := override("br0"), site+".d/90-linkaudit.conf"
	symlink := func(to, name string) func() error {
		return func() error { return os.Symlink(to, s.path(name)) }
	}
	moved := func(name string) func() error {
		return func() error {
			if err := os.Rename(s.path(name), s.path(name)+".real"); err != nil {
				return err
			}
			if err := os.Mkdir(s.path(elsewhere+"/"+filepath.Base(name)), 0o755); err != nil {
				return err
			}
			return os.Symlink(elsewhere+"/"+filepath.Base(name), s.path(name))
		}
	}
	alone := func(more func() error) func() error {
		return func() error {
			s.write(site, "[Match]\nOriginalName=br0\n\n[Link]\nMACAddressPolicy=persistent\n")
			return more()
		}
	}
	for _, c := range []struct {
		name string
		put  func() error
		// why is what the refusal must name; "" if there may be another way.
		why string
	}{
		{"the directory became a link after a fix", func() error {
			s.changes("fix", "--bridge", "br0")
			s.must("cp", "-a", etcNetwork, elsewhere+"/network")
			if err := os.Rename(s.path(etcNetwork), s.path(etcNetwork)+".real"); err != nil {
				return err
			}
			return os.Symlink(elsewhere+"/network", s.path(etcNetwork))
		}, etcNetwork},
		{"the directory is a link", moved(etcNetwork), etcNetwork},
		{"the directory above is a link", moved("/etc/systemd"), "/etc/systemd"},
		{"the directory is a link that leads nowhere", func() error {
			if err := os.Rename(s.path(etcNetwork), s.path(etcNetwork)+".real"); err != nil {
				return err
			}
			return os.Symlink(elsewhere+"/nothing", s.path(etcNetwork))
		}, etcNetwork},
		{"the directory is a file", func() error {
			if err := os.Rename(s.path(etcNetwork), s.path(etcNetwork)+".real"); err != nil {
				return err
			}
			return os.WriteFile(s.path(etcNetwork), []byte("x"), 0o644)
		}, etcNetwork},
		{"the file is a link to another file", symlink(elsewhere+"/file", file), ""},
		{"the file is a link to nothing", symlink(elsewhere+"/nothing", file), ""},
		{"the file is masked", symlink("/dev/null", file), ""},
		{"the file is a directory", func() error { return os.Mkdir(s.path(file), 0o755) }, ""},
		{"the file is a FIFO", func() error { return syscall.Mkfifo(s.path(file), 0o644) }, ""},
		{"the drop-in directory is a link", alone(symlink(elsewhere, site+".d")), ""},
		{"the drop-in directory is a file", alone(func() error { return os.WriteFile(s.path(site+".d"), nil, 0o644) }), ""},
		{"the drop-in is a link", alone(func() error {
			if err := os.Mkdir(s.path(site+".d"), 0o755); err != nil {
				return err
			}
			return os.Symlink(elsewhere+"/nothing", s.path(dropIn))
		}), ""},
		{"the drop-in is a FIFO", alone(func() error {
			if err := os.Mkdir(s.path(site+".d"), 0o755); err != nil {
				return err
			}
			return syscall.Mkfifo(s.path(dropIn), 0o644)
		}), ""},
		{"the lock's directory is a link", symlink(elsewhere, "/run/linkaudit"), "/run/linkaudit"},
		{"the lock's directory is a file", func() error { return os.WriteFile(s.path("/run/linkaudit"), nil, 0o600) }, "/run/linkaudit"},
		{"the lock's directory is another user's", func() error {
			if err := os.Mkdir(s.path("/run/linkaudit"), 0o700); err != nil {
				return err
			}
			return os.Chown(s.path("/run/linkaudit"), 65534, 65534)
		}, "/run/linkaudit"},
		{"all may write to the lock's directory", func() error {
			if err := os.Mkdir(s.path("/run/linkaudit"), 0o700); err != nil {
				return err
			}
			return os.Chmod(s.path("/run/linkaudit"), 0o777)
		}, "/run/linkaudit"},
		{"the lock is a FIFO", s.lock(func(name string) error { return syscall.Mkfifo(name, 0o600) }), "/run/linkaudit/lock"},
		{"the lock is a link", s.lock(func(name string) error { return os.Symlink(elsewhere+"/file", name) }), "/run/linkaudit/lock"},
		{"the lock is a link to nothing", s.lock(func(name string) error { return os.Symlink(elsewhere+"/nothing", name) }), "/run/linkaudit/lock"},
		{"the lock is a directory", s.lock(func(name string) error { return os.Mkdir(name, 0o700) }), "/run/linkaudit/lock"},
	} {
		s.tidy()
		s.part(t, c.name, func(t *testing.T) {
			if err := c.put(); err != nil {
				t.Fatal(err)
			}
			if c.why != "" {
				run := listing(t, s.path("/run/")+"linkaudit")
				s.leaves("fix", c.why)
				if strings.HasPrefix(c.why, "/run/") || strings.Contains(c.name, "after") {
					s.leaves("undo", c.why)
				} else if c := s.changes("undo", "--bridge", "br0"); c.Changed {
					t.Errorf("there was nothing to undo: %+v", c)
				}
				if strings.HasPrefix(c.why, "/run/") {
					same(t, "it refuses", run, listing(t, s.path("/run/")+"linkaudit"))
				}
				return
			}
			before, out := contents(t, s.path("/etc")), listing(t, s.path(elsewhere))
			r := s.change("fix", "--bridge", "br0", "--format", "json")
			switch r.status {
			case 2:
				if !strings.Contains(r.stderr, etcNetwork) {
					t.Errorf("it does not name the obstacle: %v", r)
				}
				same(t, "nothing is left of it", before, contents(t, s.path("/etc")))
				t.Logf("refused: %s", r.stderr)
			default:
				made := parseChange(t, r)
				mac := s.sysfs("br0", "address")
				s.recreate("br0", "type", "bridge")
				appliedFile := made.Path
				if strings.HasSuffix(appliedFile, ".conf") {
					appliedFile = strings.TrimSuffix(filepath.Dir(appliedFile), ".d")
				}
				s.ours("br0", appliedFile, mac)
				s.whole(made.Path)
				t.Logf("wrote %s", made.Path)
				s.changes("undo", "--bridge", "br0")
				same(t, "nothing is left of it", before, contents(t, s.path("/etc")))
			}
			same(t, "elsewhere is elsewhere", out, listing(t, s.path(elsewhere)))
		})
	}
}

// lock puts an obstacle at the path of the lock.
func (s *stage) lock(put func(name string) error) func() error {
	return func() error {
		if err := os.Mkdir(s.path("/run/linkaudit"), 0o700); err != nil {
			return err
		}
		return put(s.path("/run/linkaudit/lock"))
	}
}

// leaves runs fix or undo, which must refuse and change neither /etc nor elsewhere.
func (s *stage) leaves(what, why string) {
	s.t.Helper()
	out := listing(s.t, s.path(elsewhere))
	s.refuses([]string{what, "--bridge", "br0"}, why)
	same(s.t, "elsewhere is elsewhere", out, listing(s.t, s.path(elsewhere)))
}

// tidy removes the obstacle of a case.
func (s *stage) tidy() {
	s.t.Helper()
	for _, name := range []string{"/etc/systemd", etcNetwork} {
		if exists(s.path(name + ".real")) {
			s.remove(name)
			if err := os.Rename(s.path(name)+".real", s.path(name)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(s.path(elsewhere))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			s.remove(elsewhere + "/" + e.Name())
		}
	}
	s.remove("/run/linkaudit")
	s.clear()
	s.reload()
}

// TestAnOverrideIsForTheDeviceOfThatNameAlone fixes devices with names that a careless
// reader takes for patterns or something else. Beside each device is a decoy that such
// a reader would match.
func TestAnOverrideIsForTheDeviceOfThatNameAlone(t *testing.T) {
	everyUdevd(t, func(t *testing.T, s *stage) {
		names := []struct {
			name   string
			decoys []string
		}{
			{"br*", []string{"brX", "br"}}, {"br?", []string{"brY"}}, {"b[r]", []string{"b", "b[", "r"}},
			{"c[!d]", []string{"ce", "c!"}}, {"c[^d]", []string{"cf", "c^"}}, {"e[", []string{"e", "e[["}}, {"e]", []string{"e]]"}},
			{`a\b`, []string{"ab", `a\\b`}}, {`f\`, []string{"f", `f\\`}}, {`\*`, []string{`\x`, "*"}}, {`\`, []string{`\\`}},
			{"!x", []string{"x", "!y"}}, {"!", []string{"!!"}}, {`"q`, []string{"q"}}, {`"q"`, []string{`"q"q`}}, {"'s", []string{"s"}}, {"t'", []string{"t"}},
			{"$(x)", []string{"$x", "(x)"}}, {"${u}", []string{"$u", "u"}}, {"#h", []string{"h"}}, {";s", []string{";"}}, {"-dash", []string{"dash"}}, {"--", []string{"-"}},
			{"..x", []string{".x"}}, {"...", []string{"...."}}, {"=", []string{"=="}}, {"a,b", []string{"a"}}, {"{v,w}", []string{"v", "w"}},
			{"üß", []string{"ü"}}, {"\xff", []string{"\xfe"}}, {"\x1b[2J", []string{"\x1b"}}, {"k\x7f", []string{"k"}}, {"abcdefghijklmno", []string{"abcdefghijklmn"}},
			{"%n", nil}, {"%d", nil}, {"%", nil},
		}
		before := contents(t, s.path("/etc"))
		files := map[string]string{}
		var refused []string
		unheeded := map[string]bool{} // by udevd
		for _, n := range names {
			r := s.change("fix", "--bridge="+strings.ReplaceAll(n.name, ",", `\,`), "--no-reload", "--format", "json")
			if r.status == 2 {
				refused = append(refused, n.name)
				continue
			}
			c := parseChange(t, r)
			if s.release >= 260 && !linkfiles.CleanText(n.name) && c.Path == "" && !c.Changed {
				unheeded[n.name] = true
				continue
			}
			if filepath.Dir(c.Path) != etcNetwork || !c.Changed || files[c.Path] != "" {
				t.Errorf("%q: %+v", n.name, c)
			}
			files[c.Path] = n.name
			s.whole(c.Path)
			if again := s.changes("fix", "--bridge="+strings.ReplaceAll(n.name, ",", `\,`), "--no-reload"); again.Changed {
				t.Errorf("%q again: %+v", n.name, again)
			}
		}
		s.reload()
		fixed := map[string]string{}
		for file, name := range files {
			fixed[name] = file
		}
		// udev renames some of them, so each is known by its index.
		made := map[int]string{}
		for _, n := range names {
			for _, name := range append([]string{n.name}, n.decoys...) {
				index := 100 + len(made)
				if strings.Contains(name, "%") {
					continue // the kernel expands it: no device has such a name
				}
				s.must("ip", "link", "add", "name", name, "index", fmt.Sprint(index), "type", "bridge")
				made[index] = name
			}
		}
		s.settle()
		is := s.recorded(made)
		for index, name := range made {
			g, file := is[index], fixed[name]
			switch {
			case file != "":
				if want := (got{file: file, typ: typeRandom}); g != want {
					t.Errorf("%q got %+v, not %+v", name, g, want)
				}
			case s.release >= 260 && !linkfiles.CleanText(name):
				if want := (got{typ: typeRandom}); g != want {
					t.Errorf("%q got %+v, not %+v", name, g, want)
				}
			case files[g.file] != "":
				t.Errorf("%q got %s, which is for %q", name, g.file, files[g.file])
			case s.leavesName(name):
				if want := (got{file: defaultLink, typ: typeSet}); g != want {
					t.Errorf("%q got %+v, not %+v", name, g, want)
				}
			}
		}
		t.Logf("%d names fixed, %d refused: %q, udevd ignores %d of them; %d devices", len(files), len(refused), refused, len(unheeded), len(made))
		for _, name := range refused {
			if s.leavesName(name) {
				t.Errorf("%q could have been fixed", name)
			}
		}
		for _, n := range names {
			if fixed[n.name] != "" {
				s.changes("undo", "--bridge="+strings.ReplaceAll(n.name, ",", `\,`), "--no-reload")
			}
		}
		same(t, "nothing is left of it", before, contents(t, s.path("/etc")))
	})
}

// leavesName reports whether udev keeps a name. From 249 on it changes "!", "%" and
// what is not printable ASCII; before, every special character. If the new name is
// taken, as "_" soon is, the device keeps its old name and gets none of the rules'
// results.
func (s *stage) leavesName(name string) bool {
	special := "!%"
	if s.release < 249 {
		special += "\"'$&()*,;<>?[\\]^`{|}~"
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(special, r) })
}

// recorded is what the devices got, by their index, because they may be renamed. udev
// must have handled them.
func (s *stage) recorded(devices map[int]string) map[int]got {
	s.t.Helper()
	all := map[int]got{}
	for index := range devices {
		b, _ := os.ReadFile(s.path(fmt.Sprintf("/run/udev/data/n%d", index)))
		for l := range strings.Lines(string(b)) {
			if file, is := strings.CutPrefix(l, "E:ID_NET_LINK_FILE="); is {
				all[index] = got{file: strings.TrimSpace(file)}
			}
		}
	}
	const class = "/sys/class/net"
	entries, err := os.ReadDir(s.path(class))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		number := func(attribute string) string {
			return strings.TrimSpace(s.read(filepath.Join(class, e.Name(), attribute)))
		}
		index, err := strconv.Atoi(number("ifindex"))
		if err != nil {
			s.t.Fatal(err)
		}
		g := all[index]
		g.typ = number("addr_assign_type")
		all[index] = g
	}
	return all
}

// TestWhatCannotBeADeviceIsRefused has names that the kernel does not accept.
func TestWhatCannotBeADeviceIsRefused(t *testing.T) {
	s := newStage(t, "/")
	random := draw(t)
	for _, name := range []string{"", ".", "..", "a/b", "../x", "/etc/passwd", "a b", "a\tb", "a\nb", "a:b", "\n[Link]\nMTUBytes=1"} {
		s.part(t, fmt.Sprintf("the name %q", name), func(t *testing.T) {
			if r := s.do("ip", "link", "add", "name", name, "type", "bridge"); r.status == 0 {
				t.Error("the kernel takes it")
			}
			flags := []string{"--bridge=", "--bond=", "--device="}
			if !tool.Full() {
				flags = flags[random.IntN(len(flags)):][:1]
			}
			for _, flag := range flags {
				s.refuses([]string{"fix", flag + name}, flag[:len(flag)-1])
				s.refuses([]string{"undo", flag + name}, flag[:len(flag)-1])
			}
		})
	}
	for _, kind := range []string{"", "a b", "br\n[Link]", "bridge\x1b", "../x", "*", "!bridge"} {
		s.part(t, fmt.Sprintf("the kind %q", kind), func(t *testing.T) {
			before := s.written()
			r := s.change("fix", "--kind="+kind)
			switch {
			case r.status == 2 && s.written() == before:
			default:
				t.Errorf("%v", r)
			}
		})
	}
}

// TestFiftyFixesAtOnceAreOne starts fifty at once. Because of the lock one of them
// writes, and the others find nothing to do.
func TestFiftyFixesAtOnceAreOne(t *testing.T) {
	s := bridged(t, "/")
	changes := 0
	for _, r := range s.together(50, func(int) []string { return []string{"fix", "--bridge", "br0", "--format", "json"} }) {
		if r.status != 0 {
			t.Fatalf("%v", r)
		}
		if c := parseChange(t, r); c.Changed {
			changes++
		}
	}
	if changes != 1 {
		t.Errorf("%d of them say that they changed it", changes)
	}
	file := override("br0")
	s.whole(file)
	if entries, err := os.ReadDir(s.path(etcNetwork)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	mac := s.sysfs("br0", "address")
	s.recreate("br0", "type", "bridge")
	s.ours("br0", file, mac)
}

// TestFixAndUndoAtOnceLeaveAFileOrNone makes them compete. In the end the tree is
// whole, whichever is last.
func TestFixAndUndoAtOnceLeaveAFileOrNone(t *testing.T) {
	s := bridged(t, "/")
	empty := contents(t, s.path(etcNetwork))
	s.changes("fix", "--bridge", "br0")
	full := contents(t, s.path(etcNetwork))
	changes := map[string]int{}
	for _, r := range s.together(50, func(i int) []string {
		return []string{[]string{"fix", "undo"}[i%2], "--bridge", "br0", "--format", "json"}
	}) {
		if r.status != 0 {
			t.Fatalf("%v", r)
		}
		if c := parseChange(t, r); c.Changed {
			changes[command(r.args)]++
		}
	}
	now := contents(t, s.path(etcNetwork))
	t.Logf("%v", changes)
	// They take turns, and the file existed before.
	switch d := changes["undo"] - changes["fix"]; {
	case d == 0 && now == full, d == 1 && now == empty:
	default:
		t.Errorf("%v, and at the end\n%s", changes, now)
	}
	for _, what := range []string{"fix", "undo"} {
		s.changes(what, "--bridge", "br0")
	}
	same(t, "all is taken back", empty, contents(t, s.path(etcNetwork)))
}

// together starts n runs in the stage at once and waits for all of them.
func (s *stage) together(n int, args func(i int) []string) []result {
	s.t.Helper()
	results := make([]result, n)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			results[i] = s.do(append([]string{program}, args(i)...)...)
		})
	}
	close(start)
	all.Wait()
	for _, r := range results {
		owes(s.t, r)
	}
	return results
}

// TestTheEnvironmentChoosesNothing sets every variable that programs, loaders and
// libraries read, as somebody may who calls linkaudit through sudo(8).
func TestTheEnvironmentChoosesNothing(t *testing.T) {
	s := bridged(t, "/")
	const evil = "/mnt/evil"
	for _, name := range []string{"udevadm", "systemd-detect-virt", "systemctl", "busctl", "matchpathcon", "update-initramfs", "dracut", "mkinitcpio", "sh", "env", "logger", "ip"} {
		s.write(evil+"/"+name, "#!/bin/sh\necho \"$0 $*\" >>/mnt/ran\n")
		s.must("chmod", "755", evil+"/"+name)
	}
	s.write(evil+"/x.so", "no library")
	hostile := []string{"/usr/bin/env", "-i", "PATH=" + evil, "HOME=" + evil, "TMPDIR=" + evil, "SHELL=" + evil + "/sh", "BASH_ENV=" + evil + "/sh", "ENV=" + evil + "/sh",
		"LD_PRELOAD=" + evil + "/x.so", "LD_LIBRARY_PATH=" + evil, "LD_AUDIT=" + evil + "/x.so", "GCONV_PATH=" + evil, "LOCPATH=" + evil, "LC_ALL=" + evil, "LANG=" + evil,
		"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + evil + "/bus", "DBUS_SESSION_BUS_ADDRESS=unix:path=" + evil + "/bus", "NOTIFY_SOCKET=" + evil + "/notify",
		"SYSTEMD_NET_NAMING_SCHEME=v238", "NET_NAMING_SCHEME=v238", "SYSTEMD_PROC_CMDLINE=net.naming-scheme=v238", "CREDENTIALS_DIRECTORY=" + evil,
		"SYSTEMD_UNIT_PATH=" + evil, "UDEV_LOG=debug", "container=lxc", "SUDO_UID=0\nMESSAGE=x", "COLUMNS=-1", "TERM=../../x", "MALLOC_CHECK_=3"}
	under := func(args ...string) result {
		t.Helper()
		return s.do(append(slices.Clone(hostile), append([]string{program}, args...)...)...)
	}
	taken := regexp.MustCompile(`"taken": "[^"]*"`)
	for _, args := range [][]string{{"check", "--format", "json", "br0"}, {"snapshot"}, {"lint", "--format", "json"}, {"mac", "br0"}} {
		s.part(t, strings.Join(args, " "), func(t *testing.T) {
			want, got := s.audit(args...), under(args...)
			// Two runs differ only in the time of the audit.
			want.stdout, got.stdout = taken.ReplaceAllString(want.stdout, ""), taken.ReplaceAllString(got.stdout, "")
			if got.stdout != want.stdout || got.status != want.status {
				t.Errorf("%v, and with that environment %v", want, got)
			}
		})
	}
	c := parseChange(t, under("fix", "--bridge", "br0", "--format", "json"))
	if !c.Changed || !c.Reloaded || !c.Verified {
		t.Errorf("%+v", c)
	}
	s.whole(override("br0"))
	if c := parseChange(t, under("undo", "--bridge", "br0", "--format", "json")); !c.Changed || !c.Reloaded {
		t.Errorf("%+v", c)
	}
	if exists(s.path("/mnt/ran")) {
		t.Errorf("it ran %s", s.read("/mnt/ran"))
	}
}

// TestWhatIsPlantedInASharedDirectoryIsNotWrittenThrough writes reports as root to a
// directory where anybody can put an obstacle, such as /tmp.
func TestWhatIsPlantedInASharedDirectoryIsNotWrittenThrough(t *testing.T) {
	s := bridged(t, "/")
	const tmp, victim = "/mnt/tmp", "/mnt/victim"
	s.must("install", "-d", "-m", "1777", tmp)
	s.must("install", "-d", "-m", "700", victim)
	s.write(victim+"/file", "precious\n")
	planter := func(line string) {
		t.Helper()
		s.must("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c", line)
	}
	before := contents(t, s.path(victim))
	outputs := []struct {
		args []string
		// mode is that of the new file. Commands that want a new file refuse an
		// existing one.
		mode    string
		status  int
		onlyNew bool
	}{
		{[]string{"check", "--output", tmp + "/x"}, "644", 1, false},
		{[]string{"check", "--format", "prometheus", "--output", tmp + "/x"}, "644", 1, false},
		{[]string{"snapshot", "--output", tmp + "/x"}, "", 0, false},
		{[]string{"snapshot", "--with-machine-id", "--output", tmp + "/x"}, "600", 0, false},
		{[]string{"watch", "--no-trace", "--for", "1ms", "--record", tmp + "/x"}, "600", 0, true},
	}
	for what, plant := range map[string]string{
		"a link to a file":      "ln -s " + victim + "/file " + tmp + "/x",
		"a link to nothing":     "ln -s " + victim + "/new " + tmp + "/x",
		"a link to a directory": "ln -s " + victim + " " + tmp + "/x",
		"a FIFO":                "mkfifo " + tmp + "/x",
		"a directory":           "mkdir " + tmp + "/x",
		"a file of somebody's":  "echo mine >" + tmp + "/x; chmod 666 " + tmp + "/x",
	} {
		s.part(t, what, func(t *testing.T) {
			for _, o := range outputs {
				s.remove(tmp + "/x")
				planter(plant)
				r := s.audit(o.args...)
				same(t, "what it leads to", before, contents(t, s.path(victim)))
				if what != "a file of somebody's" || o.onlyNew {
					if r.status != 2 || !strings.Contains(r.stderr, tmp+"/x") {
						t.Errorf("%v", r)
					}
					continue
				}
				is := strings.TrimSpace(s.must("stat", "-c", "%u %a", tmp+"/x"))
				if r.status != o.status || !strings.HasPrefix(is, "0 ") || o.mode != "" && is != "0 "+o.mode {
					t.Errorf("%v: the file is %s", r, is)
				}
			}
		})
	}
	// Another name of a file is not the same file.
	s.remove(tmp + "/x")
	s.must("ln", victim+"/file", tmp+"/x")
	if r := s.audit("check", "--output", tmp+"/x"); r.status != 1 {
		t.Errorf("%v", r)
	}
	same(t, "a second name", before, contents(t, s.path(victim)))
	// And one that changes all the time.
	s.remove(tmp + "/x")
	ctx, cancel := context.WithCancel(context.Background())
	race := s.command(ctx, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c",
		"cd "+tmp+"; while :; do ln -s "+victim+"/file l; mv -f l x 2>/dev/null; rm -f x l; : >x; rm -f x; done 2>/dev/null")
	if err := race.Start(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		for _, o := range outputs {
			s.audit(o.args...)
		}
	}
	cancel()
	_ = race.Wait()
	same(t, "a race", before, contents(t, s.path(victim)))
	entries, err := os.ReadDir(s.path(tmp))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "x" && e.Name() != "l" {
			t.Errorf("%s is left", e.Name())
		}
	}
}
