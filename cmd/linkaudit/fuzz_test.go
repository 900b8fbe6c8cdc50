package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"linkaudit/docs"
	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/internal/report"
)

// FuzzSnapshot audits a foreign snapshot and shows it in every format.
func FuzzSnapshot(f *testing.F) {
	f.Add(exampleHost)
	examples, err := docs.Examples(exampleHost)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range examples {
		var b bytes.Buffer
		if err := host.Save(&b, e.Snapshot, false); err != nil {
			f.Fatal(err)
		}
		if b.Len() < 64<<10 { // a large example is no seed
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := snapshotAudit{source: "x", raw: raw}
		sel := selection{all: true, command: "check"}
		if s.audit(sel, pretence{}, nil, false); s.err != nil {
			return
		}
		for _, format := range report.Formats {
			if format.Audit == nil {
				continue
			}
			var b bytes.Buffer
			if err := format.Audit(&b, s.res, report.Options{Threshold: audit.Info}); err != nil {
				t.Fatalf("%s: %v", format.Name, err)
			}
			sound(t, format.Name, b.String())
		}
		for _, d := range s.res.Devices {
			snap := s.res.Snapshot
			targets, tree, err := selection{names: []string{d.Name}, command: "explain"}.prepare(snap, nil)
			if err != nil {
				continue
			}
			x := audit.Explain(snap, tree, targets[0], nil, remedy.Place{})
			for _, format := range report.Formats {
				if format.Explanation == nil {
					continue
				}
				var b bytes.Buffer
				if err := format.Explanation(&b, x, report.Options{}); err != nil {
					t.Fatalf("%s: %v", format.Name, err)
				}
				sound(t, format.Name, b.String())
			}
		}
	})
}

// sound: no control sequences for a terminal, and JSON is valid.
func sound(t *testing.T, format, said string) {
	t.Helper()
	for line := range strings.SplitSeq(said, "\n") {
		if report.Escape(line) != line {
			t.Errorf("%s: %q", format, line)
		}
	}
	if (format == "json" || format == "sarif") && !json.Valid([]byte(said)) {
		t.Errorf("%s is not JSON: %s", format, said)
	}
}
