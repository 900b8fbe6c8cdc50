// Package remedy is what is printed to be typed: a command about a finding, as data, and as
// it is typed for the machine or the image that it is for.
package remedy

import (
	"encoding/json"
	"fmt"

	"linkaudit/internal/initramfs"
	"linkaudit/internal/netconf"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// Place is the machine that a remedy is for.
type Place struct {
	// Root is the directory of an image, as the user named it; "" for a machine.
	Root string
	// Release is the release that the user said there is, 0 for the one found.
	Release linkfiles.Release
	// Host names the machine that a snapshot was taken of, "" for the running one:
	// nothing that is run here changes another machine.
	Host string
}

// Linkaudit is the beginning of a command line of linkaudit's for the place.
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

// Run is a command of another program as it is typed for the place.
func (p Place) Run(command string) string {
	if p.Root != "" {
		command = "chroot " + override.ShellWord(p.Root) + " " + command
	}
	return p.on(command)
}

// on adds the host on which to run a command, where that is another.
func (p Place) on(command string) string {
	if p.Host != "" {
		command += " (on " + p.Host + ")"
	}
	return command
}

// UpdateInitramfs is the command that builds images again, or what stands for one that is
// not known.
func (p Place) UpdateInitramfs(m initramfs.Maker) string {
	if m.Update() == nil {
		return m.UpdateWords()
	}
	return p.Run(m.UpdateWords())
}

// TakeEffect is how a device that exists comes to have what the configuration of a program
// says by then; "" where no command does that. In an image nothing has to: it is booted.
func (p Place) TakeEffect(program netconf.Program, device string) string {
	then := program.Remake(override.ShellWord(device))
	if p.Root != "" || then == "" {
		return ""
	}
	return p.Run(then)
}

// Command is a command of linkaudit that does something about a finding. The zero value
// is none.
type Command struct {
	Name   string // "fix", "undo"
	Target override.Target
	Place  Place

	// recorded is the command line of one that was read from JSON.
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

// String is the command line, with the host on which to run it where that is another.
func (c Command) String() string { return c.Place.on(c.Shell()) }

// commandJSON is how a command is written: the line, and the host to run it on.
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
