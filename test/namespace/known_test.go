//go:build namespace

package namespace

import (
	"fmt"
	"strings"
	"testing"
)

// TestAMacvlanRefusesTheAddressOfItsLowerDevice: the kernel refuses the address of the
// lower device (macvlan_addr_busy()) when udev sets it, so no prediction may promise
// it.
func TestAMacvlanRefusesTheAddressOfItsLowerDevice(t *testing.T) {
	const busy, free = "02:00:00:00:0a:01", "02:00:00:00:0a:02"
	for _, p := range releases(t) {
		t.Run(p.name, func(t *testing.T) {
			s := newStage(t, p.root)
			s.startUdevd()
			s.must("ip", "link", "add", "ve0", "address", busy, "type", "veth", "peer", "name", "ve1")
			s.settle("ve0", "ve1")
			for _, want := range []string{busy, free} {
				s.part(t, want, func(t *testing.T) {
					s.write("/etc/systemd/network/10-mv.link", "[Match]\nOriginalName=mv0\n\n[Link]\nMACAddress="+want+"\n")
					s.reload()
					s.must("ip", "link", "add", "mv0", "link", "ve0", "type", "macvlan")
					made := s.sysfs("mv0", "address")
					s.settle("mv0")
					has := s.sysfs("mv0", "address")
					if taken := has == want; taken != (want == free) || want == busy && has != made {
						t.Errorf("it had %s, and has %s", made, has)
					}
					rep, r := s.json("mv0")
					if d := rep.device(t, "mv0"); str(d.Predicted.UdevAddEvent) != has {
						t.Errorf("promised %s: %v", str(d.Predicted.UdevAddEvent), r)
					}
					s.must("ip", "link", "delete", "mv0")
				})
			}
		})
	}
}

// TestWhatIsDeclaredAndNotThereYet compares the answers about a device that networkd
// will create with those of other questions and of a snapshot.
func TestWhatIsDeclaredAndNotThereYet(t *testing.T) {
	s := newStage(t, "/")
	s.startUdevd()
	s.write("/etc/systemd/network/20-br7.netdev", "[NetDev]\nName=br7\nKind=bridge\n")
	if rep, r := s.json(); rep.has("declaration-not-enabled") != true || r.status != 1 {
		t.Errorf("networkd is not enabled, and check does not say so: %v", r)
	}
	s.must("mkdir", "-p", "/etc/systemd/system/multi-user.target.wants")
	s.write("/etc/systemd/system/vpn.service", "[Unit]\nWants=systemd-networkd.service\n")
	s.must("ln", "-s", "/etc/systemd/system/vpn.service", "/etc/systemd/system/multi-user.target.wants")
	derived := strings.TrimSpace(s.audit("mac", "--networkd", "br7").stdout)
	derived = derived[strings.LastIndexByte(derived, ' ')+1:]
	for _, args := range [][]string{nil, {"br7", "--kind", "bridge"}, {"--kind", "bridge"}} {
		s.part(t, fmt.Sprintf("check %q", args), func(t *testing.T) {
			rep, r := s.json(args...)
			if rep.has("declaration-not-enabled") {
				t.Errorf("%v", r)
			}
			d := rep.device(t, "br7")
			for _, mac := range []*string{d.Predicted.Boot, d.Predicted.UdevAddEvent, d.Predicted.Recreate} {
				if str(mac) != derived {
					t.Errorf("networkd derives %s, promised is %s: %v", derived, str(mac), r)
				}
			}
		})
	}
}

// TestTheUdevdOfAnotherNetworkIsNotOurs audits, without permission to see the network
// namespace of a process, a device with the index of one that the stage's udevd has
// handled. Neither that udevd nor its record belongs to this network.
func TestTheUdevdOfAnotherNetworkIsNotOurs(t *testing.T) {
	s := newStage(t, "/")
	s.startUdevd()
	s.add("br0", "type", "bridge")
	index := s.sysfs("br0", "ifindex")
	const dropped = "setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "
	audit := func(prefix string) (report, result) {
		r := s.as(prefix+dropped+`"$@"`, "check", "br0", "--format", "json", "--severity", "info")
		return parse(t, r), r
	}
	if rep, r := audit("exec "); str(rep.Host.Udevd) != "running" || str(rep.device(t, "br0").Applied.LinkFile) != defaultLink {
		t.Errorf("its own udevd: %v", r)
	}
	rep, r := audit("exec unshare --net sh -c 'ip link add br0 index " + index + " type bridge; exec \"$@\"' sh ")
	if d := rep.device(t, "br0"); str(rep.Host.Udevd) == "running" || d.Applied.LinkFile != nil {
		t.Errorf("another's udevd, and index %s: %v", index, r)
	}
}
