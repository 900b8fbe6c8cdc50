//go:build !race

// The race detector's own time would distort the measurement. "go test" without it
// measures.

package audit

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
)

// TestGrowth: eight times the input must take about eight times as long. A nested loop
// would make it 64 times.
func TestGrowth(t *testing.T) {
	const few, times, atMost = 1000, 8, 24
	address := func(i int) string { return fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&255) }
	withPorts := func(kind string, set host.AddrAssignType) func(int) *host.Snapshot {
		return func(n int) *host.Snapshot {
			d := master(kind, "m0", "02:00:00:00:00:00", set)
			if kind == "bond" {
				d.Bond = &host.Bond{Mode: "active-backup", FailOverMAC: "none"}
			}
			for i := range n {
				d.Ports = append(d.Ports, host.Port{Index: 100 + i, Name: fmt.Sprint("p", i), MAC: linkfiles.MAC(address(i)), PermanentMAC: linkfiles.MAC(address(i)), OwnMAC: linkfiles.MAC(address(i))})
			}
			return machine(map[string]string{defaultPath: defaultLink}, d)
		}
	}
	declared := func(device func(i int) string, notEnabled bool) func(int) *host.Snapshot {
		return func(n int) *host.Snapshot {
			snap := machine(map[string]string{defaultPath: defaultLink}, master("bridge", "b0", "02:00:00:00:00:00", host.AddrRandom))
			var all []netconf.Declaration
			for i := range n {
				d := netconf.Declaration{Program: netconf.Ifupdown, Device: device(i), Kind: "bridge", Creates: true, Address: netconf.Address{Way: netconf.WayNone}}
				if notEnabled {
					d.Program, d.Ignored = netconf.Networkd, "systemd-networkd is not enabled"
				} else {
					d.Ports = []string{fmt.Sprint("p", i)}
					snap.MissingPorts = append(snap.MissingPorts, d.Ports...)
				}
				all = append(all, d)
			}
			slices.Sort(snap.MissingPorts)
			snap.Declarations = fact.Known(all)
			return snap
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for name, make := range map[string]func(n int) *host.Snapshot{
		"ports of a bridge":                  withPorts("bridge", host.AddrRandom),
		"ports of a bond":                    withPorts("bond", host.AddrStolen),
		"ports of a bond with a set address": withPorts("bond", host.AddrSet),
		"ports of a team":                    withPorts("team", host.AddrRandom),
		"devices": func(n int) *host.Snapshot {
			var all []host.Device
			for i := range n {
				d := master("bridge", fmt.Sprint("b", i), address(i), host.AddrRandom, host.Port{Index: 100 + i, Name: fmt.Sprint("p", i), MAC: linkfiles.MAC(address(i))})
				d.Index = 2 + i
				all = append(all, d)
			}
			return machine(map[string]string{defaultPath: defaultLink}, all...)
		},
		"declarations":                  declared(func(i int) string { return fmt.Sprint("n", i) }, false),
		"declarations of one":           declared(func(int) string { return "b0" }, false),
		"declarations, none is enabled": declared(func(i int) string { return fmt.Sprint("n", i) }, true),
		"guests of a bridge, declared": func(n int) *host.Snapshot {
			snap := withPorts("bridge", host.AddrRandom)(n)
			all := declared(func(int) string { return "m0" }, false)(n).Declarations.Or(nil)
			for i := range snap.Devices[0].Ports {
				snap.Devices[0].Ports[i].Kind = "veth"
			}
			snap.Declarations = fact.Known(all)
			return snap
		},
		"files": func(n int) *host.Snapshot {
			files := map[string]string{defaultPath: defaultLink}
			for i := range n {
				files[fmt.Sprintf("/etc/systemd/network/10-%05d.link", i)] = fmt.Sprintf("[Match]\nOriginalName=q%d\n[Link]\nMACAddressPolicy=none\n", i)
			}
			return machine(files, master("bridge", "b0", "02:00:00:00:00:00", host.AddrRandom))
		},
		"drop-ins of one file": func(n int) *host.Snapshot {
			files := map[string]string{defaultPath: defaultLink}
			for i := range n {
				files[fmt.Sprintf("/etc/systemd/network/99-default.link.d/%05d.conf", i)] = "[Link]\nMACAddressPolicy=none\n"
			}
			return machine(files, master("bridge", "b0", "02:00:00:00:00:00", host.AddrRandom))
		},
		"patterns of one file": func(n int) *host.Snapshot {
			text := "[Match]\n"
			for i := range n {
				text += fmt.Sprintf("OriginalName=q%d\n", i)
			}
			files := map[string]string{defaultPath: defaultLink, "/etc/systemd/network/10-q.link": text + "[Link]\nMACAddressPolicy=none\n"}
			return machine(files, master("bridge", "b0", "02:00:00:00:00:00", host.AddrRandom))
		},
		"macvlans above one device": func(n int) *host.Snapshot {
			var all []host.Device
			for i := range n {
				d := master("macvlan", fmt.Sprint("v", i), address(i), host.AddrRandom)
				d.Index, d.Lower = 3+i, &host.Lower{Index: 2, Name: "p0", MAC: "02:00:00:01:00:00"}
				all = append(all, d)
			}
			return machine(map[string]string{defaultPath: defaultLink}, all...)
		},
	} {
		took := func(snap *host.Snapshot) time.Duration {
			runtime.GC()
			start := processorTime(t)
			check(snap, Options{})
			return processorTime(t) - start
		}
		// Other load on the machine only makes times longer, so the best of a few runs
		// counts. If that is too long, take the best of more runs.
		small, large := make(few), make(few*times)
		one, many := time.Hour, time.Hour
		for n := 0; n < 3 || n < 20 && many > atMost*one; n++ {
			one, many = min(one, took(small)), min(many, took(large))
		}
		t.Logf("%s: %v, %v: %.0f times", name, one, many, float64(many)/float64(one))
		if many > atMost*one {
			t.Errorf("%s: %d take %v, %d take %v, which is %.0f times as long", name, few, one, few*times, many, float64(many)/float64(one))
		}
	}
}

// processorTime is the processor time that this process has used; load on the machine
// does not change it.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
