// Package group runs a program in a process group of its own, so nothing of it is left
// running afterwards.
package group

import (
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a program may take to end after SIGTERM, before SIGKILL.
const grace = 2 * time.Second

// Prepare makes the command run in a group of its own. The whole group is told to end when
// the context is done.
func Prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = grace
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
}

// Run runs a prepared command. When it returns, nothing of the group is left: it kills
// what the program started and left running.
func Run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	// The group ends before its leader is waited for: until then no other process can get
	// the number.
	for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	return cmd.Wait()
}
