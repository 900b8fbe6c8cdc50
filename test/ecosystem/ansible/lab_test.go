//go:build ecosystem

package ansible

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	ecosystem "linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

const (
	// holdVariable is the directory in which the first process of a machine makes its
	// root.
	holdVariable = "LINKAUDIT_LAB_HOLD"

	// program is the path of linkaudit on a machine.
	program = "/usr/local/sbin/linkaudit"

	// usual is the time limit of a command.
	usual = 2 * time.Minute
)

// needed are the programs that the tests call, with the Debian package of each.
var needed = map[string]string{
	"ansible": "ansible-core", "ansible-doc": "ansible-core", "ansible-galaxy": "ansible-core", "ansible-playbook": "ansible-core",
	"ssh": "openssh-client", "ssh-keygen": "openssh-client", "sshd": "openssh-server",
	"ip": "iproute2", "nsenter": "util-linux", "udevadm": "udev",
}

// neededInFull are those that only stories need which .ci/run does not run.
var neededInFull = map[string]string{
	"ansible-test": "ansible-core", "ansible-lint": "ansible-lint",
	"yamllint": "yamllint", "pycodestyle": "pycodestyle", "pytest-3": "python3-pytest",
	"dpkg-deb": "dpkg", "git": "git", "rpmbuild": "rpm", "dnf": "dnf",
}

// built is linkaudit for the hosts, and work is for what a machine needs before it
// exists.
var built, work string

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdVariable); dir != "" {
		fmt.Fprintln(os.Stderr, hold(dir)) // comes back only with an error
		os.Exit(1)
	}
	status := stage.Main(m, prepare)
	os.RemoveAll(work)
	os.Exit(status)
}

func prepare() (err error) {
	if tool.Full() {
		maps.Copy(needed, neededInFull)
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not installed (Debian package %s)", name, needed[name])
		}
	}
	if work, err = os.MkdirTemp("", "linkaudit-ansible-"); err != nil {
		return err
	}
	built = filepath.Join(work, "linkaudit")
	return tool.Build(built)
}

// hold makes a machine's root in dir and is its first process, which ends with its
// input. It runs in the new namespaces.
func hold(dir string) error {
	mount := func(source, target, fstype, data string) error {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(source, target, fstype, 0, data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", source, target, err)
		}
		return nil
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := mount("tmpfs", dir, "tmpfs", "mode=755"); err != nil {
		return err
	}
	for _, name := range []string{"upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	root := filepath.Join(dir, "root")
	if err := mount("overlay", root, "overlay", "lowerdir=/,upperdir="+dir+"/upper,workdir="+dir+"/work"); err != nil {
		return err
	}
	for _, m := range []struct{ source, target, fstype, data string }{
		{"proc", "/proc", "proc", ""},
		{"sysfs", "/sys", "sysfs", ""},
		{"tmpfs", "/run", "tmpfs", "mode=755"},
		{"tmpfs", "/tmp", "tmpfs", "mode=1777"},
		{"tmpfs", "/root", "tmpfs", "mode=700"}, // the user who runs the tests has files there
		{"tmpfs", "/dev", "tmpfs", "mode=755"},
		{"tmpfs", "/dev/shm", "tmpfs", "mode=1777"},
		{"devpts", "/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=620"},
	} {
		if err := mount(m.source, root+m.target, m.fstype, m.data); err != nil {
			return err
		}
	}
	for _, node := range []struct {
		name         string
		major, minor int
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		name := filepath.Join(root, "dev", node.name)
		if err := syscall.Mknod(name, syscall.S_IFCHR, node.major<<8|node.minor); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.Chmod(name, 0o666); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd"} {
		if err := os.Symlink(target, filepath.Join(root, "dev", name)); err != nil {
			return err
		}
	}
	// The old root goes on top of the new one, and away: pivot_root(2).
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("enter %s: %w", root, err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	for range children {
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
	return nil
}

// machine is a controller or host.
type machine struct {
	t    *testing.T
	name string
	pid  int
	// connections is the directory of the connections that ssh keeps.
	connections string
}

// newMachine makes a machine without anything of linkaudit, until the test ends.
func newMachine(t *testing.T, name, machineID string) *machine {
	t.Helper()
	dir, err := os.MkdirTemp(work, "machine-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holdVariable+"="+dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	held, err := tool.Hold(cmd, "ready")
	if err != nil {
		t.Fatalf("the machine %s did not come up: %v", name, err)
	}
	t.Cleanup(func() {
		if err := held.End(); err != nil { // with the first process all others end
			t.Error(err)
		}
	})
	m := &machine{t: t, name: name, pid: held.PID()}
	m.must("sh", "-c", ecosystem.Hide)
	m.must("mkdir", "-p", "/run/sshd")
	m.write("/etc/machine-id", machineID+"\n", 0o444)
	m.must("hostname", name)
	m.must("ip", "link", "set", "lo", "up")
	return m
}

// path is the path of a machine's file for the test itself.
func (m *machine) path(name string) string { return fmt.Sprintf("/proc/%d/root%s", m.pid, name) }

func (m *machine) write(name, content string, mode os.FileMode) {
	m.t.Helper()
	path := m.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) read(name string) string {
	m.t.Helper()
	b, err := os.ReadFile(m.path(name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

func (m *machine) remove(names ...string) {
	m.t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(m.path(name)); err != nil {
			m.t.Fatal(err)
		}
	}
}

// copy copies a file or directory of this machine there, without its name.
func (m *machine) copy(from, to string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(to)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, m.path(to)).CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}

// result is what a command did.
type result struct {
	args           []string
	stdout, stderr string
	status         int
}

func (r result) String() string {
	return fmt.Sprintf("%q: status %d\n%s%s", r.args, r.status, r.stdout, r.stderr)
}

// environment is that of a command on the machine.
func (m *machine) environment() map[string]string {
	return map[string]string{
		"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb",
		"ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0",
		"ANSIBLE_PIPELINING": "1", "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3", "ANSIBLE_SSH_CONTROL_PATH_DIR": m.connections,
		// How long ssh may take to connect, which is 10 seconds otherwise.
		"ANSIBLE_TIMEOUT": fmt.Sprint(int(tool.Patience(time.Minute).Seconds())),
	}
}

// command is a command on the machine, in dir.
func (m *machine) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	in := tool.Inside{Process: m.pid, Namespaces: []string{"mnt", "net", "uts", "pid", "ipc"}, Root: true, Dir: dir}
	var env []string
	for name, value := range m.environment() {
		env = append(env, name+"="+value)
	}
	return in.Command(ctx, env, args...)
}

// doIn runs a command on the machine, in dir.
func (m *machine) doIn(dir string, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), tool.Patience(usual))
	defer cancel()
	o := tool.Run(m.command(ctx, dir, args...))
	return result{args: args, stdout: o.Stdout, stderr: o.Stderr, status: o.Status}
}

// must runs a command that must succeed, and returns its output.
func (m *machine) must(args ...string) string {
	m.t.Helper()
	r := m.doIn("/", args...)
	if r.status != 0 {
		m.t.Fatalf("on %s: %v", m.name, r)
	}
	return r.stdout
}

// lab is a controller with the collection installed, and its hosts.
type lab struct {
	*machine
	*started
	hosts map[string]*machine
}

// The keys are made once: the host key and the user's key.
const (
	hostKey = "/etc/ssh/linkaudit_host_key"
	userKey = "/root/.ssh/id_ed25519"
)

const sshdConfig = `HostKey ` + hostKey + `
AuthorizedKeysFile /etc/ssh/linkaudit_authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
UseDNS no
MaxStartups 50
Subsystem sftp internal-sftp
PidFile /run/sshd.pid
`

// newLab makes a controller with the collection from the tarball that ansible-galaxy
// builds.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{machine: newMachine(t, "controller", "00000000000000000000000000000c01")}
	l.must("ip", "link", "add", "lan", "type", "bridge")
	l.must("ip", "address", "add", "192.0.2.1/24", "dev", "lan")
	l.must("ip", "link", "set", "lan", "up")
	l.must("mkdir", "-p", "/root/.ssh")
	for _, key := range []string{hostKey, userKey} {
		l.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	}
	l.write("/root/.ssh/known_hosts", "* "+l.read(hostKey+".pub"), 0o600)
	l.write("/root/.ssh/config", "StrictHostKeyChecking yes\nLogLevel ERROR\n", 0o600)
	l.copy(filepath.Join(tree, "contrib/ansible"), source)
	for _, name := range []string{"LICENSE", "CHANGELOG.md"} {
		l.copy(filepath.Join(tree, name), filepath.Join("/src", name))
	}
	l.copy(built, "/src/linkaudit")
	l.must("ansible-galaxy", "collection", "build", source, "--output-path", "/src/dist")
	l.must("ansible-galaxy", "collection", "install", "--offline", tarball)
	l.start(t)
	return l
}

// story is the same controller for another test, with hosts of its own.
func (l *lab) story(t *testing.T) *lab {
	controller := *l.machine
	controller.t = t
	// A kept connection must not be used for a host of another test.
	controller.connections = fmt.Sprintf("/run/connections/%d", time.Now().UnixNano())
	controller.write("/etc/hosts", "127.0.0.1 localhost\n", 0o644)
	return &lab{&controller, l.started, map[string]*machine{}}
}

// hostsAdded counts the hosts of all tests. No two have the same address: the kernel
// takes a while to end a network, and meanwhile a host of an ended test still refuses
// connections.
var hostsAdded int

// A host has a name and a machine ID.
type host struct{ name, machineID string }

// add makes a host that the controller reaches by its name, with linkaudit and a bridge
// br0 with an address set by udev.
func (l *lab) add(h host) *machine {
	l.t.Helper()
	m := newMachine(l.t, h.name, h.machineID)
	l.hosts[h.name] = m
	hostsAdded++
	address := fmt.Sprintf("192.0.2.%d", 10+hostsAdded)
	l.write("/etc/hosts", l.read("/etc/hosts")+address+" "+h.name+"\n", 0o644)

	// Before udevd starts: hosts with the same machine ID would get the same address
	// here too, and be unreachable.
	port := fmt.Sprintf("port%d", m.pid)
	outside := exec.Command("nsenter", "--target", strconv.Itoa(l.pid), "--net", "--",
		"ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(m.pid))
	if out, err := outside.CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}
	l.must("ip", "link", "set", port, "master", "lan", "up")
	l.must("ip", "neighbour", "flush", "dev", "lan")
	m.must("ip", "address", "add", address+"/24", "dev", "eth0")
	m.must("ip", "link", "set", "eth0", "up")

	m.copy(built, program)
	m.write("/etc/ssh/linkaudit_sshd_config", sshdConfig, 0o644)
	m.write(hostKey, l.read(hostKey), 0o600)
	m.write("/etc/ssh/linkaudit_authorized_keys", l.read(userKey+".pub"), 0o644)
	m.write("/etc/passwd", m.read("/etc/passwd")+"auditor:x:4711:4711::/tmp:/bin/sh\n", 0o644)
	m.write("/etc/shadow", "root:*:19000::::::\nauditor:*:19000::::::\n", 0o600)
	m.must("/usr/sbin/sshd", "-f", "/etc/ssh/linkaudit_sshd_config")
	m.must("/lib/systemd/systemd-udevd", "--daemon")
	tool.Eventually(l.t, "systemd-udevd answers", func() bool { return m.doIn("/", "udevadm", "control", "--ping").status == 0 })
	m.bridge("br0")
	return m
}

// address is that of a host.
func (l *lab) address(name string) string {
	l.t.Helper()
	for _, line := range lines(l.read("/etc/hosts"), " "+name) {
		return strings.Fields(line)[0]
	}
	l.t.Fatalf("no host %s", name)
	return ""
}

// alias is another name in the inventory for a host.
func (l *lab) alias(name, host string) {
	l.t.Helper()
	l.write("/etc/hosts", l.read("/etc/hosts")+l.address(host)+" "+name+"\n", 0o644)
}

// bridge creates a bridge and waits until udev has set its address.
func (m *machine) bridge(name string, args ...string) {
	m.t.Helper()
	m.must(append(append([]string{"ip", "link", "add", name}, args...), "type", "bridge")...)
	m.must("udevadm", "settle")
	index := strings.TrimSpace(m.must("cat", "/sys/class/net/"+name+"/ifindex"))
	tool.Eventually(m.t, "udevd has handled "+name, func() bool {
		_, err := os.Stat(m.path("/run/udev/data/n" + index))
		return err == nil
	})
}

// contents are the files and directories below dir: their modes, and the content of
// files.
func (m *machine) contents(dir string) map[string]string {
	m.t.Helper()
	out := map[string]string{}
	top := m.path(dir)
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[strings.TrimPrefix(path, top)] = info.Mode().String()
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			out[strings.TrimPrefix(path, top)] += " " + string(b)
			return err
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// unreachable is an address at which connections fail at once.
func (l *lab) unreachable(name string) {
	l.t.Helper()
	l.write("/etc/hosts", l.read("/etc/hosts")+"192.0.2.1 "+name+"\n", 0o644)
}

// lines of a text that contain a word.
func lines(text, word string) []string {
	var out []string
	for l := range bytes.Lines([]byte(text)) {
		if bytes.Contains(l, []byte(word)) {
			out = append(out, strings.TrimSpace(string(l)))
		}
	}
	return out
}
