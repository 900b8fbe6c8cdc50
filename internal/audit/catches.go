package audit

import (
	"slices"

	"linkaudit/internal/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// stackedKinds are the kinds of devices that usually have the address of a device
// below.
var stackedKinds = map[string]bool{"bond": true, "bridge": true, "team": true, "vlan": true, "macvlan": true, "macvtap": true, "ipvlan": true}

// catch is a .link file for a card that also matches a device above the card, because
// both have the same address.
type catch struct {
	file *linkfiles.File
	// at is MACAddress= in the file's [Match] section.
	at linkfiles.Pos
	// name is Name= in the [Link] section, "" for none. owner is the card: a port with
	// the address, or else name.
	name, owner string
	nameAt      linkfiles.Pos
	port        *host.Port // the port called owner, if any
}

// catches reports whether the effective file was written for another device.
func (s *decided) catches() (c catch, ok bool) {
	d := s.Device
	if d == nil || s.file == nil || !stackedKinds[d.Kind] {
		return c, false
	}
	c.file = s.file
	if c.at, ok = s.file.MatchesAddress(d.MAC); !ok {
		return c, false
	}
	name, _ := s.file.LinkName()
	c.name, c.nameAt = name.Value, name.Pos
	if c.name == d.Name {
		return c, false // it is for this device
	}
	c.owner = c.name
	if c.port = cardAmongPorts(d, c.name); c.port != nil {
		c.owner = c.port.Name
	}
	return c, c.owner != ""
}

// cardAmongPorts returns a port that has the device's address, nil if there is none. A
// port with the given name is preferred to the first one.
func cardAmongPorts(d *host.Device, name string) (card *host.Port) {
	for i := range d.Ports {
		if p := &d.Ports[i]; (p.MAC == d.MAC || p.PermanentMAC == d.MAC) && (card == nil || p.Name == name) {
			card = p
		}
	}
	return card
}

func linkFileOfOther(s *analysis) []found {
	c, ok := s.catches()
	if !ok {
		return nil
	}
	d := s.Device
	return []found{{
		pos: c.at,
		message: say("link-file-of-other-device", "file", c.file.Path, "owner", c.owner, "device", d.Name, "mac", d.MAC,
			"name", c.name, "pos", c.nameAt),
		help: c.remedy(s),
	}}
}

// remedy returns a condition for [Match] that matches only the card. Four releases of
// udev were tested: a device above has no permanent address, and another type. Only a
// macvlan has the type of a card.
func (c *catch) remedy(s *analysis) *linkfiles.Statement {
	switch d := s.Device; {
	case linkfiles.KeyKnown(s.tree.Release, "Match", "PermanentMACAddress") && (c.port == nil || c.port.PermanentMAC == d.MAC):
		return say("write-permanent-address", "pos", c.at)
	case d.DevType.Or("") != "":
		return say("add-type-ether", "file", c.at.File, "kind", d.Kind, "type", d.DevType.Or(""))
	case c.port != nil && c.port.Driver != "":
		return say("add-driver", "driver", c.port.Driver, "file", c.at.File)
	}
	return say("add-what-only-card-has", "file", c.at.File)
}

// appliedWhenNew reports whether udev applied the file that applies to a new device of
// this name and kind. If so, the device has changed since, not the files.
func (s *subject) appliedWhenNew(applied string) bool {
	if !policy.KnownKind(s.Kind) || s.Device.NameAssignType.Or(0) == host.NameRenamed {
		return false
	}
	f, ok := s.decider.Decide(futureDevice(s.Name, s.Kind, s.Declarations.Or(nil))).File.Get()
	return ok && s.samePath(applied, asRecorded(f.Path))
}

// NamesGiven returns the names in .link files that the devices they apply to do not
// have. renameFailed must know whether another device has one of them.
func NamesGiven(system *linkfiles.System, devices []host.Device, tree *linkfiles.Tree) (names []string) {
	if tree == nil {
		return nil
	}
	decider := tree.For(system)
	for i := range devices {
		d := &devices[i]
		db, ok := d.UdevDB.Get()
		if !ok {
			continue
		}
		if name := nameGiven(d, db, decider); name != "" && name != d.Name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nameGiven is the name that udev's record has for the device. If the record has no
// file, it is the name in the effective file; "" for none.
func nameGiven(d *host.Device, db map[string]string, decider *linkfiles.Decider) string {
	if _, recorded := db["ID_NET_LINK_FILE"]; recorded {
		return db["ID_NET_NAME"]
	}
	f := decider.Decide(LinkDevice(d)).File.Or(nil)
	if f == nil {
		return ""
	}
	name, _ := f.LinkName()
	return name.Value
}

// isTaken reports whether another device has the name.
func (s *subject) isTaken(name string) bool {
	return s.byName()[name] != nil || slices.Contains(s.snap.NamesTaken, name) ||
		slices.ContainsFunc(s.Device.Ports, func(p host.Port) bool { return p.Name == name })
}

// renameFailed returns the name that udev could not set, because rename_netif() in
// udev-event.c failed. After that, 247 and 252 leave ID_RENAMING in the record, without
// a .link file or with that of an earlier event. 257 writes nothing. 262 records the
// file and the name, although the device does not have it.
func (s *decided) renameFailed(db map[string]string) (linkfiles.Setting, bool) {
	if s.file == nil {
		return linkfiles.Setting{}, false
	}
	name, ok := s.file.LinkName()
	d := s.Device
	if !ok || name.Value == d.Name || slices.Contains(d.AltNames, name.Value) {
		return name, false
	}
	taken := s.isTaken(name.Value)
	_, recorded := db["ID_NET_LINK_FILE"]
	switch {
	case db["ID_RENAMING"] != "":
		return name, true
	case !recorded:
		return name, taken
	}
	return name, taken && db["ID_NET_NAME"] == name.Value && s.samePath(db["ID_NET_LINK_FILE"], asRecorded(s.file.Path))
}
