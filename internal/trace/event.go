package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
)

// event is a record as internal/trace/bpf/trace.bpf.c writes it.
type event struct {
	Time          uint64
	CgroupID      uint64
	Function      uint32
	NetNS         uint32
	Index         int32
	Returned      int32
	Flags         uint32
	AddressLength uint32
	Parents       uint32
	StackSize     uint32
	CgroupSize    uint32
	Unused        uint32
	Name          [16]byte
	Before        [32]byte
	After         [32]byte
	Processes     [9]process
	Stack         [32]uint64
	Cgroup        [1024]byte
}

type process struct {
	PID, TID uint32
	Name     [16]byte
}

// Bits of event.Flags.
const (
	beforeKnown = 1 << iota
	returned
	cgroupKnown
	cgroupCut
)

// functions are those that the programs trace, by their number in a record: outer ones
// first.
var functions = []string{
	"dev_set_mac_address_user", // since Linux 5.12, and 5.10 has it from stable
	"dev_set_mac_address",
	"netif_set_mac_address", // since Linux 6.15
	addrMod,
	notifiers,
}

const (
	addrMod   = "dev_addr_mod"
	notifiers = "call_netdevice_notifiers"
)

// decode decodes a record. The second result is the addresses of the stack.
func decode(record []byte) (Call, []uint64, error) {
	var e event
	if err := binary.Read(bytes.NewReader(record), binary.LittleEndian, &e); err != nil {
		return Call{}, nil, fmt.Errorf("a record of %d bytes: %w", len(record), err)
	}
	switch {
	case int(e.Function) >= len(functions):
		return Call{}, nil, fmt.Errorf("a record of function %d", e.Function)
	case int(e.AddressLength) > len(e.Before), int(e.Parents) >= len(e.Processes),
		int(e.StackSize) > binary.Size(e.Stack), int(e.CgroupSize) > len(e.Cgroup):
		return Call{}, nil, fmt.Errorf("a record with an address of %d bytes, %d parents, a stack of %d bytes and a cgroup of %d bytes",
			e.AddressLength, e.Parents, e.StackSize, e.CgroupSize)
	}
	c := Call{
		Time:     e.Time,
		Function: functions[e.Function],
		NetNS:    uint64(e.NetNS),
		Index:    int(e.Index),
		Name:     text(e.Name[:]),
		After:    net.HardwareAddr(bytes.Clone(e.After[:e.AddressLength])),
		Process:  e.Processes[0].decode(),
	}
	if e.Flags&beforeKnown != 0 {
		c.Before = net.HardwareAddr(bytes.Clone(e.Before[:e.AddressLength]))
	}
	if e.Flags&returned != 0 {
		value := int(e.Returned)
		c.Returned = &value
	}
	for _, p := range e.Processes[1 : 1+e.Parents] {
		c.Parents = append(c.Parents, p.decode())
	}
	if e.Flags&cgroupKnown != 0 {
		c.CgroupID = e.CgroupID
		c.Cgroup = cgroupPath(e.Cgroup[:e.CgroupSize], e.Flags&cgroupCut != 0)
		c.Unit = unit(c.Cgroup)
	}
	return c, e.Stack[:e.StackSize/8], nil
}

func (p process) decode() Process {
	return Process{PID: int(p.PID), TID: int(p.TID), Name: text(p.Name[:])}
}

// text is a C string.
func text(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

// cgroupPath is the path from names that are innermost first, each with a NUL after it. If
// it is cut, the outer ones are missing.
func cgroupPath(names []byte, cut bool) string {
	var parts []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		parts = append(parts, name)
	}
	slices.Reverse(parts)
	path := "/" + strings.Join(parts, "/")
	if cut {
		return "..." + path
	}
	return path
}

// unitTypes are those with cgroups, systemd.unit(5).
var unitTypes = []string{".service", ".scope", ".slice", ".socket", ".mount", ".swap"}

// unit is the innermost unit in the path of a cgroup. systemd puts a "_" before a name that
// the kernel could take for one of its files (cg_escape in src/basic/cgroup-util.c), and
// removes every leading one.
func unit(path string) string {
	parts := strings.Split(path, "/")
	for _, part := range slices.Backward(parts) {
		part = strings.TrimPrefix(part, "_")
		for _, suffix := range unitTypes {
			if len(part) > len(suffix) && strings.HasSuffix(part, suffix) {
				return part
			}
		}
	}
	return ""
}
