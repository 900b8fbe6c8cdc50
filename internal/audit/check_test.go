package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"linkaudit/internal/derived"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

var testID = [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}

// persistentOf is the address that MACAddressPolicy=persistent sets for a name.
func persistentOf(id [16]byte, name string) string {
	return string(derived.AppendPersistent(nil, id, name))
}

// today drops the findings about future addresses; predict_test.go tests those.
func today(fs []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(fs), func(f Finding) bool {
		return slices.ContainsFunc(predictRules, func(r Rule) bool { return r.Name == f.Rule })
	})
}

// What Debian 11 and Fedora ship.
const (
	defaultLink = "[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel database onboard slot path\nMACAddressPolicy=persistent\n"
	noneLink    = "[Match]\nDriver=bonding bridge team\n\n[Link]\nMACAddressPolicy=none\n"

	vendorDir   = "/usr/lib/systemd/network"
	defaultPath = vendorDir + "/99-default.link"
)

func store(files map[string]string) linkfiles.Store {
	var s linkfiles.Store
	for _, dir := range []string{"/etc/systemd/network", "/run/systemd/network", vendorDir} {
		d := linkfiles.Dir{Path: dir, Resolved: dir}
		for path, content := range files {
			if name, ok := strings.CutPrefix(path, dir+"/"); ok {
				d.Entries = append(d.Entries, linkfiles.Entry{Name: name, Type: linkfiles.TypeRegular, Mode: 0o644,
					Size: int64(len(content)), Content: []byte(content)})
			}
		}
		slices.SortFunc(d.Entries, func(x, y linkfiles.Entry) int { return strings.Compare(x.Name, y.Name) })
		s.Dirs = append(s.Dirs, d)
	}
	return s
}

// machine is a Debian 11 host with udevd running and the given devices.
func machine(files map[string]string, devices ...host.Device) *host.Snapshot {
	return &host.Snapshot{
		System:       linkfiles.System{Hostname: fact.Known("bullseye"), MachineID: linkfiles.KnownMachineID(testID)},
		Systemd:      host.Systemd{Release: fact.Known(linkfiles.Release(247))},
		NamingScheme: fact.Known(host.NamingScheme{Name: "v247"}),
		Udev:         host.Udev{Running: fact.Known(true), SetupLinkRule: fact.Known("/usr/lib/udev/rules.d/80-net-setup-link.rules")},
		Devices:      devices,
		Files:        store(files),
		Declarations: fact.Known([]netconf.Declaration{}),
	}
}

func master(kind, name, mac string, assign host.AddrAssignType, ports ...host.Port) host.Device {
	return host.Device{
		Index: 3, Name: name, Kind: kind, ARPHRD: 1, Flags: 0x1003, MAC: linkfiles.MAC(mac), Ports: ports,
		AddrAssignType: fact.Known(assign), NameAssignType: fact.Known(3),
		DevType: fact.Known(kind), Driver: policy.NewDevice(name, kind).Driver,
		UEvent: fact.Known(map[string]string{"DEVTYPE": kind, "INTERFACE": name, "IFINDEX": "3"}),
		UdevDB: fact.Known(map[string]string{"ID_NET_LINK_FILE": defaultPath}),
	}
}

func check(snap *host.Snapshot, opt Options) *Result {
	rel := snap.Systemd.Release.Or(linkfiles.NewestRelease)
	return Check(snap, linkfiles.Parse(&snap.Files, rel), opt)
}

// brief returns findings as "rule/severity".
func brief(fs []Finding) string {
	var out []string
	for _, f := range fs {
		out = append(out, f.Rule+"/"+string(f.Severity))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

const (
	bondDerived   = "96:85:c5:ce:a2:4b" // set by udev 247 on bond0
	bridgeDerived = "2e:51:d4:17:b5:1e" // set by udev 247 on br0
	nicMAC        = "08:00:27:e2:37:5f"
)

var (
	nic  = host.Port{Name: "enp0s8", MAC: nicMAC, PermanentMAC: nicMAC}
	wire = host.Port{Name: "veth1", MAC: "02:00:00:00:00:31", Kind: "veth"}
)

func TestFindingsAboutOneDevice(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	with := func(path, content string) map[string]string {
		return map[string]string{defaultPath: defaultLink, path: content}
	}
	none := with(vendorDir+"/98-default-mac-none.link", noneLink)
	appliedNone := func(d host.Device) host.Device {
		d.UdevDB = fact.Known(map[string]string{"ID_NET_LINK_FILE": vendorDir + "/98-default-mac-none.link"})
		return d
	}
	renamed := func(d host.Device) host.Device {
		d.NameAssignType = fact.Known(host.NameRenamed)
		return d
	}
	for name, c := range map[string]struct {
		snap   *host.Snapshot
		name   string
		origin string
		want   string
	}{
		"a bond with udev's address": {machine(vendor, master("bond", "bond0", bondDerived, 3, nic)), "bond0", "udev-persistent",
			"address-changes-on-boot/warning policy-overrides-ports/error"},
		"a bond that took its port's address before udev acted": {machine(vendor, master("bond", "bond0", nicMAC, 2, nic)), "bond0", "port",
			"address-changes-on-boot/warning policy-overrides-ports/error"},
		"a bond with an address that somebody set": {machine(vendor, master("bond", "bond0", "02:00:00:00:00:01", 3, nic)), "bond0", "set-by-someone",
			"address-changes-on-restart/warning policy-overrides-ports/info prediction-unknown/info"},
		"a bond that was renamed": {machine(vendor, renamed(master("bond", "uplink", bondDerived, 3, nic))), "uplink", "?",
			"address-changes-on-restart/warning address-origin-unknown/info policy-overrides-ports/warning prediction-unknown/info"},
		"a renamed bond with the address of a card": {machine(vendor, renamed(master("bond", "uplink", "08:00:27:00:00:01", 3, nic))), "uplink", "set-by-someone",
			"address-changes-on-restart/warning policy-overrides-ports/info prediction-unknown/info"},
		"an empty bond that udev has not seen": {machine(vendor, master("bond", "bond0", "02:00:00:00:00:01", 1)), "bond0", "kernel-random",
			"address-changes-on-boot/warning address-changes-on-udev-event/warning policy-overrides-ports/error"},
		"a bond under none": {machine(none, appliedNone(master("bond", "bond0", nicMAC, 2, nic))), "bond0", "port", ""},
		"a bond under none that still has udev's address": {machine(none, appliedNone(master("bond", "bond0", bondDerived, 3, nic))), "bond0", "udev-persistent",
			"address-set-by-udev/warning"},
		"a bond older than the file for none": {machine(none, master("bond", "bond0", bondDerived, 3, nic)), "bond0", "udev-persistent",
			"address-set-by-udev/warning applied-file-differs/warning"},
		"a bridge to the network with udev's address": {machine(vendor, master("bridge", "br0", bridgeDerived, 3, nic)), "br0", "udev-persistent",
			"policy-overrides-ports/error"},
		"a bridge without ports": {machine(vendor, master("bridge", "br0", bridgeDerived, 3)), "br0", "udev-persistent",
			"policy-overrides-ports/warning"},
		"a bridge with only containers": {machine(vendor, master("bridge", "br0", bridgeDerived, 3, wire)), "br0", "udev-persistent",
			"policy-overrides-ports/info"},
		"a container bridge created with an address":              {machine(vendor, master("bridge", "docker0", "02:42:ac:11:00:01", 3, wire)), "docker0", "set-by-someone", "creator-races-udev/info"},
		"a bridge under none that took its lowest port's address": {machine(none, appliedNone(master("bridge", "br0", nicMAC, 1, nic))), "br0", "port", ""},
		"the address of the effective file": {machine(with("/etc/systemd/network/10-b.link", "[Match]\nOriginalName=bond*\n[Link]\nMACAddress=02:00:00:00:00:07\n"),
			func() host.Device {
				d := master("bond", "bond0", "02:00:00:00:00:07", 3, nic)
				d.UdevDB = fact.Known(map[string]string{"ID_NET_LINK_FILE": "/etc/systemd/network/10-b.link"})
				return d
			}()), "bond0", "link-file", "address-changes-on-restart/warning"},
		"a typo in the effective file": {machine(with("/etc/systemd/network/10-b.link", "[Match]\nOriginalName=bond*\n[Link]\nMACAddresPolicy=none\n"),
			master("bond", "bond0", nicMAC, 2, nic)), "bond0", "port", "applied-file-differs/info unknown-key/warning"},
		"a match on the udev database that cannot be read": {machine(with("/etc/systemd/network/10-b.link", "[Match]\nProperty=SITE=1\n[Link]\nMACAddressPolicy=none\n"),
			func() host.Device {
				d := master("bond", "bond0", nicMAC, 2, nic)
				d.UdevDB = fact.Unknown[map[string]string](fact.Told("permission denied"))
				return d
			}()), "bond0", "port", "applied-file-unknown/info prediction-unknown/info unknown-match/warning"},
	} {
		t.Run(name, func(t *testing.T) {
			r := check(c.snap, Options{})
			if len(r.Devices) != 1 || r.Devices[0].Name != c.name {
				t.Fatalf("devices: %+v", r.Devices)
			}
			d := r.Devices[0]
			if got := d.Origin.Or("?"); got != c.origin {
				t.Errorf("origin: got %v, want %s", d.Origin, c.origin)
			}
			if got := brief(d.Findings); got != c.want {
				t.Errorf("findings: got %q, want %q", got, c.want)
			}
			if len(r.Findings) != 0 {
				t.Errorf("findings of the host: %v", r.Findings)
			}
		})
	}
}

func TestADeviceThatDoesNotExistIsJudgedByItsKind(t *testing.T) {
	files := map[string]string{defaultPath: defaultLink, vendorDir + "/98-default-mac-none.link": noneLink}
	r := check(machine(files), Options{Targets: []Target{{"bond7", "bond"}, {"bond8", ""}, {"veth0", "veth"}}})
	want := []struct{ name, policy, findings string }{
		{"bond7", "none", "device-missing/info"},
		{"bond8", "?", "device-missing/info unknown-match/warning"},
		{"veth0", "persistent", "device-missing/info"},
	}
	for i, w := range want {
		d := r.Devices[i]
		if d.Name != w.name || d.Policy.Or("?") != w.policy || brief(d.Findings) != w.findings {
			t.Errorf("got %s %v %q, want %v", d.Name, d.Policy, brief(d.Findings), w)
		}
	}
	if m := words.Of(r.Devices[1].Findings[0].Message); !strings.Contains(m, "give --kind") {
		t.Errorf("message: %s", m)
	}
}

func TestAComplaintBelongsToADeviceOrTheHost(t *testing.T) {
	files := map[string]string{defaultPath: defaultLink + "Nonsense=1\n", "/etc/systemd/network/50-usb.link": "[Match]\nPath=*-usb-*\n[Link]\nNonsense=1\n"}
	bond := master("bond", "bond0", nicMAC, 2, nic)
	r := check(machine(files, bond), Options{})
	if got, want := brief(today(r.Devices[0].Findings)), "policy-overrides-ports/error unknown-key/warning"; got != want {
		t.Errorf("device: got %q, want %q", got, want)
	}
	if got, want := brief(r.Findings), "unknown-key/warning"; got != want || r.Findings[0].File != "/etc/systemd/network/50-usb.link" {
		t.Errorf("host: got %v, want %q", r.Findings, want)
	}
}

func TestNoPolicyIsTheCauseIfNoLinkFileIsApplied(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*host.Snapshot)
		want   string
	}{
		"udevd does not run": {func(s *host.Snapshot) { s.Udev.Running = fact.Known(false) }, "udevd-not-running/warning"},
		"the rule is masked": {func(s *host.Snapshot) { s.Udev.SetupLinkRule = fact.Absent[string]() }, "net-setup-link-disabled/warning"},
		"a release too new":  {func(s *host.Snapshot) { s.Systemd.Release = fact.Known(linkfiles.Release(300)) }, "release-unknown/warning"},
		"an unknown release": {func(s *host.Snapshot) { s.Systemd.Release = fact.Unknown[linkfiles.Release](fact.Told("no udevadm")) }, "release-unknown/warning"},
		"nothing is wrong":   {func(s *host.Snapshot) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := machine(map[string]string{defaultPath: defaultLink}, master("bond", "bond0", nicMAC, 2, nic))
			c.change(s)
			r := check(s, Options{})
			if got := brief(r.Findings); got != c.want {
				t.Errorf("host: got %q, want %q", got, c.want)
			}
			applies := !strings.HasPrefix(c.want, "udevd") && !strings.HasPrefix(c.want, "net-")
			if blamed := brief(r.Devices[0].Findings) != ""; blamed != applies {
				t.Errorf("device: %v", r.Devices[0].Findings)
			}
		})
	}
}

// fixedSite expects one policy for all devices and sets the severity of one rule.
type fixedSite struct {
	policy string
	ignore string
	off    string
}

func (s fixedSite) Expect(name, kind string) (string, bool, linkfiles.Pos) {
	return s.policy, name == s.ignore, linkfiles.Pos{File: "/etc/linkaudit.conf", Line: 2}
}

func (s fixedSite) Severity(rule string, def Severity) (Severity, bool) { return def, rule != s.off }

func TestTheSiteDecides(t *testing.T) {
	snap := machine(map[string]string{defaultPath: defaultLink},
		master("bond", "bond0", nicMAC, 2, nic), master("bridge", "docker0", "02:42:ac:11:00:01", 3))
	for site, want := range map[Site]string{
		fixedSite{policy: "persistent"}:          "bond0: ; docker0: ; ",
		fixedSite{policy: "any"}:                 "bond0: ; docker0: ; ",
		fixedSite{policy: "none"}:                "bond0: unexpected-policy/error; docker0: unexpected-policy/error; ",
		fixedSite{off: "unexpected-policy"}:      "bond0: policy-overrides-ports/error; docker0: ; ",
		fixedSite{ignore: "bond0"}:               "docker0: ; ",
		fixedSite{off: "policy-overrides-ports"}: "bond0: ; docker0: ; ",
	} {
		var got strings.Builder
		for _, d := range check(snap, Options{Site: site}).Devices {
			fmt.Fprintf(&got, "%s: %s; ", d.Name, brief(today(d.Findings)))
		}
		if got.String() != want {
			t.Errorf("%+v: got %q, want %q", site, got.String(), want)
		}
	}
}

func TestTheBundledDebian11HostShowsItsFault(t *testing.T) {
	b, err := os.ReadFile("../../cmd/linkaudit/example.json")
	if err != nil {
		t.Fatal(err)
	}
	var snap host.Snapshot
	if err := json.Unmarshal(b, &snap); err != nil {
		t.Fatal(err)
	}
	r := check(&snap, Options{})
	if len(r.Devices) != 1 || len(r.Findings) != 0 {
		t.Fatalf("got %+v", r)
	}
	d := r.Devices[0]
	if d.Policy.Or("") != "persistent" || d.PolicySource.File != defaultPath || d.PolicySource.Line == 0 || d.Origin.Or("") != "udev-persistent" {
		t.Errorf("got %v from %v, origin %v", d.Policy, d.PolicySource, d.Origin)
	}
	if got, want := brief(today(d.Findings)), "policy-overrides-ports/error"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	all := check(&snap, Options{All: true})
	if got := all.Devices[0].Origin.Or("?"); all.Devices[0].Name != "enp0s8" || got != "master" {
		t.Errorf("%s: origin %v", all.Devices[0].Name, all.Devices[0].Origin)
	}
}

func TestASavedSnapshotGivesTheSameFindings(t *testing.T) {
	snap := machine(map[string]string{defaultPath: defaultLink}, master("bond", "bond0", bondDerived, 3, nic))
	live := check(snap, Options{}).Devices[0].Findings
	snap = WithDerived(snap)
	snap.System.MachineID = snap.System.MachineID.Confidential()
	b, err := json.Marshal(snap)
	if err != nil {
		t.Fatal(err)
	}
	var saved host.Snapshot
	if err := json.Unmarshal(b, &saved); err != nil {
		t.Fatal(err)
	}
	if got := check(&saved, Options{}).Devices[0].Findings; !slices.EqualFunc(got, live, Finding.same) {
		t.Errorf("got %v, want %v", got, live)
	}
}

func TestDropInsOfTheUdevDatabaseAreUnescaped(t *testing.T) {
	got := splitDropIns(`/etc/systemd/network/a.link.d/1.conf:/run/systemd/network/a.link.d/x\x3ay.conf`)
	want := []string{"/etc/systemd/network/a.link.d/1.conf", "/run/systemd/network/a.link.d/x:y.conf"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLintReportsFilesAndNoDevices(t *testing.T) {
	files := store(map[string]string{
		defaultPath: defaultLink + "Nonsense=1\n", "/etc/systemd/network/99-default.link": "[Match]\nKind=bond\n",
	})
	for rel, want := range map[linkfiles.Release]string{
		247: "match-empty/warning shadowed-file/info unknown-key/warning",
		252: "shadowed-file/info",
	} {
		if got := brief(Lint(linkfiles.Parse(&files, rel), Options{})); got != want {
			t.Errorf("systemd %d: got %q, want %q", rel, got, want)
		}
	}
}

func TestTheOldPathOfAFileIsTheSameFile(t *testing.T) {
	d := master("bridge", "br0", "02:00:00:00:00:01", 3, nic)
	d.UdevDB = fact.Known(map[string]string{"ID_NET_LINK_FILE": "/lib/systemd/network/99-default.link"})
	snap := machine(map[string]string{defaultPath: defaultLink}, d)
	snap.Files.Dirs = append(snap.Files.Dirs, linkfiles.Dir{Path: "/lib/systemd/network", Resolved: vendorDir})
	if got := today(check(snap, Options{}).Devices[0].Findings); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestDevicesAreInTheOrderAskedForAndOnlyOnce(t *testing.T) {
	b := master("bridge", "br0", "02:00:00:00:00:02", 3)
	b.AltNames, b.Index = []string{"lan"}, 2
	snap := machine(nil, master("bond", "bond0", nicMAC, 2, nic), b, host.Device{Index: 1, Name: "lo", Flags: 0x8})
	for want, opt := range map[string]Options{
		"br0 bond0":    {},
		"bond0":        {Kinds: []string{"bond"}},
		"lo br0 bond0": {All: true},
		"bond0 br0":    {Targets: []Target{{Name: "bond0"}, {Name: "lan"}, {Name: "br0"}}},
	} {
		var got []string
		for _, d := range check(snap, opt).Devices {
			got = append(got, d.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

// BenchmarkCheck audits 1,000 bridges among 16,000 other links.
func BenchmarkCheck(b *testing.B) {
	var devices []host.Device
	for i := range 1000 {
		d := master("bridge", fmt.Sprintf("br%d", i), bridgeDerived, 3, wire, wire, wire)
		d.Index = i + 1
		devices = append(devices, d)
	}
	for i := range 16000 {
		devices = append(devices, host.Device{Index: 2000 + i, Name: fmt.Sprintf("veth%d", i), Kind: "veth", ARPHRD: 1, MAC: wire.MAC})
	}
	for _, files := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("%d files", files), func(b *testing.B) {
			content := map[string]string{defaultPath: defaultLink}
			for i := 1; i < files; i++ {
				content[fmt.Sprintf("/etc/systemd/network/%04d.link", i)] = "[Match]\nMACAddress=02:00:00:00:00:99\n[Link]\nMTUBytes=1500\n"
			}
			snap := machine(content, devices...)
			snap = WithDerived(snap)
			tree := linkfiles.Parse(&snap.Files, 252)
			for b.Loop() {
				Check(snap, tree, Options{})
			}
		})
	}
}

func TestADoubtfulFileMattersOnlyIfItsSettingsDiffer(t *testing.T) {
	tree := func(policy string) *linkfiles.Tree {
		file := func(name, text string) linkfiles.Entry {
			return linkfiles.Entry{Name: name, Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte(text)}
		}
		return linkfiles.Parse(&linkfiles.Store{Dirs: []linkfiles.Dir{{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{
			file("10-a.link", "[Match]\nVirtualization=vm\n[Link]\nMACAddressPolicy="+policy+"\n"),
			file("99-default.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n"),
		}}}}, 252)
	}
	snap := machine(nil, master("bond", "bond0", nicMAC, 2, nic))
	for _, c := range []struct{ first, want string }{{"persistent", "persistent"}, {"none", ""}} {
		r := Check(snap, tree(c.first), Options{})
		d := r.Devices[0]
		if !d.LinkFile.IsUnknown() || d.Policy.Or("") != c.want || d.Policy.IsUnknown() != (c.want == "") {
			t.Errorf("%s in the first file: link file %v, policy %v", c.first, d.LinkFile, d.Policy)
		}
	}
}
