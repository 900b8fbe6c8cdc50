package initramfs_test

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/fact"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

var interpreter = initramfs.Interpreter{
	RunsSetupLink: func(b []byte) bool { return bytes.Contains(b, []byte("net_setup_link")) },
	Release: func(b []byte) (linkfiles.Release, bool) {
		return 257, bytes.Contains(b, []byte("libsystemd-shared-257"))
	},
}

func read(b []byte) (*initramfs.Image, error) {
	return initramfs.Read(context.Background(), bytes.NewReader(b), int64(len(b)), interpreter)
}

// links are the .link files and drop-ins of an image: the content by the path, or
// what else it is.
func links(img *initramfs.Image) map[string]string {
	out := map[string]string{}
	add := func(d linkfiles.Dir) {
		if d.Resolved != "" {
			return
		}
		for _, e := range d.Entries {
			what := string(e.Content)
			if e.Type != linkfiles.TypeRegular || e.Refused != "" {
				what = string(e.Type) + e.Refused
			}
			out[path.Join(d.Path, e.Name)] = what
		}
	}
	for _, d := range img.Files.Dirs {
		add(d)
		for _, dd := range d.DropIns {
			add(dd)
		}
	}
	return out
}

// network are the directories that .link files are in.
var network = []file{
	{name: "usr", mode: dirMode}, {name: "usr/lib", mode: dirMode}, {name: "usr/lib/systemd", mode: dirMode},
	{name: "usr/lib/systemd/network", mode: dirMode}, {name: "etc", mode: dirMode}, {name: "etc/systemd", mode: dirMode},
	{name: "etc/systemd/network", mode: dirMode},
}

const vendor = "usr/lib/systemd/network/"

// What the kernel makes of archives, by init/initramfs.c.
func TestFilesAreWhatTheKernelUnpacks(t *testing.T) {
	in := func(files ...file) []byte { return cpio(append(append([]file{}, network...), files...)...) }
	one := in(file{name: vendor + "a.link", content: "one"})
	for name, c := range map[string]struct {
		image []byte
		want  map[string]string
	}{
		"a file":                               {one, map[string]string{"/usr/lib/systemd/network/a.link": "one"}},
		"a later archive replaces":             {append(bytes.Clone(one), cpio(file{name: vendor + "a.link", content: "two"})...), map[string]string{"/usr/lib/systemd/network/a.link": "two"}},
		"zeros before, between and behind":     {bytes.Join([][]byte{make([]byte, 512), one, make([]byte, 40), one, make([]byte, 7)}, nil), map[string]string{"/usr/lib/systemd/network/a.link": "one"}},
		"no directory, no file":                {cpio(file{name: vendor + "a.link", content: "one"}), map[string]string{}},
		"a leading slash or dot is no matter":  {in(file{name: "/" + vendor + "a.link", content: "1"}, file{name: "./" + vendor + "b.link", content: "2"}), map[string]string{"/usr/lib/systemd/network/a.link": "1", "/usr/lib/systemd/network/b.link": "2"}},
		"nothing leads out":                    {in(file{name: "../../" + vendor + "a.link", content: "1"}, file{name: "usr/../../../../etc/systemd/network/b.link", content: "2"}), map[string]string{"/usr/lib/systemd/network/a.link": "1", "/etc/systemd/network/b.link": "2"}},
		"the mask":                             {in(file{name: "etc/systemd/network/a.link", mode: linkMode, content: "/dev/null"}), map[string]string{"/etc/systemd/network/a.link": "null"}},
		"the mask as a device":                 {in(file{name: "etc/systemd/network/a.link", mode: charMode, rdev: [2]uint32{1, 3}}), map[string]string{"/etc/systemd/network/a.link": "null"}},
		"a link to a file by another name":     {in(file{name: "etc/other", content: "odd"}, file{name: "etc/systemd/network/a.link", mode: linkMode, content: "../../other"}), map[string]string{"/etc/systemd/network/a.link": "odd"}},
		"a link to nothing":                    {in(file{name: "etc/systemd/network/a.link", mode: linkMode, content: "nowhere"}), map[string]string{"/etc/systemd/network/a.link": "missing"}},
		"a link to itself":                     {in(file{name: "etc/systemd/network/a.link", mode: linkMode, content: "a.link"}), map[string]string{"/etc/systemd/network/a.link": "missing"}},
		"a file takes the place of a link":     {in(file{name: vendor + "a.link", mode: linkMode, content: "/etc/x"}, file{name: vendor + "a.link", content: "one"}), map[string]string{"/usr/lib/systemd/network/a.link": "one"}},
		"a full directory stays":               {in(file{name: vendor + "a.link", mode: dirMode}, file{name: vendor + "a.link/x", mode: dirMode}, file{name: vendor + "a.link", content: "one"}), map[string]string{"/usr/lib/systemd/network/a.link": "directory"}},
		"an empty one does not":                {in(file{name: vendor + "a.link", mode: dirMode}, file{name: vendor + "a.link", content: "one"}), map[string]string{"/usr/lib/systemd/network/a.link": "one"}},
		"the content with the last hard link":  {in(file{name: vendor + "a.link", ino: 7}, file{name: "etc/x", ino: 7, content: "one"}), map[string]string{"/usr/lib/systemd/network/a.link": "one"}},
		"the content with the first hard link": {in(file{name: "etc/x.link", ino: 7, content: "one"}, file{name: vendor + "a.link", ino: 7}), map[string]string{"/usr/lib/systemd/network/a.link": "one"}},
		"a drop-in":                            {in(file{name: vendor + "a.link.d", mode: dirMode}, file{name: vendor + "a.link.d/b.conf", content: "one"}), map[string]string{"/usr/lib/systemd/network/a.link.d/b.conf": "one"}},
		"an empty file masks":                  {in(file{name: vendor + "a.link"}), map[string]string{"/usr/lib/systemd/network/a.link": ""}},
		"a file of more than is kept":          {in(file{name: vendor + "a.link", content: strings.Repeat("x", 256<<10+1)}), map[string]string{"/usr/lib/systemd/network/a.link": "regulartoo large: 262145 bytes"}},
		"more than is kept of all together": {in(file{name: vendor + "a.link", content: strings.Repeat("a", 100<<10)}, file{name: vendor + "b.link", content: strings.Repeat("b", 60<<10)}, file{name: vendor + "c.link"}),
			map[string]string{"/usr/lib/systemd/network/a.link": strings.Repeat("a", 100<<10), "/usr/lib/systemd/network/b.link": "regularthe files of the image are larger than 128 KiB in total", "/usr/lib/systemd/network/c.link": "regularthe files of the image are larger than 128 KiB in total"}},
		"a directory beneath a link, usr-merge": {cpio(file{name: "usr", mode: dirMode}, file{name: "usr/lib", mode: dirMode}, file{name: "lib", mode: linkMode, content: "usr/lib"}, file{name: "lib/systemd", mode: dirMode}, file{name: "lib/systemd/network", mode: dirMode}, file{name: "lib/systemd/network/a.link", content: "one"}), map[string]string{"/usr/lib/systemd/network/a.link": "one"}},
		"the directory leads to itself":         {cpio(file{name: "usr", mode: dirMode}, file{name: "usr/lib", mode: dirMode}, file{name: "usr/lib/systemd", mode: linkMode, content: "systemd"}), map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := read(c.image)
			if err != nil {
				t.Fatal(err)
			}
			if got := links(img); !cmp.Equal(got, c.want) {
				t.Error(cmp.Diff(c.want, got))
			}
		})
	}
}

func TestEveryCompressionAfterMicrocode(t *testing.T) {
	early := cpio(file{name: "kernel", mode: dirMode}, file{name: "kernel/x86", mode: dirMode}, file{name: "kernel/x86/GenuineIntel.bin", content: strings.Repeat("m", 5000)})
	files := append(append([]file{}, network...),
		file{name: vendor + "a.link", content: "one"},
		file{name: "usr/lib/udev", mode: dirMode}, file{name: "usr/lib/udev/rules.d", mode: dirMode},
		file{name: "usr/lib/udev/rules.d/80-net-setup-link.rules", content: `IMPORT{builtin}="net_setup_link"`},
		file{name: "usr/lib/systemd/systemd-udevd", mode: linkMode, content: "../../bin/udevadm"},
		file{name: "usr/bin", mode: dirMode}, file{name: "usr/bin/udevadm", content: "libsystemd-shared-257.so"},
		file{name: "etc/machine-id", content: "0123456789abcdef0123456789abcdef\n"},
		file{name: "filler", content: strings.Repeat("0123456789", 40_000)},
	)
	later := cpio(file{name: vendor + "b.link", content: "two"})
	first, second := map[string][]byte{}, map[string][]byte{}
	for name, compress := range compressors {
		first[name], second[name] = compress(t, cpio(files...)), compress(t, later)
	}
	for name := range compressors {
		for after := range compressors {
			t.Run(name+", then "+after, func(t *testing.T) {
				image := bytes.Join([][]byte{early, first[name], make([]byte, 12), second[after], make([]byte, 3)}, nil)
				// The kernel wants a cpio archive at a multiple of four bytes.
				for after == "cpio" && (len(image)-3-len(later))%4 != 0 {
					at := len(image) - 3 - len(later)
					image = append(image[:at:at], append([]byte{0}, image[at:]...)...)
				}
				img, err := read(image)
				if err != nil {
					t.Error(err)
					return
				}
				want := map[string]string{"/usr/lib/systemd/network/a.link": "one", "/usr/lib/systemd/network/b.link": "two"}
				if got := links(img); !cmp.Equal(got, want) {
					t.Error(cmp.Diff(want, got))
				}
				if rel, _ := img.Release.Get(); !img.Udevd || rel != 257 || img.SetupLinkRule.Or("") != "/usr/lib/udev/rules.d/80-net-setup-link.rules" {
					t.Errorf("%+v", img)
				}
				id, _ := linkfiles.ParseMachineID("0123456789abcdef0123456789abcdef")
				if is, ok := img.MachineID.Is(id); !is || !ok || img.MachineID.ID().IsKnown() {
					t.Errorf("the machine-id is %v, %v", img.MachineID, is)
				}
			})
		}
	}
}

func TestDamagedImagesAreRefusedWithOneLine(t *testing.T) {
	whole := cpio(append(append([]file{}, network...), file{name: vendor + "a.link", content: strings.Repeat("one ", 3000)}, file{name: "x", content: strings.Repeat("abc\x00", 9000)})...)
	for name, compress := range compressors {
		t.Run(name, func(t *testing.T) {
			b := compress(t, whole)
			for cut := 1; cut < len(b); cut += max(1, len(b)/50) {
				if cut > len(b)-600 && name == "cpio" {
					break // padding
				}
				img, err := read(b[:cut])
				if err == nil && len(links(img)) > 0 && name != "lz4" {
					t.Errorf("cut after %d of %d bytes it is read", cut, len(b))
				}
				if err != nil && strings.Contains(err.Error(), "\n") {
					t.Errorf("cut after %d: more than a line: %q", cut, err)
				}
			}
			flipped := bytes.Clone(b)
			flipped[len(b)/2] ^= 0x55
			if _, err := read(flipped); err == nil && (name == "gzip" || name == "xz" || name == "zstd") {
				t.Error("a wrong byte is not noticed, though there is a checksum")
			}
		})
	}
	for want, b := range map[string]string{
		"the image is empty": "",
		"neither a cpio archive nor a known compression at byte 0":   "garbage",
		"neither a cpio archive nor a known compression at byte 512": string(cpio()) + "garbage",
		"cpio's old format":                      "070707" + strings.Repeat("0", 200),
		"instead of a number":                    "070701" + strings.Repeat("zz", 60),
		"instead of cpio's magic":                "0\x1b[2J" + strings.Repeat("0", 200),
		"the limit for the whole image":          string(cpio()[:54]) + "ffffffff" + strings.Repeat("0", 200),
		"lz4's legacy format":                    "\x02\x21\x4c\x19....",
		"lzop: linkaudit does not read it":       "\x89LZO\x00\r\n\x1a\n",
		"another filter than LZMA2":              "\xfd7zXZ\x00\x00\x01\x69\x22\xde\x36\x02\x01\x04\x00\x21\x01\x16\x00\x0d\x86\x35\x1f",
		"but is not valid":                       "\xfd7zXX\x00\x00\x01\x69\x22\xde\x36",
		"the header of the unified kernel image": "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00\x64\x86\x01\x00" + strings.Repeat("\x00", 16),
		"begins like a unified":                  "MZ" + strings.Repeat("\xff", 100),
		"is not cpio":                            string(compressors["gzip"](t, []byte("garbage"))),
		"does not end where its header say":      "070701" + strings.Repeat("0", 32) + "00000001" + strings.Repeat("0", 48) + "00000002" + "00000000" + "ab",
	} {
		t.Run(want, func(t *testing.T) {
			_, err := read([]byte(b))
			if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q: %q", b, err)
			}
		})
	}
}

func TestUnifiedKernelImage(t *testing.T) {
	inner := compressors["zstd"](t, cpio(append(append([]file{}, network...), file{name: vendor + "a.link", content: "one"})...))
	uki := bytes.Buffer{}
	uki.WriteString("MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00\x64\x86\x02\x00" + strings.Repeat("\x00", 16))
	section := func(name string, size, at int) {
		var b [40]byte
		copy(b[:], name)
		b[8], b[9] = byte(size), byte(size>>8)
		b[16], b[17] = byte(size), byte(size>>8)
		b[20], b[21] = byte(at), byte(at>>8)
		uki.Write(b[:])
	}
	section(".linux", 16, 400)
	section(".initrd", len(inner), 512)
	uki.Write(make([]byte, 512-uki.Len()))
	uki.Write(inner)
	uki.WriteString("what follows")
	img, err := read(uki.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := links(img); got["/usr/lib/systemd/network/a.link"] != "one" {
		t.Error(got)
	}
}

func TestDevicesThatDracutMakes(t *testing.T) {
	dracut := func(files ...file) []byte {
		return cpio(append([]file{
			{name: "usr", mode: dirMode}, {name: "usr/lib", mode: dirMode}, {name: "usr/lib/dracut", mode: dirMode},
			{name: "usr/lib/dracut/hooks", mode: dirMode}, {name: "usr/lib/dracut/hooks/cmdline", mode: dirMode},
			{name: "etc", mode: dirMode}, {name: "etc/cmdline.d", mode: dirMode},
			{name: "etc/cmdline.d/10-net.conf", content: "# bond=no\nrd.neednet=1\n bond=bond0:eth0,eth1:mode=1 ip=bond0:dhcp\n"},
		}, files...)...)
	}
	img, err := read(dracut())
	if err != nil || img.Creates != nil || img.CommandLine || img.Maker != initramfs.Dracut {
		t.Errorf("without the module: %+v, %v", img, err)
	}
	img, err = read(dracut(file{name: "usr/lib/dracut/hooks/cmdline/99-parse-bond.sh", content: "x"}))
	want := []initramfs.Created{{Name: "bond0", Kind: "bond", Pos: linkfiles.Pos{File: "/etc/cmdline.d/10-net.conf", Line: 3}}}
	if err != nil || !img.CommandLine || !cmp.Equal(img.Creates, want) {
		t.Errorf("%+v, %v", img, err)
	}
	for line, want := range map[string][]initramfs.Created{
		"quiet":                        nil,
		"bond=bond0:eth0,eth1 x=y":     {{Name: "bond0", Kind: "bond"}},
		"bond bridge":                  {{Name: "bond0", Kind: "bond"}, {Name: "br0", Kind: "bridge"}},
		"bridge=br1:eth0 team=t0:e0":   {{Name: "br1", Kind: "bridge"}, {Name: "t0", Kind: "team"}},
		"bridge=br1 team bridge=a:b:c": nil, // dracut stops with an error
		`"bond=b 0:eth0" foo="bond=x"`: {{Name: "b 0", Kind: "bond"}},
		"rd.bond=bond0:eth0":           nil,
		"bond=a:b:c:d bond=a:b:c:d:e":  {{Name: "a", Kind: "bond"}},
	} {
		t.Run(line, func(t *testing.T) {
			if got := initramfs.CommandLine(line); !cmp.Equal(got, want) {
				t.Errorf("%v, not %v", got, want)
			}
		})
	}
}

// What systemd-networkd and NetworkManager find there is read where the programs are.
func TestTheConfigurationOfOtherProgramsIsRead(t *testing.T) {
	files := append(append([]file{}, network...),
		file{name: "etc/systemd/network/a.netdev", content: "[NetDev]\nName=bond0\nKind=bond\n"},
		file{name: "etc/systemd/network/a.netdev.d", mode: dirMode}, file{name: "etc/systemd/network/a.netdev.d/x.conf", content: "[NetDev]\nMACAddress=02:00:00:00:00:01\n"},
		file{name: "etc/systemd/network/b.network", content: "[Match]\nName=eth0\n[Network]\nBond=bond0\n"},
		file{name: "etc/NetworkManager", mode: dirMode}, file{name: "etc/NetworkManager/system-connections", mode: dirMode},
		file{name: "etc/NetworkManager/system-connections/c.nmconnection", content: "[connection]\nid=c\ntype=bridge\ninterface-name=br0\n[bridge]\nmac-address=02:00:00:00:00:02\n"},
		file{name: "usr/sbin", mode: dirMode},
	)
	const networkd, nm = "usr/lib/systemd/systemd-networkd", "usr/sbin/NetworkManager"
	for want, programs := range map[string][]string{"": nil, "bond0": {networkd}, "br0": {nm}, "br0 bond0": {networkd, nm}} {
		t.Run(fmt.Sprintf("%q", want), func(t *testing.T) {
			in := interpreter
			var got []string
			in.Declares = func(c initramfs.Configuration) []netconf.Declaration {
				var ofNetworkd *netconf.NetworkdInput
				if c.Networkd != nil {
					ofNetworkd = &netconf.NetworkdInput{Files: c.Networkd, Machine: netconf.NetworkdMachine{System: &linkfiles.System{}, Active: fact.Known(true),
						NewDevice: func(name, kind string) *linkfiles.Device { return &linkfiles.Device{Name: name, Kind: fact.Text(kind)} }}}
				}
				all, problems := netconf.Read(c.Files, fact.Known(linkfiles.Release(257)), ofNetworkd)
				if len(problems) > 0 {
					t.Errorf("%v", problems)
				}
				for _, d := range all {
					got = append(got, d.Device)
					if d.Address.Way != netconf.WayExplicit || d.Device == "bond0" && !slices.Equal(d.Ports, []string{"eth0"}) {
						t.Errorf("%+v", d)
					}
				}
				return all
			}
			all := slices.Clone(files)
			for _, program := range programs {
				all = append(all, file{name: program, content: "ELF"})
			}
			b := cpio(all...)
			img, err := initramfs.Read(context.Background(), bytes.NewReader(b), int64(len(b)), in)
			if err != nil || strings.Join(got, " ") != want || len(img.Declarations) != len(got) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
