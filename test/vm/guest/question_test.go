//go:build vm

package guest

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linkaudit/test/questions"
)

// A bridge with a VLAN of a bond, a team, a macvlan, and a file of systemd-networkd's
// that only a port's driver decides about: the answer about each is the same, however
// the question is asked.
func TestFirstOneHostOneAnswer(t *testing.T) {
	free(t)
	const network = "/etc/systemd/network/10-question.network"
	const wants = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
	write(t, network, "[Match]\nDriver=virtio_net\n[Link]\nMACAddress=02:00:00:00:0e:0e\n")
	if err := os.Symlink("/lib/systemd/system/systemd-networkd.service", wants); err != nil {
		t.Fatal(err)
	}
	made := []string{"bridge0", "bond0", "team0", "dummy0"} // what is stacked on them goes too
	t.Cleanup(func() {
		for _, name := range made {
			ip(t, "del", name)
		}
		os.Remove(network)
		os.Remove(wants)
	})
	for _, d := range [][]string{
		{"bond0", "type", "bond", "mode", "active-backup"}, {"team0", "type", "team"}, {"dummy0", "type", "dummy"},
		{"bond0.7", "link", "bond0", "type", "vlan", "id", "7"}, {"bridge0", "type", "bridge"},
		{"macvlan0", "link", "dummy0", "type", "macvlan"},
	} {
		ip(t, append([]string{"add"}, d...)...)
	}
	settle(t)
	for _, p := range [][2]string{{"eth0", "bond0"}, {"eth1", "team0"}, {"bond0.7", "bridge0"}, {"macvlan0", "bridge0"}} {
		ip(t, "set", p[0], "master", p[1])
	}
	settle(t)
	run := func(args ...string) ([]byte, error) {
		cmd := exec.Command("linkaudit", args...)
		out, err := cmd.Output()
		if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 1 {
			return out, nil
		}
		return out, err
	}
	differences, compared, err := questions.Host{
		Name: strings.TrimSpace(output(t, "hostname")), Run: run, Random: rand.New(rand.NewPCG(1, 0)),
		Load: func(snapshot []byte, args ...string) ([]byte, error) {
			file := filepath.Join(t.TempDir(), "snapshot")
			if err := os.WriteFile(file, snapshot, 0o600); err != nil {
				return nil, err
			}
			return run(append(args, "--from", file)...)
		},
	}.Differences()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		t.Error(d)
	}
	if compared < 100 {
		t.Errorf("only %d answers were compared", compared)
	}
	for _, name := range made {
		tryRemedies(t, name)
	}
}
