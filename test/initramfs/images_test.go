//go:build ecosystem

package initramfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/linkfiles"
)

// read reads the image of a root that has no other.
func (r *root) read(name string) initramfs.Image {
	r.t.Helper()
	image := r.Path("/images/" + name)
	alone, link := image+".alone", image+".alone/boot/initrd.img"
	if err := errors.Join(os.RemoveAll(alone), os.MkdirAll(filepath.Dir(link), 0o755), os.Link(image, link)); err != nil {
		r.t.Fatal(err)
	}
	images, problems := host.ReadInitramfs(context.Background(), alone)
	if len(images) != 1 {
		r.t.Fatalf("%s: %d images, %q", name, len(images), problems)
	}
	images[0].Path = image
	return images[0]
}

// An image is made in the root as /images/NAME and unpacked by a program of the
// distribution into /images/NAME.d. It is read from outside.
func (r *root) compare(name string, maker initramfs.Maker) initramfs.Image {
	r.t.Helper()
	img := r.read(name)
	if img.Unreadable != "" {
		r.t.Errorf("%s: %s", name, img.Unreadable)
		return img
	}
	if img.Maker != maker {
		r.t.Errorf("%s was made by %q, not %q", name, img.Maker, maker)
	}
	unpacked := img.Path + ".d"
	if _, err := os.Stat(filepath.Join(unpacked, "main")); err == nil {
		unpacked = filepath.Join(unpacked, "main") // unmkinitramfs, beside early
	}
	want, err := linkfiles.Read(unpacked)
	if err != nil {
		r.t.Fatal(err)
	}
	got, count := withoutInodes(img.Files)
	expected, n := withoutInodes(*want)
	if diff := cmp.Diff(expected, got); diff != "" {
		r.t.Errorf("%s: the .link files differ from those that were unpacked:\n%s", name, diff)
	}
	if n == 0 || count != n {
		r.t.Errorf("%s: %d names of .link files and drop-ins, %d unpacked", name, count, n)
	}
	// The other facts about the image.
	rule := ""
	for _, dir := range []string{"/etc/udev/rules.d", "/usr/lib/udev/rules.d"} {
		if _, err := os.Stat(filepath.Join(unpacked, dir, "80-net-setup-link.rules")); err == nil && rule == "" {
			rule = dir + "/80-net-setup-link.rules"
		}
	}
	if got := img.SetupLinkRule.Or(""); got != rule {
		r.t.Errorf("%s: the rule is %q, unpacked there is %q", name, got, rule)
	}
	_, err = os.Lstat(filepath.Join(unpacked, "usr/lib/systemd/systemd-udevd"))
	if img.Udevd != (err == nil) || !img.Udevd {
		r.t.Errorf("%s: udevd is there: %v, unpacked: %v", name, img.Udevd, err)
	}
	text, err := os.ReadFile(filepath.Join(unpacked, "etc/machine-id"))
	id, notID := linkfiles.ParseMachineID(strings.TrimSpace(string(text)))
	if is, known := img.MachineID.Is(id); known != (err == nil && notID == nil) || known && !is {
		r.t.Errorf("%s: the machine-id is %v, known %v; unpacked %v, %v", name, is, known, err, notID)
	}
	return img
}

// withoutInodes makes the output of two readers comparable, and counts the names.
func withoutInodes(s linkfiles.Store) (linkfiles.Store, int) {
	n := 0
	var clean func(d linkfiles.Dir) linkfiles.Dir
	clean = func(d linkfiles.Dir) linkfiles.Dir {
		d.Entries = append([]linkfiles.Entry{}, d.Entries...)
		for i := range d.Entries {
			e := &d.Entries[i]
			e.Inode = 0
			if e.Type == linkfiles.TypeNull {
				e.Mode = 0
			}
			n++
		}
		d.DropIns = append([]linkfiles.Dir{}, d.DropIns...)
		for i := range d.DropIns {
			d.DropIns[i] = clean(d.DropIns[i])
		}
		return d
	}
	dirs := append([]linkfiles.Dir{}, s.Dirs...)
	for i := range dirs {
		dirs[i] = clean(dirs[i])
	}
	return linkfiles.Store{Dirs: dirs}, n
}

// mask must be a mask in the image, in any form.
func (r *root) mask(name string, img initramfs.Image) {
	r.t.Helper()
	for _, f := range linkfiles.Parse(&img.Files, img.Release.Or(linkfiles.NewestRelease)).Files {
		if f.Name == "73-usb-net-by-mac.link" && f.State == linkfiles.StateMasked {
			return
		}
	}
	r.t.Errorf("%s: 73-usb-net-by-mac.link is not masked", name)
}

// release is what the root's own udevadm says.
func (r *root) release() (rel int) {
	r.t.Helper()
	if _, err := fmt.Sscan(r.in(0, "udevadm --version").Stdout, &rel); err != nil {
		r.t.Fatal(err)
	}
	return rel
}

func (r *root) sameRelease(name string, img initramfs.Image) {
	r.t.Helper()
	if rel, ok := img.Release.Get(); !ok || int(rel) != r.release() {
		r.t.Errorf("%s: the release is %v, udevadm's is %d", name, img.Release, r.release())
	}
}

// cannot must say why a compression is not read.
func (r *root) cannot(name, why string) {
	r.t.Helper()
	img := r.read(name)
	if !strings.Contains(img.Unreadable, why) {
		r.t.Errorf("%s: %q, not %q", name, img.Unreadable, why)
	}
}

// Every COMPRESS= of mkinitramfs(8) (later releases have fewer), and each release's
// usual one, after the early archive that the microcode hooks make.
func TestInitramfsTools(t *testing.T) {
	t.Parallel()
	for suite, methods := range map[string]string{
		"bullseye": "gzip",
		"bookworm": "gzip bzip2 lzma xz lzop lz4 zstd",
		"trixie":   "zstd",
		"sid":      "zstd",
	} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			r := newRoot(t, suite, tools)
			r.in(0, `mkdir -p /etc/initramfs-tools/hooks; cat >/etc/initramfs-tools/hooks/early <<'EOF'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
head -c 5001 /usr/bin/udevadm >/tmp/ucode
prepend_earlyinitramfs /tmp/early.cpio
EOF
chmod +x /etc/initramfs-tools/hooks/early
mkdir -p /tmp/early/kernel/x86/microcode
head -c 5001 /usr/bin/udevadm >/tmp/early/kernel/x86/microcode/GenuineIntel.bin
cd /tmp/early && find . | cpio --quiet -o -H newc >/tmp/early.cpio`)
			for _, method := range strings.Fields(methods) {
				// Later releases of unmkinitramfs no longer know lzma.
				r.in(0, `set -e; cd /images; method=`+method+`
mkinitramfs -c $method -o $method $KERNEL
if [ $method = lzma ]; then
	mkdir $method.d && cd $method.d
	tail -c +$((1 + $(stat -c %s /tmp/early.cpio))) ../$method | lzma -dc | cpio --quiet -id
else
	unmkinitramfs $method $method.d
fi`)
				if method == "lzop" {
					r.cannot(method, "compressed with lzop: linkaudit does not read it")
					continue
				}
				img := r.compare(method, initramfs.InitramfsTools)
				r.sameRelease(method, img)
				if got := strings.Join(img.Formats, " "); got != "cpio "+method {
					t.Errorf("%s: the archives are %s", method, got)
				}
				r.mask(method, img)
				_, dropIn := img.Files.Content("/usr/lib/systemd/network/10-a.link.d/x.conf")
				if want := suite == "trixie" || suite == "sid"; dropIn != want {
					t.Errorf("%s: a drop-in is there: %v", method, dropIn)
				}
				if img.CommandLine || img.Creates != nil {
					t.Errorf("%s: it makes devices: %v", method, img.Creates)
				}
			}
		})
	}
}

// Every --compress= of dracut(8), with the network modules that read the kernel command
// line.
func TestDracut(t *testing.T) {
	t.Parallel()
	for suite, methods := range map[string]string{
		"bookworm": "cat gzip bzip2 lzma xz lzop lz4 zstd",
		"trixie":   "zstd",
	} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			r := newRoot(t, suite, dracut)
			r.in(0, "mkdir /etc/cmdline.d; echo 'rd.neednet=1 bond=bond7:eth0,eth1:mode=1' >/images/50-bond.conf")
			for _, method := range strings.Fields(methods) {
				r.in(0, `set -e; cd /images
dracut --quiet --force --compress `+method+` --include /images/50-bond.conf /etc/cmdline.d/50-bond.conf --kver $KERNEL /images/`+method+` >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
mkdir `+method+`.d; cd `+method+`.d; lsinitrd --unpack /images/`+method)
				if method == "lzop" {
					r.cannot(method, "compressed with lzop: linkaudit does not read it")
					continue
				}
				if img := r.read(method); method == "lzma" && img.Unreadable != "" {
					// dracut has lzma -9; whether it uses the 64 MiB depends on how
					// much there is.
					r.cannot(method, "it needs a window of 64 MiB, and linkaudit has 32")
					continue
				}
				img := r.compare(method, initramfs.Dracut)
				r.sameRelease(method, img)
				r.mask(method, img)
				if _, there := img.Files.Content("/etc/systemd/network/10-a.link"); !there {
					t.Errorf("%s: the file of /etc is not there", method)
				}
				if _, dropIn := img.Files.Content("/etc/systemd/network/10-a.link.d/x.conf"); dropIn {
					t.Errorf("%s: a drop-in is there", method)
				}
				want := []initramfs.Created{{Name: "bond7", Kind: "bond", Pos: linkfiles.Pos{File: "/etc/cmdline.d/50-bond.conf", Line: 1}}}
				if !img.CommandLine || !cmp.Equal(img.Creates, want) {
					t.Errorf("%s: it makes %v of the command line (%v), not bond7", method, img.Creates, img.CommandLine)
				}
			}
		})
	}
}

// mkinitcpio is not in Debian. This makes its layout, an early archive and one more, in
// the formats of its COMPRESSION=, with its options and the programs that it runs.
func TestMkinitcpioLayout(t *testing.T) {
	t.Parallel()
	r := newRoot(t, "trixie", tools)
	r.in(0, `set -e
mkdir -p /tmp/early /tmp/main && cd /tmp/main
echo 1 >/tmp/early/early_cpio
mkdir -p usr/bin usr/lib/systemd/network usr/lib/udev/rules.d etc dev run new_root hooks
ln -s usr/lib lib; ln -s usr/lib lib64; ln -s bin usr/sbin; ln -s usr/bin bin; ln -s usr/bin sbin; ln -s lib usr/lib64
touch init init_functions config
cp /usr/bin/udevadm usr/bin/; ln -s ../../bin/udevadm usr/lib/systemd/systemd-udevd
cp /usr/lib/systemd/network/99-default.link usr/lib/systemd/network/
cp /usr/lib/udev/rules.d/80-net-setup-link.rules usr/lib/udev/rules.d/
mkdir -p usr/lib/modules; cp /usr/lib/*/libc.so.6 usr/lib/modules/ # something to compress
pack() { find . -mindepth 1 -print0 | sort -z | cpio --quiet --null -o -H newc; }
(cd /tmp/early && pack) >/tmp/early.img; pack >/tmp/main.img
compress() {
	name=$1; shift
	{ cat /tmp/early.img; "$@" </tmp/main.img; } >/images/$name
	cp -a /tmp/main /images/$name.d
}
compress cat cat
compress gzip gzip -n
compress bzip2 bzip2
compress lzma lzma
compress xz xz --check=crc32 --lzma2=dict=1MiB
compress blocks xz --check=crc64 --block-size=100000
compress none xz --check=none -T2
compress sha xz --check=sha256
compress lz4 lz4 -l
compress zstd zstd -T0
compress lzop lzop`)
	for _, method := range []string{"cat", "gzip", "bzip2", "lzma", "xz", "blocks", "none", "sha", "lz4", "zstd"} {
		r.sameRelease(method, r.compare(method, initramfs.Mkinitcpio))
	}
	r.cannot("lzop", "compressed with lzop: linkaudit does not read it")
}
