package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/watch"
)

// FuzzWatchRecord reads the record of a watch, which somebody else may have written.
func FuzzWatchRecord(f *testing.F) {
	for _, e := range []*watch.Event{
		{Time: time.Unix(1, 2).UTC(), Kind: watch.Started, Text: "watching \x1b[2J"},
		{Time: time.Unix(1, 2).UTC(), Kind: watch.Changed, Device: "bond0", Index: 7, DeviceKind: "bond",
			Before: &watch.State{MAC: "02:00:00:00:00:01", AddrAssignType: fact.Known(host.AddrAssignType(3))},
			After:  &watch.State{MAC: "02:00:00:00:00:02", AddrAssignType: fact.Unknown[host.AddrAssignType](fact.Told("the device is gone"))},
			By:     &watch.By{How: "deduced", Origin: audit.OriginPort, Port: "eth0"}},
		{Time: time.Unix(1, 2).UTC(), Kind: watch.Deleted, Device: "br0", Index: 7, DeviceKind: "bridge",
			Before: &watch.State{MAC: "02:00:00:00:00:01", AddrAssignType: fact.Known(host.AddrAssignType(1))}},
	} {
		var b bytes.Buffer
		if err := WriteEvent(&b, e); err != nil {
			f.Fatal(err)
		}
		if _, err := ParseEvent(b.Bytes()); err != nil {
			f.Fatalf("%v: %s", err, b.Bytes())
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := ParseEvent(line)
		if err != nil {
			return
		}
		var text, first, second bytes.Buffer
		if err := writeEventText(&text, e, Options{}); err != nil {
			t.Fatal(err)
		}
		for l := range strings.SplitSeq(text.String(), "\n") {
			if Escape(l) != l {
				t.Errorf("%q", l)
			}
		}
		if err := WriteEvent(&first, e); err != nil {
			return // a time that JSON cannot hold
		}
		if s := strings.TrimSuffix(first.String(), "\n"); Escape(s) != s {
			t.Errorf("%q", s)
		}
		again, err := ParseEvent(first.Bytes())
		if err != nil {
			t.Fatalf("%v: %s", err, first.Bytes())
		}
		if err := WriteEvent(&second, again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%v\n%s%s", err, first.Bytes(), second.Bytes())
		}
	})
}
