//go:build vm

package vm

import (
	"fmt"
	"testing"

	"linkaudit/test/doccmd"
)

// documentation runs the commands that the pages show on a host with a bond and
// a bridge.
func documentation(t *testing.T, bin string) {
	blocks, err := doccmd.All("../..", "vm")
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string][]byte{}
	for i, b := range blocks {
		scripts[fmt.Sprintf("/usr/lib/linkaudit-docs/%03d.sh", i)] = []byte("# " + b.Name() + "\n" + b.Script())
	}
	boot{tests: "Documentation"}.run(t, bin, "trixie", scripts)
}
