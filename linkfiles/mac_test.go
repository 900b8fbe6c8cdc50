package linkfiles

import "testing"

func TestMAC(t *testing.T) {
	for _, c := range []struct {
		text   string
		octets int
	}{
		{"00:11:22:aa:bb:cc", 6},
		{"0a:00:00:01", 4},
		{"00", 1},
		{"80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0f:1a:11", 20},
		{"", 0},
		{"00:11:22:AA:BB:CC", 0},
		{"00-11-22-aa-bb-cc", 0},
		{"0011.22aa.bbcc", 0},
		{"001122aabbcc", 0},
		{"0:11:22:aa:bb:cc", 0},
		{"00:11:22:aa:bb:", 0},
		{":00:11", 0},
		{"00::11", 0},
		{"made up", 0},
	} {
		t.Run(c.text, func(t *testing.T) {
			m, ok := ParseMAC(c.text)
			if ok != (c.octets > 0) || len(m.Octets()) != c.octets {
				t.Fatalf("%v, %d octets, want %d", ok, len(m.Octets()), c.octets)
			}
			if ok && (MACOf(m.Octets()) != m || m.String() != c.text) {
				t.Errorf("comes back as %q", MACOf(m.Octets()))
			}
		})
	}
}
