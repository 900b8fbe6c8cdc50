package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"linkaudit/internal/report"
	"linkaudit/internal/watch"
)

// The count of devices is right and takes no memory, however many there are.
func TestAWatchCountsDevices(t *testing.T) {
	var b bytes.Buffer
	log := &eventLog{out: output{format: report.FormatNamed("json")}, w: &b, begun: time.Now()}
	for i := range 100 {
		for kind, first := range map[string]bool{watch.Created: true, watch.Deleted: false} {
			if err := log.emit(&watch.Event{Kind: kind, Device: "br0", Index: i, First: first, Before: &watch.State{}, After: &watch.State{}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := log.end(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "200 changes of 100 devices in ") {
		t.Errorf("%s", b.String()[strings.LastIndex(strings.TrimSpace(b.String()), "\n"):])
	}
}
