package host

import "testing"

// The verdicts are those of dev_valid_name() in net/core/dev.c, and "ip link
// add" agrees.
func TestANameIsValidWhereTheKernelTakesIt(t *testing.T) {
	for name, valid := range map[string]bool{
		"br0": true, "\xff\xfe": true, "br\x1b[31m": true, "ü": true,
		"": false, ".": false, "..": false, "a/b": false, "a:b": false, "a b": false, "a\nb": false,
		"a\xa0b": false, "à": false, // 0xc3 0xa0
	} {
		if err := ValidName(name); (err == nil) != valid {
			t.Errorf("%q: %v", name, err)
		}
	}
}
