package group

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// families are programs that start others and leave them behind in several ways.
var families = map[string]string{
	"a child that waits":           `sleep 1000 & echo $! >child; wait`,
	"a child that hears no signal": `(trap '' TERM; exec sleep 1000) & echo $! >child; wait`,
	"one that hears none itself":   `trap '' TERM; sleep 1000 & echo $! >child; wait; sleep 1000`,
	"a child of a child":           `(sleep 1000 & echo $! >child; wait) & wait`,
}

func start(t *testing.T, script string) (ctx context.Context, cancel context.CancelFunc, cmd *exec.Cmd, child func() int) {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel = context.WithTimeout(t.Context(), tool.Patience(time.Minute))
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, "/bin/sh", "-c", script)
	cmd.Dir = dir
	Prepare(cmd)
	return ctx, cancel, cmd, func() int {
		text, _ := os.ReadFile(filepath.Join(dir, "child"))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return pid
	}
}

// gone: it has ended, whether process 1 has heard of it or not.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || strings.Contains(string(stat), ") Z ")
}

// Told to end, nothing of it is left.
func TestNothingIsLeftOfWhatIsEnded(t *testing.T) {
	for name, script := range families {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, cancel, cmd, child := start(t, script)
			var said bytes.Buffer // a pipe that all of them hold
			cmd.Stdout = &said
			ended := make(chan error, 1)
			go func() { ended <- Run(cmd) }()
			tool.Eventually(t, "the child runs", func() bool { return child() != 0 })
			cancel()
			var err error
			tool.Finishes(t, "the end of it", func() { err = <-ended })
			if err == nil {
				t.Error("that it was ended is no error")
			}
			tool.Eventually(t, "the child is gone", func() bool { return gone(child()) })
		})
	}
}

// One that ends by itself leaves nothing either, and its exit status is told.
func TestNothingIsLeftBehind(t *testing.T) {
	_, _, cmd, child := start(t, `sleep 1000 & echo $! >child; exit 7`)
	var said bytes.Buffer
	cmd.Stdout = &said
	var err error
	tool.Finishes(t, "the run", func() { err = Run(cmd) })
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("it ends with %v", err)
	}
	tool.Eventually(t, "the child is gone", func() bool { return gone(child()) })
}
