package words_test

import (
	"strings"
	"testing"

	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// verdict says whether a file with these lines in [Match] applies.
func verdict(rel linkfiles.Release, files linkfiles.ConfigType, match string, sys *linkfiles.System, dev *linkfiles.Device) linkfiles.Verdict {
	text := "[Match]\n" + match + "\n"
	name := "10-x.link"
	if files == linkfiles.NetworkFiles {
		name = "10-x.network"
	}
	store := &linkfiles.Store{Type: files, Dirs: []linkfiles.Dir{{Path: "/etc/systemd/network", Entries: []linkfiles.Entry{{
		Name: name, Type: linkfiles.TypeRegular, Mode: 0o644, Size: int64(len(text)), Content: []byte(text),
	}}}}}
	return linkfiles.Parse(store, rel).For(sys).Explain(dev)[0]
}

func system() *linkfiles.System {
	return &linkfiles.System{
		Hostname: linkfiles.Known("host1"), MachineID: linkfiles.KnownMachineID([16]byte{1, 0x23}),
		BootID: linkfiles.Absent[string](), ProductUUID: linkfiles.Absent[string](),
		Virtualization: linkfiles.Known(linkfiles.Virt{ID: "kvm", VM: true}), KernelCommandLine: linkfiles.Known("quiet root=/dev/sda1 'a b'"),
		KernelRelease: linkfiles.Known("6.1.0-40-cloud-amd64"), Architecture: linkfiles.Known("x86-64"), Credentials: linkfiles.Known([]string{"c1"}),
		Firmware:    linkfiles.Known(linkfiles.Firmware{UEFI: true, SMBIOS: map[string]string{"sys_vendor": "QEMU"}}),
		MachineTags: linkfiles.Known([]string{"web"}),
	}
}

func bridge() *linkfiles.Device {
	return &linkfiles.Device{
		Name: "br0", MAC: linkfiles.Known[linkfiles.MAC]("96:85:c5:ce:a2:4b"), PermMAC: linkfiles.Absent[linkfiles.MAC](),
		Driver: linkfiles.Known("bridge"), Kind: linkfiles.Known("bridge"), Type: linkfiles.Known("bridge"), Path: linkfiles.Absent[string](),
		NameAssignType: linkfiles.Known(3),
		Properties:     func(string) linkfiles.Fact[string] { return linkfiles.Absent[string]() },
	}
}

// What is unknown and what never matches, as reports say it.
func TestSentencesOfMismatches(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		rel         linkfiles.Release
		line        string
		reason, key string
	}{
		{252, "Driver=x", "Driver=x: what the device has is unknown (not collected)", "Driver"},
		{252, "MACAddress=02:00:00:00:00:01", "MACAddress=02:00:00:00:00:01: the device's address is unknown (not collected)", "MACAddress"},
		{252, "Property=A=1", "Property=A=1: the device's properties are unknown", "Property"},
		{246, "OriginalName=br0", "OriginalName=br0: whether the device was renamed is unknown (not collected)", "OriginalName"},
		{252, "Host=" + id, "Host=an ID: the machine ID is unknown (not collected)", "Host"},
		{252, "Host=!" + id, "Host=!an ID: the machine ID is unknown (not collected)", "Host"},
		{252, "Virtualization=!vm", "Virtualization=!vm: the virtualization is unknown (not collected)", "Virtualization"},
		{252, "Credential=x", "Credential=x: the system's credentials are unknown (not collected)", "Credential"},
		{252, "Firmware=smbios-field(", "Firmware=smbios-field( is malformed, and udev counts it as not met", "Firmware"},
		{258, "Version=!", "KernelVersion=! is not met", "Version"},
		{258, "Version=systemd < 250", "KernelVersion=systemd < 250, but the system has systemd 258", "Version"},
	} {
		t.Run(c.line, func(t *testing.T) {
			v := verdict(c.rel, linkfiles.LinkFiles, c.line, &linkfiles.System{}, &linkfiles.Device{Name: "br0"})
			if reason := words.Of(v.Reason); reason != c.reason || v.Key != c.key || v.Pos.Line != 2 {
				t.Errorf("%q (%s=, line %d), want %q (%s=)", reason, v.Key, v.Pos.Line, c.reason, c.key)
			}
		})
	}
}

func TestSentencesOfNamesAndWirelessNetworks(t *testing.T) {
	const renamed = 4
	v := verdict(246, linkfiles.LinkFiles, "OriginalName=br0 br1", &linkfiles.System{}, &linkfiles.Device{Name: "br0", NameAssignType: linkfiles.Known(renamed)})
	if reason := words.Of(v.Reason); v.Fate != linkfiles.FateNoMatch || reason != "OriginalName=br0 br1 never matches a device that was renamed" {
		t.Errorf("%s: %q", v.Fate, reason)
	}
	v = verdict(257, linkfiles.NetworkFiles, "BSSID=b\nSSID=a", &linkfiles.System{}, &linkfiles.Device{Name: "wlan0"})
	if reason := words.Of(v.Reason); v.Fate != linkfiles.FateUnknown || reason != "BSSID=: linkaudit does not look at the wireless network of a device" || v.Pos.Line != 2 {
		t.Errorf("%s: %q, line %d", v.Fate, reason, v.Pos.Line)
	}
}

func TestReasonsHaveBothValuesAndNoMachineID(t *testing.T) {
	sys := system()
	own := "01230000000000000000000000000000"
	for match, want := range map[string]string{
		"OriginalName=eth0":                            "OriginalName=eth0, but the device has br0",
		"Kind=bond":                                    "Kind=bond, but the device has bridge",
		"Host=!host?":                                  "Host=!host?, but the system has host name host1",
		"Host=!" + own:                                 "Host=!an ID, but the system has that machine ID",
		"KernelCommandLine=!quiet":                     "KernelCommandLine=!quiet, but the system has it on the kernel command line",
		"KernelCommandLine=debug":                      "KernelCommandLine=debug, but the system has a kernel command line without it",
		"Credential=c2":                                "Credential=c2, but the system has the credentials c1",
		"Firmware=device-tree":                         "Firmware=device-tree, but the system has no device tree",
		"MACAddress=02:00:00:00:00:01":                 "MACAddress=02:00:00:00:00:01, but the device has 96:85:c5:ce:a2:4b",
		"Property=ID_X=1":                              "Property=ID_X=1, but the device has no property ID_X",
		"PermanentMACAddress=02:00:00:00:00:01":        "PermanentMACAddress=02:00:00:00:00:01, but the device has 00:00:00:00:00:00",
		"Virtualization=container\nOriginalName=other": "Virtualization=container, but the system has virtualization kvm",
		"MachineTag=db":                                "MachineTag=db, but the system has the tags web",
	} {
		t.Run(match, func(t *testing.T) {
			v := verdict(linkfiles.NewestRelease, linkfiles.LinkFiles, match, sys, bridge())
			if reason := words.Of(v.Reason); reason != want {
				t.Errorf("%q, want %q", reason, want)
			}
			if v.Fate != linkfiles.FateNoMatch || v.Pos.Line != 2 || v.Key != match[:strings.IndexByte(match, '=')] {
				t.Errorf("%s: %+v", match, v)
			}
		})
	}
}
