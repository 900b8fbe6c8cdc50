//go:build namespace

package namespace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func (d device) finding(rule string) (finding, bool) {
	i := slices.IndexFunc(d.Findings, func(f finding) bool { return f.Rule == rule })
	if i < 0 {
		return finding{}, false
	}
	return d.Findings[i], true
}

// TestAFileForACardThatFitsABridgeToo has a .link file that matches a card by its
// address. The card is one end of a veth, and a bridge and a macvlan have the same
// address. Udev applies the file to them, and the test tries the remedies that
// linkaudit prints.
func TestAFileForACardThatFitsABridgeToo(t *testing.T) {
	const (
		mac  = "02:00:00:00:00:aa"
		card = etcNetwork + "/10-lan.link"
	)
	file := func(match string) string { return "[Match]\n" + match + "\n\n[Link]\nName=lan0\nMTUBytes=1400\n" }
	everyUdevd(t, func(t *testing.T, s *stage) {
		step := s.steps(t)
		s.write(card, file("MACAddress="+mac))
		s.reload()
		s.must("ip", "link", "add", "v0", "address", mac, "type", "veth", "peer", "name", "v1")
		s.settle("v1", "lan0")
		audited := func(t *testing.T, name string) device {
			t.Helper()
			rep, _ := s.json(name)
			return rep.device(t, name)
		}
		caught := func(t *testing.T, name string) {
			t.Helper()
			d := audited(t, name)
			f, ok := d.finding("link-file-of-other-device")
			if !ok || f.File != card || f.Line != 2 || !strings.Contains(f.Message, "is for lan0") || !strings.Contains(f.Message, "matches "+name+" as well") || d.has("applied-file-differs") {
				t.Errorf("%+v", d.Findings)
			}
		}

		step("a bridge that takes the card's address is the same as before to udevd", func(t *testing.T) {
			s.add("br0", "type", "bridge")
			s.must("ip", "link", "set", "lan0", "master", "br0")
			s.must("ip", "link", "set", "br0", "address", mac)
			if file := s.property("br0", "ID_NET_LINK_FILE"); file != defaultLink {
				t.Fatalf("udevd applied %s", file)
			}
			caught(t, "br0")
		})
		step("the next add event applies the card's file to it, and fails", func(t *testing.T) {
			s.must("udevadm", "trigger", "--action=add", "/sys/class/net/br0")
			s.settle("br0")
			if mtu := s.sysfs("br0", "mtu"); mtu != "1400" {
				t.Errorf("the MTU is %s", mtu)
			}
			caught(t, "br0")
		})
		step("so it does to what is created with the address", func(t *testing.T) {
			s.add("br1", "address", mac, "type", "bridge")
			s.add("mv0", "link", "v1", "address", mac, "type", "macvlan", "mode", "bridge")
			for _, name := range []string{"br1", "mv0"} {
				if file := s.property(name, "ID_NET_LINK_FILE"); file == defaultLink {
					t.Errorf("%s got %s", name, file)
				}
				if mtu := s.sysfs(name, "mtu"); mtu != "1400" {
					t.Errorf("the MTU of %s is %s", name, mtu)
				}
				caught(t, name)
			}
		})
		// What udev applies to a bridge, a macvlan and the card itself.
		for _, c := range []struct {
			match                 string
			bridge, macvlan, card string
		}{
			{"PermanentMACAddress=" + mac, defaultLink, defaultLink, ""},
			{"MACAddress=" + mac + "\nType=ether", defaultLink, card, card},
			{"MACAddress=" + mac + "\nDriver=veth", defaultLink, defaultLink, card},
		} {
			step(strings.ReplaceAll(c.match, "\n", " and "), func(t *testing.T) {
				for _, name := range []string{"br1", "mv0", "br0", "v1"} {
					s.must("ip", "link", "del", name)
				}
				s.write(card, file(c.match))
				s.reload()
				s.must("ip", "link", "add", "v0", "address", mac, "type", "veth", "peer", "name", "v1")
				name := "v0"
				if c.card != "" {
					name = "lan0"
				}
				s.settle(name, "v1")
				if file := s.property(name, "ID_NET_LINK_FILE"); c.card != "" && file != c.card {
					t.Errorf("the card got %s", file)
				}
				s.add("br0", "type", "bridge")
				s.add("br1", "address", mac, "type", "bridge")
				s.add("mv0", "link", "v1", "address", mac, "type", "macvlan", "mode", "bridge")
				for name, want := range map[string]string{"br1": c.bridge, "mv0": c.macvlan} {
					got := s.property(name, "ID_NET_LINK_FILE")
					if (got == defaultLink) != (want == defaultLink) {
						t.Errorf("%s got %q, not %s", name, got, want)
					}
					if d := audited(t, name); d.has("link-file-of-other-device") == (want == defaultLink) {
						t.Errorf("%s: %+v", name, d.Findings)
					}
				}
			})
		}
		step("a name that two devices should get", func(t *testing.T) {
			for _, name := range []string{"br1", "mv0", "br0", "v1"} {
				s.must("ip", "link", "del", name)
			}
			s.write(card, "[Match]\nOriginalName=w*\n\n[Link]\nName=lan0\n")
			s.reload()
			s.must("ip", "link", "add", "w0", "type", "bridge")
			s.settle("lan0")
			s.must("ip", "link", "add", "w1", "type", "bridge")
			s.settle("w1")
			rep, _ := s.json("w1", "lan0")
			if f, _ := rep.device(t, "w1").finding("applied-file-differs"); f.Severity != "warning" || f.Line != 5 || !strings.Contains(f.Message, "could not rename w1 to lan0") {
				t.Errorf("%+v", rep.device(t, "w1").Findings)
			}
			if d := rep.device(t, "lan0"); d.has("applied-file-differs") {
				t.Errorf("%+v", d.Findings)
			}
		})
	})
}

// TestACreatorThatSetsTheAddressLater is the race of "ip link set ... address" and
// udev: every outcome was predicted, and after a fix there is only one.
func TestACreatorThatSetsTheAddressLater(t *testing.T) {
	const mac = "02:00:00:00:00:77"
	s := newStage(t, "/")
	s.startUdevd()
	create := func() string {
		s.must("sh", "-c", fmt.Sprintf("ip link add v0 type veth peer name v1 && ip link set dev v1 address %s", mac))
		s.settle("v0", "v1")
		return s.sysfs("v1", "address")
	}
	var derived string
	lost := 0
	for range 20 {
		got := create()
		rep, _ := s.json("v1")
		d := rep.device(t, "v1")
		derived = str(d.PersistentMAC)
		switch got {
		case mac:
			if f, ok := d.finding("creator-races-udev"); !ok || f.Severity != "warning" || !strings.Contains(f.Message, derived) || !strings.Contains(f.Help, "linkaudit fix --kind veth v1") {
				t.Errorf("%+v", d.Findings)
			}
			for _, event := range []string{"boot", "recreate"} {
				var macs []string
				for _, o := range d.Predicted.Outcomes[event] {
					macs = append(macs, str(o.MAC))
				}
				if !slices.Contains(macs, mac) || !slices.Contains(macs, derived) {
					t.Errorf("%s is foretold as %q", event, macs)
				}
			}
		case derived:
			lost++
		default:
			t.Errorf("v1 has %s, neither %s nor %s", got, mac, derived)
		}
		s.must("ip", "link", "del", "v0")
		s.settle()
	}
	t.Logf("udevd won %d times in 20", lost)
	create()
	s.changes("fix", "--device", "v1")
	for range 20 {
		s.must("ip", "link", "del", "v0")
		s.settle()
		if got := create(); got != mac {
			t.Errorf("after the fix v1 has %s", got)
		}
	}
	rep, _ := s.json("v1")
	if d := rep.device(t, "v1"); d.has("creator-races-udev") {
		t.Errorf("after the fix: %+v", d.Findings)
	}
}

// TestADeclaredPortIsLookedFor: check reports a port name that no device has, however
// it is asked. An alternative name counts as a name.
func TestADeclaredPortIsLookedFor(t *testing.T) {
	s := newStage(t, "/")
	s.startUdevd()
	const scripts = "/etc/sysconfig/network-scripts"
	s.must("mkdir", "-p", scripts)
	s.write(scripts+"/ifcfg-br0", "DEVICE=br0\nTYPE=Bridge\nMACADDR=preserve\n")
	s.write(scripts+"/ifcfg-lan", "DEVICE=enp4s0\nONBOOT=yes\nBRIDGE=br0\n")
	s.write(scripts+"/ifcfg-old", "DEVICE=old0\nBRIDGE=br0\n")
	s.add("br0", "type", "bridge")
	s.must("ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789")
	s.settle("vx0")
	s.must("ip", "link", "property", "add", "dev", "vx0", "altname", "old0")
	for _, args := range [][]string{{"br0"}, nil, {"--all"}, {"--kind", "bridge"}} {
		s.part(t, fmt.Sprintf("check %q", args), func(t *testing.T) {
			rep, _ := s.json(args...)
			d := rep.device(t, "br0")
			f, ok := d.finding("declared-port-missing")
			if !ok || f.File != scripts+"/ifcfg-lan" || f.Line != 3 || f.Severity != "error" || !strings.Contains(f.Message, "enp4s0") || d.has("policy-overrides-ports") {
				t.Errorf("%+v", d.Findings)
			}
			if n := strings.Count(strings.Join(rules(d.Findings), " "), "declared-port-missing"); n != 1 {
				t.Errorf("%d findings", n)
			}
		})
	}
	s.must("ip", "link", "property", "add", "dev", "vx0", "altname", "enp4s0")
	rep, _ := s.json("br0")
	if d := rep.device(t, "br0"); d.has("declared-port-missing") {
		t.Errorf("%+v", d.Findings)
	}
}
