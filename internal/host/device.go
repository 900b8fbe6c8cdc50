package host

import (
	"slices"
	"strconv"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// Loopback reports whether IFF_LOOPBACK of include/uapi/linux/if.h is set.
func (d *Device) Loopback() bool { return d.Flags&0x8 != 0 }

// Device returns the device with the given name or, where no device has that
// name, alternative name (IFLA_ALT_IFNAME); nil if there is none.
func (s *Snapshot) Device(name string) *Device {
	for i := range s.Devices {
		if s.Devices[i].Name == name {
			return &s.Devices[i]
		}
	}
	for i := range s.Devices {
		if slices.Contains(s.Devices[i].AltNames, name) {
			return &s.Devices[i]
		}
	}
	return nil
}

// DeviceNames are all names that the devices have, alternative ones too.
func DeviceNames(devices []Device) map[string]bool {
	names := make(map[string]bool, len(devices))
	for i := range devices {
		names[devices[i].Name] = true
		for _, name := range devices[i].AltNames {
			names[name] = true
		}
	}
	return names
}

// Type is what [Match] Type= compares: DEVTYPE of the uevent file and, where
// that is missing or empty, the lower-case name of ifi_type. It is absent for
// a number that has no name. Source: link_get_type_string() of systemd 243 to
// 249, net_get_type_string() since; up to 242 udevd compared DEVTYPE alone
// (link_config_get() of v239), and a device without one had no type.
func (d *Device) Type() fact.Fact[string] {
	switch t, ok := d.DevType.Get(); {
	case ok && t != "":
		return fact.Known(t)
	case d.DevType.IsUnknown():
		return fact.Unknown[string](d.DevType.Reason())
	}
	if name, ok := arphrdNames[d.ARPHRD]; ok {
		return fact.Known(name)
	}
	return fact.Absent[string]()
}

// MatchAttributes returns what the [Match] section can ask about the device.
//
// Driver is ETHTOOL_GDRVINFO's where that was collected, and otherwise
// ID_NET_DRIVER, which udevd took from there at the device's last event. Path
// and the properties are those of the last event too: udevd matches while the
// rules of a new event still run, so a property that those rules set
// differently the next time cannot be foreseen here.
func (d *Device) MatchAttributes() linkfiles.Device {
	m := linkfiles.Device{
		Name:           d.Name,
		AltNames:       d.AltNames,
		MAC:            fact.Text(d.MAC),
		PermMAC:        fact.Text(d.PermanentMAC),
		Driver:         d.Driver,
		Kind:           fact.Text(d.Kind),
		Type:           d.Type(),
		TypeFromARPHRD: d.DevType.Or("") == "",
		Path:           fromDB(d.UdevDB, "ID_PATH"),
		Loopback:       d.Loopback(),
		NameAssignType: d.NameAssignType,
		Properties:     d.property,
	}
	if m.Driver.IsUnknown() {
		if db := fromDB(d.UdevDB, "ID_NET_DRIVER"); db.IsKnown() {
			m.Driver = db
		}
	}
	return m
}

func fromDB(db fact.Fact[map[string]string], key string) fact.Fact[string] {
	m, ok := db.Get()
	switch {
	case db.IsUnknown():
		return fact.Unknown[string](db.Reason())
	case !ok:
		return fact.Absent[string]()
	}
	if v, ok := m[key]; ok {
		return fact.Known(v)
	}
	return fact.Absent[string]()
}

// property is one property of the device. The database comes before the uevent file, as
// in device_properties_prepare() of sd-device.
func (d *Device) property(key string) fact.Fact[string] {
	switch key {
	case "INTERFACE":
		return fact.Known(d.Name)
	case "IFINDEX":
		return fact.Known(strconv.Itoa(d.Index))
	case "SUBSYSTEM":
		return fact.Known("net")
	case "DEVTYPE":
		return d.DevType
	case "ACTION", "SEQNUM", "DEVPATH", "TAGS", "CURRENT_TAGS", "DEVLINKS", "USEC_INITIALIZED", "ID_RENAMING":
		return fact.Unknown[string](fact.Told(key + " is a property of the event, not of the device"))
	}
	db := fromDB(d.UdevDB, key)
	if db.IsKnown() {
		return db
	}
	ue := fromDB(d.UEvent, key)
	switch {
	case ue.IsKnown():
		return ue
	case db.IsUnknown():
		return db
	case ue.IsUnknown() && strings.HasPrefix(key, "ID_"):
		// No driver of a network device puts ID_* into its uevent.
		return fact.Absent[string]()
	}
	return ue
}

// arphrdNames are the names of ifi_type as systemd's arphrd_to_name() has
// them, in lower case: the ARPHRD_* macros of include/uapi/linux/if_arp.h
// without ARPHRD_HDLC, which is an alias of CISCO (arphrd-to-name.awk).
//
// systemd takes the macros from its own copy of the header up to 249 and since
// 257 (MCTP is known from 250 on at the earliest), from the build machine's
// in between.
var arphrdNames = map[int]string{
	0: "netrom", 1: "ether", 2: "eether", 3: "ax25", 4: "pronet", 5: "chaos",
	6: "ieee802", 7: "arcnet", 8: "appletlk", 15: "dlci", 19: "atm",
	23: "metricom", 24: "ieee1394", 27: "eui64", 32: "infiniband",
	256: "slip", 257: "cslip", 258: "slip6", 259: "cslip6", 260: "rsrvd",
	264: "adapt", 270: "rose", 271: "x25", 272: "hwx25", 280: "can", 290: "mctp",
	512: "ppp", 513: "cisco", 516: "lapb", 517: "ddcmp", 518: "rawhdlc", 519: "rawip",
	768: "tunnel", 769: "tunnel6", 770: "frad", 771: "skip", 772: "loopback",
	773: "localtlk", 774: "fddi", 775: "bif", 776: "sit", 777: "ipddp",
	778: "ipgre", 779: "pimreg", 780: "hippi", 781: "ash", 782: "econet", 783: "irda",
	784: "fcpp", 785: "fcal", 786: "fcpl", 787: "fcfabric",
	800: "ieee802_tr", 801: "ieee80211", 802: "ieee80211_prism", 803: "ieee80211_radiotap",
	804: "ieee802154", 805: "ieee802154_monitor",
	820: "phonet", 821: "phonet_pipe", 822: "caif", 823: "ip6gre", 824: "netlink",
	825: "6lowpan", 826: "vsockmon",
	0xfffe: "none", 0xffff: "void",
}

// HasKind reports whether there is a device of the kind.
func (s *Snapshot) HasKind(kind string) bool {
	return slices.ContainsFunc(s.Devices, func(d Device) bool { return d.Kind == kind })
}
