package main

import (
	"flag"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// permute moves the flags of a command before its arguments, since urfave/cli
// v2, like the flag package below it, takes everything after the first
// argument for arguments: `check bond0 --format json` is to work as well as
// `check --format json bond0`. What follows "--" stays as it is. `help check`
// becomes `check --help`.
func permute(app *cli.App, args []string) []string {
	if len(args) > 1 && args[1] == "help" {
		topic := slices.DeleteFunc(slices.Clone(args[2:min(len(args), 3)]), func(a string) bool { return strings.HasPrefix(a, "-") })
		return append(append([]string{args[0]}, topic...), "--help")
	}
	if len(args) < 3 {
		return args
	}
	var command *cli.Command
	for _, c := range app.Commands {
		if c.HasName(args[1]) {
			command = c
		}
	}
	if command == nil {
		return args
	}
	takesValue := flagsWithValue(command.Flags)
	var flags, rest []string
	in := args[2:]
	for len(in) > 0 {
		a := in[0]
		in = in[1:]
		if a == "--" {
			rest = append(rest, in...)
			break
		}
		name := strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-")
		if name == a || name == "" {
			rest = append(rest, a)
			continue
		}
		if name == "help" || name == "h" {
			// With an argument urfave/cli takes it for a topic.
			return []string{args[0], args[1], "--help"}
		}
		flags = append(flags, a)
		if takesValue[name] && len(in) > 0 {
			flags = append(flags, in[0])
			in = in[1:]
		}
	}
	out := append([]string{args[0], args[1]}, flags...)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out
}

// flagsWithValue returns the names of the flags whose value is the next
// argument.
func flagsWithValue(flags []cli.Flag) map[string]bool {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	for _, f := range flags {
		if err := f.Apply(set); err != nil {
			continue // urfave/cli reports it when it parses
		}
	}
	names := map[string]bool{}
	set.VisitAll(func(f *flag.Flag) {
		b, ok := f.Value.(interface{ IsBoolFlag() bool })
		names[f.Name] = !ok || !b.IsBoolFlag()
	})
	return names
}
