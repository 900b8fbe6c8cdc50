//go:build vm

package guest

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"linkaudit/linkfiles"
	model "linkaudit/policy/life"
	"linkaudit/test/life"
)

// lifeRunner prepares the machine for sequences of test/life.
func lifeRunner(t *testing.T) *life.Runner {
	t.Helper()
	for name, text := range life.Files() {
		if err := os.WriteFile(networkDir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := life.OtherRules("/usr/lib/udev/rules.d")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		if err := os.WriteFile("/etc/udev/rules.d/"+rule, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile("/sys/kernel/rcu_expedited", []byte("1"), 0)
	for _, conf := range []string{"default", "all"} {
		os.WriteFile("/proc/sys/net/ipv6/conf/"+conf+"/disable_ipv6", []byte("1"), 0)
	}
	reload(t)
	release := release(t)
	udevd, err := strconv.Atoi(strings.TrimSpace(output(t, "systemctl", "show", "--property=MainPID", "--value", "systemd-udevd.service")))
	if err != nil {
		t.Fatal(err)
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	kernel := unix.ByteSliceToString(u.Release[:])
	t.Logf("kernel %s, systemd %d", kernel, release)
	r := &life.Runner{Release: linkfiles.Release(release), Udevd: udevd, Length: 50, Side: 50, Log: t.Logf}
	if !strings.HasPrefix(kernel, "5.10.") && !strings.HasPrefix(kernel, "6.1.") {
		r.Kernel = model.Kernel{SkipsSameAddress: true, SparesBondsAddress: true}
	}
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hex.Decode(r.MachineID[:], []byte(strings.TrimSpace(string(id)))); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestLifeOfAnAddress compares the model of policy/life with this kernel.
func TestLifeOfAnAddress(t *testing.T) {
	r := lifeRunner(t)
	for _, kind := range []string{"bond", "bridge", "team"} {
		t.Run(kind, func(t *testing.T) {
			r.Log = t.Logf
			if err := r.Standard([]string{kind}, 50); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLifeRace is about a port that joins before udevd handles the add event.
func TestLifeRace(t *testing.T) {
	r := lifeRunner(t)
	kinds := []string{"bond", "bridge", "team"}
	if err := r.BothOrders(kinds...); err != nil {
		t.Error(err)
	}
	if err := r.RealRaces(9, kinds...); err != nil {
		t.Error(err)
	}
}
