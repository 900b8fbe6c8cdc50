// Package remedy has the commands that reports print for the user to run: as data, and as
// command lines for the machine or image.
package remedy

import (
	"encoding/json"
	"fmt"
	"strings"

	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// Place is the machine or image that a remedy is for.
type Place struct {
	// Root is the directory of an image, as the user named it; "" for a machine.
	Root string
	// Release is the release from the user, 0 for the one found.
	Release linkfiles.Release
	// Host names the machine of a snapshot, "" for the running one. A command that runs
	// here does not change another machine.
	Host string
	// Sudo: commands are for a user who is not root.
	Sudo bool
}

// sudo is the beginning of a command that needs root's rights.
func (p Place) sudo() string {
	if p.Sudo {
		return "sudo "
	}
	return ""
}

// Linkaudit is the beginning of a linkaudit command line for the place.
func (p Place) Linkaudit(command string) string {
	line := "linkaudit " + command
	if p.Root != "" {
		line += " --root " + override.ShellWord(p.Root)
	}
	if p.Release != 0 {
		line += fmt.Sprintf(" --systemd-release %d", p.Release)
	}
	return line
}

// Line is a command of another program, or several joined by "&&", as a person types it.
type Line string

func (l Line) String() string { return string(l) }

// Pasted marks a command, which is not broken into lines.
func (Line) Pasted() {}

// Run is the command line of another program for the place.
func (p Place) Run(command string) Line {
	if p.Root != "" {
		command = "chroot " + override.ShellWord(p.Root) + " " + command
	}
	return Line(p.on(p.sudo() + command))
}

// on adds the host to run a command on, if it is another.
func (p Place) on(command string) string {
	if p.Host != "" {
		command += " (on " + p.Host + ")"
	}
	return command
}

// UpdateInitramfs is the command that rebuilds images, or words for an unknown one.
func (p Place) UpdateInitramfs(m initramfs.Maker) Line {
	if m.Update() == nil {
		return Line(m.UpdateWords())
	}
	return p.Run(m.UpdateWords())
}

// TakeEffect is the command that applies a program's new configuration to an existing
// device; "" if no command does that. An image needs none: it will be booted.
func (p Place) TakeEffect(program netconf.Program, device string) Line {
	then := program.Remake(override.ShellWord(device))
	if p.Root != "" || then == "" {
		return ""
	}
	return Line(p.on(p.sudo() + strings.ReplaceAll(then, " && ", " && "+p.sudo())))
}

// Command is a linkaudit command that fixes a finding. The zero value is none.
type Command struct {
	Name   string // "fix", "undo"
	Target override.Target
	Place  Place

	// recorded is the command line that was read from JSON.
	recorded string
}

// Shell is the command line, ready to be pasted into a shell; "" for none.
func (c Command) Shell() string {
	switch {
	case c.recorded != "":
		return c.recorded
	case c.Name == "":
		return ""
	case c.Target == override.Target{}:
		return c.Place.Linkaudit(c.Name)
	}
	return c.Place.Linkaudit(c.Name) + " " + c.Target.Flags()
}

// String is the command line as a person types it: with sudo if needed, and with the host
// on which to run it if that is another.
func (c Command) String() string { return c.Place.on(c.Place.sudo() + c.Shell()) }

// Pasted marks a command, which is not broken into lines.
func (Command) Pasted() {}

// commandJSON is the JSON form: the line, and the host to run it on.
type commandJSON struct {
	Command string `json:"command"`
	Host    string `json:"host"`
}

// MarshalJSON writes null for none.
func (c Command) MarshalJSON() ([]byte, error) {
	if c == (Command{}) {
		return []byte("null"), nil
	}
	return json.Marshal(commandJSON{c.Shell(), c.Place.Host})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Command) UnmarshalJSON(b []byte) error {
	var j commandJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*c = Command{recorded: j.Command, Place: Place{Host: j.Host}}
	return nil
}
