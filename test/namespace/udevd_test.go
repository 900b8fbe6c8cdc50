//go:build namespace

package namespace

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"linkaudit/test/roots"
	"linkaudit/test/tool"
)

// suites are the Debian releases for which test/roots makes roots, with their release
// of systemd; 0 is the newest.
var suites = []place{
	{"bullseye", roots.Of("bullseye"), 247},
	{"bookworm", roots.Of("bookworm"), 252},
	{"trixie", roots.Of("trixie"), 257},
	{"sid", roots.Of("sid"), 0},
}

const defaultLink = "/usr/lib/systemd/network/99-default.link"

// place is a tree with a udevd.
type place struct {
	name, root string
	systemd    int // 0 is any
}

// places are the roots that this run takes, and this machine if its release is another
// one.
func places(t *testing.T) []place {
	t.Helper()
	all := slices.Clone(suites)
	here := here(t)
	if here < 0 {
		here = len(all)
		all = append(all, place{"this machine", "/", 0})
	}
	return some(t, all, here)
}

// releases are the roots that the run takes.
func releases(t *testing.T) []place {
	t.Helper()
	return some(t, suites, max(here(t), 0))
}

// here is the suite with the release of this machine, -1 if there is none.
func here(t *testing.T) int {
	t.Helper()
	version, err := exec.Command("udevadm", "--version").Output()
	need(t, err == nil, "udevadm is not installed (Debian package udev)")
	release := releaseOf(t, "/", string(version))
	return slices.IndexFunc(suites, func(s place) bool { return s.systemd == release })
}

// some are all, or in .ci/run the one at the index and a random one for the test:
// together the tests take all of them.
func some(t *testing.T, all []place, always int) []place {
	t.Helper()
	if tool.Full() {
		return all
	}
	other := draw(t).IntN(len(all) - 1)
	if other >= always {
		other++
	}
	t.Logf("%s=%d: %s and %s; make full takes all %d", seedVariable, seed(), all[always].name, all[other].name, len(all))
	return []place{all[always], all[other]}
}

// TestTheWholeStoryUnderARealUdevd runs once for each udevd: created under the default,
// fixed by a file, by a drop-in, and without udev's policy.
func TestTheWholeStoryUnderARealUdevd(t *testing.T) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) { story(t, p.root, p.systemd) })
	}
}

func story(t *testing.T, root string, systemd int) {
	s := newStage(t, root)
	if systemd != 0 && s.release != systemd {
		t.Fatalf("%s has systemd %d, not %d", root, s.release, systemd)
	}
	s.startUdevd()
	step := s.steps(t)
	// The line is looked up without the code under test.
	line := 0
	for i, l := range strings.Split(s.read(defaultLink), "\n") {
		if l == "MACAddressPolicy=persistent" {
			line = i + 1
		}
	}
	if line == 0 {
		t.Fatalf("%s does not set the policy", defaultLink)
	}

	step("a bridge under the default gets its address from udevd, as foretold", func(t *testing.T) {
		before, _ := s.json("br0", "--kind", "bridge")
		s.add("br0", "type", "bridge")
		rep, r := s.json()
		if r.status != 1 {
			t.Errorf("status %d", r.status)
		}
		if v := fmt.Sprint(s.release); str(rep.Host.SystemdVersion) != v || str(rep.Host.Udevd) != "running" || str(rep.Host.Hostname) != "stage" {
			t.Errorf("host %s: %v", v, r)
		}
		d := rep.device(t, "br0")
		if len(rep.Devices) != 1 || d.Kind != "bridge" || !d.Present {
			t.Errorf("devices: %v", r)
		}
		if str(d.Policy) != "persistent" || str(d.LinkFile) != defaultLink || d.Source == nil || d.Source.File != defaultLink || d.Source.Line != line {
			t.Errorf("not persistent by %s:%d: %v", defaultLink, line, r)
		}
		if str(d.Applied.LinkFile) != s.property("br0", "ID_NET_LINK_FILE") {
			t.Errorf("udevd applied %s: %v", s.property("br0", "ID_NET_LINK_FILE"), r)
		}
		mac := s.sysfs("br0", "address")
		if d.Live.MAC != mac || str(d.Live.AddrAssignType) != "set" || s.sysfs("br0", "addr_assign_type") != "3" {
			t.Errorf("the device has %s: %v", mac, r)
		}
		if str(d.Origin) != "udev-persistent" || str(d.PersistentMAC) != mac || !d.has("policy-overrides-ports") || d.has("address-set-by-udev") {
			t.Errorf("the address is udev's: %v", r)
		}
		b := before.device(t, "br0")
		foretold := mac
		if before.Host.NamingScheme == nil {
			// Without a device in udev's database the scheme may be in doubt, for
			// example if /.dockerenv is left on a machine that is not a container.
			foretold = "null"
		}
		if b.Present || str(b.LinkFile) != str(d.LinkFile) || str(b.Policy) != str(d.Policy) || b.Source == nil || *b.Source != *d.Source ||
			str(b.PersistentMAC) != foretold || !b.has("device-missing") || !b.has("policy-overrides-ports") || b.Live != nil {
			t.Errorf("before it was created the answer was another one: %+v", b)
		}

		text := s.audit("check")
		if text.status != 1 {
			t.Errorf("as text: %v", text)
		}
		for _, want := range []string{"br0", "persistent", fmt.Sprintf("%s:%d", defaultLink, line), mac, "set by udev", "[policy-overrides-ports]"} {
			if !strings.Contains(text.stdout, want) {
				t.Errorf("the text has no %q: %v", want, text)
			}
		}
		narrow(t, text)
		if other := s.audit("check", "br0"); other.stdout == "" || other.status != 1 {
			t.Errorf("by name: %v", other)
		}
	})

	step("every kind of device is matched as udevd matched it", func(t *testing.T) {
		s.must("ip", "link", "add", "ve0", "type", "veth", "peer", "name", "ve1")
		s.must("ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789", "dev", "ve0")
		s.must("ip", "link", "add", "mv0", "link", "ve0", "type", "macvlan")
		// As at boot; up to 248 lo gets a file as well.
		s.must("udevadm", "trigger", "--action=add", "/sys/class/net/lo")
		s.settle("ve0", "ve1", "vx0", "mv0")
		rep, r := s.json("--all")
		var names []string
		for _, l := range s.links() {
			names = append(names, l.Name)
			d := rep.device(t, l.Name)
			if d.Kind != l.Info.Kind || d.Live == nil || d.Live.MAC != l.Address {
				t.Errorf("ip says %+v: %+v", l, d)
			}
			applied := s.property(l.Name, "ID_NET_LINK_FILE")
			if str(d.LinkFile) != applied {
				t.Errorf("udevd applied %q to %s, not %s", applied, l.Name, str(d.LinkFile))
			}
			if d.has("applied-file-differs") {
				t.Errorf("%s: %v", l.Name, d.Findings)
			}
			// Software devices start with a random address: 3 means that udev set it.
			if l.Info.Kind != "" {
				if typ := s.sysfs(l.Name, "addr_assign_type"); typ != "3" || str(d.PersistentMAC) != l.Address || str(d.Origin) != "udev-persistent" {
					t.Errorf("%s has %s of type %s: %+v", l.Name, l.Address, typ, d)
				}
			}
		}
		if len(rep.Devices) != len(names) {
			t.Errorf("%d devices of %d: %v", len(rep.Devices), len(names), r)
		}
		for _, kind := range []string{"veth", "vxlan", "macvlan", "bridge"} {
			rep, _ := s.json("--kind", kind)
			var got, want []string
			for _, d := range rep.Devices {
				got = append(got, d.Name)
			}
			for _, l := range s.links() {
				if l.Info.Kind == kind {
					want = append(want, l.Name)
				}
			}
			sort.Strings(got)
			sort.Strings(want)
			if !slices.Equal(got, want) {
				t.Errorf("--kind %s: %v, but ip says %v", kind, got, want)
			}
		}
		if rep, r := s.json("ve0", "nosuch0", "--kind", "veth"); len(rep.Devices) != 2 || rep.Devices[1].Present || str(rep.Devices[1].LinkFile) != defaultLink {
			t.Errorf("%v", r)
		}
		if r := s.audit("check", "nosuch0"); r.status != 2 || !strings.Contains(r.stderr, "nosuch0") || !strings.Contains(r.stderr, "--kind") {
			t.Errorf("%v", r)
		}
	})

	step("a snapshot gives the same audit anywhere else", func(t *testing.T) { s.sameFromSnapshot(t) })

	step("so it does with files that ask for everything", func(t *testing.T) {
		for i, match := range []string{"Property=SITE_ROLE=uplink", "Property=INTERFACE=zz0", "Driver=zz", "OriginalName=zz0", "Path=zz", "Type=zz",
			"Kind=zz", "PermanentMACAddress=02:00:00:00:00:01", "MACAddress=02:00:00:00:00:01", "Host=zz", "Host=" + machineID,
			"Virtualization=zvm", "KernelCommandLine=zz", "KernelVersion=<2", "Architecture=s390", "Credential=zz", "Firmware=uefi", "MachineTag=zz"} {
			s.write(fmt.Sprintf("/etc/systemd/network/%d.link", 10+i), "[Match]\n"+match+"\nOriginalName=zz*\n\n[Link]\nMACAddressPolicy=none\n")
		}
		s.write("/etc/systemd/network/40-ve0.link", "[Match]\nOriginalName=ve0\n\n[Link]\nMACAddressPolicy=none\n")
		s.write("/etc/systemd/network/50.link", "[Match]\nProperty=ID_NET_DRIVER=veth\n\n[Link]\nMACAddressPolicy=none\n")
		for _, name := range []string{"br0", "ve0", "ve1", "lo"} {
			rep, r := s.json(name)
			if want, _ := s.applies(name, patience()); str(rep.device(t, name).LinkFile) != want {
				t.Errorf("udevd applies %q to %s: %v", want, name, r)
			}
		}
		s.sameFromSnapshot(t)
		s.clear()
	})

	const noneFile = "/etc/systemd/network/10-none.link"
	step("a file with none, a reload, a new bridge: clean", func(t *testing.T) {
		s.write(noneFile, "[Match]\nDriver=bridge\n\n[Link]\nMACAddressPolicy=none\n")
		s.reload()
		s.add("br1", "type", "bridge")
		rep, r := s.json("br1")
		d := rep.device(t, "br1")
		if r.status != 0 || str(d.Policy) != "none" || str(d.LinkFile) != noneFile || d.Source == nil || d.Source.Line != 5 ||
			str(d.Applied.LinkFile) != noneFile || str(d.Origin) != "kernel-random" || str(d.Live.AddrAssignType) != "random" {
			t.Errorf("%v", r)
		}
		if typ := s.sysfs("br1", "addr_assign_type"); typ != "1" {
			t.Errorf("addr_assign_type %s", typ)
		}
		if text := s.audit("check", "br1"); text.status != 0 || !strings.Contains(text.stdout, "none at "+noneFile+":5") {
			t.Errorf("%v", text)
		}
		if quiet := s.audit("check", "br1", "--quiet"); quiet.status != 0 || quiet.stdout != "" {
			t.Errorf("%v", quiet)
		}
		// The old bridge still has what the old file set.
		rep, r = s.json()
		old := rep.device(t, "br0")
		if r.status != 1 || str(old.Policy) != "none" || str(old.LinkFile) != noneFile || str(old.Applied.LinkFile) != defaultLink || str(old.Origin) != "udev-persistent" ||
			!old.has("applied-file-differs") || !old.has("address-set-by-udev") || old.has("policy-overrides-ports") {
			t.Errorf("%v", r)
		}
		// Without ports it has a made-up address, each time another one.
		if d := rep.device(t, "br1"); d.has("policy-overrides-ports") || d.has("address-set-by-udev") || d.has("applied-file-differs") || !d.has("address-changes-on-boot") || d.has("prediction-unknown") {
			t.Errorf("%v", d.Findings)
		}
		s.must("ip", "link", "del", "br0")
		s.add("br0", "type", "bridge")
		if r := s.audit("check"); r.status != 0 {
			t.Errorf("both bridges are new: %v", r)
		}
	})

	step("--from with --root takes the files from there", func(t *testing.T) {
		snap := filepath.Join(t.TempDir(), "snapshot.json")
		if err := os.WriteFile(snap, []byte(s.audit("snapshot").stdout), 0o644); err != nil {
			t.Fatal(err)
		}
		if d := parse(t, outside(t, "check", "--format", "json", "--from", snap)).device(t, "br1"); str(d.Policy) != "none" {
			t.Errorf("%+v", d)
		}
		// The root itself has only its vendor's files.
		image := root
		if root == "/" {
			image = t.TempDir()
			copyFile(t, defaultLink, filepath.Join(image, defaultLink))
		}
		d := parse(t, outside(t, "check", "--format", "json", "--from", snap, "--root", image)).device(t, "br1")
		if str(d.Policy) != "persistent" || str(d.LinkFile) != defaultLink || d.Source == nil || d.Source.Line != line ||
			str(d.Applied.LinkFile) != noneFile || !d.has("applied-file-differs") || !d.has("policy-overrides-ports") {
			t.Errorf("%+v", d)
		}
	})

	step("without the file, check reports that the fixed bridge differs", func(t *testing.T) {
		s.remove(noneFile)
		s.reload()
		rep, r := s.json("br1")
		d := rep.device(t, "br1")
		if r.status != 1 || str(d.Policy) != "persistent" || str(d.Applied.LinkFile) != noneFile || str(d.Origin) != "kernel-random" || !d.has("applied-file-differs") {
			t.Errorf("%v", r)
		}
	})

	step("a drop-in works, or check says that this release reads none", func(t *testing.T) {
		const dropIn = "/etc/systemd/network/99-default.link.d/10-none.conf"
		s.write(dropIn, "[Link]\nMACAddressPolicy=none\n")
		s.reload()
		s.add("br2", "type", "bridge")
		rep, r := s.json("br2")
		d := rep.device(t, "br2")
		unsupported := false
		for _, f := range rep.all() {
			if f.Rule == "drop-in-unsupported" {
				unsupported = f.File == dropIn
			}
		}
		typ := s.sysfs("br2", "addr_assign_type")
		switch {
		case s.release < 250: // the change is in systemd 250's NEWS at the latest
			if typ != "3" || r.status != 1 || !unsupported || str(d.Policy) != "persistent" || len(d.DropIns) != 0 {
				t.Errorf("type %s: %v", typ, r)
			}
		default:
			if typ != "1" || r.status != 0 || unsupported || str(d.Policy) != "none" || !slices.Equal(d.DropIns, []string{dropIn}) ||
				str(d.LinkFile) != defaultLink || d.Source == nil || d.Source.File != dropIn || d.Source.Line != 2 {
				t.Errorf("type %s: %v", typ, r)
			}
			old, _ := s.json("br0")
			told := s.property("br2", "ID_NET_LINK_FILE_DROPINS")
			if s.release >= 257 && told != dropIn {
				t.Errorf("udevd names the drop-ins %q", told)
			}
			if d := old.device(t, "br0"); !d.has("applied-file-differs") {
				t.Errorf("br0 was made under 10-none.link: %+v", d)
			}
			// ve0 was created under the same file without the drop-in.
			port, _ := s.json("ve0")
			if d := port.device(t, "ve0"); d.has("applied-file-differs") != (told != "") || !d.has("address-set-by-udev") {
				t.Errorf("udevd's database names drop-ins %q: %+v", told, d)
			}
		}
		s.remove(filepath.Dir(dropIn))
		s.reload()
	})

	step("without the rule no .link file is applied", func(t *testing.T) {
		const rule = "/etc/udev/rules.d/80-net-setup-link.rules"
		if err := os.Symlink("/dev/null", s.path(rule)); err != nil {
			t.Fatal(err)
		}
		s.reload()
		s.add("br3", "type", "bridge")
		rep, r := s.json("br3")
		d := rep.device(t, "br3")
		if typ := s.sysfs("br3", "addr_assign_type"); typ != "1" || !rep.has("net-setup-link-disabled") || r.status != 1 ||
			d.has("policy-overrides-ports") || str(d.Origin) != "kernel-random" || str(d.Applied.LinkFile) != "" {
			t.Errorf("type %s: %v", typ, r)
		}
		s.remove(rule)
		s.reload()
	})

	step("with udevd stopped no .link file is applied", func(t *testing.T) {
		s.stopUdevd()
		s.must("ip", "link", "add", "br4", "type", "bridge")
		rep, r := s.json("br4")
		d := rep.device(t, "br4")
		if str(rep.Host.Udevd) != "stopped" || !rep.has("udevd-not-running") || r.status != 1 || d.has("policy-overrides-ports") ||
			str(d.Origin) != "kernel-random" || str(d.LinkFile) != defaultLink || str(d.Policy) != "persistent" {
			t.Errorf("%v", r)
		}
		if s.sysfs("br4", "addr_assign_type") != "1" {
			t.Error("somebody set the address")
		}
		s.sameFromSnapshot(t)
	})

	if root == "/" {
		return
	}
	step("the tree is audited as an image that never booted", func(t *testing.T) {
		r := outside(t, "check", "--format", "json", "--root", root, "br0", "--kind", "bridge")
		rep := parse(t, r)
		d := rep.device(t, "br0")
		if str(rep.Host.SystemdVersion) != fmt.Sprint(s.release) || rep.Host.Udevd != nil || rep.Host.Hostname != nil || d.Present ||
			str(d.Policy) != "persistent" || str(d.LinkFile) != defaultLink || d.Source == nil || d.Source.Line != line {
			t.Errorf("%v", r)
		}
		if r := outside(t, "lint", "--root", root); r.status != 0 {
			t.Errorf("the vendor's own files: %v", r)
		}
		if r := outside(t, "check", "--root", root); r.status == 2 {
			t.Errorf("an image has no devices: %v", r)
		}
	})
}

// sameFromSnapshot compares audits in the stage with those of a snapshot of it, read
// outside.
func (s *stage) sameFromSnapshot(t *testing.T) {
	t.Helper()
	var differ []string
	for range tries {
		// A stage sees all processes of the machine. If it has no udevd of its own, an
		// audit reports any other udevd, and those come and go with other suites. Other
		// differences occur each time.
		if differ = s.differFromSnapshot(t); len(differ) == 0 || s.udevd != nil {
			break
		}
	}
	for _, d := range differ {
		t.Error(d)
	}
}

func (s *stage) differFromSnapshot(t *testing.T) (differ []string) {
	t.Helper()
	r := s.audit("snapshot")
	if r.status != 0 {
		t.Fatalf("%v", r)
	}
	snap := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(snap, []byte(r.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	id := machineID
	for _, secret := range []string{id, strings.ToUpper(id), id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]} {
		if strings.Contains(r.stdout, secret) {
			t.Error("the machine-id is in the snapshot")
		}
	}
	// The address of a future device can be predicted only with the machine ID.
	with := s.audit("snapshot", "--with-machine-id")
	if !strings.Contains(strings.ReplaceAll(with.stdout, "-", ""), id) {
		t.Error("--with-machine-id saves none")
	}
	full := filepath.Join(t.TempDir(), "full.json")
	if err := os.WriteFile(full, []byte(with.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	selections := [][]string{{}, {"--all"}, {"--kind", "veth,bridge"}, {"ve0"}, {"br0", "nosuch0", "--kind", "bridge"}, {"nosuch0", "--kind", "bond"}}
	outputs := [][]string{{}, {"--format", "json"}, {"--severity", "info"}, {"--quiet"}}
	for _, sel := range selections {
		for _, out := range outputs {
			args := append(append([]string{"check"}, sel...), out...)
			live := s.audit(args...)
			from := snap
			if slices.Contains(sel, "nosuch0") {
				from = full
			}
			saved := outside(t, append(args, "--from", from)...)
			if anywhere(live.stdout) != anywhere(saved.stdout) || live.status != saved.status {
				differ = append(differ, fmt.Sprintf("live %v\nfrom the snapshot %v", live, saved))
			}
			if strings.Contains(live.stdout, id) {
				t.Errorf("the machine-id is in the output: %v", live)
			}
		}
	}
	return differ
}

// anywhere is a report without the host on which to run a remedy: a snapshot's report
// names it, and its lines break elsewhere.
func anywhere(report string) string {
	report = strings.ReplaceAll(report, `"host": "stage"`, `"host": ""`)
	return strings.NewReplacer(" (on stage)", "", "sudo ", "").Replace(strings.Join(strings.Fields(report), " "))
}

// property reads the udev database, as udevadm does.
func (s *stage) property(name, key string) string {
	s.t.Helper()
	for l := range strings.Lines(s.must("udevadm", "info", "--query=property", "/sys/class/net/"+name)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), key+"="); ok {
			return v
		}
	}
	return ""
}

func (s *stage) sysfs(name, attribute string) string {
	s.t.Helper()
	return strings.TrimSpace(s.must("cat", "/sys/class/net/"+name+"/"+attribute))
}

// ipLink is a device as ip(8) shows it.
type ipLink struct {
	Name    string `json:"ifname"`
	Index   int    `json:"ifindex"`
	Address string
	Info    struct {
		Kind string `json:"info_kind"`
	} `json:"linkinfo"`
}

func (s *stage) links() []ipLink {
	s.t.Helper()
	var links []ipLink
	if err := json.Unmarshal([]byte(s.must("ip", "-d", "-j", "link", "show")), &links); err != nil {
		s.t.Fatal(err)
	}
	return links
}

// narrow checks that a text fits a terminal of 80 columns if possible: names of files
// are never broken.
func narrow(t *testing.T, r result) {
	t.Helper()
	for l := range strings.Lines(r.stdout) {
		if len([]rune(strings.TrimSuffix(l, "\n"))) > 80 && !strings.Contains(l, "/") {
			t.Errorf("wider than 80 columns: %q", l)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
