package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var quotedName = regexp.MustCompile("`([^`]+)`")

// Every row of the tables of threats names a test, and that test exists.
func TestEveryThreatHasATest(t *testing.T) {
	for _, heading := range []string{"Reading", "Believing", "Writing", "Running", "Saying"} {
		t.Run(heading, func(t *testing.T) {
			for _, cells := range tableOf(t, "security.md", "### "+heading) {
				if len(cells) != 3 {
					t.Errorf("a row of %d cells: %v", len(cells), cells)
					continue
				}
				tests := quotedName.FindAllStringSubmatch(cells[2], -1)
				if len(tests) == 0 || strings.Trim(quotedName.ReplaceAllString(cells[2], ""), " ") != "" {
					t.Errorf("%s: no test, or something else: %s", cells[0], cells[2])
				}
				for _, m := range tests {
					if why := missing(t, m[1]); why != "" {
						t.Errorf("%s: %s", cells[0], why)
					}
				}
			}
		})
	}
}

// missing returns the reason if a test, "package.Function/subtest" or a file, does not
// exist.
func missing(t *testing.T, name string) string {
	t.Helper()
	if strings.HasSuffix(name, ".txtar") {
		if _, err := os.Stat("../" + name); err != nil {
			return err.Error()
		}
		return ""
	}
	dir, test, _ := strings.Cut(name, ".")
	function, sub, _ := strings.Cut(test, "/")
	files, err := filepath.Glob("../" + dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || f.Recv != nil || f.Name.Name != function {
				continue
			}
			if sub == "" || names(f, sub) {
				return ""
			}
			return name + ": no subtest of that name"
		}
	}
	return name + ": no such test"
}

// names reports whether a function contains the string, as the name of a subtest.
func names(f *ast.FuncDecl, s string) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if l, is := n.(*ast.BasicLit); is && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && text == s {
				found = true
			}
		}
		return !found
	})
	return found
}

// Only three functions start programs. Each has its own tests.
func TestWhereProgramsAreStarted(t *testing.T) {
	var found []string
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains([]string{"../test", "../contrib", "../testdata", "../dist"}, file) || strings.HasPrefix(d.Name(), ".") && file != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, is := n.(*ast.SelectorExpr)
				if !is {
					return true
				}
				pkg, is := s.X.(*ast.Ident)
				if !is {
					return true
				}
				switch pkg.Name + "." + s.Sel.Name {
				case "exec.Command", "exec.CommandContext", "exec.LookPath", "os.StartProcess",
					"syscall.Exec", "syscall.ForkExec", "syscall.StartProcess", "unix.Exec":
					found = append(found, strings.TrimPrefix(file, "../")+" "+f.Name.Name)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"internal/change/reload_linux.go systemCommand", "internal/host/systemd_linux.go run", "internal/watch/hook.go runProgram"}
	if slices.Sort(found); !slices.Equal(found, want) {
		t.Errorf("programs are started in %q, not in %q", found, want)
	}
}
