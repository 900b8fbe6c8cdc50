package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"linkaudit/internal/report"
	"linkaudit/test/tool"
)

const secretID = "5ec2e7a1d0f04b2c9a7e3f1b8c6d4e2a"

// imageFiles are one of each file that is read below --root. SECRET marks what must never
// be in an output; the machine ID is secretID.
var imageFiles = map[string]string{
	"etc/machine-id":      secretID + "\n",
	"etc/machine-info":    "TAGS=a\nPRETTY_HOSTNAME=x\n",
	"etc/linkaudit.conf":  "[device \"x*\"]\npolicy=none\n",
	"etc/hostname":        "host\n",
	"etc/os-release":      "ID=debian\n",
	"boot/initrd.img-1.2": "070701SECRET",

	"etc/linkaudit.conf.d/a.conf":                         "[rules]\n",
	"etc/systemd/network/10-a.link":                       "[Match]\nOriginalName=a\n[Link]\nMACAddressPolicy=none\n",
	"etc/systemd/network/10-a.link.d/x.conf":              "[Link]\nMACAddressPolicy=random\n",
	"usr/lib/systemd/network/99-default.link":             "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n",
	"etc/systemd/network/wg0.netdev":                      "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKey=SECRETnetdev\nSECRETline\n[SECRETsection\n",
	"etc/systemd/network/br0.netdev":                      "[NetDev]\nName=br0\nKind=bridge\nMACAddress=SECRETaddress\n",
	"etc/systemd/network/br0.network":                     "[Match]\nName=br0\n[DHCPv4]\nSendOption=1:string:SECRETdhcp\n",
	"etc/systemd/system/x.wants/systemd-networkd.service": "",
	"usr/lib/udev/rules.d/80-net-setup-link.rules":        "IMPORT{builtin}=\"net_setup_link\"\n",
	"etc/udev/rules.d/99-x.rules":                         "ENV{X}=\"SECRETrule\"\n",
	"var/lib/dpkg/status":                                 "Package: udev\nStatus: install ok installed\nVersion: 252.39-1\n\n",
	"var/lib/dpkg/diversions":                             "",
	"var/lib/dpkg/updates/0001":                           "",
	"var/lib/dpkg/info/udev.list":                         "/usr/lib/systemd/network/99-default.link\n",
	"var/lib/dpkg/info/udev.md5sums":                      "00000000000000000000000000000000  usr/lib/systemd/network/99-default.link\n",
	"var/lib/dpkg/info/other.list":                        "/etc/x\n",
	"usr/lib/modules/1.2/initrd":                          "SECRETinitrd",
	"usr/lib/systemd/systemd-udevd":                       "\x7fELFSECRET",
	"usr/bin/udevadm":                                     "\x7fELFSECRET",

	"usr/sbin/NetworkManager":                           "",
	"etc/NetworkManager/NetworkManager.conf":            "[main]\nplugins=keyfile\nSECRETline\n",
	"etc/NetworkManager/conf.d/a.conf":                  "[connection]\nethernet.cloned-mac-address=SECRETconf\nx\n",
	"usr/lib/NetworkManager/conf.d/b.conf":              "[keyfile]\nunmanaged-devices=a\n",
	"etc/NetworkManager/system-connections/wifi":        "[connection]\nid=w\ntype=wifi\ninterface-name=w0\n[wifi-security]\npsk=SECRETpsk\n",
	"etc/NetworkManager/system-connections/broken":      "[connection]\ntype=bond\ninterface-name=bond0\n[vpn-secrets]\nSECRETbroken\n",
	"etc/NetworkManager/system-connections/gone.nmmeta": "[nmmeta]\n",
	"usr/sbin/ifup":                           "",
	"etc/network/interfaces":                  "source-directory interfaces.d\niface br0 inet manual\n\twpa-psk SECRETwpa\n\tpre-up echo SECRETcommand | x\n",
	"etc/network/interfaces.d/x":              "iface br1\n\tbridge_ports none\n\twireless-key SECRETkey\n",
	"usr/sbin/netplan":                        "",
	"etc/netplan/a.yaml":                      "network:\n wifis:\n  w0: {access-points: {x: {password: SECRETpassword}}}\n bridges:\n  br2: {}\n",
	"etc/netplan/b.yaml":                      "network:\n tunnels:\n  wg0:\n   key: SECRETtunnel\n  SECRETbroken\n  - x\n",
	"usr/sbin/wicked":                         "",
	"etc/sysconfig/network/ifcfg-br3":         "BRIDGE=yes\nWIRELESS_WPA_PSK=SECRETsuse\nX='open\nWIRELESS_KEY_0=SECRETline'\n",
	"etc/sysconfig/network-scripts/ifcfg-br4": "TYPE=Bridge\nDEVICE=br4\nWPA_PSK=SECRETredhat\n",
}

func layImage(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range imageFiles {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// onImage are commands that read an image, in every format.
func onImage(root string) (all [][]string) {
	for _, format := range formatNames("check") {
		all = append(all, []string{"check", "--all", "--severity", "info", "--format", format, "--root", root})
	}
	for _, format := range formatNames("explain") {
		all = append(all, []string{"explain", "br0", "--kind", "bridge", "--format", format, "--root", root})
	}
	return append(all, [][]string{
		{"check", "br0", "wg0", "bond0", "--kind", "bridge", "--severity", "info", "--root", root},
		{"check", "br0", "--kind", "bridge", "--severity", "info", "--systemd-release", "247", "--root", root},
		{"lint", "--severity", "info", "--root", root},
		{"lint", "--format", "json", "--root", root},
		{"mac", "br0", "--root", root},
		{"fix", "--bridge", "br0", "--dry-run", "--root", root},
		{"snapshot", "--root", root},
	}...)
}

// finish runs the program, which must not wait for anything.
func finish(t *testing.T, args []string) (said string) {
	t.Helper()
	var out bytes.Buffer
	tool.Finishes(t, strings.Join(args, " "), func() {
		status := run(append([]string{"linkaudit"}, args...), strings.NewReader(""), &out, &out)
		if said = out.String(); status < 0 || status > 3 || strings.Contains(said, "internal error") {
			t.Errorf("%v: exit status %d\n%s", args, status, said)
		}
	})
	return said
}

// The audit ends, whatever is in the place of a file or directory of an image.
func TestNothingOfAnImageIsWaitedFor(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	root := layImage(t)
	var places []string
	if err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if name != root {
			places = append(places, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	commands := [][]string{
		{"snapshot", "--root", root},
		{"check", "br0", "--kind", "bridge", "--root", root},
	}
	next := 0
	kinds := map[string]func(name string) error{
		"a FIFO":             func(name string) error { return unix.Mkfifo(name, 0o644) },
		"a socket":           func(name string) error { return unix.Mknod(name, unix.S_IFSOCK|0o644, 0) },
		"a link to itself":   func(name string) error { return os.Symlink(filepath.Base(name), name) },
		"a link out":         func(name string) error { return os.Symlink("../../../../../../../../../../.."+outside, name) },
		"an empty directory": func(name string) error { return os.Mkdir(name, 0o755) },
	}
	for i, place := range places {
		if testing.Short() && i%5 != 0 {
			continue // to the race detector all are the same
		}
		for kind, put := range kinds {
			if err := os.Rename(place, place+".away"); err != nil {
				t.Fatal(err)
			}
			if err := put(place); err != nil {
				t.Fatal(err)
			}
			// Both read the same files: taking turns halves the time.
			for i, args := range commands {
				if tool.Thorough() || i == next%len(commands) {
					finish(t, args)
				}
			}
			next++
			if t.Failed() {
				t.Fatalf("%s is %s", place, kind)
			}
			if err := os.Remove(place); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(place+".away", place); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d places", len(places))
}

// No output has the machine ID, or passwords and keys from files that are read, not even
// from invalid lines.
func TestNoSecretGetsIntoAnOutput(t *testing.T) {
	root := layImage(t)
	seen := ""
	for _, args := range onImage(root) {
		said := finish(t, args)
		for _, secret := range []string{"SECRET", secretID} {
			if i := strings.Index(said, secret); i >= 0 {
				t.Errorf("%v: ...%s", args, said[max(0, i-200):min(len(said), i+100)])
			}
		}
		seen += said
	}
	// All files were read.
	for name := range imageFiles {
		if strings.Contains(name, "netplan/") || strings.Contains(name, "system-connections/broken") || strings.Contains(name, "interfaces.d") || strings.Contains(name, "ifcfg") {
			if !strings.Contains(seen, "/"+name) {
				t.Errorf("nothing is said of %s", name)
			}
		}
	}
}

// Messages repeat values of the command line.
func TestArgumentsAreEscaped(t *testing.T) {
	const evil = "\x1b[31m\u202e\x07\n\xff"
	for _, args := range [][]string{
		{"check", evil}, {"check", "--format", evil}, {"check", "--kind", evil, evil}, {"check", "--from", evil}, {"check", "--root", evil},
		{"check", "--severity", evil}, {"check", "--config", evil}, {"check", "--output", evil + "/x", "--from", "/dev/null"}, {evil}, {"--" + evil},
		{"lint", evil}, {"lint", evil + ".link"}, {"lint", "--systemd-release", evil}, {"explain", evil, "--from", evil}, {"mac", evil},
		{"mac", "x", "--machine-id", evil}, {"mac", "x", "--machine-id-file", evil}, {"fix", "--bond", evil}, {"fix", "--device", "x", "--root", evil},
		{"undo", "--kind", evil}, {"replay", evil}, {"watch", "--for", evil}, {"snapshot", "--output", evil + "/x"}, {"help", evil},
	} {
		t.Run(fmt.Sprintf("%q", args), func(t *testing.T) {
			said := finish(t, args)
			for line := range strings.SplitSeq(strings.TrimSuffix(said, "\n"), "\n") {
				if report.Escape(line) != line {
					t.Errorf("%q", line)
				}
			}
		})
	}
}
