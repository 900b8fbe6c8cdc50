package linkfiles

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryKeyIsTriedOnRealUdevs(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range readValueCases(t) {
		tried[c.section+" "+c.key] = true
	}
	for _, row := range keyTable {
		if !tried[row.section+" "+row.name] {
			t.Errorf("[%s] %s= is not in testdata/values/cases.link", row.section, row.name)
		}
	}
}

// The releases are those that systemd.link(5) of release 262 names for the keys.
func TestAKeyIsKnownFromTheReleaseThatBroughtIt(t *testing.T) {
	for _, c := range []struct {
		section, key string
		since        Release
	}{
		{"Link", "Advertise", 240},
		{"Match", "PermanentMACAddress", 245},
		{"Link", "AlternativeNamesPolicy", 245},
		{"Link", "TransmitQueueLength", 248},
		{"Link", "WakeOnLanPassword", 250},
		{"Match", "Kind", 251},
		{"SR-IOV", "VirtualFunction", 251},
		{"Match", "Credential", 252},
		{"Link", "ReceivePacketSteeringCPUMask", 256},
		{"EnergyEfficientEthernet", "Enable", 258},
	} {
		if keyKnown(c.since-1, c.section, c.key) || !keyKnown(c.since, c.section, c.key) {
			t.Errorf("[%s] %s= is not known from %d on", c.section, c.key, c.since)
		}
		if since, removed, ok := keySince(c.section, c.key); since != c.since || removed != 0 || !ok {
			t.Errorf("keySince of [%s] %s= is %d, %d, %v", c.section, c.key, since, removed, ok)
		}
	}
}

func TestAReleaseOutsideTheTableIsReadAsTheNearest(t *testing.T) {
	if !sectionKnown(232, "Ethernet") || sectionKnown(300, "Ethernet") || !sectionKnown(300, "SR-IOV") {
		t.Error("sections")
	}
	if !keyKnown(232, "Link", "MACAddressPolicy") || keyKnown(232, "Link", "Advertise") || !keyKnown(300, "Match", "MachineTag") {
		t.Error("keys")
	}
	if eff, _, _ := checkValue(300, "Link", "MTUBytes", "0"); eff != effectTaken {
		t.Error("values")
	}
}

func TestNamesOfSectionsAndKeysAreCaseSensitive(t *testing.T) {
	if sectionKnown(252, "link") || keyKnown(252, "Link", "macaddresspolicy") || keyKnown(252, "link", "MACAddressPolicy") {
		t.Error("a name in the wrong case is known")
	}
	if _, _, ok := keySince("Link", "NoSuchKey"); ok {
		t.Error("an unknown key has a release")
	}
}

func TestKeysAreListedByName(t *testing.T) {
	for section, least := range map[string]int{"Match": 17, "Link": 85, "SR-IOV": 9, "EnergyEfficientEthernet": 4} {
		keys := Keys(section)
		if len(keys) < least {
			t.Errorf("[%s] has %d keys", section, len(keys))
		}
		if !slices.IsSortedFunc(keys, func(a, b Key) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("[%s] is not sorted", section)
		}
	}
	if Keys("NoSuchSection") != nil {
		t.Error("a section that no release knows has keys")
	}
}
