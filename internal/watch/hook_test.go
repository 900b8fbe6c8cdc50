package watch

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"linkaudit/test/tool"
)

// A program that does not end is not left behind when the watch ends, and the events
// that it was not run for are counted.
func TestTheEndOfAWatchEndsItsProgram(t *testing.T) {
	dir := t.TempDir()
	program, pidFile := filepath.Join(dir, "hook"), filepath.Join(dir, "pid")
	// What counts is the program that it starts.
	if err := os.WriteFile(program, []byte("#!/bin/sh\nsleep 1000 &\necho $! >"+pidFile+".new && mv "+pidFile+".new "+pidFile+"\nwait\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	h := NewHook(HookOptions{
		Program: program, Output: &stderr,
		Encode: func(w io.Writer, e *Event) error { _, err := fmt.Fprintln(w, e.Kind, e.Device); return err },
		Say:    func(line string) { fmt.Fprintln(&stderr, line) },
	})
	for range 3 {
		h.Add(&Event{Kind: Deleted, Device: "br0", Before: &State{Name: "br0"}})
	}
	var pid int
	tool.Eventually(t, "the program runs", func() bool {
		text, _ := os.ReadFile(pidFile)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid != 0
	})
	h.closeWithin(time.Millisecond)
	tool.Eventually(t, "what the program started is gone", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z ") // until process 1 hears of it
	})
	if said := stderr.String(); !strings.Contains(said, "signal: terminated\n") || !strings.Contains(said, "not run for 2 events\n") {
		t.Errorf("it says %q", said)
	}
}
