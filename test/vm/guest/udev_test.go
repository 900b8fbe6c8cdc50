//go:build vm

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An upgrade of the package udev restores its 99-default.link, which undoes edits in
// it, and keeps an override.
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
		t.Errorf("bond3 has %s: %+v", mac, d)
	}
	ip(t, "del", "bond3")
	create(t, "bond0", "bond")
	is(t, "after the upgrade", "bond0", "random", "1", "kernel-random", "none")
	ip(t, "set", "eth0", "master", "bond0")
	is(t, "a port joins", "bond0", eth0Address, "2", "port", "none")
	if d := check(t, "bond0"); str(d.LinkFile) != bond0File || !d.sound() {
		t.Errorf("%+v", d)
	}
	ip(t, "del", "bond0")
	linkaudit(t, "undo", "--bond", "bond0")
}

// If the rule that runs net_setup_link is masked, no .link file is applied.
func TestFirstRuleMasked(t *testing.T) {
	const mask = "/etc/udev/rules.d/80-net-setup-link.rules"
	free(t)
	if err := os.Symlink("/dev/null", mask); err != nil {
		t.Fatal(err)
	}
	reload(t)
	for name, kind := range map[string]string{"bond0": "bond", "br0": "bridge"} {
		t.Run(name, func(t *testing.T) {
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
		})
	}
	if err := os.Remove(mask); err != nil {
		t.Fatal(err)
	}
	reload(t)
	create(t, "bond0", "bond")
	is(t, "the rule is back", "bond0", bond0Persistent, "3", "udev-persistent", "persistent")
	ip(t, "del", "bond0")
}

// Compares what check predicts for an add event, before udev handles it and before it
// is replayed, with what udev does. If a port joins first, or the device is created
// with an address, udev leaves the address alone.
func TestFirstAddEvents(t *testing.T) {
	for _, c := range []struct {
		title, kind string
		args        []string
		joins       bool
		typ, origin string
	}{
		{"a bond", "bond", nil, false, "3", "udev-persistent"},
		{"a bond that a port joins first", "bond", nil, true, "2", "port"},
		{"a bond made with an address", "bond", []string{"address", "02:00:00:00:00:71"}, false, "3", "set-by-someone"},
		{"a bridge", "bridge", nil, false, "3", "udev-persistent"},
		// The type does not tell that a bridge has a port's address.
		{"a bridge that a port joins first", "bridge", nil, true, "3", "udev-persistent"},
		{"a bridge made with an address", "bridge", []string{"address", "02:00:00:00:00:71"}, false, "3", "set-by-someone"},
		{"a team that a port joins first", "team", nil, true, "3", "udev-persistent"},
	} {
		t.Run(c.title, func(t *testing.T) {
			free(t)
			name := c.kind + "0"
			goOn := stopUdevd(t)
			defer goOn()
			ip(t, append(append([]string{"add", name}, c.args...), "type", c.kind)...)
			defer ip(t, "del", name)
			if c.joins {
				ip(t, "set", "eth0", "master", name)
			}
			before := check(t, name)
			goOn()
			handled(t, name)
			after := check(t, name)
			mac, typ := sysfs(t, name, "address"), sysfs(t, name, "addr_assign_type")
			t.Logf("%s by %s; then %s of type %s by %s", before.Live.MAC, str(before.Origin), mac, typ, str(after.Origin))
			if str(before.Predicted.AddEvent) != mac {
				t.Errorf("%s was predicted", str(before.Predicted.AddEvent))
			}
			if typ != c.typ || str(after.Origin) != c.origin || str(after.Predicted.AddEvent) != mac {
				t.Errorf("%s of type %s by %s, %s after the next", mac, typ, str(after.Origin), str(after.Predicted.AddEvent))
			}
			replayed := func(step string) {
				t.Helper()
				want := str(check(t, name).Predicted.AddEvent)
				trigger(t, name)
				if got := sysfs(t, name, "address"); got != want {
					t.Errorf("%s, replayed: %s, predicted was %s", step, got, want)
				}
			}
			replayed("as it is")
			ip(t, "set", "eth0", "master", name)
			replayed("with a port")
			ip(t, "set", "eth0", "nomaster")
			replayed("after the last port left")
			ip(t, "set", name, "address", "02:00:00:00:00:72")
			replayed("with an address by hand")
		})
	}
}

// A renamed device keeps the address that udev derived from the former name.
func TestFirstRenamed(t *testing.T) {
	free(t)
	create(t, "bond0", "bond")
	ip(t, "set", "bond0", "name", "uplink0")
	defer ip(t, "del", "uplink0")
	settle(t)
	mac, d := sysfs(t, "uplink0", "address"), check(t, "uplink0")
	if mac != bond0Persistent || d.Origin != nil || !d.found("address-origin-unknown") {
		t.Errorf("renamed by hand: %s by %s: %+v", mac, str(d.Origin), d)
	}

	const file = networkDir + "/10-name.link"
	write(t, file, "[Match]\nOriginalName=bond5\n[Link]\nName=lan5\nMACAddressPolicy=persistent\n")
	defer os.Remove(file)
	ip(t, "add", "bond5", "type", "bond")
	appears(t, "lan5")
	defer ip(t, "del", "lan5")
	handled(t, "lan5")
	mac, d = sysfs(t, "lan5", "address"), check(t, "lan5")
	t.Logf("renamed by udevd: %s of type %s by %s; udev derives %s; name_assign_type %s", mac, sysfs(t, "lan5", "addr_assign_type"), str(d.Origin), str(d.Persistent), sysfs(t, "lan5", "name_assign_type"))
	if mac == str(d.Persistent) != (str(d.Origin) == "udev-persistent") || mac != str(d.Persistent) && d.Origin != nil {
		t.Errorf("renamed by udevd: %s by %s: %+v", mac, str(d.Origin), d)
	}
}
