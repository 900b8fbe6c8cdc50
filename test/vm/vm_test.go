//go:build vm

// Package vm boots the kernel and userland of each Debian release in a virtual
// machine and runs the tests of test/vm/guest there.
package vm

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// bootLimit is for one boot with its tests. The longest takes some two minutes
// where the processor is emulated.
const bootLimit = 10 * time.Minute

// turns is how many machines run at a time: one keeps little more than one
// processor busy, and has 2 GB of memory.
var turns = make(chan struct{}, 2)

// interfaces make a bond at boot, as an administrator writes it.
const interfaces = `auto bond1
iface bond1 inet manual
    bond-slaves eth0 eth1
    bond-mode active-backup
    bond-primary eth0
    bond-miimon 100
`

// boot is one start of a virtual machine.
type boot struct {
	// tests are those of test/vm/guest whose names begin with Test and this.
	tests       string
	commandLine string
	// before is a script that runs as the first process, before it becomes
	// systemd.
	before string
	// continues: the guest has the files in /etc/systemd/network that the boot
	// before left.
	continues bool
}

// boots are what each release goes through, in this order.
var boots = []boot{
	{tests: "First"},
	{tests: "Second", before: initramfs, continues: true},
	{tests: "Third", commandLine: "net.naming_scheme=v240", before: "rm /etc/systemd/network/98-net-bonding.link\n"},
	{tests: "Fourth", before: noMachineID},
	{tests: "Life"},
}

// initramfs does what an initramfs may do: bond6 is made under the udevd of the
// initramfs, which has the defaults and no file of the administrator's; the
// others before any udevd runs.
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

// noMachineID is an image without a machine-id whose /etc cannot be written, so
// that systemd makes one up for this boot; bond9 is made under a udevd of the
// initramfs, which has none.
const noMachineID = `mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=755 tmpfs /run
: >/etc/machine-id
/lib/systemd/systemd-udevd --daemon
ip link add bond9 type bond
udevadm settle
ip link show bond9 >/run/bond9
udevadm control --exit
mount --bind /etc/machine-id /etc/machine-id
mount -o remount,bind,ro /etc/machine-id
`

func images() string {
	dir := os.Getenv("LINKAUDIT_ROOTS")
	if dir == "" {
		dir = "/var/cache/linkaudit/roots"
	}
	return filepath.Join(dir, "vm")
}

func TestEveryRelease(t *testing.T) {
	bin := t.TempDir()
	for _, build := range [][]string{
		{"build", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", bin + "/linkaudit", "linkaudit/cmd/linkaudit"},
		{"test", "-c", "-tags", "vm", "-o", bin + "/guest", "linkaudit/test/vm/guest"},
	} {
		cmd := exec.Command("go", build...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", build, err, out)
		}
	}
	for _, suite := range []string{"bullseye", "bookworm", "trixie", "sid"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			var kept map[string][]byte
			for _, b := range boots {
				if b.continues && len(kept) == 0 {
					t.Fatal("the boot before left nothing for this one")
				}
				if !b.continues {
					kept = nil
				}
				kept = b.run(t, bin, suite, kept)
			}
		})
	}
	t.Run("Story", func(t *testing.T) {
		t.Parallel()
		story(t, bin)
	})
	t.Run("SELinux", func(t *testing.T) {
		t.Parallel()
		boot{tests: "Selinux", commandLine: "selinux=1 security=selinux"}.run(t, bin, "selinux", nil)
	})
}

var (
	result = regexp.MustCompile(`--- (PASS|FAIL|SKIP): (\S+) \(`)
	kept   = regexp.MustCompile(`(?m)^GUEST-FILE (/\S+) (\S+)\r?$`)
)

// run boots an image with further files in the guest, and returns the files
// that it keeps for the next boot.
func (b boot) run(t *testing.T, bin, image string, more map[string][]byte) map[string][]byte {
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
		content, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		put(program, content, 0o755)
	}
	put("/usr/lib/linkaudit-guest", []byte("#!/bin/sh\nexec /usr/lib/linkaudit-guest.test -test.v -test.run '^Test"+b.tests+"'\n"), 0o755)
	put("/etc/network/interfaces", []byte(interfaces), 0o644)
	for name, content := range more {
		put(name, content, 0o644)
	}
	if b.before != "" {
		put("/init", []byte("#!/bin/sh\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"+b.before+"exec /lib/systemd/systemd\n"), 0o755)
	}

	// A later archive of an initramfs adds to the ones before.
	initrd := filepath.Join(t.TempDir(), "initrd")
	out, err := os.Create(initrd)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	base, err := os.Open(filepath.Join(images(), image, "initrd.zst"))
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
	pack := exec.Command("sh", "-c", "find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0")
	pack.Dir, pack.Stdout = tree, out
	if err := pack.Run(); err != nil {
		t.Fatalf("cpio: %v", err)
	}

	said := b.start(t, image, initrd)
	if strings.Contains(said, "Kernel panic") && !strings.Contains(said, "=== RUN") {
		t.Logf("%s, the %s boot: the kernel did not come up, which happens under emulation; once more. It said:\n%s", image, strings.ToLower(b.tests), said)
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
				t.Errorf("in the guest: %s", r[1])
			}
		})
	}
	if failed || !strings.Contains(said, "\nPASS") || testing.Verbose() {
		t.Logf("the guest said:\n%s", kept.ReplaceAllString(said, "GUEST-FILE $1"))
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

// start runs the virtual machine to its end and returns what it said.
func (b boot) start(t *testing.T, image, initrd string) string {
	t.Helper()
	turns <- struct{}{}
	defer func() { <-turns }()
	ctx, cancel := context.WithTimeout(context.Background(), bootLimit)
	defer cancel()
	var serial bytes.Buffer
	start := time.Now()
	qemu := exec.CommandContext(ctx, "qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none",
		// A /dev/kvm that is there may not run such a kernel all the same.
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048",
		"-netdev", "hubport,id=n0,hubid=0", "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:10",
		"-netdev", "hubport,id=n1,hubid=0", "-device", "virtio-net-pci,netdev=n1,mac=52:54:00:00:00:11",
		"-kernel", filepath.Join(images(), image, "vmlinuz"), "-initrd", initrd,
		"-append", "console=ttyS0 quiet loglevel=3 net.ifnames=0 panic=-1 systemd.show_status=no systemd.log_target=null "+b.commandLine,
		"-serial", "stdio")
	qemu.Stdout, qemu.Stderr = &serial, &serial
	err := qemu.Run()
	said := serial.String()
	t.Logf("%s, the %s boot: %v", image, strings.ToLower(b.tests), time.Since(start).Round(time.Second))
	if ctx.Err() != nil || err != nil {
		t.Fatalf("the virtual machine did not come to an end (%v):\n%s", err, said)
	}
	return said
}
