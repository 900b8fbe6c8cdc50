package main

import (
	"bytes"
	"strings"
	"testing"
)

// What goes wrong in linkaudit itself with one host of many ends that host's audit alone.
func TestAFaultWithOneHostEndsNoOther(t *testing.T) {
	t.Setenv(traceVariable, "")
	var said bytes.Buffer
	f := fleetCheck{errs: &said} // without a fleet there is nothing to add to
	s := &snapshotAudit{source: "a.json", raw: exampleHost}
	f.work(s)
	if s.err == nil || !strings.HasPrefix(s.err.Error(), "a.json: internal error: ") || said.Len() > 0 {
		t.Errorf("%v, %q", s.err, said.String())
	}
}
