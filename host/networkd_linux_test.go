package host

import "testing"

func TestNetworkdIsEnabledByALinkAndNotWhereItIsMasked(t *testing.T) {
	const unit = "usr/lib/systemd/system/systemd-networkd.service"
	for name, c := range map[string]struct {
		tree map[string]string
		want bool
	}{
		"nothing":                         {map[string]string{}, false},
		"installed only":                  {map[string]string{unit: "", "lib": "-> usr/lib"}, false},
		"systemctl enable":                {map[string]string{unit: "", "etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> /" + unit}, true},
		"required":                        {map[string]string{unit: "", "etc/systemd/system/network.target.requires/systemd-networkd.service": "-> /" + unit}, true},
		"by a generator":                  {map[string]string{unit: "", "run/systemd/generator.early/multi-user.target.wants/systemd-networkd.service": "-> /" + unit}, true},
		"in a split /usr":                 {map[string]string{"lib/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> ../systemd-networkd.service"}, true},
		"in a merged one":                 {map[string]string{"lib": "-> usr/lib", "usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> ../systemd-networkd.service"}, true},
		"masked":                          {map[string]string{"etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> /" + unit, "etc/systemd/system/systemd-networkd.service": "-> /dev/null"}, false},
		"masked with a lower priority":    {map[string]string{"etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> /" + unit, "run/systemd/system/systemd-networkd.service": "-> /dev/null"}, false},
		"a file of the same name is none": {map[string]string{"etc/systemd/system/multi-user.target.wants/systemd-networkd.service": ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := FindNetworkd(write(t, c.tree))
			if got, ok := n.Enabled.Get(); !ok || got != c.want {
				t.Errorf("enabled: %v, want %v", n.Enabled, c.want)
			}
			if n.Running.Or(true) {
				t.Errorf("running: %v", n.Running)
			}
		})
	}
}
