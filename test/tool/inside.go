package tool

import (
	"context"
	_ "embed"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Inside starts programs in the namespaces of another process.
type Inside struct {
	// Process is the process with the namespaces.
	Process int
	// Namespaces are their names as in /proc/PID/ns (namespaces(7)): "mnt", "net",
	// "uts", "pid", "ipc", "cgroup".
	Namespaces []string
	// Root gives programs the root directory of the process, and starts them in Dir,
	// "/" if that is empty.
	Root bool
	Dir  string
	// Enter is what [BuildEnter] made. It starts programs faster than nsenter(1). It
	// ignores Namespaces, Root and Dir: it is for mnt, net, uts, the root and "/".
	Enter string
}

// flags are nsenter(1)'s flags for the namespaces.
var flags = map[string]string{"mnt": "--mount", "net": "--net", "uts": "--uts", "pid": "--pid", "ipc": "--ipc", "cgroup": "--cgroup"}

// Command is such a program, with the environment env. When the context ends, so does
// the program, and a second later its pipes are closed even if other processes hold
// them.
func (in Inside) Command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	pid := strconv.Itoa(in.Process)
	var cmd *exec.Cmd
	if in.Enter != "" {
		cmd = exec.CommandContext(ctx, in.Enter, append([]string{pid}, args...)...)
	} else {
		way := []string{"--target", pid}
		for _, n := range in.Namespaces {
			way = append(way, flags[n])
		}
		if in.Root {
			way = append(way, "--root", "--wdns="+filepath.Join("/", in.Dir))
		}
		cmd = exec.CommandContext(ctx, "nsenter", append(append(way, "--"), args...)...)
	}
	cmd.Env = env
	cmd.WaitDelay = time.Second
	return cmd
}

//go:embed enter/enter.c
var enterSource string

// BuildEnter builds the program enter in a directory, for [Inside.Enter], and returns
// its path. It needs gcc(1).
func BuildEnter(dir string) (string, error) {
	to := filepath.Join(dir, "enter")
	return to, Compile(to, enterSource, "-static")
}
