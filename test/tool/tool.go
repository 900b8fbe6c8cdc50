// Package tool builds linkaudit for the suites, and runs and ends programs for them.
package tool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Build builds the linkaudit of this tree as it is released. flags are additional flags
// of "go build".
func Build(to string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", to}, flags...)
	build := exec.Command("go", append(args, "linkaudit/cmd/linkaudit")...)
	// Use the version control of this tree, not one that the environment names.
	build.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") }), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build linkaudit: %w\n%s", err, out)
	}
	return nil
}

// Compile compiles a C source with gcc(1). With the flag "-static", for example, the
// program needs no libraries.
func Compile(to, source string, flags ...string) error {
	gcc := exec.Command("gcc", append(flags, "-O1", "-Wall", "-Wextra", "-Werror", "-x", "c", "-o", to, "-")...)
	gcc.Stdin = strings.NewReader(source)
	if out, err := gcc.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s (it needs the Debian packages gcc and libc6-dev): %w\n%s", filepath.Base(to), err, out)
	}
	return nil
}

// Outcome is what a program did.
type Outcome struct {
	Stdout, Stderr string
	Status         int            // -1: killed by a signal, or it did not start
	Signal         syscall.Signal // that killed it
	Took           time.Duration
}

// Run runs a program to its end. If it did not start, Stderr says why.
func Run(cmd *exec.Cmd) Outcome { return RunWith(cmd, func() {}) }

// RunWith is [Run] with a function that is called when the program runs.
func RunWith(cmd *exec.Cmd, started func()) Outcome {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Start()
	if err == nil {
		started()
		err = cmd.Wait()
	}
	o := Outcome{Took: time.Since(start), Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		o.Status = exit.ExitCode()
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			o.Signal = ws.Signal()
		}
	case err != nil:
		o.Status = -1
		o.Stderr += err.Error()
	}
	return o
}

// NetworkOf is the other processes in the network namespace of a process.
func NetworkOf(pid int) (others []int) {
	ours, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	for _, l := range links {
		other, _ := strconv.Atoi(strings.Split(l, "/")[2])
		if ns, err := os.Readlink(l); err == nil && ns == ours && other != pid {
			others = append(others, other)
		}
	}
	return others
}

// KillNetworkOf kills every other process in the network namespace of a process.
func KillNetworkOf(pid int) {
	for _, other := range NetworkOf(pid) {
		syscall.Kill(other, syscall.SIGKILL)
	}
}
