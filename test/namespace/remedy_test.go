//go:build namespace

package namespace

import (
	"encoding/json"
	"testing"
)

// TestRemedies runs every command that check prints, as it is printed, does what it says is
// left to do, and then finds nothing.
func TestRemedies(t *testing.T) {
	s := newStage(t, "/")
	s.startUdevd()
	s.must("sh", "-c", "mkdir -p /run/bin && ln -s "+program+" /run/bin/linkaudit")
	create := func(name string) { s.add(name, "type", "bridge") }
	names := []string{"br0", "br-1.2@x", "a,b", "$x;y"}
	for _, name := range names {
		create(name)
	}
	ran := 0
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			for _, command := range remedies(t, s, name) {
				ran++
				s.must("sh", "-c", "PATH=/run/bin:$PATH; "+command)
			}
			s.must("ip", "link", "del", name) // "then reboot, or delete and recreate"
			create(name)
			if left := remedies(t, s, name); len(left) > 0 {
				t.Errorf("still printed: %q", left)
			}
			if r := s.audit("check", name); r.status != 0 {
				t.Errorf("%v", r)
			}
		})
	}
	if ran < len(names)-1 {
		t.Errorf("only %d commands were printed", ran)
	}
}

// remedies are the commands in check's findings about a device, each once.
func remedies(t *testing.T, s *stage, name string) (commands []string) {
	t.Helper()
	r := s.audit("check", "--format", "json", name)
	var report struct {
		Devices []struct {
			Findings []struct {
				Remedy *struct{ Command, Host string }
			}
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	seen := map[string]bool{}
	for _, d := range report.Devices {
		for _, f := range d.Findings {
			if f.Remedy != nil && !seen[f.Remedy.Command] {
				seen[f.Remedy.Command] = true
				commands = append(commands, f.Remedy.Command)
			}
		}
	}
	return commands
}
