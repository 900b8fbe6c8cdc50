//go:build ecosystem

// Package machine gives each suite in this directory a machine of its own: all files of
// this machine, or of a root of test/roots, in an overlay that is discarded, with its
// own network, /run and host name. What a suite installs, upgrades or breaks there is
// gone with it.
//
// It needs root.
package machine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/doccmd"
	"linkaudit/test/tool"
)

// The usual time limit of a command, and of one that downloads packages.
const (
	usual       = 3 * time.Minute
	usualOnline = 5 * time.Minute
)

// MachineID is the machine ID of every machine.
const MachineID = "0123456789abcdef0123456789abcdef"

// Hide is a script that removes what an administrator may have put into the root in the
// working directory: linkaudit, its configuration and its package, .link files and
// rules without a package, and the configuration of programs that the tests run.
const Hide = `set -e
umask 022
if [ -e var/lib/dpkg/info/linkaudit.list ]; then chroot . dpkg --purge --force-all linkaudit >/dev/null; fi
for dir in usr/bin usr/sbin usr/local/bin usr/local/sbin; do rm -f $dir/linkaudit; done
rm -rf etc/linkaudit.conf etc/linkaudit.conf.d var/lib/linkaudit var/cache/linkaudit-package
rm -rf etc/systemd/network etc/udev/rules.d usr/local/lib/systemd/network usr/local/lib/udev/rules.d
rm -rf etc/gitconfig etc/ansible
mkdir -p etc/systemd/network etc/udev/rules.d
if [ -d var/lib/dpkg/info ] && [ -d usr/lib/systemd/network ]; then
	owned=$(grep -hE '^(/usr)?/lib/systemd/network/' var/lib/dpkg/info/*.list | sed 's,^/lib,/usr/lib,')
	find usr/lib/systemd/network -depth -mindepth 1 | while IFS= read -r file; do
		case "
$owned
" in *"
/$file
"*) ;; *) rm -rf "$file" ;; esac
	done
fi
`

// setUp runs in the new namespaces, with the root to overlay as $1, and waits for the
// end of its input in the new machine.
//
// The cgroups of /sys belong to the machine below; without them linkaudit looks for
// udevd in /proc.
const setUp = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$1,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=700 tmpfs root
if [ -e /etc/resolv.conf ]; then cat /etc/resolv.conf >etc/resolv.conf.stage; mv -f etc/resolv.conf.stage etc/resolv.conf; fi
` + Hide + `
echo "$2" >etc/machine-id
hostname stage
ip link set lo up
exec chroot . sh -c 'echo ready && exec cat >/dev/null'
`

// Machine is such a machine. Its methods fail the test if they fail.
type Machine struct {
	t   testing.TB
	pid int
	// namespaces are those that a command enters, in nsenter's order.
	namespaces []string
}

// Option is an additional property of a machine.
type Option uintptr

// OwnProcesses hides all other processes of the host, for commands that kill processes
// by name, as package scripts do. systemd's programs take such a machine for a
// container.
const OwnProcesses Option = syscall.CLONE_NEWPID

// New makes a machine on the files of root, until the test ends.
func New(t testing.TB, root string, options ...Option) *Machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("namespaces need root's rights")
	}
	if _, err := os.Stat(filepath.Join(root, "usr/bin/udevadm")); err != nil {
		if _, err := os.Stat(filepath.Join(root, "bin/udevadm")); err != nil {
			t.Fatalf("no udev in %s: install the Debian package udev, or set LINKAUDIT_ROOTS to where test/roots put the roots", root)
		}
	}
	flags := uintptr(syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS)
	for _, o := range options {
		flags |= uintptr(o)
	}
	cmd := exec.Command("sh", "-c", setUp, "sh", root, MachineID)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	held, err := tool.Hold(cmd, "ready")
	if err != nil {
		t.Fatalf("the machine of %s did not come up: %v: %s", root, err, complaint.String())
	}
	m := &Machine{t: t, pid: held.PID(), namespaces: []string{"mnt", "net", "uts"}}
	if slices.Contains(options, OwnProcesses) {
		m.namespaces = append(m.namespaces, "pid")
	}
	t.Cleanup(func() {
		tool.KillNetworkOf(m.pid)
		if err := held.End(); err != nil {
			t.Error(err)
		}
	})
	if own, _ := os.Stat("/"); os.SameFile(own, stat(t, m.Path("/"))) {
		t.Fatal("the machine has the host's own files")
	}
	return m
}

func stat(t testing.TB, name string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// Result is what a command did.
type Result struct {
	Args []string
	tool.Outcome
}

// String is for the log of a test.
func (r Result) String() string {
	return fmt.Sprintf("%q: status %d after %v\n%s%s", r.Args, r.Status, r.Took.Round(time.Millisecond), r.Stdout, r.Stderr)
}

// Said is whether one of the outputs has all of the texts.
func (r Result) Said(texts ...string) bool {
	for _, text := range texts {
		if !strings.Contains(r.Stdout, text) && !strings.Contains(r.Stderr, text) {
			return false
		}
	}
	return true
}

// Do runs a command in the machine.
func (m *Machine) Do(args ...string) Result {
	return m.run(usual, m.inside(), "", args)
}

// Shell runs a script with bash.
func (m *Machine) Shell(script string) Result {
	return m.run(usual, m.inside(), script, []string{"bash", "-s"})
}

// online runs a command in the machine with the network of the host, to download what
// packages. It tries as often as [tool.Download] does, until it succeeds.
func (m *Machine) online(what string, args ...string) {
	m.t.Helper()
	in := m.inside()
	in.Namespaces = slices.DeleteFunc(slices.Clone(m.namespaces), func(n string) bool { return n == "net" })
	tool.Download(m.t, what, func() error {
		if r := m.run(usualOnline, in, "", args); r.Status != 0 {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
}

// aptGet is apt-get with its arguments. The lists of a root are as old as the root. A
// mirror may be a frozen copy, and then sid's index says that it has expired.
const aptGet = `apt() { apt-get -qq -o APT::Sandbox::User=root "$@"; }
apt "$@" && exit
apt -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none update
apt "$@"`

// AptGet runs apt-get for the machine's packages with the network of the host. If it
// fails, it tries again with new lists.
func (m *Machine) AptGet(args ...string) {
	m.t.Helper()
	m.online("apt-get "+strings.Join(args, " "), append([]string{"sh", "-c", aptGet, "apt-get"}, args...)...)
}

// Mounted is where a program run by Outside finds the files of the machine.
const Mounted = "/mnt/root"

// Outside runs a program of this machine, which must succeed, on the files of the
// other: for package managers that have an option for another root.
func (m *Machine) Outside(args ...string) Result {
	m.t.Helper()
	in := m.inside()
	in.Root = false
	// This machine's root may have settings in the home directory.
	r := m.run(usual, in, "", append([]string{"env", "HOME=/root/.stage"}, args...))
	if r.Status != 0 {
		m.t.Fatalf("%v", r)
	}
	return r
}

// inside is how a command enters the machine.
func (m *Machine) inside() tool.Inside {
	return tool.Inside{Process: m.pid, Namespaces: m.namespaces, Root: true, Dir: "/root"}
}

// environment is that of every command.
var environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
	"LC_ALL=C.UTF-8", "TZ=UTC", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive"}

func (m *Machine) run(usual time.Duration, in tool.Inside, stdin string, args []string) Result {
	ctx, cancel := context.WithTimeout(context.Background(), tool.Patience(usual))
	defer cancel()
	cmd := in.Command(ctx, environment, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return Result{args, tool.Run(cmd)}
}

// Must runs a command that must succeed, and returns its output.
func (m *Machine) Must(args ...string) string {
	m.t.Helper()
	r := m.Do(args...)
	if r.Status != 0 {
		m.t.Fatalf("%v", r)
	}
	return strings.TrimSpace(r.Stdout)
}

// Path is the path of a machine's file for the test itself.
func (m *Machine) Path(name string) string { return fmt.Sprintf("/proc/%d/root%s", m.pid, name) }

// Write creates a file and the directories above it.
func (m *Machine) Write(name, content string, mode os.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.Path(name)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.Path(name), []byte(content), mode); err != nil {
		m.t.Fatal(err)
	}
}

// Copy copies a file or directory of the tree there.
func (m *Machine) Copy(from, to string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.Path(to)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, m.Path(to)).CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}

// Build copies the program of the tree into the machine.
func (m *Machine) Build(to string) {
	m.t.Helper()
	binary := filepath.Join(m.t.TempDir(), "linkaudit")
	if err := tool.Build(binary); err != nil {
		m.t.Fatal(err)
	}
	m.Copy(binary, to)
}

// StartUdevd starts the machine's systemd-udevd and waits until it answers.
func (m *Machine) StartUdevd() {
	m.t.Helper()
	udevd := m.inside().Command(context.Background(), environment, "/lib/systemd/systemd-udevd")
	if err := udevd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		tool.KillNetworkOf(m.pid)
		if err := tool.End(udevd, 0); err != nil {
			m.t.Error(err)
		}
	})
	tool.Eventually(m.t, "systemd-udevd answers", func() bool { return m.Do("udevadm", "control", "--ping").Status == 0 })
}

// Add creates a device and waits until udevd has handled it.
func (m *Machine) Add(name string, args ...string) {
	m.t.Helper()
	m.Must(append([]string{"ip", "link", "add", name}, args...)...)
	index := m.Must("cat", "/sys/class/net/"+name+"/ifindex")
	tool.Eventually(m.t, "udevd has handled "+name, func() bool {
		_, err := os.Stat(m.Path("/run/udev/data/n" + index))
		return err == nil
	})
}

// Files is the contents of a directory, one entry a line: name, mode, owner, and the
// SHA-256 of the content or the target.
func (m *Machine) Files(dir string) string {
	m.t.Helper()
	return m.Must("sh", "-c", `cd "$1" && find . -printf '%p %M %U:%G %l\n' | sort && find . -type f -exec sha256sum {} + | sort`, "sh", dir)
}

// Blocks runs the blocks of commands in the documentation below top that are for the
// runner and wanted, in the order of the pages. It fails the test if there is none.
func (m *Machine) Blocks(t *testing.T, top, runner string, wanted func(doccmd.Block) bool) {
	t.Helper()
	blocks, err := doccmd.All(top, runner)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, b := range blocks {
		if !wanted(b) {
			continue
		}
		ran++
		if r := m.Shell(b.Script()); r.Status != 0 {
			t.Errorf("%s: %v", b.Name(), r)
		}
	}
	if ran == 0 {
		t.Errorf("no block of %s is wanted", runner)
	}
}

// Every is for Blocks.
func Every(doccmd.Block) bool { return true }
