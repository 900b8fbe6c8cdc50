package audit

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// The addresses are those that udevd 247 set. It also left addresses with
// addr_assign_type 2 or 3 unchanged.
func TestTheNextAddEventReplacesOnlyARandomAddress(t *testing.T) {
	const random = "02:00:00:00:00:01"
	vendor := map[string]string{defaultPath: defaultLink}
	with := func(link string) map[string]string {
		return map[string]string{defaultPath: defaultLink, "/etc/systemd/network/10-b.link": "[Match]\nOriginalName=bond*\n[Link]\n" + link + "\n"}
	}
	still := func(f func(*host.Snapshot)) *host.Snapshot {
		s := machine(vendor, master("bond", "bond0", random, 1))
		f(s)
		return s
	}
	for name, c := range map[string]struct {
		snap *host.Snapshot
		want string // "?": unknown
	}{
		"a random address becomes the derived one": {machine(vendor, master("bond", "bond0", random, 1)), bondDerived},
		"a port's address stays":                   {machine(vendor, master("bond", "bond0", nicMAC, 2, nic)), nicMAC},
		"an address that was set stays":            {machine(vendor, master("bond", "bond0", random, 3)), random},
		"none does not change it":                  {machine(with("MACAddressPolicy=none"), master("bond", "bond0", random, 1)), random},
		"no file does not change it":               {machine(nil, master("bond", "bond0", random, 1)), random},
		"MACAddress= is set":                       {machine(with("MACAddress=02:00:00:00:00:07"), master("bond", "bond0", random, 3)), "02:00:00:00:00:07"},
		"random makes up another one":              {machine(with("MACAddressPolicy=random"), master("bond", "bond0", random, 0)), "?"},
		"udevd does not run":                       {still(func(s *host.Snapshot) { s.Udev.Running = fact.Known(false) }), random},
		"udevd may run or not":                     {still(func(s *host.Snapshot) { s.Udev.Running = fact.Unknown[bool](fact.Told("hidden")) }), "?"},
		"no rule runs net_setup_link":              {still(func(s *host.Snapshot) { s.Udev.SetupLinkRule = fact.Absent[string]() }), random},
		"the machine ID is unknown":                {still(func(s *host.Snapshot) { s.System.MachineID = linkfiles.UnknownMachineID(linkfiles.Told("no rights")) }), "?"},
	} {
		d := check(c.snap, Options{}).Devices[0]
		if got := d.AfterAdd.Or("?"); got != linkfiles.MAC(c.want) {
			t.Errorf("%s: got %v, want %s", name, d.AfterAdd, c.want)
		}
		// If the persistent address is unknown, that says it all.
		says := "add-event-unknown/info"
		if d.Persistent.IsUnknown() {
			says = "persistent-address-unknown/info"
		}
		if said := strings.Contains(brief(d.Findings), says); said != (c.want == "?") {
			t.Errorf("%s: findings %s", name, brief(d.Findings))
		}
	}
	absent := check(machine(vendor), Options{Targets: []Target{{"bond0", "bond"}}}).Devices[0]
	if got := absent.AfterAdd.Or("?"); got != bondDerived {
		t.Errorf("a future bond: got %v", absent.AfterAdd)
	}
}

// udevd 262 applies a .link file with such a name, but writes no ID_NET_LINK_FILE to
// its database. udevd 257 writes the name unchanged.
func TestAFileThatUdevCannotRecord(t *testing.T) {
	for name, c := range map[string]struct {
		rel  linkfiles.Release
		file string
		db   map[string]string
		want string
	}{
		"not UTF-8, 262":              {262, "10-\xff.link", nil, "applied-file-unknown/info"},
		"an escape sequence, 260":     {260, "10-\x1b[2J.link", nil, "applied-file-unknown/info"},
		"a noncharacter, 262":         {262, "10-\ufdd0.link", nil, "applied-file-unknown/info"},
		"U+0080 is recorded, 262":     {262, "10-\u0080.link", nil, "applied-file-differs/info"},
		"an ordinary name, 262":       {262, "10-a.link", nil, "applied-file-differs/info"},
		"not UTF-8, 259":              {259, "10-\xff.link", nil, "applied-file-differs/info"},
		"not UTF-8 and recorded, 259": {259, "10-\xff.link", map[string]string{"ID_NET_LINK_FILE": "/etc/systemd/network/10-\xff.link"}, ""},
		"a newline, 257":              {257, "10-a\nb.link", map[string]string{"ID_NET_LINK_FILE": "/etc/systemd/network/10-a"}, ""},
	} {
		d := master("bond", "bond0", nicMAC, 2, nic)
		d.UdevDB = fact.Known(map[string]string{"ID_NET_DRIVER": "bonding"})
		if c.db != nil {
			d.UdevDB = fact.Known(c.db)
		}
		snap := machine(map[string]string{"/etc/systemd/network/" + c.file: "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=none\n"}, d)
		snap.Systemd.Release = fact.Known(c.rel)
		if got := brief(check(snap, Options{}).Devices[0].Findings); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestAStoppedUdevdIsNoFaultIfNoDeviceIsAudited(t *testing.T) {
	snap := machine(map[string]string{defaultPath: defaultLink})
	snap.Udev = host.Udev{Running: fact.Known(false), SetupLinkRule: fact.Absent[string]()}
	if got, want := brief(check(snap, Options{}).Findings), "net-setup-link-disabled/info udevd-not-running/info"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Each remedy must fix the actual cause.
func TestTheHelpFitsWhatIsMissing(t *testing.T) {
	entry := func(e linkfiles.Entry) func(*host.Snapshot) {
		return func(s *host.Snapshot) {
			e.Name, e.Mode = "10-x.link", 0o644
			s.Files.Dirs[0].Entries = []linkfiles.Entry{e}
		}
	}
	property := func(s *host.Snapshot) {
		s.Files.Dirs[0].Entries = []linkfiles.Entry{{Name: "10-x.link", Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte("[Match]\nProperty=X=1\n")}}
	}
	const (
		asRoot = "run the audit, or take the snapshot, as root"
		first  = "fix first what the finding unreadable-file says about this path"
	)
	for name, c := range map[string]struct {
		change       func(*host.Snapshot)
		opt          Options
		match, unred string // the help of unknown-match and unreadable-file
	}{
		"a file that may not be read":      {entry(linkfiles.Entry{Type: linkfiles.TypeRegular, Err: "EACCES"}), Options{}, first, asRoot},
		"a file that cannot be read":       {entry(linkfiles.Entry{Type: linkfiles.TypeRegular, Err: "EIO"}), Options{}, first, "make the file readable, or remove it"},
		"a file that is too large":         {entry(linkfiles.Entry{Type: linkfiles.TypeRegular, Refused: "larger than 16 MiB"}), Options{}, first, words.RuleHelp("unreadable-file")},
		"a FIFO":                           {entry(linkfiles.Entry{Type: linkfiles.TypeFIFO}), Options{}, first, words.RuleHelp("unreadable-file")},
		"a directory that may not be read": {func(s *host.Snapshot) { s.Files.Dirs[0].Err = "EACCES" }, Options{}, first, asRoot},
		"the udev database": {func(s *host.Snapshot) {
			property(s)
			s.Devices[0].UdevDB = fact.Unknown[map[string]string](fact.Told("permission denied"))
		}, Options{}, words.RuleHelp("unknown-match"), ""},
		"udev never ran": {func(s *host.Snapshot) {
			property(s)
			s.Udev.Running = fact.Known(false)
			s.Devices[0].UdevDB = fact.Unknown[map[string]string](fact.Told("/run/udev/data: no such file or directory"))
		}, Options{}, "run the audit where systemd-udevd runs: its database is missing here", ""},
		"a device without its kind":      {property, Options{Targets: []Target{{"x0", ""}}}, "give the kind of the device with --kind", ""},
		"a kind that does not exist yet": {property, Options{Targets: []Target{{"x0", "wireguard"}}}, "run the audit again when the device exists", ""},
		"an image": {func(s *host.Snapshot) { property(s); s.Offline = true }, Options{Targets: []Target{{"br9", "bridge"}}},
			"run the audit on a running machine: an image does not show this", ""},
	} {
		snap := machine(map[string]string{defaultPath: defaultLink}, master("bond", "bond0", nicMAC, 2, nic))
		c.change(snap)
		r := check(snap, c.opt)
		help := map[string]string{}
		for _, f := range append(r.Findings, r.Devices[0].Findings...) {
			help[f.Rule] = words.Help(f.Rule, f.Help)
		}
		if help["unknown-match"] != c.match || help["unreadable-file"] != c.unred {
			t.Errorf("%s: got %q and %q, want %q and %q", name, help["unknown-match"], help["unreadable-file"], c.match, c.unred)
		}
	}
}

// Seen with the kernels of four releases (TestFirstModesOfABond in test/vm): while
// fail_over_mac is active or follow, the bonding driver ignores an address but marks it
// as set.
func TestABondThatIgnoresAddresses(t *testing.T) {
	const random = "ba:5c:22:23:27:0b"
	for name, c := range map[string]struct {
		mode, failOver, mac string
		assign              host.AddrAssignType
		origin, after, rule string
	}{
		"follow keeps a random address that is marked as set": {"active-backup", "follow", random, 3, "?", random, "policy-overrides-ports/error"},
		"active has its active port's":                        {"active-backup", "active", nicMAC, 2, "port", nicMAC, ""},
		"other modes have no such option":                     {"802.3ad", "none", bondDerived, 3, "udev-persistent", bondDerived, "policy-overrides-ports/error"},
	} {
		d := master("bond", "bond0", c.mac, c.assign, nic)
		d.Bond = &host.Bond{Mode: c.mode, FailOverMAC: c.failOver}
		r := check(machine(map[string]string{defaultPath: defaultLink}, d), Options{}).Devices[0]
		if r.Origin.Or("?") != c.origin || r.AfterAdd.Or("?") != linkfiles.MAC(c.after) {
			t.Errorf("%s: origin %v, after the next add event %v", name, r.Origin, r.AfterAdd)
		}
		if found := brief(r.Findings); c.rule == "" && strings.Contains(found, "policy-overrides-ports") || !strings.Contains(found, c.rule) {
			t.Errorf("%s: findings %s", name, found)
		}
	}
}
