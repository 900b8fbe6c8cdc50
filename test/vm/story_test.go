//go:build vm

package vm

import (
	"flag"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/test/tool"
)

var update = flag.Bool("update", false, "write docs/story.md")

const storyFile = "../../docs/story.md"

// told has docs/story.sh played in a boot, and returns what it wrote.
func (b boot) told(t *testing.T, image string) []byte {
	t.Helper()
	script, err := os.ReadFile("../../docs/story.sh")
	if err != nil {
		t.Fatal(err)
	}
	prepared(t, image)
	told := b.run(t, image, map[string][]byte{"/usr/lib/linkaudit-story": script})["/story.md"]
	if len(told) == 0 {
		t.Fatal("docs/story.sh wrote nothing")
	}
	return told
}

// TestStory plays docs/story.sh and compares docs/story.md with what it wrote.
func TestStory(t *testing.T) {
	tool.OnlyInFull(t)
	t.Parallel()
	told := boot{name: "Story"}.told(t, "trixie")
	if *update {
		if err := os.WriteFile(storyFile, told, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	saysTheSame(t, told, comparable)
}

func saysTheSame(t *testing.T, told []byte, of func([]byte) string) {
	t.Helper()
	written, err := os.ReadFile(storyFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(of(written), of(told)); diff != "" {
		t.Errorf("docs/story.md is not what docs/story.sh says now; go test -tags vm -run TestStory ./test/vm -update:\n%s", diff)
	}
}

// TestWalkthrough is the one boot of .ci/run: a bond from its creation under udevd's
// policy over the fix to the undo, on the release that LINKAUDIT_SEED draws. The
// guest's tests compare each step with the kernel's own word; and docs/story.sh says
// what docs/story.md does, on trixie word for word, and elsewhere each address, its
// origin, the policy and the verdict.
func TestWalkthrough(t *testing.T) {
	suite := drawn(t)
	t.Run(suite, func(t *testing.T) {
		told := boot{name: "Walkthrough", tests: "FirstBootOfABondMadeByIfupdown$|FirstStoryOfABond$|Story$"}.told(t, "walkthrough-"+suite)
		of := facts
		if suite == "trixie" {
			of = comparable
		}
		saysTheSame(t, told, of)
	})
}

// drawn is the release that LINKAUDIT_SEED draws, 1 where it is not set.
func drawn(t *testing.T) string {
	t.Helper()
	seed := uint64(1)
	if s := os.Getenv("LINKAUDIT_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("LINKAUDIT_SEED: %v", err)
		}
	}
	suite := releases[rand.New(rand.NewPCG(seed, 0)).IntN(len(releases))]
	t.Logf("LINKAUDIT_SEED=%d draws %s", seed, suite)
	return suite
}

var (
	address  = regexp.MustCompile(`([0-9a-f]{2}:){5}[0-9a-f]{2}`)
	versions = regexp.MustCompile(`systemd [0-9~a-z.-]+ and Linux [0-9.]+`)
	// atLine is where in 99-default.link a setting is, which differs by release.
	atLine = regexp.MustCompile(`(99-default\.link:|in line )[0-9]+`)
	// fact is a line that says the same on every release: a command, an address, the
	// policy, what was found and what was done.
	fact = regexp.MustCompile(`^# |^ *policy  |^bond0 \(bond\): |device audited: |: wrote |: removed |(error|warning): |\(made up\)|` + address.String())
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

// facts are the lines of a story in which every release agrees.
func facts(text []byte) string {
	var lines strings.Builder
	for line := range strings.Lines(comparable(text)) {
		if fact.MatchString(line) {
			lines.WriteString(atLine.ReplaceAllString(line, "${1}(a line)"))
		}
	}
	return lines.String()
}
