//go:build ecosystem

package hooks

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

// TestInitramfs builds an initramfs with the initramfs-tools of two releases and
// compares its contents with the table of initramfs.md.
func TestInitramfs(t *testing.T) {
	tool.OnlyInFull(t)
	page, err := os.ReadFile(hooks + "/initramfs.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range []struct{ name, title, dir string }{
		{"bookworm", "Debian 12", "lib/systemd/network"},
		{"trixie", "Debian 13", "usr/lib/systemd/network"},
	} {
		t.Run(suite.name, func(t *testing.T) {
			t.Parallel()
			m := machine.New(t, roots.Of(suite.name), machine.OwnProcesses)
			m.Build(binary)
			m.AptGet("install", "-y", "--no-install-recommends", "initramfs-tools")
			// A kernel without modules, which do not matter here.
			m.Must("sh", "-ec", `mkdir -p /lib/modules/6.1.0-t
touch /lib/modules/6.1.0-t/modules.builtin /lib/modules/6.1.0-t/modules.order
echo CONFIG_RD_GZIP=y >/boot/config-6.1.0-t
touch /boot/vmlinuz-6.1.0-t
ln -s boot/initrd.img-6.1.0-t /initrd.img
update-initramfs -c -k 6.1.0-t`)

			m.Write(network+"/10-x.link", "[Match]\nOriginalName=x\n", 0o644)
			m.Write(network+"/10-x.link.d/90-linkaudit.conf", "[Link]\nMACAddressPolicy=none\n", 0o644)
			m.Write("/usr/local/lib/systemd/network/40-local.link", "[Match]\nOriginalName=x\n", 0o644)
			m.Write("/run/systemd/network/50-run.link", "[Match]\nOriginalName=x\n", 0o644)
			m.Write(network+"/80-container-ve.link", "# in /etc\n", 0o644)
			m.Must("ln", "-s", "/dev/null", network+"/73-usb-net-by-mac.link")
			m.Blocks(t, top, "hooks", of("initramfs"))

			m.Must("unmkinitramfs", "/initrd.img", "/root/unpacked")
			at := "/root/unpacked/" + suite.dir + "/"
			has := func(name string) bool { return m.Do("test", "-e", at+name, "-o", "-L", at+name).Status == 0 }
			rows := map[string]bool{
				".link files of `/usr/lib":    has("99-default.link") && has("10-x.link"),
				"drop-ins":                    has("10-x.link.d/90-linkaudit.conf"),
				".link files of `/usr/local/": has("40-local.link") || has("50-run.link"),
				"`80-net-setup-link.rules`":   m.Do("test", "-e", "/root/unpacked/"+strings.Replace(suite.dir, "systemd/network", "udev/rules.d", 1)+"/80-net-setup-link.rules").Status == 0,
			}
			for row, is := range rows {
				t.Run(row, func(t *testing.T) {
					want := map[bool]string{true: "yes", false: "no"}[is]
					if told := cell(t, string(page), row, suite.title); told != want {
						t.Errorf("the page says %q, but it is %q", told, want)
					}
				})
			}
			if text := m.Must("cat", at+"80-container-ve.link"); text != "# in /etc" {
				t.Errorf("of two files of one name the one in /etc does not remain: %s", text)
			}
			// The mask is one for udev: empty, or a link to /dev/null.
			if m.Do("test", "-s", at+"73-usb-net-by-mac.link").Status == 0 || !has("73-usb-net-by-mac.link") {
				t.Error("the file is not masked in the initramfs")
			}
			if !strings.Contains(m.Must("cat", "/var/lib/dpkg/info/udev.triggers"), "activate-noawait update-initramfs") {
				t.Error("an upgrade of udev does not rebuild the initramfs")
			}
		})
	}
}

// cell is a cell of the only table in the page.
func cell(t *testing.T, page, row, column string) string {
	t.Helper()
	lines := regexp.MustCompile(`(?m)^\|.*$`).FindAllString(page, -1)
	for i, title := range strings.Split(lines[0], "|") {
		if strings.TrimSpace(title) != column {
			continue
		}
		for _, l := range lines {
			if strings.HasPrefix(strings.TrimLeft(l, "| "), row) {
				return strings.TrimSpace(strings.Split(l, "|")[i])
			}
		}
	}
	t.Fatalf("the page has no %q of %q", row, column)
	return ""
}
