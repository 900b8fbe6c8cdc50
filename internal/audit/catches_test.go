package audit

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// The records are those of udevd 247, 252, 257 and 262
// (TestAFileForACardThatFitsABridgeToo in test/namespace).
func TestWhyTheAppliedFileDiffers(t *testing.T) {
	const card = "/etc/systemd/network/10-lan.link"
	lan := host.Port{Index: 2, Name: "lan0", MAC: nicMAC, PermanentMAC: nicMAC}
	byAddress := map[string]string{defaultPath: defaultLink, card: "[Match]\nMACAddress=" + nicMAC + "\n\n[Link]\nName=lan0\n"}
	byDriver := map[string]string{defaultPath: defaultLink, card: "[Match]\nDriver=e1000\n\n[Link]\nName=lan0\n"}
	recorded := func(d host.Device, db map[string]string) host.Device {
		d.UdevDB = fact.Known(db)
		return d
	}
	bridge := func(db map[string]string) host.Device {
		return recorded(master("bridge", "br0", nicMAC, 1, lan), db)
	}
	macvlan := recorded(master("macvlan", "mv0", nicMAC, 3), map[string]string{"ID_NET_LINK_FILE": defaultPath})
	macvlan.DevType = fact.Absent[string]()
	second := recorded(master("", "eth1", "08:00:27:00:00:02", 0), nil)
	second.PermanentMAC, second.DevType, second.Driver = second.MAC, fact.Absent[string](), fact.Known("e1000")
	first := second
	first.Index, first.Name, first.MAC, first.PermanentMAC = 2, "lan0", nicMAC, nicMAC
	first.UdevDB = fact.Known(map[string]string{"ID_NET_LINK_FILE": card, "ID_NET_NAME": "lan0"})
	now := func(d host.Device, db map[string]string) host.Device { return recorded(d, db) }
	for name, c := range map[string]struct {
		files   map[string]string
		rel     linkfiles.Release
		devices []host.Device
		of      string
		rule    string // about the file
		said    []string
	}{
		"a bridge that took the card's address": {byAddress, 252, []host.Device{bridge(map[string]string{"ID_NET_LINK_FILE": defaultPath})}, "br0",
			"link-file-of-other-device/warning", []string{card + ":2", "is for lan0", "matches br0 as well", "rename br0 to lan0 (Name= at " + card + ":5)", "PermanentMACAddress= instead of MACAddress= at " + card + ":2"}},
		"the same on a release without PermanentMACAddress=": {byAddress, 244, []host.Device{bridge(map[string]string{"ID_NET_LINK_FILE": defaultPath})}, "br0",
			"link-file-of-other-device/warning", []string{"Type=ether"}},
		"and after udevd tried": {byAddress, 252, []host.Device{bridge(map[string]string{"ID_RENAMING": "1"})}, "br0", "link-file-of-other-device/warning", nil},
		"a macvlan":             {byAddress, 252, []host.Device{macvlan}, "mv0", "link-file-of-other-device/warning", []string{"is for lan0", "matches mv0 as well", "PermanentMACAddress="}},
		"the bridge's own file": {map[string]string{defaultPath: defaultLink, card: "[Match]\nMACAddress=" + nicMAC + "\n\n[Link]\nName=br0\n"}, 252,
			[]host.Device{bridge(map[string]string{"ID_NET_LINK_FILE": card})}, "br0", "", nil},
		"no card is known, and no name": {map[string]string{defaultPath: defaultLink, card: "[Match]\nMACAddress=02:00:00:00:00:77\n\n[Link]\nMTUBytes=1400\n"}, 252,
			[]host.Device{recorded(master("bridge", "br0", "02:00:00:00:00:77", 3, lan), map[string]string{"ID_NET_LINK_FILE": card})}, "br0", "", nil},
		"the device has changed, not the files": {map[string]string{defaultPath: defaultLink, card: "[Match]\nMACAddress=02:00:00:00:00:77\n\n[Link]\nMTUBytes=1400\n"}, 252,
			[]host.Device{recorded(master("bridge", "br0", "02:00:00:00:00:77", 3, lan), map[string]string{"ID_NET_LINK_FILE": defaultPath})}, "br0",
			"applied-file-differs/info", []string{"br0 changed after that"}},
		"the files have":              {byDriver, 252, []host.Device{first, now(second, map[string]string{"ID_NET_LINK_FILE": defaultPath})}, "eth1", "applied-file-differs/warning", []string{"is effective now"}},
		"udevd failed, 247 and 252":   {byDriver, 252, []host.Device{first, now(second, map[string]string{"ID_RENAMING": "1"})}, "eth1", "applied-file-differs/warning", []string{"could not rename eth1 to lan0", card}},
		"on a later event":            {byDriver, 252, []host.Device{first, now(second, map[string]string{"ID_RENAMING": "1", "ID_NET_LINK_FILE": defaultPath})}, "eth1", "applied-file-differs/warning", []string{"could not rename eth1 to lan0"}},
		"257":                         {byDriver, 257, []host.Device{first, now(second, map[string]string{"ID_NET_DRIVER": "e1000"})}, "eth1", "applied-file-differs/warning", []string{"could not rename eth1 to lan0"}},
		"262":                         {byDriver, 262, []host.Device{first, now(second, map[string]string{"ID_NET_LINK_FILE": card, "ID_NET_NAME": "lan0"})}, "eth1", "applied-file-differs/warning", []string{"could not rename eth1 to lan0"}},
		"the name is free, 257":       {byDriver, 257, []host.Device{now(second, map[string]string{"ID_NET_DRIVER": "e1000"})}, "eth1", "applied-file-differs/warning", []string{"applied no .link file"}},
		"the first card has the name": {byDriver, 262, []host.Device{first}, "lan0", "", nil},
	} {
		snap := machine(c.files, c.devices...)
		snap.Systemd.Release = fact.Known(c.rel)
		find := func(snap *host.Snapshot) (d DeviceResult) {
			for _, one := range check(snap, Options{All: true}).Devices {
				if one.Name == c.of {
					d = one
				}
			}
			return d
		}
		d := find(snap)
		// An audit of this device alone says the same, because it asks whether another
		// device has the name.
		alone := *snap
		alone.Devices = []host.Device{*snap.Device(c.of)}
		for _, name := range NamesGiven(&alone.System, alone.Devices, linkfiles.Parse(&alone.Files, c.rel)) {
			if snap.Device(name) != nil {
				alone.NamesTaken = append(alone.NamesTaken, name)
			}
		}
		if got, want := brief(find(&alone).Findings), brief(d.Findings); got != want {
			t.Errorf("%s: %s alone, %s with others", name, got, want)
		}
		got, text := []string{}, ""
		for _, f := range d.Findings {
			if f.Rule == "applied-file-differs" || f.Rule == "link-file-of-other-device" {
				got = append(got, f.Rule+"/"+string(f.Severity))
				text += words.Of(f.Message) + " " + words.Help(f.Rule, f.Help) + " " + linkfiles.Pos{File: f.File, Line: f.Line}.String()
			}
		}
		if strings.Join(got, " ") != c.rule {
			t.Errorf("%s: got %q of %s, want %q", name, got, brief(d.Findings), c.rule)
		}
		for _, words := range c.said {
			if !strings.Contains(text, words) {
				t.Errorf("%s: %q does not say %q", name, text, words)
			}
		}
	}
}
