package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"linkaudit/test/doccmd"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anchor  = regexp.MustCompile(`<a name="([^"]+)">`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fences  = regexp.MustCompile("(?ms)^```.*?^```$")
	notWord = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Links between pages lead to files, and to headings, that exist.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := doccmd.Pages("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			for _, l := range link.FindAllStringSubmatch(read(t, "../"+page), -1) {
				target, fragment, _ := strings.Cut(l[1], "#")
				if strings.Contains(target, "://") {
					continue
				}
				file := filepath.Join("..", filepath.Dir(page), target)
				if target == "" {
					file = filepath.Join("..", page)
				}
				if _, err := os.Stat(file); err != nil {
					t.Errorf("%s: there is no such file", l[1])
				} else if fragment != "" && !anchors(read(t, file))[fragment] {
					t.Errorf("%s: there is no such heading", l[1])
				}
			}
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fences.ReplaceAllString(string(text), "")
}

// anchors are the link targets of a page: headings, as GitHub names them, and HTML anchors.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		name := notWord.ReplaceAllString(strings.ToLower(h[1]), "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	for _, a := range anchor.FindAllStringSubmatch(text, -1) {
		all[a[1]] = true
	}
	return all
}
