package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
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
	"linkaudit/internal/words"
)

// rulesFile is absolute, because an example may change the directory.
var rulesFile, _ = filepath.Abs("../../docs/rules.md")

var update = flag.Bool("update", false, "write what is compared: what the examples of docs/rules.md print, or the figures of testdata/allocations.json")

// TestTheRulesShowWhatIsPrinted runs the example of every rule. The page has exactly the
// output.
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
				t.Errorf("docs/rules.md does not show what is printed (go test ./cmd/linkaudit -run Rules -update writes it):\n%s",
					cmp.Diff(e.Output, want))
			}
		})
	}
	t.Run("index", func(t *testing.T) {
		before, is, after := cutIndex(t, page)
		want := index(t)
		if *update {
			page = before + want + after
		} else if is != want {
			t.Errorf("the index of docs/rules.md is another one (go test ./cmd/linkaudit -run Rules -update writes it):\n%s",
				cmp.Diff(is, want))
		}
	})
	if *update {
		if err := os.WriteFile(rulesFile, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// cutIndex finds the index in the page.
func cutIndex(t *testing.T, page string) (before, index, after string) {
	t.Helper()
	const begin, end = "<!-- index -->\n", "<!-- end of index -->"
	before, rest, ok := strings.Cut(page, begin)
	index, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("docs/rules.md has no place for an index")
	}
	return before + begin, index, end + after
}

// anchor is what links call a heading, as GitHub has it.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(heading), "."), " ", "-")
}

// index is a table of each group of rules.
func index(t *testing.T) string {
	t.Helper()
	severity := map[string]audit.Severity{}
	for _, r := range audit.Rules() {
		severity[r.Name] = r.Severity
	}
	var b strings.Builder
	for _, g := range words.RuleGroups() {
		fmt.Fprintf(&b, "\n**[%s](#%s)**\n\n| rule | severity | finds |\n| --- | --- | --- |\n", g.Title, anchor(g.Title))
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.Name, r.Name, severity[r.Name], r.Summary)
		}
	}
	return b.String() + "\n"
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
