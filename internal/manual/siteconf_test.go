package manual_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/audit"
	"linkaudit/internal/manual"
	"linkaudit/internal/siteconf"
)

// accepts reports whether siteconf accepts a configuration file.
func accepts(t *testing.T, name, content string) bool {
	t.Helper()
	return len(refused(t, name, content)) == 0
}

// refused returns the lines of a configuration that siteconf refuses.
func refused(t *testing.T, name, content string) map[int]bool {
	t.Helper()
	os.Remove(name) // some file systems flush a file to disk when it is overwritten
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := siteconf.LoadFiles(name)
	if err == nil {
		return nil
	}
	mistakes := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		mistakes = joined.Unwrap()
	}
	lines := map[int]bool{}
	for _, err := range mistakes {
		mistake, ok := errors.AsType[*siteconf.Error](err)
		if !ok || mistake.Line == 0 {
			t.Fatalf("%q: %v", content, err)
		}
		lines[mistake.Line] = true
	}
	return lines
}

var word = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// words are all possible sections, keys and values: the strings in package siteconf,
// the rules, and the words in the manual.
func words(t *testing.T, p *manual.Page) []string {
	t.Helper()
	all := []string{"off", "info", "warning", "error"}
	files, err := filepath.Glob("../siteconf/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				all = append(all, s)
			}
			return true
		})
	}
	for _, r := range audit.Rules() {
		all = append(all, r.Name)
	}
	for _, part := range p.Parts {
		for _, s := range part.Sections {
			for _, k := range s.Keys {
				all = append(append(all, k.Name), k.Values...)
			}
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return !word.MatchString(s) })
}

// siteconf accepts exactly what linkaudit.conf(5) lists.
func TestTheManualHasTheKeysThatSiteconfAccepts(t *testing.T) {
	p, err := manual.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	words := words(t, p)
	file := filepath.Join(t.TempDir(), "linkaudit.conf")
	documented := map[string]bool{}
	var headers []string
	for _, part := range p.Parts {
		for _, s := range part.Sections {
			header := strings.NewReplacer("GLOB", "bond*", "NAME", "bond").Replace(s.Name)
			headers = append(headers, header)
			for _, k := range s.Keys {
				names := []string{k.Name}
				if k.Name == "RULES" {
					names = nil
					for _, r := range audit.Rules() {
						names = append(names, r.Name)
					}
				}
				for _, name := range names {
					for _, v := range k.Values {
						documented[fmt.Sprintf("%s\n%s=%s\n", header, name, v)] = true
					}
				}
			}
		}
	}
	// Errors have line numbers, so one file can test all keys. Refused keys are removed
	// and the rest is tried again. Accepted keys must also be accepted alone.
	taken := map[string]bool{}
	for _, header := range headers {
		for _, value := range words {
			for keys := slices.Clone(words); len(keys) > 0; {
				content := header + "\n"
				for _, key := range keys {
					content += key + "=" + value + "\n"
				}
				not := refused(t, file, content)
				if not[1] {
					t.Fatalf("%s is not taken", header)
				}
				if len(not) > 0 {
					var rest []string
					for i, key := range keys {
						if !not[2+i] {
							rest = append(rest, key)
						}
					}
					keys = rest
					continue
				}
				for _, key := range keys {
					if alone := fmt.Sprintf("%s\n%s=%s\n", header, key, value); accepts(t, file, alone) {
						taken[alone] = true
					}
				}
				break
			}
		}
	}
	if diff := cmp.Diff(documented, taken); diff != "" {
		t.Errorf("the manual (-) and siteconf (+):\n%s", diff)
	}
	for _, w := range words {
		for _, header := range []string{"[" + w + "]", "[" + w + " x]"} {
			known := slices.ContainsFunc(headers, func(h string) bool {
				name, _, argument := strings.Cut(strings.Trim(h, "[]"), " ")
				return name == w && argument == strings.Contains(header, " ")
			})
			if accepts(t, file, header+"\n") != known {
				t.Errorf("%s: in the manual %v, and siteconf takes it %v", header, known, !known)
			}
		}
	}
}

// The manual's defaults have the same effect as unset keys.
func TestTheDefaultsOfTheManual(t *testing.T) {
	p, err := manual.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range p.Parts {
		for _, s := range part.Sections {
			for _, k := range s.Keys {
				if k.Default == "" {
					continue
				}
				header := strings.NewReplacer("GLOB", "bond*", "NAME", "bond").Replace(s.Name)
				t.Run(header+" "+k.Name, func(t *testing.T) {
					name := filepath.Join(t.TempDir(), "linkaudit.conf")
					for _, content := range []string{"", header + "\n" + k.Name + "=" + k.Default + "\n"} {
						if !accepts(t, name, content) {
							t.Fatalf("siteconf does not take %q", content)
						}
						c, err := siteconf.LoadFiles(name)
						if err != nil {
							t.Fatal(err)
						}
						if expected, ignore, _ := c.Expect("bond0", "bond"); expected != "" || ignore {
							t.Errorf("%q: expects %q, ignores %v", content, expected, ignore)
						}
					}
				})
			}
		}
	}
}

// siteconf accepts every example of linkaudit.conf except the deliberately wrong one.
func TestTheExamplesOfTheConfiguration(t *testing.T) {
	p, err := manual.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "linkaudit.conf")
	examples := p.Literals("ini")
	if len(examples) < 4 {
		t.Fatalf("there are %d examples only", len(examples))
	}
	for _, e := range examples {
		t.Run(fmt.Sprintf("%s:%d", p.File, e.Line), func(t *testing.T) {
			if got := accepts(t, file, strings.Join(e.Literal, "\n")+"\n"); got == (e.Info == "ini wrong.conf") {
				t.Errorf("siteconf takes it: %v", got)
			}
		})
	}
}
