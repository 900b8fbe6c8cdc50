//go:build namespace

package namespace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/tool"
)

// A booted stage has systemd as its first process, in its own namespaces and on a copy
// of the root in memory. So nothing that it does reaches the machine; it cleans /tmp,
// for example.

const bootVariable = "LINKAUDIT_STAGE_BOOT"

// stageTarget is all that systemd starts.
const stageTarget = `[Unit]
Requires=basic.target
Wants=systemd-udevd.service dbus.service systemd-journald.service
After=systemd-udevd.service dbus.service systemd-journald.service
`

// boot makes the copy and becomes systemd. It runs in the new namespaces.
func boot(root string) error {
	mount := func(source, target, fstype string, flags uintptr, data string) error {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(source, target, fstype, flags, data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", source, target, err)
		}
		return nil
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	binary, err := os.ReadFile(filepath.Join(os.Getenv("LINKAUDIT_BINARY_DIR"), "linkaudit"))
	if err != nil {
		return err
	}
	const copied = "/mnt"
	if err := mount("tmpfs", copied, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", "--one-file-system", root+"/.", copied).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", root, err, out)
	}
	for _, m := range []struct{ source, target, fstype string }{
		{"proc", "/proc", "proc"},
		{"sysfs", "/sys", "sysfs"},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2"},
		{"tmpfs", "/run", "tmpfs"},
		{"tmpfs", "/dev", "tmpfs"},
	} {
		if err := mount(m.source, copied+m.target, m.fstype, 0, ""); err != nil {
			return err
		}
	}
	for _, node := range []struct {
		name         string
		major, minor int
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"kmsg", 1, 11}, {"tty", 5, 0}} {
		name := copied + "/dev/" + node.name
		if err := syscall.Mknod(name, syscall.S_IFCHR|0o666, node.major<<8|node.minor); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	files := map[string]string{
		"/etc/systemd/system/stage.target": stageTarget,
		"/etc/machine-id":                  machineID + "\n",
		"/etc/hostname":                    "stage\n",
	}
	for name, content := range files {
		if err := os.MkdirAll(copied+filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(copied+name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(copied+"/usr/bin/linkaudit", binary, 0o755); err != nil {
		return err
	}
	if err := syscall.Chroot(copied); err != nil {
		return fmt.Errorf("enter %s: %w", copied, err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return syscall.Exec("/lib/systemd/systemd",
		[]string{"systemd", "--system", "--unit=stage.target", "--log-target=console", "--log-level=info", "--show-status=no"},
		[]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"})
}

// newBootedStage starts systemd on a copy of the root and waits for udevd.
func newBootedStage(t *testing.T, root string) *stage {
	t.Helper()
	need(t, os.Geteuid() == 0, "namespaces need root's rights")
	_, err := os.Stat(filepath.Join(root, "lib/systemd/systemd"))
	need(t, err == nil, "no systemd in "+root+": test/roots/build makes the roots")

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), bootVariable+"="+root, "LINKAUDIT_BINARY_DIR="+binaryDir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWCGROUP,
		Pdeathsig:  syscall.SIGKILL,
	}
	console, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("new namespaces: %v", err)
	}
	var said bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(&said, console) })
	s := &stage{t: t, pid: cmd.Process.Pid, root: root, pidNamespace: true}
	t.Cleanup(func() {
		if err := tool.End(cmd, syscall.SIGKILL); err != nil { // with the first process all others end
			t.Error(err)
		}
		reading.Wait()
		if t.Failed() {
			t.Logf("systemd said:\n%s", head(said.String()))
		}
	})
	up := func() bool {
		return s.answers() && s.do("/usr/bin/systemctl", "is-active", "dbus.service", "systemd-udevd.service").status == 0
	}
	if !tool.Until(5*time.Minute, func() bool { return ended(cmd.Process.Pid) || up() }) || ended(cmd.Process.Pid) {
		t.Fatal("udevd and D-Bus do not run")
	}
	s.release = releaseOf(t, root, s.must("udevadm", "--version"))
	return s
}

// Under systemd, udevd is reloaded over D-Bus, and the journal has a record of the
// change.
func TestUnderSystemdTheManagerReloadsAndTheJournalRemembers(t *testing.T) {
	for _, p := range releases(t) {
		t.Run(p.name, func(t *testing.T) {
			s := newBootedStage(t, p.root)
			const override = "/etc/systemd/network/60-linkaudit-device-br0.link"
			reloads := func() string {
				return s.must("/usr/bin/systemctl", "show", "--property=StateChangeTimestampMonotonic", "systemd-udevd.service")
			}
			s.add("before", "type", "bridge")
			if got := s.sysfs("before", "addr_assign_type"); got != "3" {
				t.Fatalf("udevd leaves a bridge alone: addr_assign_type is %s", got)
			}
			was := reloads()
			r := s.do("/usr/bin/linkaudit", "fix", "--bridge", "br0", "--format", "json")
			var fixed struct{ Changed, Reloaded, Verified bool }
			if err := json.Unmarshal([]byte(r.stdout), &fixed); err != nil || r.status != 0 {
				t.Fatalf("%v: %v", err, r)
			}
			if !fixed.Changed || !fixed.Reloaded || !fixed.Verified {
				t.Errorf("%v", r)
			}
			how := "the service manager sent SIGHUP to systemd-udevd.service"
			if s.must("/usr/bin/systemctl", "show", "--property=Type", "systemd-udevd.service") == "Type=notify-reload" {
				how = "the service manager reloaded systemd-udevd.service"
			}
			if reloads() == was {
				t.Errorf("udevd did not report a reload to the service manager: %s", was)
			}
			if !strings.Contains(r.stderr, how) {
				t.Errorf("udevd was not reloaded as %q says: %v", how, r)
			}
			s.add("br0", "type", "bridge")
			if file, assign := s.property("br0", "ID_NET_LINK_FILE"), s.sysfs("br0", "addr_assign_type"); file != override || assign != "1" {
				t.Errorf("udevd applied %s; addr_assign_type is %s", file, assign)
			}
			r = s.do("/usr/bin/linkaudit", "undo", "--bridge", "br0")
			if r.status != 0 || !strings.Contains(r.stderr, how) {
				t.Errorf("%v", r)
			}
			s.add("br1", "type", "bridge")
			if got := s.sysfs("br1", "addr_assign_type"); got != "3" {
				t.Errorf("after undo addr_assign_type is %s", got)
			}

			s.must("/usr/bin/journalctl", "--sync")
			var actions []string
			for line := range strings.Lines(s.must("/usr/bin/journalctl", "--output=json", "MESSAGE_ID=c7e1f1f5b8d94f8b9d0a3b6a52e4c8d1")) {
				var e map[string]string
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				actions = append(actions, e["LINKAUDIT_ACTION"])
				if e["LINKAUDIT_DEVICE"] != "br0" || e["LINKAUDIT_PATH"] != override || e["LINKAUDIT_USER"] != "root" || e["SYSLOG_IDENTIFIER"] != "linkaudit" {
					t.Errorf("the record is %v", e)
				}
				before, after := e["LINKAUDIT_BEFORE"], e["LINKAUDIT_AFTER"]
				if e["LINKAUDIT_ACTION"] == "undo" {
					before, after = after, before
				}
				if before != "" || !strings.HasPrefix(after, "sha256:") {
					t.Errorf("the record is of %q before and %q after", before, after)
				}
			}
			if strings.Join(actions, " ") != "fix undo" {
				t.Errorf("the journal has %q", actions)
			}
		})
	}
}
