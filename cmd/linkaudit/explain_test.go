package main

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"linkaudit/docs"
	"linkaudit/internal/audit"
	"linkaudit/internal/remedy"
	"linkaudit/internal/report"
	"linkaudit/linkfiles"
)

// Every device of every example in docs/rules.md, and one that does not exist, has an
// explanation in each format, and it agrees with the audit.
func TestEveryExampleCanBeExplained(t *testing.T) {
	examples, err := docs.Examples(exampleHost)
	if err != nil {
		t.Fatal(err)
	}
	schema := jsonschema.NewCompiler().MustCompile("../../docs/schema/explain.schema.json")
	for _, e := range examples {
		t.Run(e.Rule, func(t *testing.T) {
			targets := []audit.Target{{Name: "new0", Kind: "bond"}, {Name: "new1", Kind: "wireguard"}, {Name: "new2"}}
			for _, d := range e.Snapshot.Devices {
				targets = append(targets, audit.Target{Name: d.Name, Kind: d.Kind})
			}
			rel, err := e.Snapshot.Systemd.Needed()
			if err != nil {
				rel = linkfiles.NewestRelease
			}
			tree := linkfiles.Parse(&e.Snapshot.Files, rel)
			for _, target := range targets {
				t.Run(target.Name, func(t *testing.T) {
					x := audit.Explain(e.Snapshot, tree, target, nil, remedy.Place{})
					applies := ""
					for _, v := range x.Files {
						if v.Fate == linkfiles.FateApplies {
							applies = v.File.Path
						}
					}
					if f := x.Device.LinkFile.Or(nil); f == nil && applies != "" || f != nil && f.Path != applies {
						t.Errorf("%q applies, but the audit says %+v", applies, f)
					}
					if d := x.Device; d.Device != nil && d.Device.MAC != "" && x.Evidence == nil {
						t.Errorf("no evidence for the origin %q", d.Origin.Or("unknown"))
					}
					for _, format := range formatNames("explain") {
						var b bytes.Buffer
						if err := report.FormatNamed(format).Explanation(&b, x, report.Options{}); err != nil {
							t.Errorf("%s: %v", format, err)
						}
						if format != "json" {
							continue
						}
						doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
						if err != nil {
							t.Fatal(err)
						}
						if err := schema.Validate(doc); err != nil {
							t.Error(err)
						}
					}
				})
			}
		})
	}
}
