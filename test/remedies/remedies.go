// Package remedies tries the commands that linkaudit prints with its findings: each
// succeeds as printed, and leaves no finding that prints it again.
package remedies

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Printed are the commands in a report of check --format json.
type Printed struct {
	// Commands are in the order of the report, each once.
	Commands []string
	// of is the command of each finding, by rule and device.
	of map[string]string
}

type finding struct {
	Rule, Help string
	Remedy     *struct{ Command, Host string }
}

// In also returns an error if a command differs from that in the text output.
func In(report []byte) (Printed, error) {
	var r struct {
		Devices []struct {
			Name     string
			Findings []finding
		}
		Findings []finding
	}
	p := Printed{of: map[string]string{}}
	if err := json.Unmarshal(report, &r); err != nil {
		return p, err
	}
	add := func(about string, all []finding) error {
		for _, f := range all {
			switch {
			case f.Remedy == nil:
				continue
			case !strings.Contains(f.Help, f.Remedy.Command):
				return fmt.Errorf("%s of %s: the command %q is not in %q", f.Rule, about, f.Remedy.Command, f.Help)
			case f.Remedy.Host != "":
				return fmt.Errorf("%s of %s: the command is for %s", f.Rule, about, f.Remedy.Host)
			}
			p.of[f.Rule+" of "+about] = f.Remedy.Command
			if !slices.Contains(p.Commands, f.Remedy.Command) {
				p.Commands = append(p.Commands, f.Remedy.Command)
			}
		}
		return nil
	}
	if err := add("the host", r.Findings); err != nil {
		return p, err
	}
	for _, d := range r.Devices {
		if err := add(d.Name, d.Findings); err != nil {
			return p, err
		}
	}
	return p, nil
}

// Try runs the commands of the report that check makes, each time the first one, and
// makes check run again. It returns how many it ran.
func Try(check func() ([]byte, error), first int, run func(command string) (said string, err error)) (ran int, err error) {
	printed := func() (Printed, error) {
		report, err := check()
		if err != nil {
			return Printed{}, err
		}
		return In(report)
	}
	before, err := printed()
	if err != nil {
		return 0, err
	}
	said := map[string]string{}
	for _, command := range before.Commands[:min(first, len(before.Commands))] {
		text, err := run(command)
		if err != nil {
			return ran, fmt.Errorf("%s: %w\n%s", command, err, text)
		}
		ran++
		said[command] = text
	}
	if ran == 0 {
		return 0, nil
	}
	after, err := printed()
	if err != nil {
		return ran, err
	}
	for what, command := range before.of {
		if text, tried := said[command]; tried && after.of[what] == command {
			return ran, fmt.Errorf("%s does not help against %s; its output:\n%s", command, what, text)
		}
	}
	return ran, nil
}
