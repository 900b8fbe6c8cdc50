package audit

import (
	"slices"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy/address"
)

// former is the machine ID that the machine had when udev set bondDerived and
// bridgeDerived; present is the one it has now.
var (
	former  = linkfiles.KnownMachineID(testID)
	present = linkfiles.KnownMachineID([16]byte{0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10})
)

// The address that udevd 257 set on br0 with the present machine ID.
const bridgePresent = "96:e7:3a:95:be:3c"

// later is a machine after its machine ID changed.
func later(files map[string]string, d host.Device, traces ...host.OtherMachineID) *host.Snapshot {
	s := machine(files, d)
	s.System.MachineID = present
	s.MachineIDFile.State = host.MachineIDSet
	s.OtherMachineIDs = traces
	return s
}

func TestAnAddressFromAnotherMachineID(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	none := map[string]string{defaultPath: defaultLink, "/etc/systemd/network/10-b.link": "[Match]\nOriginalName=b*\n[Link]\nMACAddressPolicy=none\n"}
	journal := host.OtherMachineID{Source: "/var/log/journal", ID: former}
	networkdBond := address.Networkd(testID, "bond0")
	presentBond, _ := present.ID().Get()
	unhandled := master("bridge", "br0", bridgeDerived, 3, wire)
	unhandled.UdevDB = fact.Absent[map[string]string]()
	for name, c := range map[string]struct {
		snap             *host.Snapshot
		origin, ofSource string
		boot             string
		want             string
	}{
		"a bridge": {later(vendor, master("bridge", "br0", bridgeDerived, 3, wire), journal), "udev-persistent", "/var/log/journal", bridgePresent,
			"address-changes-on-boot/info machine-id-changed/warning policy-overrides-ports/info"},
		"a bridge without a trace": {later(vendor, master("bridge", "br0", bridgeDerived, 3, wire)), "set-by-someone", "", "?",
			"creator-races-udev/info"},
		"the trace is of the present one": {later(vendor, master("bridge", "br0", bridgeDerived, 3, wire), host.OtherMachineID{Source: host.DBusMachineID, ID: present}), "set-by-someone", "", "?",
			"creator-races-udev/info"},
		"the snapshot has no trace": {later(vendor, master("bridge", "br0", bridgeDerived, 3, wire), host.OtherMachineID{Source: "/var/log/journal", ID: former.Confidential()}), "set-by-someone", "", "?",
			"creator-races-udev/info"},
		"the present one's address": {later(vendor, master("bridge", "br0", bridgePresent, 3, wire), journal), "udev-persistent", "", bridgePresent,
			"policy-overrides-ports/info"},
		"a bond under none": {later(none, master("bond", "bond0", bondDerived, 3, nic), journal), "udev-persistent", "/var/log/journal", nicMAC,
			"address-set-by-udev/warning applied-file-differs/warning machine-id-changed/warning"},
		"a bond of systemd-networkd": {later(vendor, master("bond", "bond0", string(networkdBond), 3, nic), journal), "networkd-persistent", "/var/log/journal", string(address.Networkd(presentBond, "bond0")),
			"address-changes-on-boot/warning machine-id-changed/warning policy-overrides-ports/info"},
		"udev has not handled it": {later(none, unhandled, journal), "?", "", "?",
			"address-origin-unknown/info prediction-unknown/info prediction-unknown/info"},
	} {
		d := check(c.snap, Options{}).Devices[0]
		boot := "?"
		for _, p := range d.Predicted {
			if p.Event == EventBoot {
				boot = string(p.MAC.Or("?"))
			}
		}
		if d.Origin.Or("?") != c.origin || d.OfOtherID.Source != c.ofSource || boot != c.boot || brief(d.Findings) != c.want {
			t.Errorf("%s: %v by %q, %s after a boot\n got %s\nwant %s", name, d.Origin, d.OfOtherID.Source, boot, brief(d.Findings), c.want)
		}
	}
}

func TestASavedAddressFromAnotherMachineID(t *testing.T) {
	s := later(map[string]string{defaultPath: defaultLink}, master("bridge", "br0", bridgeDerived, 3, wire), host.OtherMachineID{Source: "/var/log/journal", ID: former})
	live := check(s, Options{})
	s = WithDerived(s)
	s.System.MachineID = s.System.MachineID.Confidential()
	s.OtherMachineIDs[0].ID = s.OtherMachineIDs[0].ID.Confidential()
	saved := check(s, Options{})
	if x, y := live.Devices[0], saved.Devices[0]; x.OfOtherID != y.OfOtherID || x.Origin != y.Origin || !slices.EqualFunc(x.Findings, y.Findings, Finding.same) {
		t.Errorf("live %+v\nsaved %+v", x.Findings, y.Findings)
	}
}

func TestTracesOfMachineIDsAreLookedForOnlyIfTheyMatter(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	for name, c := range map[string]struct {
		snap *host.Snapshot
		want bool
	}{
		"the present one explains it": {machine(vendor, master("bond", "bond0", bondDerived, 3, nic)), false},
		"networkd's explains it":      {machine(vendor, master("bond", "bond0", string(address.Networkd(testID, "bond0")), 3, nic)), false},
		"it was not set":              {machine(vendor, master("bond", "bond0", bondDerived, 1, nic)), false},
		"a set address of a vendor":   {machine(vendor, master("bond", "bond0", nicMAC, 3, nic)), false},
		"another local address":       {machine(vendor, master("bridge", "docker0", "02:42:4f:a1:1c:02", 3)), true},
		"the former one's":            {later(vendor, master("bond", "bond0", bondDerived, 3, nic)), true},
		"there is no machine ID": {func() *host.Snapshot {
			s := machine(vendor)
			s.MachineIDFile.State = host.MachineIDEmpty
			return s
		}(), true},
	} {
		if got := OtherMachineIDsMatter(c.snap.System.MachineID.ID(), c.snap.MachineIDFile.State, c.snap.Devices); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAMachineIDIsJudgedByItsStateAndItsTree(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	dbus := host.OtherMachineID{Source: host.DBusMachineID, ID: former}
	none := map[string]string{defaultPath: noneLink}
	for name, c := range map[string]struct {
		file    host.MachineIDFile
		offline bool
		traces  []host.OtherMachineID
		files   map[string]string
		want    string // the finding about the host, "" for none
		says    string
	}{
		"set":                          {file: host.MachineIDFile{State: host.MachineIDSet}},
		"a snapshot without the state": {},
		"unreadable":                   {file: host.MachineIDFile{State: host.MachineIDUnreadable}},
		"missing":                      {file: host.MachineIDFile{State: host.MachineIDMissing}, want: "machine-id-missing/warning", says: "random unless"},
		"empty, with D-Bus's":          {file: host.MachineIDFile{State: host.MachineIDEmpty}, traces: []host.OtherMachineID{dbus}, want: "machine-id-empty/warning", says: "from /var/lib/dbus/machine-id"},
		"empty, with the command line's": {file: host.MachineIDFile{State: host.MachineIDEmpty}, traces: []host.OtherMachineID{dbus, {Source: host.CommandLineMachineID, ID: former}},
			want: "machine-id-empty/warning", says: "from the kernel command line"},
		"uninitialized, but nothing is derived":     {file: host.MachineIDFile{State: host.MachineIDUninitialized}, files: none, want: "machine-id-uninitialized/info"},
		"malformed":                                 {file: host.MachineIDFile{State: host.MachineIDMalformed}, want: "machine-id-invalid/warning", says: "32 hexadecimal"},
		"zero, with D-Bus's":                        {file: host.MachineIDFile{State: host.MachineIDZero}, traces: []host.OtherMachineID{dbus}, want: "machine-id-invalid/warning", says: "a boot does not change that"},
		"for this boot only":                        {file: host.MachineIDFile{State: host.MachineIDSet, NotKept: host.MachineIDTransient}, want: "machine-id-transient/warning", says: "created for this boot"},
		"another on the command line":               {file: host.MachineIDFile{State: host.MachineIDSet, NotKept: host.MachineIDOverridden}, want: "machine-id-transient/warning", says: "kernel command line"},
		"an image without":                          {file: host.MachineIDFile{State: host.MachineIDMissing}, offline: true},
		"an image, empty":                           {file: host.MachineIDFile{State: host.MachineIDEmpty}, offline: true},
		"an image, uninitialized":                   {file: host.MachineIDFile{State: host.MachineIDUninitialized}, offline: true},
		"an image, malformed":                       {file: host.MachineIDFile{State: host.MachineIDMalformed}, offline: true, want: "machine-id-invalid/info", says: "first boot replaces"},
		"an image, zero":                            {file: host.MachineIDFile{State: host.MachineIDZero}, offline: true, traces: []host.OtherMachineID{dbus}, want: "machine-id-invalid/warning"},
		"an image with one":                         {file: host.MachineIDFile{State: host.MachineIDSet}, offline: true, want: "machine-id-in-image/warning", says: "share it"},
		"an image with one and D-Bus's":             {file: host.MachineIDFile{State: host.MachineIDSet}, offline: true, traces: []host.OtherMachineID{dbus}, want: "machine-id-in-image/warning", says: "has one too"},
		"an image with D-Bus's alone":               {file: host.MachineIDFile{State: host.MachineIDEmpty}, offline: true, traces: []host.OtherMachineID{dbus}, want: "machine-id-in-image/warning", says: "the first boot takes"},
		"an image with one, but nothing is derived": {file: host.MachineIDFile{State: host.MachineIDSet}, offline: true, files: none, want: "machine-id-in-image/info"},
	} {
		if c.files == nil {
			c.files = vendor
		}
		s := machine(c.files)
		s.MachineIDFile, s.Offline, s.OtherMachineIDs = c.file, c.offline, c.traces
		if c.file.State.None() {
			s.System.MachineID = linkfiles.UnknownMachineID(linkfiles.Told("none"))
		}
		if c.offline {
			s.Udev.Running = fact.Unknown[bool](fact.Told("not running"))
		}
		r := check(s, Options{Targets: []Target{{"bond0", "bond"}}})
		found := slices.DeleteFunc(r.Findings, func(f Finding) bool { return !strings.HasPrefix(f.Rule, "machine-id-") })
		switch got := brief(found); {
		case got != c.want:
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		case c.says != "" && !strings.Contains(words.Of(found[0].Message), c.says):
			t.Errorf("%s: %s", name, words.Of(found[0].Message))
		}
	}
}

// A machine ID that lasts until the next boot predicts no address after it.
func TestATransientMachineIDPredictsNothing(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	for _, why := range []host.MachineIDNotKept{host.MachineIDTransient, host.MachineIDOverridden} {
		for _, d := range []host.Device{master("bond", "bond0", bondDerived, 3), master("bond", "bond0", string(address.Networkd(testID, "bond0")), 3)} {
			s := machine(vendor, d)
			s.MachineIDFile = host.MachineIDFile{State: host.MachineIDSet, NotKept: why}
			for _, p := range check(s, Options{}).Devices[0].Predicted {
				switch {
				case p.Event == EventBoot && !p.MAC.IsUnknown(), p.Event == EventRecreate && p.MAC.Or("") != d.MAC:
					t.Errorf("%s, %s: %s: %v", why, d.MAC, p.Event, p.MAC)
				}
			}
		}
	}
}

// The initramfs of an image keeps an ID that the root file system no longer has. The
// initramfs of a running host has the host's own ID.
func TestTheMachineIDInTheInitramfsOfAnImage(t *testing.T) {
	image := func(offline bool, root host.MachineIDState, ids ...linkfiles.MachineID) []Finding {
		s := later(map[string]string{defaultPath: defaultLink}, master("bridge", "br0", bridgeDerived, 3, wire))
		s.Offline, s.MachineIDFile.State = offline, root
		var images []initramfs.Image
		for _, id := range ids {
			images = append(images, initramfs.Image{Path: "/boot/initrd.img", MachineID: id})
		}
		s.Initramfs = fact.Known(images)
		var out []Finding
		for _, f := range check(s, Options{All: true}).Findings {
			if f.Rule == "machine-id-in-image" {
				out = append(out, f)
			}
		}
		return out
	}
	id := present.Confidential()
	other := former.Confidential()
	none := linkfiles.UnknownMachineID(linkfiles.Told("there is none"))
	for name, c := range map[string]struct {
		findings []Finding
		want     []string
	}{
		"a running host":        {image(false, host.MachineIDSet, id), nil},
		"none in the initramfs": {image(true, host.MachineIDEmpty, none), nil},
		"emptied in the root":   {image(true, host.MachineIDEmpty, other), []string{"the initramfs has a machine ID, and keeps it"}},
		"in both":               {image(true, host.MachineIDSet, id), []string{"the image has a machine ID: ", "the initramfs has the machine ID of /etc, and keeps it"}},
	} {
		var got []string
		for _, f := range c.findings {
			got = append(got, words.Of(f.Message))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", name, got)
			continue
		}
		for _, w := range c.want {
			if !slices.ContainsFunc(got, func(m string) bool { return strings.HasPrefix(m, w) }) {
				t.Errorf("%s: %q, not %q", name, got, w)
			}
		}
	}
}
