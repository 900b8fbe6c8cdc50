//go:build namespace

package namespace

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// TestRemedies runs every command that check prints, as it is printed, does what it says is
// left to do, and then finds nothing.
func TestRemedies(t *testing.T) {
	s := newStage(t, "/")
	s.startUdevd()
	create := func(name string) { s.add(name, "type", "bridge") }
	names := []string{"br0", "br-1.2@x", "a,b", "$x;y"}
	for _, name := range names {
		create(name)
	}
	ran := 0
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			commands, _ := s.remedies(name)
			for _, command := range commands {
				ran++
				s.paste(command)
			}
			s.must("ip", "link", "del", name) // "then reboot, or delete and recreate"
			create(name)
			if left, _ := s.remedies(name); len(left) > 0 {
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

// paste runs a command line as a user who pastes it does.
func (s *stage) paste(command string) string {
	s.t.Helper()
	return s.must("sh", "-c", "linkaudit() { "+program+` "$@"; }; `+command)
}

// remedies are the commands that check prints, each once, and which devices and rules have
// one.
func (s *stage) remedies(args ...string) (commands []string, of map[string]string) {
	s.t.Helper()
	r := s.audit(append([]string{"check", "--format", "json", "--severity", "info"}, args...)...)
	var report struct {
		Devices []struct {
			Name     string
			Findings []remedied
		}
		Findings []remedied
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		s.t.Fatalf("%v: %v", err, r)
	}
	of = map[string]string{}
	add := func(device string, all []remedied) {
		for _, f := range all {
			if f.Remedy == nil {
				continue
			}
			if !strings.Contains(f.Help, f.Remedy.Command) {
				s.t.Errorf("%s is not what is printed: %s", f.Remedy.Command, f.Help)
			}
			of[f.Rule+" of "+device] = f.Remedy.Command
			if !slices.Contains(commands, f.Remedy.Command) {
				commands = append(commands, f.Remedy.Command)
			}
		}
	}
	for _, d := range report.Devices {
		add(d.Name, d.Findings)
	}
	add("the host", report.Findings)
	return commands, of
}

type remedied struct {
	Rule, Help string
	Remedy     *struct{ Command, Host string }
}

// tried counts the commands that tryRemedies has run.
var tried atomic.Int64

// tryRemedies runs each command that an audit of the whole stage prints, which has to
// succeed and to leave no finding that prints it again, and puts the files back then.
func (s *stage) tryRemedies() {
	s.t.Helper()
	const atOnce = 20 // a stage for a soak has thousands
	commands, of := s.remedies("--all")
	if len(commands) == 0 {
		return
	}
	const files, kept = "/etc/systemd/network", "/run/remedies-kept"
	s.must("sh", "-c", "rm -rf "+kept+" && mkdir -p "+files+" && cp -a "+files+" "+kept)
	ran := commands[:min(len(commands), atOnce)]
	said := map[string]string{}
	for _, command := range ran {
		said[command] = s.paste(command)
	}
	tried.Add(int64(len(ran)))
	_, left := s.remedies("--all")
	for what, command := range of {
		if left[what] == command && slices.Contains(ran, command) {
			s.t.Errorf("%s does not help against %s; it said\n%s\n%s", command, what, said[command], s.audit("check", "--all").stdout)
		}
	}
	s.must("sh", "-c", "rm -rf "+files+" && mv "+kept+" "+files)
	s.announce(files + "/x")
	if s.udevd != nil {
		s.reload()
	}
}

// TestFixForEveryKind plans a fix for every kind of software device that the kernel can
// make, and for one of it that does not exist yet, on the files that each release has, with
// those of ifenslave and of a site that asks for the driver.
func TestFixForEveryKind(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite.name, func(t *testing.T) {
			image := t.TempDir()
			for _, dir := range []string{"usr/lib/systemd", "usr/lib/udev", "usr/bin", "var/lib/dpkg", "etc"} {
				if err := os.MkdirAll(filepath.Join(image, dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, part := range []string{"usr/lib/systemd/network", "usr/lib/udev/rules.d", "var/lib/dpkg/status"} {
				if out, err := exec.Command("cp", "-a", filepath.Join(suite.root, part), filepath.Join(image, part)).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			bonding := filepath.Join(image, "usr/lib/systemd/network/98-net-bonding.link")
			if err := os.WriteFile(bonding, []byte("[Match]\nDriver=bonding\n[Link]\nMACAddressPolicy=none\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			release := suite.systemd
			if release == 0 {
				release = int(linkfiles.NewestRelease)
			}
			for _, kind := range policy.KnownKinds() {
				if !policy.NewDevice("x0", kind).Path.IsAbsent() {
					continue // it may have a parent
				}
				targets := [][]string{{"x0", "--kind", kind}}
				if _, _, can := policy.MatchKind(linkfiles.Release(release), kind); can || policy.WithoutMAC(kind) {
					targets = append(targets, []string{"--kind", kind})
				}
				for _, args := range targets {
					r := outside(t, append([]string{"fix", "--root", image, "--dry-run"}, args...)...)
					if r.status != 0 {
						t.Errorf("%v", r)
					}
				}
			}
		})
	}
}
