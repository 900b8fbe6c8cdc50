package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"linkaudit/internal/audit"
	"linkaudit/internal/report"
	"linkaudit/internal/siteconf"
	"linkaudit/linkfiles"
)

// imagesAsked says when the command reads the initramfs images of a machine: left
// to itself explain always does, the others where they matter.
func imagesAsked(c *cli.Context) (images, error) {
	if err := oneOf(c, "initramfs"); err != nil {
		return noImages, err
	}
	switch when := c.String("initramfs"); {
	case when == "never":
		return noImages, nil
	case when == "always", c.Command.Name == "explain":
		return allImages, nil
	}
	return imagesThatMatter, nil
}

// output is how a result is to be shown, and where.
type output struct {
	format *report.Format
	file   string // "" for standard output
	report.Options
}

// newFindingsOutput is for commands that show findings.
func newFindingsOutput(c *cli.Context) (output, error) {
	o, err := newOutput(c)
	if err != nil {
		return o, err
	}
	if err := oneOf(c, "severity"); err != nil {
		return o, err
	}
	o.Threshold, o.Quiet = audit.Severity(c.String("severity")), c.Bool("quiet")
	if o.Quiet && !o.format.Quiet {
		return o, usage(c, "--quiet is for text, not for --format %s", o.format.Name)
	}
	o.Build = build()
	o.Root, o.SourceRoot = whereFilesAre(c)
	return o, nil
}

// whereFilesAre returns the directory below which the files of the audit lie, and the
// working directory where that may have them: with --root, or where they are named, most
// likely in a working copy.
func whereFilesAre(c *cli.Context) (root, source string) {
	named := c.Command.Name == "lint" && c.Args().Present()
	if !named && !c.IsSet("root") {
		return "/", ""
	}
	// Where there is no working directory, URIs stay as they were given.
	source, _ = os.Getwd()
	if !named {
		root, _ = filepath.Abs(c.String("root"))
	}
	return root, source
}

// newOutput is for commands that show no findings.
func newOutput(c *cli.Context) (output, error) {
	format, err := formatOf(c)
	if err != nil {
		return output{}, err
	}
	if err := oneOf(c, "color"); err != nil {
		return output{}, err
	}
	o := output{format: format, file: c.String("output")}
	to := c.App.Writer
	if c.IsSet("output") {
		if o.file == "" {
			return o, usage(c, "--output needs a file name")
		}
		to = io.Discard
	}
	o.Color, o.Width = terminal(to, c.String("color"), os.LookupEnv)
	return o, nil
}

// formatOf returns what --format names.
func formatOf(c *cli.Context) (*report.Format, error) {
	if err := oneOf(c, "format"); err != nil {
		return nil, err
	}
	return report.FormatNamed(c.String("format")), nil
}

// oneOf makes sure that a flag has one of its choices.
func oneOf(c *cli.Context, flag string) error {
	if v, all := c.String(flag), textOf(c.Command.Name).flagNamed(flag).choices; !slices.Contains(all, v) {
		return usage(c, "--%s %q is none of %s", flag, v, strings.Join(all, ", "))
	}
	return nil
}

// terminal says whether to use colour on w and how many columns there are (0
// where w is no terminal). An explicit --color wins over NO_COLOR
// (https://no-color.org), which wins over the terminal.
func terminal(w io.Writer, when string, env func(string) (string, bool)) (color bool, width int) {
	f := outputFile(w)
	isTerminal := f != nil && term.IsTerminal(int(f.Fd()))
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

// outputFile is the file that w writes to, nil where it is another writer.
func outputFile(w io.Writer) *os.File {
	if out, ok := w.(*checkedWriter); ok {
		w = out.Writer
	}
	f, _ := w.(*os.File)
	return f
}

// systemAsked is which system a command is to look at: --root and --systemd-release.
func systemAsked(c *cli.Context) (dir string, rel linkfiles.Release, err error) {
	if dir, err = root(c); err != nil {
		return "", 0, err
	}
	rel, err = release(c)
	return dir, rel, err
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
	if !filepath.IsLocal(dir) {
		// filepath-securejoin takes no root with "..".
		if dir, err = filepath.Abs(dir); err != nil {
			return "", fmt.Errorf("--root: %w", err)
		}
	}
	return dir, nil
}

// site reads the site's configuration below root, or from --config alone where
// root is "".
func site(c *cli.Context, root string) (audit.Site, error) {
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

// names is list for the names of devices, where a comma that is part of one has a
// backslash before it.
func names(values []string) []string {
	const comma = "\x00" // stands for it: no name has a NUL
	var out []string
	for _, v := range values {
		for _, name := range list([]string{strings.ReplaceAll(v, `\,`, comma)}) {
			out = append(out, strings.ReplaceAll(name, comma, ","))
		}
	}
	return out
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
