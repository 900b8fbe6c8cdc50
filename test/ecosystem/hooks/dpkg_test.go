//go:build ecosystem

// Package hooks runs contrib/hooks with the real dpkg and apt, rpm, git, pre-commit and
// initramfs-tools, on machines of their own.
package hooks

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"linkaudit/test/doccmd"
	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/roots"
)

const (
	top     = "../../.."
	hooks   = top + "/contrib/hooks"
	binary  = "/usr/local/sbin/linkaudit"
	network = "/etc/systemd/network"
	// wrong is a .link file for which every audit has a finding.
	wrong = "[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=nonsense\n"
	// found is part of the finding about it.
	found = network + "/10-br0.link:4: warning: "
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }

// done checks that a command succeeded, what it printed, and what it did not print.
func done(t *testing.T, r machine.Result, said, unsaid []string) {
	t.Helper()
	if r.Status != 0 {
		t.Errorf("it fails: %v", r)
	}
	for _, text := range said {
		if !r.Said(text) {
			t.Errorf("it does not say %q: %v", text, r)
		}
	}
	for _, text := range unsaid {
		if r.Said(text) {
			t.Errorf("it says %q: %v", text, r)
		}
	}
}

// hookOf is a word that tells which hook a block of commands is about.
var hookOf = map[string]string{
	"dpkg":      "/etc/dpkg/dpkg.cfg.d",
	"rpm":       "rpmbuild",
	"git":       "pre-commit",
	"initramfs": "lsinitramfs",
}

// of selects the blocks about a hook, for machine.Machine.Blocks.
func of(hook string) func(doccmd.Block) bool {
	return func(b doccmd.Block) bool { return strings.Contains(b.Script(), hookOf[hook]) }
}

// Each test runs the blocks about its hook; none may be left over.
func TestEveryBlock(t *testing.T) {
	blocks, err := doccmd.All(top, "hooks")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		t.Run(b.Name(), func(t *testing.T) {
			tests := 0
			for hook := range hookOf {
				if of(hook)(b) {
					tests++
				}
			}
			if tests != 1 {
				t.Errorf("it is run by %d tests", tests)
			}
		})
	}
}

// newDebian is a machine of a suite with linkaudit, a finding, and udev's package in
// two versions, /root/same.deb and /root/next.deb.
func newDebian(t *testing.T, suite string) *machine.Machine {
	t.Helper()
	m := machine.New(t, roots.Of(suite), machine.OwnProcesses)
	m.Build(binary)
	m.Must("ip", "link", "add", "br0", "type", "bridge")
	m.Write(network+"/10-br0.link", wrong, 0o644)
	m.Copy(hooks, "/root/contrib/hooks")
	m.AptGet("-y", "--download-only", "--reinstall", "install", "udev")
	m.Must("sh", "-c", "cp /var/cache/apt/archives/udev_*.deb /root/same.deb")
	m.Must("sh", "-ec", `cd /root
dpkg-deb -R same.deb next
sed -i 's/^Version: .*/&+next/' next/DEBIAN/control
dpkg-deb -b -Znone next next.deb`)
	return m
}

func TestDpkg(t *testing.T) {
	t.Parallel()
	m := newDebian(t, "bookworm")
	install := func(pkg string) machine.Result {
		return m.Do("apt-get", "-y", "-q", "--reinstall", "install", pkg)
	}
	// As README.md says.
	m.Blocks(t, top, "hooks", of("dpkg"))

	audited := []string{"auditing this machine", found, "for details run linkaudit check"}
	quiet := []string{"linkaudit"}
	done(t, install("udev"), audited, []string{", was"})
	done(t, install("udev"), nil, quiet) // the version is the same
	r := install("/root/next.deb")
	done(t, r, append(audited, "+next now, was 252"), nil)
	if n := strings.Count(r.Stdout, "auditing this machine"); n != 1 {
		t.Errorf("%d audits: %v", n, r)
	}
	done(t, m.Do("dpkg", "-i", "/root/same.deb"), append(audited, "+next; auditing"), nil)

	// Not udev.
	m.Must("sh", "-ec", `mkdir -p /root/other/DEBIAN && printf 'Package: other\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: other\n' >/root/other/DEBIAN/control && dpkg-deb -b /root/other /root/other.deb`)
	done(t, m.Do("dpkg", "-i", "/root/other.deb"), nil, quiet)

	// A failed audit stops nothing, and is tried again.
	m.Must("mv", binary, binary+".real")
	m.Write(binary, "#!/bin/sh\necho 'linkaudit: no netlink today' >&2\nexit 2\n", 0o755)
	for range 2 {
		done(t, m.Do("dpkg", "-i", "/root/next.deb"), []string{"no netlink today", "the audit failed"}, nil)
	}
	// No linkaudit, no hook, nowhere to write.
	m.Must("rm", binary)
	done(t, m.Do("dpkg", "-i", "/root/same.deb"), nil, quiet)
	m.Must("mv", binary+".real", binary)
	m.Must("sh", "-ec", "rm -r /var/lib/linkaudit; echo >/var/lib/linkaudit")
	done(t, m.Do("dpkg", "-i", "/root/other.deb"), []string{found, "cannot write /var/lib/linkaudit/udev-version"}, nil)
	m.Must("rm", "-r", "/usr/local/lib/linkaudit")
	done(t, m.Do("dpkg", "-i", "/root/next.deb"), nil, quiet)
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	stage.Need(t, map[string]string{"shellcheck": "shellcheck"})
	for _, script := range []string{"after-upgrade", "pre-commit"} {
		t.Run(script, func(t *testing.T) {
			if out, err := exec.Command("shellcheck", "--norc", hooks+"/"+script).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			info, err := os.Stat(hooks + "/" + script)
			if err != nil || info.Mode().Perm()&0o111 == 0 {
				t.Errorf("it cannot be executed: %v", err)
			}
		})
	}
}
