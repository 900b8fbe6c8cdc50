package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fixtures = "../../testdata/conformance"

// TestFixturesGetTheVerdictOfUdevd replays the answers of real udevds for every
// fixture, device and release.
func TestFixturesGetTheVerdictOfUdevd(t *testing.T) {
	files, err := filepath.Glob(fixtures + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s (%v)", fixtures, err)
	}
	for _, file := range files {
		c := readFixture(t, file)
		if len(c.Udevd) == 0 {
			t.Errorf("%s has no answers", file)
		}
		root := t.TempDir()
		if err := fixtureTree(c).Write(root); err != nil {
			t.Fatal(err)
		}
		byRelease := map[int][]Verdict{}
		for _, a := range c.Udevd {
			name := fmt.Sprintf("%s/%d/%s", strings.TrimSuffix(filepath.Base(file), ".txtar"), a.Release, a.Device)
			t.Run(name, func(t *testing.T) {
				if byRelease[a.Release] == nil {
					byRelease[a.Release] = Ours(root, c, a.Release)
				}
				for i, d := range c.Devices {
					if d.Name != a.Device {
						continue
					}
					if diff := fixtureDifference(c, a, byRelease[a.Release][i]); diff != "" {
						t.Errorf("%s\n%s", c.About, diff)
					}
				}
			})
		}
	}
}

func TestCasesSurviveBeingWrittenAndRead(t *testing.T) {
	devices := []Device{{Name: "br0", MAC: "02:11:22:33:44:55", Kind: "bridge", Driver: "bridge", ARPHRD: 1}, {Name: `q"uo'te`}}
	for index := range uint64(500) {
		c, err := Generate(7, index, devices)
		if err != nil {
			t.Fatal(err)
		}
		c.Udevd = []Answer{{257, `q"uo'te`, Verdict{File: "/a b", DropIns: []string{"/x"}, Complaints: []Complaint{{"warning", "/20-\xff", 3}}}}}
		text := c.Format()
		again, err := ParseCase(text)
		if err != nil {
			t.Fatalf("index %d: %v\n%s", index, err, text)
		}
		if got := again.Format(); string(got) != string(text) {
			t.Fatalf("index %d: read back as\n%s\nwant\n%s", index, got, text)
		}
		if len(again.Tree) != len(c.Tree) {
			t.Fatalf("index %d: %d nodes, want %d", index, len(again.Tree), len(c.Tree))
		}
		for i, n := range again.Tree {
			if string(n.Content) != string(c.Tree[i].Content) || n.Path != c.Tree[i].Path {
				t.Fatalf("index %d: node %s: %q, want %q", index, n.Path, n.Content, c.Tree[i].Content)
			}
		}
	}
}

func readFixture(t *testing.T, file string) *Case {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCase(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return c
}

// fixtureTree is the case's tree with what every root also has.
func fixtureTree(c *Case) Tree {
	around := Tree{
		{Path: "/usr/lib", Kind: NodeDir},
		{Path: "/lib", Kind: NodeSymlink, Target: "usr/lib"},
	}
	return append(around, c.Tree...)
}

// fixtureDifference compares with a captured answer. A captured time-out means that
// udevd waits forever at a FIFO. The code under test must not; what it says then does
// not matter.
func fixtureDifference(c *Case, a Answer, ours Verdict) string {
	if a.Verdict.Failure != "" {
		if strings.HasPrefix(ours.Failure, "panic") {
			return ours.Failure
		}
		return ""
	}
	return Difference(a.Verdict, comparable(a.Release, ours))
}
