package derived

import (
	"strings"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// The addresses of bond0, br0 and nwd0 are what systemd-udevd 247 and systemd-networkd
// 257 set for devices of these names on a machine with this ID.
func TestAddressOfAnotherNameIsToldFromTheOnesOfThisName(t *testing.T) {
	id := fact.Known([16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef})
	const ofBond0, ofBr0, ofNwd0 = "96:85:c5:ce:a2:4b", "2e:51:d4:17:b5:1e", "7e:ca:d6:80:6a:12"
	for name, c := range map[string]struct {
		id     fact.Fact[[16]byte]
		device string
		mac    string
		want   bool
	}{
		"udevd's":                    {id, "bond0", ofBond0, false},
		"networkd's":                 {id, "nwd0", ofNwd0, false},
		"udevd's of another name":    {id, "bond0", ofBr0, true},
		"networkd's of another name": {id, "bond0", ofNwd0, true},
		"a manufacturer's":           {id, "bond0", "08:00:27:8a:5b:01", false},
		"no machine-id":              {fact.Absent[[16]byte](), "bond0", ofBr0, false},
		"of 20 bytes":                {id, "bond0", "02" + strings.Repeat(":00", 19), false},
		"with hyphens":               {id, "bond0", strings.ReplaceAll(ofBr0, ":", "-"), false},
		"no address":                 {id, "bond0", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OfOtherName(c.id, c.device, linkfiles.MAC(c.mac)); got != c.want {
				t.Errorf("%v", got)
			}
		})
	}
}
