//go:build namespace

package namespace

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"linkaudit/linkfiles"
	"linkaudit/test/life"
	"linkaudit/test/tool"
)

// lifeVariable makes this program the runner of test/life in a stage. Its value is the
// release of udevd.
const lifeVariable = "LINKAUDIT_LIFE_RELEASE"

// TestLifeOfABridge compares the model of policy/life with this machine's kernel and
// udevd.
func TestLifeOfABridge(t *testing.T) {
	s := newStage(t, "/")
	for name, text := range life.Files() {
		s.write("/etc/systemd/network/"+name, text)
	}
	rules, err := life.OtherRules("/usr/lib/udev/rules.d")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		s.write("/etc/udev/rules.d/"+rule, "")
	}
	s.startUdevd()
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	const inStage = "/mnt/life.test"
	if err := os.WriteFile(s.path(inStage), own, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), tool.Patience(15*time.Minute))
	defer cancel()
	cmd := s.command(ctx, filepath.Clean(inStage))
	first, count := os.Getenv("LINKAUDIT_LIFE_SEED"), os.Getenv("LINKAUDIT_LIFE_COUNT")
	if !tool.Full() {
		first, count = cmp.Or(first, fmt.Sprint(draw(t).Uint32())), cmp.Or(count, "50")
	}
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", lifeVariable, s.release), fmt.Sprintf("LINKAUDIT_LIFE_UDEVD=%d", s.udevd.Process.Pid),
		"LINKAUDIT_LIFE_SEED="+first, "LINKAUDIT_LIFE_COUNT="+count)
	r := finish(ctx, cmd, []string{"life"})
	if r.status != 0 {
		t.Fatal(r.stdout + r.stderr)
	}
	t.Log(r.stdout)
}

func lifeInStage() error {
	release, err := strconv.Atoi(os.Getenv(lifeVariable))
	if err != nil {
		return err
	}
	udevd, err := strconv.Atoi(os.Getenv("LINKAUDIT_LIFE_UDEVD"))
	if err != nil {
		return err
	}
	// No IPv6: the tests do not need it, and it is half of the work.
	for _, conf := range []string{"default", "all"} {
		os.WriteFile("/proc/sys/net/ipv6/conf/"+conf+"/disable_ipv6", []byte("1"), 0)
	}
	r := &life.Runner{
		Release: linkfiles.Release(release),
		Udevd:   udevd,
		Veth:    true,
		Length:  50,
		Side:    100,
		Log:     func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	}
	if _, err := hex.Decode(r.MachineID[:], []byte(machineID)); err != nil {
		return err
	}
	if err := r.BothOrders("bridge"); err != nil {
		return err
	}
	if err := r.RealRaces(20, "bridge"); err != nil {
		return err
	}
	return r.Standard([]string{"bridge"}, 1000)
}
