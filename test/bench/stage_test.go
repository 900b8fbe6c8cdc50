//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	process "linkaudit/test/tool"
)

const (
	localFiles = "/etc/systemd/network"
	// group is the device group of the bonds and bridges, to delete them all at once.
	group = 7
)

// prefix is what the names of a kind begin with.
var prefix = map[string]string{"bridge": "br", "bond": "bond"}

// stage is the measured machine: a network namespace with a real udevd, and its own
// sysfs, /run and /etc/systemd/network.
type stage struct {
	t      *testing.T
	size   size
	note   func(format string, args ...any)
	daemon *exec.Cmd
	kind   string // of the bonds or bridges that there are
	made   int    // how many
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal("make bench: ", err)
	}
}

func (s *stage) set() {
	s.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	s.must(unix.Mount("sysfs", "/sys", "sysfs", 0, ""))
	s.must(unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
	s.bus()
	s.must(os.MkdirAll(localFiles, 0o755))
	s.must(unix.Mount("tmpfs", localFiles, "tmpfs", 0, "mode=755"))
	s.udevd(true)
	s.t.Cleanup(func() { s.udevd(false) })
}

// busConfig configures a system bus that starts no services. The usual bus tries to
// start systemd-networkd at each request of networkctl, which would be most of what is
// measured.
const busConfig = `<busconfig>
<type>system</type>
<listen>unix:path=/run/dbus/system_bus_socket</listen>
<auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy>
</busconfig>
`

// bus starts a system bus, without which networkctl does nothing.
func (s *stage) bus() {
	s.must(os.MkdirAll("/run/dbus", 0o755))
	s.must(os.WriteFile("/run/dbus/bus.conf", []byte(busConfig), 0o644))
	cmd := exec.Command("dbus-daemon", "--config-file=/run/dbus/bus.conf", "--nofork", "--nopidfile", "--nosyslog")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	s.must(cmd.Start())
	s.t.Cleanup(func() { s.must(process.End(cmd, unix.SIGTERM)) })
	s.appears("/run/dbus/system_bus_socket")
}

// appears waits for a file of a starting program.
func (s *stage) appears(file string) {
	s.t.Helper()
	process.Eventually(s.t, "make bench: "+file, func() bool {
		_, err := os.Stat(file)
		return err == nil
	})
}

// udevd starts a real udevd, which works in this network namespace, or ends it.
func (s *stage) udevd(run bool) {
	switch {
	case run && s.daemon == nil:
		s.daemon = exec.Command(udevd)
		s.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
		s.must(s.daemon.Start())
		s.settle()
	case !run && s.daemon != nil:
		s.must(process.End(s.daemon, unix.SIGTERM))
		s.daemon = nil
	}
}

func (s *stage) settle() {
	s.appears("/run/udev/control")
	s.must(exec.Command("udevadm", "settle", "--timeout=300").Run())
}

// batch runs ip with what write writes.
func (s *stage) batch(what string, write func(io.Writer)) {
	var in bytes.Buffer
	write(&in)
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = &in
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("make bench: %s: %v: %s", what, err, bytes.TrimSpace(out))
	}
	s.note("%s: %.1f s", what, time.Since(start).Seconds())
}

// ordinary makes an ordinary host: three cards, here ends of veth pairs, two of them
// ports of a bridge.
func (s *stage) ordinary() {
	s.batch("three cards, one bridge", func(w io.Writer) {
		for i := range 3 {
			fmt.Fprintf(w, "link add name eth%d type veth peer name far%d\n", i, i)
		}
		fmt.Fprintf(w, "link add name br1 group %d type bridge\nlink set eth0 master br1\nlink set eth1 master br1\n", group)
	})
	s.settle()
	s.kind, s.made = "bridge", 1
}

// veths creates links from to to without udev: it would take minutes for them, and does
// not run meanwhile.
func (s *stage) veths(from, to int) {
	s.udevd(false)
	s.batch(fmt.Sprintf("%s more (veth pairs)", plural(to-from, "link")), func(w io.Writer) {
		for i := from / 2; i < to/2; i++ {
			fmt.Fprintf(w, "link add name v%d type veth peer name w%d\n", i, i)
		}
	})
}

func deviceNames(kind string, from, to int) []string {
	names := make([]string, 0, to-from)
	for i := from + 1; i <= to; i++ {
		names = append(names, fmt.Sprintf("%s%d", prefix[kind], i))
	}
	return names
}

// devices makes sure that there are n devices of a kind, and none of another, each with
// udev's address and its record in the udev database. udev itself handles the first
// ones; it would take minutes for 10,000.
func (s *stage) devices(kind string, n int) {
	if s.kind != kind {
		s.remove()
	}
	s.kind = kind
	if middle := min(n, s.size.handled); s.made < middle {
		s.udevd(true)
		names := deviceNames(kind, s.made, middle)
		s.batch(plural(len(names), kind)+" more", func(w io.Writer) {
			for _, name := range names {
				fmt.Fprintf(w, "link add name %s group %d type %s\n", name, group, kind)
			}
		})
		start := time.Now()
		s.settle()
		s.note("udevd handles them: %.1f s", time.Since(start).Seconds())
		s.made = middle
	}
	if s.made < n {
		s.udevd(false)
		s.copies(kind, deviceNames(kind, s.made, n))
		s.made = n
	}
	s.udevd(true)
}

// copies creates devices that look as if udev had handled them: with the addresses that
// it derives from their names, and copies of its record of the first one.
func (s *stage) copies(kind string, names []string) {
	cmd := exec.Command(program, "mac", "-")
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n") + "\n")
	addresses, err := cmd.Output()
	s.must(err)
	s.batch(fmt.Sprintf("%s more, without udevd", plural(len(names), kind)), func(w io.Writer) {
		for line := range strings.Lines(string(addresses)) {
			name, address, _ := strings.Cut(strings.TrimSpace(line), " ")
			fmt.Fprintf(w, "link add name %s group %d address %s type %s\n", name, group, address, kind)
		}
	})
	first := deviceNames(kind, 0, 1)[0]
	record, err := os.ReadFile(s.udevRecord(first))
	s.must(err)
	for _, name := range names {
		s.must(os.WriteFile(s.udevRecord(name), bytes.ReplaceAll(record, []byte(first+"\n"), []byte(name+"\n")), 0o644))
	}
}

// udevRecord is the file of a device in the udev database.
func (s *stage) udevRecord(name string) string {
	index, err := os.ReadFile("/sys/class/net/" + name + "/ifindex")
	s.must(err)
	return "/run/udev/data/n" + strings.TrimSpace(string(index))
}

// remove deletes the bonds or bridges.
func (s *stage) remove() {
	s.udevd(false)
	s.batch(plural(s.made, s.kind)+" deleted", func(w io.Writer) { fmt.Fprintf(w, "link del group %d\n", group) })
	s.kind, s.made = "", 0
}

// bondingMissing says why there are no bonds, "" if the kernel has them.
func (s *stage) bondingMissing() string {
	// The driver, when loaded by the name of the kind, creates a bond0 in the machine's
	// network namespace.
	if _, err := os.Stat("/sys/module/bonding"); err != nil {
		if modprobe, err := exec.LookPath("modprobe"); err == nil {
			exec.Command(modprobe, "bonding", "max_bonds=0").Run()
		}
	}
	out, err := exec.Command("ip", "link", "add", "name", "bond1", "type", "bond").CombinedOutput()
	if err != nil {
		return strings.TrimSpace(string(out))
	}
	s.must(exec.Command("ip", "link", "del", "bond1").Run())
	return ""
}

// files writes n .link files of the site, each with a drop-in, beside the
// distribution's.
func (s *stage) files(n int) {
	old, err := filepath.Glob(localFiles + "/*")
	s.must(err)
	for _, f := range old {
		s.must(os.RemoveAll(f))
	}
	for i := range n {
		name, content := linkFile(i)
		s.must(os.WriteFile(filepath.Join(localFiles, name), []byte(content), 0o644))
		dir := filepath.Join(localFiles, name+".d")
		s.must(os.Mkdir(dir, 0o755))
		name, content = dropIn(i)
		s.must(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
}
