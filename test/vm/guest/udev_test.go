//go:build vm

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An upgrade of the package udev brings its own 99-default.link back, which
// undoes what was edited there, and leaves an override alone.
func TestFirstUpgradeOfUdev(t *testing.T) {
	packages, err := filepath.Glob("/usr/lib/linkaudit-debs/udev_*.deb")
	if err != nil || len(packages) != 1 {
		t.Fatalf("packages of udev: %q, %v", packages, err)
	}
	free(t)
	shipped, err := os.ReadFile(defaultLink)
	if err != nil {
		t.Fatal(err)
	}
	linkaudit(t, "fix", "--bond", "bond0")
	write(t, defaultLink, strings.ReplaceAll(string(shipped), "MACAddressPolicy=persistent", "MACAddressPolicy=none"))
	create(t, "bond3", "bond")
	is(t, "under the edited file", "bond3", "random", "1", "kernel-random", "none")
	ip(t, "del", "bond3")

	dpkg := exec.Command("dpkg", "-i", packages[0])
	dpkg.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := dpkg.CombinedOutput(); err != nil {
		t.Fatalf("dpkg: %v\n%s", err, out)
	}
	output(t, "systemctl", "is-active", "systemd-udevd.service")
	if now, err := os.ReadFile(defaultLink); err != nil || string(now) != string(shipped) {
		t.Errorf("%s is not the package's again: %v", defaultLink, err)
	}
	create(t, "bond3", "bond")
	if mac, d := sysfs(t, "bond3", "address"), check(t, "bond3"); mac != str(d.Persistent) || str(d.Policy) != "persistent" || str(d.Origin) != "udev-persistent" || !d.found("policy-overrides-ports") {
		t.Errorf("bond3 carries %s: %+v", mac, d)
	}
	ip(t, "del", "bond3")
	create(t, "bond0", "bond")
	is(t, "after the upgrade", "bond0", "random", "1", "kernel-random", "none")
	ip(t, "set", "eth0", "master", "bond0")
	is(t, "a port joins", "bond0", eth0Address, "2", "port", "none")
	if d := check(t, "bond0"); str(d.LinkFile) != bond0File || len(d.Findings) != 0 {
		t.Errorf("%+v", d)
	}
	ip(t, "del", "bond0")
	linkaudit(t, "undo", "--bond", "bond0")
}

// Where the rule that runs net_setup_link is masked, no .link file is applied.
func TestFirstRuleMasked(t *testing.T) {
	const mask = "/etc/udev/rules.d/80-net-setup-link.rules"
	free(t)
	if err := os.Symlink("/dev/null", mask); err != nil {
		t.Fatal(err)
	}
	output(t, "udevadm", "control", "--reload")
	for name, kind := range map[string]string{"bond0": "bond", "br0": "bridge"} {
		create(t, name, kind)
		is(t, "created", name, "random", "1", "kernel-random", "persistent")
		a := auditOf(t, name)
		d := a.Devices[0]
		if len(a.Findings) == 0 || a.Findings[0].Rule != "net-setup-link-disabled" || str(d.Predicted.AddEvent) != d.Live.MAC || d.found("policy-overrides-ports") {
			t.Errorf("%+v", a)
		}
		typ := map[string]string{"bond": "2", "bridge": "1"}[kind]
		ip(t, "set", "eth0", "master", name)
		is(t, "a port joins", name, eth0Address, typ, "port", "persistent")
		ip(t, "del", name)
	}
	if err := os.Remove(mask); err != nil {
		t.Fatal(err)
	}
	output(t, "udevadm", "control", "--reload")
	create(t, "bond0", "bond")
	is(t, "the rule is back", "bond0", bond0Persistent, "3", "udev-persistent", "persistent")
	ip(t, "del", "bond0")
}
