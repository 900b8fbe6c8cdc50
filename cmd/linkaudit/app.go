package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// newApp builds the command line. args are the program's own arguments, which
// completion needs to know.
func newApp(args []string, stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:      "linkaudit",
		HelpName:  "linkaudit",
		Usage:     "which .link file does udev apply, and whose MAC address follows",
		UsageText: "linkaudit COMMAND [options] [arguments]",
		Description: "Audits the bonds, bridges and teams of a host: the systemd .link file that\n" +
			"applies to each, the MACAddressPolicy that follows, and whose address the\n" +
			"device carries now. Only fix and undo change anything.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true},
		},
		Commands: []*cli.Command{
			checkCommand(),
			explainCommand(),
			lintCommand(),
			fixCommand(),
			undoCommand(),
			snapshotCommand(),
			macCommand(),
			exampleCommand(),
			versionCommand(),
		},
		HideHelpCommand:      true, // permute makes --help of it
		HideVersion:          true, // --version above says more
		EnableBashCompletion: true,
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
				return usage(c, "there is no command %q, only %s", c.Args().First(), strings.Join(commandNames(c.App), ", "))
			}
			cli.HelpPrinter(c.App.ErrWriter, cli.AppHelpTemplate, c.App)
			return usage(c, "name a command, such as check")
		},
	}
	app.BashComplete = completer(args, app.Flags, func(*cli.Context) []string { return commandNames(app) })
	for _, c := range app.Commands {
		c.OnUsageError = onUsageError
		// Without this a device named "help" or "h" could not be audited.
		c.HideHelpCommand = true
		arguments := noArguments
		if c.Name == "check" || c.Name == "explain" || c.Name == "mac" {
			arguments = deviceNames
		}
		c.BashComplete = completer(args, c.Flags, arguments)
	}
	return app
}

// repeated is how urfave/cli shows that a flag may be repeated; it makes the
// column of flags too wide for 80 columns, and the usage says so in words.
var repeated = regexp.MustCompile(` \[ --[^]]* \]`)

func init() {
	stringer := cli.FlagStringer
	cli.FlagStringer = func(f cli.Flag) string { return repeated.ReplaceAllString(stringer(f), "") }
}

// oneDash is how the flag package writes a flag.
var oneDash = regexp.MustCompile(`(: |for flag )-([a-z])`)

func onUsageError(c *cli.Context, err error, _ bool) error {
	return usage(c, "%s", oneDash.ReplaceAllString(err.Error(), "${1}--${2}"))
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

func commandNames(app *cli.App) []string {
	var names []string
	for _, c := range app.VisibleCommands() {
		names = append(names, c.Name)
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
