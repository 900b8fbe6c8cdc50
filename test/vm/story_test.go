//go:build vm

package vm

import (
	"flag"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/story.md")

const storyFile = "../../docs/story.md"

// story plays docs/story.sh and compares docs/story.md with what it wrote.
func story(t *testing.T, bin string) {
	script, err := os.ReadFile("../../docs/story.sh")
	if err != nil {
		t.Fatal(err)
	}
	told := boot{tests: "Story"}.run(t, bin, "trixie", map[string][]byte{"/usr/lib/linkaudit-story": script})["/story.md"]
	if *update {
		if err := os.WriteFile(storyFile, told, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(storyFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(comparable(written), comparable(told)); diff != "" || len(told) == 0 {
		t.Errorf("docs/story.md is not what docs/story.sh says now; go test -tags vm -run /Story ./test/vm -update:\n%s", diff)
	}
}

var (
	address  = regexp.MustCompile(`([0-9a-f]{2}:){5}[0-9a-f]{2}`)
	versions = regexp.MustCompile(`systemd [0-9~a-z.-]+ and Linux [0-9.]+`)
)

// comparable leaves out what differs from run to run: the addresses that the
// kernel made up, and the versions that the distribution ships today.
func comparable(text []byte) string {
	known := map[string]bool{"52:54:00:00:00:10": true, "96:85:c5:ce:a2:4b": true, "ff:ff:ff:ff:ff:ff": true}
	s := address.ReplaceAllStringFunc(string(text), func(mac string) string {
		if known[mac] {
			return mac
		}
		return "(made up)"
	})
	return versions.ReplaceAllString(s, "(versions)")
}
