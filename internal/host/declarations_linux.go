package host

import (
	"linkaudit/internal/fact"
	"linkaudit/internal/netconf"
)

// configFiles lets netconf read below the root.
type configFiles struct{ files }

func (c configFiles) Read(path string, limit int64) ([]byte, error) { return c.read(path, limit) }
func (c configFiles) Names(dir string) ([]string, error)            { return c.names(dir) }
func (c configFiles) Exists(path string) bool                       { return c.exists(path) }

// declarations reads what other programs' configuration says of devices.
func (s *Snapshot) declarations(opt Options, f files) {
	if opt.want()&WantDeclarations == 0 {
		return
	}
	var all []netconf.Declaration
	all, s.DeclarationProblems = netconf.Read(configFiles{f}, s.Systemd.Release, nil)
	if all == nil {
		all = []netconf.Declaration{}
	}
	s.Declarations = fact.Known(all)
}
