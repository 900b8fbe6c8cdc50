package tool

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPatienceIsNeverLessThanUsual(t *testing.T) {
	if got := Patience(time.Second); got < time.Second || got > slowest*time.Second {
		t.Errorf("Patience(1s) = %v", got)
	}
}

func TestUntilLooksOnceMoreAtTheEnd(t *testing.T) {
	looks := 0
	if !Until(0, func() bool { looks++; return looks == 2 }) {
		t.Error("what came at the end was not seen")
	}
	if Until(time.Millisecond, func() bool { return false }) {
		t.Error("Until reports what never came")
	}
}

func TestHoldWaitsForTheReadyLine(t *testing.T) {
	h, err := Hold(exec.Command("sh", "-c", "echo ready; echo more; exec cat"), "ready")
	if err != nil {
		t.Fatal(err)
	}
	if line, err := h.Out.ReadString('\n'); line != "more\n" || err != nil {
		t.Errorf("after the ready line it reads %q, %v", line, err)
	}
	if err := h.End(); err != nil {
		t.Error(err)
	}
}

func TestHoldSaysWhyAProcessIsNotReady(t *testing.T) {
	for script, want := range map[string]string{"exit 3": "exit status 3", "echo no": `it says "no\n"`} {
		t.Run(script, func(t *testing.T) {
			_, err := Hold(exec.Command("sh", "-c", script), "ready")
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, and not %s", err, want)
			}
		})
	}
	if _, err := Hold(exec.Command("/does/not/exist"), "ready"); err == nil {
		t.Error("no error for a program that is not there")
	}
}

func TestEndTakesEveryEndInTimeForGood(t *testing.T) {
	for name, script := range map[string]string{
		"of the signal":   "exec sleep 1000",
		"with a status":   "trap 'exit 7' TERM; while :; do sleep 0.01; done",
		"before anything": "exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", script)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := End(cmd, syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if cmd.ProcessState == nil {
				t.Error("it was not waited for")
			}
		})
	}
	if err := End(&exec.Cmd{}, 0); err == nil || errors.Is(err, exec.ErrWaitDelay) {
		t.Error("no error for what was never started")
	}
}

func TestHeavyRunsWhereEverythingIsAskedFor(t *testing.T) {
	for tier, want := range map[string]bool{"": false, "ci": false, "full": true} {
		t.Setenv(tierVariable, tier)
		ran := false
		t.Run("tier "+tier, func(t *testing.T) {
			Heavy(t)
			ran = true
		})
		if ran != want || Thorough() != want {
			t.Errorf("%q: it ran: %v", tier, ran)
		}
	}
}

func TestFinishesWaitsForTheEnd(t *testing.T) {
	ended := false
	Finishes(t, "a function", func() { ended = true })
	if !ended {
		t.Error("it did not wait")
	}
}
