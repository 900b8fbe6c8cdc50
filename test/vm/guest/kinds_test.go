//go:build vm

package guest

import (
	"os/exec"
	"strings"
	"testing"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/policy"
)

// creatable are the kinds that a Debian kernel can create, with what ip-link(8) needs
// for them.
var creatable = map[string]string{
	"bond": "", "bridge": "", "dummy": "", "ifb": "", "team": "", "veth": "", "wireguard": "", "nlmon": "", "vsockmon": "",
	"vrf": "table 7", "vxlan": "id 7 dstport 4789", "geneve": "id 7 remote 192.0.2.1",
	"gre": "local 192.0.2.1 remote 192.0.2.2", "gretap": "local 192.0.2.1 remote 192.0.2.2", "sit": "local 192.0.2.1 remote 192.0.2.2",
	"ipip": "local 192.0.2.1 remote 192.0.2.2", "vti": "key 7 local 192.0.2.1 remote 192.0.2.2",
	"ip6gre": "local 2001:db8::1 remote 2001:db8::2", "ip6gretap": "local 2001:db8::1 remote 2001:db8::2",
	"ip6tnl": "local 2001:db8::1 remote 2001:db8::2", "vti6": "key 7 local 2001:db8::1 remote 2001:db8::2",
	"vlan": "id 7", "macvlan": "", "macvtap": "", "ipvlan": "", "ipvtap": "", "macsec": "", "xfrm": "dev kdummy if_id 7",
}

// stacked are the kinds that are on top of another device.
var stacked = map[string]bool{"vlan": true, "macvlan": true, "macvtap": true, "ipvlan": true, "ipvtap": true, "macsec": true}

// The predictions for a new device match the kernel. So the .link file of a future
// device can be found.
func TestFirstKindsAreAsForetold(t *testing.T) {
	ip(t, "add", "kdummy", "type", "dummy")
	t.Cleanup(func() { ip(t, "del", "kdummy") })
	made := 0
	for kind, args := range creatable {
		add := []string{"ip", "link", "add"}
		if stacked[kind] {
			add = append(add, "link", "kdummy")
		}
		add = append(append(add, "name", "k0", "type", kind), strings.Fields(args)...)
		if out, err := exec.Command(add[0], add[1:]...).CombinedOutput(); err != nil {
			t.Logf("this kernel makes no %s: %s", kind, out)
			continue
		}
		made++
		compareKind(t, kind)
	}
	output(t, "ip", "tuntap", "add", "k0", "mode", "tap")
	compareKind(t, "tun")
	if made < 20 {
		t.Errorf("only %d kinds were made", made)
	}
}

func compareKind(t *testing.T, kind string) {
	t.Helper()
	settle(t)
	machine, err := host.Probe(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	devices, _, err := machine.Devices(t.Context(), host.DeviceOptions{Names: []string{"k0"}, Want: host.WantEverything})
	if err != nil {
		t.Fatal(err)
	}
	d := (&host.Snapshot{Devices: devices}).Device("k0")
	is, foretold := audit.LinkDevice(d), policy.NewDevice("k0", kind)
	if !policy.KnownKind(kind) || d.Kind != kind {
		t.Errorf("%s: the kernel says %s", kind, d.Kind)
	}
	for _, c := range []struct {
		what          string
		foretold, is  string
		known, absent bool
	}{
		{"Type", foretold.Type.Or(""), is.Type.Or(""), foretold.Type.IsKnown(), false},
		{"Driver", foretold.Driver.Or(""), is.Driver.Or(""), foretold.Driver.IsKnown(), false},
		{"the permanent address", "", strings.Trim(string(is.PermMAC.Or("")), "0:"), false, !foretold.PermMAC.IsUnknown()},
		{"the length of the address", strings.Repeat("x", len(foretold.MAC.Or(""))), strings.Repeat("x", len(is.MAC.Or(""))), kind != "tun", false},
		{"Path", "", is.Path.Or(""), false, foretold.Path.IsAbsent()},
	} {
		if c.known && c.foretold != c.is || c.absent && c.is != "" {
			t.Errorf("%s: %s is %q, not %q", kind, c.what, c.is, c.foretold)
		}
	}
	if ether := d.ARPHRD == 1; ether == policy.WithoutMAC(kind) {
		t.Errorf("%s: ifi_type is %d", kind, d.ARPHRD)
	}
	err = exec.Command("ip", "link", "set", "dev", "k0", "address", "02:00:00:00:00:fe").Run()
	if !policy.WithoutMAC(kind) && (err != nil) != policy.TakesNoAddress(kind) {
		t.Errorf("%s: setting an address: %v", kind, err)
	}
	ip(t, "del", "k0")
}
