//go:build ecosystem

package initramfs

import (
	"path/filepath"
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
)

const override = "/etc/systemd/network/60-linkaudit-device-bond0.link"

// fix names the stale image, updates it with the real update-initramfs, and reports if
// that fails; so does undo.
func TestFixWithInitramfsTools(t *testing.T) {
	t.Parallel()
	r := newRoot(t, "trixie", tools)
	r.cmdline("root=/dev/vda1")
	image := "/boot/initrd.img-" + kernel
	r.in(0, "update-initramfs -c -k $KERNEL")
	inside := func() string {
		return r.in(0, "lsinitramfs "+image).Stdout
	}
	wrote := strings.TrimPrefix(filepath.Base(override), "/")

	// Nothing differs, and nothing is known to create a bond there.
	res := r.in(1, "linkaudit check bond0 --kind bond --initramfs always --severity info")
	if strings.Contains(res.Stdout, "[initramfs-stale]") {
		t.Errorf("a new image is stale:\n%s", res.Stdout)
	}
	res = r.in(0, "linkaudit fix --bond bond0 --dry-run")
	has(t, res.Stdout, "left to do: the initramfs "+image+" (MACAddressPolicy=persistent at /usr/lib/systemd/network/99-default.link:", "will not have this change", "update-initramfs -u -k all")
	res = r.in(0, "linkaudit fix --bond bond0")
	has(t, res.Stdout, "left to do: the initramfs "+image, "does not have this change", "update-initramfs -u -k all")
	if strings.Contains(inside(), wrote) {
		t.Error("the image has the override without an update")
	}
	res = r.in(1, "linkaudit check bond0 --kind bond --initramfs always --severity info")
	has(t, res.Stdout, "info: in the initramfs bond0 would have policy persistent (MACAddressPolicy=persistent at /usr/lib/systemd/network/99-default.link:", "but here it has policy none: "+image+" [initramfs-stale]")
	res = r.in(0, "linkaudit explain bond0 --kind bond")
	has(t, res.Stdout, "The initramfs", image+": the policy differs from here: MACAddressPolicy=persistent at /usr/lib/systemd/network/99-default.link:")
	r.in(1, "linkaudit fix --bond bond0 --update-initramfs --check")

	// A program that fails: the file stays, and everything is reported.
	r.in(0, "printf '#!/bin/sh\\n[ \"$1\" = prereqs ] && exit 0\\necho no space left >&2\\nexit 1\\n' >/etc/initramfs-tools/hooks/broken; chmod +x /etc/initramfs-tools/hooks/broken")
	res = r.in(2, "linkaudit fix --bond bond0 --update-initramfs")
	has(t, res.Stderr, "running update-initramfs -u -k all", "update-initramfs -u -k all: exit status 1: ", "the initramfs image "+image+" is still not up to date: MACAddressPolicy=persistent")
	r.in(0, "test -e "+override)
	r.in(0, "rm /etc/initramfs-tools/hooks/broken")

	res = r.in(0, "linkaudit fix --bond bond0 --update-initramfs")
	has(t, res.Stdout, "rebuilt "+image+", now up to date")
	if !strings.Contains(inside(), wrote) {
		t.Errorf("lsinitramfs has no %s:\n%s", wrote, inside())
	}
	res = r.in(0, "linkaudit fix --bond bond0 --update-initramfs --format json")
	has(t, res.Stdout, `"changed": false`, `"initramfs": []`)
	if strings.Contains(res.Stderr, "running") {
		t.Errorf("an image that is up to date was rebuilt:\n%s", res.Stderr)
	}
	r.in(0, "linkaudit fix --bond bond0 --update-initramfs --check")

	res = r.in(2, "mv /usr/sbin/update-initramfs /root/; linkaudit undo --bond bond0 --update-initramfs; status=$?; mv /root/update-initramfs /usr/sbin/; exit $status")
	has(t, res.Stderr, "the changed files are effective and stay, but the initramfs is not up to date", "update-initramfs is not installed", image+" is still not up to date: MACAddressPolicy=none at /usr/lib/systemd/network/"+wrote)
	r.in(0, "! test -e "+override)
	res = r.in(0, "linkaudit undo --bond bond0 --update-initramfs --format json")
	has(t, res.Stdout, `"changed": false`, `"path": "`+image+`"`, `"updated": true`)
	if strings.Contains(inside(), wrote) {
		t.Error("lsinitramfs still has the override that was undone")
	}
	if res := r.do("linkaudit fix --bond bond0 --root /mnt --update-initramfs"); res.Status != 2 || !strings.Contains(res.Stderr, "cannot be combined") {
		t.Errorf("--root and --update-initramfs: %+v", res)
	}
}

// Debian 12's initramfs-tools leaves out drop-ins: fix says so, and its advice helps.
func TestFixWithADropInOnDebian12(t *testing.T) {
	t.Parallel()
	r := newRoot(t, "bookworm", tools)
	r.cmdline("root=/dev/vda1")
	image := "/boot/initrd.img-" + kernel
	const own = "/etc/systemd/network/50-bond.link"
	r.Write(own, "[Match]\nOriginalName=bond0\n[Link]\nMACAddressPolicy=persistent\n", 0o644)
	r.in(0, "update-initramfs -c -k $KERNEL")
	const advice = "initramfs-tools of Debian 12 and dracut leave drop-ins out, such as " + own + ".d/90-linkaudit.conf: if the image stays as it is, put the settings into a .link file of their own"
	res := r.in(0, "linkaudit fix --bond bond0")
	has(t, res.Stdout, "left to do: the initramfs "+image, advice)
	res = r.in(2, "linkaudit fix --bond bond0 --update-initramfs")
	has(t, res.Stderr, image+" is still not up to date: MACAddressPolicy=persistent at /usr/lib/systemd/network/50-bond.link:4 there; "+advice)
	if names := r.in(0, "lsinitramfs "+image).Stdout; !strings.Contains(names, "/50-bond.link\n") || strings.Contains(names, "90-linkaudit.conf") {
		t.Errorf("lsinitramfs:\n%s", names)
	}
	res = r.in(1, "linkaudit check bond0 --kind bond --initramfs always --severity info")
	has(t, res.Stdout, "[initramfs-stale]", advice)
	r.in(0, "linkaudit undo --bond bond0; sed -i s/persistent/none/ "+own+"; update-initramfs -u -k all")
	if res := r.do("linkaudit check bond0 --kind bond --initramfs always --severity info"); strings.Contains(res.Stdout, "[initramfs-stale]") {
		t.Errorf("a .link file of its own does not help: %v", res)
	}
}

// dracut creates the bond from the kernel command line. It copies files of /etc into
// the image of a host, and into no other.
func TestFixWithDracut(t *testing.T) {
	t.Parallel()
	r := newRoot(t, "trixie", dracut)
	r.cmdline("root=/dev/vda1 bond=bond0:eth0,eth1:mode=active-backup ip=bond0:dhcp")
	// Debian's dracut uses the names of initramfs-tools.
	image := "/boot/initrd.img-" + kernel
	r.in(0, "dracut --regenerate-all --force >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }")
	r.in(0, "linkaudit fix --bond bond0")

	res := r.in(1, "linkaudit check bond0 --kind bond --initramfs always")
	has(t, res.Stdout, "error: bond0 is created in the initramfs (the kernel command line) with policy persistent (MACAddressPolicy=persistent at /usr/lib/systemd/network/99-default.link:",
		"has policy none here: "+image+" [initramfs-stale]", "dracut --regenerate-all --force")
	// No flag is needed: the kernel command line shows that it matters.
	has(t, r.in(1, "linkaudit check bond0 --kind bond").Stdout, "bond0 is created in the initramfs")
	if res := r.do("linkaudit check bond0 --kind bond --initramfs never"); strings.Contains(res.Stdout, "[initramfs-stale]") {
		t.Errorf("an image is read that was not to be: %v", res)
	}
	// The same from a snapshot, and from outside, without a known command line.
	saved := r.in(0, "linkaudit snapshot --initramfs always >/root/snapshot.json; linkaudit check bond0 --kind bond --from /root/snapshot.json; exit 0").Stdout
	if strings.Count(saved, "[initramfs-stale]") != 1 {
		t.Errorf("from a snapshot:\n%s", saved)
	}
	if secret := r.in(0, "cat /root/snapshot.json").Stdout; strings.Contains(secret, "rootflags") {
		t.Error("a snapshot has dracut's command line in it")
	}
	offline := r.do("mkdir /tmp/here && mount --rbind / /tmp/here && linkaudit check --initramfs always --root /tmp/here")
	has(t, offline.Stdout, "warning: bond0 may be created in the initramfs (kernel command line) with policy persistent")

	res = r.in(0, "linkaudit fix --bond bond0 --update-initramfs")
	has(t, res.Stderr, "running dracut --regenerate-all --force")
	has(t, res.Stdout, "rebuilt "+image+", now up to date")
	has(t, r.in(0, "lsinitrd "+image).Stdout, strings.TrimPrefix(override, "/"))
	if res := r.do("linkaudit check bond0 --kind bond --initramfs always"); strings.Contains(res.Stdout, "[initramfs-stale]") {
		t.Errorf("still stale:\n%s", res.Stdout)
	}

	// A drop-in is not among the files that dracut copies.
	r.in(0, "printf '[Match]\\nOriginalName=bond0\\n[Link]\\nMACAddressPolicy=persistent\\n' >/etc/systemd/network/50-bond.link; linkaudit undo --bond bond0 --update-initramfs")
	res = r.in(2, "linkaudit fix --bond bond0 --update-initramfs")
	r.in(0, "test -e /etc/systemd/network/50-bond.link.d/90-linkaudit.conf")
	has(t, res.Stderr, image+" is still not up to date: MACAddressPolicy=persistent at /etc/systemd/network/50-bond.link:4 there")
	r.in(0, "linkaudit undo --bond bond0; rm /etc/systemd/network/50-bond.link; linkaudit fix --bond bond0")

	// An image for any host has no files of /etc: the program does its work, and that
	// does not help.
	r.in(0, "echo hostonly=no >/etc/dracut.conf.d/zz.conf; linkaudit undo --bond bond0 --update-initramfs")
	res = r.in(2, "linkaudit fix --bond bond0 --update-initramfs")
	has(t, res.Stderr, "the changed files are effective and stay, but the initramfs is not up to date", image+" is still not up to date: MACAddressPolicy=persistent at /usr/lib/systemd/network/99-default.link:")
	r.in(0, "test -e "+override)
}

// The commands of the pages, in a root with an image.
func TestCommandsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	r := newRoot(t, "trixie", tools)
	r.cmdline("root=/dev/vda1")
	r.in(0, "update-initramfs -c -k $KERNEL")
	r.Blocks(t, "../..", "initramfs", machine.Every)
}
