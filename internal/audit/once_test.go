package audit

import (
	"slices"
	"testing"

	"linkaudit/internal/fact"
	"linkaudit/internal/netconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// weighingSite switches rules off ("") or sets their severities.
type weighingSite map[string]Severity

func (weighingSite) Expect(string, string) (string, bool, linkfiles.Pos) {
	return "", false, linkfiles.Pos{}
}

func (s weighingSite) Severity(rule string, def Severity) (Severity, bool) {
	if severity, set := s[rule]; set {
		return severity, severity != ""
	}
	return def, true
}

// Two findings never say the same about a device, whatever rules the site switches off.
// What one finding leaves out, another one says.
func TestAChangeIsReportedOnce(t *testing.T) {
	const (
		boot, restart = "address-changes-on-boot", "address-changes-on-restart"
		overrides     = "policy-overrides-ports"
		all           = "the MAC address of bond0 will change: " + bondDerived + " now, " + nicMAC + " (enp0s8) after a network restart; " +
			"the same may happen after a reboot or when it is recreated, if a port joins before udev is done"
		onBoot = "the MAC address of bond0 may change: " + bondDerived + " now, " + nicMAC + " (enp0s8) after a reboot, if a port joins before udev is done"
		later  = "the MAC address of bond0 will change: " + bondDerived + " now, " + nicMAC + " (enp0s8) after a network restart; " +
			"the same may happen when it is recreated, if a port joins before udev is done"
		either = bondDerived + " if udev is done before a port joins; " + nicMAC + " (enp0s8) if a port joins before udev is done"
		madeUp = "bond0 has a MAC address made up by udev (" + bondDerived + "), not that of its port enp0s8"
	)
	for _, c := range []struct {
		name string
		site weighingSite
		want []string
	}{
		{"all rules", nil, []string{overrides + ": " + madeUp, boot + ": " + all}},
		{"the rule with the higher severity reports", weighingSite{restart: Error}, []string{overrides + ": " + madeUp, restart + ": " + all}},
		{"the other one does not", weighingSite{restart: Info}, []string{overrides + ": " + madeUp, boot + ": " + all}},
		{"not at boot", weighingSite{boot: ""}, []string{overrides + ": " + madeUp, restart + ": " + later,
			"prediction-unknown: the MAC address of bond0 after a reboot is unknown: " + either}},
		{"not on restart", weighingSite{restart: ""}, []string{overrides + ": " + madeUp, boot + ": " + onBoot,
			"prediction-unknown: the MAC address of bond0 when it is recreated is unknown: " + either}},
		{"neither", weighingSite{boot: "", restart: ""}, []string{overrides + ": " + madeUp,
			"prediction-unknown: the MAC address of bond0 after a reboot or when it is recreated is unknown: " + either}},
		{"not the address that udev made up", weighingSite{overrides: ""}, []string{boot + ": " + all,
			"address-set-by-udev: bond0 has the MAC address " + bondDerived + ", which udev derived from the machine ID and \"bond0\""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := Options{}
			if c.site != nil {
				opt.Site = c.site
			}
			d := check(machine(map[string]string{defaultPath: defaultLink}, master("bond", "bond0", bondDerived, 3, nic)), opt).Devices[0]
			var got []string
			for _, f := range d.Findings {
				got = append(got, f.Rule+": "+words.Of(f.Message))
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

// A race of a program with udev is told once, with the setting.
func TestARaceWithAProgramIsToldOnce(t *testing.T) {
	snap := machine(map[string]string{defaultPath: defaultLink}, master("bond", "bond0", "02:00:00:00:00:52", 3, nic))
	snap.Declarations = fact.Known([]netconf.Declaration{declaration(netconf.Ifupdown, netconf.WayExplicit, "02:00:00:00:00:52")})
	for _, c := range []struct {
		site weighingSite
		want string
	}{
		{nil, "address-changes-on-restart/warning manager-sets-address/info"},
		{weighingSite{"manager-sets-address": ""}, "address-changes-on-restart/warning prediction-unknown/info"},
	} {
		opt := Options{}
		if c.site != nil {
			opt.Site = c.site
		}
		if got := brief(check(snap, opt).Devices[0].Findings); got != c.want {
			t.Errorf("%v: got %s, want %s", c.site, got, c.want)
		}
	}
}

// A finding has a cause: the setting and its position.
func TestAFindingNamesItsCause(t *testing.T) {
	d := check(machine(map[string]string{defaultPath: defaultLink}, master("bond", "bond0", bondDerived, 3, nic)), Options{}).Devices[0]
	for _, f := range d.Findings {
		if words.Of(f.Cause) != "MACAddressPolicy=persistent" || f.File != defaultPath || f.Line == 0 {
			t.Errorf("%s: %s at %s:%d", f.Rule, words.Of(f.Cause), f.File, f.Line)
		}
	}
}
