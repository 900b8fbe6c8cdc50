package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
)

// command is what a command does.
type command struct {
	action cli.ActionFunc
	// finishes says that it has something to bring to an end after a signal: files that
	// were changed, and what happened before it. The others only look at things, and are
	// ended if they take long.
	finishes bool
}

// commands are all of them; the manual has their flags and texts.
var commands = map[string]command{
	"check":    {action: check},
	"explain":  {action: explain},
	"lint":     {action: lint},
	"fix":      {action: fix, finishes: true},
	"undo":     {action: undo, finishes: true},
	"snapshot": {action: snapshot},
	"watch":    {action: watchDevices, finishes: true},
	"replay":   {action: replay},
	"mac":      {action: mac},
	"example":  {action: example},
	"version":  {action: showVersion},
}

// newApp builds the command line.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:            "linkaudit",
		HelpName:        "linkaudit",
		Usage:           programText.summary,
		UsageText:       "linkaudit " + programText.arguments,
		Description:     programText.description,
		Flags:           []cli.Flag{programText.flagNamed("version").cliFlag()},
		HideHelpCommand: true, // readCommandLine makes --help of it
		HideVersion:     true, // --version above says more
		// A comma may be part of a file name; lists are split where they
		// are lists.
		DisableSliceFlagSeparator: true,
		Reader:                    stdin,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		// run() alone ends the program.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return printVersion(c.App.Writer)
			}
			if c.Args().Present() {
				return usage(c, "there is no command %q, only %s", c.Args().First(), strings.Join(commandNames(), ", "))
			}
			cli.HelpPrinter(c.App.ErrWriter, cli.AppHelpTemplate, c.App)
			return usage(c, "name a command, such as check")
		},
	}
	for _, t := range commandTexts {
		c := t.cliCommand(commands[t.name].action)
		c.OnUsageError = onUsageError
		app.Commands = append(app.Commands, c)
	}
	return app
}

// repeated is how urfave/cli shows that a flag may be repeated; it makes the
// column of flags too wide for 80 columns, and the usage says so in words.
var repeated = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(` \[ --[^]]* \]`) })

func init() {
	cli.HelpFlag = programText.flagNamed("help").cliFlag()
	stringer := cli.FlagStringer
	cli.FlagStringer = func(f cli.Flag) string { return repeated().ReplaceAllString(stringer(f), "") }
}

// oneDash is how the flag package writes a flag.
var oneDash = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(: |for flag )-([a-z])`) })

func onUsageError(c *cli.Context, err error, _ bool) error {
	return usage(c, "%s", oneDash().ReplaceAllString(err.Error(), "${1}--${2}"))
}

// usage returns a usageError of the running command.
func usage(c *cli.Context, format string, a ...any) error {
	return &usageError{command: commandName(c), err: fmt.Errorf(format, a...)}
}

func commandName(c *cli.Context) string {
	if c.Command == nil || c.Command.HelpName == "" {
		return "linkaudit"
	}
	return c.Command.HelpName
}

func commandNames() []string {
	names := make([]string, 0, len(commandTexts))
	for _, t := range commandTexts {
		names = append(names, t.name)
	}
	return names
}

// noArgs refuses arguments for a command that has none.
func noArgs(c *cli.Context) error {
	if c.Args().Present() {
		return usage(c, "%s takes no arguments, but got %q", c.Command.Name, c.Args().First())
	}
	return nil
}
