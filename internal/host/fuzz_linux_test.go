package host

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
)

// attribute is a netlink attribute (struct nlattr of linux/netlink.h).
func attribute(typ uint16, value []byte) []byte {
	b := make([]byte, 4, 8+len(value))
	binary.NativeEndian.PutUint16(b, uint16(4+len(value)))
	binary.NativeEndian.PutUint16(b[2:], typ)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// FuzzNetlink reads what the kernel and udevd send.
func FuzzNetlink(f *testing.F) {
	bond := slices.Concat(linkMessage(7, "bond0"),
		attribute(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1}), attribute(unix.IFLA_MASTER, []byte{9, 0, 0, 0}),
		attribute(unix.IFLA_PERM_ADDRESS, []byte{2, 0, 0, 0, 0, 2}),
		attribute(unix.IFLA_PROP_LIST|unix.NLA_F_NESTED, attribute(unix.IFLA_ALT_IFNAME, []byte("other\x00"))),
		attribute(unix.IFLA_LINKINFO, slices.Concat(attribute(unix.IFLA_INFO_KIND, []byte("bond\x00")),
			attribute(unix.IFLA_INFO_DATA, attribute(1, []byte{1})),
			attribute(unix.IFLA_INFO_SLAVE_KIND, []byte("bond\x00")), attribute(unix.IFLA_INFO_SLAVE_DATA, attribute(4, []byte{2, 0, 0, 0, 0, 3})))))
	binary.NativeEndian.PutUint32(bond, uint32(len(bond)))
	f.Add(bond)
	f.Add(append(linkMessage(1, "lo"), bond...))
	f.Add(udevMessage(3))
	f.Add([]byte("\x10\x00\x00\x00\x03\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		read := 0
		for m := range messages(b) {
			read += unix.NLMSG_HDRLEN + len(m.body)
			if m.malformed {
				break
			}
			if l, err := parseLink(m.body); err == nil && (l.Name == "" || l.Index <= 0 || strings.Contains(l.Name, "\x00")) {
				t.Errorf("%+v", l)
			}
		}
		if read > len(b)+unix.NLMSG_HDRLEN {
			t.Errorf("%d bytes of %d", read, len(b))
		}
		if u := parseUdevNotice(b); u != nil && u.Index == 0 {
			t.Errorf("%+v", u)
		}
	})
}

// FuzzTextsOfTheMachine reads the small texts that tell what the machine is: an entry
// of udev's database, rules, uevent, the kernel command line, machine-id, machine-info.
func FuzzTextsOfTheMachine(f *testing.F) {
	for _, seed := range []string{
		"S:disk\nI:5044632\nE:ID_BUS=pci\nE:ID_NET_LINK_FILE=/usr/lib/systemd/network/99-default.link\nE:X=\nG:systemd\nV:1\n",
		"# comment \\\nSUBSYSTEM!=\"net\", GOTO=\"end\"\nACTION==\"add\", IMPORT{builtin}=\"net_setup_link\", NAME=\"$env{X}\"\nLABEL=\"end\"\n",
		"INTERFACE=bond0\nIFINDEX=7\nDEVTYPE=bond\n",
		"BOOT_IMAGE=/vmlinuz root=/dev/sda quiet systemd.machine_id=0123456789abcdef0123456789abcdef net.naming-scheme=v252 \"a b\"=c\n",
		"0123456789abcdef0123456789abcdef\n", "uninitialized\n", "01234567-89ab-cdef-0123-456789abcdef",
		"PRETTY_HOSTNAME=\"x y\"\nTAGS='a:b' # c\nTAGS=\"a\\\"b\"\n",
		"systemd 252 (252.39-1~deb12u2)\x00starting version 252.39", "257.9-1~deb13u1", "v254-rc1",
	} {
		f.Add([]byte(seed))
	}
	// What is said of a file without an ID; never more, for it may hold an ID nearly.
	var noIDs []string
	for _, b := range []string{"", "uninitialized", "x", strings.Repeat("0", 32)} {
		_, err := parseMachineID([]byte(b))
		noIDs = append(noIDs, err.Error())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for k, v := range parseUdevDB(b) {
			if k == "" || v == "" || strings.ContainsAny(k+v, "\n") {
				t.Errorf("%q=%q", k, v)
			}
		}
		parseUEvent(b)
		runsSetupLink(b)
		machineTags(b)
		schemeArgument(string(b))
		parseRelease(string(b))
		virtOf(string(b))
		if v, ok := versionInProgram(b); ok && !printable(v) {
			t.Errorf("the version %q", v)
		}
		if _, err := parseMachineID(b); err != nil && !slices.Contains(noIDs, err.Error()) {
			t.Errorf("the reason tells what is in the file: %v", err)
		}
		machineIDOfJournal(string(b))
		// A saved command line has no ID in it that could be found again.
		if _, is := machineIDOfCommandLine(string(b)); is {
			if id, still := machineIDOfCommandLine(hideMachineID(fact.Known(string(b))).Or("")); still {
				t.Errorf("%x is left of %q", id, b)
			}
		}
	})
}

// FuzzProgram reads the release out of what is said to be udevd.
func FuzzProgram(f *testing.F) {
	dynamic := make([]byte, 32)
	dynamic[0], dynamic[8] = 1, 1 // DT_NEEDED, at 1 of .dynstr
	content := map[string][]byte{".dynamic": dynamic, ".dynstr": []byte("\x00libsystemd-shared-252.so\x00"),
		".rodata":       []byte("\x00systemd-udevd 247\x00Starting version 247.3-7+deb11u6\x00"),
		".note.package": []byte("\x04\x00\x00\x00\x00\x00\x00\x00~\x1a\xfe\xcaFDO\x00{\"type\":\"deb\",\"name\":\"systemd\",\"version\":\"252.39-1\"}\x00\x00")}
	f.Add(program(f, []string{".dynstr", ".dynamic", ".rodata", ".note.package"}, content))
	f.Add(program(f, []string{".dynstr", ".dynamic", ".rodata"}, content, ".rodata"))
	f.Add(program(f, []string{".dynstr", ".dynamic"}, content, ".shstrtab"))
	if own, err := os.Executable(); err == nil {
		if b, err := os.ReadFile(own); err == nil {
			f.Add(b[:4096])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := elfVersion(bytes.NewReader(b)); err == nil && !printable(v) {
			t.Errorf("the version %q", v)
		}
		releaseInProgram(b)
	})
}
