//go:build ecosystem

package packages

import (
	"path/filepath"
	"testing"

	"linkaudit/test/doccmd"
	"linkaudit/test/ecosystem/machine"
	"linkaudit/test/roots"
)

// The commands of the documentation except those that build the packages, in the order
// of the page, on a machine that has the packages in ./dist.
func TestDocumentation(t *testing.T) {
	m := machine.New(t, roots.Of("trixie"))
	must(t, m, "mkdir -p /root/dist /srv/textfile")
	for _, f := range all(newTree, newVersion) {
		m.Copy(f, "/root/dist/"+filepath.Base(f))
	}
	m.Blocks(t, top, "packages", func(b doccmd.Block) bool { return !makes(b) })
}
