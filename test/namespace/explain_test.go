//go:build namespace

package namespace

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestExplainNamesTheFileThatUdevdApplied compares the fates of files with what each
// udevd recorded, for devices of several kinds. It checks the text and the pictures of
// a device with a hostile name.
func TestExplainNamesTheFileThatUdevdApplied(t *testing.T) {
	schema := jsonschema.NewCompiler().MustCompile("../../docs/schema/explain.schema.json")
	for _, p := range releases(t) {
		t.Run(p.name, func(t *testing.T) {
			s := newStage(t, p.root)
			const dir = "/etc/systemd/network/"
			s.write(dir+"05-empty.link", "[Match]\nOriginalName=\n")
			s.write(dir+"10-host.link", "[Match]\nHost=elsewhere\nOriginalName=*\n")
			s.write(dir+"20-bridge.link", "[Match]\nDriver=bridge\n\n[Link]\nMACAddressPolicy=none\n")
			s.write(dir+"20-bridge.link.d/x.conf", "[Link]\nMACAddressPolicy=persistent\n")
			s.write(dir+"30-x.link", "[Match]\nOriginalName=x*\n")
			// udevd would rename it; without udevd it keeps its name.
			const hostile = `x"]\;<b>#1`
			s.must("ip", "link", "add", hostile, "type", "bridge")
			s.startUdevd()
			s.add("br0", "type", "bridge")
			s.add("ve0", "type", "veth", "peer", "name", "xe1")
			s.settle("xe1")
			for _, name := range []string{"br0", hostile, "ve0", "xe1"} {
				s.part(t, name, func(t *testing.T) {
					r := s.audit("explain", name, "--format", "json")
					doc, err := jsonschema.UnmarshalJSON(strings.NewReader(r.stdout))
					if err != nil || r.status != 0 {
						t.Fatalf("%v: %v", err, r)
					}
					if err := schema.Validate(doc); err != nil {
						t.Error(err)
					}
					var got struct {
						Files  []struct{ Path, Fate, Reason string }
						Device device
					}
					if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
						t.Fatal(err)
					}
					applies := ""
					for _, f := range got.Files {
						if f.Fate == "applies" {
							applies = f.Path
						}
					}
					want := dir + "20-bridge.link"
					if name != hostile {
						want = s.property(name, "ID_NET_LINK_FILE")
					}
					if applies != want || str(got.Device.LinkFile) != want {
						t.Errorf("udevd applied %s, not %s: %v", want, applies, r)
					}
					narrow(t, s.audit("explain", name))
					mermaid := s.audit("explain", name, "--format", "mermaid")
					if mermaid.status != 0 || !strings.HasPrefix(mermaid.stdout, "flowchart TD\n") {
						t.Errorf("%v", mermaid)
					}
					dot := exec.Command("dot", "-Tsvg")
					dot.Stdin = strings.NewReader(s.audit("explain", name, "--format", "dot").stdout)
					if out, err := dot.CombinedOutput(); err != nil || !strings.Contains(string(out), "</svg>") || strings.Contains(string(out), "Warning") {
						t.Errorf("dot: %v: %s", err, head(string(out)))
					}
				})
			}
		})
	}
}
