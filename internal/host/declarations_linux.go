package host

import "linkaudit/internal/netconf"

// configFiles lets netconf read below the root.
type configFiles struct{ files }

func (c configFiles) Read(path string, limit int64) ([]byte, error) { return c.read(path, limit) }
func (c configFiles) Names(dir string) ([]string, error)            { return c.names(dir) }
func (c configFiles) Exists(path string) bool                       { return c.exists(path) }

// Declarations are what network configuration says about devices, except that of
// systemd-networkd, and what could not be read or is not accepted by its program.
func (m *Machine) Declarations() ([]netconf.Declaration, []netconf.Problem) {
	return netconf.Read(configFiles{m.files}, m.Systemd.Release, nil)
}
