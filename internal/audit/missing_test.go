package audit

import (
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// A renamed card leaves its bridge without a port. That is the cause, not that the
// bridge has an address of its own.
func TestADeclaredPortThatDoesNotExist(t *testing.T) {
	at := linkfiles.Pos{File: "/etc/network/interfaces", Line: 8}
	declared := func(change func(*netconf.Declaration), missing []string, d host.Device) *host.Snapshot {
		snap := machine(map[string]string{defaultPath: defaultLink}, d)
		of := netconf.Declaration{Program: netconf.Ifupdown, Device: d.Name, Kind: d.Kind, Creates: true, Ports: []string{"enp0s8", "enp4s0"},
			PortsAt: []linkfiles.Pos{{File: at.File, Line: 7}, at}, Pos: linkfiles.Pos{File: at.File, Line: 5},
			Address: netconf.Address{Way: netconf.WayNone, Key: "hwaddress"}}
		if change != nil {
			change(&of)
		}
		snap.Declarations, snap.MissingPorts = fact.Known([]netconf.Declaration{of}), missing
		return snap
	}
	gone := []string{"enp4s0"}
	for name, c := range map[string]struct {
		snap *host.Snapshot
		want string
		at   linkfiles.Pos
	}{
		"the only port":          {declared(nil, gone, master("bridge", "br0", bridgeDerived, 3)), "address-set-by-udev/info declared-port-missing/error", at},
		"only guests are left":   {declared(nil, gone, master("bridge", "br0", bridgeDerived, 3, wire)), "address-set-by-udev/info declared-port-missing/error", at},
		"another port is there":  {declared(nil, gone, master("bridge", "br0", bridgeDerived, 3, nic)), "declared-port-missing/warning policy-overrides-ports/error", at},
		"nothing is missing":     {declared(nil, nil, master("bridge", "br0", bridgeDerived, 3)), "policy-overrides-ports/warning", at},
		"an older snapshot":      {declared(func(d *netconf.Declaration) { d.PortsAt = nil }, gone, master("bridge", "br0", bridgeDerived, 3)), "address-set-by-udev/info declared-port-missing/error", linkfiles.Pos{File: at.File, Line: 5}},
		"an ignored declaration": {declared(func(d *netconf.Declaration) { d.Ignored = "unmanaged" }, gone, master("bridge", "br0", bridgeDerived, 3)), "policy-overrides-ports/warning", at},
		"of another device":      {declared(func(d *netconf.Declaration) { d.Device = "br1" }, gone, master("bridge", "br0", bridgeDerived, 3)), "policy-overrides-ports/warning", at},
	} {
		d := check(c.snap, Options{}).Devices[0]
		if got := brief(d.Findings); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		for _, f := range d.Findings {
			if f.Rule == "declared-port-missing" && (f.File != c.at.File || f.Line != c.at.Line) {
				t.Errorf("%s: at %s:%d", name, f.File, f.Line)
			}
		}
	}
}
