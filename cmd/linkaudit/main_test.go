package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"linkaudit/test/guard"
	"linkaudit/test/remedies"
)

func TestMain(m *testing.M) {
	// Scripts check the modes of files, and the programs of a script inherit this umask.
	syscall.Umask(0o022)
	isRoot = func() bool { return false } // commands are printed alike for all testers
	testscript.Main(m, map[string]func(){"linkaudit": mainTried, "linkaudit-allocations": mainAllocations})
}

// mainAllocations is main, but prints as JSON how often and how many bytes it allocated. It
// is this test's program under the name linkaudit-allocations, which test/guard starts too.
// Garbage is not collected meanwhile, because sync.Pool would lose objects at random.
func mainAllocations() {
	debug.SetGCPercent(-1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	status := run(os.Args, os.Stdin, io.Discard, os.Stderr)
	runtime.ReadMemStats(&after)
	if status <= exitFindings {
		json.NewEncoder(os.Stdout).Encode(guard.Figures{
			guard.Allocations:    int64(after.Mallocs - before.Mallocs),
			guard.AllocatedBytes: int64(after.TotalAlloc - before.TotalAlloc),
		})
	}
	os.Exit(status)
}

func TestScripts(t *testing.T) {
	schemas, err := filepath.Abs("../../docs/schema")
	if err != nil {
		t.Fatal(err)
	}
	completions, err := filepath.Abs("../../contrib/completions")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("COMPLETIONS", completions)
			return os.WriteFile(filepath.Join(env.WorkDir, "debian11.json"), exampleHost, 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// schema NAME FILE: FILE is a JSON document of that schema.
			"schema": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 2 {
					ts.Fatalf("usage: schema NAME FILE")
				}
				s, err := jsonschema.NewCompiler().Compile(filepath.Join(schemas, args[0]+".schema.json"))
				ts.Check(err)
				doc, err := jsonschema.UnmarshalJSON(strings.NewReader(ts.ReadFile(args[1])))
				ts.Check(err)
				ts.Check(s.Validate(doc))
			},
			"status":   status,
			"remedied": remedied,
			// fits FILE: no line of FILE is longer than 80 characters.
			"fits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: fits FILE")
				}
				for line := range strings.SplitSeq(ts.ReadFile(args[0]), "\n") {
					if len([]rune(line)) > 80 {
						ts.Fatalf("wider than 80 columns: %s", line)
					}
				}
			},
		},
	})
}

// remedied N CHECK...: N commands are printed with the findings of CHECK. Each succeeds as
// printed, and then none of those findings is left.
func remedied(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: remedied N COMMAND [ARG...]")
	}
	ran, err := remedies.Try(func() ([]byte, error) {
		_ = ts.Exec(args[1], slices.Insert(slices.Clone(args[2:]), 1, "--format", "json")...) // findings are not success
		return []byte(ts.ReadFile("stdout")), nil
	}, 100, func(command string) (string, error) {
		err := ts.Exec("sh", "-c", command)
		return ts.ReadFile("stdout"), err
	})
	ts.Check(err)
	if strconv.Itoa(ran) != args[0] {
		ts.Fatalf("%d commands are printed, not %s", ran, args[0])
	}
}

// mainTried is main, and then tries the commands that check prints for an image, in a copy
// of the script's directory.
func mainTried() {
	const nested = "LINKAUDIT_REMEDY"
	status := run(os.Args, os.Stdin, os.Stdout, os.Stderr)
	image := slices.ContainsFunc(os.Args, func(arg string) bool { return arg == "--root" || strings.HasPrefix(arg, "--root=") })
	if os.Getenv(nested) == "" && status <= exitFindings && image && len(os.Args) > 1 && os.Args[1] == "check" &&
		!slices.Contains(os.Args, "--from") && !slices.Contains(os.Args, "--help") && !slices.Contains(os.Args, "--generate-bash-completion") {
		os.Setenv(nested, "1")
		if err := tryInACopy(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "remedies:", err)
			status = 99
		}
	}
	os.Exit(status)
}

func tryInACopy(args []string) error {
	dir, err := os.MkdirTemp("", "remedies")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	entries, err := os.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == ".tmp" {
			continue // where the copy is
		}
		if out, err := exec.Command("cp", "-a", "--", e.Name(), dir).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	var formatless []string // without the arguments for a file or another report
	for i := 0; i < len(args); i++ {
		switch name, _, joined := strings.Cut(args[i], "="); {
		case name == "--quiet":
		case name != "--format" && name != "--output" && name != "--severity":
			formatless = append(formatless, args[i])
		case !joined:
			i++
		}
	}
	here := func(name string, args ...string) ([]byte, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Stderr = dir, os.Stderr
		out, err := cmd.Output()
		if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == exitFindings {
			err = nil
		}
		return out, err
	}
	_, err = remedies.Try(func() ([]byte, error) {
		return here("linkaudit", append([]string{"check", "--format", "json", "--severity", "info"}, formatless...)...)
	}, 100, func(command string) (string, error) {
		out, err := here("sh", "-c", command+" || exit 2")
		return string(out), err
	})
	return err
}

// status N COMMAND...: the exit status is N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		got = strconv.Itoa(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

func TestFlagsMayStandAfterArguments(t *testing.T) {
	app := newApp(nil, nil, nil)
	for name, c := range map[string]struct{ in, want string }{
		"a flag with a value":             {"l check bond0 --format json", "l check --format json -- bond0"},
		"a flag with = keeps it":          {"l check bond0 --format=json br0", "l check --format=json -- bond0 br0"},
		"a switch takes no argument":      {"l check --quiet bond0", "l check --quiet -- bond0"},
		"standard input is a value":       {"l check bond0 --from -", "l check --from - -- bond0"},
		"-- ends the flags":               {"l check bond0 -- --all", "l check -- bond0 --all"},
		"one dash will do":                {"l lint x.link -root d", "l lint -root d -- x.link"},
		"help after the arguments":        {"l check bond0 --help", "l check --help"},
		"a flag that lacks its value":     {"l check bond0 --root", "l check --root -- bond0"},
		"flags without arguments stay":    {"l check --all", "l check --all"},
		"what is no command is left":      {"l nope x --all", "l nope x --all"},
		"help as a command":               {"l help", "l --help"},
		"help of a command":               {"l help check", "l check --help"},
		"help of help":                    {"l help --help", "l --help"},
		"a flag before the command stays": {"l --version check", "l --version check"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(readCommandLine(app, strings.Fields(c.in)).args, " ")
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.in, got, c.want)
			}
		})
	}
}

func TestColourFollowsTheFlagThenNO_COLORThenTheTerminal(t *testing.T) {
	env := func(vars map[string]string) func(string) (string, bool) {
		return func(k string) (string, bool) { v, ok := vars[k]; return v, ok }
	}
	for name, c := range map[string]struct {
		when string
		vars map[string]string
		want bool
	}{
		"not a terminal":          {"auto", nil, false},
		"asked for":               {"always", nil, true},
		"asked for with NO_COLOR": {"always", map[string]string{"NO_COLOR": "1"}, true},
		"refused":                 {"never", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := terminal(&bytes.Buffer{}, c.when, env(c.vars)); got != c.want {
				t.Errorf("colour is %v", got)
			}
		})
	}
}

// A panic must not look like an audit: for a monitoring system, exit status 1 is findings.
func TestAPanicIsOneLineAndExitStatus2(t *testing.T) {
	var stderr bytes.Buffer
	t.Setenv(traceVariable, "")
	status := run([]string{"linkaudit", "version"}, nil, panicky{}, &stderr)
	if status != 2 {
		t.Errorf("exit status %d", status)
	}
	want := "linkaudit: internal error: \\x1b boom (set LINKAUDIT_TRACE=1 to see where)\n"
	if diff := cmp.Diff(want, stderr.String()); diff != "" {
		t.Error(diff)
	}
	t.Setenv(traceVariable, "1")
	stderr.Reset()
	run([]string{"linkaudit", "version"}, nil, panicky{}, &stderr)
	if !strings.Contains(stderr.String(), "main_test.go") {
		t.Errorf("no trace in %q", stderr.String())
	}
}

type panicky struct{}

func (panicky) Write([]byte) (int, error) { panic("\x1b boom") }
