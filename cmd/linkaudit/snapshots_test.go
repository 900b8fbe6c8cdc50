package main

import (
	"bytes"
	"strings"
	"testing"
)

// An internal error with one host of many ends only the audit of that host.
func TestAFaultWithOneHostEndsNoOther(t *testing.T) {
	t.Setenv(traceVariable, "")
	var said bytes.Buffer
	f := fleetCheck{errs: &said} // without a fleet, adding to it panics
	s := &snapshotAudit{source: "a.json", raw: exampleHost}
	f.work(s)
	if s.err == nil || !strings.HasPrefix(s.err.Error(), "a.json: internal error: ") || said.Len() > 0 {
		t.Errorf("%v, %q", s.err, said.String())
	}
}
