package audit_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"linkaudit/docs"
	"linkaudit/internal/audit"
	"linkaudit/internal/siteconf"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

func examples(t *testing.T) []docs.Example {
	t.Helper()
	base, err := os.ReadFile("../../cmd/linkaudit/example.json")
	if err != nil {
		t.Fatal(err)
	}
	all, err := docs.Examples(base)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheCatalogueAndItsDocumentationAgree(t *testing.T) {
	var documented, known []string
	severity := map[string]string{}
	for _, e := range examples(t) {
		documented = append(documented, e.Rule)
		severity[e.Rule] = e.Severity
	}
	for _, r := range audit.Rules() {
		known = append(known, r.Name)
		if severity[r.Name] != string(r.Severity) {
			t.Errorf("%s: documented as %q, is %q", r.Name, severity[r.Name], r.Severity)
		}
		if words.RuleSummary(r.Name) == "" || words.RuleHelp(r.Name) == "" {
			t.Errorf("%s has no summary or no help", r.Name)
		}
	}
	if !slices.Equal(documented, known) {
		t.Errorf("docs/rules.md has %v\nthe catalogue %v", documented, known)
	}
	var listed []string
	for _, g := range words.RuleGroups() {
		if !strings.Contains(docs.Rules, "\n## "+g.Title+"\n\n### "+g.Rules[0].Name+"\n") {
			t.Errorf("docs/rules.md does not begin %q with %s", g.Title, g.Rules[0].Name)
		}
		for _, r := range g.Rules {
			listed = append(listed, r.Name)
		}
	}
	if !slices.Equal(listed, known) {
		t.Errorf("package words has %v\nthe catalogue %v", listed, known)
	}
}

func TestEveryDocumentedExampleIsFound(t *testing.T) {
	for _, e := range examples(t) {
		if e.Others != nil {
			continue // package fleet reports it, and a test in cmd/linkaudit compares it with the page
		}
		t.Run(e.Rule, func(t *testing.T) {
			opt := audit.Options{}
			for i := 1; i < len(e.Args); i++ {
				if e.Args[i] == "--kind" {
					i++
					for j := range opt.Targets {
						opt.Targets[j].Kind = e.Args[i]
					}
					continue
				}
				opt.Targets = append(opt.Targets, audit.Target{Name: e.Args[i]})
			}
			conf := filepath.Join(t.TempDir(), "linkaudit.conf")
			if err := os.WriteFile(conf, []byte(e.SiteConf), 0o644); err != nil {
				t.Fatal(err)
			}
			site, err := siteconf.Load(t.TempDir(), conf)
			if err != nil {
				t.Fatal(err)
			}
			opt.Site = site
			rel := e.Snapshot.Systemd.Release.Or(linkfiles.NewestRelease)
			r := audit.Check(e.Snapshot, linkfiles.Parse(&e.Snapshot.Files, rel), opt)
			found := r.Findings
			for _, d := range r.Devices {
				found = append(found, d.Findings...)
			}
			for _, f := range found {
				if f.Rule == e.Rule && string(f.Severity) == e.Severity {
					return
				}
			}
			t.Errorf("not among the findings: %+v", found)
		})
	}
}
