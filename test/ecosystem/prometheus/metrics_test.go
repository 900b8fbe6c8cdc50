//go:build ecosystem

package prometheus

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

// openMetrics is the reference parser of the OpenMetrics format, which is stricter than
// Prometheus.
const openMetrics = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
text = sys.stdin.buffer.read().decode("utf-8")
print(sum(len(f.samples) for f in text_string_to_metric_families(text)))
`

// checkMetrics checks an exposition with promtool and the OpenMetrics parser.
func checkMetrics(t *testing.T, metrics []byte) {
	t.Helper()
	for _, cmd := range []*exec.Cmd{
		exec.CommandContext(t.Context(), "promtool", "check", "metrics"),
		exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", openMetrics),
	} {
		cmd.Stdin = bytes.NewReader(metrics)
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) == "0" {
			t.Errorf("%s: %v: %s\n%s", cmd.Args[0], err, out, metrics)
		}
	}
}

func needPromtool(t *testing.T) {
	t.Helper()
	stage.Need(t, map[string]string{"promtool": "prometheus", "/usr/bin/python3": "python3"})
	if err := exec.Command("/usr/bin/python3", "-c", "import prometheus_client").Run(); err != nil {
		t.Fatalf("%v: apt-get install python3-prometheus-client", err)
	}
}

func audited(t *testing.T, h stage.Host) []byte {
	t.Helper()
	return stage.Run(t, []int{0, 1}, append(slices.Clone(h.Args), "--format", "prometheus")...)
}

func TestPromtoolAndOpenMetricsTakeTheMetrics(t *testing.T) {
	needPromtool(t)
	for _, h := range stage.Hosts(t, t.TempDir()) {
		if h.Args[0] == "check" {
			t.Run(h.Name, func(t *testing.T) { checkMetrics(t, audited(t, h)) })
		}
	}
}

// A machine with devices named by an attacker.
func TestDevicesOfThisMachineWithHostileNames(t *testing.T) {
	needPromtool(t)
	stage.Need(t, map[string]string{"ip": "iproute2", "unshare": "util-linux"})
	file := filepath.Join(t.TempDir(), "linkaudit.prom")
	script := `
set -e
linkaudit=$1 file=$2
shift 2
for name; do ip link add name "$name" type bridge; done
"$linkaudit" check --no-config --format prometheus --output "$file" || [ $? = 1 ]
`
	var names []string
	for _, name := range stage.HostileNames {
		if len(name) <= 15 && !strings.ContainsAny(name, "%/: ") { // "%d" is the kernel's
			names = append(names, name)
		}
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"-n", "bash", "-c", script, "bash", stage.Binary(t), file}, names...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	metrics := []byte(read(t, file))
	checkMetrics(t, metrics)
	if n := bytes.Count(metrics, []byte("\nlinkaudit_device_info{")); n != len(names) {
		t.Errorf("%d of %d devices:\n%s", n, len(names), metrics)
	}
	if !bytes.Contains(metrics, []byte(`device="größer"`)) {
		t.Errorf("a harmless name was escaped:\n%s", metrics)
	}
}

// What node_exporter serves is what linkaudit wrote.
func TestNodeExporterServesEverySeries(t *testing.T) {
	tool.OnlyInFull(t)
	dir := t.TempDir()
	var want []string
	hostile := filepath.Join(t.TempDir(), "hostile.json")
	stage.Save(t, hostile, stage.Hostile(t))
	file := filepath.Join(dir, "linkaudit.prom")
	stage.Run(t, []int{1}, "check", "--from", hostile, "--format", "prometheus", "--output", file)
	if st, err := os.Stat(file); err != nil || st.Mode() != 0o644 {
		t.Fatalf("%v, %v", st, err)
	}
	for line := range strings.SplitSeq(read(t, file), "\n") {
		if strings.HasPrefix(line, "linkaudit_") {
			want = append(want, sorted(line))
		}
	}
	exporter := "http://" + nodeExporter(t, dir) + "/metrics"
	served := get(t, exporter)
	if !strings.Contains(served, "\nnode_textfile_scrape_error 0\n") {
		t.Fatalf("node_exporter refused the file:\n%s", served)
	}
	var got []string
	for line := range strings.SplitSeq(served, "\n") {
		if strings.HasPrefix(line, "linkaudit_") {
			got = append(got, sorted(line))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("served:\n%s\nwritten:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// A failed audit leaves the file, and its age shows that.
	old := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	stage.Run(t, []int{2}, "check", "bond99", "--from", hostile, "--format", "prometheus", "--output", file)
	served = get(t, exporter)
	m := regexp.MustCompile(`(?m)^node_textfile_mtime_seconds\{file="` + regexp.QuoteMeta(file) + `"\} (.*)$`).FindStringSubmatch(served)
	if m == nil || !near(t, m[1], old) || strings.Count(served, "\nlinkaudit_device_info{") == 0 {
		t.Errorf("after a failed audit, %v, want %d:\n%s", m, old.Unix(), served)
	}
}

// On a full disk the old file stays.
func TestAFullDiskLeavesTheOldFile(t *testing.T) {
	stage.Need(t, map[string]string{"unshare": "util-linux"})
	dir := t.TempDir()
	script := `
mount -t tmpfs -o size=16k none "$2" && cd "$2" || exit
"$1" example --format prometheus >linkaudit.prom
cp linkaudit.prom /dev/shm/$$ && head -c 1M /dev/zero >filler 2>/dev/null
"$1" check --from "$3" --format prometheus --output linkaudit.prom
echo "exit status $?"
cmp linkaudit.prom /dev/shm/$$ && echo same
rm /dev/shm/$$
ls -A
`
	snap := filepath.Join(dir, "hostile.json")
	stage.Save(t, snap, stage.Hostile(t))
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "unshare", "-m", "bash", "-c", script, "bash", stage.Binary(t), disk, snap).CombinedOutput()
	want := "linkaudit: cannot write the report: linkaudit.prom: no space left on device\nexit status 2\nsame\nfiller\nlinkaudit.prom\n"
	if err != nil || string(out) != want {
		t.Errorf("%v:\n%s\nwant\n%s", err, out, want)
	}
}

// labelPair is one label of a series.
var labelPair = regexp.MustCompile(`[a-z_]+="(?:[^"\\]|\\.)*"`)

// sorted is a sample with its labels in order.
func sorted(line string) string {
	name, rest, ok := strings.Cut(line, "{")
	if !ok {
		return line
	}
	labels := labelPair.FindAllString(rest, -1)
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + "}" + rest[strings.LastIndexByte(rest, '}')+1:]
}

func near(t *testing.T, seconds string, want time.Time) bool {
	t.Helper()
	got, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		t.Fatal(err)
	}
	return got > float64(want.Unix())-2 && got < float64(want.Unix())+2
}
