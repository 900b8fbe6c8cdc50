//go:build vm

package guest

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	defaultLink   = "/usr/lib/systemd/network/99-default.link"
	ifenslaveLink = "/usr/lib/systemd/network/98-net-bonding.link"
	bond0File     = networkDir + "/60-linkaudit-device-bond0.link"
)

// release deletes a bond that was created at boot, to free its ports.
func free(t *testing.T) {
	t.Helper()
	if has("bond1") {
		ip(t, "del", "bond1")
	}
	for _, port := range []string{"eth0", "eth1"} {
		ip(t, "set", port, "down")
	}
	settle(t)
}

// The bond that ifupdown created at boot has an address from udev, or from a port that
// joined before udev handled the bond's event. This is a race; check tells the two
// apart.
func TestFirstBootOfABondMadeByIfupdown(t *testing.T) {
	if !has("bond1") {
		t.Fatalf("ifupdown made no bond1: %s", output(t, "systemctl", "status", "--no-pager", "networking.service"))
	}
	d := check(t, "bond1")
	mac, typ := sysfs(t, "bond1", "address"), sysfs(t, "bond1", "addr_assign_type")
	t.Logf("%s of type %s, by %s", mac, typ, str(d.Origin))
	switch typ {
	case "3":
		if mac != str(d.Persistent) || str(d.Origin) != "udev-persistent" {
			t.Errorf("%s by %s, but udev derives %s", mac, str(d.Origin), str(d.Persistent))
		}
	case "2":
		if mac != eth0Address && mac != eth1Address || str(d.Origin) != "port" {
			t.Errorf("%s by %s", mac, str(d.Origin))
		}
	default:
		t.Errorf("addr_assign_type is %s", typ)
	}
	if str(d.Policy) != "persistent" || str(d.LinkFile) != defaultLink || !d.found("policy-overrides-ports") {
		t.Errorf("%+v", d)
	}
	slices.Sort(d.Live.Ports)
	if strings.Join(d.Live.Ports, " ") != "eth0 eth1" {
		t.Errorf("ports %v", d.Live.Ports)
	}
}

// The trouble that the project began with, step by step, and its fix.
func TestFirstWalkthroughOfABond(t *testing.T) {
	free(t)
	create(t, "bond0", "bond", "mode", "active-backup")
	is(t, "created", "bond0", bond0Persistent, "3", "udev-persistent", "persistent")
	ip(t, "set", "eth0", "master", "bond0")
	is(t, "a port joins", "bond0", bond0Persistent, "3", "udev-persistent", "persistent")
	if got := sysfs(t, "eth0", "address"); got != bond0Persistent {
		t.Errorf("the port has %s", got)
	}
	is(t, "its port", "eth0", bond0Persistent, "3", "master", "persistent")
	ip(t, "set", "eth0", "nomaster")
	is(t, "the last port leaves", "bond0", "random", "1", "kernel-random", "persistent")
	is(t, "the port has its own again", "eth0", eth0Address, "3", "permanent", "persistent")
	ip(t, "set", "eth0", "master", "bond0")
	is(t, "it joins again", "bond0", eth0Address, "2", "port", "persistent")
	ip(t, "set", "bond0", "address", "02:00:00:00:00:77")
	is(t, "an address by hand", "bond0", "02:00:00:00:00:77", "3", "set-by-someone", "persistent")
	ip(t, "del", "bond0")

	out := linkaudit(t, "fix", "--bond", "bond0", "--format", "json")
	var fixed struct {
		Changed, Reloaded, Verified bool
		Path                        string
	}
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):strings.LastIndex(out, "}")+1]), &fixed); err != nil || !fixed.Changed || !fixed.Reloaded || !fixed.Verified || fixed.Path != bond0File {
		t.Errorf("%v: %s", err, out)
	}
	create(t, "bond0", "bond", "mode", "active-backup")
	is(t, "created under none", "bond0", "random", "1", "kernel-random", "none")
	for _, step := range []string{"a port joins under none", "it joins again under none"} {
		ip(t, "set", "eth0", "master", "bond0")
		is(t, step, "bond0", eth0Address, "2", "port", "none")
		ip(t, "set", "eth0", "nomaster")
		is(t, "the last port leaves under none", "bond0", "random", "1", "kernel-random", "none")
	}
	ip(t, "del", "bond0")

	linkaudit(t, "undo", "--bond", "bond0")
	create(t, "bond0", "bond", "mode", "active-backup")
	is(t, "created after undo", "bond0", bond0Persistent, "3", "udev-persistent", "persistent")
	ip(t, "del", "bond0")
}

// --apply sets the permanent address of the first port. If the bond is up, it asks
// first.
func TestFirstApplyToABondThatExists(t *testing.T) {
	free(t)
	create(t, "bond0", "bond", "mode", "active-backup", "miimon", "100")
	ip(t, "set", "eth0", "master", "bond0")
	ip(t, "set", "bond0", "up")
	eventually(t, func() bool { return sysfs(t, "bond0", "operstate") == "up" }, func() string { return "bond0 is up" })
	if out, err := exec.Command("linkaudit", "fix", "--bond", "bond0", "--apply").CombinedOutput(); err == nil || !strings.Contains(string(out), "--yes") {
		t.Errorf("no --yes is asked for: %v: %s", err, out)
	}
	if _, err := os.Stat(bond0File); err == nil {
		t.Error("something was written")
	}
	is(t, "refused", "bond0", bond0Persistent, "3", "udev-persistent", "persistent")
	linkaudit(t, "fix", "--bond", "bond0", "--apply", "--yes")
	if mac, typ := sysfs(t, "bond0", "address"), sysfs(t, "bond0", "addr_assign_type"); mac != eth0Address || typ != "3" {
		t.Errorf("%s of type %s", mac, typ)
	}
	if got := sysfs(t, "eth0", "address"); got != eth0Address {
		t.Errorf("the port has %s", got)
	}
	if sysfs(t, "bond0", "operstate") != "up" {
		t.Error("the bond is no longer up")
	}
	linkaudit(t, "undo", "--bond", "bond0")
	ip(t, "del", "bond0")
}

// Compares what the kernel does with each mode and each fail_over_mac with the output
// of check.
func TestFirstModesOfABond(t *testing.T) {
	free(t)
	udevs := func(t *testing.T, mac, typ string, d device) {
		if mac != bond0Persistent || typ != "3" || str(d.Origin) != "udev-persistent" || !d.found("policy-overrides-ports") {
			t.Errorf("the bond has %s of type %s: %+v", mac, typ, d)
		}
	}
	for _, c := range []struct {
		name  string
		args  []string
		holds func(t *testing.T, mac, typ string, d device)
	}{
		{"balance-rr", []string{"mode", "balance-rr"}, udevs},
		{"balance-xor", []string{"mode", "balance-xor"}, udevs},
		{"broadcast", []string{"mode", "broadcast"}, udevs},
		{"802.3ad", []string{"mode", "802.3ad"}, udevs},
		{"balance-tlb", []string{"mode", "balance-tlb"}, udevs},
		{"balance-alb", []string{"mode", "balance-alb"}, udevs},
		// fail_over_mac counts only in active-backup mode.
		{"balance-xor with fail_over_mac active", []string{"mode", "balance-xor", "fail_over_mac", "active"}, udevs},
		{"active-backup with fail_over_mac none", []string{"mode", "active-backup", "fail_over_mac", "none"}, udevs},
		{"active-backup with fail_over_mac active", []string{"mode", "active-backup", "fail_over_mac", "active"},
			func(t *testing.T, mac, typ string, d device) {
				if mac != eth0Address || typ != "2" || str(d.Origin) != "port" || d.found("policy-overrides-ports") {
					t.Errorf("the bond has %s of type %s: %+v", mac, typ, d)
				}
			}},
		// The driver ignores the address from udev but notes that it was set.
		{"active-backup with fail_over_mac follow", []string{"mode", "active-backup", "fail_over_mac", "follow"},
			func(t *testing.T, mac, typ string, d device) {
				if mac == bond0Persistent || mac == eth0Address || typ != "3" || d.Origin != nil || !d.found("policy-overrides-ports") || str(d.Predicted.AddEvent) != mac {
					t.Errorf("the bond has %s of type %s: %+v", mac, typ, d)
				}
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			create(t, "bond0", append([]string{"bond"}, c.args...)...)
			defer ip(t, "del", "bond0")
			ip(t, "set", "eth0", "master", "bond0")
			ip(t, "set", "eth1", "master", "bond0")
			for _, name := range []string{"bond0", "eth0", "eth1"} {
				d := check(t, name)
				mac, typ := sysfs(t, name, "address"), sysfs(t, name, "addr_assign_type")
				if d.Live.MAC != mac || d.Live.AddrAssignType != types[typ] {
					t.Errorf("%s: check says %+v, the kernel %s of type %s", name, d.Live, mac, typ)
				}
				t.Logf("%s: %s of type %s, by %s", name, mac, typ, str(d.Origin))
				if own := map[string]string{"eth0": eth0Address, "eth1": eth1Address}[name]; own != "" {
					want := "master"
					if mac == own {
						want = "permanent"
					}
					// Under "follow" this is unknown.
					if d.Origin == nil && !strings.Contains(c.name, "follow") || d.Origin != nil && *d.Origin != want {
						t.Errorf("%s: %s by %s", name, mac, *d.Origin)
					}
				}
			}
			c.holds(t, sysfs(t, "bond0", "address"), sysfs(t, "bond0", "addr_assign_type"), check(t, "bond0"))
		})
	}
}

// Bridges and teams: created under the policy, and under none after a fix of the kind.
func TestFirstBridgesAndTeams(t *testing.T) {
	free(t)
	for _, kind := range []string{"bridge", "team"} {
		t.Run(kind, func(t *testing.T) {
			name := kind + "0"
			create(t, name, kind)
			d := check(t, name)
			if str(d.Origin) != "udev-persistent" || sysfs(t, name, "addr_assign_type") != "3" || d.Live.MAC != str(d.Persistent) || !d.found("policy-overrides-ports") {
				t.Errorf("%+v", d)
			}
			ip(t, "del", name)
			linkaudit(t, "fix", "--kind", kind)
			create(t, name, kind)
			is(t, "created under none", name, "random", "1", "kernel-random", "none")
			if kind == "bridge" {
				ip(t, "set", "eth0", "master", name)
				is(t, "a port joins", name, eth0Address, "1", "port", "none")
				ip(t, "set", "eth0", "nomaster")
			}
			ip(t, "del", name)
			linkaudit(t, "undo", "--kind", kind)
		})
	}
}

// ifenslave's own file sets none only for bonds, and there is nothing left to fix for
// them.
func TestFirstBondUnderIfenslavesFile(t *testing.T) {
	if _, err := os.Stat(ifenslaveLink); err != nil {
		t.Fatalf("ifenslave of this release does not ship %s", ifenslaveLink)
	}
	free(t)
	if err := os.Remove(networkDir + "/98-net-bonding.link"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Symlink("/dev/null", networkDir+"/98-net-bonding.link"); err != nil {
			t.Error(err)
		}
		reload(t)
	}()
	reload(t)
	create(t, "bond0", "bond")
	is(t, "created", "bond0", "random", "1", "kernel-random", "none")
	if got := str(check(t, "bond0").LinkFile); got != ifenslaveLink {
		t.Errorf("%s applies", got)
	}
	if out := linkaudit(t, "fix", "--bond", "bond0"); !strings.Contains(out, "nothing to change") {
		t.Error(out)
	}
	ip(t, "del", "bond0")
	for name, kind := range map[string]string{"br0": "bridge", "team0": "team"} {
		t.Run(name, func(t *testing.T) {
			create(t, name, kind)
			d := check(t, name)
			is(t, "created", name, str(d.Persistent), "3", "udev-persistent", "persistent")
			ip(t, "del", name)
		})
	}
}

// For the second boot.
func TestFirstZFixForTheNextBoot(t *testing.T) {
	for _, name := range []string{"bond1", "bond6", "bond7"} {
		linkaudit(t, "fix", "--bond", name)
	}
}
