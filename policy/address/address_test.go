package address

import (
	"testing"

	"linkaudit/linkfiles"
	"linkaudit/policy/life"
)

var testID = [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}

func ethernetFacts(name string) Facts {
	return Facts{Name: name, ARPHRD: 1, MAC: "02:00:00:00:00:01",
		Names:     linkfiles.Known(map[string]string{}),
		Scheme:    linkfiles.Known("v247"),
		MachineID: linkfiles.Known(testID)}
}

// The addresses are what systemd-udevd 247 (Debian 11) and 257 (Debian 13)
// set for bridges and veths of these names.
func TestPersistentIsTheAddressThatUdevdSet(t *testing.T) {
	for name, want := range map[string]string{
		"bond0":           "96:85:c5:ce:a2:4b",
		"br0":             "2e:51:d4:17:b5:1e",
		"docker0":         "b2:fe:c7:fd:a2:a2",
		"virbr0":          "8e:08:43:03:f6:2e",
		"cni-podman0":     "52:05:ea:36:05:f0",
		"br-lan.100":      "3e:95:f0:60:c2:2d",
		"abcdefghijklmno": "6e:6b:29:66:ab:0c",
		"tap0":            "96:b5:84:5c:6e:b1",
		"tap1":            "fe:d8:90:bd:86:31",
	} {
		t.Run(name, func(t *testing.T) {
			got := Persistent(247, ethernetFacts(name))
			if p, _ := got.Get(); p.MAC != linkfiles.MAC(want) || p.Property != "INTERFACE" || p.Name != name {
				t.Errorf("got %v, want %s", got, want)
			}
		})
	}
}

// The address is what systemd-networkd 257 (Debian 13) set for a bridge that
// it created from a .netdev file.
func TestNetworkdIsTheAddressThatNetworkdSet(t *testing.T) {
	if got, want := Networkd(testID, "nwd0"), "7e:ca:d6:80:6a:12"; got != linkfiles.MAC(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPersistentTakesTheFirstNameOfUdev(t *testing.T) {
	f := ethernetFacts("eth0")
	f.Names = linkfiles.Known(map[string]string{"ID_NET_NAME_MAC": "enx020000000001", "ID_NET_NAME_SLOT": "bond0", "ID_NET_NAME_PATH": "enp0s8"})
	p, _ := Persistent(239, f).Get()
	if want := (PersistentMAC{MAC: "96:85:c5:ce:a2:4b", Property: "ID_NET_NAME_SLOT", Name: "bond0"}); p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
}

func TestPersistentHasNoAddressOrDoesNotKnowIt(t *testing.T) {
	type state int
	const (
		absent state = iota
		unknown
	)
	for name, c := range map[string]struct {
		rel    linkfiles.Release
		change func(*Facts)
		want   state
	}{
		"release 241 never hashes an interface name": {241, func(f *Facts) {}, absent},
		"scheme v240 never hashes an interface name": {247, func(f *Facts) { f.Scheme = linkfiles.Known("v240") }, absent},
		"a tun device is not Ethernet":               {252, func(f *Facts) { f.ARPHRD = 65534 }, absent},
		"the loopback device":                        {252, func(f *Facts) { f.Loopback = true }, absent},
		"InfiniBand before 250":                      {249, func(f *Facts) { f.ARPHRD = 32 }, absent},
		"scheme rhel-8.4 hashes no interface name":   {252, func(f *Facts) { f.Scheme = linkfiles.Known("rhel-8.4") }, absent},
		"a distribution's own scheme":                {252, func(f *Facts) { f.Scheme = linkfiles.Known("home-1") }, unknown},
		"no machine-id":                              {252, func(f *Facts) { f.MachineID = linkfiles.Unknown[[16]byte](linkfiles.Told("no rights")) }, unknown},
		"no udev database":                           {252, func(f *Facts) { f.Names = linkfiles.Unknown[map[string]string](linkfiles.Told("no rights")) }, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			f := ethernetFacts("bond0")
			c.change(&f)
			got := Persistent(c.rel, f)
			if got.IsKnown() || got.IsAbsent() != (c.want == absent) {
				t.Errorf("got %v", got)
			}
		})
	}
}

// In 242 net_get_unique_predictable_data falls back on the interface name by
// itself; the naming scheme, which it has only up to v240, is asked from 243
// on. rhel-9.0 is v250 and more (NAMING_RHEL_9_0).
func TestPersistentOfTheInterfaceName(t *testing.T) {
	for name, c := range map[string]struct {
		rel    linkfiles.Release
		scheme linkfiles.Fact[string]
	}{
		"242 whatever the scheme":    {242, linkfiles.Known("v240")},
		"242 with an unknown scheme": {242, linkfiles.Unknown[string](linkfiles.Told("no rights"))},
		"243 with v241":              {243, linkfiles.Known("v241")},
		"252 with rhel-9.0":          {252, linkfiles.Known("rhel-9.0")},
	} {
		t.Run(name, func(t *testing.T) {
			f := ethernetFacts("bond0")
			f.Scheme = c.scheme
			p, _ := Persistent(c.rel, f).Get()
			if want := (PersistentMAC{MAC: "96:85:c5:ce:a2:4b", Property: "INTERFACE", Name: "bond0"}); p != want {
				t.Errorf("got %+v, want %+v", p, want)
			}
		})
	}
}

func TestPersistentOfInfiniBandKeepsTheFirstTwelveBytes(t *testing.T) {
	f := ethernetFacts("ib0")
	f.ARPHRD = 32
	f.MAC = "80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1"
	p, _ := Persistent(252, f).Get()
	if len(p.MAC) != len(f.MAC) || p.MAC[:36] != f.MAC[:36] || p.MAC[36:] == f.MAC[36:] {
		t.Errorf("got %s", p.MAC)
	}
}

// The rows for 247 and 257 were seen: bridges br0 (no address), br1 (created
// with an address), r0 (policy random) and n0 (MACAddress=) under a running
// udevd of those releases.
func TestAddEventIsWhatUdevdDoes(t *testing.T) {
	eth := ethernetFacts("bond0")
	tun := eth
	tun.ARPHRD = 65534
	ib := eth
	ib.ARPHRD, ib.MAC = 32, "80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1"
	none := eth
	none.MAC = ""
	lo := eth
	lo.ARPHRD, lo.MAC, lo.Loopback = 772, "00:00:00:00:00:00", true
	const derived = "96:85:c5:ce:a2:4b"
	for name, c := range map[string]struct {
		rel     linkfiles.Release
		policy  string
		mac     string
		assign  life.AssignType
		facts   Facts
		want    Verb
		wantMAC string
	}{
		"persistent replaces a random address":            {247, "persistent", "", 1, eth, Set, derived},
		"persistent leaves an address set at creation":    {247, "persistent", "", 3, eth, Leave, ""},
		"persistent leaves an address taken from a port":  {257, "persistent", "", 2, eth, Leave, ""},
		"persistent leaves a permanent address":           {257, "persistent", "", 0, eth, Leave, ""},
		"persistent on 239 fails without a stable name":   {239, "persistent", "", 1, eth, Leave, ""},
		"persistent leaves a tun device":                  {257, "persistent", "", 1, tun, Leave, ""},
		"persistent leaves a device without an address":   {257, "persistent", "", 1, none, Leave, ""},
		"random leaves a random address":                  {247, "random", "", 1, eth, Leave, ""},
		"random replaces a permanent address":             {257, "random", "", 0, eth, SetRandom, ""},
		"random leaves a set address since 242":           {242, "random", "", 3, eth, Leave, ""},
		"random replaces a set address up to 241":         {241, "random", "", 3, eth, SetRandom, ""},
		"persistent leaves the loopback device on 248":    {248, "persistent", "", 0, lo, Leave, ""},
		"random leaves the loopback device from 249":      {249, "random", "", 0, lo, Leave, ""},
		"persistent on 242 hashes the interface name":     {242, "persistent", "", 1, eth, Set, derived},
		"none leaves the address":                         {257, "none", "", 1, eth, Leave, ""},
		"none with MACAddress= sets it":                   {257, "none", "02:00:00:00:00:07", 1, eth, Set, "02:00:00:00:00:07"},
		"MACAddress= wins over any addr_assign_type":      {247, "", "02:00:00:00:00:07", 3, eth, Set, "02:00:00:00:00:07"},
		"MACAddress= is ignored beside persistent":        {257, "persistent", "02:00:00:00:00:07", 3, eth, Leave, ""},
		"MACAddress= loses its multicast bit from 250":    {250, "none", "03:00:00:00:00:07", 1, eth, Set, "02:00:00:00:00:07"},
		"MACAddress= of zeros is refused from 250":        {250, "none", "00:00:00:00:00:00", 1, eth, Leave, ""},
		"MACAddress= of six bytes on InfiniBand":          {250, "none", "02:00:00:00:00:07", 1, ib, Leave, ""},
		"MACAddress= that the device has already":         {250, "none", string(eth.MAC), 1, eth, Leave, ""},
		"MACAddress= that the device has, before 250 too": {249, "none", string(eth.MAC), 1, eth, Set, string(eth.MAC)},
	} {
		t.Run(name, func(t *testing.T) {
			got := AddEvent{
				Release: c.rel, Policy: c.policy, MACAddress: linkfiles.MAC(c.mac),
				Assign: linkfiles.Known(c.assign), Device: c.facts, Persistent: Persistent(c.rel, c.facts),
			}.Action()
			a, ok := got.Get()
			if !ok || a.Do != c.want || a.MAC != linkfiles.MAC(c.wantMAC) {
				t.Errorf("got %v, want %s %s", got, c.want, c.wantMAC)
			}
		})
	}
}
