package conformance

import (
	"path/filepath"
	"strings"
	"testing"

	"linkaudit/linkfiles"
)

// TestFixturesHaveAnAnswerInEveryRelease reads the fixtures as every release in the
// table. Four of them have udevd's own answers. For all, there must be an answer that
// agrees with the file: a release without drop-ins names none, and no release names a
// file outside the tree.
func TestFixturesHaveAnAnswerInEveryRelease(t *testing.T) {
	files, err := filepath.Glob(fixtures + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s (%v)", fixtures, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			c := readFixture(t, file)
			root := t.TempDir()
			tree := fixtureTree(c)
			if err := tree.Write(root); err != nil {
				t.Fatal(err)
			}
			store, err := linkfiles.Read(root)
			if err != nil {
				t.Fatal(err)
			}
			for rel := int(linkfiles.OldestRelease); rel <= int(linkfiles.NewestRelease); rel++ {
				read := map[string]bool{}
				for _, f := range linkfiles.Parse(store, linkfiles.Release(rel)).Files {
					read[f.Path] = true
				}
				for i, v := range Ours(root, c, rel) {
					switch {
					case strings.HasPrefix(v.Failure, "panic"):
						t.Errorf("%d, %s: %s", rel, c.Devices[i].Name, v.Failure)
					case v.Failure != "" && !hasFIFO(tree):
						t.Errorf("%d, %s: no answer: %s", rel, c.Devices[i].Name, v.Failure)
					case v.File != "" && !read[v.File]:
						t.Errorf("%d, %s: %s is not a file of the tree", rel, c.Devices[i].Name, v.File)
					case rel < 248 && len(v.DropIns) > 0:
						t.Errorf("%d, %s: drop-ins %v", rel, c.Devices[i].Name, v.DropIns)
					}
				}
			}
		})
	}
}

// hasFIFO: what a release that waits at a FIFO does with it is unknown.
func hasFIFO(t Tree) bool {
	for _, n := range t {
		if n.Kind == NodeFIFO {
			return true
		}
	}
	return false
}
