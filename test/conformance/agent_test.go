package conformance

import (
	"encoding/gob"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/tool"
)

func TestAnAgentThatDoesNotAnswerIsKilled(t *testing.T) {
	agent, err := tool.Hold(exec.Command("sh", "-c", "echo ready; exec sleep 1000"), "ready")
	if err != nil {
		t.Fatal(err)
	}
	o := &Oracle{agent: agent, enc: gob.NewEncoder(agent.In), dec: gob.NewDecoder(agent.Out), limit: 10 * time.Millisecond}
	if _, err := o.ask(request{}); err == nil || !strings.Contains(err.Error(), "no answer within 10ms, so the agent was killed") {
		t.Errorf("the error is %v", err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

func TestAProcessThatWaitsAtAFIFOIsKnown(t *testing.T) {
	if _, err := os.ReadFile("/proc/self/syscall"); err != nil {
		t.Skip("this kernel does not show system calls:  ", err)
	}
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(args ...string) int {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := tool.End(cmd, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		})
		return cmd.Process.Pid
	}
	for _, name := range []string{fifo, "fifo", "../" + filepath.Base(dir) + "/fifo"} {
		pid := start("cat", name)
		tool.Eventually(t, "cat waits at "+name, func() bool { return waitsAtFIFO(pid) })
	}
	// A process that sleeps elsewhere does not wait there, nor does one that has the
	// FIFO open.
	both := start("sh", "-c", `exec 3<>fifo 4>open; exec sleep 1000`)
	tool.Eventually(t, "the FIFO is open", func() bool {
		comm, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(both), "comm"))
		return string(comm) == "sleep\n"
	})
	if waitsAtFIFO(both) || waitsAtFIFO(os.Getpid()) || waitsAtFIFO(-1) {
		t.Error("a process that does not wait at a FIFO is reported as waiting")
	}
}
