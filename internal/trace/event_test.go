package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// encode is a record as the programs write it.
func encode(t testing.TB, e event) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, e); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// udevdSets is a record as it comes from a virtual machine with systemd 257.
func udevdSets() event {
	e := event{
		Time: 251122197615, CgroupID: 3541, Function: 0, NetNS: 4026531840, Index: 5,
		Flags: beforeKnown | returned | cgroupKnown, AddressLength: 6, Parents: 2, StackSize: 16,
	}
	copy(e.Name[:], "bond0")
	copy(e.Before[:], "\xea\x20\xdf\xd7\x82\xcb")
	copy(e.After[:], "\x96\x85\xc5\xce\xa2\x4b")
	for i, p := range []process{{PID: 420, TID: 421}, {PID: 254, TID: 254}, {PID: 1, TID: 1}} {
		copy(p.Name[:], []string{"(udev-worker)", "systemd-udevd", "systemd"}[i])
		e.Processes[i] = p
	}
	copy(e.Stack[:], []uint64{0xffffffff81000010, 0xffffffff81000020})
	e.CgroupSize = uint32(copy(e.Cgroup[:], "udev\x00systemd-udevd.service\x00system.slice\x00"))
	return e
}

func TestDecode(t *testing.T) {
	value := 0
	got, stack, err := decode(encode(t, udevdSets()))
	if err != nil {
		t.Fatal(err)
	}
	want := Call{
		Time: 251122197615, Function: "dev_set_mac_address_user", NetNS: 4026531840, Index: 5, Name: "bond0",
		Before:   net.HardwareAddr{0xea, 0x20, 0xdf, 0xd7, 0x82, 0xcb},
		After:    net.HardwareAddr{0x96, 0x85, 0xc5, 0xce, 0xa2, 0x4b},
		Process:  Process{PID: 420, TID: 421, Name: "(udev-worker)"},
		Parents:  []Process{{PID: 254, TID: 254, Name: "systemd-udevd"}, {PID: 1, TID: 1, Name: "systemd"}},
		CgroupID: 3541, Cgroup: "/system.slice/systemd-udevd.service/udev", Unit: "systemd-udevd.service",
		Returned: &value,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint64{0xffffffff81000010, 0xffffffff81000020}, stack); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeSaysWhatIsUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*event)
		says   func(Call) bool
	}{
		"what the address was":   {func(e *event) { e.Flags &^= beforeKnown }, func(c Call) bool { return c.Before == nil }},
		"what it returned":       {func(e *event) { e.Flags &^= returned }, func(c Call) bool { return c.Returned == nil }},
		"an error":               {func(e *event) { e.Returned = -99 }, func(c Call) bool { return *c.Returned == -99 }},
		"the cgroup":             {func(e *event) { e.Flags &^= cgroupKnown }, func(c Call) bool { return c.Cgroup == "" && c.Unit == "" && c.CgroupID == 0 }},
		"the root cgroup":        {func(e *event) { e.CgroupSize = 0 }, func(c Call) bool { return c.Cgroup == "/" && c.Unit == "" }},
		"a cgroup that is deep":  {func(e *event) { e.Flags |= cgroupCut }, func(c Call) bool { return c.Cgroup == ".../system.slice/systemd-udevd.service/udev" }},
		"a kernel's thread":      {func(e *event) { e.Parents = 0 }, func(c Call) bool { return c.Parents == nil }},
		"a name of 15 bytes":     {func(e *event) { copy(e.Name[:], "abcdefghijklmno") }, func(c Call) bool { return c.Name == "abcdefghijklmno" }},
		"an InfiniBand address":  {func(e *event) { e.AddressLength = 20 }, func(c Call) bool { return len(c.Before) == 20 && len(c.After) == 20 }},
		"a device without one":   {func(e *event) { e.AddressLength = 0 }, func(c Call) bool { return len(c.Before) == 0 && c.Before != nil }},
		"what is behind a name":  {func(e *event) { copy(e.Name[:], "a\x00bc") }, func(c Call) bool { return c.Name == "a" }},
		"a function of a driver": {func(e *event) { e.Function = 3 }, func(c Call) bool { return c.Function == "dev_addr_mod" }},
	} {
		t.Run(name, func(t *testing.T) {
			e := udevdSets()
			test.change(&e)
			c, _, err := decode(encode(t, e))
			if err != nil || !test.says(c) {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, change := range map[string]func(*event){
		"a function that is none":    func(e *event) { e.Function = uint32(len(functions)) },
		"an address that is too big": func(e *event) { e.AddressLength = 33 },
		"too many parents":           func(e *event) { e.Parents = 9 },
		"a stack that is too big":    func(e *event) { e.StackSize = 257 },
		"a cgroup that is too big":   func(e *event) { e.CgroupSize = 1025 },
	} {
		t.Run(name, func(t *testing.T) {
			e := udevdSets()
			change(&e)
			if c, _, err := decode(encode(t, e)); err == nil {
				t.Errorf("it is taken: %+v", c)
			}
		})
	}
	if _, _, err := decode(encode(t, udevdSets())[1:]); err == nil {
		t.Error("a record that is too short")
	}
}

// The names are as systemd makes them: cg_escape in src/basic/cgroup-util.c.
func TestUnit(t *testing.T) {
	for path, want := range map[string]string{
		"":                                    "",
		"/":                                   "",
		"/system.slice/systemd-udevd.service": "systemd-udevd.service",
		"/system.slice/systemd-udevd.service/udev":                                  "systemd-udevd.service",
		"/user.slice/user-1000.slice/session-3.scope":                               "session-3.scope",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-a\\x2db.scope": "app-a\\x2db.scope",
		"/user.slice": "user.slice",
		"/machine.slice/libpod-0123.scope/container":   "libpod-0123.scope",
		"/system.slice/_cgroup.service":                "cgroup.service",
		"/system.slice/__b.service":                    "_b.service",
		"/system.slice/ifup@eth0.service":              "ifup@eth0.service",
		"/system.slice/run-a.mount":                    "run-a.mount",
		"/kubepods/besteffort/pod1/0123":               "",
		"/.service":                                    "",
		".../cut.slice/docker-1.scope/a/b/c/d/e/f/g/h": "docker-1.scope",
	} {
		t.Run(fmt.Sprintf("%q", path), func(t *testing.T) {
			if got := unit(path); got != want {
				t.Errorf("the unit is %q, not %q", got, want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, udevdSets()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, record []byte) {
		c, stack, err := decode(record)
		if err != nil {
			if !cmp.Equal(c, Call{}) || stack != nil {
				t.Errorf("an error, and %+v", c)
			}
			return
		}
		if len(c.After) > 32 || len(c.Parents) > 8 || len(stack) > 32 || len(c.Name) > 16 ||
			strings.ContainsRune(c.Name+c.Process.Name+c.Cgroup, 0) ||
			c.Unit != "" && !strings.Contains(c.Cgroup, c.Unit) {
			t.Errorf("%+v", c)
		}
	})
}
