package report

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/fact"
)

func TestMACsAreOnePerLineAndEscaped(t *testing.T) {
	persistent, networkd := []byte("96:85:c5:ce:a2:4b"), []byte("f2:c4:27:59:73:5b")
	machines := []MACMachine{{Label: "a\x1b.id"}, {Label: "b <c>.id", HashesInterfaceName: fact.Known(true)}}
	list := func(format string, source MACSource, machines []MACMachine) string {
		var b bytes.Buffer
		m := FormatNamed(format).MACs(&b, machines, source)
		for i := range machines {
			m.Add([]byte("x\xff\u202e"), i, persistent, networkd)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := `x\xff\u{202e} 96:85:c5:ce:a2:4b a\x1b.id
x\xff\u{202e} 96:85:c5:ce:a2:4b b <c>.id
`
	if diff := cmp.Diff(want, list("text", ByUdev, machines)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("x\\xff\\u{202e} f2:c4:27:59:73:5b\n", list("text", ByNetworkd, machines[:1])); diff != "" {
		t.Error(diff)
	}
	want = `{
  "schema": "linkaudit.mac/1",
  "machines": [
    {"machine": "a\u001b.id", "hashes_interface_name": null},
    {"machine": "b <c>.id", "hashes_interface_name": true}
  ],
  "addresses": [
    {"name": "x\ufffd\u202e", "machine": "a\u001b.id", "persistent_mac": "96:85:c5:ce:a2:4b", "networkd_mac": "f2:c4:27:59:73:5b"},
    {"name": "x\ufffd\u202e", "machine": "b <c>.id", "persistent_mac": "96:85:c5:ce:a2:4b", "networkd_mac": "f2:c4:27:59:73:5b"}
  ]
}
`
	got := list("json", ByUdev, machines)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	validate(t, schema(t, "mac.schema.json"), []byte(got))
}

func TestMACsReturnWriteErrors(t *testing.T) {
	m := newMACText(failingWriter{}, []MACMachine{{}}, ByUdev)
	m.Add([]byte("bond0"), 0, nil, nil)
	if err := m.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
}
