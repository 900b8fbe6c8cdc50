package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"testing"

	"linkaudit/test/soak"
)

// auditsVariable is the number of audits of the next test. The soak suite in test/namespace
// sets it, and creates and deletes devices during the test.
const auditsVariable = "LINKAUDIT_SOAK_AUDITS"

// TestAuditsLeaveNothing audits many times in one process: nothing of one audit is left after
// the next. A leak does not show in many short processes.
func TestAuditsLeaveNothing(t *testing.T) {
	audits := 60
	if v := os.Getenv(auditsVariable); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		audits = n
	}
	if os.Getenv("CI") != "true" && run([]string{"linkaudit", "check", "--quiet", "--no-config"}, nil, &bytes.Buffer{}, &bytes.Buffer{}) == exitFailed {
		t.Skip("this machine cannot be audited")
	}
	var stdout, stderr bytes.Buffer
	audit := func(i int) {
		args := [][]string{
			{"check", "--no-config", "--all", "--format", "json"},
			{"check", "--no-config", "--all", "--severity", "info"},
			{"lint", "--no-config", "--format", "json"},
		}[i%3]
		stdout.Reset()
		stderr.Reset()
		status := run(append([]string{"linkaudit"}, args...), nil, &stdout, &stderr)
		switch {
		case status != exitClean && status != exitFindings || stderr.Len() > 0:
			t.Fatalf("%q: status %d: %s", args, status, stderr.String())
		case args[len(args)-1] == "json" && !json.Valid(stdout.Bytes()):
			t.Fatalf("%q: no JSON: %s", args, stdout.String())
		}
	}

	var heap, goroutines, descriptors, threads, children soak.Series
	const samples = 30
	for sample := range samples {
		for i := sample * audits / samples; i < (sample+1)*audits/samples; i++ {
			audit(i)
		}
		// Buffers are not leaks, and neither is what a pool keeps between two
		// collections.
		stdout, stderr = bytes.Buffer{}, bytes.Buffer{}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		u, err := soak.Of(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		heap = append(heap, int(m.HeapAlloc>>10))
		goroutines = append(goroutines, runtime.NumGoroutine())
		descriptors = append(descriptors, u.Descriptors)
		threads = append(threads, u.Threads)
		children = append(children, u.Children)
	}
	t.Logf("%d audits in one process", audits)
	for _, s := range []struct {
		what        string
		series      soak.Series
		slack, most int
	}{
		// 100 kB over a third of 10,000 audits are 30 bytes per audit.
		{"kB of the heap in use", heap, 100, 32 << 10},
		{"goroutines", goroutines, 0, 30},
		{"descriptors", descriptors, 0, 30},
		{"threads", threads, 2, 64},
		{"child processes", children, 0, 0},
	} {
		t.Run(s.what, func(t *testing.T) {
			t.Log(s.series)
			if err := s.series.Level(s.slack, s.most); err != nil {
				t.Error(err)
			}
		})
	}
}
