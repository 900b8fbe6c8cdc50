package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"linkaudit/linkfiles"
)

// NoSuchDevice is the reason for facts that only an existing device shows.
var NoSuchDevice = linkfiles.Say("no-such-device")

// AsSeen is what [Match] sees of a device of a kind at its next event: its attributes, as the
// kernel and the udev database show them now, with the changes of that event. recorded says
// whether the database has the device.
func AsSeen(dev linkfiles.Device, kind string, recorded bool) linkfiles.Device {
	k, virtual := kinds[kind], OnNoBus(kind)
	if dev.Driver.IsUnknown() && k.driver != "" {
		dev.Driver = linkfiles.Known(k.driver)
	}
	properties, driver := dev.Properties, dev.Driver
	dev.DriverUnrecorded = !properties("ID_NET_DRIVER").IsKnown()
	dev.Properties = func(key string) linkfiles.Fact[string] {
		v := properties(key)
		switch {
		case setLater[key]:
			return linkfiles.Absent[string]()
		case v.IsKnown():
			return v
		case key == "ID_NET_DRIVER":
			// The net_driver builtin asks ETHTOOL_GDRVINFO (255 and newer).
			return driver
		case virtual && fromParent(key):
			return linkfiles.Absent[string]()
		case v.IsAbsent() && !recorded && strings.HasPrefix(key, "ID_"):
			return linkfiles.Unknown[string](linkfiles.Say("no-udev-record"))
		}
		return v
	}
	dev.Path = dev.Properties("ID_PATH")
	return dev
}

// absentDevice is what [Match] will see of a device when it is created.
func absentDevice(name, kind string) linkfiles.Device {
	dev := linkfiles.Device{
		Name:           name,
		MAC:            linkfiles.Unknown[linkfiles.MAC](NoSuchDevice),
		PermMAC:        linkfiles.Unknown[linkfiles.MAC](NoSuchDevice),
		NameAssignType: linkfiles.Unknown[int](NoSuchDevice),

		DriverUnrecorded: true,
	}
	k, ok := kinds[kind]
	ok = ok && !k.unseen
	why := NoSuchDevice
	switch {
	case kind == "":
		why = linkfiles.Say("no-such-device-nor-kind")
		dev.Kind = linkfiles.Unknown[string](why)
	case !ok:
		why = linkfiles.Say("no-such-device-of-kind", "kind", kind)
		dev.Kind = linkfiles.Known(kind)
	default:
		dev.Kind = linkfiles.Known(kind)
	}
	dev.Type, dev.Driver, dev.Path = linkfiles.Unknown[string](why), linkfiles.Unknown[string](why), linkfiles.Unknown[string](why)
	if ok {
		dev.Type, dev.TypeFromARPHRD = k.linkType(kind)
		dev.Driver = k.driverOf(kind)
		dev.Drivers = []string{"", kind}
		dev.Path = linkfiles.Absent[string]()
		// ETHTOOL_GPERMADDR answers for an Ethernet device without one, too.
		const null linkfiles.MAC = "00:00:00:00:00:00"
		switch {
		case k.permanent:
		case k.link == ether:
			dev.PermMAC = linkfiles.Known(null)
		case k.link == "":
			dev.PermMACs = []linkfiles.MAC{"", null}
		default:
			dev.PermMAC = linkfiles.Absent[linkfiles.MAC]()
		}
	}
	dev.Properties = func(key string) linkfiles.Fact[string] {
		switch {
		case key == "INTERFACE":
			return linkfiles.Known(name)
		case key == "SUBSYSTEM":
			return linkfiles.Known("net")
		case setLater[key]:
			return linkfiles.Absent[string]()
		case ok && key == "DEVTYPE":
			return linkfiles.Text(k.devType)
		case ok && key == "ID_NET_DRIVER":
			return dev.Driver
		case ok && fromParent(key):
			return linkfiles.Absent[string]()
		}
		return linkfiles.Unknown[string](why)
	}
	return dev
}

// setLater are the properties that an event sets after the file was chosen: by net_setup_link
// itself, and by rules after 80-net-setup-link.rules (99-systemd.rules). The udev database
// has them from the event before.
var setLater = map[string]bool{"ID_NET_LINK_FILE": true, "ID_NET_LINK_FILE_DROPINS": true, "ID_NET_NAME": true, "SYSTEMD_ALIAS": true}

// fromParent reports whether udev's own rules take the property from the bus of a device
// (usb_id, path_id, net_id of 75-net-description.rules), so a virtual device cannot have it.
func fromParent(key string) bool {
	return key == "ID_BUS" || key == "ID_PATH" || strings.HasPrefix(key, "ID_USB_") ||
		strings.HasPrefix(key, "ID_PCI_") || strings.HasPrefix(key, "ID_NET_NAME_")
}

// NewDevice is what [Match] will see of a device that is created without a chosen address: it
// has a random one, which no file names. Without a kind it may be hardware, which has its own
// address.
func NewDevice(name, kind string) *linkfiles.Device {
	dev := newDevice(name, kind)
	return &dev // as LinkDevice
}

func newDevice(name, kind string) linkfiles.Device {
	dev := absentDevice(name, kind)
	if kind != "" {
		dev.MAC = kinds[kind].firstAddress()
	}
	return dev
}

// NewOfKind is what [Match] will see of any new device of the kind. A file that names one of
// them by its number, bond0, does not apply to all.
func NewOfKind(kind string) *linkfiles.Device { return NewDevice(kind+unnamedNumber, kind) }

// unnamedNumber makes a name of a kind that no file is likely to name, except with patterns
// for all, like bond*.
const unnamedNumber = "99999"

// UnnamedAddress stands for the random address of a new device: locally administered, and as
// unlikely in a file as any other of 2^46.
const UnnamedAddress linkfiles.MAC = "6e:9d:c3:5a:71:e4"

// MatchKind returns the assignment of [Match] that selects the devices of a kind for udevd of
// rel, false if there is none.
func MatchKind(rel linkfiles.Release, kind string) (key, value string, ok bool) {
	k := kinds[kind]
	switch {
	case linkfiles.KeyKnown(rel, "Match", "Kind"):
		return "Kind", kind, true
	case k.devType != "":
		return "Type", k.devType, true
	case k.driver != "" && !sharesDriver(kind):
		return "Driver", strings.ReplaceAll(k.driver, " ", "?"), true // a space separates patterns
	}
	return "", "", false
}

// sharesDriver reports whether devices of another kind have the same driver.
func sharesDriver(kind string) bool {
	for other, k := range kinds {
		if other != kind && k.driver == kinds[kind].driver {
			return true
		}
	}
	return false
}

// UdevName is the name of a new device after udevd, if a file applies that sets no other name:
// udev_replace_ifname() of udev-event.c under a scheme with NAMING_REPLACE_STRICTLY,
// otherwise udev_replace_chars(), which keeps UTF-8. Both see "/" for "!"
// (NAMING_USE_INTERFACE_PROPERTY, from 258 on: "!").
func UdevName(rel linkfiles.Release, scheme linkfiles.Fact[string], name string) string {
	if strings.IndexFunc(name, mayBeReplaced) < 0 {
		return name
	}
	const replaceStrictly, useInterfaceProperty, cleanText = 249, 258, 260
	has := int(rel) // without a scheme, the newest of the release
	if s, ok := scheme.Get(); ok {
		if n, err := strconv.Atoi(strings.TrimPrefix(s, "v")); err == nil {
			has = n
		}
		if strings.HasPrefix(s, "rhel-8.") || strings.HasPrefix(s, "rhel-9.") {
			has = 0 // RHEL removed the flag
		}
	}
	strict := rel >= replaceStrictly && has >= replaceStrictly
	if rel >= cleanText && !linkfiles.CleanText(name) {
		return name // udevd ignores it
	}
	var out strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		c := name[i]
		switch {
		case !mayBeReplaced(rune(c)),
			c == '!' && (!strict || has >= useInterfaceProperty),
			strict && c > ' ' && c < 0x7f && c != '%' && c != '!',
			!strict && n > 1 && validInUdev(r):
			out.WriteString(name[i : i+n])
		default:
			out.WriteString(strings.Repeat("_", n))
		}
		i += n
	}
	return out.String()
}

// mayBeReplaced is false for characters that every release keeps.
func mayBeReplaced(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("#+-.=@_", c))
}

// validInUdev is unichar_is_valid() of utf8.c.
func validInUdev(r rune) bool { return linkfiles.CleanText(string(r)) }
