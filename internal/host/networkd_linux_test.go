package host

import "testing"

func TestNetworkdIsEnabledByALinkAndNotWhereItIsMasked(t *testing.T) {
	const unit = "usr/lib/systemd/system/systemd-networkd.service"
	for name, c := range map[string]struct {
		tree map[string]string
		want bool
	}{
		"nothing":                          {map[string]string{}, false},
		"installed only":                   {map[string]string{unit: "", "lib": "-> usr/lib"}, false},
		"systemctl enable":                 {map[string]string{unit: "", "etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> /" + unit}, true},
		"required":                         {map[string]string{unit: "", "etc/systemd/system/network.target.requires/systemd-networkd.service": "-> /" + unit}, true},
		"by a generator":                   {map[string]string{unit: "", "run/systemd/generator.early/multi-user.target.wants/systemd-networkd.service": "-> /" + unit}, true},
		"in a split /usr":                  {map[string]string{"lib/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> ../systemd-networkd.service"}, true},
		"in a merged one":                  {map[string]string{"lib": "-> usr/lib", "usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> ../systemd-networkd.service"}, true},
		"masked":                           {map[string]string{"etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> /" + unit, "etc/systemd/system/systemd-networkd.service": "-> /dev/null"}, false},
		"masked with a lower priority":     {map[string]string{"etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> /" + unit, "run/systemd/system/systemd-networkd.service": "-> /dev/null"}, false},
		"by its socket":                    {map[string]string{"usr/lib/systemd/system/systemd-networkd.socket": "", "etc/systemd/system/sockets.target.wants/systemd-networkd.socket": "-> /usr/lib/systemd/system/systemd-networkd.socket"}, true},
		"by a masked socket":               {map[string]string{"etc/systemd/system/sockets.target.wants/systemd-networkd.socket": "-> /usr/lib/systemd/system/systemd-networkd.socket", "etc/systemd/system/systemd-networkd.socket": "-> /dev/null"}, false},
		"another unit wants it":            {map[string]string{unit: "", "etc/systemd/system/multi-user.target.wants/vpn.service": "-> /etc/systemd/system/vpn.service", "etc/systemd/system/vpn.service": "[Unit]\nAfter=network.target\nWants = a.service systemd-networkd.service\n"}, true},
		"and that is wanted by a third":    {map[string]string{unit: "", "etc/systemd/system/multi-user.target.wants/a@x.service": "-> /usr/lib/systemd/system/a@.service", "usr/lib/systemd/system/a@.service": "[Unit]\nRequires=b.service\n", "usr/lib/systemd/system/b.service": "", "etc/systemd/system/b.service.d/net.conf": "[Unit]\nBindsTo=systemd-networkd.service\n"}, true},
		"the default target wants it":      {map[string]string{unit: "", "usr/lib/systemd/system/default.target": "[Unit]\nWants=systemd-networkd.service\n"}, true},
		"a unit that nobody starts":        {map[string]string{unit: "", "etc/machine-id": "", "usr/lib/systemd/system/vpn.service": "[Unit]\nWants=systemd-networkd.service\n"}, false},
		"it comes after another, no more":  {map[string]string{unit: "", "etc/machine-id": "", "etc/systemd/system/multi-user.target.wants/vpn.service": "-> ../vpn.service", "etc/systemd/system/vpn.service": "[Unit]\nAfter=systemd-networkd.service\n"}, false},
		"a masked unit that wants it":      {map[string]string{unit: "", "etc/systemd/system/multi-user.target.wants/vpn.service": "-> ../vpn.service", "etc/systemd/system/vpn.service": "-> /dev/null", "usr/lib/systemd/system/vpn.service": "[Unit]\nWants=systemd-networkd.service\n"}, false},
		"a first boot, by no preset":       {map[string]string{unit: "[Install]\nWantedBy=multi-user.target\n"}, true},
		"a first boot, by a preset":        {map[string]string{unit: "[Install]\n", "etc/machine-id": "uninitialized\n", "usr/lib/systemd/system-preset/90-systemd.preset": "# x\nenable systemd-networkd.service\n", "usr/lib/systemd/system-preset/99-default.preset": "disable *\n"}, true},
		"a first boot, and it is disabled": {map[string]string{unit: "[Install]\n", "usr/lib/systemd/system-preset/99-default.preset": "disable *\n"}, false},
		"a preset of /etc comes first":     {map[string]string{unit: "[Install]\n", "etc/systemd/system-preset/10-x.preset": "disable systemd-net*.service\n", "usr/lib/systemd/system-preset/90-systemd.preset": "enable systemd-networkd.service\n"}, false},
		"a preset that /etc masks":         {map[string]string{unit: "[Install]\n", "etc/systemd/system-preset/90-systemd.preset": "-> /dev/null", "usr/lib/systemd/system-preset/90-systemd.preset": "disable *\n"}, true},
		"an empty ID is no first boot":     {map[string]string{unit: "[Install]\n", "etc/machine-id": "", "usr/lib/systemd/system-preset/90-systemd.preset": "enable systemd-networkd.service\n"}, false},
		"it is not installed":              {map[string]string{"usr/lib/systemd/system-preset/90-systemd.preset": "enable systemd-networkd.service\n"}, false},
		"a file of the same name is none":  {map[string]string{"etc/systemd/system/multi-user.target.wants/systemd-networkd.service": ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := findNetworkd(write(t, c.tree), true)
			if got, ok := n.enabled.Get(); !ok || got != c.want {
				t.Errorf("enabled: %v, want %v", n.enabled, c.want)
			}
			if n.running.Or(true) {
				t.Errorf("running: %v", n.running)
			}
		})
	}
}
