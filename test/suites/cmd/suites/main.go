// Command suites runs the suites of the project: see package suites. "make full",
// "make affected" and .ci/run call it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"linkaudit/test/suites"
)

const usage = `usage: suites [flags] COMMAND [argument...]

  run [SUITE...]    run the suites of the tier, or those and what they need
  list              print the suites of the tier, a line each
  affected COMMIT   print the suites that depend on what has changed since the commit

`

func main() {
	var (
		tier     = flag.String("tier", string(suites.Full), "ci or full")
		fresh    = flag.Bool("fresh", false, "run: also what passed before and has not changed")
		deadline = flag.Duration("deadline", 0, "run: after so long, what still runs counts as hung; 0: never")
		at       = flag.Int("processors", 0, "run: how many suites of one processor run side by side; 0: the processors, at most 2")
		asJSON   = flag.Bool("json", false, "list: print an array of names, without what only prepares")
		run      = flag.Bool("run", false, "affected: run them")
	)
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	o := suites.Options{Tier: suites.Tier(*tier), Fresh: *fresh, Processors: *at, Out: os.Stdout}
	if *deadline > 0 {
		o.Deadline = time.Now().Add(*deadline)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := do(ctx, o, flag.Arg(0), flag.Args()[1:], *asJSON, *run)
	if errors.Is(err, suites.ErrFailed) {
		os.Exit(1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "suites:", err)
		os.Exit(2)
	}
}

func do(ctx context.Context, o suites.Options, command string, args []string, asJSON, run bool) error {
	if o.Tier != suites.CI && o.Tier != suites.Full {
		return fmt.Errorf("invalid -tier %q (use ci or full)", o.Tier)
	}
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("go env GOMOD: %w", err)
	}
	o.Top = filepath.Dir(strings.TrimSpace(string(mod)))
	switch command {
	case "run":
		chosen, err := suites.Of(suites.Table, o.Tier, args...)
		if err != nil {
			return err
		}
		return suites.Run(ctx, o, chosen)
	case "list":
		all, err := suites.Of(suites.Table, o.Tier)
		if err != nil {
			return err
		}
		if asJSON {
			names := []string{}
			for _, s := range all {
				if !s.Prepares {
					names = append(names, s.Name)
				}
			}
			return json.NewEncoder(os.Stdout).Encode(names)
		}
		for _, s := range all {
			fmt.Printf("%-14s %s\n", s.Name, s.Proves)
		}
		return nil
	case "affected":
		if len(args) != 1 {
			return errors.New("affected needs a commit")
		}
		return affected(ctx, o, args[0], run)
	}
	return fmt.Errorf("no command %q (use run, list or affected)", command)
}

// affected prints the suites that depend on the changes, with the first changed file,
// and runs them if requested: each at full length, if it has that.
func affected(ctx context.Context, o suites.Options, since string, run bool) error {
	tree, err := suites.ReadTree(o.Top)
	if err != nil {
		return err
	}
	files, err := tree.Changed(since)
	if err != nil {
		return err
	}
	chosen, why, err := tree.Affected(suites.Table, files)
	if err != nil {
		return err
	}
	names := map[suites.Tier][]string{}
	for i, s := range chosen {
		tier := suites.Full
		if len(s.In(tier)) == 0 {
			tier = suites.CI
			if s.Part {
				continue
			}
		}
		names[tier] = append(names[tier], s.Name)
		fmt.Printf("%-14s %-5s %s\n", s.Name, tier, why[i])
	}
	if len(names) == 0 {
		fmt.Println("nothing that has changed since", since, "belongs to a suite")
	}
	if !run {
		return nil
	}
	var failed error
	for _, tier := range []suites.Tier{suites.CI, suites.Full} {
		if len(names[tier]) == 0 {
			continue
		}
		all, err := suites.Of(suites.Table, tier, names[tier]...)
		if err != nil {
			return err
		}
		o.Tier = tier
		if err := suites.Run(ctx, o, all); errors.Is(err, suites.ErrFailed) {
			failed = err
		} else if err != nil {
			return err
		}
	}
	return failed
}
