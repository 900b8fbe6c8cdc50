package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/report"
	"linkaudit/siteconf"
)

// Flags that more than one command has.

func rootFlag() cli.Flag {
	return &cli.StringFlag{Name: "root", Usage: "read the files below `DIR`, such as an image", TakesFile: true}
}

func releaseFlag() cli.Flag {
	return &cli.IntFlag{Name: "systemd-release", Usage: "read files as systemd `N` does", DefaultText: "this machine's"}
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Value: "text", Usage: "print `FORMAT`: text or json"},
		&cli.StringFlag{Name: "severity", Value: "warning", Usage: "`LEVEL` and up: info, warning, error"},
		&cli.BoolFlag{Name: "quiet", Usage: "print findings only, one a line", DisableDefaultText: true},
		&cli.StringFlag{Name: "color", Value: "auto", Usage: "colour `WHEN`: auto, always or never"},
	}
}

func configFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "config", Usage: "read the site's rules from `FILE` too (repeatable)", TakesFile: true},
		&cli.BoolFlag{Name: "no-config", Usage: "do without the site's configuration", DisableDefaultText: true},
	}
}

// choices are the values of the flags that take one of a few words.
var choices = map[string][]string{
	"format":         {"text", "json"},
	"explain format": {"text", "json", "dot", "mermaid"},
	"severity":       {"info", "warning", "error"},
	"color":          {"auto", "always", "never"},
}

// choicesOf are those of a flag of the running command.
func choicesOf(c *cli.Context, flag string) []string {
	if c.Command != nil {
		if own, ok := choices[c.Command.Name+" "+flag]; ok {
			return own
		}
	}
	return choices[flag]
}

// output is how a result is to be shown.
type output struct {
	json bool
	report.Options
}

func newOutput(c *cli.Context) (output, error) {
	o, err := newFormat(c)
	if err != nil {
		return o, err
	}
	if err := oneOf(c, "severity"); err != nil {
		return o, err
	}
	o.Threshold, o.Quiet = policy.Severity(c.String("severity")), c.Bool("quiet")
	if o.json && o.Quiet {
		return o, usage(c, "--quiet is for text; --format json always holds everything")
	}
	return o, nil
}

// newFormat is for commands that show no findings.
func newFormat(c *cli.Context) (output, error) {
	for _, name := range []string{"format", "color"} {
		if err := oneOf(c, name); err != nil {
			return output{}, err
		}
	}
	o := output{json: c.String("format") == "json"}
	o.Color, o.Width = terminal(c.App.Writer, c.String("color"), os.LookupEnv)
	return o, nil
}

// oneOf makes sure that a flag has one of its choices.
func oneOf(c *cli.Context, flag string) error {
	if v, all := c.String(flag), choicesOf(c, flag); !slices.Contains(all, v) {
		return usage(c, "--%s %q is none of %s", flag, v, strings.Join(all, ", "))
	}
	return nil
}

// terminal says whether to use colour on w and how many columns there are (0
// where w is no terminal). An explicit --color wins over NO_COLOR
// (https://no-color.org), which wins over the terminal.
func terminal(w io.Writer, when string, env func(string) (string, bool)) (color bool, width int) {
	if out, ok := w.(*watched); ok {
		w = out.Writer
	}
	f, ok := w.(*os.File)
	isTerminal := ok && term.IsTerminal(int(f.Fd()))
	if isTerminal {
		width, _, _ = term.GetSize(int(f.Fd()))
	}
	switch when {
	case "always":
		return true, width
	case "never":
		return false, width
	}
	noColor, _ := env("NO_COLOR")
	name, _ := env("TERM")
	return isTerminal && noColor == "" && name != "dumb", width
}

// release returns --systemd-release, 0 where it was not given.
func release(c *cli.Context) (linkfiles.Release, error) {
	if !c.IsSet("systemd-release") {
		return 0, nil
	}
	r := linkfiles.Release(c.Int("systemd-release"))
	if r < linkfiles.OldestRelease || r > linkfiles.NewestRelease {
		return 0, usage(c, "--systemd-release %d: linkaudit knows %d to %d", r, linkfiles.OldestRelease, linkfiles.NewestRelease)
	}
	return r, nil
}

// root returns --root, "/" where it was not given, after a look that it is a
// directory: a mistyped one must not pass for an empty image.
func root(c *cli.Context) (string, error) {
	if !c.IsSet("root") {
		return "/", nil
	}
	dir := c.String("root")
	if dir == "" {
		return "", usage(c, "--root needs a directory")
	}
	st, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("--root: %w", err)
	}
	if !st.IsDir() {
		return "", fmt.Errorf("--root: %s is not a directory", dir)
	}
	return dir, nil
}

// site reads the site's configuration below root, or from --config alone where
// root is "".
func site(c *cli.Context, root string) (policy.Site, error) {
	extra := c.StringSlice("config")
	if c.Bool("no-config") {
		if len(extra) > 0 {
			return nil, usage(c, "--config and --no-config exclude each other")
		}
		return nil, nil
	}
	switch {
	case root != "":
		return siteconf.Load(root, extra...)
	case len(extra) > 0:
		return siteconf.LoadFiles(extra...)
	}
	return nil, nil
}

// list splits the values of a repeatable flag at commas.
func list(values []string) []string {
	var out []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}
