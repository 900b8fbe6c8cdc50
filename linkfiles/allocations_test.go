//go:build !race

// The race detector allocates as well.

package linkfiles

import (
	"fmt"
	"testing"
)

// Of thousands of devices each is asked about once: neither the device nor the way
// through the files must be on the heap.
func TestADecisionTakesNoMemory(t *testing.T) {
	store := storeOf("[Match]\nKind=bond\nPath=pci-*\n", "")
	store.Dirs[0].Entries = append(store.Dirs[0].Entries, Entry{Name: "99-z.link", Type: TypeRegular, Mode: 0o644,
		Content: []byte("[Match]\nOriginalName=*\nDriver=bridge\nProperty=!ROLE=uplink\n")})
	for _, rel := range []Release{247, 257} {
		t.Run(fmt.Sprintf("systemd %d", rel), func(t *testing.T) {
			d := Parse(store, rel).For(testSystem())
			like := bridge()
			if n := testing.AllocsPerRun(100, func() {
				dev := *like
				if d.Decide(&dev).File.IsUnknown() {
					t.Fatal("unknown")
				}
			}); n > 0 {
				t.Errorf("a decision allocates %v times", n)
			}
		})
	}
}
