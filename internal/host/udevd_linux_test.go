package host

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linkaudit/linkfiles"
	"linkaudit/test/tool"
)

// demanded is whether a test fails that this machine cannot run, and is not skipped:
// .ci/run is root, and has installed what the tests need.
func demanded() bool { return os.Getenv("CI") == "true" && os.Geteuid() == 0 }

// installedUdevd is where the tests find a real udevd; they are skipped on a
// machine without one, but not under CI.
func installedUdevd(t *testing.T) string {
	t.Helper()
	for _, p := range udevdPrograms[:2] {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	if demanded() {
		t.Fatal("no systemd-udevd is installed")
	}
	t.Skip("no systemd-udevd is installed")
	return ""
}

// plainly is a program of udev that is told nothing by the environment: neither to print
// what it does, nor which naming scheme to use.
func plainly(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tool.Patience(time.Minute))
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.WaitDelay = time.Second
	return cmd
}

func TestReleaseReadFromTheProgramIsWhatUdevadmSays(t *testing.T) {
	program := installedUdevd(t)
	out, err := plainly(t, "udevadm", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, err := files{}.programVersion(program)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := parseRelease(version)
	want, _ := parseRelease(strings.TrimSpace(string(out)))
	if got != want || want == 0 {
		t.Errorf("%s: %q, udevadm says %q", program, version, out)
	}
}

func TestRunningUdevdItsDatabaseAndItsSchemeAreFound(t *testing.T) {
	program := installedUdevd(t)
	if !inNamespace(t) {
		return
	}
	if s := collect(t, DeviceOptions{}); s.Udev.Running.Or(true) {
		t.Fatalf("before it was started: %v", s.Udev.Running)
	}
	if out, err := plainly(t, program, "--daemon").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	u := findUdevd()
	t.Cleanup(func() {
		if p, err := os.FindProcess(u.pid); err == nil && u.pid > 1 {
			_ = p.Kill()
		}
	})
	if !u.running.Or(false) || u.pid == 0 {
		t.Fatalf("running: %v, process %d", u.running, u.pid)
	}
	add(t, bridge("br0"))
	var s *Snapshot
	tool.Eventually(t, "br0 is in the udev database", func() bool {
		s = collect(t, DeviceOptions{Want: WantEverything})
		d := s.Device("br0")
		return d != nil && d.UdevDB.IsKnown()
	})
	d := s.Device("br0")
	db, ok := d.UdevDB.Get()
	if !ok {
		t.Fatalf("udev database: %v", d.UdevDB)
	}
	out, err := plainly(t, "udevadm", "info", "--query=property", "/sys/class/net/br0").Output()
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range db {
		if !strings.Contains("\n"+string(out), "\n"+k+"="+v+"\n") {
			t.Errorf("%s=%s is not what udevadm info says:\n%s", k, v, out)
		}
	}
	if db["ID_NET_LINK_FILE"] == "" {
		t.Errorf("no ID_NET_LINK_FILE in %v", db)
	}
	if m := d.MatchAttributes(); m.Driver.Or("") != db["ID_NET_DRIVER"] || m.Type.Or("") != "bridge" {
		t.Errorf("driver %v, type %v", m.Driver, m.Type)
	}
	if d.AddrAssignType.Or(-1) != AddrSet {
		t.Errorf("addr_assign_type %v after MACAddressPolicy=persistent", d.AddrAssignType)
	}
	n, ok := s.NamingScheme.Get()
	if !ok || n.Name != db["ID_NET_NAMING_SCHEME"] {
		t.Errorf("naming scheme %v, udevd wrote %q", s.NamingScheme, db["ID_NET_NAMING_SCHEME"])
	}
	if rule := s.Udev.SetupLinkRule.Or(""); !strings.HasSuffix(rule, "/"+setupLinkRules) {
		t.Errorf("rule %v", s.Udev.SetupLinkRule)
	}
}

// write makes files below a new directory: "-> target" is a symbolic link.
func write(t *testing.T, tree map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range tree {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(to, p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestImageIsReadWithoutLeavingIt(t *testing.T) {
	const rule = "IMPORT{builtin}=\"net_setup_link\"\n"
	const status = "Package: libudev1\nStatus: install ok installed\nVersion: 1\n\nPackage: udev\nStatus: install ok installed\nPriority: important\nVersion: 252.39-1~deb12u2\n\n"
	for name, c := range map[string]struct {
		tree     map[string]string
		release  linkfiles.Release
		rule     string // "-" is absent
		id       bool
		idReason string
	}{
		"Debian 12's package database": {
			tree:    map[string]string{"var/lib/dpkg/status": status, "usr/lib/udev/rules.d/80-net-setup-link.rules": rule, "lib": "-> usr/lib", "etc/machine-id": "0123456789abcdef0123456789abcdef\n"},
			release: 252, rule: "/usr/lib/udev/rules.d/80-net-setup-link.rules", id: true,
		},
		"masked by a link to /dev/null": {
			tree: map[string]string{"usr/lib/udev/rules.d/80-net-setup-link.rules": rule, "etc/udev/rules.d/80-net-setup-link.rules": "-> /dev/null", "etc/machine-id": "uninitialized\n"},
			rule: "-", idReason: "uninitialized",
		},
		"masked by an empty file, and another one runs it": {
			tree: map[string]string{"usr/lib/udev/rules.d/80-net-setup-link.rules": rule, "run/udev/rules.d/80-net-setup-link.rules": "", "etc/udev/rules.d/99-mine.rules": rule},
			rule: "/etc/udev/rules.d/99-mine.rules", idReason: "no such file",
		},
		"links that try to leave": {
			tree: map[string]string{"etc/machine-id": "-> ../../../../../../etc/machine-id", "etc/udev/rules.d": "-> /../../../usr/lib/udev/rules.d", "var/lib/dpkg": "-> /var/lib/dpkg"},
			rule: "-", idReason: "symbolic links",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := collectBelow(t, write(t, c.tree), 0, DeviceOptions{})
			if !s.Offline || len(s.Devices) != 0 {
				t.Errorf("offline %v, devices %v", s.Offline, s.Devices)
			}
			if got := s.Systemd.Release.Or(0); got != c.release || s.Systemd.Release.IsAbsent() {
				t.Errorf("release %v (%s), want %d", s.Systemd.Release, s.Systemd.Source, c.release)
			}
			if got, ok := s.Udev.SetupLinkRule.Get(); got != strings.Trim(c.rule, "-") && ok || ok != (c.rule != "-") {
				t.Errorf("rule %v, want %s", s.Udev.SetupLinkRule, c.rule)
			}
			id := s.System.MachineID.ID()
			if id.IsKnown() != c.id || !strings.Contains(id.Reason().String(), c.idReason) {
				t.Errorf("machine-id known %v: %s", id.IsKnown(), id.Reason())
			}
			scheme, ok := s.NamingScheme.Get()
			if !s.System.Hostname.IsUnknown() || ok != s.Systemd.Release.IsKnown() || ok && !scheme.Assumed {
				t.Errorf("host name %v, naming scheme %v", s.System.Hostname, s.NamingScheme)
			}
		})
	}
}

func TestWhatIsNoRegularFileIsRefused(t *testing.T) {
	root := write(t, map[string]string{"etc/dir/x": ""})
	fifo := filepath.Join(root, "etc/machine-id")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(root, "etc/big")
	f, err := os.Create(big)
	if err == nil {
		err = f.Truncate(100 << 20)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for name, want := range map[string]string{"/etc/machine-id": "not a regular file", "/etc/dir": "not a regular file", "/etc/big": "larger than", "/etc/none": "no such file"} {
		t.Run(name, func(t *testing.T) {
			if _, err := (files{root}).read(name, limitSmall); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), name) != 1 {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
	if _, err := (files{root}).open("/etc/machine-id"); err == nil {
		t.Error("a FIFO was opened")
	}
}
