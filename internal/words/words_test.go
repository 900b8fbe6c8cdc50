package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"linkaudit/linkfiles"
)

// call is a place that makes a statement.
type call struct {
	at      token.Position
	code    string
	details []string
}

// calls returns all places in the product that make a statement with a literal code. It
// also returns all string literals, because some codes are in tables.
func calls(t *testing.T) (all []call, literals map[string]bool) {
	t.Helper()
	literals = map[string]bool{}
	set := token.NewFileSet()
	for _, dir := range []string{"cmd", "linkfiles", "policy", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(filepath.Dir(path)) == "words" {
				return err
			}
			f, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if text, ok := literal(n); ok {
						literals[text] = true
					}
				case *ast.CallExpr:
					if c, ok := made(n); ok {
						c.at = set.Position(n.Pos())
						all = append(all, c)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all, literals
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// made reads a call of Say or of a package's function that wraps it.
func made(n *ast.CallExpr) (c call, ok bool) {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		ok = f.Name == "say" || f.Name == "Say"
	case *ast.SelectorExpr:
		ok = f.Sel.Name == "Say"
	}
	if !ok || len(n.Args) == 0 {
		return c, false
	}
	if c.code, ok = literal(n.Args[0]); !ok {
		return c, false // the code comes from a table
	}
	for i := 1; i < len(n.Args); i += 2 {
		name, is := literal(n.Args[i])
		if !is {
			name = "?"
		}
		c.details = append(c.details, name)
	}
	if len(n.Args)%2 == 0 {
		c.details = append(c.details, "(one without a value)")
	}
	return c, true
}

// holes are the names of the details in a sentence.
func holes(text string) (names []string) {
	for {
		_, rest, found := strings.Cut(text, "{")
		if !found {
			slices.Sort(names)
			return slices.Compact(names)
		}
		n := closing(rest)
		hole := rest[:n]
		if i := strings.IndexAny(hole, "?!|:"); i >= 0 {
			if hole[i] == '?' || hole[i] == '!' {
				names = append(names, holes(hole[i+1:])...)
			}
			hole = hole[:i]
		}
		names = append(names, hole)
		text = rest[n+1:]
	}
}

// Each statement has a sentence that uses exactly the statement's details.
func TestStatementsAndSentencesFit(t *testing.T) {
	all, literals := calls(t)
	if len(all) < 100 {
		t.Fatalf("only %d statements were found", len(all))
	}
	for _, c := range all {
		said, ok := sentences()[c.code]
		if !ok {
			t.Errorf("%s: there is no sentence for %q", c.at, c.code)
			continue
		}
		slices.Sort(c.details)
		if want := holes(said.text); !slices.Equal(c.details, want) {
			t.Errorf("%s: %q is about %v, and its sentence about %v", c.at, c.code, c.details, want)
		}
	}
	seen := map[string]bool{}
	for _, e := range slices.Concat(tables...) {
		switch {
		case seen[e.code]:
			t.Errorf("%q has two sentences", e.code)
		case !literals[e.code]:
			t.Errorf("no statement uses the sentence %q", e.code)
		}
		seen[e.code] = true
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		details          []any
	}{
		{"a detail", "{port} joins", "eth0 joins", []any{"port", "eth0"}},
		{"a number", "systemd {release}", "systemd 257", []any{"release", linkfiles.Release(257)}},
		{"none of it", "it{port?, of {port},} goes", "it goes", []any{"port", ""}},
		{"some of it", "it{port?, of {port},} goes", "it, of eth0, goes", []any{"port", "eth0"}},
		{"no port, other text", "{port}{port!a port}", "a port", []any{"port", ""}},
		{"a list", "{ports| or }", "a or b", []any{"ports", []string{"a", "b"}}},
		{"a list without a word between", "{ports}", "a, b", []any{"ports", []string{"a", "b"}}},
		{"quoted", "{name:q}", `"a\tb"`, []any{"name", "a\tb"}},
		{"a statement", "because {why}", "because no rights", []any{"why", linkfiles.Told("no rights")}},
		{"no statement", "gone{why?: {why}}", "gone", []any{"why", (*linkfiles.Statement)(nil)}},
		{"a place", "at {pos}", "at /etc/x:3", []any{"pos", linkfiles.Pos{File: "/etc/x", Line: 3}}},
		{"braces in a value are text", "{name}", "{port}", []any{"name", "{port}"}},
		{"yes", "{more?; or more}", "; or more", []any{"more", true}},
		{"no", "{more?; or more}", "", []any{"more", false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(appendText(nil, c.text, linkfiles.Say("x", c.details...))); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A statement without a sentence is shown anyway, as its code and details.
func TestWithoutASentence(t *testing.T) {
	if got := Of(linkfiles.Say("no-such-code", "port", "eth0")); got != "no-such-code(port=eth0)" {
		t.Error(got)
	}
	if Of(nil) != "" {
		t.Error("a nil statement has a text")
	}
}

// A sentence names the devices of its details, those of the sentences in it as well, and
// no device that only has letters in common with it.
func TestNames(t *testing.T) {
	inside := linkfiles.Say("x", "device", "bond0", "ports", []string{"eth0"})
	for device, want := range map[string]bool{"bond0": true, "bond": false, "eth0": false, "unknown": false} {
		if Names(linkfiles.Say("y", "what", inside, "why", linkfiles.Told("unknown")), device) != want {
			t.Errorf("%s: %t", device, !want)
		}
	}
	if Names(nil, "bond0") {
		t.Error("nothing names a device")
	}
}
