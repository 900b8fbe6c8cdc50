package linkfiles

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// agrees holds an explanation against the decision.
func agrees(t *testing.T, d *Decider, dev *Device) {
	t.Helper()
	decision := d.Decide(dev)
	verdicts := d.Explain(dev)
	if len(verdicts) != len(d.tree.Files) {
		t.Fatalf("%d verdicts about %d files", len(verdicts), len(d.tree.Files))
	}
	var applies, otherwise *File
	var unknown []UndecidedFile
	reached := true
	for i, v := range verdicts {
		if v.File != d.tree.Files[i] || v.Reached != reached {
			t.Fatalf("verdict %d is about %s (reached: %v)", i, v.File.Path, v.Reached)
		}
		switch v.Fate {
		case FateApplies:
			applies, reached = v.File, false
		case FateOtherwise:
			otherwise, reached = v.File, false
		case FateUnknown:
			if v.Reached {
				unknown = append(unknown, UndecidedFile{v.File, v.Reason, v.Pos})
			}
		case FateLater:
			if v.Reached {
				t.Fatalf("%s is later than nothing", v.File.Path)
			}
		}
		fits := v.Fate == FateApplies || v.Fate == FateOtherwise || v.Fate == FateLater
		if fits != (v.Reason == nil) {
			t.Fatalf("%s is %s, since: %q", v.File.Path, v.Fate, v.Reason)
		}
		if v.Fate == FateNoMatch && v.Pos.Line > 0 && !strings.Contains(v.Reason.String(), v.Key+"=") {
			t.Fatalf("the reason %q is not about %s=", v.Reason, v.Key)
		}
	}
	if applies != decision.File.Or(nil) {
		t.Fatalf("%v applies, but the decision is %+v", applies, decision)
	}
	if d.tree.unread != "" {
		return // the decision names no file then
	}
	if otherwise != decision.Otherwise || len(unknown) != len(decision.Unknown) {
		t.Fatalf("otherwise %v, unknown %v, but the decision is %+v", otherwise, unknown, decision)
	}
	for i, s := range decision.Unknown {
		if u := unknown[i]; s.File != u.File || s.Pos != u.Pos || !s.Reason.Equal(u.Reason) {
			t.Fatalf("unknown %+v, but the decision has %+v", unknown[i], s)
		}
	}
}

// randomTree makes trees whose files ask for a bit of everything.
func randomTree(r *rand.Rand) *Store {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	lines := []func() string{
		func() string { return "MACAddress=" + pick("02:00:00:00:00:01", "02:00:00:00:00:02", "x", "") },
		func() string { return "OriginalName=" + pick("br0", "br*", "!br0", "eth0 eth1", "*", "") },
		func() string { return "Driver=" + pick("bridge", "e1000", "!bridge", "") },
		func() string { return "Path=" + pick("pci-*", "*", "!pci-*") },
		func() string { return "Kind=" + pick("bridge", "bond") },
		func() string { return "Type=" + pick("bridge", "ether") },
		func() string { return "Host=" + pick("host1", "!host1", "elsewhere", strings.Repeat("ab", 16), "") },
		func() string { return "Virtualization=" + pick("vm", "container", "!vm", "private-users", "") },
		func() string { return "KernelCommandLine=" + pick("quiet", "!quiet", "root", "x=y") },
		func() string { return "KernelVersion=" + pick(">=5", "<5", "6.*", "!6.*") },
		func() string { return "Credential=" + pick("c1", "!c1", "c2") },
		func() string { return "MachineTag=" + pick("web", "!web", "db") },
		func() string {
			return "Firmware=" + pick("uefi", "!uefi", "device-tree", "device-tree-compatible(x)", "smbios-field(sys_vendor=X)", "smbios-field(a=b)", "z")
		},
		func() string { return "Property=ID_X=" + pick("1", "2") },
		func() string { return "nonsense" },
		func() string { return "[Link]\nMACAddressPolicy=" + pick("none", "persistent", "random", "x", "") },
		func() string {
			return "[Link]\nAlternativeName=" + pick("a", "b", "") + "\nMTUBytes=" + pick("1500", "x")
		},
		func() string { return "[Link]\nWakeOnLan=" + pick("off", "phy", "magic", "") },
		func() string { return "[SR-IOV]\nVirtualFunction=" + pick("1", "2", "x") },
	}
	text := func() []byte {
		var b strings.Builder
		b.WriteString("[Match]\n")
		for range r.IntN(6) {
			b.WriteString(lines[r.IntN(len(lines))]() + "\n")
			if r.IntN(3) == 0 {
				b.WriteString("[Match]\n")
			}
		}
		return []byte(b.String())
	}
	dirs := []Dir{{Path: etcDir}, {Path: "/usr/lib/systemd/network"}}
	for i := range 1 + r.IntN(14) {
		e := Entry{Name: fmt.Sprintf("%02d.link", i), Type: TypeRegular, Mode: 0o644, Content: text()}
		switch r.IntN(16) {
		case 0:
			e.Content, e.Err = nil, "EACCES"
		case 1:
			e.Type, e.Content = TypeNull, nil
		case 2:
			e.Content = []byte{}
		}
		d := &dirs[r.IntN(2)]
		d.Entries = append(d.Entries, e)
		if r.IntN(3) == 0 {
			d.DropIns = append(d.DropIns, Dir{Path: d.Path + "/" + e.Name + ".d", Entries: []Entry{{Name: "x.conf", Type: TypeRegular, Mode: 0o644, Content: text()}}})
		}
	}
	if r.IntN(20) == 0 {
		dirs[1] = Dir{Path: dirs[1].Path, Err: "EACCES"}
	}
	return &Store{Dirs: dirs}
}

func TestExplainAgreesWithDecide(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	fates := map[Fate]int{}
	for range 4000 {
		rel := OldestRelease + Release(r.IntN(int(NewestRelease-OldestRelease)+1))
		sys := testSystem()
		if r.IntN(3) == 0 {
			sys = &System{}
		}
		d := Parse(randomTree(r), rel).For(sys)
		devices := []*Device{bridge(), {Name: "lo", Loopback: true}, {Name: "eth0"}}
		for _, dev := range devices {
			agrees(t, d, dev)
		}
		for _, v := range d.Explain(devices[0]) {
			fates[v.Fate]++
		}
	}
	for _, f := range []Fate{FateApplies, FateOtherwise, FateUnknown, FateNoMatch, FateUnused, FateLater} {
		if fates[f] < 100 {
			t.Errorf("only %d files were %s", fates[f], f)
		}
	}
}

func TestSettingsAgreeWithTheEffectivePolicy(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 3))
	for range 4000 {
		rel := OldestRelease + Release(r.IntN(int(NewestRelease-OldestRelease)+1))
		tree := Parse(randomTree(r), rel)
		for _, f := range tree.Files {
			if f.State != StateActive {
				continue
			}
			var last *SettingLine
			lines := tree.Settings(f)
			if len(lines) != len(f.Assignments) {
				t.Fatal("a line is missing")
			}
			for i, l := range lines {
				if l.Section == "Link" && l.Key == "MACAddressPolicy" && l.State == SettingEffective {
					if last != nil {
						t.Fatalf("two policies are effective: %+v", lines)
					}
					last = &lines[i]
				}
				if (l.By != Pos{}) != (l.State == SettingReplaced || l.State == SettingReset) {
					t.Fatalf("%+v", l)
				}
			}
			set, ok := f.MACAddressPolicy()
			if ok != (last != nil) || ok && last.Pos != set.Pos {
				t.Fatalf("systemd %d: %+v is effective, not %+v", rel, set, last)
			}
		}
	}
}

func TestWhatBecomesOfLines(t *testing.T) {
	main := `[Match]
OriginalName=br0
Host=host1
[Link]
AlternativeName=a
AlternativeName=b
MTUBytes=1400
MTUBytes=junk
WakeOnLan=phy
WakeOnLanPassword=00:11:22:33:44:55
MACAddressPolicy=persistent
Description=x
`
	dropIn := `[Match]
Host=0123456789abcdef0123456789abcdef
OriginalName=br1
[Link]
MTUBytes=1500
WakeOnLan=magic
AlternativeName=
Description=
`
	store := storeOf(main, dropIn)
	tree := Parse(store, 257)
	want := map[string]SettingState{
		"10-x.link:2": SettingEffective, "10-x.link:3": SettingReplaced,
		"10-x.link:5": SettingReset, "10-x.link:6": SettingReset, "10-x.link:7": SettingReplaced, "10-x.link:8": SettingIgnored,
		"10-x.link:9": SettingEffective, "10-x.link:10": SettingEffective, "10-x.link:11": SettingEffective, "10-x.link:12": SettingReset,
		"y.conf:2": SettingEffective, "y.conf:3": SettingEffective, "y.conf:5": SettingEffective, "y.conf:6": SettingEffective,
		"y.conf:7": SettingResets, "y.conf:8": SettingResets,
	}
	secret := map[string]bool{"10-x.link:10": true, "y.conf:2": true}
	for _, l := range tree.Settings(tree.Files[0]) {
		at := l.Pos.String()[strings.LastIndexByte(l.Pos.String(), '/')+1:]
		if l.State != want[at] || l.Secret() != secret[at] {
			t.Errorf("%s %s=%s is %s (secret: %v), want %s", at, l.Key, l.Value, l.State, l.Secret(), want[at])
		}
		delete(want, at)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// FuzzExplain: the explanation and the decision never part.
func FuzzExplain(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, "")
		f.Add("[Match]\nOriginalName=*\n", s)
	}
	f.Fuzz(func(t *testing.T, main, dropIn string) {
		for _, rel := range []Release{OldestRelease, 247, 252, NewestRelease} {
			tree := Parse(storeOf(main, dropIn), rel)
			agrees(t, tree.For(testSystem()), bridge())
			agrees(t, tree.For(&System{}), &Device{Name: "x", MAC: Absent[MAC]()})
			for _, file := range tree.Files {
				tree.Settings(file)
			}
		}
	})
}
