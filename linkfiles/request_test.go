package linkfiles

import (
	"fmt"
	"strings"
	"testing"
)

// TestRefusedSettings: what running udevds of 247 to 262 showed on Linux 6.18
// (test/conformance, outcome), and what older kernels leave open.
func TestRefusedSettings(t *testing.T) {
	now, old, later61, unknown := Known("6.18.44-x"), Known("5.10.0-30-amd64"), Known("6.1.0-40-amd64"), Unknown[string](Told("x"))
	for _, c := range []struct {
		rel     Release
		lines   string
		kind    string
		kernel  Fact[string]
		refused string // "" for none, "?" for perhaps
	}{
		{247, "Alias=" + strings.Repeat("a", 254), "bridge", now, ""},
		{247, "Alias=" + strings.Repeat("a", 255), "bridge", now, "Alias"},
		{262, "Alias=" + strings.Repeat("a", 255), "veth", old, "Alias"},
		{262, "Alias=" + strings.Repeat("a", 255), "", unknown, "Alias"},
		{248, "Alias=" + strings.Repeat("a", 255), "bridge", now, ""},
		{249, "Alias=" + strings.Repeat("a", 255), "bridge", now, "?"},
		{252, "Alias=" + strings.Repeat("a", 255) + "\nAlias=b", "bridge", now, ""},
		{252, "Alias=" + strings.Repeat("a", 256), "bridge", now, ""}, // udevd does not take it
		{247, "GenericSegmentOffloadMaxBytes=1", "bridge", now, ""},
		{252, "GenericSegmentOffloadMaxBytes=1", "bridge", now, "GenericSegmentOffloadMaxBytes"},
		{252, "GenericSegmentOffloadMaxBytes=1", "bridge", old, ""},
		{252, "GenericSegmentOffloadMaxBytes=1", "bridge", later61, "?"},
		{252, "GenericSegmentOffloadMaxBytes=0", "bridge", now, ""},
		{252, "GenericSegmentOffloadMaxBytes=300", "bridge", now, "?"},
		{252, "GenericSegmentOffloadMaxBytes=512", "bridge", now, ""},
		{252, "GenericSegmentOffloadMaxBytes=64K", "bridge", now, ""},
		{252, "GenericSegmentOffloadMaxBytes=185000", "bridge", now, "GenericSegmentOffloadMaxBytes"},
		{252, "GenericSegmentOffloadMaxBytes=185000", "vxlan", now, "GenericSegmentOffloadMaxBytes"},
		{252, "GenericSegmentOffloadMaxBytes=185000", "veth", now, ""},
		{252, "GenericSegmentOffloadMaxBytes=185000", "bond", now, "?"},
		{252, "GenericSegmentOffloadMaxBytes=185000", "bridge", unknown, "?"},
		{252, "GenericSegmentOffloadMaxBytes=185000", "bridge", old, ""},
		{252, "GenericSegmentOffloadMaxBytes=524281", "veth", now, "GenericSegmentOffloadMaxBytes"},
		{252, "GenericSegmentOffloadMaxBytes=524281", "bond", now, "GenericSegmentOffloadMaxBytes"},
		{252, "GenericSegmentOffloadMaxSegments=65535", "veth", now, ""},
		{252, "GenericSegmentOffloadMaxSegments=65536", "veth", now, "GenericSegmentOffloadMaxSegments"},
		{252, "GenericSegmentOffloadMaxSegments=65536", "veth", later61, "?"},
		{252, "MTUBytes=1", "bridge", now, ""},
		{252, "TransmitQueueLength=4294967294\nTransmitQueues=4096\nReceiveQueues=4096", "bridge", now, ""},
	} {
		t.Run(fmt.Sprintf("%d/%.60s/%s/%v", c.rel, c.lines, c.kind, c.kernel), func(t *testing.T) {
			s := oneFile("[Match]\nOriginalName=a\n[Link]\n" + c.lines + "\n")
			got := ""
			if r, ok := Parse(s.store(), c.rel).Files[0].Refusal(c.rel, c.kind, c.kernel); ok {
				if got = r.Key; !r.Certain {
					got = "?"
				}
				if r.Pos.Line < 4 || r.Takes == nil {
					t.Errorf("%d, %.60s: %+v", c.rel, c.lines, r)
				}
			}
			if got != c.refused {
				t.Errorf("%d, %.60s, %s, %v: %q, want %q", c.rel, c.lines, c.kind, c.kernel, got, c.refused)
			}
		})
	}
}
