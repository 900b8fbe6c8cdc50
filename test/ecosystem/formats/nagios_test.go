//go:build ecosystem

package formats

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

// nagiosConfig is all that Nagios needs to run plugins; %[1]s is its directory, %[2]d
// the time limit of a plugin in seconds.
const nagiosConfig = `
log_file=%[1]s/nagios.log
cfg_file=%[1]s/objects.cfg
object_cache_file=%[1]s/objects.cache
precached_object_file=%[1]s/objects.precache
status_file=%[1]s/status.dat
status_update_interval=1
check_external_commands=0
command_file=%[1]s/command
query_socket=%[1]s/query
lock_file=%[1]s/lock
temp_file=%[1]s/temp
temp_path=%[1]s
check_result_path=%[1]s
state_retention_file=%[1]s/retention
retain_state_information=0
nagios_user=root
nagios_group=root
interval_length=1
use_syslog=0
service_check_timeout=%[2]d
execute_host_checks=0
`

const nagiosObjects = `
define timeperiod {
  timeperiod_name always
  alias always
  sunday 00:00-24:00
  monday 00:00-24:00
  tuesday 00:00-24:00
  wednesday 00:00-24:00
  thursday 00:00-24:00
  friday 00:00-24:00
  saturday 00:00-24:00
}
define command {
  command_name none
  command_line /bin/true
}
define contact {
  contact_name nobody
  host_notifications_enabled 0
  service_notifications_enabled 0
  host_notification_period always
  service_notification_period always
  host_notification_commands none
  service_notification_commands none
}
define host {
  host_name here
  address 127.0.0.1
  max_check_attempts 1
  check_period always
  contacts nobody
  check_command none
}
`

const nagiosService = `
define command {
  command_name %[1]s
  command_line %[2]s
}
define service {
  host_name here
  service_description %[1]s
  check_command %[1]s
  max_check_attempts 1
  check_interval 2
  retry_interval 2
  check_period always
  contacts nobody
}
`

// A real Nagios runs the plugin and parses its output.
func TestNagiosRunsThePlugin(t *testing.T) {
	tool.OnlyInFull(t)
	stage.Need(t, map[string]string{"nagios4": "nagios4-core"})
	dir := t.TempDir()
	good := filepath.Join(dir, "good.json")
	stage.Save(t, good, stage.Debian11(t, ""))
	hostile := filepath.Join(dir, "hostile.json")
	stage.Save(t, hostile, stage.Hostile(t))
	// What each service runs, and the state and output that Nagios must see.
	services := []struct {
		name  string
		args  []string
		state int
	}{
		{"ok", []string{"check", "--from", good, "--kind", "bridge"}, 0},
		{"warning", []string{"check", "--from", good, "--config", filepath.Join(dir, "mild.conf")}, 1},
		{"critical", []string{"check", "--from", good}, 2},
		{"usage", []string{"check", "--nope"}, 3},
		{"missing", []string{"check", "--from", filepath.Join(dir, "nowhere.json")}, 3},
		{"hostile", []string{"check", "--from", hostile}, 2},
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("mild.conf", "[rules]\npolicy-overrides-ports=warning\n")
	objects := nagiosObjects
	want := map[string]string{}
	for _, s := range services {
		args := append(slices.Clone(s.args), "--format", "nagios")
		objects += fmt.Sprintf(nagiosService, s.name, stage.Binary(t)+" "+strings.Join(args, " "))
		first, long, _ := strings.Cut(strings.TrimSuffix(string(stage.Run(t, []int{s.state}, args...)), "\n"), "\n")
		text, perf, _ := strings.Cut(first, " | ")
		// Nagios writes backslashes and line breaks as escapes.
		long = strings.ReplaceAll(strings.ReplaceAll(long, `\`, `\\`), "\n", `\n`)
		want[s.name] = fmt.Sprintf("state %d\noutput %s\nlong %s\nperf %s", s.state, text, long, perf)
	}
	write("nagios.cfg", fmt.Sprintf(nagiosConfig, dir, int(tool.Patience(time.Minute).Seconds())))
	write("objects.cfg", objects)

	cmd := exec.Command("nagios4", filepath.Join(dir, "nagios.cfg"))
	// Its workers end if it tells them to, or with the process namespace.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tool.End(cmd, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}()

	got := map[string]string{}
	tool.Until(time.Minute, func() bool {
		got = checked(filepath.Join(dir, "status.dat"))
		return len(got) == len(services)
	})
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			if got[s.name] != want[s.name] {
				t.Errorf("Nagios has\n%s\nwant\n%s", got[s.name], want[s.name])
			}
		})
	}
}

// service is one in Nagios' status file.
var service = regexp.MustCompile(`(?s)\nservicestatus \{\n(.*?)\n\t\}`)

// checked are the services that Nagios has checked, by name.
func checked(status string) map[string]string {
	text, err := os.ReadFile(status)
	if err != nil {
		return nil // not written yet
	}
	found := map[string]string{}
	for _, m := range service.FindAllStringSubmatch(string(text), -1) {
		v := map[string]string{}
		for line := range strings.SplitSeq(m[1], "\n") {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			v[key] = value
		}
		if v["has_been_checked"] == "1" {
			found[v["service_description"]] = fmt.Sprintf("state %s\noutput %s\nlong %s\nperf %s",
				v["current_state"], v["plugin_output"], v["long_plugin_output"], v["performance_data"])
		}
	}
	return found
}
