//go:build vm

package guest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"linkaudit/test/remedies"
	"linkaudit/test/tool"
)

// What the virtual machine is created with (test/vm).
const (
	eth0Address = "52:54:00:00:00:10"
	eth1Address = "52:54:00:00:00:11"

	// bond0Persistent is what MACAddressPolicy=persistent derives from the name bond0
	// and the machine ID 0123456789abcdef0123456789abcdef. Real machines of four
	// releases have it.
	bond0Persistent = "96:85:c5:ce:a2:4b"

	networkDir = "/etc/systemd/network"
)

func TestMain(m *testing.M) {
	if b, err := os.ReadFile("/etc/hostname"); err != nil || string(b) != "guest\n" || os.Getpid() == 1 {
		fmt.Fprintln(os.Stderr, "these tests change the machine that they run on: test/vm runs them in a virtual one")
		os.Exit(1)
	}
	fmt.Printf("what is waited for has %v\n", tool.Patience(usual))
	status := m.Run()
	// For the next boot.
	filepath.WalkDir(networkDir, func(name string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if b, err := os.ReadFile(name); err == nil {
			fmt.Printf("GUEST-FILE %s %s\n", name, base64.StdEncoding.EncodeToString(b))
		}
		return nil
	})
	os.Exit(status)
}

// output runs a command, which must succeed.
func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	output(t, append([]string{"ip", "link"}, args...)...)
}

// usual is for anything a test waits for: on a real machine a fraction of a second. An
// emulated machine has some 5 minutes (tool.Patience), which is less than test/vm lets
// it be silent.
const usual = 15 * time.Second

// eventually waits until so reports true. what completes "waited in vain: " and is
// called at the end.
func eventually(t *testing.T, so func() bool, what func() string) {
	t.Helper()
	if !tool.Until(usual, so) {
		t.Fatalf("waited in vain (%v): %s", tool.Patience(usual), what())
	}
}

func settle(t *testing.T) {
	t.Helper()
	output(t, "udevadm", "settle", fmt.Sprintf("--timeout=%.0f", tool.Patience(usual).Seconds()))
}

func sysfs(t *testing.T, device, file string) string {
	t.Helper()
	b, err := os.ReadFile("/sys/class/net/" + device + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func has(device string) bool {
	_, err := os.Stat("/sys/class/net/" + device)
	return err == nil
}

// device is the part of check --format json about one device.
type device struct {
	Name, Kind string
	LinkFile   *string `json:"link_file"`
	Policy     *string `json:"mac_address_policy"`
	Origin     *string
	Persistent *string `json:"persistent_mac"`
	Live       *struct {
		MAC            string
		AddrAssignType string `json:"addr_assign_type"`
		Ports          []string
	}
	Predicted struct {
		Boot     *string
		AddEvent *string `json:"udev_add_event"`
	}
	Findings []finding
}

type finding struct{ Rule, Severity string }

// sound: there are no findings except infos.
func (d device) sound() bool {
	return !slices.ContainsFunc(d.Findings, func(f finding) bool { return f.Severity != "info" })
}

func (d device) found(rule string) bool {
	for _, f := range d.Findings {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

// checked is what check --format json says about one device and the host.
type checked struct {
	Host struct {
		NamingScheme string `json:"naming_scheme"`
	}
	Devices  []device
	Findings []finding
}

func (a checked) found(rule string) bool {
	return slices.ContainsFunc(a.Findings, func(f finding) bool { return f.Rule == rule })
}

func auditOf(t *testing.T, name string) checked {
	t.Helper()
	var a checked
	out := checkInto(t, name, &a)
	if len(a.Devices) != 1 {
		t.Fatalf("linkaudit check %s: %s", name, out)
	}
	return a
}

// checkInto reads what check --format json says about a device, and returns it unparsed
// too. The printed commands are tried.
func checkInto(t *testing.T, name string, report any) []byte {
	t.Helper()
	out, err := exec.Command("linkaudit", "check", "--format", "json", name).Output()
	if jsonErr := json.Unmarshal(out, report); jsonErr != nil {
		t.Fatalf("linkaudit check %s: %v, %v: %s", name, err, jsonErr, out)
	}
	if printed, err := remedies.In(out); err != nil {
		t.Error(err)
	} else if slices.ContainsFunc(printed.Commands, func(c string) bool { return !tried[c] }) {
		tryRemedies(t, name)
	}
	return out
}

// tried are the commands that were tried in this boot, because an emulated machine is
// slow.
var tried = map[string]bool{}

// tryRemedies tries the commands that are printed for a device, and then restores the
// files.
func tryRemedies(t *testing.T, name string) {
	t.Helper()
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.MkdirAll(networkDir, 0o755); err != nil {
		t.Fatal(err)
	}
	output(t, "cp", "-a", networkDir, kept)
	ran, err := remedies.Try(func() ([]byte, error) {
		out, err := exec.Command("linkaudit", "check", "--format", "json", "--severity", "info", name).Output()
		if len(out) > 0 {
			err = nil // exit status 1 means findings
		}
		return out, err
	}, 10, func(command string) (string, error) {
		tried[command] = true
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		return string(out), err
	})
	if err != nil {
		t.Error(err)
	}
	if ran == 0 {
		return
	}
	output(t, "sh", "-c", "rm -rf "+networkDir+" && cp -a "+kept+" "+networkDir+" && touch "+networkDir)
	reload(t)
}

func check(t *testing.T, name string) device {
	t.Helper()
	return auditOf(t, name).Devices[0]
}

// release is the release of systemd.
func release(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(strings.Fields(output(t, "udevadm", "--version"))[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// write creates a file with its directories, and reloads udev if it is one of udev's
// files.
func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".link") {
		reload(t)
	}
}

// reload makes udev read its files again. Up to systemd 257 "udevadm control --reload"
// may be lost.
func reload(t *testing.T) {
	t.Helper()
	output(t, "systemctl", "kill", "--kill-who=main", "--signal=HUP", "systemd-udevd.service")
	output(t, "udevadm", "control", "--ping")
}

// stopUdevd keeps udevd from handling events until the returned function is called; it
// may be called more than once. It uses signals: up to systemd 257 udevd may drop what
// "udevadm control" sends it.
func stopUdevd(t *testing.T) (goOn func()) {
	t.Helper()
	send := func(signal string) {
		t.Helper()
		output(t, "systemctl", "kill", "--kill-who=main", "--signal="+signal, "systemd-udevd.service")
	}
	pid := strings.TrimSpace(output(t, "systemctl", "show", "--property=MainPID", "--value", "systemd-udevd.service"))
	settle(t)
	send("STOP")
	eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err == nil && strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " T ")
	}, func() string { return "udevd stops at SIGSTOP" })
	stopped := true
	return func() {
		t.Helper()
		if stopped {
			stopped = false
			send("CONT")
		}
	}
}

// appears waits for a device that another program creates.
func appears(t *testing.T, name string) {
	t.Helper()
	eventually(t, func() bool { return has(name) }, func() string { return "no program creates " + name })
}

// linkaudit runs a command that must succeed.
func linkaudit(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, append([]string{"linkaudit"}, args...)...)
}

func str(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// types are the kernel's addr_assign_type in check's spelling.
var types = map[string]string{"0": "permanent", "1": "random", "2": "stolen", "3": "set"}

// is compares a device with what is expected, the kernel's data and linkaudit's.
// "random" is any unknown address.
func is(t *testing.T, step, name, address, assign, origin, policy string) {
	t.Helper()
	mac, typ := sysfs(t, name, "address"), sysfs(t, name, "addr_assign_type")
	known := mac == eth0Address || mac == eth1Address || mac == bond0Persistent
	if mac != address && !(address == "random" && !known) || typ != assign {
		t.Errorf("%s: %s has %s of type %s, not %s of type %s", step, name, mac, typ, address, assign)
	}
	d := check(t, name)
	if d.Live == nil || d.Live.MAC != mac || d.Live.AddrAssignType != types[typ] {
		t.Errorf("%s: check says %+v, the kernel %s of type %s", step, d.Live, mac, typ)
	}
	if str(d.Origin) != origin || str(d.Policy) != policy {
		t.Errorf("%s: %s by %s under policy %q, not by %s under %q", step, mac, str(d.Origin), str(d.Policy), origin, policy)
	}
}

// create creates a device under udevd and waits until udevd has handled it.
func create(t *testing.T, name string, args ...string) {
	t.Helper()
	ip(t, append([]string{"add", name, "type"}, args...)...)
	handled(t, name)
}

// handled waits until udevd has handled a new device.
func handled(t *testing.T, name string) {
	t.Helper()
	index := sysfs(t, name, "ifindex")
	eventually(t, func() bool {
		settle(t)
		_, err := os.Stat("/run/udev/data/n" + index)
		return err == nil
	}, func() string { return "udevd does not handle " + name })
}
