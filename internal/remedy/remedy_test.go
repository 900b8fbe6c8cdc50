package remedy

import (
	"encoding/json"
	"testing"

	"linkaudit/internal/override"
)

func TestACommandAsItIsTyped(t *testing.T) {
	bond := override.Target{Kind: "bond", Name: "bond0"}
	for _, c := range []struct {
		name        string
		command     Command
		shell, text string
	}{
		{"none", Command{}, "", ""},
		{"here", Command{Name: "fix", Target: bond}, "linkaudit fix --bond bond0", "linkaudit fix --bond bond0"},
		{"in an image", Command{Name: "fix", Target: bond, Place: Place{Root: "/srv/my image", Release: 252}},
			"linkaudit fix --root '/srv/my image' --systemd-release 252 --bond bond0", "linkaudit fix --root '/srv/my image' --systemd-release 252 --bond bond0"},
		{"on another host", Command{Name: "undo", Target: bond, Place: Place{Host: "web1"}}, "linkaudit undo --bond bond0", "linkaudit undo --bond bond0 (on web1)"},
		{"without a target", Command{Name: "undo --interrupted"}, "linkaudit undo --interrupted", "linkaudit undo --interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.command.Shell() != c.shell || c.command.String() != c.text {
				t.Errorf("%q, %q, want %q, %q", c.command.Shell(), c.command, c.shell, c.text)
			}
			b, err := json.Marshal(c.command)
			if err != nil {
				t.Fatal(err)
			}
			var read Command
			if err := json.Unmarshal(b, &read); err != nil || read.Shell() != c.shell || read.String() != c.text {
				t.Errorf("%s is read as %q, %v", b, read, err)
			}
		})
	}
}
