package change

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

func TestTheLiveAddressIsTheOneThatTheKernelWouldHaveGiven(t *testing.T) {
	ports := []host.Port{
		{Index: 7, Name: "eth1", MAC: "02:00:00:00:00:0b", PermanentMAC: "08:00:27:00:00:02"},
		{Index: 3, Name: "eth0", MAC: "02:00:00:00:00:0a"},
	}
	device := func(kind string, change func(*host.Device)) *host.Device {
		d := &host.Device{Name: "x0", Kind: kind, MAC: "96:85:c5:ce:a2:4b", AddrAssignType: fact.Known(host.AddrSet), Ports: ports}
		if change != nil {
			change(d)
		}
		return d
	}
	for name, c := range map[string]struct {
		device                 *host.Device
		mac, from              string
		disturbs, cannotBeSaid string
	}{
		"a bridge takes the lowest address of its ports":       {device("bridge", nil), "02:00:00:00:00:0a", "eth0", "", ""},
		"a bond takes the permanent address of its first port": {device("bond", nil), "08:00:27:00:00:02", "eth1", "", ""},
		"a port without a permanent address tells nothing": {device("bond", func(d *host.Device) { d.Ports = ports[1:] }),
			"", "", "", "eth0 has no permanent address"},
		"without a port there is no address to take":       {device("bridge", func(d *host.Device) { d.Ports = nil }), "", "", "", "no port"},
		"a bond whose driver takes none is not given one":  {device("bond", func(d *host.Device) { d.Bond = &host.Bond{Mode: "active-backup", FailOverMAC: "follow"} }), "", "", "", "takes no address"},
		"an address that the kernel set is left alone":     {device("bond", func(d *host.Device) { d.AddrAssignType = fact.Known(host.AddrStolen) }), "", "", "", ""},
		"the right address is not set again":               {device("bridge", func(d *host.Device) { d.MAC = "02:00:00:00:00:0a" }), "", "", "", ""},
		"a device that is up has neighbours":               {device("bridge", func(d *host.Device) { d.Flags = iffUp | iffLowerUp }), "02:00:00:00:00:0a", "eth0", "neighbours", ""},
		"one without carrier has none":                     {device("bridge", func(d *host.Device) { d.Flags = iffUp }), "02:00:00:00:00:0a", "eth0", "", ""},
		"what another kind would take is unknown":          {device("vrf", nil), "", "", "", "is unknown"},
		"an unknown addr_assign_type makes it unknown too": {device("bond", func(d *host.Device) { d.AddrAssignType = fact.Unknown[host.AddrAssignType](fact.Told("no /sys")) }), "", "", "", "no /sys"},
	} {
		t.Run(name, func(t *testing.T) {
			got := kernelsAddress(c.device, c.device.Ports)
			if got.MAC != linkfiles.MAC(c.mac) || got.From != c.from ||
				got.Disturbs != (c.disturbs != "") || !strings.Contains(disturbsWords(got), c.disturbs) ||
				(got.cannot.reason == canSet) != (c.cannotBeSaid == "") || !strings.Contains(got.cannot.words(c.device), c.cannotBeSaid) {
				t.Errorf("%+v: %s", got, got.cannot.words(c.device))
			}
		})
	}
}
