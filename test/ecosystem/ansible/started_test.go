//go:build ecosystem

package ansible

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

//go:embed started.py
var startedSource string

// started is what runs Ansible's commands on a controller: started.py.
type started struct {
	in  io.Writer
	out *bufio.Reader
}

const (
	startedOut = "/run/ansible.out"
	startedErr = "/run/ansible.err"
)

// start has Ansible ready on the controller, until the test ends.
func (l *lab) start(t *testing.T) {
	t.Helper()
	l.write("/src/started.py", startedSource, 0o644)
	cmd := l.command(context.Background(), "/", "/usr/bin/python3", "/src/started.py", startedOut, startedErr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	l.started = &started{in, bufio.NewReader(out)}
}

// ansible runs ansible, ansible-playbook or ansible-doc in dir.
func (l *lab) ansible(dir string, args ...string) result {
	l.t.Helper()
	question, err := json.Marshal(map[string]any{"args": args, "dir": dir, "env": l.environment()})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.started.in.Write(append(question, '\n')); err != nil {
		l.t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := l.started.out.ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		status, err := strconv.Atoi(line)
		if err != nil {
			l.t.Fatalf("%q: status %q", args, line)
		}
		return result{args: args, stdout: l.read(startedOut), stderr: l.read(startedErr), status: status}
	case <-time.After(patience):
		l.t.Fatalf("%q does not end; so far it says\n%s%s", args, l.read(startedOut), l.read(startedErr))
		return result{}
	}
}
