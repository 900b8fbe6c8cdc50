package host

import (
	"bytes"
	"testing"
)

func TestASavedSnapshotHasNoByteThatATerminalObeys(t *testing.T) {
	const name = "\x1b[31m\x7f\u0080\u009b31m\u009f\u00a0ü"
	var b bytes.Buffer
	if err := Save(&b, &Snapshot{Devices: []Device{{Name: name}}}, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.String() {
		if c < ' ' && c != '\n' || 0x7f <= c && c < 0xa0 {
			t.Errorf("%q", c)
		}
	}
	s, err := Load(&b)
	if err != nil {
		t.Fatal(err)
	}
	if s.Devices[0].Name != name {
		t.Errorf("%q came back as %q", name, s.Devices[0].Name)
	}
}
