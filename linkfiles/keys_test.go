package linkfiles

import (
	"fmt"
	"testing"
)

func TestEveryKeyIsTriedOnRealUdevs(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range readValueCases(t) {
		tried[c.section+" "+c.key] = true
	}
	for section, rows := range LinkFiles.format().keys {
		for key := range rows {
			if !tried[section+" "+key] {
				t.Errorf("[%s] %s= is not in testdata/values/cases.link", section, key)
			}
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
		t.Run(c.section+"/"+c.key, func(t *testing.T) {
			if KeyKnown(c.since-1, c.section, c.key) || !KeyKnown(c.since, c.section, c.key) {
				t.Errorf("[%s] %s= is unknown from %d on", c.section, c.key, c.since)
			}
			if says := newerKey(c.since-1, c.section, c.key); says != fmt.Sprintf(" (new in systemd %d)", c.since) {
				t.Errorf("[%s] %s=: it says%s", c.section, c.key, says)
			}
		})
	}
}

func TestAReleaseOutsideTheTableIsReadAsTheNearest(t *testing.T) {
	if !linkSectionKnown(232, "Ethernet") || linkSectionKnown(300, "Ethernet") || !linkSectionKnown(300, "SR-IOV") {
		t.Error("sections")
	}
	if !KeyKnown(232, "Link", "MACAddressPolicy") || KeyKnown(232, "Link", "Advertise") || !KeyKnown(300, "Match", "MachineTag") {
		t.Error("keys")
	}
	if checkLinkValue(300, "Link", "MTUBytes", "0").effect != effectTaken {
		t.Error("values")
	}
}

func TestNamesOfSectionsAndKeysAreCaseSensitive(t *testing.T) {
	if linkSectionKnown(252, "link") || KeyKnown(252, "Link", "macaddresspolicy") || KeyKnown(252, "link", "MACAddressPolicy") {
		t.Error("a name in the wrong case is known")
	}
	if says := newerKey(252, "Link", "NoSuchKey"); says != "" {
		t.Error("an unknown key has a release:" + says)
	}
}
