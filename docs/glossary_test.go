package docs

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// outWord is a row of the last table of glossary.md.
type outWord struct {
	pattern *regexp.Regexp
	instead string
}

var outRow = regexp.MustCompile("(?m)^\\| `(.*)` \\| (.*) \\|$")

func outWords(t *testing.T) (all []outWord) {
	t.Helper()
	page, err := os.ReadFile("glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range outRow.FindAllStringSubmatch(string(page), -1) {
		p, err := regexp.Compile("(?i)" + strings.ReplaceAll(row[1], `\|`, "|"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, outWord{p, row[2]})
	}
	if len(all) < 20 {
		t.Fatalf("glossary.md has %d patterns; its table was not understood", len(all))
	}
	return all
}

// camelCase is where a word of a name ends: "inForce".
var camelCase = regexp.MustCompile(`([a-z])([A-Z])`)

// find returns the words in a line that are out, in names as well.
func find(words []outWord, line string) (found []string) {
	names := camelCase.ReplaceAllString(line, "$1 $2")
	for _, w := range words {
		m := w.pattern.FindString(line)
		if m == "" && names != line {
			m = w.pattern.FindString(names)
		}
		if m != "" {
			found = append(found, `"`+m+`" is out; write: `+w.instead)
		}
	}
	return found
}

// notOurs are files that others wrote, and the table itself.
func notOurs(path string) bool {
	return strings.HasSuffix(path, "LICENSE") || path == "docs/glossary.md" || path == "docs/glossary_test.go" ||
		strings.HasSuffix(path, "go.sum") || strings.HasPrefix(path, "testdata/conformance/")
}

// No file has a word that glossary.md puts out: neither text nor code.
func TestNoWordIsOut(t *testing.T) {
	words, files := outWords(t), 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "dist"):
			return filepath.SkipDir
		case !d.Type().IsRegular() || notOurs(name):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		files++
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			for _, f := range find(words, strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s:%d: %s", name, n, f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 500 {
		t.Errorf("only %d files were read", files)
	}
}

func TestFindsWordsThatAreOut(t *testing.T) {
	words := outWords(t)
	for _, line := range []string{
		"Create the device anew.", "nothing to mend", "// Whoever calls it", "bond0 carries 42:e2:89:5b:6d:de",
		"udevd gave it one", "given by udev", "in place of a port's", "It is audited all the same.", "what is to be written",
		"two files, of which one applies", "do not have udevd reload", "MACAddressPolicy=persistent in line 16",
		"no program any more", "who set it is not known", "the policy in force", "## The house",
		"func createAnew()", "SettingInForce",
	} {
		if len(find(words, line)) == 0 {
			t.Errorf("%q passes", line)
		}
	}
	for _, line := range []string{
		"create bond0 again", "unknown: no permission", "amend the commit", "the story of a bond is a text", "carry out the plan",
	} {
		if found := find(words, line); len(found) > 0 {
			t.Errorf("%q: %s", line, found)
		}
	}
}
