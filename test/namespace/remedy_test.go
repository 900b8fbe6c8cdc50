//go:build namespace

package namespace

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linkaudit/linkfiles"
	"linkaudit/policy"
	"linkaudit/test/remedies"
)

// TestRemedies runs every command that check prints, as printed, does what is left to
// do, and then finds nothing.
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
			n, err := remedies.Try(s.found(name), 10, s.paste)
			if err != nil {
				t.Error(err)
			}
			ran += n
			s.must("ip", "link", "del", name) // "then reboot, or delete and recreate"
			create(name)
			if r := s.audit("check", name); r.status != 0 || strings.Contains(r.stdout, "linkaudit fix") {
				t.Errorf("%v", r)
			}
		})
	}
	if ran < len(names)-1 {
		t.Errorf("only %d commands were printed", ran)
	}
}

// found returns what check finds, as JSON.
func (s *stage) found(args ...string) func() ([]byte, error) {
	return func() ([]byte, error) {
		return status(s.audit(append([]string{"check", "--format", "json", "--severity", "info"}, args...)...))
	}
}

// paste runs a command line as a user does who pastes it.
func (s *stage) paste(command string) (said string, err error) {
	r := s.do("sh", "-c", "linkaudit() { "+program+` "$@"; }; `+command)
	if r.status != 0 {
		err = fmt.Errorf("%v", r)
	}
	return r.stdout, err
}

// tryRemedies tries what an audit of the whole stage prints, and then restores the
// files.
func (s *stage) tryRemedies() {
	s.t.Helper()
	const first = 20 // a stage for a soak has thousands
	const files, kept = "/etc/systemd/network", "/run/remedies-kept"
	s.must("sh", "-c", "rm -rf "+kept+" && mkdir -p "+files+" && cp -a "+files+" "+kept)
	ran, err := remedies.Try(s.found("--all"), first, s.paste)
	if err != nil {
		s.t.Errorf("%v\n%s", err, s.audit("check", "--all").stdout)
	}
	if ran == 0 {
		return
	}
	s.must("sh", "-c", "rm -rf "+files+" && mv "+kept+" "+files)
	s.announce(files + "/x")
	if s.udevd != nil {
		s.reload()
	}
}

// TestFixForEveryKind plans a fix for every kind of software device that the kernel can
// create, also for one that does not exist yet. It does so with the files of each
// release, with ifenslave's, and with those of a site that match the driver.
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
					t.Run(strings.Join(args, " "), func(t *testing.T) {
						r := outside(t, append([]string{"fix", "--root", image, "--dry-run"}, args...)...)
						if r.status != 0 {
							t.Errorf("%v", r)
						}
					})
				}
			}
		})
	}
}
