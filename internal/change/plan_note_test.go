package change

import (
	"fmt"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// A command in a note can be pasted, whatever the device is called.
func TestACommandInANoteIsQuoted(t *testing.T) {
	const hostile = "$(id)"
	bridge := func(index int, name string) host.Device {
		return host.Device{Index: index, Name: name, Kind: "bridge", ARPHRD: 1, MAC: linkfiles.MAC(fmt.Sprintf("02:00:00:00:00:%02x", index)),
			AddrAssignType: fact.Known(host.AddrSet), DevType: fact.Known("bridge"), NameAssignType: fact.Known(3), Driver: fact.Known("bridge"),
			UEvent: fact.Known(map[string]string{"DEVTYPE": "bridge"}), UdevDB: fact.Known(map[string]string{})}
	}
	in := Input{
		Release:   257,
		DirExists: func(string) (bool, error) { return true, nil },
		Snapshot: &host.Snapshot{
			Devices: []host.Device{bridge(2, "br0"), bridge(3, hostile)},
			Files: linkfiles.Store{Dirs: []linkfiles.Dir{
				{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{
					regularFile("10-one.link", "[Match]\nOriginalName=$*\n[Link]\nMACAddressPolicy=persistent\n")}},
				{Path: "/usr/lib/systemd/network", Entries: []linkfiles.Entry{
					regularFile("99-default.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n")}},
			}},
		},
	}
	p, err := in.Plan(override.Target{Kind: "bridge"})
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, "linkaudit fix --bridge '$(id)'") {
		t.Errorf("the notes are %q", notes)
	}
}

func regularFile(name, text string) linkfiles.Entry {
	return linkfiles.Entry{Name: name, Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte(text)}
}
