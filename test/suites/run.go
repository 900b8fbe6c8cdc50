package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"linkaudit/test/tool"
)

// Options say how suites are run.
type Options struct {
	Top  string // of the tree
	Tier Tier
	// Fresh also runs what passed before and has not changed.
	Fresh bool
	// Deadline is when all that still runs counts as hung; the zero value is never.
	Deadline time.Time
	// Processors are those that suites share; 0: those of the machine, at most 2.
	Processors int
	Out        io.Writer
}

// A Result is the result of a suite.
type Result struct {
	Name     string
	Key      string // of what it proved: see Tree.key
	Commit   string
	Cases    int
	Seconds  int
	Failure  string // "": it passed
	Earlier  bool   `json:"-"` // it passed in a run before, and nothing that it depends on has changed
	skipped  bool   // it did not run, because what it needs failed
	failures string // lines of its log
}

// ErrFailed says that at least one suite did not pass.
var ErrFailed = errors.New("not all suites passed")

// Run runs suites, reports progress on o.Out, and ends with a table. The context ends
// it early: running suites are killed, and passed ones are kept.
func Run(ctx context.Context, o Options, suites []Suite) error {
	top, err := ReadTree(o.Top)
	if err != nil {
		return err
	}
	commit, err := git(o.Top, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	r := &runner{
		Options: o, tree: top, commit: strings.TrimSpace(commit), started: time.Now(), suites: suites,
		dir: filepath.Join(o.Top, "dist/suites", string(o.Tier)),
	}
	if r.Processors == 0 {
		r.Processors = min(2, runtime.NumCPU())
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	// Processes that a suite leaves behind become our children, so they can be found.
	adopting, stop := context.WithCancel(ctx)
	defer stop()
	if err := adopt(adopting); err != nil {
		return err
	}
	return r.run(ctx)
}

// A runner is one run.
type runner struct {
	Options
	tree    *Tree
	commit  string
	seed    string
	started time.Time
	dir     string

	suites  []Suite
	results []*Result // by suite; nil: not started yet
	earlier map[string]Result
	ended   chan end
	// running is how many suites run, and busy how many processors they use.
	running, busy int
}

// An end is the end of a suite, by its number.
type end struct {
	suite  int
	result *Result
}

// unfinished is the result of a running suite.
var unfinished = &Result{}

func (r *runner) say(format string, args ...any) {
	fmt.Fprintf(r.Out, format+"\n", args...)
}

func (r *runner) after() string {
	return fmt.Sprintf("after %d s", int(time.Since(r.started).Seconds()))
}

// needs is how many processors a suite needs.
func (r *runner) needs(s *Suite) int {
	if s.Both {
		return r.Processors
	}
	return 1
}

func (r *runner) run(ctx context.Context) error {
	if r.seed = os.Getenv("LINKAUDIT_SEED"); r.seed == "" {
		r.seed = fmt.Sprint(seed(r.commit))
	}
	r.say("suites: tier %s, commit %s, LINKAUDIT_SEED=%s; this machine takes %.1f times as long as a quiet one",
		r.Tier, r.commit, r.seed, tool.Slowness())
	r.results, r.earlier, r.ended = make([]*Result, len(r.suites)), r.load(), make(chan end)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	for {
		decided := false
		for i := range r.suites {
			if ctx.Err() == nil && r.results[i] == nil {
				if err := r.decide(ctx, i); err != nil {
					failed = err
					stop() // running suites end
				}
				decided = decided || r.results[i] != nil && r.results[i] != unfinished
			}
		}
		if decided {
			continue // others may have waited for that
		}
		if r.running == 0 {
			break
		}
		if err := r.take(<-r.ended); err != nil {
			failed = err
			stop()
		}
	}
	if failed != nil {
		return failed
	}
	return r.sum()
}

// decide starts a suite if it can, or sets its result if it need not or must not run.
func (r *runner) decide(ctx context.Context, i int) error {
	s := &r.suites[i]
	if r.busy+r.needs(s) > r.Processors {
		return nil
	}
	ready, broken := r.ready(s)
	if broken != "" {
		r.results[i] = &Result{Name: s.Name, Failure: broken + " did not pass", skipped: true}
		return nil
	}
	if !ready {
		return nil
	}
	key, err := r.tree.key(s, r.Tier)
	if err != nil {
		return err
	}
	if before, ok := r.earlier[s.Name]; ok && !r.Fresh && !s.Prepares && before.Failure == "" && before.Key == key {
		before.Earlier = true
		r.results[i] = &before
		r.say("passed %s before: %d cases, at %.12s; nothing that it depends on has changed", s.Name, before.Cases, before.Commit)
		return nil
	}
	r.results[i] = unfinished
	r.running, r.busy = r.running+1, r.busy+r.needs(s)
	r.say("start  %s (%s)", s.Name, r.after())
	go func() {
		res := &Result{Name: s.Name, Key: key, Commit: r.commit}
		r.runSuite(ctx, s, res)
		r.ended <- end{i, res}
	}()
	return nil
}

// take records the end of a suite, and keeps it for the next run.
func (r *runner) take(e end) error {
	r.running, r.busy = r.running-1, r.busy-r.needs(&r.suites[e.suite])
	res := e.result
	r.results[e.suite] = res
	if res.Failure == "" {
		r.say("passed %s: %d cases in %d s (%s)", res.Name, res.Cases, res.Seconds, r.after())
	} else {
		r.say("FAILED %s: %s in %d s (%s); %s has all of it:\n%s", res.Name, res.Failure, res.Seconds, r.after(), r.log(res.Name), res.failures)
	}
	r.earlier[res.Name] = *res
	return r.save(r.earlier)
}

// ready is whether all suites before it have passed; broken is one that has not.
func (r *runner) ready(s *Suite) (ready bool, broken string) {
	for i, before := range r.suites {
		if !slices.Contains(s.After, before.Name) {
			continue
		}
		switch res := r.results[i]; {
		case res == nil || res == unfinished:
			return false, ""
		case res.Failure != "":
			return false, res.Name
		}
	}
	return true, ""
}

func (r *runner) log(name string) string { return filepath.Join(r.dir, name+".log") }

// runSuite runs the commands of a suite, with its output in a file.
func (r *runner) runSuite(ctx context.Context, s *Suite, res *Result) {
	start := time.Now()
	res.Failure = r.attempt(ctx, s)
	text, err := os.ReadFile(r.log(s.Name))
	if err != nil {
		res.Failure = err.Error()
	}
	log := string(text)
	res.Cases = s.cases(log)
	if res.Failure == "" {
		if left := s.unexplained(log, r.Tier); len(left) > 0 {
			res.Failure = "tests were skipped: " + strings.Join(left, "; ")
		} else if res.Cases == 0 && !s.Prepares {
			res.Failure = "it looked at nothing"
		}
	}
	if res.Failure != "" {
		res.failures = told(log)
	}
	res.Seconds = int(time.Since(start).Seconds())
}

// attempt runs the commands and returns why they failed.
func (r *runner) attempt(ctx context.Context, s *Suite) string {
	log, err := os.Create(r.log(s.Name))
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	limit := tool.Patience(s.Limit)
	if left := time.Until(r.Deadline); !r.Deadline.IsZero() && left < limit {
		limit = max(left, 0)
	}
	cmd := exec.Command("bash", "-c", "set -euo pipefail\nset -x\n"+strings.Join(s.In(r.Tier), "\n"))
	cmd.Dir = r.Top
	mark := fmt.Sprintf("LINKAUDIT_SUITE=%s-%d", s.Name, os.Getpid())
	cmd.Env = append(os.Environ(), mark, "LINKAUDIT_TIER="+string(r.Tier), "LINKAUDIT_SEED="+r.seed, "SEED="+r.seed, "PS4=+ ",
		// Two suites run side by side.
		fmt.Sprintf("%s=%.1f", tool.SlownessVariable, max(2, tool.Slowness())))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := start(cmd); err != nil {
		return err.Error()
	}
	family := family{cmd.Process.Pid, mark}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	hung := time.NewTimer(limit)
	defer hung.Stop()
	select {
	case err = <-done:
		if left := family.kill(); left > 0 {
			fmt.Fprintf(log, "suites: %d processes of the suite were left, and are killed\n", left)
		}
		if err != nil {
			return err.Error()
		}
		return ""
	case <-hung.C:
		fmt.Fprintf(log, "\nsuites: %s hangs: it did not end within %v. Its processes:\n", s.Name, limit.Round(time.Second))
		family.dump(log)
		family.kill()
		<-done
		return fmt.Sprintf("it did not end within %v", limit.Round(time.Second))
	case <-ctx.Done():
		family.kill()
		<-done
		return "interrupted"
	}
}

// told are the lines of a log that show why a suite failed: those with errors, and the
// last ones.
func told(log string) string {
	const each, last = 80, 60
	lines := strings.Split(strings.TrimSuffix(log, "\n"), "\n")
	var out []string
	for i, line := range lines {
		if len(out) == each {
			out = append(out, "...")
			break
		}
		if failure.MatchString(line) && i < len(lines)-last {
			out = append(out, line)
		}
	}
	out = append(out, lines[max(0, len(lines)-last):]...)
	for i := range out {
		out[i] = "  | " + out[i]
	}
	return strings.Join(out, "\n")
}

func (r *runner) stateFile() string { return filepath.Join(r.dir, "state.json") }

// load returns the results of earlier runs, by the names of the suites. If the file
// cannot be read or understood, everything is run.
func (r *runner) load() map[string]Result {
	out := map[string]Result{}
	text, err := os.ReadFile(r.stateFile())
	if err != nil || json.Unmarshal(text, &out) != nil {
		return map[string]Result{}
	}
	return out
}

// save keeps the results for the next run.
func (r *runner) save(results map[string]Result) error {
	text, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.stateFile()+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(r.stateFile()+".new", r.stateFile())
}

// sum prints the table, and then the line that says how many passed.
func (r *runner) sum() error {
	width := len("suite")
	for _, s := range r.suites {
		width = max(width, len(s.Name))
	}
	r.say("\n%-*s  %8s  %8s  result", width, "suite", "cases", "seconds")
	passed, failed, notRun := 0, 0, 0
	for i, s := range r.suites {
		res := r.results[i]
		switch {
		case res == nil || res.skipped:
			notRun++
			why := "interrupted"
			if res != nil {
				why = res.Failure
			}
			r.say("%-*s  %8s  %8s  NOT RUN: %s", width, s.Name, "", "", why)
			continue
		case res.Failure != "":
			failed++
			r.say("%-*s  %8d  %8d  FAILED: %s", width, s.Name, res.Cases, res.Seconds, res.Failure)
			continue
		}
		passed++
		note := "passed"
		if res.Earlier {
			note = fmt.Sprintf("passed before, at %.12s", res.Commit)
		}
		r.say("%-*s  %8d  %8d  %s", width, s.Name, res.Cases, res.Seconds, note)
	}
	r.say("%s in %d s, of %s, LINKAUDIT_SEED=%s\n", r.Tier, int(time.Since(r.started).Seconds()), r.commit, r.seed)
	r.say("%d passed, %d failed, %d skipped", passed, failed, notRun)
	if failed+notRun > 0 {
		return ErrFailed
	}
	return nil
}
