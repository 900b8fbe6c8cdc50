//go:build vm

package guest

import (
	"os"
	"strings"
	"testing"
)

// With SELinux, an override has the context that the policy has for its path, even in a
// directory with another context, which it would inherit.
func TestSelinuxContextOfAnOverride(t *testing.T) {
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err != nil {
		t.Fatalf("SELinux is not on: %v", err)
	}
	context := func(name string) string {
		return strings.Fields(output(t, "ls", "-Zd", name))[0]
	}
	want := strings.TrimSpace(output(t, "matchpathcon", "-n", bond0File))
	output(t, "chcon", "-t", "tmp_t", networkDir)
	if context(networkDir) == want {
		t.Fatalf("the directory has %s too", want)
	}
	linkaudit(t, "fix", "--bond", "bond0")
	if got := context(bond0File); got != want {
		t.Errorf("the context is %s, and %s by the policy", got, want)
	}
	linkaudit(t, "undo", "--bond", "bond0")
}
