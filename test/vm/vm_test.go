//go:build vm

// Package vm boots the kernel and userland of each Debian release in a virtual
// machine and runs the tests of test/vm/guest there.
package vm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

const (
	// bootUsual is for one boot with its tests. The longest takes some three minutes.
	bootUsual = 30 * time.Minute
	// guestUsual is for the tests in a boot. After it they print their goroutines,
	// which are shown.
	guestUsual = 25 * time.Minute
	// silentUsual is for a guest that prints nothing. The longest test takes a minute.
	silentUsual = 10 * time.Minute
)

// turns is how many machines run at a time: one keeps a processor busy and has 2 GB of
// memory.
var turns = make(chan struct{}, 2)

func turn() (end func()) {
	turns <- struct{}{}
	return func() { <-turns }
}

// interfaces create a bond at boot, as an administrator writes them.
const interfaces = `auto bond1
iface bond1 inet manual
    bond-slaves eth0 eth1
    bond-mode active-backup
    bond-primary eth0
    bond-miimon 100
`

// unneeded are units of the guest that have nothing to do with the network and take a
// third of its boot time.
var unneeded = []string{
	"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
	"fstrim.timer", "logrotate.timer", "man-db.timer", "systemd-tmpfiles-clean.timer",
	"dev-hugepages.mount", "proc-sys-fs-binfmt_misc.automount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount",
	"modprobe@configfs.service", "modprobe@drm.service", "modprobe@efi_pstore.service", "modprobe@fuse.service",
	"ldconfig.service", "systemd-binfmt.service", "systemd-hwdb-update.service", "systemd-journal-catalog-update.service",
	"systemd-journal-flush.service", "systemd-logind.service", "systemd-pcrmachine.service", "systemd-pcrphase.service",
	"systemd-pcrphase-sysinit.service", "systemd-pstore.service", "systemd-random-seed.service", "systemd-tpm2-setup.service",
	"systemd-tpm2-setup-early.service", "systemd-update-done.service", "systemd-update-utmp.service",
	"systemd-update-utmp-runlevel.service",
}

// boot is one start of a virtual machine.
type boot struct {
	name string
	// tests are those in test/vm/guest with a name that begins with Test and this
	// regular expression; without one, the name.
	tests       string
	commandLine string
	// before is a script that runs as the first process, before it becomes systemd.
	before string
	// processors are two if processes must run side by side, otherwise one: two
	// machines run at a time, and an emulated processor that waits for another keeps a
	// real one busy.
	processors int
	// with is a further archive for the guest, besides the image.
	with string
	// continues: the guest has the files in /etc/systemd/network that the previous boot
	// left.
	continues bool
}

// boots are what each release goes through, in this order.
var boots = []boot{
	{name: "First"},
	{name: "Second", before: initramfs, continues: true},
	{name: "Third", commandLine: "net.naming_scheme=v240", before: "rm /etc/systemd/network/98-net-bonding.link\n"},
	{name: "Fourth", before: noMachineID},
	{name: "Life", processors: 2},
	{name: "Managers"},
	{name: "Trace", with: "bpftrace.zst"},
}

var releases = []string{"bullseye", "bookworm", "trixie", "sid"}

// initramfs does what an initramfs may do: bond6 is created under the udevd of the
// initramfs, which has the defaults and no file of the administrator's; the others
// before any udevd runs.
const initramfs = `mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=755 tmpfs /run
mv /etc/systemd/network /etc/systemd/network.root
mkdir /etc/systemd/network
ln -s /dev/null /etc/systemd/network/98-net-bonding.link
/lib/systemd/systemd-udevd --daemon
ip link add bond6 type bond
udevadm settle
udevadm control --exit
rm -r /etc/systemd/network
mv /etc/systemd/network.root /etc/systemd/network
ip link add bond7 type bond
ip link add bond8 type bond
ip link add dummy8 type dummy
ip link set dummy8 master bond8
ip link add bond9 type bond
`

// noMachineID is an image without a machine ID, also D-Bus's, and with a read-only
// /etc, so systemd makes one up for this boot. bond9 is created under a udevd of the
// initramfs, which has none.
const noMachineID = `mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=755 tmpfs /run
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id
/lib/systemd/systemd-udevd --daemon
ip link add bond9 type bond
udevadm settle
ip link show bond9 >/run/bond9
udevadm control --exit
mount --bind /etc/machine-id /etc/machine-id
mount -o remount,bind,ro /etc/machine-id
`

// workshop is where the programs for the guests are built.
var workshop string

// TestMain: files in the guest have the modes that the tests set.
func TestMain(m *testing.M) {
	syscall.Umask(0o022)
	var err error
	if workshop, err = os.MkdirTemp("", "linkaudit-vm-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(workshop)
	os.Exit(status)
}

func images() string {
	return roots.Of("vm")
}

// programs builds, once, the programs for the guests.
var programs = sync.OnceValue(func() error {
	if err := tool.Build(workshop + "/linkaudit"); err != nil {
		return err
	}
	guest := exec.Command("go", "test", "-c", "-tags", "vm", "-o", workshop+"/guest", "linkaudit/test/vm/guest")
	guest.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := guest.CombinedOutput(); err != nil {
		return fmt.Errorf("the guest's tests: %w\n%s", err, out)
	}
	return nil
})

// prepared builds what the boots of an image need.
func prepared(t *testing.T, image string) {
	t.Helper()
	if err := programs(); err != nil {
		t.Fatal(err)
	}
	defer turn()()
	if out, err := exec.Command("./build", image).CombinedOutput(); err != nil {
		t.Fatalf("test/vm/build %s: %v\n%s", image, err, out)
	}
}

// TestEveryRelease is all boots of all releases. Select with -run:
// 'TestEveryRelease/trixie' is one release, 'TestEveryRelease/trixie/^(First|Second)$'
// two of its boots.
func TestEveryRelease(t *testing.T) {
	tool.OnlyInFull(t)
	t.Parallel()
	for _, suite := range releases {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			prepared(t, suite)
			var kept map[string][]byte
			for _, b := range boots {
				t.Run(b.name, func(t *testing.T) {
					if b.continues && len(kept) == 0 {
						t.Fatal("the boot before left nothing for this one")
					}
					if !b.continues {
						kept = nil
					}
					kept = b.run(t, suite, kept)
				})
			}
		})
	}
}

// TestSELinux is the boot with Debian's SELinux policy.
func TestSELinux(t *testing.T) {
	tool.OnlyInFull(t)
	t.Parallel()
	prepared(t, "selinux")
	boot{name: "Selinux", commandLine: "selinux=1 security=selinux"}.run(t, "selinux", nil)
}

var (
	result = regexp.MustCompile(`--- (PASS|FAIL|SKIP): (\S+) \(`)
	kept   = regexp.MustCompile(`(?m)^GUEST-FILE (/\S+) (\S+)\r?$`)
)

// run boots an image with further files in the guest, and returns the files that it
// keeps for the next boot.
func (b boot) run(t *testing.T, image string, more map[string][]byte) map[string][]byte {
	t.Helper()
	tree := t.TempDir()
	put := func(name string, content []byte, mode os.FileMode) {
		name = filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, program := range map[string]string{"linkaudit": "/usr/bin/linkaudit", "guest": "/usr/lib/linkaudit-guest.test"} {
		content, err := os.ReadFile(filepath.Join(workshop, name))
		if err != nil {
			t.Fatal(err)
		}
		put(program, content, 0o755)
	}
	put("/usr/lib/linkaudit-guest", []byte("#!/bin/sh\nexec /usr/lib/linkaudit-guest.test -test.v -test.timeout "+tool.Patience(guestUsual).String()+" -test.run '^Test("+cmp.Or(b.tests, b.name)+")'\n"), 0o755)
	put("/etc/network/interfaces", []byte(interfaces), 0o644)
	for _, unit := range []string{"linkaudit.service", "linkaudit.timer", "linkaudit.path"} {
		content, err := os.ReadFile("../../contrib/systemd/" + unit)
		if err != nil {
			t.Fatal(err)
		}
		put("/usr/lib/systemd/system/"+unit, content, 0o644)
	}
	masks := filepath.Join(tree, "etc/systemd/system")
	if err := os.MkdirAll(masks, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, unit := range unneeded {
		if err := os.Symlink("/dev/null", filepath.Join(masks, unit)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range more {
		put(name, content, 0o644)
	}
	if b.before != "" {
		put("/init", []byte("#!/bin/sh\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"+b.before+"exec /lib/systemd/systemd\n"), 0o755)
	}

	// A later archive of an initramfs adds to those before.
	initrd := filepath.Join(t.TempDir(), "initrd")
	out, err := os.Create(initrd)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, archive := range []string{"initrd.zst", b.with} {
		if archive == "" {
			continue
		}
		base, err := os.Open(filepath.Join(images(), image, archive))
		if err != nil {
			t.Fatalf("%v: test/vm/build makes it", err)
		}
		defer base.Close()
		n, err := io.Copy(out, base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(make([]byte, (4-n%4)%4)); err != nil {
			t.Fatal(err)
		}
	}
	pack := exec.Command("sh", "-c", "find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0")
	pack.Dir, pack.Stdout = tree, out
	if err := pack.Run(); err != nil {
		t.Fatalf("cpio: %v", err)
	}

	said := b.start(t, image, initrd)
	if strings.Contains(said, "Kernel panic") && !strings.Contains(said, "=== RUN") {
		t.Logf("%s, the %s boot: the kernel did not come up, which happens under emulation; trying again. Its output:\n%s", image, strings.ToLower(b.name), said)
		said = b.start(t, image, initrd)
	}
	results := result.FindAllStringSubmatch(said, -1)
	if len(results) == 0 {
		t.Fatalf("no test ran:\n%s", said)
	}
	failed := false
	for _, r := range results {
		t.Run(r[2], func(t *testing.T) {
			if r[1] != "PASS" {
				failed = true
				t.Errorf("in the guest: %s\n%s", r[1], saidBy(said, r[2]))
			}
		})
	}
	if failed || !strings.Contains(said, "\nPASS") || testing.Verbose() {
		t.Logf("the output of the guest:\n%s", kept.ReplaceAllString(said, "GUEST-FILE $1"))
	}
	if !failed && !strings.Contains(said, "\nPASS") {
		t.Error("the guest's tests did not pass")
	}
	files := map[string][]byte{}
	for _, f := range kept.FindAllStringSubmatch(said, -1) {
		content, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		files[f[1]] = content
	}
	return files
}

// saidBy is what one test in the guest logged.
func saidBy(said, test string) string {
	_, rest, _ := strings.Cut(strings.ReplaceAll(said, "\r\n", "\n"), "=== RUN   "+test+"\n")
	var lines []string
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// emulator is the qemu that test/vm/build put beside the images, with its own loader
// and libraries.
func emulator(ctx context.Context, args ...string) *exec.Cmd {
	at := func(name string) string { return filepath.Join(images(), "qemu/usr", name) }
	libraries := at("lib/x86_64-linux-gnu")
	cmd := exec.CommandContext(ctx, filepath.Join(libraries, "ld-linux-x86-64.so.2"), append([]string{
		"--library-path", libraries, at("bin/qemu-system-x86_64"), "-L", at("share/qemu"), "-L", at("share/seabios"),
	}, args...)...)
	cmd.Env = []string{"QEMU_MODULE_DIR=" + filepath.Join(libraries, "qemu")}
	return cmd
}

// serial is what a guest printed. silent is called when it prints nothing for too long.
type serial struct {
	text    bytes.Buffer
	silent  *time.Timer
	patient time.Duration
}

func (s *serial) Write(p []byte) (int, error) {
	s.silent.Reset(s.patient)
	return s.text.Write(p)
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// start runs the virtual machine to its end and returns its output. It is killed if it
// takes too long, is silent for too long, or its test ends.
func (b boot) start(t *testing.T, image, initrd string) string {
	t.Helper()
	defer turn()()
	limit := tool.Patience(bootUsual)
	if end, ok := t.Deadline(); ok {
		limit = min(limit, time.Until(end)-10*time.Second) // to show what the guest did
	}
	late, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("it takes longer than %v", limit))
	defer cancel()
	ctx, end := context.WithCancelCause(late)
	defer end(nil)
	out := &serial{patient: tool.Patience(silentUsual)}
	out.silent = time.AfterFunc(out.patient, func() { end(fmt.Errorf("it printed nothing for %v", out.patient)) })
	defer out.silent.Stop()
	start := time.Now()
	qemu := emulator(ctx, "-nodefaults", "-no-reboot", "-display", "none",
		// An existing /dev/kvm may still not run such a kernel. Without no_timer_check
		// a kernel may panic if the emulated timer is late. A plain processor is
		// emulated faster than one with all extensions.
		"-accel", "tcg,thread=multi", "-cpu", "qemu64,+rdrand", "-smp", fmt.Sprint(max(b.processors, 1)), "-m", "2048",
		"-netdev", "hubport,id=n0,hubid=0", "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:10",
		"-netdev", "hubport,id=n1,hubid=0", "-device", "virtio-net-pci,netdev=n1,mac=52:54:00:00:00:11",
		"-kernel", filepath.Join(images(), image, "vmlinuz"), "-initrd", initrd,
		// Mitigations of speculation cost an emulated processor, which does not
		// speculate, a sixth of its time; protections of the kernel's memory a tenth.
		"-append", "console=ttyS0 8250.nr_uarts=1 quiet loglevel=3 no_timer_check mitigations=off init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off rcupdate.rcu_expedited=1 net.ifnames=0 panic=-1 systemd.show_status=no systemd.log_target=null "+b.commandLine,
		"-serial", "stdio")
	qemu.Stdout, qemu.Stderr = out, out
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it ends with this process
	err := qemu.Run()
	said := out.text.String()
	t.Logf("%s, the %s boot: %v", image, strings.ToLower(b.name), time.Since(start).Round(time.Second))
	if why := context.Cause(ctx); why != nil {
		t.Fatalf("the virtual machine was killed: %v. The last lines of its output:\n%s", why, tail(said, 200))
	}
	if err != nil {
		t.Fatalf("the virtual machine: %v. The last lines of its output:\n%s", err, tail(said, 200))
	}
	return said
}
