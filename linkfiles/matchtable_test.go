package linkfiles

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A row that forgets something would be a key that never fits, or whose facts nobody
// collects.
func TestRowsOfMatchAreComplete(t *testing.T) {
	for i := range matchTable {
		row := &matchTable[i]
		t.Run(row.key, func(t *testing.T) {
			if row.link == (span{}) && row.netdev == (span{}) && row.network == (span{}) {
				t.Error("no release knows it")
			}
			if row.needs == 0 {
				t.Error("it needs nothing")
			}
			if (row.device == 0) == (row.system == nil) {
				t.Error("it is to have a test of either the device or the machine")
			}
			if device := row.device != 0; device != (row.compares != nil) || device != (row.step > 0) {
				t.Error("a condition of a device, and only such a one, has comparison and step")
			} else if device {
				q := NewestRelease.quirks()
				c := condition{row: row, wants: []pattern{{text: "x"}}}
				c.testDevice(&q, bridge())
			}
			if row.replaces != "" && !slices.ContainsFunc(matchTable, func(r matchRow) bool { return r.key == row.replaces && r.system != nil }) {
				t.Errorf("it replaces %s, which is no condition of the machine", row.replaces)
			}
		})
	}
	if !slices.IsSortedFunc(matchTable, func(a, b matchRow) int { return stepOrLast(a) - stepOrLast(b) }) {
		t.Error("the rows are not in the order of their steps")
	}
}

func stepOrLast(r matchRow) int {
	if r.step == 0 {
		return 100
	}
	return r.step
}

// needOf is the need of each field of Device and System. A field that is not
// here is no fact.
var needOf = map[string]Needs{
	"MAC": NeedLink, "Kind": NeedLink, "Type": NeedLink, "PermMAC": NeedPermMAC, "Driver": NeedDriver, "Path": NeedUdevDB,
	"NameAssignType": NeedNameAssignType, "Properties": NeedUdevDB,
	"Hostname": NeedMachine, "KernelCommandLine": NeedMachine, "KernelRelease": NeedMachine, "Architecture": NeedMachine,
	"MachineID": NeedMachineID, "BootID": NeedOtherIDs, "ProductUUID": NeedOtherIDs, "Virtualization": NeedVirtualization,
	"Glibc": NeedGlibc, "Credentials": NeedCredentials, "Firmware": NeedFirmware, "MachineTags": NeedMachineTags,
}

// Each fact in turn is made unknown. Where that changes what becomes of a file, the
// file asked for the fact, and Needs has to say so.
func TestNeedsHasWhatAConditionAsksFor(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	values := map[string][]string{
		"MACAddress": {"02:00:00:00:00:01"}, "PermanentMACAddress": {"02:00:00:00:00:01"},
		"OriginalName": {"br0", "*", "br0 *"}, "Name": {"br0"},
		"Property":     {"ROLE=uplink", "!ROLE=x"},
		"Architecture": {"x86-64"}, "Host": {"host1", "!other", id, "!" + id}, "KernelVersion": {">=5", "glibc >= 2", "systemd >= 1"},
		"Version": {"glibc >= 2", "kernel >= 5"}, "Virtualization": {"vm", "private-users"},
		"Firmware": {"uefi", "device-tree", "smbios-field(sys_vendor=QEMU)"},
		"SSID":     {"a"}, "BSSID": {"a"}, "WLANInterfaceType": {"a"},
	}
	for i := range matchTable {
		row := &matchTable[i]
		t.Run(row.key, func(t *testing.T) {
			files, suffix, known := LinkFiles, ".link", row.link
			if known == (span{}) {
				files, suffix, known = NetworkFiles, ".network", row.network
			}
			asked := Needs(0)
			for _, value := range append(values[row.key], "bridge", "!bridge") {
				for rel := known.first; rel <= known.last; rel++ {
					content := "[Match]\n" + row.key + "=" + value + "\n"
					tree := Parse(&Store{Type: files, Dirs: []Dir{{Path: etcDir, Entries: []Entry{{Name: "a" + suffix, Type: TypeRegular, Mode: 0o644, Content: []byte(content)}}}}}, rel)
					if tree.Files[0].State != StateActive {
						continue
					}
					for field, need := range needOf {
						dev, sys := bridge(), testSystem()
						sys.Glibc, dev.Drivers, dev.PermMACs = Known("2.41"), nil, nil
						before := tree.For(sys).Explain(dev)[0]
						makeUnknown(field, dev, sys)
						if after := tree.For(sys).Explain(dev)[0]; after.Reason.Equal(before.Reason) && after.Fate == before.Fate {
							continue
						}
						asked |= need
						if !tree.Needs().Has(need) {
							t.Errorf("systemd %d: the value %s asks for %s, but does not need it", rel, value, field)
						}
					}
				}
			}
			if asked == 0 && row.compares != wirelessNetworks && row.compares != deviceNames {
				t.Error("it asked for nothing")
			}
		})
	}
}

func makeUnknown(field string, dev *Device, sys *System) {
	if field == "Properties" {
		dev.Properties = func(string) Fact[string] { return Unknown[string](Told("not collected")) }
		return
	}
	v := reflect.ValueOf(dev).Elem().FieldByName(field)
	if !v.IsValid() {
		v = reflect.ValueOf(sys).Elem().FieldByName(field)
	}
	v.SetZero()
}

// Every fact of Device and System is one of Needs, so that a condition that asks for
// a new one is seen above.
func TestEveryFactIsOfANeed(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[Device](), reflect.TypeFor[System]()} {
		for _, f := range reflect.VisibleFields(typ) {
			isFact := strings.HasPrefix(f.Type.Name(), "Fact[") || f.Type.Kind() == reflect.Func || f.Type == reflect.TypeFor[MachineID]()
			if _, listed := needOf[f.Name]; isFact && !listed {
				t.Errorf("%s.%s is of no need", typ.Name(), f.Name)
			}
		}
	}
	all := NeedLink | NeedUEvent // MAC and Properties are of another one besides
	for _, need := range needOf {
		all |= need
	}
	if all != NeedEverything {
		t.Errorf("the needs %b have no field", NeedEverything&^all)
	}
}
