package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"linkaudit/internal/group"
	"linkaudit/internal/report"
	"linkaudit/internal/watch"
	"linkaudit/policy"
)

// hook runs a program for each event, one after the other.
type hook struct {
	program string
	stderr  io.Writer
	queue   chan *watch.Event
	done    chan struct{}
	// ended is done once nothing is run any more.
	ended context.Context
	end   context.CancelFunc
	// dropped is for add, left for the goroutine: the events it was not run for.
	dropped, left int
}

const (
	// hookTime is what one run may take.
	hookTime = 30 * time.Second
	// hooksWaiting is how many events may wait.
	hooksWaiting = 1000
	// hookFarewell is how long the end of the watch waits for what still runs.
	hookFarewell = 5 * time.Second
)

func newHook(program string, stderr io.Writer) *hook {
	h := &hook{program: program, stderr: stderr, queue: make(chan *watch.Event, hooksWaiting), done: make(chan struct{})}
	h.ended, h.end = context.WithCancel(context.Background())
	go func() {
		defer close(h.done)
		for e := range h.queue {
			if h.ended.Err() != nil {
				h.left++
				continue
			}
			h.run(e)
		}
	}()
	return h
}

func (h *hook) add(e *watch.Event) {
	select {
	case h.queue <- e:
	default:
		if h.dropped++; h.dropped == 1 {
			fmt.Fprintf(h.stderr, "linkaudit: --exec %s: %d events wait for it; no more do, and it is not run for those that come now\n", report.Escape(h.program), hooksWaiting)
		}
	}
}

// close returns once no program of it runs any more, nor any that it started. One that has
// not ended by the end of the farewell is killed: nobody would wait for it, or bound its
// time.
func (h *hook) close(farewell time.Duration) {
	close(h.queue)
	select {
	case <-h.done:
	case <-time.After(farewell):
	}
	h.end()
	<-h.done
	if n := h.dropped + h.left; n > 0 {
		fmt.Fprintf(h.stderr, "linkaudit: --exec %s: not run for %d events\n", report.Escape(h.program), n)
	}
}

// run passes what comes from the kernel as an argument and in the environment;
// there is no shell that could take it for a command.
func (h *hook) run(e *watch.Event) {
	ctx, cancel := context.WithTimeout(h.ended, hookTime)
	defer cancel()
	var line bytes.Buffer
	err := report.WriteEvent(&line, e)
	if err == nil {
		cmd := exec.CommandContext(ctx, h.program, e.Kind, e.Device)
		cmd.Stdin, cmd.Stderr = &line, h.stderr
		// Standard output is for the events.
		cmd.Stdout = h.stderr
		group.Prepare(cmd)
		cmd.Env = append(os.Environ(),
			"LINKAUDIT_EVENT="+e.Kind, "LINKAUDIT_DEVICE="+e.Device, "LINKAUDIT_KIND="+e.DeviceKind,
			"LINKAUDIT_BEFORE="+macOf(e.Before), "LINKAUDIT_AFTER="+macOf(e.After), "LINKAUDIT_BY="+byWhom(e.By))
		err = group.Run(cmd)
	}
	if err != nil {
		fmt.Fprintf(h.stderr, "linkaudit: --exec %s: %s\n", report.Escape(h.program), report.Escape(err.Error()))
	}
}

func macOf(s *watch.State) string {
	if s == nil {
		return ""
	}
	return s.MAC
}

func byWhom(by *watch.By) string {
	switch {
	case by == nil:
		return ""
	case by.Call != nil:
		return by.Call.Process.Name
	case by.Origin == policy.OriginPort && by.Port != "":
		return by.Origin + " " + by.Port
	}
	return by.Origin
}
