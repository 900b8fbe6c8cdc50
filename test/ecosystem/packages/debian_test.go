//go:build ecosystem

package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/roots"
)

const (
	configuration = "/etc/linkaudit.conf"

	// edited is the site's edit of the configuration.
	edited = "[kind bridge]\npolicy=any\n"

	unitDir = "/usr/lib/systemd/system/"
)

// fetchUdev downloads the package of the installed udev to /root.
func fetchUdev(m *machine.Machine) {
	m.AptGet("download", "udev="+m.Must("dpkg-query", "-W", "-f", "${Version}", "udev"))
}

var units = []string{"linkaudit.service", "linkaudit.timer", "linkaudit.path"}

// bring copies packages to /root of the machine, and returns their names there.
func bring(m *machine.Machine, files ...string) []string {
	var names []string
	for _, f := range files {
		name := "/root/" + filepath.Base(f)
		m.Copy(f, name)
		names = append(names, name)
	}
	return names
}

// listing is every file of the machine except the state and logs of package managers.
func listing(m *machine.Machine) []string {
	return strings.Split(m.Must("sh", "-c", `find / -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/rpm -o -path /var/lib/dnf -o -path /var/cache -o -path /var/log -o -path /root \) -prune -o -printf '%p %M %u:%g %l\n' | LC_ALL=C sort`), "\n")
}

// nothingLeft compares the files of the machine with those before.
func nothingLeft(t *testing.T, m *machine.Machine, before []string) {
	t.Helper()
	after := listing(m)
	for _, f := range after {
		if _, found := slices.BinarySearch(before, f); !found {
			t.Errorf("it is left, or was changed: %s", f)
		}
	}
	for _, f := range before {
		if _, found := slices.BinarySearch(after, f); !found {
			t.Errorf("it is gone, or was changed: %s", f)
		}
	}
}

// must runs a script in the machine that must succeed, and returns its output.
func must(t *testing.T, m *machine.Machine, script string) string {
	t.Helper()
	r := m.Shell(script)
	if r.Status != 0 {
		t.Fatalf("%v", r)
	}
	return r.Stdout + r.Stderr
}

// installed: the program works, and so does all that comes with it.
func installed(t *testing.T, m *machine.Machine, version string) {
	t.Helper()
	if got := must(t, m, "linkaudit version"); !strings.Contains(got, "v"+version) {
		t.Errorf("linkaudit version says %q", got)
	}
	// bond0, br0 and team0, which the image will create: there are findings.
	if r := m.Shell("cd / && linkaudit check --root ."); r.Status != 1 || !r.Said("bond0", "policy-overrides-ports", "/usr/lib/systemd/network/99-default.link") {
		t.Errorf("%v", r)
	}
	// This machine, which has no device yet.
	if r := m.Do("linkaudit", "check", "--root", "/"); r.Status != 0 || !r.Said("Nothing to audit") {
		t.Errorf("%v", r)
	}
	if got := must(t, m, "source /usr/share/bash-completion/completions/linkaudit; COMP_LINE='linkaudit che' COMP_POINT=13 COMP_WORDS=(linkaudit che) COMP_CWORD=1; _linkaudit; echo ${COMPREPLY[@]}"); got != "check\n" {
		t.Errorf("bash completes %q", got)
	}
	// Only messages about our own units count: systemd 247 wants cgroups to be mounted.
	out := must(t, m, "unshare --mount sh -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && cd "+unitDir+" && systemd-analyze verify --man=no "+strings.Join(units, " ")+"'")
	if strings.Contains(out, "linkaudit") {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	if r := m.Do("systemctl", "is-enabled", "linkaudit.timer", "linkaudit.path"); r.Stdout != "disabled\ndisabled\n" {
		t.Errorf("the units are not as they should be, disabled: %v", r)
	}
	if got := m.Must("stat", "-c", "%a %U:%G", configuration, "/usr/bin/linkaudit", unitDir+"linkaudit.service"); got != "644 root:root\n755 root:root\n644 root:root" {
		t.Errorf("modes and owners: %s", got)
	}
}

func TestDebian(t *testing.T) {
	for _, suite := range []string{"bullseye", "bookworm", "trixie", "sid"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := machine.New(t, roots.Of(suite))
			// Downloaded first, so no name server is needed later.
			fetchUdev(m)
			before := listing(m)
			debs := bring(m, debian(oldTree, oldVersion, "amd64"), debian(newTree, newVersion, "amd64"))

			must(t, m, "apt-get -y install "+debs[0])
			installed(t, m, oldVersion)

			// Both the default and the site's file have changed: the site's stays.
			must(t, m, "printf '"+edited+"' >>"+configuration)
			must(t, m, "systemctl enable linkaudit.timer")
			must(t, m, "apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "+debs[1])
			if got := must(t, m, "cat "+configuration); !strings.HasSuffix(got, edited) || !strings.Contains(got, "An older default") {
				t.Errorf("the upgrade made of the configuration:\n%s", got)
			}
			if r := m.Do("systemctl", "is-enabled", "linkaudit.timer", "linkaudit.path"); r.Stdout != "enabled\ndisabled\n" {
				t.Errorf("the upgrade enables or disables: %v", r)
			}
			must(t, m, "systemctl disable linkaudit.timer; rm "+configuration+".dpkg-*")
			installed(t, m, newVersion)

			triggered(t, m)

			// There is something of everything that must go.
			must(t, m, "systemctl enable linkaudit.timer linkaudit.path && mkdir -p /var/lib/linkaudit/textfile && touch /var/lib/linkaudit/textfile/linkaudit.prom && mkdir -p /var/lib/prometheus/node-exporter && touch /var/lib/prometheus/node-exporter/linkaudit.prom")
			must(t, m, "apt-get -y remove linkaudit")
			if got := must(t, m, "ls "+configuration+" /usr/bin/linkaudit "+unitDir+"linkaudit.* /var/lib/prometheus/node-exporter/linkaudit.prom 2>/dev/null || true"); got != configuration+"\n" {
				t.Errorf("after remove there is %s", got)
			}
			must(t, m, "apt-get -y purge linkaudit && rmdir /var/lib/prometheus/node-exporter /var/lib/prometheus")
			nothingLeft(t, m, before)
		})
	}
}

// triggered: a reinstallation of udev audits; in a chroot, its files.
func triggered(t *testing.T, m *machine.Machine) {
	t.Helper()
	reinstall := "dpkg -i /root/udev_*.deb"
	out := must(t, m, reinstall)
	if !strings.Contains(out, ".link files have changed; findings:\n  /usr/lib/systemd/network/99-default.link:") ||
		!strings.Contains(out, "bond0: ") || strings.Contains(out, "br0: ") {
		t.Errorf("after a new udev, without bridges in the audit, the package says %s", out)
	}
	must(t, m, "cd / && linkaudit fix --root . --kind bond && linkaudit fix --root . --kind team")
	// The fix needs no running udev: the files are right now.
	if out := must(t, m, reinstall); strings.Contains(out, "linkaudit:") {
		t.Errorf("nothing is wrong any longer, but the package says %s", out)
	}
	must(t, m, "cd / && linkaudit undo --root . --everything")
	// An audit that fails, or never ends, does not make the upgrade fail.
	must(t, m, "cp "+configuration+" /root/kept; echo '[broken' >>"+configuration)
	if out := must(t, m, reinstall); !strings.Contains(out, "the audit failed (status 2)") || !strings.Contains(out, configuration+":") {
		t.Errorf("with a broken configuration the package says %s", out)
	}
	must(t, m, "cp /root/kept "+configuration)
}

// On a running machine the trigger audits its devices.
func TestTriggerOnARunningMachine(t *testing.T) {
	m := machine.New(t, roots.Of("trixie"), machine.OwnProcesses)
	fetchUdev(m)
	// There is no service manager here.
	m.Write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
	m.StartUdevd()
	m.Add("br7", "type", "bridge")
	must(t, m, "dpkg -i "+bring(m, debian(newTree, newVersion, "amd64"))[0])
	out := must(t, m, "dpkg -i /root/udev_*.deb")
	for _, part := range []string{"findings:\n", "br7: ", "run linkaudit explain DEVICE"} {
		if !strings.Contains(out, part) {
			t.Errorf("the package does not say %q: %s", part, out)
		}
	}
	if strings.Contains(out, "bond0") {
		t.Errorf("there is no bond0: %s", out)
	}
}

// The contents of the packages of both architectures, by their list of files.
func TestContents(t *testing.T) {
	shared := []string{
		configuration, "/usr/bin/linkaudit",
		unitDir + "linkaudit.service", unitDir + "linkaudit.timer", unitDir + "linkaudit.path",
		"/usr/share/bash-completion/completions/linkaudit", "/usr/share/fish/vendor_completions.d/linkaudit.fish",
		"/usr/share/doc/linkaudit/README.md", "/usr/share/doc/linkaudit/docs/rules.md", "/usr/share/doc/linkaudit/docs/schema/check.schema.json",
	}
	pages, err := filepath.Glob(filepath.Join(newTree, "dist/linkaudit*.[1-9].gz"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no man pages: %v", err)
	}
	for _, page := range pages {
		section := strings.TrimSuffix(page, ".gz")
		shared = append(shared, "/usr/share/man/man"+section[len(section)-1:]+"/"+filepath.Base(page))
	}
	for name, own := range map[string][]string{
		debian(newTree, newVersion, "amd64"):   {"/usr/share/zsh/vendor-completions/_linkaudit", "/usr/share/doc/linkaudit/copyright", "/usr/share/doc/linkaudit/changelog.gz", "/usr/share/doc/linkaudit/changelog.Debian.gz", "/usr/share/doc/linkaudit/third-party-licenses.txt.gz"},
		debian(newTree, newVersion, "arm64"):   {"/usr/share/zsh/vendor-completions/_linkaudit"},
		redhat(newTree, newVersion, "x86_64"):  {"/usr/share/zsh/site-functions/_linkaudit", "/usr/share/licenses/linkaudit/LICENSE", "/usr/share/licenses/linkaudit/third-party-licenses.txt", "/usr/share/doc/linkaudit/CHANGELOG.md"},
		redhat(newTree, newVersion, "aarch64"): {"/usr/share/zsh/site-functions/_linkaudit"},
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			machine := "x86-64"
			if strings.Contains(name, "arm64") || strings.Contains(name, "aarch64") {
				machine = "ARM aarch64"
			}
			if strings.HasSuffix(name, ".deb") {
				command(t, "dpkg-deb", "-x", name, dir)
			} else {
				command(t, "sh", "-c", `rpm2cpio "$1" | cpio --quiet --no-absolute-filenames -id -D "$2" 2>/dev/null`, "sh", name, dir)
			}
			for _, f := range append(own, shared...) {
				if st, err := os.Stat(dir + f); err != nil || st.Size() == 0 {
					t.Errorf("%s is missing or empty (%v)", f, err)
				}
			}
			if out := command(t, "file", dir+"/usr/bin/linkaudit"); !strings.Contains(out, machine) || !strings.Contains(out, "statically linked") {
				t.Errorf("the program is %s", out)
			}
			for _, page := range pages {
				section := strings.TrimSuffix(page, ".gz")
				command(t, "mandoc", "-T", "lint", "-W", "warning,stop", dir+"/usr/share/man/man"+section[len(section)-1:]+"/"+filepath.Base(page))
			}
			command(t, "zsh", "-n", dir+own[0])
			command(t, "fish", "-n", dir+"/usr/share/fish/vendor_completions.d/linkaudit.fish")
		})
	}
}

// The default configuration has no effect, and its comments are a valid configuration.
func TestDefaultConfiguration(t *testing.T) {
	audit := func(args ...string) string {
		t.Helper()
		args = append([]string{"check", "--quiet", "--from", filepath.Join(top, "cmd/linkaudit/example.json")}, args...)
		out, _ := exec.Command(filepath.Join(newTree, "dist/linkaudit-linux-amd64"), args...).CombinedOutput()
		return string(out)
	}
	const file = top + "/contrib/package/linkaudit.conf"
	without := audit()
	if got := audit("--config", file); got != without || !strings.Contains(got, "[policy-overrides-ports]") {
		t.Errorf("with the default configuration an audit finds\n%sand without it\n%s", got, without)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	examples := filepath.Join(t.TempDir(), "linkaudit.conf")
	if err := os.WriteFile(examples, regexp.MustCompile(`(?m)^#([a-z[])`).ReplaceAll(text, []byte("$1")), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := audit("--config", examples); !strings.Contains(got, "[unexpected-policy]") {
		t.Errorf("with its examples an audit finds\n%s", got)
	}
}
