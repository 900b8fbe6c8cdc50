package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// Device has the facts about one network device that a [Match] section can ask for.
// This package's own small reader reads them from the kernel, because a mistake in the
// program's reader must not hide one in its matcher.
type Device struct {
	Name     string   `json:"name"`
	AltNames []string `json:"altnames,omitempty"`
	Index    int      `json:"index"`
	MAC      string   `json:"mac,omitempty"`      // IFLA_ADDRESS
	PermMAC  string   `json:"perm_mac,omitempty"` // IFLA_PERM_ADDRESS, else ETHTOOL_GPERMADDR
	Driver   string   `json:"driver,omitempty"`   // ETHTOOL_GDRVINFO
	Kind     string   `json:"kind,omitempty"`     // IFLA_INFO_KIND
	ARPHRD   int      `json:"arphrd"`             // ifi_type
	Loopback bool     `json:"loopback,omitempty"` // IFF_LOOPBACK
	// NameAssignType and AddrAssignType are -1 if the kernel has none.
	NameAssignType int `json:"name_assign_type"`
	AddrAssignType int `json:"addr_assign_type"`
	// UEvent are the properties of the uevent file, DB those that the test
	// put into the udev database for the device.
	UEvent map[string]string `json:"uevent,omitempty"`
	DB     map[string]string `json:"db,omitempty"`
}

// arphrd has the names of the interface types (<linux/if_arp.h>) that devices of this
// test can have; systemd.link(5) wants them in lower case.
var arphrd = map[int]string{
	1:     "ether",
	768:   "tunnel",
	769:   "tunnel6",
	772:   "loopback",
	776:   "sit",
	778:   "ipgre",
	823:   "ip6gre",
	824:   "netlink",
	280:   "can",
	65534: "none",
}

// Property is what sd_device_get_property_value(3) returns in udevadm: the database,
// the uevent file, and what a device object always has. (ACTION, which test-builtin
// sets since 248, is left out; no case asks for it.)
func (d Device) Property(key string) (string, bool) {
	if v, ok := d.DB[key]; ok {
		return v, true
	}
	if v, ok := d.UEvent[key]; ok {
		return v, true
	}
	switch key {
	case "SUBSYSTEM":
		return "net", true
	case "DEVPATH":
		return "/devices/virtual/net/" + d.Name, true
	}
	return "", false
}

// Facts is the device in the terms of the code under test.
func (d Device) Facts() *linkfiles.Device {
	f := &linkfiles.Device{
		Name:           d.Name,
		MAC:            known(linkfiles.MAC(d.MAC)),
		PermMAC:        known(linkfiles.MAC(d.PermMAC)),
		Driver:         known(d.Driver),
		Kind:           known(d.Kind),
		Type:           known(arphrd[d.ARPHRD]),
		Path:           known(d.DB["ID_PATH"]),
		Loopback:       d.Loopback,
		NameAssignType: fact.Absent[int](),
		Properties: func(key string) fact.Fact[string] {
			if v, ok := d.Property(key); ok {
				return fact.Known(v)
			}
			return fact.Absent[string]()
		},
	}
	if t := d.UEvent["DEVTYPE"]; t != "" {
		f.Type = fact.Known(t)
	}
	if d.NameAssignType >= 0 {
		f.NameAssignType = fact.Known(d.NameAssignType)
	}
	return f
}

// Enumerated reports whether the kernel made up the name (NET_NAME_ENUM).
func (d Device) Enumerated() bool { return d.NameAssignType == 1 }

// matched is the device without its number, which differs between namespaces and
// selects no file.
func (d Device) matched() Device {
	d.Index, d.UEvent = 0, maps.Clone(d.UEvent)
	delete(d.UEvent, "IFINDEX")
	return d
}

// databaseNode is the device's file in the udev database, in the format of
// systemd's device-private.c: a line "E:KEY=VALUE" for each property.
func (d Device) databaseNode() Node {
	var b strings.Builder
	b.WriteString("I:1\n")
	for k, v := range d.DB {
		fmt.Fprintf(&b, "E:%s=%s\n", k, v)
	}
	b.WriteString("V:1\n")
	return Node{Path: "/run/udev/data/n" + strconv.Itoa(d.Index), Kind: NodeFile, Content: []byte(b.String())}
}

// Attributes of an RTM_NEWLINK message that package syscall has no name for.
const (
	iflaLinkInfo    = 18
	iflaInfoKind    = 1
	iflaPropList    = 52
	iflaAltIfname   = 53
	iflaPermAddress = 54
)

// readDevices returns every device of the calling thread's network namespace. /sys must
// belong to that namespace.
func readDevices() ([]Device, error) {
	rib, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("dump the links: %w", err)
	}
	msgs, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		return nil, fmt.Errorf("read the dump of the links: %w", err)
	}
	var devices []Device
	for _, m := range msgs {
		if m.Header.Type != syscall.RTM_NEWLINK {
			continue
		}
		d := Device{
			ARPHRD: int(binary.NativeEndian.Uint16(m.Data[2:])),
			Index:  int(binary.NativeEndian.Uint32(m.Data[4:])),
		}
		d.Loopback = binary.NativeEndian.Uint32(m.Data[8:])&syscall.IFF_LOOPBACK != 0
		for typ, val := range attributes(m.Data[syscall.SizeofIfInfomsg:]) {
			switch typ {
			case syscall.IFLA_IFNAME:
				d.Name = cString(val)
			case syscall.IFLA_ADDRESS:
				d.MAC = net.HardwareAddr(val).String()
			case iflaPermAddress:
				d.PermMAC = net.HardwareAddr(val).String()
			case iflaLinkInfo:
				for t, v := range attributes(val) {
					if t == iflaInfoKind {
						d.Kind = cString(v)
					}
				}
			case iflaPropList:
				for t, v := range attributes(val) {
					if t == iflaAltIfname {
						d.AltNames = append(d.AltNames, cString(v))
					}
				}
			}
		}
		d.Driver = ethtoolDriver(d.Name)
		if d.MAC != "" && d.PermMAC == "" {
			d.PermMAC = ethtoolPermanent(d.Name)
		}
		d.NameAssignType = sysfsNumber(d.Name, "name_assign_type")
		d.AddrAssignType = sysfsNumber(d.Name, "addr_assign_type")
		uevent, err := os.ReadFile("/sys/class/net/" + d.Name + "/uevent")
		if err != nil {
			return nil, fmt.Errorf("read the uevent file of %q: %w", d.Name, err)
		}
		d.UEvent = map[string]string{}
		for line := range strings.Lines(string(uevent)) {
			if k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
				d.UEvent[k] = v
			}
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// attributes walks a run of rtattr structures.
func attributes(b []byte) func(yield func(typ int, val []byte) bool) {
	return func(yield func(int, []byte) bool) {
		for len(b) >= 4 {
			n := int(binary.NativeEndian.Uint16(b))
			typ := int(binary.NativeEndian.Uint16(b[2:])) & 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
			if n < 4 || n > len(b) || !yield(typ, b[4:n]) {
				return
			}
			b = b[min((n+3)&^3, len(b)):]
		}
	}
}

func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

func sysfsNumber(dev, attr string) int {
	b, err := os.ReadFile("/sys/class/net/" + dev + "/" + attr)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return -1
	}
	return n
}

// ethtoolDriver asks ETHTOOL_GDRVINFO; "" if the device has no answer.
func ethtoolDriver(dev string) string {
	info := struct { // struct ethtool_drvinfo
		cmd    uint32
		driver [32]byte
		rest   [160]byte
	}{cmd: 0x3}
	if !ethtool(dev, unsafe.Pointer(&info)) {
		return ""
	}
	return cString(info.driver[:])
}

// ethtoolPermanent asks ETHTOOL_GPERMADDR, as udevd does if the kernel sent no
// IFLA_PERM_ADDRESS; many devices without one answer with zeros.
func ethtoolPermanent(dev string) string {
	info := struct { // struct ethtool_perm_addr
		cmd, size uint32
		address   [32]byte
	}{cmd: 0x20, size: 32}
	if !ethtool(dev, unsafe.Pointer(&info)) || info.size > 32 {
		return ""
	}
	return net.HardwareAddr(info.address[:info.size]).String()
}

// ethtool makes the ioctl SIOCETHTOOL with the command's structure.
func ethtool(dev string, command unsafe.Pointer) bool {
	const siocEthtool = 0x8946
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	req := struct { // struct ifreq
		name [16]byte
		data unsafe.Pointer
		pad  [16]byte
	}{data: command}
	copy(req.name[:15], dev)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), siocEthtool, uintptr(unsafe.Pointer(&req)))
	return errno == 0
}

// deviceCommands create the devices of the test, each with one run of ip(8). Kinds that
// the kernel does not have are left out: it tries. Every address is fixed, so a
// generated case is the same in every namespace.
func deviceCommands() [][]string {
	bridge := func(name, address string) []string {
		return []string{"link", "add", name, "address", address, "type", "bridge"}
	}
	on := func(lower, name, address string, typ ...string) []string {
		return append([]string{"link", "add", "link", lower, "name", name, "address", address, "type"}, typ...)
	}
	alone := func(name, address string, typ ...string) []string {
		return append([]string{"link", "add", name, "address", address, "type"}, typ...)
	}
	return [][]string{
		bridge("br0", "02:11:22:33:44:55"),
		bridge("br-lan.10", "02:11:22:33:44:56"),
		bridge("a[b]*?", "02:ab:cd:ef:00:01"),
		bridge("é0", "02:ab:cd:ef:00:02"),
		bridge(`a\b`, "02:ab:cd:ef:00:03"),
		bridge(`q"uo'te`, "02:ab:cd:ef:00:04"),
		bridge("p!x", "02:ab:cd:ef:00:07"), // "/" to sd-device
		bridge("fifteen-chars-x", "02:ab:cd:ef:00:05"),
		{"link", "add", "address", "02:ab:cd:ef:00:06", "type", "bridge"}, // the kernel enumerates the name
		{"link", "add", "veth0", "address", "02:00:00:00:00:01", "type", "veth",
			"peer", "name", "veth1", "address", "02:00:00:00:00:02"},
		on("veth0", "mv0", "02:00:00:00:00:03", "macvlan"),
		on("veth1", "mt0", "02:00:00:00:00:04", "macvtap"),
		alone("flannel.1", "0a:58:0a:f4:01:01", "vxlan", "id", "1", "dstport", "4789"),
		alone("ifb7", "02:00:00:00:00:07", "ifb"),
		alone("bond0", "02:00:00:00:00:08", "bond"),
		alone("team0", "02:00:00:00:00:09", "team"),
		alone("dummy7", "02:00:00:00:00:0a", "dummy"),
		on("veth0", "veth0.5", "02:00:00:00:00:0b", "vlan", "id", "5"),
		alone("vrf1", "02:00:00:00:00:0c", "vrf", "table", "10"),
		{"link", "add", "link", "veth0", "name", "ipvl0", "type", "ipvlan"},
		{"link", "add", "wg0", "type", "wireguard"},
		alone("gnv0", "02:00:00:00:00:0d", "geneve", "id", "5", "remote", "192.0.2.1"),
		{"link", "add", "gre1", "type", "gre", "remote", "192.0.2.1"},
		alone("gretap1", "02:00:00:00:00:0e", "gretap", "remote", "192.0.2.2"),
		{"link", "add", "ipip1", "type", "ipip", "remote", "192.0.2.3"},
		{"link", "add", "sit1", "type", "sit", "remote", "192.0.2.4"},
		{"link", "add", "bareudp0", "type", "bareudp", "dstport", "999", "ethertype", "ip"},
		{"link", "add", "nlmon0", "type", "nlmon"},
		{"link", "add", "vcan0", "type", "vcan"},
		{"tuntap", "add", "tap0", "mode", "tap"},
		{"link", "set", "tap0", "address", "02:00:00:00:00:0f"},
		{"tuntap", "add", "tun0", "mode", "tun"},
		{"link", "property", "add", "dev", "br0", "altname", "an-alternative-name-of-br0"},
	}
}
