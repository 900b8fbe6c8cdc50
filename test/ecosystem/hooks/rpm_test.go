//go:build ecosystem

package hooks

import (
	"fmt"
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

func TestRPM(t *testing.T) {
	tool.OnlyInFull(t)
	t.Parallel()
	stage.Need(t, map[string]string{"rpm": "rpm", "rpmbuild": "rpm"})
	m := machine.New(t, "/")
	m.Build(binary)
	m.Must("ip", "link", "add", "br0", "type", "bridge")
	m.Write(network+"/10-br0.link", wrong, 0o644)

	build := func(spec string) {
		m.Must("rpmbuild", "-bb", "--quiet", spec)
	}
	m.Copy(hooks, "/root/contrib/hooks")
	m.Write("/root/.rpmmacros", "%_rpmdir /root/rpms\n", 0o644)
	m.Blocks(t, top, "hooks", of("rpm"))
	// Packages with the names of Fedora's, one file each.
	fake := func(name, version, file string) {
		m.Write("/root/fake.spec", fmt.Sprintf(`
Name: %[1]s
Version: %[2]s
Release: 1
Summary: fake
License: none
BuildArch: noarch
%%description
fake
%%install
mkdir -p %%{buildroot}%[3]s
echo '# %[2]s' >%%{buildroot}%[4]s
%%files
%[4]s
`, name, version, file[:strings.LastIndexByte(file, '/')], file), 0o644)
		build("/root/fake.spec")
	}
	const vendor = "/usr/lib/systemd/network/98-fake.link"
	fake("systemd-udev", "253", vendor)
	fake("systemd-udev", "254", vendor)
	fake("linkaudit", "1", "/usr/share/linkaudit/fake")
	fake("other", "1", "/usr/share/other/fake")

	// The files of this machine are dpkg's; this database does not know them.
	rpm := func(args ...string) machine.Result {
		return m.Do(append([]string{"rpm", "--dbpath", "/root/rpmdb", "--nodeps"}, args...)...)
	}
	pkg := func(name, version string) string {
		return fmt.Sprintf("/root/rpms/noarch/%s-%s-1.noarch.rpm", name, version)
	}
	installed := []string{".link files were installed; auditing", found}
	removed := []string{".link files were removed; auditing", found}
	quiet := []string{"auditing", "warning: "}

	if r := m.Do("rpm", "--dbpath", "/root/rpmdb", "-U", pkg("linkaudit-udev-trigger", "1")); r.Status == 0 || !r.Said("linkaudit is needed") {
		t.Errorf("it does not depend on linkaudit: %v", r)
	}
	done(t, rpm("-U", pkg("linkaudit", "1")), nil, quiet)
	done(t, rpm("-U", pkg("linkaudit-udev-trigger", "1")), nil, quiet)
	done(t, rpm("-U", pkg("systemd-udev", "253")), installed, removed[:1])
	done(t, rpm("-U", pkg("systemd-udev", "254")), installed, removed[:1])
	if m.Must("cat", vendor) != "# 254" {
		t.Error("it was not upgraded")
	}
	done(t, rpm("-U", pkg("other", "1")), nil, quiet)
	done(t, rpm("-e", "systemd-udev"), removed, installed[:1])

	m.Must("mv", binary, binary+".real")
	m.Write(binary, "#!/bin/sh\necho 'linkaudit: no netlink today' >&2\nexit 2\n", 0o755)
	done(t, rpm("-U", pkg("systemd-udev", "254")), []string{"no netlink today", "the audit failed"}, []string{"scriptlet failed"})
	m.Must("rm", binary)
	done(t, rpm("-e", "systemd-udev"), nil, []string{"auditing", "scriptlet failed"})
}
