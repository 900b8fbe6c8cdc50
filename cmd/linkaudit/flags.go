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

// imagesAsked says when the command reads initramfs images: by default explain always does,
// the others if they matter.
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

// output is how and where to show a result.
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
		return o, usage(c, "--quiet needs --format text (not %s)", o.format.Name)
	}
	o.Build = build()
	o.Root, o.SourceRoot = whereFilesAre(c)
	return o, nil
}

// whereFilesAre returns the root of the audited files, and the working directory if they
// may be below it: with --root, or if files are named, most likely in a working copy.
func whereFilesAre(c *cli.Context) (root, source string) {
	named := c.Command.Name == "lint" && c.Args().Present()
	if !named && !c.IsSet("root") {
		return "/", ""
	}
	// Without a working directory, URIs stay as given.
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

// oneOf refuses a value that is not among the choices of the flag.
func oneOf(c *cli.Context, flag string) error {
	if v, all := c.String(flag), textOf(c.Command.Name).flagNamed(flag).choices; !slices.Contains(all, v) {
		return usage(c, "invalid --%s %q (use %s)", flag, v, either(all))
	}
	return nil
}

// terminal says whether to use colour on w and how many columns it has, 0 if it is not a
// terminal. An explicit --color wins over NO_COLOR (https://no-color.org), which wins over
// the terminal.
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

// outputFile is the file that w writes to, nil for another writer.
func outputFile(w io.Writer) *os.File {
	if out, ok := w.(*checkedWriter); ok {
		w = out.Writer
	}
	f, _ := w.(*os.File)
	return f
}

// systemAsked is the system that a command reads: --root and --systemd-release.
func systemAsked(c *cli.Context) (dir string, rel linkfiles.Release, err error) {
	if dir, err = root(c); err != nil {
		return "", 0, err
	}
	rel, err = release(c)
	return dir, rel, err
}

// release returns --systemd-release, 0 if it is not set.
func release(c *cli.Context) (linkfiles.Release, error) {
	if !c.IsSet("systemd-release") {
		return 0, nil
	}
	r := linkfiles.Release(c.Int("systemd-release"))
	if r < linkfiles.OldestRelease || r > linkfiles.NewestRelease {
		return 0, usage(c, "invalid --systemd-release %d (use %d to %d)", r, linkfiles.OldestRelease, linkfiles.NewestRelease)
	}
	return r, nil
}

// root returns --root, "/" if it is not set. It must be a directory: a mistyped one must not
// pass for an empty image.
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
		return "", fmt.Errorf("invalid --root %q: %w", dir, withoutPath(err))
	}
	if !st.IsDir() {
		return "", fmt.Errorf("invalid --root %q: not a directory", dir)
	}
	if !filepath.IsLocal(dir) {
		// filepath-securejoin refuses a root with "..".
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("invalid --root %q: %w", dir, err)
		}
		dir = abs
	}
	return dir, nil
}

// site reads the site configuration below root, or only that of --config if root is "".
func site(c *cli.Context, root string) (audit.Site, error) {
	extra := c.StringSlice("config")
	if c.Bool("no-config") {
		if len(extra) > 0 {
			return nil, usage(c, "--config and --no-config cannot be combined")
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

// names is list for names of devices: a comma in a name has a backslash before it.
func names(values []string) []string {
	const comma = "\x00" // no name has a NUL
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
