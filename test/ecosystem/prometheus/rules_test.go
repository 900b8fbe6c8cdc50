//go:build ecosystem

package prometheus

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"linkaudit/test/doccmd"
	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

// contrib is the directory with the rules and the dashboard.
func contrib(t *testing.T) string { return filepath.Join(stage.Root(t), "contrib/prometheus") }

func promtool(t *testing.T, args ...string) string {
	t.Helper()
	stage.Need(t, map[string]string{"promtool": "prometheus"})
	out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// alertName finds the alerts of the rules, and their tests.
var (
	alertName  = regexp.MustCompile(`(?m)^ *- alert: (\w+)$`)
	testedName = regexp.MustCompile(`(?m)^ *alertname: (\w+)$`)
)

func TestTheRulesAreValidAndEachIsTested(t *testing.T) {
	rules, tests := filepath.Join(contrib(t), "linkaudit.rules.yml"), filepath.Join(contrib(t), "linkaudit.rules.test.yml")
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", rules)
	promtool(t, "test", "rules", tests)
	tested := names(testedName, read(t, tests))
	readme := read(t, filepath.Join(contrib(t), "README.md"))
	alerts := names(alertName, read(t, rules))
	if len(alerts) == 0 {
		t.Fatal("there are no alerts")
	}
	for _, alert := range alerts {
		if !slices.Contains(tested, alert) {
			t.Errorf("%s has no unit test", alert)
		}
		if !strings.Contains(readme, "| `"+alert+"` |") {
			t.Errorf("README.md does not say when %s fires", alert)
		}
	}
}

func names(re *regexp.Regexp, text string) (all []string) {
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// The README has a row for each metric, with its labels, and no others.
func TestTheReadmeHasEveryMetric(t *testing.T) {
	h := filepath.Join(t.TempDir(), "h.json")
	stage.Save(t, h, stage.Debian11(t, ""))
	metrics := string(audited(t, stage.Host{Args: []string{"check", "--from", h}}))
	labels := map[string][]string{}
	for line := range strings.SplitSeq(metrics, "\n") {
		if strings.HasPrefix(line, "linkaudit_") {
			name, _, _ := strings.Cut(strings.Fields(line)[0], "{")
			labels[name] = nil
			for _, pair := range labelPair.FindAllString(line, -1) {
				label, _, _ := strings.Cut(pair, "=")
				labels[name] = append(labels[name], "`"+label+"`")
			}
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `(linkaudit_[a-z_]+)` \\|([^|]*)\\|").FindAllStringSubmatch(read(t, filepath.Join(contrib(t), "README.md")), -1)
	if len(rows) != len(labels) {
		t.Errorf("README.md has %d metrics, check %d", len(rows), len(labels))
	}
	for _, row := range rows {
		want, ok := labels[row[1]]
		if !ok || strings.TrimSpace(row[2]) != strings.Join(want, ", ") {
			t.Errorf("README.md: %s has labels %s, check has %s", row[1], row[2], strings.Join(want, ", "))
		}
	}
}

// pending is how long the alerts wait, which the test replaces.
var pending = regexp.MustCompile(`(?m)^( *for:) .*$`)

// fleet is a Prometheus that scrapes two hosts. The second is a clone of the first and
// was audited a day ago.
func fleet(t *testing.T) string {
	t.Helper()
	stage.Need(t, map[string]string{"prometheus": "prometheus"})
	dir := t.TempDir()
	var targets []string
	for _, name := range []string{"web1", "web2"} {
		snap := filepath.Join(dir, name+".json")
		stage.Save(t, snap, stage.Debian11(t, name))
		files := filepath.Join(dir, name)
		if err := os.Mkdir(files, 0o755); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(files, "linkaudit.prom")
		stage.Run(t, []int{1}, "check", "--from", snap, "--format", "prometheus", "--output", file)
		if name == "web2" {
			yesterday := time.Now().Add(-24 * time.Hour)
			if err := os.Chtimes(file, yesterday, yesterday); err != nil {
				t.Fatal(err)
			}
		}
		targets = append(targets, fmt.Sprintf("%q", nodeExporter(t, files)))
	}
	write(t, filepath.Join(dir, "linkaudit.rules.yml"),
		pending.ReplaceAllString(read(t, filepath.Join(contrib(t), "linkaudit.rules.yml")), "$1 2s"))
	config := filepath.Join(dir, "prometheus.yml")
	// A scrape may take as long as the interval. After a failed one an alert waits
	// again.
	write(t, config, `global: {scrape_interval: 5s, evaluation_interval: 1s}
rule_files: [linkaudit.rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{targets: [`+strings.Join(targets, ", ")+`]}]
`)
	promtool(t, "check", "config", config)
	return start(t, "/-/ready", "prometheus", func(address string) []string {
		return []string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--web.listen-address=" + address, "--log.level=warn"}
	})
}

func TestAFleetInARealPrometheus(t *testing.T) {
	tool.OnlyInFull(t)
	server := fleet(t)
	t.Run("the alerts fire", func(t *testing.T) {
		// What they fire for: an alert and the label that identifies it.
		want := map[string]string{
			"LinkauditDuplicateAddress 42:e2:89:5b:6d:de":        "is the address of bond0 on 127.0.0.1:",
			"LinkauditSharedMachineID 42:e2:89:5b:6d:de":         "gives bond0 on 127.0.0.1:",
			"LinkauditError policy-overrides-ports":              "an error about the device bond0 of 127.0.0.1:",
			"LinkauditAddressWillChange address-changes-on-boot": "explain bond0",
			"LinkauditStale web2":                                "systemctl status linkaudit.service",
		}
		var fired []string
		eventually(t, "alerts", func() string {
			var data struct {
				Alerts []struct {
					State               string
					Labels, Annotations map[string]string
				}
			}
			if err := api(t, server, "alerts", nil, &data); err != nil {
				return err.Error()
			}
			fired = nil
			missing := map[string]bool{}
			for name := range want {
				missing[name] = true
			}
			for _, a := range data.Alerts {
				fired = append(fired, fmt.Sprint(a.State, " ", a.Labels))
				for name, text := range want {
					alert, tell, _ := strings.Cut(name, " ")
					if a.State == "firing" && a.Labels["alertname"] == alert && strings.Contains(strings.Join([]string{a.Labels["address"], a.Labels["persistent_address"], a.Labels["rule"], a.Labels["file"]}, " "), tell) {
						if !strings.Contains(a.Annotations["description"], text) {
							t.Errorf("%s says %q", name, a.Annotations["description"])
						}
						delete(missing, name)
					}
				}
			}
			if len(missing) > 0 {
				return fmt.Sprintf("%v of %q", missing, fired)
			}
			return ""
		})
		for _, f := range fired {
			for _, quiet := range []string{"LinkauditAbsent", "LinkauditUnreadable", "web1/linkaudit.prom"} {
				if strings.Contains(f, quiet) {
					t.Errorf("%s", f)
				}
			}
		}
	})
	t.Run("the dashboard shows data", func(t *testing.T) { dashboard(t, server) })
}

// panel is the part of a Grafana panel that queries Prometheus.
type panel struct {
	ID      int
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct {
		Expr           string
		Instant, Range bool
		Datasource     struct{ Type, UID string }
	}
}

// dashboard runs every query of the Grafana dashboard, with "All" selected.
func dashboard(t *testing.T, server string) {
	var d struct {
		Title, UID    string
		SchemaVersion int
		Templating    struct {
			List []struct {
				Name, Type string
				AllValue   string
				Query      json.RawMessage
			}
		}
		Panels []panel
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(contrib(t), "grafana-dashboard.json"))), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion == 0 || len(d.Panels) == 0 {
		t.Fatalf("this is not a dashboard: %+v", d)
	}
	all := map[string]string{}
	for _, v := range d.Templating.List {
		switch v.Type {
		case "datasource":
			all[v.Name] = "prometheus"
		case "query":
			all[v.Name] = v.AllValue
			values(t, server, v.Query, all)
		default:
			t.Errorf("the variable %s is of type %s", v.Name, v.Type)
		}
	}
	seen := map[int]bool{}
	for i, p := range d.Panels {
		if seen[p.ID] || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d: %+v", i, p)
		}
		seen[p.ID] = true
		for _, q := range d.Panels[:i] {
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H || a.X+a.W > 24 {
				t.Errorf("the panels %s and %s overlap", p.Title, q.Title)
			}
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s asks the data source %s", p.Title, target.Datasource.UID)
			}
			expr := expand(t, target.Expr, all)
			ask := func() string { return query(t, server, expr, target.Range) }
			eventually(t, p.Title+": "+expr, ask)
		}
	}
}

// variable is a variable in an expression, as Grafana replaces it.
var variable = regexp.MustCompile(`\$\{?(\w+)\}?`)

func expand(t *testing.T, expr string, all map[string]string) string {
	t.Helper()
	return variable.ReplaceAllStringFunc(expr, func(s string) string {
		value, ok := all[variable.FindStringSubmatch(s)[1]]
		if !ok {
			t.Errorf("%s: there is no variable %s", expr, s)
		}
		return value
	})
}

// values runs the query of a variable, label_values(SERIES, LABEL).
func values(t *testing.T, server string, raw json.RawMessage, all map[string]string) {
	t.Helper()
	var q struct{ Query string }
	if err := json.Unmarshal(raw, &q); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(q.Query)
	if m == nil {
		t.Fatalf("%s is not label_values(SERIES, LABEL)", q.Query)
	}
	eventually(t, q.Query, func() string {
		return query(t, server, "group by ("+m[2]+") ("+expand(t, m[1], all)+")", false)
	})
}

// query returns "" if an expression has data, otherwise the reason why not.
func query(t *testing.T, server, expr string, overTime bool) string {
	t.Helper()
	path, v := "query", url.Values{"query": {expr}}
	if overTime {
		path = "query_range"
		now := time.Now().Unix()
		v["start"], v["end"], v["step"] = []string{fmt.Sprint(now - 30)}, []string{fmt.Sprint(now)}, []string{"1"}
	}
	var data struct{ Result []json.RawMessage }
	if err := api(t, server, path, v, &data); err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	if len(data.Result) == 0 {
		return "no data"
	}
	return ""
}

// The commands of the documentation, apart from this machine: in a network and a mount
// namespace, with a copy of contrib and an image.
func TestTheCommandsOfTheDocumentation(t *testing.T) {
	tool.OnlyInFull(t)
	needPromtool(t)
	blocks, err := doccmd.All(stage.Root(t), "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		t.Run(b.Name(), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "contrib/prometheus"), os.DirFS(contrib(t))); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "image/etc/systemd/network/10-bond.link"), "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=persistent\n")
			write(t, filepath.Join(dir, "image/var/lib/dpkg/status"), "Package: udev\nStatus: install ok installed\nArchitecture: amd64\nVersion: 252.39-1~deb12u2\n")
			setUp := `set -e
mount -t tmpfs none /var/lib/prometheus && mkdir -p /var/lib/prometheus/node-exporter
mount -t tmpfs none /etc/prometheus
set +e
`
			cmd := exec.CommandContext(t.Context(), "unshare", "-m", "-n", "bash", "-c", setUp+b.Script())
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(stage.Binary(t))+":"+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
