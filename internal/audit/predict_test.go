package audit

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// The addresses are those that udevd 247 gave; that it leaves an address alone
// whose addr_assign_type is 2 or 3 was seen with it too.
func TestTheNextAddEventSetsOnlyARandomAddress(t *testing.T) {
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
		want string // "?" for unknown
	}{
		"a random address becomes the derived one": {machine(vendor, master("bond", "bond0", random, 1)), bondDerived},
		"a port's address stays":                   {machine(vendor, master("bond", "bond0", nicMAC, 2, nic)), nicMAC},
		"an address that was set stays":            {machine(vendor, master("bond", "bond0", random, 3)), random},
		"none leaves it alone":                     {machine(with("MACAddressPolicy=none"), master("bond", "bond0", random, 1)), random},
		"no file leaves it alone":                  {machine(nil, master("bond", "bond0", random, 1)), random},
		"MACAddress= is set":                       {machine(with("MACAddress=02:00:00:00:00:07"), master("bond", "bond0", random, 3)), "02:00:00:00:00:07"},
		"random makes up another one":              {machine(with("MACAddressPolicy=random"), master("bond", "bond0", random, 0)), "?"},
		"udevd does not run":                       {still(func(s *host.Snapshot) { s.Udev.Running = fact.Known(false) }), random},
		"udevd may run or not":                     {still(func(s *host.Snapshot) { s.Udev.Running = fact.Unknown[bool](fact.Told("hidden")) }), "?"},
		"no rule runs net_setup_link":              {still(func(s *host.Snapshot) { s.Udev.SetupLinkRule = fact.Absent[string]() }), random},
		"the machine-id is not known":              {still(func(s *host.Snapshot) { s.System.MachineID = linkfiles.UnknownMachineID(linkfiles.Told("no rights")) }), "?"},
	} {
		d := check(c.snap, Options{}).Devices[0]
		if got := d.AfterAdd.Or("?"); got != linkfiles.MAC(c.want) {
			t.Errorf("%s: got %v, want %s", name, d.AfterAdd, c.want)
		}
		if said := strings.Contains(brief(d.Findings), "add-event-unknown/info"); said != (c.want == "?") {
			t.Errorf("%s: findings %s", name, brief(d.Findings))
		}
	}
	absent := check(machine(vendor), Options{Targets: []Target{{"bond0", "bond"}}}).Devices[0]
	if got := absent.AfterAdd.Or("?"); got != bondDerived {
		t.Errorf("a bond that is to be created: got %v", absent.AfterAdd)
	}
}

// udevd 262 applies a .link file of such a name and its database has no
// ID_NET_LINK_FILE then; 257 writes the name as it is.
func TestAFileThatUdevdCannotRecordIsNotSaidToBeUnapplied(t *testing.T) {
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

func TestWhereNothingIsAuditedAStoppedUdevdIsNoFault(t *testing.T) {
	snap := machine(map[string]string{defaultPath: defaultLink})
	snap.Udev = host.Udev{Running: fact.Known(false), SetupLinkRule: fact.Absent[string]()}
	if got, want := brief(check(snap, Options{}).Findings), "net-setup-link-disabled/info udevd-not-running/info"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Each remedy has to be one that mends the cause at hand.
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
		asRoot   = "Run the audit, or take the snapshot, as root"
		ordinary = "Make it an ordinary file of a sensible size, or remove it."
		first    = "Do first what the finding unreadable-file about this place says."
	)
	for name, c := range map[string]struct {
		change       func(*host.Snapshot)
		opt          Options
		match, unred string // the help of unknown-match and of unreadable-file
	}{
		"a file that may not be read":      {entry(linkfiles.Entry{Type: linkfiles.TypeRegular, Err: "EACCES"}), Options{}, first, asRoot + "."},
		"a file that cannot be read":       {entry(linkfiles.Entry{Type: linkfiles.TypeRegular, Err: "EIO"}), Options{}, first, "Mend what makes it unreadable, or remove it."},
		"a file that is too large":         {entry(linkfiles.Entry{Type: linkfiles.TypeRegular, Refused: "larger than 16 MiB"}), Options{}, first, ordinary},
		"a FIFO":                           {entry(linkfiles.Entry{Type: linkfiles.TypeFIFO}), Options{}, first, ordinary},
		"a directory that may not be read": {func(s *host.Snapshot) { s.Files.Dirs[0].Err = "EACCES" }, Options{}, first, asRoot + "."},
		"the udev database": {func(s *host.Snapshot) {
			property(s)
			s.Devices[0].UdevDB = fact.Unknown[map[string]string](fact.Told("permission denied"))
		}, Options{}, asRoot + " and on the machine itself.", ""},
		"a udevd that never ran": {func(s *host.Snapshot) {
			property(s)
			s.Udev.Running = fact.Known(false)
			s.Devices[0].UdevDB = fact.Unknown[map[string]string](fact.Told("/run/udev/data: no such file or directory"))
		}, Options{}, "Run the audit where systemd-udevd runs: its database is what is missing.", ""},
		"a device without its kind": {property, Options{Targets: []Target{{"x0", ""}}}, "Say what kind the device will be, with --kind.", ""},
		"a kind that is to come":    {property, Options{Targets: []Target{{"x0", "wireguard"}}}, "Run the audit again when the device exists.", ""},
		"an image": {func(s *host.Snapshot) { property(s); s.Offline = true }, Options{Targets: []Target{{"br9", "bridge"}}},
			"Run the audit on a running machine: an image does not tell.", ""},
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

// As the kernels of four releases did it (TestFirstModesOfABond in test/vm): the
// bonding driver takes no address while fail_over_mac is active or follow, and
// notes it as set.
func TestABondThatTakesNoAddressFromOutside(t *testing.T) {
	const random = "ba:5c:22:23:27:0b"
	for name, c := range map[string]struct {
		mode, failOver, mac string
		assign              host.AddrAssignType
		origin, after, rule string
	}{
		"follow keeps a random address that counts as set": {"active-backup", "follow", random, 3, "?", random, "policy-overrides-ports/error"},
		"active has its active port's":                     {"active-backup", "active", nicMAC, 2, "port", nicMAC, ""},
		"other modes have no such option":                  {"802.3ad", "none", bondDerived, 3, "udev-persistent", bondDerived, "policy-overrides-ports/error"},
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
