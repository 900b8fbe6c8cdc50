package main

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// commandText is what the manual says about a command, and flagText about one of its
// flags. Package manual generates all of them into help_generated.go: a flag that is not
// there does not exist.
type (
	commandText struct {
		name        string
		arguments   string // "[DEVICE...]"
		completes   string // what the arguments are, for completer
		summary     string
		description string
		example     string
		flags       []flagText
	}
	flagText struct {
		name, alias, usage string
		value              bool // not a switch
		number             bool // the value is a number
		repeatable         bool
		standard           string   // the default; for a number, words
		choices            []string // the only values there are, nil for any
		completes          string   // what the value is, for completer
	}
)

// The layouts of --help. That of the program fits a terminal of 24 lines.
const (
	programHelp = `{{.Name}} - {{.Usage}}

Usage: {{.UsageText}}

Commands:{{range .VisibleCommands}}
   {{.Name}}{{"\t"}}{{.Usage}}{{end}}

Examples:
{{.Description}}

linkaudit COMMAND --help shows a command's options; man linkaudit has the rest.
`
	commandHelp = `{{.HelpName}} - {{.Usage}}

Usage: {{.HelpName}} [options]{{with .ArgsUsage}} {{.}}{{end}}
{{with .Description}}
{{.}}
{{end}}
Options:{{range .VisibleFlags}}
   {{.}}{{end}}
`
)

// cliCommand makes the command that t describes.
func (t *commandText) cliCommand(action cli.ActionFunc) *cli.Command {
	c := &cli.Command{
		Name: t.name, Usage: t.summary, ArgsUsage: t.arguments, Description: t.description, Action: action,
		CustomHelpTemplate: commandHelp,
		// Otherwise a device named "help" or "h" could not be audited.
		HideHelpCommand: true,
	}
	for _, f := range t.flags {
		c.Flags = append(c.Flags, f.cliFlag())
	}
	return c
}

func (f *flagText) cliFlag() cli.Flag {
	var aliases []string
	if f.alias != "" {
		aliases = []string{f.alias}
	}
	switch {
	case !f.value:
		return &cli.BoolFlag{Name: f.name, Aliases: aliases, Usage: f.usage, DisableDefaultText: true}
	case f.number:
		return &cli.IntFlag{Name: f.name, Aliases: aliases, Usage: f.usage, DefaultText: f.standard}
	case f.repeatable:
		return &cli.StringSliceFlag{Name: f.name, Aliases: aliases, Usage: f.usage}
	}
	return &cli.StringFlag{Name: f.name, Aliases: aliases, Usage: f.usage, Value: f.standard, DefaultText: f.standard}
}

// textOf returns what the manual says about a command, "" for the program itself. It is nil
// if there is no such command.
func textOf(command string) *commandText {
	if command == "" {
		return &programText
	}
	if i := slices.IndexFunc(commandTexts, func(t commandText) bool { return t.name == command }); i >= 0 {
		return &commandTexts[i]
	}
	return nil
}

// flagNamed returns a flag of the command, nil if it has none of that name.
func (t *commandText) flagNamed(name string) *flagText {
	if i := slices.IndexFunc(t.flags, func(f flagText) bool { return f.name == name }); i >= 0 {
		return &t.flags[i]
	}
	return nil
}
