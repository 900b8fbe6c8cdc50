package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestWhoAsksForAPlugin(t *testing.T) {
	app := newApp(nil, nil, nil)
	for args, want := range map[string]bool{
		"l check --format nagios":                  true,
		"l check bond0 --format nagios --all":      true,
		"l check -format=nagios":                   true,
		"l check --nope --format nagios":           true,
		"l example --format nagios":                true,
		"l check --format nagios --format text":    false,
		"l check --format text --format=nagios":    true,
		"l check --format":                         false,
		"l check nagios":                           false,
		"l check format nagios":                    false,
		"l check format=nagios":                    false,
		"l check -- --format nagios":               false,
		"l lint --format nagios":                   false,
		"l explain bond0 --format nagios":          false,
		"l check --kind bond --format json":        false,
		"l check --from --format --format=nagios ": true,
		"l": false,
	} {
		t.Run(args, func(t *testing.T) {
			if got := isPlugin(readCommandLine(app, strings.Fields(args)).format); got != want {
				t.Errorf("%v", got)
			}
		})
	}
}

// panicOnce panics at the first write only.
type panicOnce struct {
	bytes.Buffer
	done bool
}

func (p *panicOnce) Write(b []byte) (int, error) {
	if !p.done {
		p.done = true
		panic("boom | \n")
	}
	return p.Buffer.Write(b)
}

// For a monitoring system exit status 2 is an error found.
func TestAPanicOfAPluginIsUnknown(t *testing.T) {
	var stdout panicOnce
	var stderr bytes.Buffer
	status := run([]string{"linkaudit", "example", "--format", "nagios"}, nil, &stdout, &stderr)
	if want := "LINKAUDIT UNKNOWN - internal error: boom \\x7c \\n\n"; status != 3 || stdout.String() != want || stderr.Len() > 0 {
		t.Errorf("exit status %d, %q, %q", status, stdout.String(), stderr.String())
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, os.ErrClosed }

// A plugin that cannot write to standard output writes to standard error.
func TestAPluginThatCannotSpeakIsUnknown(t *testing.T) {
	var stderr bytes.Buffer
	status := run([]string{"linkaudit", "example", "--format", "nagios"}, nil, closed{}, &stderr)
	if status != 3 || stderr.String() != "linkaudit: cannot write the report: file already closed\n" {
		t.Errorf("exit status %d, %q", status, stderr.String())
	}
}
