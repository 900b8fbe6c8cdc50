//go:build vm

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentation runs the blocks of commands in the documentation. Each runs on a
// host that has just created its bond and its bridge: bond0 with the port eth0, and br0
// with dummy0. The image at /mnt/image is the guest's own tree, and "host" is the
// guest, by ssh.
func TestDocumentation(t *testing.T) {
	scripts, err := filepath.Glob("/usr/lib/linkaudit-docs/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no commands: %v", err)
	}
	free(t)
	place := t.TempDir()
	write(t, place+"/web1.id", "0123456789abcdef0123456789abcdef\n")
	write(t, place+"/10-bond.link", "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=none\n")
	if err := os.MkdirAll("/mnt/image", 0o755); err != nil {
		t.Fatal(err)
	}
	output(t, "mount", "--bind", "-o", "ro", "/", "/mnt/image")
	reachBySSH(t)
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		t.Run(name, func(t *testing.T) {
			create(t, "bond0", "bond", "mode", "active-backup")
			create(t, "br0", "bridge")
			create(t, "dummy0", "dummy")
			ip(t, "set", "eth0", "master", "bond0")
			ip(t, "set", "dummy0", "master", "br0")
			ip(t, "set", "bond0", "up")
			defer func() {
				linkaudit(t, "undo", "--everything")
				for _, name := range []string{"bond0", "br0", "dummy0"} {
					ip(t, "del", name)
				}
				ip(t, "set", "eth0", "down")
			}()
			run := exec.Command("bash", script)
			run.Dir = place
			if out, err := run.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// reachBySSH lets root log in to "host", which is this machine.
func reachBySSH(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll("/root/.ssh", 0o700); err != nil {
		t.Fatal(err)
	}
	output(t, "ip", "link", "set", "lo", "up")
	output(t, "sh", "-c", "echo 127.0.0.1 host >>/etc/hosts; ssh-keygen -A; mkdir -p /run/sshd; /usr/sbin/sshd")
	output(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519")
	output(t, "cp", "/root/.ssh/id_ed25519.pub", "/root/.ssh/authorized_keys")
	write(t, "/root/.ssh/config", "Host host\nStrictHostKeyChecking accept-new\nLogLevel ERROR\n")
}
