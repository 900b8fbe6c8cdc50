//go:build vm

package vm

import (
	"fmt"
	"testing"

	"linkaudit/test/doccmd"
	"linkaudit/test/tool"
)

// TestDocumentation runs the commands in the pages on a host with a bond and a bridge.
func TestDocumentation(t *testing.T) {
	tool.OnlyInFull(t)
	t.Parallel()
	blocks, err := doccmd.All("../..", "vm")
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string][]byte{}
	for i, b := range blocks {
		scripts[fmt.Sprintf("/usr/lib/linkaudit-docs/%03d.sh", i)] = []byte("# " + b.Name() + "\n" + b.Script())
	}
	prepared(t, "trixie")
	boot{name: "Documentation"}.run(t, "trixie", scripts)
}
