package policy

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// systemd-networkd's declarations join those of the others where its release is known.
func TestSystemdNetworkdJoinsTheDeclarations(t *testing.T) {
	files := &netconf.NetworkdFiles{
		NetDev: &linkfiles.Store{Kind: linkfiles.NetDev, Dirs: []linkfiles.Dir{{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{
			{Name: "a.netdev", Type: linkfiles.TypeRegular, Content: []byte("[NetDev]\nName=bond0\nKind=bond\n")}}}}},
		Network: &linkfiles.Store{Kind: linkfiles.Network},
	}
	known := fact.Known([]netconf.Declaration{{Program: netconf.Ifupdown, Device: "br0"}})
	for title, c := range map[string]struct {
		others  fact.Fact[[]netconf.Declaration]
		release fact.Fact[linkfiles.Release]
		want    string // the devices, or why they are not known
	}{
		"beside another program's":      {known, fact.Known[linkfiles.Release](252), "br0 bond0"},
		"alone":                         {fact.Known([]netconf.Declaration{}), fact.Known[linkfiles.Release](252), "bond0"},
		"the others were not looked at": {fact.Unknown[[]netconf.Declaration]("not collected"), fact.Known[linkfiles.Release](252), "not collected"},
		"no release is known":           {known, fact.Unknown[linkfiles.Release]("no udevd"), "the systemd release: no udevd"},
	} {
		t.Run(title, func(t *testing.T) {
			snap := &host.Snapshot{Declarations: c.others, Systemd: host.Systemd{Release: c.release}}
			all := WithNetworkd(snap, files, fact.Known(true))
			got := []string{}
			for _, d := range all.Or(nil) {
				got = append(got, d.Device)
			}
			if all.IsUnknown() {
				got = append(got, all.Reason())
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Error(got)
			}
		})
	}
}
