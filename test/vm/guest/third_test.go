//go:build vm

package guest

import (
	"os"
	"testing"
)

// If ifenslave's file is effective, ifupdown's bond has a port's address.
func TestThirdBootUnderIfenslavesFile(t *testing.T) {
	if _, err := os.Lstat(networkDir + "/98-net-bonding.link"); err == nil {
		t.Fatal("ifenslave's file is masked")
	}
	if got := str(check(t, "bond1").LinkFile); got != ifenslaveLink {
		t.Errorf("%s applies", got)
	}
	keepsPortsAddress(t)
}

// With a naming scheme older than v241 no address is derived from interface names.
func TestThirdNamingSchemeOfTheKernelCommandLine(t *testing.T) {
	const file = networkDir + "/10-persistent.link"
	free(t)
	write(t, file, "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=persistent\n")
	defer os.Remove(file)
	for _, c := range []struct{ name, kind, typ string }{{"bond0", "bond", "2"}, {"br0", "bridge", "1"}, {"team0", "team", "1"}} {
		t.Run(c.name, func(t *testing.T) {
			create(t, c.name, c.kind)
			is(t, "created", c.name, "random", "1", "kernel-random", "persistent")
			a := auditOf(t, c.name)
			d := a.Devices[0]
			if a.Host.NamingScheme != "v240" || str(d.Persistent) != "" || d.found("policy-overrides-ports") || str(d.Predicted.AddEvent) != d.Live.MAC {
				t.Errorf("under %s: %+v", a.Host.NamingScheme, d)
			}
			if c.kind != "team" {
				ip(t, "set", "eth0", "master", c.name)
				is(t, "a port joins", c.name, eth0Address, c.typ, "port", "persistent")
			}
			ip(t, "del", c.name)
		})
	}
}
