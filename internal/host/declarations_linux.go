package host

import "linkaudit/internal/netconf"

// configFiles lets netconf read below the root.
type configFiles struct{ files }

func (c configFiles) Read(path string, limit int64) ([]byte, error) { return c.read(path, limit) }
func (c configFiles) Names(dir string) ([]string, error)            { return c.names(dir) }
func (c configFiles) Exists(path string) bool                       { return c.exists(path) }

// Declarations are what the configuration of other programs says of devices, all but
// systemd-networkd, and what of it could not be read or is not taken by its program.
func (m *Machine) Declarations() ([]netconf.Declaration, []netconf.Problem) {
	return netconf.Read(configFiles{m.files}, m.Systemd.Release, nil)
}
