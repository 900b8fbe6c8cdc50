//go:build namespace

package namespace

import (
	"slices"
	"strings"
	"testing"
)

// TestABridgeFollowsItsGuests shows with the kernel what a bridge without an address of
// its own does when guests come and go, and compares the predictions and the advice
// with that.
func TestABridgeFollowsItsGuests(t *testing.T) {
	const (
		card, low, aside = "b6:00:00:00:00:01", "0a:00:00:00:00:31", "fe:54:00:00:00:31"
		fixed            = "b6:00:00:00:00:77"
	)
	everyUdevd(t, func(t *testing.T, s *stage) {
		step := s.steps(t)
		none := etcNetwork + "/98-none.link"
		s.write(none, "[Match]\nOriginalName=br0\n\n[Link]\nMACAddressPolicy=none\n")
		s.write(etcNetwork+"/10-ports.link", "[Match]\nOriginalName=vx* g*\n\n[Link]\nMACAddressPolicy=none\n")
		s.reload()
		hasAddress := func(t *testing.T, mac string) {
			t.Helper()
			if got := s.sysfs("br0", "address"); got != mac {
				t.Errorf("br0 has %s, not %s", got, mac)
			}
		}
		// found is the finding, and the prediction for the next guest.
		found := func(t *testing.T) (f finding, foretold *string) {
			t.Helper()
			rep, _ := s.json("br0")
			d := rep.device(t, "br0")
			if i := slices.IndexFunc(d.Findings, func(f finding) bool { return f.Rule == "bridge-follows-guests" }); i >= 0 {
				f = d.Findings[i]
			}
			return f, d.Predicted.Guests
		}
		guest := func(kind, mac string) {
			t.Helper()
			if kind == "tap" {
				s.must("ip", "tuntap", "add", "g0", "mode", "tap")
				s.must("ip", "link", "set", "g0", "address", mac)
			} else {
				s.must("ip", "link", "add", "g0", "address", mac, "type", "veth", "peer", "name", "g1")
			}
			s.settle("g0")
			s.must("ip", "link", "set", "g0", "master", "br0")
		}
		stops := func() { s.must("ip", "link", "del", "g0"); s.settle() }

		// A port that stays, instead of hardware, which a namespace does not have.
		s.must("ip", "link", "add", "vx0", "address", card, "type", "vxlan", "id", "7", "dstport", "4789")
		s.settle("vx0")
		s.add("br0", "type", "bridge")
		s.must("ip", "link", "set", "vx0", "master", "br0")

		step("without a guest there is no finding", func(t *testing.T) {
			hasAddress(t, card)
			if f, foretold := found(t); f.Rule != "" || str(foretold) != "" {
				t.Errorf("%+v, %s", f, str(foretold))
			}
		})
		for _, kind := range []string{"veth", "tap"} {
			step("the bridge takes the lower address of a "+kind+", and gives it up again", func(t *testing.T) {
				guest(kind, low)
				hasAddress(t, low)
				if f, foretold := found(t); f.Severity != "info" || !strings.Contains(f.Message, "now it is that of g0") ||
					!strings.Contains(f.Help, "address "+card) || foretold != nil {
					t.Errorf("%+v, %s", f, str(foretold))
				}
				stops()
				hasAddress(t, card)
			})
			step("it leaves one of "+kind+" that begins with fe", func(t *testing.T) {
				guest(kind, aside)
				hasAddress(t, card)
				if f, foretold := found(t); f.Rule != "" || str(foretold) != card {
					t.Errorf("%+v, %s", f, str(foretold))
				}
				stops()
				hasAddress(t, card)
			})
		}
		step("the command that is advised pins the address until the bridge is deleted", func(t *testing.T) {
			guest("veth", low)
			hasAddress(t, low)
			f, _ := found(t)
			command, _, ok := strings.Cut(f.Help, ", which lasts")
			if !ok || command != "ip link set dev br0 address "+card {
				t.Fatalf("%+v", f)
			}
			s.must("sh", "-c", command)
			hasAddress(t, card)
			if f, foretold := found(t); f.Rule != "" || str(foretold) != card {
				t.Errorf("%+v, %s", f, str(foretold))
			}
			stops()
			guest("tap", low)
			hasAddress(t, card)
			stops()
		})
		step("an explicit address, as it is advised, stays", func(t *testing.T) {
			s.must("ip", "link", "del", "br0")
			s.must("ip", "link", "add", "br0", "address", fixed, "type", "bridge")
			s.settle("br0")
			s.must("ip", "link", "set", "vx0", "master", "br0")
			guest("veth", low)
			hasAddress(t, fixed)
			if f, foretold := found(t); f.Rule != "" || str(foretold) != fixed {
				t.Errorf("%+v, %s", f, str(foretold))
			}
			stops()
			hasAddress(t, fixed)
		})
		step("fix predicts the same, and does not set a guest's address", func(t *testing.T) {
			s.remove(none)
			s.reload()
			s.recreate("br0", "type", "bridge")
			s.must("ip", "link", "set", "vx0", "master", "br0")
			guest("veth", low)
			derived := s.sysfs("br0", "address")
			if derived == low || derived == card {
				t.Fatalf("udev set no address on br0: %s", derived)
			}
			if _, foretold := found(t); str(foretold) != derived {
				t.Errorf("foretold %s, not %s", str(foretold), derived)
			}
			says := func(c changed) bool {
				return slices.ContainsFunc(c.Targets[0].Notes, func(n string) bool { return strings.Contains(n, "of br0 will follow its guests") })
			}
			if c := s.changes("fix", "--bridge", "br0", "--dry-run"); !says(c) {
				t.Errorf("%+v", c)
			}
			if c := s.changes("fix", "--bridge", "br0", "--apply"); !says(c) || len(c.Addresses) != 1 || c.Addresses[0].MAC != card {
				t.Errorf("%+v", c)
			}
			hasAddress(t, card)
			stops()
			hasAddress(t, card)
		})
		step("of guests alone none is set", func(t *testing.T) {
			s.changes("undo", "--bridge", "br0")
			s.recreate("br0", "type", "bridge")
			derived := s.sysfs("br0", "address")
			guest("veth", low)
			if c := s.changes("fix", "--bridge", "br0", "--apply"); len(c.Addresses) != 0 || len(c.Remaining) != 1 || !strings.Contains(c.Remaining[0], "guests") {
				t.Errorf("%+v", c)
			}
			hasAddress(t, derived)
		})
	})
}
