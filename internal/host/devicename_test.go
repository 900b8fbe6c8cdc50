package host

import (
	"strconv"
	"strings"
	"testing"
)

// The verdicts are those of dev_valid_name() in net/core/dev.c, and "ip link
// add" agrees.
func TestANameIsValidWhereTheKernelTakesIt(t *testing.T) {
	for name, valid := range map[string]bool{
		"br0": true, "\xff\xfe": true, "br\x1b[31m": true, "ü": true,
		"": false, ".": false, "..": false, "a/b": false, "a:b": false, "a b": false, "a\nb": false,
		"a\xa0b": false, "à": false, // 0xc3 0xa0
	} {
		t.Run(strconv.Quote(name), func(t *testing.T) {
			if err := ValidName(name); (err == nil) != valid {
				t.Error(err)
			}
		})
	}
}

func TestNamesThatNoDeviceHasAreRefused(t *testing.T) {
	for name, ok := range map[string]bool{
		"bond0": true, "br-lan.100": true, "abcdefghijklmno": true, "a\xff": true, "brücke": true, "-x": true, "a\\b": true,
		"enp0s20f0u1u4i2c2": true, "wlp0s20f0u1u4i2c2": true,
		"": false, ".": false, "..": false, "a/b": false, "a:b": false, "a b": false, "bond0\r": false, "a\x00b": false,
		"br%d": false, "abcdefghijklmnop": false, "en" + strings.Repeat("x", 125): true, "en" + strings.Repeat("x", 126): false,
	} {
		t.Run(strconv.Quote(name), func(t *testing.T) {
			if err := HashableName(name); (err == nil) != ok {
				t.Error(err)
			}
		})
	}
}
