//go:build namespace

package namespace

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"linkaudit/linkfiles"
	"linkaudit/policy"
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
