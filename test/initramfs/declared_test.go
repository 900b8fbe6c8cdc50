//go:build ecosystem

package initramfs

import (
	"strings"
	"testing"
)

// dracut's own modules put systemd-networkd with its files, and NetworkManager, into a
// host's image, and install_items NetworkManager's profiles. Check reports a device
// that is created there from older files than the root's, and the command that it
// prints helps.
func TestDeclaredInAnImageOfDracut(t *testing.T) {
	t.Parallel()
	r := newRoot(t, "trixie", dracut+" network-manager")
	r.cmdline("root=/dev/vda1 rd.neednet=1")
	image := "/boot/initrd.img-" + kernel
	const netdev, profile = "/etc/systemd/network/20-br7.netdev", "/etc/NetworkManager/system-connections/br8.nmconnection"
	declare := func(mac string) {
		r.Write(netdev, "[NetDev]\nName=br7\nKind=bridge\nMACAddress=02:00:00:00:07:"+mac+"\n", 0o644)
		r.Write(profile, "[connection]\nid=br8\ntype=bridge\ninterface-name=br8\nuuid=0b4b2a4e-52a8-4f5c-9d0a-7d3f2f8c1a01\n\n[bridge]\nmac-address=02:00:00:00:08:"+mac+"\n", 0o600)
	}
	declare("01")
	r.in(0, "systemctl enable systemd-networkd.service NetworkManager.service")
	for name, module := range map[string]string{"br7": "systemd-networkd", "br8": "network-manager"} {
		declare("01")
		other := "network-manager"
		if module == other {
			other = "systemd-networkd"
		}
		r.in(0, "sed -i -e /add_dracutmodules/d -e /omit_dracutmodules/d -e /install_items/d /etc/dracut.conf.d/test.conf; echo 'install_items+=\" "+profile+" \" add_dracutmodules+=\" "+module+" \" omit_dracutmodules+=\" network-legacy "+other+" hwdb qemu qemu-net nvdimm lunmask resume terminfo i18n crypt lvm \"' >>/etc/dracut.conf.d/test.conf")
		const again = "dracut --regenerate-all --force"
		r.in(0, again+" >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }")
		check := func() string {
			return r.do("linkaudit check " + name + " --kind bridge --initramfs always --severity info").Stdout
		}
		if said := check(); strings.Contains(said, "[initramfs-stale]") {
			t.Errorf("%s: a new image is stale:\n%s\n%s", name, said, r.in(0, "lsinitrd "+image+" | grep -i -e network").Stdout)
		}
		declare("02")
		has(t, check(), "in the initramfs", "creates "+name, "sets 02:00:00:00:0"+name[2:]+":01, but here", "sets 02:00:00:00:0"+name[2:]+":02", image+" [initramfs-stale]", "fix: "+again)
		r.in(0, again+" >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }")
		if said := check(); strings.Contains(said, "[initramfs-stale]") {
			t.Errorf("%s: the command that is printed does not help:\n%s", name, said)
		}
	}
}
