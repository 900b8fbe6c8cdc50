//go:build ecosystem

package ansible

import (
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"linkaudit/test/tool"
)

//go:embed started.py
var startedSource string

// started runs Ansible's commands on a controller: started.py.
type started struct{ *tool.Held }

const (
	startedOut = "/run/ansible.out"
	startedErr = "/run/ansible.err"
)

// start keeps Ansible ready on the controller until the test ends.
func (l *lab) start(t *testing.T) {
	t.Helper()
	l.write("/src/started.py", startedSource, 0o644)
	cmd := l.command(context.Background(), "/", "/usr/bin/python3", "/src/started.py", startedOut, startedErr)
	cmd.Stderr = os.Stderr
	held, err := tool.Hold(cmd, "ready")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := held.End(); err != nil {
			t.Error(err)
		}
	})
	l.started = &started{held}
}

// ansible runs ansible, ansible-playbook or ansible-doc in dir.
func (l *lab) ansible(dir string, args ...string) result {
	l.t.Helper()
	question, err := json.Marshal(map[string]any{"args": args, "dir": dir, "env": l.environment()})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.In.Write(append(question, '\n')); err != nil {
		l.t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := l.Out.ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		status, err := strconv.Atoi(line)
		if err != nil {
			l.t.Fatalf("%q: status %q", args, line)
		}
		return result{args: args, stdout: l.read(startedOut), stderr: l.read(startedErr), status: status}
	case <-time.After(tool.Patience(usual)):
		l.t.Fatalf("%q does not end; its output so far\n%s%s", args, l.read(startedOut), l.read(startedErr))
		return result{}
	}
}
