package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"linkaudit/internal/report"
)

// isPlugin reports whether the program runs as a monitoring plugin, which
// answers on standard output and by its exit status whatever happens. It looks
// at the words themselves, since a wrong command line has no flags yet.
func isPlugin(args []string) bool {
	if len(args) < 2 || !hasFormat(args[1], nagios) {
		return false
	}
	format := ""
	for i, a := range args[2:] {
		if a == "--" {
			break
		}
		name, value, set := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-"), "=")
		switch {
		case name != "format" || !strings.HasPrefix(a, "-"):
		case set:
			format = value
		case i+3 < len(args):
			format = args[i+3]
		}
	}
	return format == nagios
}

// hasFormat reports whether there is such a command and it has the format.
func hasFormat(command, format string) bool {
	text := textOf(command)
	if text == nil {
		return false
	}
	f := text.flagNamed("format")
	return f != nil && slices.Contains(f.choices, format)
}

// pluginFailed says why there is no audit, on standard output unless that is
// what failed, and returns the exit status.
func pluginFailed(stdout, stderr io.Writer, err error) int {
	var why []string
	for _, err := range each(err) {
		why = append(why, err.Error())
	}
	line := strings.Join(why, "; ")
	if report.NagiosUnknown(stdout, line) != nil {
		fmt.Fprintf(stderr, "linkaudit: %s\n", report.Escape(line))
	}
	return pluginUnknown
}
