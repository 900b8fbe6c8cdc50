package tool

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Held is a process that a test talks to, or that holds something for others (a
// namespace, a lock, a mount) until its standard input ends.
type Held struct {
	Cmd *exec.Cmd
	In  io.WriteCloser
	// Out is what it prints after the ready line.
	Out *bufio.Reader
}

// Hold starts a process with both pipes, and waits until it has printed the line ready;
// with "" it does not wait. If the process ends, prints something else or takes too
// long, it is killed and the error says which.
func Hold(cmd *exec.Cmd, ready string) (*Held, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &Held{Cmd: cmd, In: in, Out: bufio.NewReader(out)}
	if ready != "" {
		late := time.AfterFunc(Patience(time.Minute), func() { cmd.Process.Kill() })
		line, err := h.Out.ReadString('\n')
		if !late.Stop() {
			err = errors.New("it takes too long")
		} else if err == nil && strings.TrimSuffix(line, "\n") != ready {
			err = fmt.Errorf("it says %q", line)
		}
		if err != nil {
			cmd.Process.Kill()
			if gone := cmd.Wait(); gone != nil {
				err = fmt.Errorf("%w (%w)", err, gone)
			}
			return nil, fmt.Errorf("wait for %q of %s: %w", ready, cmd.Args[0], err)
		}
	}
	return h, nil
}

// PID is the number of the process.
func (h *Held) PID() int { return h.Cmd.Process.Pid }

// End closes the standard input, which ends the process, and waits. It is an error if
// the process is still there after the patience of half a minute; then it is killed.
func (h *Held) End() error {
	h.In.Close()
	return End(h.Cmd, 0)
}

// End ends a process that was started: it sends the signal, unless it is 0, and waits.
// It is an error if the process is still there after the patience of half a minute.
// Then it gets SIGQUIT, which makes a Go program print its goroutines, and SIGKILL. How
// a process ends in time does not matter. Wait must not have been called.
func End(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.Process == nil {
		return fmt.Errorf("%s was not started", cmd.Path)
	}
	if signal != 0 {
		cmd.Process.Signal(signal) // if that fails it has ended by itself, and Wait says how
	}
	patience := Patience(30 * time.Second)
	late := time.AfterFunc(patience, func() { cmd.Process.Signal(syscall.SIGQUIT) })
	kill := time.AfterFunc(patience+5*time.Second, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	inTime := late.Stop()
	kill.Stop()
	var exit *exec.ExitError
	switch {
	case !inTime:
		return fmt.Errorf("%s did not end within %v", cmd.Args[0], patience)
	case err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay):
		return fmt.Errorf("wait for %s: %w", cmd.Args[0], err)
	}
	return nil
}
