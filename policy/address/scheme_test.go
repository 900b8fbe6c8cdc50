package address

import "testing"

func TestSchemesThatHashInterfaceNames(t *testing.T) {
	for name, want := range map[string][2]bool{
		"v238": {false, true}, "v240": {false, true}, "v241": {true, true}, "v261": {true, true},
		"rhel-8.4": {false, true}, "rhel-9.0": {true, true}, "rhel-10.0": {true, true}, "rhel-10.0.beta": {true, true}, "rhel-11.0": {false, false}, "latest": {false, false}, "": {false, false}, "v": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if has, ok := hasStableVirtualMACs(name); has != want[0] || ok != want[1] {
				t.Error(has, ok)
			}
		})
	}
}
