package tool

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sleeping are the lines of a Go file that wait for a fixed time without a reason.
func sleeping(text string) (lines []int) {
	reason := false // in the comment that ends on the line above
	n := 0
	for line := range strings.Lines(text) {
		n++
		given := strings.Contains(line, "// sleep: ")
		if strings.Contains(line, "time.Sleep(") && !given && !reason {
			lines = append(lines, n)
		}
		reason = strings.HasPrefix(strings.TrimSpace(line), "//") && (given || reason)
	}
	return lines
}

// Tests wait for events, with Until, Eventually, Hold or End. If a fixed time is what
// is tested, or there is no event, a comment on the line or the one above must say so.
func TestNothingSleepsWithoutAReason(t *testing.T) {
	const root = "../.."
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "dist" || rel == filepath.Join("test", "tool") || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || !strings.HasSuffix(rel, "_test.go") && !strings.HasPrefix(rel, "test"+string(filepath.Separator)) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		for _, line := range sleeping(string(text)) {
			t.Errorf("%s:%d: time.Sleep without a comment \"// sleep: \" and the reason", rel, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("only %d files were looked at", files)
	}
}

func TestSleepingFindsWhatHasNoReason(t *testing.T) {
	const text = `
	time.Sleep(d)
	// sleep: the interval is
	// what is tested
	time.Sleep(d)
	time.Sleep(d) // sleep: so is this
	f()
	for ; ; time.Sleep(d) {
`
	if got := sleeping(text); len(got) != 2 || got[0] != 2 || got[1] != 8 {
		t.Errorf("lines %v, not 2 and 8", got)
	}
}
