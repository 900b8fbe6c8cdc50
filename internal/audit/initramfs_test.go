package audit

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

const (
	imagePath   = "/boot/initrd.img-6.1.0"
	bondNone    = "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=none\n"
	bondFile    = "/etc/systemd/network/10-bond.link"
	dracutsBond = "root=/dev/vda1 bond=bond0:enp0s8"
)

// imageOf is a dracut image with these files, in which udev runs.
func imageOf(files map[string]string) initramfs.Image {
	return initramfs.Image{
		Path: imagePath, Maker: initramfs.Dracut, Udevd: true, CommandLine: true,
		Release:       fact.Known(linkfiles.Release(252)),
		SetupLinkRule: fact.Known("/usr/lib/udev/rules.d/80-net-setup-link.rules"),
		MachineID:     linkfiles.UnknownMachineID(linkfiles.Told("there is no /etc/machine-id in the image")),
		Files:         store(files),
	}
}

func with(img initramfs.Image, change func(*initramfs.Image)) initramfs.Image {
	change(&img)
	return img
}

func TestADeviceInAnImage(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	none := map[string]string{defaultPath: defaultLink, bondFile: bondNone}
	ofPort := master("bond", "bond0", nicMAC, 2, nic)
	ofPort.UdevDB = fact.Known(map[string]string{"ID_NET_LINK_FILE": bondFile})
	card := host.Device{Index: 2, Name: "enp0s8", ARPHRD: 1, MAC: nicMAC, PermanentMAC: nicMAC, AddrAssignType: fact.Known(host.AddrPerm)}
	const random = "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=random\n"

	for name, c := range map[string]struct {
		root    map[string]string
		image   initramfs.Image
		cmdline string // "?": unknown
		device  host.Device
		stale   Severity // "": no finding
		message string
		boot    string // "?": unknown
	}{
		"the same files, and nothing creates the bond": {none, imageOf(none), "quiet", ofPort, "", "", nicMAC},
		"the same files, and the bond is created":      {none, imageOf(none), dracutsBond, ofPort, "", "", nicMAC},
		"a stale image":                           {none, imageOf(vendor), "quiet", ofPort, Info, "in the initramfs bond0 would have policy persistent (MACAddressPolicy=persistent at " + defaultPath + ":6 there), but here it has policy none: " + imagePath, nicMAC},
		"a stale image that creates the bond":     {none, imageOf(vendor), dracutsBond, ofPort, Error, "bond0 is created in the initramfs (the kernel command line) with policy persistent", "?"},
		"a stale image that creates another bond": {none, imageOf(vendor), "bond=bond1:enp0s8", ofPort, Info, "in the initramfs bond0 would have", nicMAC},
		"a bridge of that name is no bond":        {none, imageOf(vendor), "bridge=bond0:enp0s8", ofPort, Info, "in the initramfs bond0 would have", nicMAC},
		"an unknown command line":                 {none, imageOf(vendor), "?", ofPort, Warning, "bond0 may be created in the initramfs (kernel command line)", "?"},
		"nothing reads the command line there":    {none, with(imageOf(vendor), func(i *initramfs.Image) { i.CommandLine = false }), dracutsBond, ofPort, Info, "in the initramfs bond0 would have", nicMAC},
		"the image has its own command line": {none, with(imageOf(vendor), func(i *initramfs.Image) {
			i.Creates = []initramfs.Created{{Name: "bond0", Kind: "bond", Pos: linkfiles.Pos{File: "/etc/cmdline.d/a.conf", Line: 1}}}
		}), "quiet", ofPort, Error, "bond0 is created in the initramfs (/etc/cmdline.d/a.conf:1 there) with policy persistent", "?"},
		"no udevd in the image":                    {none, with(imageOf(vendor), func(i *initramfs.Image) { i.Udevd = false }), dracutsBond, ofPort, "", "", nicMAC},
		"no rule in the image":                     {none, with(imageOf(vendor), func(i *initramfs.Image) { i.SetupLinkRule = fact.Absent[string]() }), dracutsBond, ofPort, "", "", nicMAC},
		"an image that could not be read":          {none, with(imageOf(vendor), func(i *initramfs.Image) { i.Unreadable = "it ends too early" }), dracutsBond, ofPort, "", "", nicMAC},
		"no file in the image works like none":     {none, imageOf(nil), dracutsBond, ofPort, "", "", nicMAC},
		"a match that cannot be decided":           {none, imageOf(map[string]string{bondFile: "[Match]\nOriginalName=bond0\nHost=web1\n[Link]\nMACAddressPolicy=none\n"}), dracutsBond, ofPort, Info, "the policy of bond0 in the initramfs is unknown", "?"},
		"hardware that random would change":        {nil, imageOf(map[string]string{defaultPath: random}), "quiet", card, Warning, "in the initramfs enp0s8 would have policy random", nicMAC},
		"hardware that persistent does not change": {nil, imageOf(vendor), "quiet", card, Info, "in the initramfs enp0s8 would have policy persistent", nicMAC},
		"another address by MACAddress= only":      {map[string]string{bondFile: bondNone + "MACAddress=02:00:00:00:00:07\n"}, imageOf(none), "quiet", ofPort, Info, "in the initramfs bond0 would have policy none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			snap := machine(c.root, c.device)
			snap.Systemd.Release = fact.Known(linkfiles.Release(252))
			snap.Initramfs = fact.Known([]initramfs.Image{c.image})
			if snap.System.KernelCommandLine = fact.Known(c.cmdline); c.cmdline == "?" {
				snap.System.KernelCommandLine = fact.Unknown[string](fact.Told("no rights"))
			}
			d := check(snap, Options{Targets: []Target{{c.device.Name, c.device.Kind}}}).Devices[0]
			var got Finding
			for _, f := range d.Findings {
				if f.Rule == "initramfs-stale" {
					got = f
				}
			}
			if got.Severity != c.stale || !strings.Contains(words.Of(got.Message), c.message) {
				t.Errorf("got %q %s, want %q %s", got.Severity, words.Of(got.Message), c.stale, c.message)
			}
			for _, p := range d.Predicted {
				if p.Event == EventBoot && c.boot != "" && p.MAC.Or("?") != linkfiles.MAC(c.boot) {
					t.Errorf("after the next boot: got %v, want %s", p.MAC, c.boot)
				}
			}
		})
	}
}

// The initramfs derives a persistent address from its own machine ID.
func TestAPersistentAddressOfTheInitramfs(t *testing.T) {
	vendor := map[string]string{defaultPath: defaultLink}
	another := testID
	another[0]++
	for name, c := range map[string]struct {
		id   linkfiles.MachineID
		want string // a part of the reason; "" for the address that udev sets with the root's files
	}{
		"the root's":        {linkfiles.KnownMachineID(testID).Confidential(), ""},
		"none":              {linkfiles.UnknownMachineID(linkfiles.Told("there is none")), "that has another machine ID"},
		"of a golden image": {linkfiles.KnownMachineID(another).Confidential(), "that has another machine ID"},
	} {
		snap := machine(vendor, master("bridge", "br0", bridgeDerived, 3))
		snap.System.KernelCommandLine = fact.Known("bridge=br0:enp0s8")
		snap.Initramfs = fact.Known([]initramfs.Image{with(imageOf(vendor), func(i *initramfs.Image) { i.MachineID = c.id })})
		for _, p := range check(snap, Options{}).Devices[0].Predicted {
			if p.Event != EventBoot {
				continue
			}
			if c.want == "" && p.MAC.Or("?") != bridgeDerived || !strings.Contains(words.Of(p.MAC.Reason()), c.want) {
				t.Errorf("a machine ID that is %s: %v", name, p.MAC)
			}
		}
	}
}

// The initramfs images of Debian 12 (initramfs-tools) and dracut have no drop-ins.
func TestADropInThatAnImageLeavesOutIsNamed(t *testing.T) {
	own := "[Match]\nOriginalName=bond0\n[Link]\nMACAddressPolicy=persistent\n"
	const dropIn = bondFile + ".d/90-linkaudit.conf"
	withDropIn := func(files linkfiles.Store, dir string) linkfiles.Store {
		for i := range files.Dirs {
			if d := &files.Dirs[i]; d.Path == dir {
				d.DropIns = append(d.DropIns, linkfiles.Dir{Path: dir + "/10-bond.link.d", Entries: []linkfiles.Entry{{
					Name: "90-linkaudit.conf", Type: linkfiles.TypeRegular, Mode: 0o644, Content: []byte("[Link]\nMACAddressPolicy=none\n"),
				}}})
			}
		}
		return files
	}
	snap := machine(map[string]string{bondFile: own}, master("bond", "bond0", nicMAC, 2, nic))
	snap.Systemd.Release = fact.Known(linkfiles.Release(252))
	snap.Files = withDropIn(snap.Files, "/etc/systemd/network")
	targets := []override.Target{{Name: "bond0", Kind: "bond"}}
	stale := func(image linkfiles.Store) []InImage {
		snap.Initramfs = fact.Known([]initramfs.Image{with(imageOf(nil), func(i *initramfs.Image) { i.Files = image })})
		return StaleImages(snap, &snap.Files, 252, targets)
	}
	if got := stale(store(map[string]string{bondFile: own})); len(got) != 1 || got[0].LeftOut != dropIn || !strings.Contains(words.Of(got[0].Advice()), dropIn) {
		t.Errorf("without the drop-in: %+v", got)
	}
	for _, f := range check(snap, Options{}).Devices[0].Findings {
		if f.Rule == "initramfs-stale" && !strings.Contains(words.Help(f.Rule, f.Help), "of Debian 12 and dracut leave out drop-ins such as "+dropIn) {
			t.Errorf("help: %s", words.Help(f.Rule, f.Help))
		}
	}
	// initramfs-tools of Debian 13 puts all of them into one directory.
	there := withDropIn(store(map[string]string{vendorDir + "/10-bond.link": own}), vendorDir)
	if got := stale(there); len(got) != 0 {
		t.Errorf("with the drop-in: %+v", got)
	}
	there.Dirs[2].DropIns[0].Entries[0].Content = []byte("[Link]\nMACAddressPolicy=random\n")
	if got := stale(there); len(got) != 1 || got[0].Advice() != nil {
		t.Errorf("an older drop-in: %+v", got)
	}
}

func TestImagesMatterIfTheyCreateADevice(t *testing.T) {
	for _, c := range []struct {
		cmdline string
		names   []string
		want    bool
	}{
		{"quiet", nil, false},
		{dracutsBond, nil, true},
		{"bond=bond7:enp0s8", nil, false},
		{"bond=bond7:enp0s8", []string{"bond7"}, true},
		{"ip=dhcp net.ifnames=0 rd.neednet=1", []string{"bond0"}, false},
	} {
		snap := machine(nil, master("bond", "bond0", nicMAC, 2, nic))
		snap.System.KernelCommandLine = fact.Known(c.cmdline)
		if got := InitramfsMatters(snap.System.KernelCommandLine, snap.Devices, c.names); got != c.want {
			t.Errorf("%s, %v: %v", c.cmdline, c.names, got)
		}
	}
	if InitramfsMatters(fact.Unknown[string](fact.Told("an image")), nil, []string{"bond0"}) {
		t.Error("an unknown command line creates nothing")
	}
}

// systemd-networkd and NetworkManager also create devices in the initramfs.
func TestADeclaredDeviceInAnImage(t *testing.T) {
	const mac, other = "02:00:00:00:00:52", "02:00:00:00:00:53"
	none := map[string]string{defaultPath: defaultLink, bondFile: bondNone}
	ofNetworkd := func(way netconf.Way, mac string) netconf.Declaration {
		d := declaration(netconf.Networkd, way, mac)
		d.Address.AtCreation = true
		return d
	}
	sets := declaration(netconf.Networkd, netconf.WayExplicit, mac)
	sets.Creates = false
	for name, c := range map[string]struct {
		here, there []netconf.Declaration
		want        string // severity and start of the message
		boot        bool   // the address after a boot is known
	}{
		"neither":                               {nil, nil, "", true},
		"the same":                              {[]netconf.Declaration{ofNetworkd(netconf.WayExplicit, mac)}, []netconf.Declaration{ofNetworkd(netconf.WayExplicit, mac)}, "", true},
		"another address":                       {[]netconf.Declaration{ofNetworkd(netconf.WayExplicit, mac)}, []netconf.Declaration{ofNetworkd(netconf.WayExplicit, other)}, "error: in the initramfs systemd-networkd creates bond0 (/etc/systemd-networkd:1 there) and sets " + other + ", but here systemd-networkd sets " + mac, false},
		"there alone":                           {nil, []netconf.Declaration{ofNetworkd(netconf.WayExplicit, mac)}, "error: in the initramfs systemd-networkd creates bond0 (/etc/systemd-networkd:1 there) and sets " + mac + ", but no network configuration declares it here", false},
		"there without an address":              {[]netconf.Declaration{ofNetworkd(netconf.WayExplicit, mac)}, []netconf.Declaration{ofNetworkd(netconf.WayNone, "")}, "error: ", false},
		"derived there from another machine ID": {[]netconf.Declaration{ofNetworkd(netconf.WayNetworkd, "")}, []netconf.Declaration{ofNetworkd(netconf.WayNetworkd, "")}, "error: ", false},
		"set there, and not created":            {nil, []netconf.Declaration{sets}, "warning: in the initramfs systemd-networkd configures bond0", true},
		"another device":                        {nil, []netconf.Declaration{{Program: netconf.Networkd, Device: "bond7", Kind: "bond", Creates: true, Address: netconf.Address{Way: netconf.WayExplicit, MAC: mac}}}, "", true},
	} {
		snap := machine(none, master("bond", "bond0", nicMAC, 2, nic))
		snap.Declarations = fact.Known(append([]netconf.Declaration{}, c.here...))
		snap.System.KernelCommandLine = fact.Known("quiet")
		img := imageOf(none)
		img.Declarations = c.there
		snap.Initramfs = fact.Known([]initramfs.Image{img})
		d := check(snap, Options{}).Devices[0]
		got := ""
		for _, f := range d.Findings {
			if f.Rule == "initramfs-stale" {
				got += string(f.Severity) + ": " + words.Of(f.Message)
			}
		}
		if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
		for _, p := range d.Predicted {
			if p.Event == EventBoot && p.MAC.IsKnown() != c.boot {
				t.Errorf("%s: after the next boot: %v", name, p.MAC)
			}
		}
	}
}
