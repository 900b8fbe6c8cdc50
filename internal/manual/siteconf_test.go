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

// accepts reports whether siteconf takes a configuration, by way of a file.
func accepts(t *testing.T, name, content string) bool {
	t.Helper()
	return len(refused(t, name, content)) == 0
}

// refused are the lines of a configuration that siteconf does not take.
func refused(t *testing.T, name, content string) map[int]bool {
	t.Helper()
	os.Remove(name) // some file systems write a file to disk that replaces its content
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

// words are all that could be a section, key or value: every word that is a
// string in package siteconf, the rules, and what the manual has.
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

// What linkaudit.conf(5) lists is what siteconf takes, and nothing else.
func TestTheManualHasTheKeysThatSiteconfTakes(t *testing.T) {
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
	// A mistake names its line, so that one file asks about every key; what is refused is
	// left out, and the rest asked again. What is taken then has to be taken alone, too.
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

// A key that is not set, and ignore=no, are what the manual says they are.
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

// Every example of linkaudit.conf is one, but for the one that is wrong.
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
