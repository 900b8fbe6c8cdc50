//go:build bench

package bench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	inside  = "LINKAUDIT_BENCH_INSIDE"
	program = "../../linkaudit"
	script  = "sysfs.sh"
	udevd   = "/lib/systemd/systemd-udevd"
)

// TestMain starts this program again in its own network and mount namespaces. With
// -bench it runs the Go benchmarks instead, which need neither.
func TestMain(m *testing.M) {
	if slices.ContainsFunc(os.Args[1:], func(a string) bool {
		return strings.HasPrefix(a, "-test.bench=") && a != "-test.bench="
	}) || os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	if why := missing(); why != "" {
		fmt.Fprintln(os.Stderr, "make bench: "+why)
		os.Exit(1)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, "make bench: new namespaces:", err)
		}
		os.Exit(1)
	}
}

// missing says in one line what the benchmark lacks.
func missing() string {
	if os.Geteuid() != 0 {
		return "needs root, for namespaces and devices of its own"
	}
	var lacks []string
	for _, t := range []struct{ name, pkg string }{
		{"ip", "iproute2"}, {"udevadm", "udev"}, {udevd, "udev"}, {"networkctl", "systemd"},
		{"systemd-analyze", "systemd"}, {"dbus-daemon", "dbus-daemon"}, {"ethtool", "ethtool"}, {"jq", "jq"},
	} {
		if _, err := exec.LookPath(t.name); err != nil {
			lacks = append(lacks, fmt.Sprintf("%s (package %s)", t.name, t.pkg))
		}
	}
	// Without it udev sets no addresses.
	if id, _ := os.ReadFile("/etc/machine-id"); len(id) == 0 {
		lacks = append(lacks, "/etc/machine-id (systemd-machine-id-setup)")
	}
	if _, err := os.Stat(program); err != nil {
		lacks = append(lacks, "./linkaudit (make build)")
	}
	if len(lacks) > 0 {
		return "missing: " + strings.Join(lacks, ", ")
	}
	return ""
}
