// Package group runs a program in a process group of its own, so that nothing of it is
// left when it is to be done.
package group

import (
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a program may take to end after SIGTERM, before SIGKILL.
const grace = 2 * time.Second

// Prepare has the command run in a group of its own, all of which is told to end when its
// context is done.
func Prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = grace
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
}

// Run runs a command that Prepare has prepared. When it returns nothing of the group is
// left: what the program started and left behind is killed.
func Run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	// The group is ended before its leader is waited for: until then the number cannot be
	// another's.
	for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	return cmd.Wait()
}
