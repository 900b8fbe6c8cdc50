//go:build ecosystem

package packages

import (
	"strings"
	"testing"

	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/roots"
)

// There is no mirror of an RPM distribution here: rpm and dnf of this machine work on a
// Debian root with an rpm database, and the directories that the package filesystem has
// in an RPM distribution. A static program needs nothing else.
func rpmMachine(t *testing.T) *machine.Machine {
	t.Helper()
	m := machine.New(t, roots.Of("bookworm"))
	must(t, m, "mkdir -p /var/lib/rpm /usr/share/licenses /usr/share/fish/vendor_completions.d /usr/share/bash-completion/completions /usr/share/zsh/site-functions")
	rpm(m, "--initdb")
	return m
}

// rpm runs rpm on the machine's root; it must succeed.
func rpm(m *machine.Machine, args ...string) string {
	return m.Outside(append([]string{"rpm", "--root", machine.Mounted, "--dbpath", "/var/lib/rpm"}, args...)...).Stdout
}

func TestRPM(t *testing.T) {
	t.Parallel()
	m := rpmMachine(t)
	before := listing(m)

	for _, name := range all(newTree, newVersion)[2:] {
		if out := command(t, "rpm", "-K", "--nosignature", name); !strings.Contains(out, "digests OK") {
			t.Errorf("rpm -K: %s", out)
		}
	}
	rpm(m, "-i", redhat(oldTree, oldVersion, "x86_64"))
	installed(t, m, oldVersion)
	rpm(m, "-V", "linkaudit")

	must(t, m, "printf '"+edited+"' >>"+configuration)
	must(t, m, "systemctl enable linkaudit.timer")
	rpm(m, "-U", redhat(newTree, newVersion, "x86_64"))
	if got := must(t, m, "cat "+configuration); !strings.HasSuffix(got, edited) || !strings.Contains(got, "An older default") {
		t.Errorf("the upgrade made of the configuration:\n%s", got)
	}
	must(t, m, "! grep 'An older default' "+configuration+".rpmnew && rm "+configuration+".rpmnew")
	// rpm -V exits with the number of its complaints.
	out := m.Outside("sh", "-c", "rpm --root "+machine.Mounted+" --dbpath /var/lib/rpm -V linkaudit || [ $? = 1 ]").Stdout
	if strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "S.5") || !strings.HasSuffix(out, "c "+configuration+"\n") {
		t.Errorf("only the configuration was changed, but rpm -V says %s", out)
	}
	if r := m.Do("systemctl", "is-enabled", "linkaudit.timer", "linkaudit.path"); r.Stdout != "enabled\ndisabled\n" {
		t.Errorf("the upgrade enables or disables: %v", r)
	}
	if !strings.Contains(rpm(m, "-q", "--docfiles", "linkaudit"), "/usr/share/man/") {
		t.Error("the man pages do not count as documentation")
	}
	for _, line := range strings.Fields(rpm(m, "-q", "--qf", "[%{REQUIRENAME} %{CONFLICTNAME} %{OBSOLETENAME}\n]", "linkaudit")) {
		if line != "(none)" && line != "/bin/sh" && !strings.HasPrefix(line, "rpmlib(") {
			t.Errorf("the package asks for %s", line)
		}
	}

	must(t, m, "mkdir -p /var/lib/linkaudit/textfile && touch /var/lib/linkaudit/textfile/linkaudit.prom && systemctl enable linkaudit.path")
	rpm(m, "-e", "linkaudit")
	// rpm keeps an edited configuration.
	must(t, m, "rm "+configuration+".rpmsave")
	nothingLeft(t, m, before)
}

func TestDNF(t *testing.T) {
	t.Parallel()
	m := rpmMachine(t)
	before := listing(m)
	repository := t.TempDir()
	dnf := func(args ...string) {
		t.Helper()
		m.Outside(append([]string{"dnf", "-q", "-y", "--installroot", machine.Mounted, "--releasever=1", "--nogpgcheck",
			"--repofrompath=local,file://" + repository, "--repo=local", "--refresh"}, args...)...)
	}
	publish := func(name string) {
		t.Helper()
		command(t, "cp", name, repository)
		command(t, "createrepo_c", "-q", repository)
	}
	publish(redhat(oldTree, oldVersion, "x86_64"))
	dnf("install", "linkaudit")
	installed(t, m, oldVersion)
	publish(redhat(newTree, newVersion, "x86_64"))
	dnf("upgrade", "linkaudit")
	installed(t, m, newVersion)
	dnf("remove", "linkaudit")
	must(t, m, "rm -r /etc/dnf") // of dnf itself
	nothingLeft(t, m, before)
}
