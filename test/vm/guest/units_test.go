//go:build vm

package guest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	serviceDropin = "/run/systemd/system/linkaudit.service.d"
	stateDir      = "/var/lib/linkaudit/textfile"
	exporterDir   = "/var/lib/prometheus/node-exporter"
)

// The units of contrib/systemd as they are.
func TestFirstUnitWritesMetrics(t *testing.T) {
	free(t)
	// A bond with udev's address and a port gives a finding.
	create(t, "bond0", "bond")
	ip(t, "set", "eth0", "master", "bond0")
	defer ip(t, "del", "bond0")
	if out := output(t, "systemd-analyze", "verify", "--man=no", "linkaudit.service", "linkaudit.timer", "linkaudit.path"); strings.Contains(out, "linkaudit") {
		t.Errorf("systemd-analyze verify: %s", out)
	}

	// Exit status 1 means findings; it is not a failure of the service.
	if err := exec.Command("linkaudit", "check").Run(); err == nil || err.Error() != "exit status 1" {
		t.Errorf("linkaudit check: %v", err)
	}
	startService(t)
	wrote(t, stateDir)

	// With Debian's exporter the metrics are in its directory.
	if err := os.Remove(stateDir + "/linkaudit.prom"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(exporterDir, 0o755); err != nil {
		t.Fatal(err)
	}
	startService(t)
	wrote(t, exporterDir)
	if left, err := os.ReadDir(stateDir); err != nil || len(left) > 0 {
		t.Errorf("%s holds %v (%v)", stateDir, left, err)
	}
}

// job is one of a unit, waiting or running.
var job = regexp.MustCompile(`Job=[1-9]`)

// startService runs the audit to its end.
func startService(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("systemctl", "start", "linkaudit.service").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s%s", err, out, show("linkaudit.service"))
	}
}

// wrote: the metrics are below dir, complete, readable for the exporter, and include
// the finding.
func wrote(t *testing.T, dir string) {
	t.Helper()
	name := filepath.Join(dir, "linkaudit.prom")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v: %s", err, output(t, "journalctl", "--no-pager", "-u", "linkaudit.service"))
	}
	if !bytes.Contains(content, []byte(`rule="policy-overrides-ports"`)) || !bytes.HasSuffix(content, []byte("\n")) {
		t.Errorf("%s:\n%s", name, content)
	}
	if st, err := os.Stat(name); err != nil || st.Mode() != 0o644 {
		t.Errorf("%s has mode %v (%v)", name, st.Mode(), err)
	}
}

// The sandboxed service sees what root sees: the audit, and the whole snapshot except
// the credentials in udevd's environment, which take CAP_SYS_PTRACE.
func TestFirstUnitSeesWhatRootSees(t *testing.T) {
	free(t)
	create(t, "bond0", "bond")
	defer ip(t, "del", "bond0")
	defer output(t, "systemctl", "daemon-reload")
	defer os.RemoveAll(serviceDropin)

	inside, outside := inService(t, "check --all --format json"), asRoot(t, "check --all --format json")
	if diff := cmp.Diff(outside, inside); diff != "" {
		t.Errorf("check (-as root +in the service):\n%s", diff)
	}
	inside, outside = inService(t, "snapshot --with-machine-id"), asRoot(t, "snapshot --with-machine-id")
	delete(inside, "taken")
	delete(outside, "taken")
	credentials := func(snapshot map[string]any) map[string]any {
		system := snapshot["system"].(map[string]any)
		defer delete(system, "credentials")
		return system["credentials"].(map[string]any)
	}
	if reason, ok := credentials(inside)["unknown"].(string); !ok || !strings.HasSuffix(reason, "permission denied") {
		t.Errorf("the service knows the credentials of udevd: it has more rights than it needs, or this test too few")
	}
	credentials(outside)
	if diff := cmp.Diff(outside, inside); diff != "" {
		t.Errorf("snapshot (-as root +in the service):\n%s", diff)
	}
}

// inService is the JSON of a command that the service runs instead of its own.
func inService(t *testing.T, command string) map[string]any {
	t.Helper()
	const out = "/run/inside"
	os.Remove(out)
	write(t, serviceDropin+"/command.conf", "[Service]\nExecStart=\nStandardOutput=file:"+out+"\nExecStart=/usr/bin/linkaudit "+command+"\n")
	output(t, "systemctl", "daemon-reload")
	startService(t)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return object(t, command, b)
}

// asRoot is the JSON of a command that root runs. Exit status 1 means findings.
func asRoot(t *testing.T, command string) map[string]any {
	t.Helper()
	b, _ := exec.Command("linkaudit", strings.Fields(command)...).Output()
	return object(t, command, b)
}

func object(t *testing.T, command string, text []byte) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatalf("linkaudit %s: %v: %s", command, err, text)
	}
	return o
}

// exposureLimit is for systemd-analyze security, from 0 to 10.
const exposureLimit = 1.5

var exposure = regexp.MustCompile(`(?m)Overall exposure level for linkaudit\.service: ([0-9.]+)`)

func TestFirstUnitIsLockedDown(t *testing.T) {
	out := output(t, "systemd-analyze", "security", "--no-pager", "linkaudit.service")
	m := exposure.FindStringSubmatch(out)
	if m == nil {
		t.Fatal(out)
	}
	t.Log(m[0])
	if level, err := strconv.ParseFloat(m[1], 64); err != nil || level > exposureLimit {
		t.Errorf("%s, not %v at most:\n%s", m[0], exposureLimit, out)
	}
}

func TestFirstUnitIsStartedByTimerAndPath(t *testing.T) {
	output(t, "systemctl", "enable", "--now", "linkaudit.timer", "linkaudit.path")
	defer output(t, "systemctl", "disable", "--now", "linkaudit.timer", "linkaudit.path")
	// Five minutes after boot the timer starts the service at once. It has no time for
	// the next start until that has ended; changes meanwhile start nothing.
	eventually(t, func() bool {
		return output(t, "systemctl", "show", "-p", "ActiveState", "linkaudit.service") == "ActiveState=inactive\n"
	}, func() string { return "the service ends: " + show("linkaudit.service") })
	next := output(t, "systemctl", "show", "-p", "ActiveState,NextElapseUSecRealtime,NextElapseUSecMonotonic", "linkaudit.timer")
	if !strings.Contains(next, "ActiveState=active") || strings.Contains(next, "NextElapseUSecRealtime=\n") {
		t.Errorf("the timer: %s", next)
	}
	// From now on only the path starts it, and it must look for changes again.
	output(t, "systemctl", "stop", "linkaudit.timer")
	eventually(t, func() bool {
		service := output(t, "systemctl", "show", "-p", "Job,ActiveState", "linkaudit.service")
		return strings.Contains(service, "ActiveState=inactive\n") && !job.MatchString(service) &&
			output(t, "systemctl", "show", "-p", "SubState", "linkaudit.path") == "SubState=waiting\n"
	}, func() string { return "the path waits: " + show("linkaudit.path") + show("linkaudit.service") })
	before := started(t)
	write(t, networkDir+"/10-unit.link", "[Match]\nOriginalName=none\n")
	defer os.Remove(networkDir + "/10-unit.link")
	eventually(t, func() bool { return started(t) != before },
		func() string { return "a new .link file starts an audit: " + show("linkaudit.path") })
}

// show is the state of a unit as text. systemctl status fails if the unit does not run.
func show(unit string) string {
	out, _ := exec.Command("systemctl", "status", "--no-pager", "--lines=50", unit).CombinedOutput()
	return string(out)
}

// started identifies a start of the service.
func started(t *testing.T) string {
	t.Helper()
	return output(t, "systemctl", "show", "-p", "ExecMainStartTimestampMonotonic", "linkaudit.service")
}
