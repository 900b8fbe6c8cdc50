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

var update = flag.Bool("update", false, "write docs/walkthrough.md")

const walkthroughFile = "../../docs/walkthrough.md"

// played plays docs/walkthrough.sh in a boot, and returns what it wrote.
func (b boot) played(t *testing.T, image string) []byte {
	t.Helper()
	script, err := os.ReadFile("../../docs/walkthrough.sh")
	if err != nil {
		t.Fatal(err)
	}
	prepared(t, image)
	page := b.run(t, image, map[string][]byte{"/usr/lib/linkaudit-walkthrough": script})["/walkthrough.md"]
	if len(page) == 0 {
		t.Fatal("docs/walkthrough.sh wrote nothing")
	}
	return page
}

// TestWalkthroughPage plays docs/walkthrough.sh and compares docs/walkthrough.md with
// what it wrote.
func TestWalkthroughPage(t *testing.T) {
	tool.OnlyInFull(t)
	t.Parallel()
	page := boot{name: "Walkthrough"}.played(t, "trixie")
	if *update {
		if err := os.WriteFile(walkthroughFile, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	saysTheSame(t, page, comparable)
}

func saysTheSame(t *testing.T, page []byte, of func([]byte) string) {
	t.Helper()
	written, err := os.ReadFile(walkthroughFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(of(written), of(page)); diff != "" {
		t.Errorf("docs/walkthrough.md is not what docs/walkthrough.sh writes now; go test -tags vm -run TestWalkthroughPage ./test/vm -update:\n%s", diff)
	}
}

// TestWalkthrough is the one boot of .ci/run: a bond from its creation under udev's
// policy over the fix to the undo, on the release that LINKAUDIT_SEED draws. The
// guest's tests compare each step with the kernel's own word. docs/walkthrough.sh must
// write what docs/walkthrough.md has: on trixie word for word, elsewhere each address,
// its origin, the policy and the verdict.
func TestWalkthrough(t *testing.T) {
	suite := drawn(t)
	t.Run(suite, func(t *testing.T) {
		page := boot{name: "Walkthrough", tests: "FirstBootOfABondMadeByIfupdown$|FirstWalkthroughOfABond$|Walkthrough$"}.played(t, "walkthrough-"+suite)
		of := facts
		if suite == "trixie" {
			of = comparable
		}
		saysTheSame(t, page, of)
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
	// atLine is the line of 99-default.link that has a setting, which differs by release.
	atLine = regexp.MustCompile(`(99-default\.link:|\bline )[0-9]+`)
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

// facts are the lines of a walkthrough in which every release agrees.
func facts(text []byte) string {
	var lines strings.Builder
	for line := range strings.Lines(comparable(text)) {
		if fact.MatchString(line) {
			lines.WriteString(atLine.ReplaceAllString(line, "${1}(a line)"))
		}
	}
	return lines.String()
}
