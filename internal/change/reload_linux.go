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
	"golang.org/x/sys/unix"

	"linkaudit/internal/host"
)

// udevdService is the unit that the service manager reloads.
const udevdService = "systemd-udevd.service"

// udevdVarlink is where a udevd with varlink answers udevadm control
// (UDEV_VARLINK_ADDRESS of udev-varlink.h): that of systemd 262 does, that of 257
// does not.
const udevdVarlink = "/run/udev/io.systemd.Udev"

// reloadTimeout is for all of a reload; udevd answers at once unless it hangs.
const reloadTimeout = 30 * time.Second

// reloadUdevd makes udevd read its files again, and returns once it has: through the
// service manager if that is systemd. how says what it did.
//
// Before varlink "udevadm control --reload" may be lost, and succeeds anyway: udevd
// asks for the sender's credentials only after it accepted the connection, and drops a
// message that came before (SO_PASSCRED in udev_ctrl_event_handler() of udev-ctrl.c).
// Up to systemd 252 "systemctl reload systemd-udevd" runs that same command. SIGHUP
// means the same to every release (on_sighup() of udevd.c), and is never lost.
func reloadUdevd(ctx context.Context) (how string, err error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	if util.IsRunningSystemd() {
		if how, err = reloadUnit(ctx); err == nil {
			return how, nil
		}
	}
	how, direct := reloadProcess(ctx)
	switch {
	case direct == nil:
		return how, nil
	case err != nil:
		return "", fmt.Errorf("%v; %w", err, direct)
	}
	return "", direct
}

// elsewhere says why no udevd reads the files of this process, "" if one may: in a
// chroot, the machine's udevd has another root directory, and udevadm succeeds without
// doing anything (running_in_chroot() of virt.c).
func elsewhere() string {
	switch pid := host.UdevdPID(); {
	case pid != 0 && !sameRoot(pid):
		return fmt.Sprintf("systemd-udevd, process %d, has another root directory than this chroot and reads other files", pid)
	case pid == 0 && !sameRoot(1):
		return "this is a chroot without a udevd, and udevadm control does nothing here"
	}
	return ""
}

// sameRoot reports whether the process has the root directory of this one, or may have.
func sameRoot(pid int) bool {
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/root", pid))
	ours, err2 := os.Stat("/")
	return err != nil || err2 != nil || os.SameFile(theirs, ours)
}

// reloadUnit goes through the service manager, over D-Bus. A unit of type notify-reload
// (systemd.service(5), since systemd 253) reports when it has reloaded; others get the
// signal.
func reloadUnit(ctx context.Context) (how string, err error) {
	conn, err := host.ServiceManager(ctx)
	if err != nil {
		return "", fmt.Errorf("connect to the service manager over D-Bus: %w", err)
	}
	defer conn.Close()
	kind, err := conn.GetUnitTypePropertyContext(ctx, udevdService, "Service", "Type")
	if err != nil {
		return "", fmt.Errorf("ask for the type of %s over D-Bus: %w", udevdService, err)
	}
	if kind.Value.Value() != "notify-reload" {
		if err := conn.KillUnitWithTarget(ctx, udevdService, dbus.Main, int32(unix.SIGHUP)); err != nil {
			return "", fmt.Errorf("send SIGHUP to %s over D-Bus: %w", udevdService, err)
		}
		return "the service manager sent SIGHUP to " + udevdService + ", which reloads", handled(ctx)
	}
	if err := runReloadJob(ctx, conn); err != nil {
		return "", fmt.Errorf("reload %s over D-Bus: %w", udevdService, err)
	}
	return "the service manager reloaded " + udevdService, nil
}

// runReloadJob reloads udevd, and waits until it has.
func runReloadJob(ctx context.Context, conn *dbus.Conn) error {
	done := make(chan string, 1)
	if _, err := conn.ReloadUnitContext(ctx, udevdService, "replace", done); err != nil {
		return err
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("the job ended as %q", result)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reloadProcess needs no service manager.
func reloadProcess(ctx context.Context) (how string, err error) {
	if _, err := os.Stat(udevdVarlink); err == nil {
		_, err := udevadm(ctx, "control", "--reload")
		return "udevadm control --reload", err
	}
	pid := host.UdevdPID()
	if pid == 0 {
		// For example in a container with its own PID namespace.
		_, err := udevadm(ctx, "control", "--reload")
		return "udevadm control --reload; whether it worked is unknown, because udevd's process is not visible", err
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return "", fmt.Errorf("systemd-udevd, process %d: %w", pid, err)
	}
	defer unix.Close(process)
	// The process may have ended and another may have its number.
	if host.UdevdPID() != pid {
		return "", fmt.Errorf("systemd-udevd, process %d, ended or restarted", pid)
	}
	if err := unix.PidfdSendSignal(process, unix.SIGHUP, nil, 0); err != nil {
		return "", fmt.Errorf("send SIGHUP to systemd-udevd, process %d: %w", pid, err)
	}
	return fmt.Sprintf("systemd-udevd, process %d, got SIGHUP and reloads", pid), handled(ctx)
}

// handled returns once udevd has handled the signals that it got before: it looks at its
// control socket only when it has nothing else to do (SD_EVENT_PRIORITY_IDLE in udevd.c),
// and closes the connection only then.
//
// udevadm sends two messages. If udevd drops the first (see reloadUdevd) and has closed
// the connection before the second, udevadm fails with EPIPE. Then handled asks again.
func handled(ctx context.Context) error {
	var err error
	for range pings {
		if _, err = udevadm(ctx, "control", "--ping"); err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

// pings is how often to ask udevd. Only a busy machine drops a message, and seldom.
const pings = 10

// systemCommand is a program of that name from a system directory, not from PATH, because
// this runs as root. It is nil if there is none.
func systemCommand(ctx context.Context, name string, args ...string) *exec.Cmd {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		program := dir + "/" + name
		if _, err := os.Stat(program); err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		cmd.WaitDelay = time.Second
		return cmd
	}
	return nil
}

func udevadm(ctx context.Context, args ...string) (string, error) {
	cmd := systemCommand(ctx, "udevadm", args...)
	if cmd == nil {
		return "", errors.New("udevadm is not installed")
	}
	// udevadm must reach the udevd of a chroot, too; elsewhere has checked that there is one.
	cmd.Env = append(cmd.Env, "SYSTEMD_IGNORE_CHROOT=1")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w%s", err, lastLine(exit.Stderr))
		}
		return "", fmt.Errorf("udevadm %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}

// appliedByUdev asks udevadm which file udev would apply to the device now; "" for no
// file.
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
