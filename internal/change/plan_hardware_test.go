package change

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// TestPlanForHardwareTakesTheFileThatNamesItsAddress: a card comes back with the
// address that it has, so that the file for that address stays the effective one.
// No namespace has hardware, so this is not in test/conformance.
func TestPlanForHardwareTakesTheFileThatNamesItsAddress(t *testing.T) {
	in := Input{
		Release:   257,
		DirExists: func(string) (bool, error) { return true, nil },
		Snapshot: &host.Snapshot{
			Devices: []host.Device{{
				Index: 2, Name: "eth0", ARPHRD: 1, MAC: "52:54:00:12:34:56", PermanentMAC: "52:54:00:12:34:56",
				NameAssignType: fact.Known(1), Driver: fact.Known("e1000e"),
				UEvent: fact.Known(map[string]string{}), UdevDB: fact.Known(map[string]string{}),
			}},
			Files: linkfiles.Store{Dirs: []linkfiles.Dir{
				{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{
					regularFile("70-card.link", "[Match]\nMACAddress=52:54:00:12:34:56\n[Link]\nMTUBytes=9000\nMACAddressPolicy=persistent\n")}},
				{Path: "/usr/lib/systemd/network", Entries: []linkfiles.Entry{
					regularFile("99-default.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n")}},
			}},
		},
	}
	p, err := in.Plan(override.Target{Name: "eth0"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Base == nil || p.Base.Name != "70-card.link" || !strings.Contains(string(p.Content), "\nMTUBytes=9000\n") {
		t.Errorf("derived from %s:\n%s", fileName(p.Base), p.Content)
	}
}
