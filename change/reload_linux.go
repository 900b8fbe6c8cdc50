package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/coreos/go-systemd/v22/util"
)

// udevdService is the unit that the service manager reloads.
const udevdService = "systemd-udevd.service"

// reloadTimeout is for all of a reload; udevd answers at once unless it hangs.
const reloadTimeout = 30 * time.Second

// reload has udevd read its files again: through the service manager where
// systemd is that, and by udevadm control --reload otherwise, or where the unit
// of this release cannot be reloaded. It says how.
func reload(ctx context.Context) (how string, err error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	var first error
	if util.IsRunningSystemd() {
		if first = reloadUnit(ctx); first == nil {
			return "the service manager reloaded " + udevdService, nil
		}
	}
	if _, err := udevadm(ctx, "control", "--reload"); err != nil {
		if first != nil {
			err = fmt.Errorf("%v; %w", first, err)
		}
		return "", err
	}
	return "udevadm control --reload", nil
}

func reloadUnit(ctx context.Context) error {
	conn, err := dbus.NewWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to the service manager over D-Bus: %w", err)
	}
	defer conn.Close()
	done := make(chan string, 1)
	if _, err := conn.ReloadUnitContext(ctx, udevdService, "replace", done); err != nil {
		return fmt.Errorf("reload %s over D-Bus: %w", udevdService, err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("reload %s over D-Bus: the job ended as %q", udevdService, result)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("reload %s over D-Bus: %w", udevdService, ctx.Err())
	}
}

// udevadm runs the program of that name from a system directory, whatever PATH
// says: this runs as root.
func udevadm(ctx context.Context, args ...string) (string, error) {
	for _, dir := range []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"} {
		program := dir + "/udevadm"
		if _, err := os.Stat(program); err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		cmd.WaitDelay = time.Second
		out, err := cmd.Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
			}
			return "", fmt.Errorf("udevadm %s: %w", strings.Join(args, " "), err)
		}
		return string(out), nil
	}
	return "", errors.New("udevadm is not installed")
}

// appliedByUdev asks udevadm which file udev would apply to the device now; ""
// where it names none.
func appliedByUdev(ctx context.Context, device string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	out, err := udevadm(ctx, "test-builtin", "net_setup_link", "/sys/class/net/"+device)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if file, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "ID_NET_LINK_FILE="); ok {
			return file, nil
		}
	}
	return "", nil
}
