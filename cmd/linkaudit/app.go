package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"linkaudit/linkfiles"
)

// command is what a command does.
type command struct {
	action cli.ActionFunc
	// finishes: it has work to finish after a signal, such as files that it has changed.
	// The others only read, and are ended if they take long.
	finishes bool
}

// commands are all commands; the manual has their flags and texts.
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
		Name:                  "linkaudit",
		HelpName:              "linkaudit",
		Usage:                 programText.summary,
		UsageText:             "linkaudit " + programText.arguments,
		Description:           programText.example,
		Flags:                 []cli.Flag{programText.flagNamed("version").cliFlag()},
		HideHelpCommand:       true, // readCommandLine turns it into --help
		HideVersion:           true, // --version above says more
		CustomAppHelpTemplate: programHelp,
		// A comma can be part of a file name; list splits what is a list.
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
				return usage(c, "unknown command %q (use %s)", c.Args().First(), either(commandNames()))
			}
			cli.HelpPrinter(c.App.ErrWriter, programHelp, c.App)
			return usage(c, "missing command (try linkaudit check)")
		},
	}
	for _, t := range commandTexts {
		c := t.cliCommand(commands[t.name].action)
		c.OnUsageError = onUsageError
		app.Commands = append(app.Commands, c)
	}
	return app
}

// repeated is how urfave/cli marks a repeatable flag. That is too wide for 80 columns, and
// the usage says it in words.
var repeated = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(` \[ --[^]]* \]`) })

func init() {
	cli.HelpFlag = programText.flagNamed("help").cliFlag()
	stringer := cli.FlagStringer
	cli.FlagStringer = func(f cli.Flag) string { return repeated().ReplaceAllString(stringer(f), "") }
}

// ofPackageFlag are the messages of package flag, and ours.
var ofPackageFlag = sync.OnceValue(func() []rewording {
	reword := func(pattern, to string) rewording { return rewording{regexp.MustCompile("(?s)^" + pattern + "$"), to} }
	return []rewording{
		reword(`flag provided but not defined: -(.*)`, "unknown option --$1"),
		reword(`flag needs an argument: -(.*)`, "--$1 needs a value"),
		reword(`invalid (?:boolean )?value (".*") for (?:flag )?-(systemd-release): .*`,
			fmt.Sprintf("invalid --$2 $1 (use %d to %d)", linkfiles.OldestRelease, linkfiles.NewestRelease)),
		reword(`invalid boolean value (".*") for (?:flag )?-([a-z-]*): .*`, "invalid --$2 $1 (it takes no value)"),
		reword(`bad flag syntax: (.*)`, "invalid option $1"),
	}
})

type rewording struct {
	message *regexp.Regexp
	to      string
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	message := err.Error()
	for _, r := range ofPackageFlag() {
		message = r.message.ReplaceAllString(message, r.to)
	}
	return usage(c, "%s", message)
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

// either lists words: "info, warning or error".
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// noArgs refuses arguments.
func noArgs(c *cli.Context) error {
	if c.Args().Present() {
		return usage(c, "unexpected argument %q (%s takes none)", c.Args().First(), c.Command.Name)
	}
	return nil
}
