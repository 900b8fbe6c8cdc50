package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/docs"
	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
	"linkaudit/internal/siteconf"
)

// rulesFile is absolute: an example may run elsewhere.
var rulesFile, _ = filepath.Abs("../../docs/rules.md")

var update = flag.Bool("update", false, "write what is compared: what the examples of docs/rules.md print, or the figures of testdata/allocations.json")

// TestTheRulesShowWhatIsPrinted runs the example of every rule. What the page
// shows is the output, to the letter.
func TestTheRulesShowWhatIsPrinted(t *testing.T) {
	examples, err := docs.Examples(exampleHost)
	if err != nil {
		t.Fatal(err)
	}
	page := docs.Rules
	for _, e := range examples {
		t.Run(e.Rule, func(t *testing.T) {
			command := "linkaudit " + strings.Join(e.Args, " ")
			out := output{format: report.FormatNamed("text"), Options: report.Options{Threshold: audit.Warning}}
			if e.Severity == string(audit.Info) {
				command += " --severity info"
				out.Threshold = audit.Info
			}
			want := "\n```text\n$ " + command + "\n" + printed(t, e, out) + "```\n\n"
			if *update {
				before, after, _ := strings.Cut(page, "<!-- output: "+e.Rule+" -->\n")
				_, after, _ = strings.Cut(after, "<!-- end -->")
				page = before + "<!-- output: " + e.Rule + " -->\n" + want + "<!-- end -->" + after
				return
			}
			if e.Output != want {
				t.Errorf("docs/rules.md does not show what is printed (go test ./cmd/linkaudit -run Rules -update mends it):\n%s",
					cmp.Diff(e.Output, want))
			}
		})
	}
	if *update {
		if err := os.WriteFile(rulesFile, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func printed(t *testing.T, e docs.Example, out output) string {
	t.Helper()
	if e.Others != nil {
		return printedOfSeveral(t, e)
	}
	root := t.TempDir()
	if e.SiteConf != "" {
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "etc/linkaudit.conf"), []byte(e.SiteConf), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	conf, err := siteconf.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	var sel selection
	for i := 1; i < len(e.Args); i++ {
		if e.Args[i] == "--kind" {
			i++
			sel.kinds = list(e.Args[i : i+1])
			continue
		}
		sel.names = append(sel.names, e.Args[i])
	}
	var b bytes.Buffer
	if err := auditAndShow(&b, e.Snapshot, nil, sel, conf, out); !errors.Is(err, errFindings) {
		t.Fatalf("%s: %v, not findings:\n%s", e.Rule, err, b.String())
	}
	return b.String()
}

// printedOfSeveral runs the whole program on the snapshots of several hosts.
func printedOfSeveral(t *testing.T, e docs.Example) string {
	t.Helper()
	t.Chdir(t.TempDir())
	e.Others["web1.json"] = e.Snapshot
	for name, snap := range e.Others {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(host.Save(f, snap, false), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	var b, complaints bytes.Buffer
	status := run(append([]string{"linkaudit"}, e.Args...), strings.NewReader(""), &b, &complaints)
	if status != exitFindings || complaints.Len() > 0 || !strings.Contains(b.String(), "["+e.Rule+"]") {
		t.Fatalf("%s: status %d, %s:\n%s", e.Rule, status, complaints.String(), b.String())
	}
	return b.String()
}
