//go:build ecosystem

package initramfs

import (
	"os"
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/roots"
)

func TestMain(m *testing.M) { os.Exit(stage.MainInFull(m)) }

// kernel is the release of a kernel without modules: its images are made in the same
// way, in a tenth of the time.
const kernel = "6.1.0-test"

// The packages that make images and unpack them. dracut's modules need the latter ones.
const (
	tools  = "initramfs-tools cpio zstd lz4 lzop xz-utils bzip2 kmod time"
	dracut = tools + " dracut-core dracut-network systemd-sysv iproute2 procps isc-dhcp-client iputils-arping"
)

// prepare sets up a kernel with just enough. The modules that dracut leaves out take
// long and have nothing to do with the network.
const prepare = `set -eu
mkdir -p /images /lib/modules/$KERNEL /etc/dracut.conf.d
touch /lib/modules/$KERNEL/modules.order /lib/modules/$KERNEL/modules.builtin /lib/modules/$KERNEL/modules.builtin.modinfo
depmod $KERNEL
for option in BLK_DEV_INITRD RD_GZIP RD_BZIP2 RD_LZMA RD_XZ RD_LZO RD_LZ4 RD_ZSTD; do echo CONFIG_$option=y; done >/boot/config-$KERNEL
echo kernel >/boot/vmlinuz-$KERNEL
cat >/etc/dracut.conf.d/test.conf <<EOF
hostonly=yes
add_dracutmodules+=" network-legacy "
omit_dracutmodules+=" hwdb qemu qemu-net nvdimm lunmask resume terminfo i18n crypt lvm "
EOF
# Names of both directories, a mask, a drop-in and a file that no udevd reads.
mkdir -p /etc/systemd/network/10-a.link.d
printf '[Match]\nOriginalName=a0\n[Link]\nMACAddressPolicy=none\n' >/etc/systemd/network/10-a.link
printf '[Link]\nMACAddressPolicy=random\n' >/etc/systemd/network/10-a.link.d/x.conf
ln -sf /dev/null /etc/systemd/network/73-usb-net-by-mac.link
`

// root is a machine on one of the roots, with linkaudit in it.
type root struct {
	*machine.Machine
	t testing.TB
}

// newRoot is a machine of the suite with the packages installed.
func newRoot(t testing.TB, suite, packages string) *root {
	t.Helper()
	r := &root{machine.New(t, roots.Of(suite)), t}
	r.Copy(stage.Binary(t), "/usr/local/sbin/linkaudit")
	r.AptGet(append([]string{"install", "-y", "--no-install-recommends"}, strings.Fields(packages)...)...)
	r.in(0, prepare)
	return r
}

// do runs a script inside.
func (r *root) do(script string) machine.Result {
	return r.Do("env", "KERNEL="+kernel, "bash", "-c", script)
}

// in runs a script inside, which must exit with the status.
func (r *root) in(status int, script string) machine.Result {
	r.t.Helper()
	res := r.do(script)
	if res.Status != status {
		r.t.Fatalf("not status %d: %v", status, res)
	}
	return res
}

// cmdline is the kernel command line in the root.
func (r *root) cmdline(line string) {
	r.t.Helper()
	r.Write("/root/cmdline", line+"\n", 0o644)
	r.Must("mount", "--bind", "/root/cmdline", "/proc/cmdline")
}

// has fails if one of the texts is not in the output.
func has(t testing.TB, said string, wanted ...string) {
	t.Helper()
	// In any line wrapping.
	flat := strings.Join(strings.Fields(said), " ")
	for _, w := range wanted {
		if !strings.Contains(flat, w) {
			t.Errorf("%q is not in\n%s", w, said)
		}
	}
}
