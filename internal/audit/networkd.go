package audit

import (
	"slices"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/policy/address"
)

// NetworkdDeclares returns what systemd-networkd's files declare for the snapshot's
// machine; active says whether systemd-networkd runs or starts at boot.
func NetworkdDeclares(files *netconf.NetworkdFiles, active fact.Fact[bool], snap *host.Snapshot, rel linkfiles.Release) []netconf.Declaration {
	return files.Declarations(NetworkdMachine(rel, &snap.System, snap.Devices, snap.Declarations.Or(nil), active))
}

// NetworkdMachine is a machine as systemd-networkd sees it, including the ports of its
// devices. It counts as started if netplan's generator starts it for what is declared.
func NetworkdMachine(rel linkfiles.Release, system *linkfiles.System, there []host.Device, declared []netconf.Declaration, active fact.Fact[bool]) netconf.NetworkdMachine {
	var devices []*linkfiles.Device
	collected := map[string]bool{}
	for i := range there {
		devices = append(devices, LinkDevice(&there[i]))
		collected[there[i].Name] = true
	}
	for i := range there {
		for _, p := range there[i].Ports {
			if !collected[p.Name] {
				dev := *policy.NewDevice(p.Name, "")
				dev.MAC, dev.PermMAC = fact.Text(p.MAC), fact.Text(p.PermanentMAC)
				devices = append(devices, &dev)
			}
		}
	}
	if slices.ContainsFunc(declared, netconf.RendersNetworkd) {
		active = fact.Known(true)
	}
	return netconf.NetworkdMachine{Release: rel, System: system, Devices: devices, NewDevice: newOfNetworkd, Active: active}
}

// newOfNetworkd is a device that systemd-networkd will create, or a port that a file
// names. It does not exist, so it has no address yet.
func newOfNetworkd(name, kind string) *linkfiles.Device {
	dev := policy.NewDevice(name, kind)
	dev.MAC = fact.Known(policy.UnnamedAddress)
	return dev
}

// networkdSays is what systemd-networkd does with one device; nil for nothing.
type networkdSays struct {
	// creates is the declaration that creates the device, sets the one that sets its
	// address later.
	creates, sets *netconf.Declaration
}

func (s *subject) networkd() networkdSays { return networkdAmong(s.Declarations.Or(nil)) }

func networkdAmong(all []netconf.Declaration) (says networkdSays) {
	for i := range all {
		switch d := &all[i]; {
		case d.Program != netconf.Networkd, d.Ignored != "":
		case d.Creates && says.creates == nil:
			says.creates = d
		case !d.Creates && says.sets == nil:
			says.sets = d
		}
	}
	return says
}

// address is the address that systemd-networkd leaves on the device, nil if it sets
// none.
func (n networkdSays) address() *netconf.Address {
	switch {
	case n.sets != nil:
		return &n.sets.Address
	case n.creates != nil && n.creates.Address.Way != netconf.WayNone:
		return &n.creates.Address
	}
	return nil
}

// networkdAddress is the address that systemd-networkd sets on the device, absent if it
// sets none. origin is one of the Origin constants.
func (s *subject) networkdAddress() (mac fact.Fact[linkfiles.MAC], origin string) {
	a := s.networkd().address()
	if a == nil {
		return fact.Absent[linkfiles.MAC](), ""
	}
	switch a.Way {
	case netconf.WayExplicit:
		return fact.Known(a.MAC), OriginSomeone
	case netconf.WayNetworkd:
		derived := s.derivedByNetworkd()
		if derived.IsUnknown() {
			return fact.Unknown[linkfiles.MAC](say("address-networkd-derives", "why", derived.Reason())), ""
		}
		return derived, OriginNetworkd
	}
	return fact.Unknown[linkfiles.MAC](fact.Told(a.Unknown)), ""
}

// derivedByNetworkd is the address that systemd-networkd derives for the device.
func (s *subject) derivedByNetworkd() fact.Fact[linkfiles.MAC] {
	if d := s.Device; d != nil {
		return networkdMACOf(s.snap, d)
	}
	if t := savedFuture(s.snap, s.Name, s.Kind); t != nil {
		return t.NetworkdMAC
	}
	return networkdMACOf(s.snap, &host.Device{Name: s.Name, ARPHRD: address.Ether})
}
