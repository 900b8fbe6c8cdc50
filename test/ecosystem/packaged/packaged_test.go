//go:build ecosystem

// Package packaged compares what linkaudit says about the packages' .link files with
// dpkg itself, and lets dpkg undo edits in them, under a real udevd of each release. It
// needs root, the roots of test/roots/build in $LINKAUDIT_ROOTS, and the network for
// the package udev.
package packaged

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/roots"
)

const (
	binary      = "/usr/local/sbin/linkaudit"
	vendor      = "/usr/lib/systemd/network"
	defaultLink = vendor + "/99-default.link"
	network     = "/etc/systemd/network"
	// sed is what web pages recommend.
	sed = "sed -i s/MACAddressPolicy=persistent/MACAddressPolicy=none/ " + defaultLink
)

func TestMain(m *testing.M) { os.Exit(stage.MainInFull(m)) }

// everyRoot runs a test on a machine of each suite, all at once.
func everyRoot(t *testing.T, test func(*testing.T, *machine.Machine)) {
	for _, suite := range []string{"bullseye", "bookworm", "trixie", "sid"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := machine.New(t, roots.Of(suite), machine.OwnProcesses)
			m.Build(binary)
			test(t, m)
		})
	}
}

// finding is a finding in check's JSON.
type finding struct{ Rule, Severity, Message, File, Help string }

// audit is check's JSON, only the rules about packages.
func audit(t *testing.T, m *machine.Machine, args ...string) []finding {
	t.Helper()
	r := m.Do(append([]string{binary, "check", "--format", "json"}, args...)...)
	var got struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil || r.Status > 1 {
		t.Fatalf("%v: %v", err, r)
	}
	return slices.DeleteFunc(got.Findings, func(f finding) bool { return !strings.HasPrefix(f.Rule, "vendor-file") })
}

// only fails the test unless there is exactly one finding, of the rule, with all the
// words.
func only(t *testing.T, got []finding, rule, severity string, says ...string) {
	t.Helper()
	if len(got) != 1 || got[0].Rule != rule || got[0].Severity != severity {
		t.Errorf("not just %s, %s: %+v", rule, severity, got)
		return
	}
	for _, text := range says {
		if !strings.Contains(got[0].Message+"\n"+got[0].Help, text) {
			t.Errorf("it does not say %q: %+v", text, got[0])
		}
	}
}

// changed is fix's JSON.
type changed struct {
	Changed, Verified bool
	Path, Diff        string
	Remaining         []string
}

func fix(t *testing.T, m *machine.Machine, args ...string) changed {
	t.Helper()
	var c changed
	if err := json.Unmarshal([]byte(m.Must(append([]string{binary, "fix", "--format", "json"}, args...)...)), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// recreate creates the bridge again and returns its addr_assign_type: 3 if udev set its
// address.
func recreate(m *machine.Machine, name string) string {
	m.Do("ip", "link", "del", name)
	m.Add(name, "type", "bridge")
	m.Must("udevadm", "settle")
	return m.Must("cat", "/sys/class/net/"+name+"/addr_assign_type")
}

// reload makes udev read its files again now. Twice, as in test/namespace.
func reload(m *machine.Machine) {
	for range 2 {
		m.Must("udevadm", "control", "--reload")
	}
}

func is(t *testing.T, m *machine.Machine, when string, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := recreate(m, name); got != want[name] {
			t.Errorf("%s %s has addr_assign_type %s, not %s", when, name, got, want[name])
		}
	}
}

// TestAnEditIsFoundAndKeptAndUndoneByDpkg is the story of sed -i.
func TestAnEditIsFoundAndKeptAndUndoneByDpkg(t *testing.T) {
	everyRoot(t, func(t *testing.T, m *machine.Machine) {
		m.AptGet("download", "udev")
		m.Must("sh", "-ec", "mv /root/udev_*.deb /root/udev.deb")
		// The package may have a newer release than the root.
		m.Must("dpkg", "-i", "--force-all", "/root/udev.deb")
		m.StartUdevd()
		is(t, m, "as shipped", map[string]string{"br0": "3", "br1": "3"})
		if got := audit(t, m); len(got) != 0 {
			t.Errorf("nothing was edited: %+v", got)
		}
		shipped := m.Must("cat", defaultLink)
		before := m.Files("/etc/systemd")

		m.Must("sh", "-c", sed)
		reload(m)
		is(t, m, "after sed", map[string]string{"br0": "1", "br1": "1"})
		only(t, audit(t, m), "vendor-file-edited", "error", defaultLink+" was edited after package udev installed it",
			"sets MACAddressPolicy=persistent for br0 and br1, instead of MACAddressPolicy=none",
			"linkaudit fix --bridge br0 ", "restore the package's file: apt-get install --reinstall udev")
		m.Must("sh", "-ec", binary+" snapshot >/root/host.json")
		live, saved := m.Do(binary, "check", "--format", "json", "--no-config"), m.Do(binary, "check", "--format", "json", "--from", "/root/host.json")
		// The remedies of a snapshot name its host.
		here := strings.NewReplacer(" (on stage)", "", `"host": "stage"`, `"host": ""`, "sudo ", "")
		if live.Stdout != here.Replace(saved.Stdout) || live.Status != 1 || saved.Status != 1 {
			t.Errorf("the snapshot is not audited as the machine is: %v\n%v", live, saved)
		}
		only(t, audit(t, m, "br7", "--kind", "bridge"), "vendor-file-edited", "error", "for br7")
		m.Must("sh", "-ec", "mkdir /root/image && mount --bind / /root/image")
		only(t, audit(t, m, "--root", "/root/image"), "vendor-file-edited", "error", "for bond0, br0 and 1 more")
		m.Must("umount", "/root/image")

		file := network + "/60-linkaudit-device-br0.link"
		if c := fix(t, m, "--bridge", "br0", "--dry-run"); !c.Changed || c.Path != file || !strings.Contains(c.Diff, "+MACAddressPolicy=none\n") {
			t.Errorf("the plan: %+v", c)
		}
		if r := m.Do(binary, "fix", "--bridge", "br0", "--dry-run"); !strings.Contains(strings.Join(strings.Fields(r.Stdout), " "), "but only until the next upgrade of udev: "+defaultLink+" was edited after") {
			t.Errorf("the plan as text: %v", r)
		}
		if strings.HasPrefix(m.Must("cat", "/etc/debian_version"), "12.") {
			page, err := os.ReadFile("../../../docs/changes.md")
			if err != nil {
				t.Fatal(err)
			}
			said := m.Do(binary, "fix", "--bridge", "br0").Stdout
			if !strings.Contains(string(page), "```text\n"+said+"```\n") {
				t.Errorf("docs/changes.md does not show what is printed:\n%s", said)
			}
			m.Must(binary, "undo", "--bridge", "br0")
		}
		c := fix(t, m, "--bridge", "br0")
		if !c.Changed || !c.Verified || c.Path != file || len(c.Remaining) != 1 ||
			!strings.Contains(c.Remaining[0], "for br1 MACAddressPolicy=persistent instead of MACAddressPolicy=none") {
			t.Errorf("the fix: %+v", c)
		}
		if c := fix(t, m, "--bridge", "br0"); c.Changed || !c.Verified || c.Diff != "" || len(c.Remaining) != 1 {
			t.Errorf("a second fix: %+v", c)
		}
		if r := m.Do(binary, "fix", "--bridge", "br0", "--check"); r.Status != 0 {
			t.Errorf("a third: %v", r)
		}
		is(t, m, "under the override", map[string]string{"br0": "1", "br1": "1"})
		only(t, audit(t, m, "br0"), "vendor-file-edited", "info", "undoes that")
		only(t, audit(t, m, "br1"), "vendor-file-edited", "error", "for br1")

		m.Must("dpkg", "-i", "--force-all", "/root/udev.deb")
		if now := m.Must("cat", defaultLink); now != shipped {
			t.Errorf("dpkg did not restore %s:\n%s", defaultLink, now)
		}
		if m.Do("udevadm", "control", "--ping").Status != 0 {
			m.StartUdevd()
		}
		reload(m)
		is(t, m, "after the reinstallation", map[string]string{"br0": "1", "br1": "3"})
		if got := audit(t, m); len(got) != 0 {
			t.Errorf("nothing is edited any longer: %+v", got)
		}
		m.Must(binary, "undo", "--bridge", "br0")
		if now := m.Files("/etc/systemd"); now != before {
			t.Errorf("undo left something behind:\n%s\nbefore:\n%s", now, before)
		}
		reload(m)
		is(t, m, "after undo", map[string]string{"br0": "3"})
	})
}

// TestAFileThatWasRemovedOrMasked: what the next upgrade restores is known only by its
// checksum.
func TestAFileThatWasRemovedOrMasked(t *testing.T) {
	everyRoot(t, func(t *testing.T, m *machine.Machine) {
		m.StartUdevd()
		shipped := m.Must("cat", defaultLink) + "\n"
		for how, do := range map[string]string{
			"removed": "rm " + defaultLink,
			"masked":  "ln -sf /dev/null " + defaultLink,
			"emptied": ": >" + defaultLink,
		} {
			m.Must("sh", "-ec", do)
			reload(m)
			is(t, m, how, map[string]string{"br0": "1"})
			only(t, audit(t, m, "br0"), "vendor-file-edited", "warning", "unknown, because", "linkaudit fix --bridge br0")
			if c := fix(t, m, "--bridge", "br0"); !c.Changed || !c.Verified || c.Path == "" {
				t.Errorf("%s: %+v", how, c)
			}
			if c := fix(t, m, "--bridge", "br0"); c.Changed {
				t.Errorf("%s, a second time: %+v", how, c)
			}
			m.Must("rm", "-f", defaultLink)
			m.Write(defaultLink, shipped, 0o644)
			reload(m)
			is(t, m, how+" and restored", map[string]string{"br0": "1"})
			if got := audit(t, m); len(got) != 0 {
				t.Errorf("%s and restored: %+v", how, got)
			}
			m.Must(binary, "undo", "--bridge", "br0")
		}
	})
}

// site is a package with its own .link files, in both spellings of /usr/lib.
const site = `mkdir -p /root/site/DEBIAN /root/site/usr/lib/systemd/network/99-default.link.d /root/site/lib/systemd/network
cd /root/site
printf 'Package: site\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: site\n' >DEBIAN/control
for f in usr/lib/systemd/network/40-site.link usr/lib/systemd/network/99-default.link.d/site.conf lib/systemd/network/41-site.link; do
	printf '[Link]\nDescription=%s\n' "$f" >"$f"
done
(find * -name DEBIAN -prune -o -type f -print | xargs md5sum) >DEBIAN/md5sums
dpkg-deb -b /root/site /root/site.deb
dpkg -i /root/site.deb
`

// TestTheListOfEditedFilesIsDpkgs changes the packages' files in random ways, and
// compares the edited files that linkaudit lists with dpkg's. dpkg itself ignores a
// directory instead of a file.
func TestTheListOfEditedFilesIsDpkgs(t *testing.T) {
	everyRoot(t, func(t *testing.T, m *machine.Machine) {
		m.Must("sh", "-ec", site)
		seed := uint64(1)
		if s := os.Getenv("LINKAUDIT_SEED"); s != "" {
			fmt.Sscan(s, &seed)
		}
		r := rand.New(rand.NewPCG(seed, 0))
		packages := []string{"udev", "systemd", "site"}
		m.Must("cp", "-a", vendor, "/root/vendor")
		files := strings.Fields(m.Must("sh", "-c", "cd "+vendor+" && find . -name '*.link' -o -name '*.conf'"))
		edits := []string{
			"echo >>F", "rm F", "rm F; ln -s /dev/null F", ": >F",
			"sed -i s/a/a/ F", "chmod 600 F", "cp F F.bak; mv F.bak F", "echo >/tmp/x; rm F; ln -s /tmp/x F",
			"cp -p F /tmp/y; rm F; ln -s /tmp/y F", "truncate -s 20M F", "dpkg-divert --local --rename --add F; echo own >F",
			"dpkg-divert --local --no-rename --divert F.other.link --add F; mv F F.other.link",
			"dpkg-divert --package site --no-rename --divert $(dirname F)/05-d.link --add F; cp F $(dirname F)/05-d.link",
		}
		if strings.HasPrefix(m.Must("dpkg-query", "-W", "-f", "${Version}", "dpkg"), "1.20.") {
			// dpkg before 1.21 does not notice a link to a file with the same content.
			edits = slices.DeleteFunc(edits, func(e string) bool { return strings.HasPrefix(e, "cp -p ") })
		}
		seen := map[string]int{}
		for n := range 3 * len(edits) {
			var done []string
			for i := range 1 + r.IntN(3) {
				edit := edits[r.IntN(len(edits))]
				if i == 0 {
					edit = edits[n%len(edits)]
				}
				f := filepath.Join(vendor, files[r.IntN(len(files))])
				if slices.ContainsFunc(done, func(d string) bool {
					return strings.Contains(d, f) || strings.Contains(d, "05-d.link") && strings.Contains(edit, "05-d.link")
				}) {
					continue
				}
				cmd := strings.ReplaceAll(edit, "F", f)
				m.Must("sh", "-ec", cmd)
				done = append(done, cmd)
				seen[edit]++
			}
			dpkgs := map[string]bool{}
			for _, pkg := range packages {
				for line := range strings.Lines(m.Do("dpkg", "--verify", pkg).Stdout) {
					fields := strings.Fields(line)
					if f := fields[len(fields)-1]; strings.HasSuffix(f, ".link") || strings.Contains(f, ".link.d/") {
						dpkgs["/usr"+strings.TrimPrefix(f, "/usr")] = true
					}
				}
			}
			ours := map[string]bool{}
			for _, f := range audit(t, m) {
				if f.Rule == "vendor-file-edited" || f.Rule == "vendor-files-unknown" {
					ours[f.File] = true
				}
			}
			if fmt.Sprint(ours) != fmt.Sprint(dpkgs) {
				t.Errorf("seed %d, after %q: linkaudit says %v, dpkg %v", seed, done, ours, dpkgs)
			}
			m.Must("sh", "-ec", "rm -r "+vendor+"; cp -a /root/vendor "+vendor+"; printf '' >/var/lib/dpkg/diversions")
		}
		if len(seen) != len(edits) {
			t.Errorf("not all kinds of edit were made: %v", seen)
		}
	})
}

// TestWhoseFile is about files without a package, and packages that are incompletely
// installed.
func TestWhoseFile(t *testing.T) {
	everyRoot(t, func(t *testing.T, m *machine.Machine) {
		own := vendor + "/10-own.link"
		m.Write(own, "[Match]\nOriginalName=x\n[Link]\nMTUBytes=9000\n", 0o644)
		only(t, audit(t, m), "vendor-file-unowned", "info", own+" belongs to no package")
		m.Must("rm", own)

		// A package with an unusual name, so all packages are asked.
		m.Must("sh", "-ec", site)
		if got := audit(t, m); len(got) != 0 {
			t.Errorf("all is as packages brought it: %+v", got)
		}
		m.Must("sh", "-ec", "echo >>"+vendor+"/41-site.link")
		only(t, audit(t, m), "vendor-file-edited", "info", "reinstall site")

		// Another package takes over the file; the old one's md5sums still list it.
		m.Must("sh", "-ec", `cp -a /root/site /root/heir; cd /root/heir; rm -r usr DEBIAN/md5sums
sed -i 's/^Package: .*/Package: heir\nReplaces: site/' DEBIAN/control
echo '[Match]' >lib/systemd/network/41-site.link
dpkg-deb -b /root/heir /root/heir.deb; dpkg -i /root/heir.deb; grep -q 41-site.link /var/lib/dpkg/info/site.md5sums`)
		if got := audit(t, m); len(got) != 0 {
			t.Errorf("the file is the heir's: %+v", got)
		}
		m.Must("dpkg", "-r", "heir")

		// dpkg stops while it unpacks the next version.
		m.Must("sh", "-ec", `cd /root/site; sed -i 's/^Version: .*/Version: 2/' DEBIAN/control; echo '# 2' >>usr/lib/systemd/network/40-site.link
printf '#!/bin/sh\nkill -9 $PPID\n' >DEBIAN/preinst; chmod 755 DEBIAN/preinst
dpkg-deb -b /root/site /root/next.deb`)
		if r := m.Do("dpkg", "-i", "/root/next.deb"); r.Status == 0 {
			t.Fatalf("dpkg was not killed: %v", r)
		}
		if s := m.Must("dpkg-query", "-W", "-f", "${Status}", "site"); !strings.HasSuffix(s, "half-installed") {
			t.Fatalf("site is %s", s)
		}
		m.Must("sh", "-ec", "echo >>"+vendor+"/40-site.link")
		only(t, audit(t, m), "vendor-files-unknown", "info", "half-installed")

		m.Must("sh", "-c", "rm /var/lib/dpkg/info/*")
		only(t, audit(t, m, "br0", "--kind", "bridge"), "vendor-files-unknown", "info", "lists of files are missing")
		m.Must("rm", "-r", "/var/lib/dpkg")
		if got := audit(t, m, "br0", "--kind", "bridge"); len(got) != 0 {
			t.Errorf("there is no package manager: %+v", got)
		}
	})
}

// TestWhereRPMHasTheFiles: linkaudit does not read its database, and names the rpm
// command.
func TestWhereRPMHasTheFiles(t *testing.T) {
	t.Parallel()
	m := machine.New(t, "/")
	m.Build(binary)
	m.Must("ip", "link", "add", "br0", "type", "bridge")
	m.Write("/root/.rpmmacros", "%_rpmdir /root/rpms\n", 0o644)
	m.Write("/root/udev.spec", `
Name: systemd-udev
Version: 1
Release: 1
Summary: udev
License: none
BuildArch: noarch
%description
udev
%install
mkdir -p %{buildroot}`+vendor+`
cp `+defaultLink+` %{buildroot}`+vendor+`
%files
`+defaultLink+`
`, 0o644)
	m.Must("rpmbuild", "-bb", "--quiet", "/root/udev.spec")
	m.Must("sh", "-ec", "rm -rf /var/lib/dpkg/info/*; rpm -i --nodeps --force /root/rpms/noarch/systemd-udev-1-1.noarch.rpm")
	database := m.Files("/var/lib/rpm")
	only(t, audit(t, m, "br0"), "vendor-files-unknown", "info", "is rpm's, which linkaudit does not read; rpm -Vf FILE tells")
	if now := m.Files("/var/lib/rpm"); now != database {
		t.Errorf("the audit changed rpm's database:\n%s\nbefore:\n%s", now, database)
	}
	if r := m.Do("rpm", "-Vf", defaultLink); r.Status != 0 || r.Stdout != "" {
		t.Errorf("nothing was edited: %v", r)
	}
	m.Must("sh", "-c", sed)
	if r := m.Do("rpm", "-Vf", defaultLink); r.Status == 0 || !strings.HasPrefix(r.Stdout, "S.5") {
		t.Errorf("rpm does not see the edit: %v", r)
	}
	if c := fix(t, m, "--bridge", "br0"); c.Changed {
		t.Errorf("an override was made from an unknown file: %+v", c)
	}
}
