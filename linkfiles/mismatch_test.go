package linkfiles

import "testing"

// What is not known, and what never fits, in the words of reports.
func TestSentencesOfMismatches(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		rel         Release
		line        string
		reason, key string
	}{
		{252, "Driver=x", "Driver=x: what the device has is not known (not collected)", "Driver"},
		{252, "MACAddress=02:00:00:00:00:01", "MACAddress=02:00:00:00:00:01: the device's address is unknown (not collected)", "MACAddress"},
		{252, "Property=A=1", "Property=A=1: the device's properties are unknown", "Property"},
		{246, "OriginalName=br0", "OriginalName=br0: whether the device was renamed is unknown (not collected)", "OriginalName"},
		{252, "Host=" + id, "Host=an ID: the machine-id is unknown (not collected)", "Host"},
		{252, "Host=!" + id, "Host=!an ID: the machine-id is unknown (not collected)", "Host"},
		{252, "Virtualization=!vm", "Virtualization=!vm: the virtualization is unknown (not collected)", "Virtualization"},
		{252, "Credential=x", "Credential=x: the system's credentials are unknown (not collected)", "Credential"},
		{252, "Firmware=smbios-field(", "Firmware=smbios-field( is malformed, which udevd counts as failed", "Firmware"},
		{258, "Version=!", "KernelVersion=! is not met", "Version"},
		{258, "Version=systemd < 250", "KernelVersion=systemd < 250, but the system has systemd 258", "Version"},
	} {
		t.Run(c.line, func(t *testing.T) {
			d := Parse(storeOf("[Match]\n"+c.line+"\n", ""), c.rel).For(&System{})
			v := d.Explain(&Device{Name: "br0"})[0]
			if v.Reason != c.reason || v.Key != c.key || v.Pos.Line != 2 {
				t.Errorf("%q (%s=, line %d), want %q (%s=)", v.Reason, v.Key, v.Pos.Line, c.reason, c.key)
			}
		})
	}
}

func TestSentencesOfNamesAndWirelessNetworks(t *testing.T) {
	d := Parse(storeOf("[Match]\nOriginalName=br0 br1\n", ""), 246).For(&System{})
	v := d.Explain(&Device{Name: "br0", NameAssignType: Known(nameRenamed)})[0]
	if v.Fate != FateNoMatch || v.Reason != "OriginalName=br0 br1 never matches a device that was renamed" {
		t.Errorf("%s: %q", v.Fate, v.Reason)
	}
	d = Parse(networks(map[string]string{"a": "[Match]\nBSSID=b\nSSID=a\n"}).store(), 257).For(&System{})
	v = d.Explain(&Device{Name: "wlan0"})[0]
	if v.Fate != FateUnknown || v.Reason != "BSSID=: what wireless network the device is in is not looked at" || v.Pos.Line != 2 {
		t.Errorf("%s: %q, line %d", v.Fate, v.Reason, v.Pos.Line)
	}
}
