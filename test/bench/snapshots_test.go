//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// writeSnapshots writes n hosts like the bundled example as NDJSON, 4 kB and two
// devices each, with different names and addresses. Each thousandth is a copy of the
// one before and has its address.
func writeSnapshots(w *bufio.Writer, n int) {
	example, err := os.ReadFile("../../cmd/linkaudit/example.json")
	if err != nil {
		panic(err)
	}
	var one bytes.Buffer
	if err := json.Compact(&one, example); err != nil {
		panic(err)
	}
	one.WriteByte('\n')
	for i := range n {
		of := i
		if i%1000 == 999 {
			of--
		}
		a, b, c := of>>16&255, of>>8&255, of&255
		line := one.Bytes()
		for _, r := range []struct{ old, new string }{
			{`"bullseye"`, fmt.Sprintf(`"host%d"`, i)},
			{"42:e2:89:5b:6d:de", fmt.Sprintf("42:e2:89:%02x:%02x:%02x", a, b, c)},
			{"08:00:27:e2:37:5f", fmt.Sprintf("08:00:27:%02x:%02x:%02x", a, b, c)},
			{"080027e2375f", fmt.Sprintf("080027%02x%02x%02x", a, b, c)},
		} {
			line = bytes.ReplaceAll(line, []byte(r.old), []byte(r.new))
		}
		w.Write(line)
	}
}
