package host

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDocuments(t *testing.T) {
	long := `{"a": "` + strings.Repeat("x", 3<<20) + `"}`
	for _, tt := range []struct{ title, in, want, err string }{
		{"none", " \n\t", "", ""},
		{"one a line", "{}\n{\"a\":1}\n", `1 {}|2 {"a":1}`, ""},
		{"one behind the other", `{}{} {"a":[{}]}`, `1 {}|1 {}|1 {"a":[{}]}`, ""},
		{"over many lines", "{\n}\n\n{\n\"a\"\n:\n1}", "1 {\n}|4 {\n\"a\"\n:\n1}", ""},
		{"brackets and quotes in texts", `{"}]\"\\": "{\\"}` + "\n{}", `1 {"}]\"\\": "{\\"}|2 {}`, ""},
		{"a line of 3 MB", long + "\n{}", "1 " + long + "|2 {}", ""},
		{"no end", "{}\n{\"a\": [\n", "1 {}", "line 2: the snapshot that begins here is incomplete"},
		{"text", "{}\n\n x {}", "1 {}", "line 3: not a snapshot (it must begin with {)"},
		{"too large", "{}\n{\"a\": \"" + strings.Repeat("x", 5<<20) + "\"}", "1 {}", "line 2: larger than 4 MiB"},
	} {
		t.Run(tt.title, func(t *testing.T) {
			var got []string
			// Its bytes are for yield to keep.
			var kept [][]byte
			err := documents(iotest.HalfReader(strings.NewReader(tt.in)), 4<<20, func(line int, raw []byte) error {
				got = append(got, fmt.Sprintf("%d %s", line, raw))
				kept = append(kept, raw)
				return nil
			})
			if strings.Join(got, "|") != tt.want || err == nil && tt.err != "" || err != nil && err.Error() != tt.err {
				t.Errorf("%.200q, %v", got, err)
			}
			for i, raw := range kept {
				if !strings.HasSuffix(got[i], string(raw)) {
					t.Errorf("%.200q became %.200q", got[i], raw)
				}
			}
		})
	}
}

// Whatever the bytes, documents and what is between them are all there is.
func FuzzDocuments(f *testing.F) {
	for _, s := range []string{"{}", "{}\n{}", `{"a": "}\""}`, "{\n\"a\": [1, {}]}\n{}", "}{", `{"\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var all [][]byte
		last := 1
		err := documents(bytes.NewReader(in), 1<<10, func(line int, raw []byte) error {
			if line < last || raw[0] != '{' || !slices.Contains([]byte("}]"), raw[len(raw)-1]) {
				t.Errorf("line %d: %q", line, raw)
			}
			last = line
			all = append(all, raw)
			return nil
		})
		at := 0
		for _, raw := range all {
			i := bytes.Index(in[at:], raw)
			if i < 0 || len(bytes.TrimSpace(in[at:at+i])) > 0 {
				t.Fatalf("%q is not what comes next", raw)
			}
			at += i + len(raw)
		}
		if err == nil && len(bytes.TrimSpace(in[at:])) > 0 {
			t.Errorf("%q was left out", in[at:])
		}
	})
}
