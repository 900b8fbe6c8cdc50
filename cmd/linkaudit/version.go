package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/report"
)

// version is set by the Makefile with -ldflags -X.
var version string

func showVersion(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	return printVersion(c.App.Writer)
}

func printVersion(w io.Writer) error {
	b := build()
	commit := ""
	if b.Revision != "" {
		commit = "commit " + b.Revision + ", "
	}
	_, err := fmt.Fprintf(w, "linkaudit %s (%s%s, %s/%s)\n", b.Version, commit, b.Go, runtime.GOOS, runtime.GOARCH)
	return err
}

// build identifies this linkaudit.
func build() report.Build {
	b := report.Build{Version: version, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, info.Main.Version)
		b.Revision = commitOf(info)
	}
	b.Version = cmp.Or(b.Version, "(devel)")
	return b
}

func commitOf(info *debug.BuildInfo) string {
	commit, modified := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				modified = " with changes"
			}
		}
	}
	return commit + modified
}
