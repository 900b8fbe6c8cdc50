package audit

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

func TestARefusedSettingAlsoLosesTheAddress(t *testing.T) {
	const random = "6e:11:22:33:44:55"
	for _, c := range []struct {
		rel      linkfiles.Release
		kind     string
		lines    string
		address  string // after the next add event; "": unknown
		findings string
	}{
		{247, "bridge", "", bridgeDerived, ""},
		{247, "bridge", "Alias=" + strings.Repeat("a", 255), random, "setting-refused/warning"},
		{252, "bridge", "Alias=" + strings.Repeat("a", 254), bridgeDerived, ""},
		{252, "bridge", "GenericSegmentOffloadMaxBytes=185000", random, "setting-refused/warning"},
		{252, "veth", "GenericSegmentOffloadMaxBytes=185000", bridgeDerived, ""},
		{252, "macvlan", "GenericSegmentOffloadMaxBytes=185000", "", "setting-refused/info"},
		{257, "bridge", "GenericSegmentOffloadMaxSegments=65536", random, "setting-refused/warning"},
		{252, "ifb", "", random, ""},
	} {
		d := master("bridge", "br0", random, host.AddrRandom)
		d.Kind = c.kind
		snap := machine(map[string]string{defaultPath: defaultLink + c.lines + "\n"}, d)
		snap.Systemd.Release = fact.Known(c.rel)
		snap.System.KernelRelease = fact.Known("6.18.44")
		res := check(snap, Options{All: true}).Devices[0]
		if got := res.AfterAdd.Or(""); got != linkfiles.MAC(c.address) {
			t.Errorf("%d, %s, %.50s: %q (%s), want %q", c.rel, c.kind, c.lines, got, words.Of(res.AfterAdd.Reason()), c.address)
		}
		var found []Finding
		for _, f := range res.Findings {
			if f.Rule == settingRefusedName {
				found = append(found, f)
			}
		}
		if got := brief(found); got != c.findings {
			t.Errorf("%d, %s, %.50s: %s, want %s", c.rel, c.kind, c.lines, got, c.findings)
		}
		if len(found) > 0 && (found[0].File != defaultPath || found[0].Line == 0) {
			t.Errorf("%s: %+v names no line", c.lines, found[0])
		}
	}
}

func TestLintReportsARefusedSetting(t *testing.T) {
	files := store(map[string]string{defaultPath: defaultLink + "Alias=" + strings.Repeat("a", 255) + "\n"})
	if got := brief(Lint(linkfiles.Parse(&files, 252), Options{})); got != "setting-refused/warning" {
		t.Error(got)
	}
}

// TestNewDevicesHaveANullPermanentAddress has what udevd 252 to 262 did with such a file
// and a bridge, a vxlan and a veth.
func TestNewDevicesHaveANullPermanentAddress(t *testing.T) {
	for rel, want := range map[linkfiles.Release]string{247: defaultPath, 249: defaultPath, 250: vendorDir + "/10-p.link", 262: vendorDir + "/10-p.link"} {
		for _, kind := range []string{"bridge", "vxlan", "veth"} {
			snap := machine(map[string]string{defaultPath: defaultLink, vendorDir + "/10-p.link": "[Match]\nPermanentMACAddress=00:00:00:00:00:00\n"})
			snap.Systemd.Release = fact.Known(rel)
			res := check(snap, Options{Targets: []Target{{Name: "x0", Kind: kind}}}).Devices[0]
			if f := res.LinkFile.Or(nil); f == nil || f.Path != want {
				t.Errorf("%d, %s: %v, want %s", rel, kind, res.LinkFile, want)
			}
		}
	}
}

// TestOnlyEthernetHasANullPermanentAddress: a WireGuard device has no address at all.
// Whether a tun device is a tap is unknown before it exists.
func TestOnlyEthernetHasANullPermanentAddress(t *testing.T) {
	const own = vendorDir + "/10-p.link"
	for _, c := range []struct{ kind, mac, want string }{
		{"dummy", "00:00:00:00:00:00", own},
		{"wireguard", "00:00:00:00:00:00", defaultPath},
		{"tun", "00:00:00:00:00:00", ""},
		{"tun", "02:00:00:00:00:01", defaultPath},
	} {
		snap := machine(map[string]string{defaultPath: defaultLink, own: "[Match]\nPermanentMACAddress=" + c.mac + "\n"})
		snap.Systemd.Release = fact.Known(linkfiles.Release(252))
		res := check(snap, Options{Targets: []Target{{Name: "x0", Kind: c.kind}}}).Devices[0]
		var path string
		if f := res.LinkFile.Or(nil); f != nil {
			path = f.Path
		}
		if path != c.want {
			t.Errorf("%s, %s: %v, want %q", c.kind, c.mac, res.LinkFile, c.want)
		}
	}
}

// TestANameWithAnExclamationMark has the address that udevd 247 to 262 set.
func TestANameWithAnExclamationMark(t *testing.T) {
	const derived = "66:ae:00:0b:58:b4"
	for _, rel := range []linkfiles.Release{247, 252, 257, 262} {
		snap := machine(map[string]string{defaultPath: defaultLink}, master("bridge", "a!b", derived, host.AddrSet))
		snap.Systemd.Release = fact.Known(rel)
		res := check(snap, Options{}).Devices[0]
		if got := res.Persistent.Or(host.PersistentMAC{}).MAC; got != derived {
			t.Errorf("%d: persistent %s, want %s", rel, got, derived)
		}
		if got := res.Origin.Or(""); got != OriginUdev {
			t.Errorf("%d: origin %s, want %s", rel, got, OriginUdev)
		}
	}
	if got := persistentOf(testID, "a!b"); got != derived {
		t.Errorf("mac: %s, want %s", got, derived)
	}
}

// TestTheDriverOfANameWithAnExclamationMark: up to 257, Driver= does not match.
func TestTheDriverOfANameWithAnExclamationMark(t *testing.T) {
	for rel, want := range map[linkfiles.Release]string{247: defaultPath, 254: defaultPath, 257: defaultPath, 258: vendorDir + "/10-d.link", 262: vendorDir + "/10-d.link"} {
		snap := machine(map[string]string{defaultPath: defaultLink, vendorDir + "/10-d.link": "[Match]\nDriver=bridge\n"})
		snap.Systemd.Release = fact.Known(rel)
		res := check(snap, Options{Targets: []Target{{Name: "a!b", Kind: "bridge"}}}).Devices[0]
		if f := res.LinkFile.Or(nil); f == nil || f.Path != want {
			t.Errorf("%d: %v, want %s", rel, res.LinkFile, want)
		}
	}
}

// TestADeviceThatUdevdRenamesIsHandledTwice has what udevd did with these schemes. Up
// to 257, zz!x has no permanent address for udevd, so the file applies only to zz_x.
func TestADeviceThatUdevdRenamesIsHandledTwice(t *testing.T) {
	const derived, static = "96:08:a7:85:57:61", "02:00:00:00:00:99"
	for _, c := range []struct {
		rel    linkfiles.Release
		scheme string
		want   string
	}{
		{247, "v247", derived},
		{252, "v252", static},
		{254, "v253", static},
		{257, "v257", static},
		{257, "v247", derived},
		{252, "rhel-9.4", derived},
		{262, "v261", static},
		{262, "v257", static},
		{262, "v247", static},
	} {
		snap := machine(map[string]string{defaultPath: defaultLink,
			vendorDir + "/20-perm.link": "[Match]\nOriginalName=zz*\nPermanentMACAddress=00:00:00:00:00:00\n[Link]\nMACAddress=" + static + "\n"},
			master("bridge", "zz!x", "6e:11:22:33:44:55", host.AddrRandom))
		snap.Systemd.Release, snap.NamingScheme = fact.Known(c.rel), fact.Known(host.NamingScheme{Name: c.scheme})
		for _, p := range check(snap, Options{}).Devices[0].Predicted {
			if p.Event == EventRecreate && p.MAC.Or("") != linkfiles.MAC(c.want) {
				t.Errorf("%d, %s: %v (%s), want %s", c.rel, c.scheme, p.MAC.Or(""), words.Of(p.MAC.Reason()), c.want)
			}
		}
	}
}

// TestPropertiesThatAreSetLaterFitNothing: every device has an alias in the udev
// database, but udevd 247 to 262 do not know it yet when they choose the file.
func TestPropertiesThatAreSetLaterFitNothing(t *testing.T) {
	for _, key := range []string{"ID_NET_LINK_FILE", "ID_NET_LINK_FILE_DROPINS", "ID_NET_NAME", "SYSTEMD_ALIAS"} {
		d := master("bridge", "br0", bridgeDerived, host.AddrSet)
		d.UdevDB = fact.Known(map[string]string{key: "x"})
		snap := machine(map[string]string{defaultPath: defaultLink, vendorDir + "/10-p.link": "[Match]\nProperty=" + key + "=*\n"}, d)
		for _, target := range []Target{{Name: "br0"}, {Name: "br1", Kind: "bridge"}} {
			res := check(snap, Options{Targets: []Target{target}}).Devices[0]
			if f := res.LinkFile.Or(nil); f == nil || f.Path != defaultPath {
				t.Errorf("%s, %s: %v", key, target.Name, res.LinkFile)
			}
		}
	}
}
