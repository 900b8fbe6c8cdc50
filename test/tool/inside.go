package tool

import (
	"context"
	_ "embed"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Inside starts programs in namespaces of another process.
type Inside struct {
	// Process is whose namespaces they are.
	Process int
	// Namespaces are their names as in /proc/PID/ns (namespaces(7)): "mnt", "net",
	// "uts", "pid", "ipc", "cgroup".
	Namespaces []string
	// Root has programs see the root directory of the process as theirs, and start in
	// Dir, "/" where that is empty.
	Root bool
	Dir  string
	// Enter is what [BuildEnter] made, which starts programs faster than nsenter(1)
	// does. It takes no notice of Namespaces, Root and Dir: it is for mnt, net, uts,
	// the root and "/".
	Enter string
}

// flags are what nsenter(1) calls the namespaces.
var flags = map[string]string{"mnt": "--mount", "net": "--net", "uts": "--uts", "pid": "--pid", "ipc": "--ipc", "cgroup": "--cgroup"}

// Command is such a program, with the environment env. The context ends it, and a second
// later whatever still holds its pipes.
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

// BuildEnter makes the program enter in a directory, for [Inside.Enter], and returns its
// path. It needs gcc(1).
func BuildEnter(dir string) (string, error) {
	to := filepath.Join(dir, "enter")
	return to, Compile(to, enterSource, "-static")
}
