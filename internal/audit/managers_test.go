package audit

import (
	"slices"
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// declaration is one for bond0.
func declaration(program netconf.Program, way netconf.Way, mac string) netconf.Declaration {
	file := "/etc/" + string(program)
	return netconf.Declaration{
		Program: program, Device: "bond0", Kind: "bond", Creates: true, Pos: linkfiles.Pos{File: file, Line: 1},
		Address: netconf.Address{Way: way, Key: "key", MAC: linkfiles.MAC(mac), Pos: linkfiles.Pos{File: file, Line: 2}},
	}
}

func TestOtherProgramsThatSetTheAddress(t *testing.T) {
	const mac = "02:00:00:00:00:52"
	bond := func(address string) host.Device {
		d := master("bond", "bond0", address, host.AddrSet)
		d.Bond = &host.Bond{Mode: "802.3ad", FailOverMAC: "none"}
		return d
	}
	deaf := bond("02:00:00:00:00:01")
	deaf.Bond = &host.Bond{Mode: "active-backup", FailOverMAC: "active"}
	none := map[string]string{"/etc/systemd/network/10-x.link": "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=none\n"}
	persistent := map[string]string{defaultPath: "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n"}
	set := map[string]string{"/etc/systemd/network/10-x.link": "[Match]\nOriginalName=bond*\n[Link]\nMACAddress=02:00:00:00:00:99\n"}
	created := declaration(netconf.IfupdownNG, netconf.WayExplicit, mac)
	created.Address.AtCreation = true
	ignored := declaration(netconf.NetworkManager, netconf.WayExplicit, mac)
	ignored.Ignored = "unmanaged"
	netplan := declaration(netconf.Netplan, netconf.WayExplicit, mac)
	netplan.Renderer = netconf.NetworkManager
	fromNetplan := declaration(netconf.NetworkManager, netconf.WayExplicit, mac)
	fromNetplan.Pos.File = "/run/NetworkManager/system-connections/netplan-bond0.nmconnection"

	derives := declaration(netconf.Netplan, netconf.WayNetworkd, "")
	derives.Renderer, derives.Address.AtCreation = netconf.Networkd, true
	rendered := declaration(netconf.Networkd, netconf.WayNetworkd, "")
	rendered.Pos.File, rendered.Address.AtCreation = "/run/systemd/network/10-netplan-bond0.netdev", true
	leftAlone := rendered
	leftAlone.Address.Way = netconf.WayNone
	own := map[string]string{"/etc/systemd/network/60-linkaudit-device-bond0.link": "[Match]\nOriginalName=bond0\n[Link]\nMACAddressPolicy=none\n"}
	bridge := declaration(netconf.NetworkManager, netconf.WayExplicit, "02:00:00:00:00:09")
	bridge.Kind = "bridge"

	for _, c := range []struct {
		title        string
		files        map[string]string
		device       host.Device
		declarations []netconf.Declaration
		manager      netconf.Program
		certain      bool
		rules        string // of this file, with their severities
		message      string // of the first finding
	}{
		{"no program", none, bond(mac), nil, "", false, "", ""},
		{"it does not set the address", none, bond(mac), []netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayNone, "")}, "", false, "", ""},
		{"explicit, and the device has it", none, bond(mac), []netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayExplicit, mac)},
			netconf.Ifupdown, true, "manager-sets-address/info", "ifupdown sets the MAC address of bond0 to 02:00:00:00:00:52"},
		{"explicit, under persistent", persistent, bond(mac), []netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayExplicit, mac)},
			netconf.Ifupdown, false, "manager-sets-address/info", "ifupdown sets the MAC address of bond0 to 02:00:00:00:00:52, unless udev sets the persistent one later"},
		{"created with it, under persistent", persistent, bond(mac), []netconf.Declaration{created}, netconf.IfupdownNG, true, "manager-sets-address/info", ""},
		{"explicit, but the device has another one", none, bond("02:00:00:00:00:01"), []netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayExplicit, mac)},
			netconf.Ifupdown, true, "manager-sets-address/warning", "ifupdown sets the MAC address of bond0 to 02:00:00:00:00:52, but it has 02:00:00:00:00:01"},
		{"a bond that ignores it", none, deaf, []netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayExplicit, mac)},
			"", false, "manager-sets-address/info", "ifupdown sets the MAC address of bond0 to 02:00:00:00:00:52, but with fail_over_mac=active the bond ignores that"},
		{"another MACAddress= in a .link file", set, bond(mac), []netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayExplicit, mac)},
			netconf.Ifupdown, false, "manager-sets-address/warning", "ifupdown sets the MAC address of bond0 to 02:00:00:00:00:52, but /etc/systemd/network/10-x.link:4 sets MACAddress=02:00:00:00:00:99"},
		{"random", none, bond(mac), []netconf.Declaration{declaration(netconf.NetworkManager, netconf.WayRandom, "")}, netconf.NetworkManager, true, "manager-sets-address/info", ""},
		{"it is configured to ignore the device", none, bond(mac), []netconf.Declaration{ignored}, "", false, "", ""},
		{"two programs", none, bond(mac), []netconf.Declaration{declaration(netconf.NetworkManager, netconf.WayNone, ""), declaration(netconf.Ifupdown, netconf.WayNone, "")},
			"", false, "declared-twice/warning", "NetworkManager and ifupdown both declare bond0, at /etc/NetworkManager:1 and /etc/ifupdown:1"},
		{"netplan and what it rendered", none, bond(mac), []netconf.Declaration{fromNetplan, netplan}, netconf.Netplan, true, "manager-sets-address/info", "netplan sets the MAC address of bond0 to 02:00:00:00:00:52"},
		{"unknown", none, bond(mac), []netconf.Declaration{declaration(netconf.Wicked, netconf.WayUnknown, "")}, "", false, "manager-sets-address/info", "whether wicked sets the MAC address of bond0 is unknown: "},
		{"networkd has a rule of its own", none, bond(mac), []netconf.Declaration{declaration(netconf.Networkd, netconf.WayExplicit, mac)}, netconf.Networkd, true, "", ""},
		{"networkd and another program", none, bond(mac), []netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayNone, ""), declaration(netconf.Networkd, netconf.WayNone, "")},
			"", false, "declared-twice/warning", "ifupdown and systemd-networkd both declare bond0, at /etc/ifupdown:1 and /etc/systemd-networkd:1"},
		{"netplan and what it rendered for networkd", persistent, bond(mac), []netconf.Declaration{derives, rendered}, netconf.Netplan, true, "", ""},
		{"a drop-in for what netplan rendered", none, bond(mac), []netconf.Declaration{derives, leftAlone}, "", false, "", ""},
		{"netplan, nothing rendered yet", persistent, bond(mac), []netconf.Declaration{derives}, netconf.Netplan, true, "manager-sets-address/warning",
			"netplan makes systemd-networkd create bond0 with a derived MAC address"},
		{"networkd's own file beside netplan's", persistent, bond(mac), []netconf.Declaration{derives, declaration(netconf.Networkd, netconf.WayNone, "")}, netconf.Netplan, true,
			"manager-sets-address/warning declared-twice/warning", "netplan and systemd-networkd both declare bond0, at /etc/netplan:1 and /etc/systemd-networkd:1"},
		{"created with it, against an override", own, bond(mac), []netconf.Declaration{created}, netconf.IfupdownNG, true, "manager-sets-address/error",
			"ifupdown-ng sets the MAC address of bond0 to 02:00:00:00:00:52 when it creates it: MACAddressPolicy=none at /etc/systemd/network/60-linkaudit-device-bond0.link:4 has no effect"},
		{"of another kind", none, bond(mac), []netconf.Declaration{bridge}, "", false, "", ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			snap := machine(c.files, c.device)
			snap.Declarations = fact.Known(c.declarations)
			d := Check(snap, linkfiles.Parse(&snap.Files, 252), Options{}).Devices[0]
			var rules []string
			message := ""
			for _, f := range d.Findings {
				if slices.ContainsFunc(managerRules, func(r Rule) bool { return r.Name == f.Rule }) {
					rules = append(rules, f.Rule+"/"+string(f.Severity))
					message = words.Of(f.Message)
				}
			}
			if got := strings.Join(rules, " "); got != c.rules || c.message != "" && message != c.message {
				t.Errorf("found %q: %s", got, message)
			}
			switch {
			case (d.Manager != nil) != (c.manager != ""):
				t.Errorf("the manager is %+v", d.Manager)
			case d.Manager != nil && (d.Manager.Program != c.manager || d.Manager.Certain != c.certain):
				t.Errorf("the manager is %s, certain: %t", d.Manager.Program, d.Manager.Certain)
			}
		})
	}
}

func TestAManagersDeviceIsPredictedToHaveItsAddress(t *testing.T) {
	const mac, derived = "02:00:00:00:00:52", "02:00:00:00:00:0d"
	leaves := "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=none\n"
	persistent := "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n"
	other := "[Match]\nOriginalName=bond*\n[Link]\nMACAddress=02:00:00:00:00:99\n"
	explicit := declaration(netconf.Ifupdown, netconf.WayExplicit, mac)
	created := declaration(netconf.NetworkManager, netconf.WayExplicit, mac)
	created.Address.AtCreation = true
	netplan := declaration(netconf.Netplan, netconf.WayNetworkd, "")
	netplan.Renderer, netplan.Address.AtCreation = netconf.Networkd, true
	netDev := declaration(netconf.Networkd, netconf.WayExplicit, mac)
	netDev.Address.AtCreation = true
	network := declaration(netconf.Networkd, netconf.WayExplicit, "02:00:00:00:00:77")
	network.Creates = false
	for _, c := range []struct {
		title, file string
		of          []netconf.Declaration
		want        string // after a boot, and after recreating the device
		wins        string
	}{
		{"set later, nothing else sets one", leaves, []netconf.Declaration{explicit}, mac, "the address that ifupdown sets (02:00:00:00:00:52)"},
		{"set later, under persistent", persistent, []netconf.Declaration{explicit}, "02:00:00:00:00:52 if ifupdown is later than udev|42:e2:89:5b:6d:de if udev is later",
			"the address that ifupdown sets (02:00:00:00:00:52), unless udev is later; MACAddressPolicy=none makes it certain"},
		{"created with it, under persistent", persistent, []netconf.Declaration{created}, mac, "the address that NetworkManager sets (02:00:00:00:00:52)"},
		{"created with it, MACAddress= of a .link file", other, []netconf.Declaration{created}, "02:00:00:00:00:99", "the address that udev sets from MACAddress= (02:00:00:00:00:99)"},
		{"another one each time", leaves, []netconf.Declaration{declaration(netconf.NetworkManager, netconf.WayRandom, "")}, "unknown", "the address that NetworkManager sets"},
		{"unknown", leaves, []netconf.Declaration{declaration(netconf.Wicked, netconf.WayUnknown, "")}, "unknown", "unknown: whether wicked sets its address: "},
		{"netplan by way of networkd", persistent, []netconf.Declaration{netplan}, derived, "the address that systemd-networkd sets (02:00:00:00:00:0d)"},
		{"networkd creates it with one", persistent, []netconf.Declaration{netDev}, mac, "the address that systemd-networkd sets (02:00:00:00:00:52)"},
		{"networkd sets another one later", persistent, []netconf.Declaration{netDev, network}, "02:00:00:00:00:77", "the address that systemd-networkd sets (02:00:00:00:00:77)"},
		{"two programs", leaves, []netconf.Declaration{explicit, netDev}, "unknown", "unknown: ifupdown and systemd-networkd both declare it"},
		{"set later, and MACAddress= of a .link file", other, []netconf.Declaration{explicit}, "02:00:00:00:00:52 if ifupdown is later than udev|02:00:00:00:00:99 if udev is later",
			"the address that is set last: by udev (MACAddress=02:00:00:00:00:99) or by ifupdown"},
	} {
		t.Run(c.title, func(t *testing.T) {
			d := master("bond", "bond0", mac, host.AddrSet)
			d.PersistentMAC = fact.Known(host.PersistentMAC{MAC: "42:e2:89:5b:6d:de"})
			d.NetworkdMAC = fact.Known[linkfiles.MAC](derived)
			snap := machine(map[string]string{"/etc/systemd/network/10-x.link": c.file}, d)
			snap.Declarations = fact.Known(c.of)
			got := Check(snap, linkfiles.Parse(&snap.Files, 252), Options{}).Devices[0]
			for _, p := range got.Predicted {
				if p.Event != EventBoot && p.Event != EventRecreate {
					continue
				}
				said := p.MAC.Or("unknown").String()
				if len(p.Outcomes) > 1 {
					var all []string
					for _, o := range p.Outcomes {
						all = append(all, o.MAC.String()+" if "+words.Of(o.When))
					}
					said = strings.Join(all, "|")
				}
				if said != c.want {
					t.Errorf("%s: %s (%s)", p.Event, said, words.Of(p.MAC.Reason()))
				}
			}
			if wins := words.Of(got.Wins); wins != c.wins {
				t.Errorf("wins: %s", wins)
			}
		})
	}
}
