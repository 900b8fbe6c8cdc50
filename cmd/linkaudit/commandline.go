package main

import (
	"flag"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/report"
)

// commandLine is what was typed.
type commandLine struct {
	// args are the words as urfave/cli wants them, the program's name first.
	args []string
	// command is the word that names the command, "" for none.
	command string
	// format is that of --format, nil if there is none or the command does not take it. A
	// wrong command line has one too, because the error is reported in it.
	format *report.Format
}

// readCommandLine moves the flags of a command before its arguments, because urfave/cli v2
// and package flag read everything after the first argument as arguments: `check bond0
// --format json` must work like `check --format json bond0`. What follows "--" stays.
// `help check` becomes `check --help`.
func readCommandLine(app *cli.App, args []string) commandLine {
	line := commandLine{args: args}
	if len(args) < 2 {
		return line
	}
	line.command = args[1]
	if line.command == "help" {
		topic := slices.DeleteFunc(slices.Clone(args[2:min(len(args), 3)]), func(a string) bool { return strings.HasPrefix(a, "-") })
		line.args = append(append([]string{args[0]}, topic...), "--help")
		return line
	}
	command := app.Command(line.command)
	if command == nil || len(args) < 3 {
		return line
	}
	w := sortWords(args[2:], flagsWithValue(command.Flags))
	if slices.Contains(formatNames(line.command), w.format) {
		line.format = report.FormatNamed(w.format)
	}
	line.args = append([]string{args[0], line.command}, w.flags...)
	switch {
	case w.help: // urfave/cli would take an argument as a help topic
		line.args = []string{args[0], line.command, "--help"}
	case len(w.arguments) > 0:
		line.args = append(append(line.args, "--"), w.arguments...)
	}
	return line
}

// sortedWords are the words after a command.
type sortedWords struct {
	flags, arguments []string
	help             bool
	format           string // the value of the last --format
}

func sortWords(words []string, takesValue map[string]bool) (w sortedWords) {
	for len(words) > 0 {
		word := words[0]
		if word == "--" {
			w.arguments = append(w.arguments, words[1:]...)
			return w
		}
		flag := strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-")
		if flag == word || flag == "" {
			w.arguments = append(w.arguments, word)
			words = words[1:]
			continue
		}
		words = words[w.takeFlag(flag, words, takesValue):]
	}
	return w
}

// takeFlag takes the flag (without its dashes) at the start of words and returns how many
// words it is: two if the next one is its value.
func (w *sortedWords) takeFlag(flag string, words []string, takesValue map[string]bool) (n int) {
	name, value, assigned := strings.Cut(flag, "=")
	if !assigned && (name == "help" || name == "h") {
		w.help = true
		return 1
	}
	n = 1
	if !assigned && takesValue[name] && len(words) > 1 {
		value, n = words[1], 2
	}
	w.flags = append(w.flags, words[:n]...)
	if name == "format" {
		w.format = value
	}
	return n
}

// formatNames are the values of --format that a command takes.
func formatNames(command string) []string {
	if f := textOf(command).flagNamed("format"); f != nil {
		return f.choices
	}
	return nil
}

// flagsWithValue are the flags that take the next argument as their value. It has all
// flags, with false for switches.
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
