package change

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// A drop-in for the file that netplan makes at boot works before that file is there:
// not tried here with netplan itself.
func TestABridgeOfNetplanGetsADropInBeforeItIsRendered(t *testing.T) {
	const want = "/etc/systemd/network/10-netplan-br0.netdev.d/90-linkaudit.conf"
	dirs := []linkfiles.Dir{{Path: "/etc/systemd/network"}, {Path: "/run/systemd/network"}}
	vendor := linkfiles.Dir{Path: "/usr/lib/systemd/network", Entries: []linkfiles.Entry{{Name: "99-default.link", Type: linkfiles.TypeRegular, Mode: 0o644,
		Content: []byte("[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n")}}}
	declared := []netconf.Declaration{{Program: netconf.Netplan, Renderer: netconf.Networkd, Device: "br0", Kind: "bridge", Creates: true,
		Address: netconf.Address{Way: netconf.WayNetworkd, Key: "macaddress", AtCreation: true}}}
	files := &netconf.NetworkdFiles{NetDev: &linkfiles.Store{Type: linkfiles.NetDevFiles, Dirs: dirs}, Network: &linkfiles.Store{Type: linkfiles.NetworkFiles, Dirs: dirs}}
	in := func(rel linkfiles.Release, files *netconf.NetworkdFiles) Input {
		return Input{
			Release: rel, DirExists: func(string) (bool, error) { return true, nil },
			Networkd: files.Rendered(declared), NetworkdActive: fact.Known(false), // as in an image, where the generator has not run
			Snapshot: &host.Snapshot{
				Declarations: fact.Known(declared),
				Files:        linkfiles.Store{Dirs: append(dirs[:2:2], vendor)},
			},
		}
	}
	for _, target := range []override.Target{{Kind: "bridge", Name: "br0"}, {Kind: "bridge"}} {
		t.Run(target.String(), func(t *testing.T) {
			p, err := in(252, files).Plan(target)
			if err != nil || len(p.NetDevs) != 1 || p.NetDevs[0].Path != want || !strings.HasSuffix(string(p.NetDevs[0].Content), "[NetDev]\nMACAddress=none\n") || p.Path == "" {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	// Before 250 there is no MACAddress=none, and up to 249 a bridge gets no address.
	if p, err := in(247, files).Plan(override.Target{Kind: "bridge", Name: "br0"}); err != nil || len(p.NetDevs) != 0 {
		t.Errorf("247: %+v, %v", p, err)
	}
	// What is planned is the same bytes once netplan has made its file.
	first, _ := in(252, files).Plan(override.Target{Kind: "bridge", Name: "br0"})
	netDev, _ := files.NetDev.With("/run/systemd/network/10-netplan-br0.netdev", []byte("[NetDev]\nName=br0\nKind=bridge\n\n[Bridge]\nSTP=true\n"))
	again, err := in(252, &netconf.NetworkdFiles{NetDev: netDev, Network: files.Network}).Plan(override.Target{Kind: "bridge", Name: "br0"})
	if err != nil || string(first.NetDevs[0].Content) != string(again.NetDevs[0].Content) {
		t.Errorf("%v: %+v", err, again)
	}
}
