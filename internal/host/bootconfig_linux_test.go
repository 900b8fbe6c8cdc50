package host

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// uki is a unified kernel image with nothing but a command line, as ukify(1)
// lays it out.
func uki(cmdline string) string {
	var b bytes.Buffer
	b.Write(append([]byte("MZ"), make([]byte, 0x3a)...))
	binary.Write(&b, binary.LittleEndian, uint32(0x40))
	b.WriteString("PE\x00\x00")
	header := make([]byte, 20)
	binary.LittleEndian.PutUint16(header[2:], 1) // sections
	b.Write(header)
	section := make([]byte, 40)
	copy(section, ".cmdline")
	binary.LittleEndian.PutUint32(section[8:], uint32(len(cmdline)))
	binary.LittleEndian.PutUint32(section[16:], uint32(len(cmdline)))
	binary.LittleEndian.PutUint32(section[20:], uint32(b.Len()+len(section)))
	b.Write(section)
	b.WriteString(cmdline)
	return b.String()
}

// What GRUB's menu looks like is from update-grub of Debian 12.
func TestTheNamingSchemeOfAnImageIsTheOneItIsBootedWith(t *testing.T) {
	const menu = "menuentry 'Debian GNU/Linux' {\n\tlinux\t/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1 ro  "
	const rescue = "\n}\nmenuentry 'recovery mode' {\n\tlinux\t/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1 ro single \n}\n"
	for name, c := range map[string]struct {
		tree    map[string]string
		want    string // "?" is unknown
		source  string
		assumed bool
	}{
		"nothing says anything": {nil, "v252", schemeByDefault, true},
		"GRUB asks for none":    {map[string]string{"boot/grub/grub.cfg": menu + "quiet" + rescue}, "v252", schemeByDefault, true},
		"GRUB asks for one, but not for a rescue": {map[string]string{"boot/grub/grub.cfg": menu + "quiet net.naming_scheme=v240" + rescue},
			"v240", "/boot/grub/grub.cfg:2", false},
		"with a dash, in grub2": {map[string]string{"boot/grub2/grub.cfg": menu + "net.naming-scheme=v247" + rescue}, "v247", "/boot/grub2/grub.cfg:2", false},
		"by a variable of the menu": {map[string]string{"boot/grub/grub.cfg": "set kernelopts=\"ro net.naming_scheme=v240\"\n" + menu + "${kernelopts}\n}\n"},
			"v240", "/boot/grub/grub.cfg:3", false},
		"by grubenv": {map[string]string{"boot/grub2/grubenv": "# GRUB Environment Block\nkernelopts=root=/dev/sda ro net.naming_scheme=v240\n####",
			"boot/loader/entries/a.conf": "title x\nlinux /vmlinuz\noptions $kernelopts quiet\n"}, "v240", "/boot/loader/entries/a.conf:3", false},
		"a loader entry":                  {map[string]string{"efi/loader/entries/a.conf": "options\tquiet net.naming_scheme=v240\n"}, "v240", "/efi/loader/entries/a.conf:1", false},
		"the second options of an entry":  {map[string]string{"boot/efi/loader/entries/a.conf": "options quiet\noptions net.naming_scheme=v240\n"}, "v240", "/boot/efi/loader/entries/a.conf:2", false},
		"a unified kernel image":          {map[string]string{"efi/EFI/Linux/a.efi": uki("quiet net.naming_scheme=v240")}, "v240", "/efi/EFI/Linux/a.efi", false},
		"no unified kernel image":         {map[string]string{"efi/EFI/Linux/a.efi": "MZ"}, "v252", schemeByDefault, true},
		"for new kernels":                 {map[string]string{"etc/kernel/cmdline": "quiet net.naming_scheme=v240\n"}, "v240", "/etc/kernel/cmdline", false},
		"for new kernels, by the vendor":  {map[string]string{"usr/lib/kernel/cmdline": "net.naming_scheme=v240\n"}, "v240", "/usr/lib/kernel/cmdline", false},
		"/etc hides the vendor's":         {map[string]string{"etc/kernel/cmdline": "quiet\n", "usr/lib/kernel/cmdline": "net.naming_scheme=v240\n"}, "v252", schemeByDefault, true},
		"for a menu that is not made yet": {map[string]string{"etc/default/grub": "# comment\nGRUB_CMDLINE_LINUX=\"quiet net.naming_scheme=v240\"\n"}, "v240", "/etc/default/grub:2", false},
		"by a part of it": {map[string]string{"etc/default/grub": "GRUB_CMDLINE_LINUX_DEFAULT='quiet'\n",
			"etc/default/grub.d/50-x.cfg": "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT net.naming_scheme=v240\"\n"}, "v240", "/etc/default/grub.d/50-x.cfg:1", false},
		"a part that takes it back": {map[string]string{"etc/default/grub": "GRUB_CMDLINE_LINUX=net.naming_scheme=v240\n",
			"etc/default/grub.d/50-x.cfg": "GRUB_CMDLINE_LINUX=\"quiet\"\n"}, "v252", schemeByDefault, true},
		"a menu that is older than its source": {map[string]string{"boot/grub/grub.cfg": menu + "quiet\n}\n", "etc/default/grub": "GRUB_CMDLINE_LINUX=net.naming_scheme=v240\n"}, "?", "", false},
		"entries that differ": {map[string]string{"boot/loader/entries/a.conf": "options net.naming_scheme=v240\n", "boot/loader/entries/b.conf": "options quiet\n"},
			"?", "", false},
		"a scheme that this release does not know": {map[string]string{"etc/kernel/cmdline": "net.naming_scheme=v257\n"}, "v252", schemeByDefault, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := collectBelow(t, write(t, c.tree), 252, DeviceOptions{})
			got, ok := s.NamingScheme.Get()
			switch {
			case c.want == "?":
				if !s.NamingScheme.IsUnknown() || !strings.Contains(s.NamingScheme.Reason().String(), "net.naming_scheme=v240 at /") {
					t.Errorf("%v", s.NamingScheme)
				}
			case !ok || got != NamingScheme{Name: c.want, Source: c.source, Assumed: c.assumed}:
				t.Errorf("%+v", s.NamingScheme)
			}
		})
	}
}
