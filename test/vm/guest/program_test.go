//go:build vm

package guest

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/tool"
)

// program runs beside a test, which waits for its lines.
type program struct {
	cmd   *exec.Cmd
	lines chan string
	said  []string
}

// begin starts a program. It ends with the test at the latest.
func begin(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(args[0], args[1:]...), lines: make(chan string, 1000)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.end(syscall.SIGKILL)
		}
	})
	return p
}

// until waits for the first new line that is accepts.
func (p *program) until(t *testing.T, what string, is func(line string) bool) string {
	t.Helper()
	late := time.NewTimer(tool.Patience(usual))
	defer late.Stop()
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("%s: %s ended: %s", what, p.cmd.Args[0], strings.Join(p.said, "\n"))
			}
			p.said = append(p.said, line)
			if is(line) {
				return line
			}
		case <-late.C:
			t.Fatalf("waited in vain (%v): %s: %s", tool.Patience(usual), what, strings.Join(p.said, "\n"))
		}
	}
}

// end sends the signal, unless it is 0, and waits for the end; what is the same as for
// [exec.Cmd.Wait]. A program that takes too long is killed.
func (p *program) end(signal syscall.Signal) (inTime bool, err error) {
	if signal != 0 {
		p.cmd.Process.Signal(signal) // if that fails, it has ended by itself
	}
	late := time.AfterFunc(tool.Patience(usual), func() { p.cmd.Process.Kill() })
	for range p.lines {
	}
	err = p.cmd.Wait()
	return late.Stop(), err
}
