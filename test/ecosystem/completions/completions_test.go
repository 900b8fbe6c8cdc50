//go:build ecosystem

// Package completions types at real shells: bash, zsh and fish on a terminal. Devices in
// its network namespace have names that are commands if a shell reads them unquoted. It
// needs root and the Debian packages bash, zsh, fish and iproute2.
package completions

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

// tab asks for completions; home goes to the beginning of the line.
const (
	tab   = "\t"
	home  = "\x01"
	enter = "\r"
)

// bin holds linkaudit and args, a command that writes the number of its arguments and
// each of them to $OUT, each followed by a NUL.
var bin string

func TestMain(m *testing.M) {
	status := stage.Main(m, prepare)
	os.RemoveAll(bin)
	os.Exit(status)
}

func prepare() (err error) {
	for _, program := range []string{"bash", "zsh", "fish", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: apt-get install bash zsh fish iproute2", err)
		}
	}
	if bin, err = os.MkdirTemp("", "linkaudit-completions-"); err != nil {
		return err
	}
	if err := tool.Build(bin + "/linkaudit"); err != nil {
		return err
	}
	return os.WriteFile(bin+"/args", []byte("#!/bin/sh\nprintf '%s\\0' $# \"$@\" >\"$OUT\"\n"), 0o755)
}

// shell is one of the three.
type shell struct {
	name string
	// start writes the start-up file below home and returns the command.
	start func(home, scripts string) ([]string, error)
}

var shells = []shell{
	{"bash", func(home, scripts string) ([]string, error) {
		rc := "PS1='ready> '; unset HISTFILE; source " + scripts + "/linkaudit.bash\n"
		return []string{"bash", "--noprofile", "--rcfile", home + "/rc", "-i"}, os.WriteFile(home+"/rc", []byte(rc), 0o644)
	}},
	{"zsh", func(home, scripts string) ([]string, error) {
		rc := "PS1='ready> '; unset HISTFILE; bindkey -e; fpath=(" + scripts + " $fpath)\nautoload -Uz compinit; compinit -u -d " + bin + "/zcompdump\n"
		return []string{"zsh", "-d", "-i"}, os.WriteFile(home+"/.zshrc", []byte(rc), 0o644)
	}},
	{"fish", func(home, scripts string) ([]string, error) {
		rc := "function fish_prompt; printf 'ready> '; end; set -g fish_greeting; set -g fish_autosuggestion_enabled 0; set -g fish_complete_path\nsource " + scripts + "/linkaudit.fish\n"
		config := home + "/.config/fish"
		// Without it, fish makes completions from all man pages.
		err := errors.Join(os.MkdirAll(config, 0o755), os.MkdirAll(home+"/.local/share/fish/generated_completions", 0o755))
		if err == nil {
			err = os.WriteFile(config+"/config.fish", []byte(rc), 0o644)
		}
		return []string{"fish", "--private", "-i"}, err
	}},
}

// inEachShell runs the test for each shell, in a network namespace of its own.
func inEachShell(t *testing.T, test func(*testing.T, shell)) {
	for _, s := range shells {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			// The thread is not unlocked: it ends with the test.
			runtime.LockOSThread()
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				t.Fatalf("a network namespace needs root: %v", err)
			}
			test(t, s)
		})
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %q: %v\n%s", args, err, out)
	}
}

// typed types keys at the shell, in an empty directory with the given files, and runs
// the line as arguments of args. It returns the arguments and the names of new files;
// no arguments if the line was incomplete.
func (s shell) typed(t *testing.T, keys string, files ...string) (args, created []string) {
	t.Helper()
	own, work := t.TempDir(), t.TempDir()
	for _, f := range files {
		if strings.HasSuffix(f, "/") {
			if err := os.Mkdir(filepath.Join(work, f), 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(filepath.Join(work, f), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := names(t, work)
	scripts, err := filepath.Abs("../../../contrib/completions")
	if err != nil {
		t.Fatal(err)
	}
	argv, err := s.start(own, scripts)
	if err != nil {
		t.Fatal(err)
	}
	out := own + "/arguments"
	if err := unix.Mkfifo(out, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(out, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	term := openTerminal(t)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = work
	cmd.Env = []string{"HOME=" + own, "ZDOTDIR=" + own, "PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin",
		"TERM=xterm", "LC_ALL=C.UTF-8", "TZ=UTC", "INPUTRC=/dev/null", "OUT=" + out}
	term.start(t, cmd)
	defer term.end(t, cmd)
	term.waitFor(t, "ready> ")
	term.write(t, keys)
	// Input is handled in order, the completion first.
	term.write(t, home+"args "+enter)
	if args, err = arguments(fifo); err != nil {
		t.Fatalf("%s: %q: no command was run: %v; the terminal has\n%q", s.name, keys, err, term.seen())
	}
	for _, name := range names(t, work) {
		if !slices.Contains(before, name) {
			created = append(created, name)
		}
	}
	return args, created
}

// arguments are what the command args wrote.
func arguments(fifo *os.File) (args []string, err error) {
	if err := fifo.SetReadDeadline(time.Now().Add(tool.Patience(time.Minute))); err != nil {
		return nil, err
	}
	from := bufio.NewReader(fifo)
	for left := 1; left > 0; left-- {
		word, err := from.ReadString(0)
		if err != nil {
			return nil, err
		}
		word = strings.TrimSuffix(word, "\x00")
		if args != nil {
			args = append(args, word)
			continue
		}
		args = []string{}
		if left, err = strconv.Atoi(word); err != nil {
			return nil, err
		}
		left++
	}
	return args, nil
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// terminal is a pseudo-terminal.
type terminal struct {
	master, slave *os.File
	mu            sync.Mutex
	text          bytes.Buffer
	more          chan struct{} // has something where there is more text
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &terminal{master: master, slave: slave, more: make(chan struct{}, 1)}
}

func (m *terminal) start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = m.slave, m.slave, m.slave
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.slave.Close()
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := m.master.Read(b)
			m.mu.Lock()
			m.text.Write(b[:n])
			m.mu.Unlock()
			select {
			case m.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
}

// end kills the shell and closes its terminal; a shell ignores SIGTERM.
func (m *terminal) end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := tool.End(cmd, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	m.master.Close()
}

func (m *terminal) seen() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

func (m *terminal) waitFor(t *testing.T, text string) {
	t.Helper()
	for late := time.After(tool.Patience(time.Minute)); !strings.Contains(m.seen(), text); {
		select {
		case <-m.more:
		case <-late:
			t.Fatalf("the terminal never has %q, but\n%q", text, m.seen())
		}
	}
}

func (m *terminal) write(t *testing.T, keys string) {
	t.Helper()
	if _, err := m.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// hostile are names that the kernel accepts. Unquoted, many would create a file x.
var hostile = []string{
	"a$(>x)", "a`>x`", "a;>x;", "a&>x", "a|>x", "a>x", "a<x", "(>x)",
	"a'>x'", `a">x"`, `a\>x`, "'", `"$(>x)"`, `'$(>x)'`,
	"a*", "?", "[a]", "{a,b}", "~root", "#a", "!!", "^a^b", "=ls", "$HOME", "$'a'", "@a", "a=b", ",",
	"\x1b[31m", "\x1b$(>x)", "\x01", "\x7f", "ü", "\xff\xfe", `\`, `\\`, "a\\",
}

func TestAHostileNameIsCompletedAndNothingIsRun(t *testing.T) {
	inEachShell(t, func(t *testing.T, s shell) {
		for _, name := range hostile {
			ip(t, "link", "add", "name", name, "type", "bridge")
			want := []string{"linkaudit", "check", name}
			if s.name == "fish" && name[0] == '~' {
				want = want[:2] // it could not be quoted
			}
			s.expect(t, "linkaudit check "+tab, want)
			ip(t, "link", "del", "dev", name)
		}
	})
}

// expect fails unless the line has these words after keys are typed, and no file was
// created.
func (s shell) expect(t *testing.T, keys string, want []string, files ...string) {
	t.Helper()
	args, created := s.typed(t, keys, files...)
	if !slices.Equal(args, want) {
		t.Errorf("%q: the line has the words %q, not %q", keys, args, want)
	}
	if created != nil {
		t.Errorf("%q: it made %q", keys, created)
	}
}

// The typed part may be quoted, completely or not yet.
func TestAWordThatWasBegunInQuotesIsCompleted(t *testing.T) {
	inEachShell(t, func(t *testing.T, s shell) {
		for _, name := range []string{"a$(>x)1", "b$(>y)'1", "c\x1b$(>z)", "plain0"} {
			ip(t, "link", "add", "name", name, "type", "bridge")
		}
		check := func(word string) []string { return []string{"linkaudit", "check", word} }
		s.expect(t, `linkaudit check a\$`+tab, check("a$(>x)1"))
		s.expect(t, `linkaudit check 'a$('\>`+tab, check("a$(>x)1"))
		s.expect(t, `linkaudit check b\$\(`+tab, check("b$(>y)'1"))
		s.expect(t, `linkaudit check "pl`+tab, check("plain0"))
		s.expect(t, `linkaudit check 'pl`+tab, check("plain0"))
		for _, quote := range []string{`"`, `'`} {
			for _, name := range []string{"a$(>x)1", "b$(>y)'1", "c\x1b$(>z)"} {
				keys := "linkaudit check " + quote + name[:1] + tab
				if s.name == "bash" {
					// No completion is offered, and the quote is still open.
					s.expect(t, keys+"\x05"+quote, check(name[:1]))
					continue
				}
				s.expect(t, keys, check(name))
			}
		}
	})
}

func TestWhatIsOffered(t *testing.T) {
	inEachShell(t, func(t *testing.T, s shell) {
		ip(t, "link", "add", "name", "br-lan", "type", "bridge")
		ip(t, "link", "add", "name", "up0", "type", "veth", "peer", "name", "down0")
		ip(t, "link", "add", "name", "at@1", "type", "ifb")
		ip(t, "link", "add", "name", "eq=1", "type", "ifb")
		ip(t, "link", "property", "add", "dev", "br-lan", "altname", "office$(>x)")
		for _, c := range []struct{ keys, want string }{
			{"ch", "check"},
			{"check ", "check br-lan"},         // what is audited anyway
			{"check u", "check up0"},           // and others if that does not apply
			{"check off", "check office$(>x)"}, // alternative names
			{"check --kind veth d", "check --kind veth down0"},
			{"check br-lan do", "check br-lan down0"},
			{"explain ", "explain br-lan"},
			{"mac up", "mac up0"},
			{"fix --bridge ", "fix --bridge br-lan"},
			{"fix --bond ", "fix --bond"}, // there is none
			{"fix --device do", "fix --device down0"},
			{"check --kind ve", "check --kind veth"},
			{"check --kind t", "check --kind team"},
			{"explain --format me", "explain --format mermaid"},
			{"check --format js", "check --format json"},
			{"check --severity=e", "check --severity=error"},
			{"check --severity=", "check --severity="}, // which of three?
			{"check --kind=ve", "check --kind=veth"},
			{"check --root=im", "check --root=image's/"},
			{"check --from=a", "check --from=a;>x;.link"},
			{"check --kind=veth do", "check --kind=veth down0"},
			{"check at@", "check at@1"},
			{"check at", "check at@1"},
			{"check eq=", "check eq=1"},
			{"  check   --severity   e", "check --severity error"},
			{"check --no", "check --no-config"},
			{"lint ", "lint a;>x;.link"},
			{"check --root ", "check --root image's/"},
			{"check --from a", "check --from a;>x;.link"},
			{"undo --root image\\'s --bond ", "undo --root image's --bond"},
		} {
			files := []string{"a;>x;.link"}
			if strings.Contains(c.keys, "--root") {
				files = append(files, "image's/")
			}
			if s.name == "zsh" {
				c.want = strings.TrimSuffix(c.want, "/") // zsh removes it again
			}
			want := append([]string{"linkaudit"}, strings.Fields(c.want)...)
			s.expect(t, "linkaudit "+c.keys+tab, want, files...)
		}
	})
}

// undo offers what was fixed, also with --root.
func TestUndoIsOfferedWhatWasFixed(t *testing.T) {
	inEachShell(t, func(t *testing.T, s shell) {
		image := t.TempDir()
		network := image + "/usr/lib/systemd/network"
		if err := os.MkdirAll(network, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(network+"/99-default.link", []byte("[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, target := range []string{"--bond=b$(>x)", "--bridge=lan", "--kind=team"} {
			fix := exec.Command(bin+"/linkaudit", "fix", target, "--root", image, "--systemd-release", "252")
			if out, err := fix.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		for flag, want := range map[string]string{"bond": "b$(>x)", "bridge": "lan", "kind": "team", "device l": "lan"} {
			name, _, _ := strings.Cut(flag, " ")
			if name == flag {
				flag += " "
			}
			s.expect(t, "linkaudit undo --root "+image+" --"+flag+tab, []string{"linkaudit", "undo", "--root", image, "--" + name, want})
		}
	})
}
