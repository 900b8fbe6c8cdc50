//go:build ecosystem

package ansible

import (
	"os"
	"strings"
	"testing"
)

const role = "linkaudit.linkaudit.linkaudit"

// site is a playbook with the role and its variables.
func (l *lab) site(vars options) string {
	return l.playbook("site", "all", []any{map[string]any{"import_role": options{"name": role}, "vars": vars}})
}

func theRoleInstallsFixesAndAudits(t *testing.T, l *lab) {
	web := l.add(web)
	web.remove(program)
	untouched := web.contents(etcNetwork)
	vars := options{"linkaudit_binary": "/src/linkaudit", "linkaudit_bridges": []string{"br0"}, "linkaudit_bonds": []string{"bond0"}}

	r := l.play(l.site(vars), "--check").goesWell(t)
	if r.recap(t, "web1", "changed") != "1" || r.recap(t, "web1", "failed") != "0" {
		t.Errorf("check mode, before it is installed: %v", r)
	}
	if _, err := os.Stat(web.path(program)); err == nil {
		t.Error("check mode installs it")
	}
	r = l.play(l.site(vars)).goesWell(t)
	if r.recap(t, "web1", "changed") != "2" {
		t.Errorf("a binary and a fix are two changes: %v", r)
	}
	if v := web.must(program, "version"); !strings.HasPrefix(v, "linkaudit ") {
		t.Errorf("%q is installed", v)
	}
	fixed := web.contents(etcNetwork)
	if len(fixed) != len(untouched)+2 {
		t.Errorf("%s", show(fixed))
	}
	if len(lines(r.stdout, "of br0 is the one that udevd derives")) == 0 {
		t.Errorf("it does not report what was found: %v", r)
	}
	if r := l.play(l.site(vars)).goesWell(t); r.recap(t, "web1", "changed") != "0" {
		t.Errorf("again: %v", r)
	}
	vars["linkaudit_on_findings"] = "fail"
	if r := l.play(l.site(vars)); r.status == 0 || r.recap(t, "web1", "failed") != "1" || len(lines(r.stdout, "of br0 is the one that udevd derives")) == 0 {
		t.Errorf("it does not fail because of a warning: %v", r)
	}
	// No finding is that severe, or there is none after br0 is recreated.
	vars["linkaudit_severity"] = "error"
	l.play(l.site(vars)).goesWell(t)
	vars["linkaudit_severity"] = "warning"
	web.must("ip", "link", "del", "br0")
	web.bridge("br0")
	l.play(l.site(vars)).goesWell(t)

	vars["linkaudit_state"] = "absent"
	vars["linkaudit_audit"] = false
	vars["linkaudit_apply"] = true // has no meaning then
	if r := l.play(l.site(vars), "--check", "--diff").goesWell(t); r.recap(t, "web1", "changed") != "1" || len(lines(r.stdout, "-MACAddressPolicy=none")) == 0 {
		t.Errorf("absent in check mode: %v", r)
	}
	same(t, "absent in check mode", fixed, web.contents(etcNetwork))
	if r := l.play(l.site(vars)).goesWell(t); r.recap(t, "web1", "changed") != "1" {
		t.Errorf("absent: %v", r)
	}
	same(t, "absent", untouched, web.contents(etcNetwork))

	for _, c := range []struct {
		vars options
		says string
	}{
		{options{"linkaudit_binary": "/src/linkaudit", "linkaudit_package": "/src/linkaudit.deb"}, "not both"},
		{options{"linkaudit_package": "/src/linkaudit.tar"}, "NAME.deb or NAME.rpm"},
		{options{"linkaudit_on_findings": "weep"}, "value of linkaudit_on_findings must be one of: report, fail"},
		{options{"linkaudit_executable": "/nowhere/linkaudit", "linkaudit_bonds": []string{"bond0"}}, "/nowhere/linkaudit"},
	} {
		if r := l.play(l.site(c.vars)); r.status == 0 || !strings.Contains(r.stdout, c.says) {
			t.Errorf("%v: it does not say %q: %v", c.vars, c.says, r)
		}
	}
}

// theRoleInstallsAPackage of each kind; dnf is in Debian too.
func theRoleInstallsAPackage(t *testing.T, l *lab) {
	const deb, rpm = "/src/linkaudit_1_all.deb", "/src/rpm/noarch/linkaudit-1-1.noarch.rpm"
	l.copy(built, "/src/deb/usr/sbin/linkaudit")
	l.write("/src/deb/DEBIAN/control", "Package: linkaudit\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: for a test\n", 0o644)
	l.must("dpkg-deb", "-Znone", "--build", "/src/deb", deb)
	l.write("/src/linkaudit.spec", `Name: linkaudit
Version: 1
Release: 1
Summary: for a test
License: Apache-2.0
BuildArch: noarch
AutoReqProv: no
%define _binaries_in_noarch_packages_terminate_build 0
%define _binary_payload w0.gzdio
%define __os_install_post %{nil}
%description
For a test.
%install
install -D /src/linkaudit %{buildroot}/usr/sbin/linkaudit
%files
/usr/sbin/linkaudit
`, 0o644)
	l.must("rpmbuild", "--quiet", "-bb", "--define", "_topdir /src/rpmbuild", "--define", "_rpmdir /src/rpm", "/src/linkaudit.spec")

	for _, p := range []struct {
		host   host
		file   string
		owner  []string
		called string
	}{
		{web, deb, []string{"dpkg", "--search", "/usr/sbin/linkaudit"}, "linkaudit: /usr/sbin/linkaudit"},
		{db, rpm, []string{"rpm", "--query", "--file", "/usr/sbin/linkaudit"}, "linkaudit-1-1.noarch"},
	} {
		l := l.story(t)
		m := l.add(p.host)
		m.remove(program)
		vars := options{"linkaudit_package": p.file, "linkaudit_bridges": []string{"br0"}}
		l.play(l.site(vars), "--check").goesWell(t)
		if _, err := os.Stat(m.path("/var/cache/linkaudit-package")); err == nil {
			t.Error("check mode makes a directory")
		}
		l.play(l.site(vars)).goesWell(t)
		if owner := strings.TrimSpace(m.must(p.owner...)); owner != p.called {
			t.Errorf("the program is from %q", owner)
		}
		if _, err := os.Stat(m.path(override)); err != nil {
			t.Error(err)
		}
		for _, flags := range [][]string{{"--check"}, nil} {
			if r := l.play(l.site(vars), flags...).goesWell(t); r.recap(t, p.host.name, "changed") != "0" {
				t.Errorf("again, %q: %v", flags, r)
			}
		}
	}
}
