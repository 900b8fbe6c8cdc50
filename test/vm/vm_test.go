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

// bootLimit is for one boot with its tests; it takes some 30 s where the
// processor is emulated, and the life of addresses somewhat more than a minute.
const bootLimit = 10 * time.Minute

// interfaces make a bond at boot, as an administrator writes it.
const interfaces = `auto bond1
iface bond1 inet manual
    bond-slaves eth0 eth1
    bond-mode active-backup
    bond-primary eth0
    bond-miimon 100
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
			first := boot(t, bin, suite, "First", "", nil)
			if len(first) == 0 {
				t.Fatal("the first boot left nothing for the second")
			}
			boot(t, bin, suite, "Second", "", first)
			boot(t, bin, suite, "Life", "", nil)
		})
	}
	t.Run("SELinux", func(t *testing.T) { boot(t, bin, "selinux", "Selinux", "selinux=1 security=selinux", nil) })
}

var (
	result = regexp.MustCompile(`--- (PASS|FAIL|SKIP): (\S+) \(`)
	kept   = regexp.MustCompile(`(?m)^GUEST-FILE (/\S+) (\S+)\r?$`)
)

// boot runs the guest's tests of one name on an image, with an addition to the
// kernel's command line and further files in the guest, and returns the files
// that it keeps for the next boot.
func boot(t *testing.T, bin, image, tests, commandLine string, more map[string][]byte) map[string][]byte {
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
		b, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		put(program, b, 0o755)
	}
	put("/usr/lib/linkaudit-guest", []byte("#!/bin/sh\nexec /usr/lib/linkaudit-guest.test -test.v -test.run '^Test"+tests+"'\n"), 0o755)
	put("/etc/network/interfaces", []byte(interfaces), 0o644)
	for name, content := range more {
		put(name, content, 0o644)
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
		"-append", "console=ttyS0 quiet loglevel=3 net.ifnames=0 panic=-1 systemd.show_status=no systemd.log_target=null "+commandLine,
		"-serial", "stdio")
	qemu.Stdout, qemu.Stderr = &serial, &serial
	err = qemu.Run()
	said := serial.String()
	t.Logf("%s, the %s boot: %v", image, strings.ToLower(tests), time.Since(start).Round(time.Second))
	if ctx.Err() != nil || err != nil {
		t.Fatalf("the virtual machine did not come to an end (%v):\n%s", err, said)
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
		b, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		files[f[1]] = b
	}
	return files
}
