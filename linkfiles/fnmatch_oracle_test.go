//go:build conformance

package linkfiles

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The tests here ask a C library: LINKAUDIT_FNMATCH is a shell command that
// runs test/fnmatch/oracle.c, built; LINKAUDIT_FNMATCH_OLD runs it with glibc 2.31. SEED
// chooses the random patterns.

func oracle(t *testing.T, command string, cases []fnmatchVector) []bool {
	t.Helper()
	var in bytes.Buffer
	hex := func(b []byte) string {
		if len(b) == 0 {
			return "-"
		}
		return fmt.Sprintf("%x", b)
	}
	for _, c := range cases {
		fold := 0
		if c.Fold {
			fold = 1
		}
		fmt.Fprintf(&in, "%s %s %d\n", hex(c.Pattern), hex(c.Name), fold)
	}
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []bool
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		answers = append(answers, sc.Text() == "1")
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers for %d questions", len(answers), len(cases))
	}
	return answers
}

func randomGlobs(rng *rand.Rand, n int) []fnmatchVector {
	parts := strings.Split("a b A Z z * ? [ ] [ ] ! ^ - \\ [:alpha:] [:upper:] [:foo:] [=a=] [.a.] [.-.] [: :] [= =] [. .] / . 0 9 \xc3\xa9 [a-z] [!a] [^b] []a] [!]a] [a-]", " ")
	parts = append(parts, " ")
	chars := strings.Split("a b A Z z [ ] - \\ / . 0 9 ! ^ : = \xc3 \xa9", " ")
	pick := func(from []string) string { return from[rng.IntN(len(from))] }
	var out []fnmatchVector
	for range n {
		var p, s string
		for range rng.IntN(5) {
			s += pick(chars)
		}
		if rng.IntN(3) == 0 {
			// A pattern made from the name fits often.
			for _, c := range []byte(s) {
				p += []string{"?", "[" + pick(parts) + string([]byte{c}) + "]", "[" + string([]byte{c}) + pick(parts) + "]", string([]byte{c}), "*"}[rng.IntN(5)]
			}
		} else {
			for range 1 + rng.IntN(8) {
				p += pick(parts)
			}
		}
		out = append(out, fnmatchVector{Pattern: []byte(p), Name: []byte(s), Fold: rng.IntN(4) == 0})
	}
	return out
}

func TestGlobAgreesWithTheCLibraryOnRandomPatterns(t *testing.T) {
	command := os.Getenv("LINKAUDIT_FNMATCH")
	if command == "" {
		t.Fatal("LINKAUDIT_FNMATCH is not set")
	}
	seed := rand.Uint64()
	if s := os.Getenv("SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SEED=%d", seed)
	cases := randomGlobs(rand.New(rand.NewPCG(seed, 1)), 500_000)
	compare := func(t *testing.T, command string, g glob) {
		for i, want := range oracle(t, command, cases) {
			c := cases[i]
			g.fold = c.Fold
			if got := g.match(string(c.Pattern), string(c.Name)); got != want {
				t.Errorf("match(%q, %q, fold %v) = %v, the library says %v", c.Pattern, c.Name, c.Fold, got, want)
			}
		}
	}
	t.Run("this", func(t *testing.T) { compare(t, command, glob{}) })
	t.Run("2.31", func(t *testing.T) {
		old := os.Getenv("LINKAUDIT_FNMATCH_OLD")
		if old == "" {
			t.Fatal("LINKAUDIT_FNMATCH_OLD is not set")
		}
		compare(t, old, glob{unclosedFails: true})
	})
}

// TestCaptureGlobVectors writes testdata/fnmatch.json with LINKAUDIT_FNMATCH_CAPTURE=1.
func TestCaptureGlobVectors(t *testing.T) {
	if os.Getenv("LINKAUDIT_FNMATCH_CAPTURE") == "" {
		t.Skip("nothing to capture: LINKAUDIT_FNMATCH_CAPTURE is not set")
	}
	old := os.Getenv("LINKAUDIT_FNMATCH_OLD")
	cases := randomGlobs(rand.New(rand.NewPCG(1, 1)), 400_000)
	now, then := oracle(t, os.Getenv("LINKAUDIT_FNMATCH"), cases), oracle(t, old, cases)
	var keep []fnmatchVector
	fits := 0
	for i, c := range cases {
		c.Match = now[i]
		if now[i] != then[i] {
			c.Old = &then[i]
		} else if len(keep) > 2500 || c.Match && fits > 1250 {
			continue
		}
		if c.Match {
			fits++
		}
		keep = append(keep, c)
	}
	var b bytes.Buffer
	b.WriteString("[")
	for i, c := range keep {
		if i > 0 {
			b.WriteString(",")
		}
		j, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n" + string(j))
	}
	b.WriteString("\n]\n")
	if err := os.WriteFile("../testdata/fnmatch.json", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
