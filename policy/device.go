package policy

import (
	"strings"

	"linkaudit/fact"
	"linkaudit/host"
	"linkaudit/linkfiles"
)

// takesPortAddress holds the kinds that are masters of ports and have a use
// for a port's address: the bonding and bridge drivers take it by themselves,
// for a team it is teamd or NetworkManager.
var takesPortAddress = map[string]bool{"bond": true, "bridge": true, "team": true}

const noSuchDevice = "the device does not exist yet"

// LinkDevice is what [Match] sees of a device that exists, at its next event.
func LinkDevice(d *host.Device) *linkfiles.Device {
	dev := linkDevice(d)
	return &dev // inlined: on the stack of a caller that does not keep it
}

func linkDevice(d *host.Device) linkfiles.Device {
	dev := d.MatchAttributes()
	k, virtual := kinds[d.Kind], withoutParent(d.Kind)
	if dev.Driver.IsUnknown() && k.driver != "" {
		dev.Driver = fact.Known(k.driver)
	}
	recorded, driver := dev.Properties, dev.Driver
	dev.Properties = func(key string) fact.Fact[string] {
		v := recorded(key)
		switch {
		case v.IsKnown():
			return v
		case key == "ID_NET_DRIVER":
			// The net_driver builtin asks ETHTOOL_GDRVINFO (255 and newer).
			return driver
		case virtual && fromParent(key):
			return fact.Absent[string]()
		case v.IsAbsent() && d.UdevDB.IsAbsent() && strings.HasPrefix(key, "ID_"):
			return fact.Unknown[string]("udev has no record of the device")
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
		MAC:            fact.Unknown[string](noSuchDevice),
		PermMAC:        fact.Unknown[string](noSuchDevice),
		NameAssignType: fact.Unknown[int](noSuchDevice),
	}
	k, ok := kinds[kind]
	ok = ok && !k.unseen
	why := noSuchDevice
	switch {
	case kind == "":
		why += "; give --kind"
		dev.Kind = fact.Unknown[string](why)
	case !ok:
		why += "; what the kernel shows of kind " + kind + " is not in the table"
		dev.Kind = fact.Known(kind)
	default:
		dev.Kind = fact.Known(kind)
	}
	dev.Type, dev.Driver, dev.Path = fact.Unknown[string](why), fact.Unknown[string](why), fact.Unknown[string](why)
	if ok {
		dev.Type, dev.TypeFromARPHRD = k.linkType(kind)
		dev.Driver = k.driverOf(kind)
		dev.Drivers = []string{"", kind}
		dev.Path = fact.Absent[string]()
		if !k.permanent {
			dev.PermMAC = fact.Absent[string]()
		}
	}
	dev.Properties = func(key string) fact.Fact[string] {
		switch {
		case key == "INTERFACE":
			return fact.Known(name)
		case key == "SUBSYSTEM":
			return fact.Known("net")
		case ok && key == "DEVTYPE":
			return fact.Text(k.devType)
		case ok && key == "ID_NET_DRIVER":
			return dev.Driver
		case ok && fromParent(key):
			return fact.Absent[string]()
		}
		return fact.Unknown[string](why)
	}
	return dev
}

// fromParent reports whether udev's own rules take the property from the bus
// that a device sits on (usb_id, path_id, net_id of 75-net-description.rules),
// so that a virtual device cannot have it.
func fromParent(key string) bool {
	return key == "ID_BUS" || key == "ID_PATH" || strings.HasPrefix(key, "ID_USB_") ||
		strings.HasPrefix(key, "ID_PCI_") || strings.HasPrefix(key, "ID_NET_NAME_")
}

// NewDevice is what [Match] will see of a device when it is created without an
// address of its own choice: it has a random one, which no file names. Without a
// kind it may be hardware, which comes with an address of its own.
func NewDevice(name, kind string) *linkfiles.Device {
	dev := newDevice(name, kind)
	return &dev // as LinkDevice
}

func newDevice(name, kind string) linkfiles.Device {
	dev := absentDevice(name, kind)
	if kind != "" {
		dev.MAC = fact.Known(unnamedAddress)
	}
	return dev
}

// NewOfKind is what [Match] will see of any new device of the kind. A file that
// names one of them by its number, bond0, is not in force for all.
func NewOfKind(kind string) *linkfiles.Device { return NewDevice(kind+unnamedNumber, kind) }

// unnamedNumber makes a name of a kind that no file is likely to name, but for
// patterns that fit every one, like bond*.
const unnamedNumber = "99999"

// unnamedAddress stands for the random address of a new device: locally
// administered, and so unlikely in a file as any other of 2^46.
const unnamedAddress = "6e:9d:c3:5a:71:e4"

// MatchKind returns the assignment of [Match] by which udevd of rel knows the
// devices of a kind, false where it has none.
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
