package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"linkaudit/internal/audit"
	"linkaudit/internal/group"
)

// Hook runs a program for each event, one after the other.
type Hook struct {
	HookOptions
	queue chan *Event
	done  chan struct{}
	// running ends when no program may run any longer; stopRunning ends it.
	running     context.Context
	stopRunning context.CancelFunc
	// dropped is for Add, left for the goroutine: the events without a run.
	dropped, left int
}

const (
	// hookTime is the limit for one run.
	hookTime = 30 * time.Second
	// hooksWaiting is how many events may wait.
	hooksWaiting = 1000
	// hookFarewell is how long the end of the watch waits for running programs.
	hookFarewell = 5 * time.Second
)

// HookOptions say what to run.
type HookOptions struct {
	// Program is run without a shell.
	Program string
	// Encode writes an event for the standard input of the program.
	Encode func(io.Writer, *Event) error
	// Output gets the output of the program.
	Output io.Writer
	// Say reports a problem with the program; nothing in the text is escaped yet.
	Say func(what string)
}

// NewHook starts to run the program. Close it at the end.
func NewHook(o HookOptions) *Hook {
	h := &Hook{HookOptions: o, queue: make(chan *Event, hooksWaiting), done: make(chan struct{})}
	h.running, h.stopRunning = context.WithCancel(context.Background())
	go func() {
		defer close(h.done)
		for e := range h.queue {
			if h.running.Err() != nil {
				h.left++
				continue
			}
			h.runProgram(e)
		}
	}()
	return h
}

// Add runs the program for an event, without waiting for it.
func (h *Hook) Add(e *Event) {
	select {
	case h.queue <- e:
	default:
		if h.dropped++; h.dropped == 1 {
			h.Say(fmt.Sprintf("%d events are waiting, and new events are dropped", hooksWaiting))
		}
	}
}

// Close returns when no program of it, and nothing that they started, is running. It kills
// what has not ended by the end of the farewell: nothing would wait for it or limit it.
func (h *Hook) Close() { h.closeWithin(hookFarewell) }

func (h *Hook) closeWithin(limit time.Duration) {
	close(h.queue)
	select {
	case <-h.done:
	case <-time.After(limit):
	}
	h.stopRunning()
	<-h.done
	if n := h.dropped + h.left; n > 0 {
		h.Say(fmt.Sprintf("not run for %d events", n))
	}
}

// runProgram passes texts of the kernel as an argument and in the environment; no shell
// can take them for a command.
func (h *Hook) runProgram(e *Event) {
	ctx, cancel := context.WithTimeout(h.running, hookTime)
	defer cancel()
	var line bytes.Buffer
	err := h.Encode(&line, e)
	if err == nil {
		cmd := exec.CommandContext(ctx, h.Program, e.Kind, e.Device)
		cmd.Stdin, cmd.Stderr = &line, h.Output
		// Standard output is for the events.
		cmd.Stdout = h.Output
		group.Prepare(cmd)
		cmd.Env = append(os.Environ(),
			"LINKAUDIT_EVENT="+e.Kind, "LINKAUDIT_DEVICE="+e.Device, "LINKAUDIT_KIND="+e.DeviceKind,
			"LINKAUDIT_BEFORE="+macOf(e.Before), "LINKAUDIT_AFTER="+macOf(e.After), "LINKAUDIT_BY="+byWhom(e.By))
		err = group.Run(cmd)
	}
	if err != nil {
		h.Say(err.Error())
	}
}

func macOf(s *State) string {
	if s == nil {
		return ""
	}
	return s.MAC.String()
}

func byWhom(by *By) string {
	switch {
	case by == nil:
		return ""
	case by.Call != nil:
		return by.Call.Process.Name
	case by.Origin == audit.OriginPort && by.Port != "":
		return by.Origin + " " + by.Port
	}
	return by.Origin
}
