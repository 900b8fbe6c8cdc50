package main

import (
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

	"github.com/rogpeppe/go-internal/testscript"

	"linkaudit/internal/manual"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
	"linkaudit/test/doccmd"
)

// pages are linkaudit(1) and linkaudit.conf(5).
func pages(t *testing.T) []*manual.Page {
	t.Helper()
	program, err := manual.Program()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := manual.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	return []*manual.Page{program, conf}
}

// TestTheManualsExamples runs the examples that need no machine, one after the other, in a
// directory with a snapshot, a machine ID, a .link file and an image of Debian 12. Other
// suites run the others.
func TestTheManualsExamples(t *testing.T) {
	dir := t.TempDir()
	for _, page := range pages(t) {
		script := exampleScript(t, page)
		name := filepath.Join(dir, page.Name+".txtar")
		if err := os.WriteFile(name, []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			for name, content := range map[string]string{
				"web1.json":    string(exampleHost),
				"web1.id":      "0123456789abcdef0123456789abcdef\n",
				"10-bond.link": "[Match]\nOriginalName=bond*\n[Link]\nMACAddressPolicy=none\n",
				"image/usr/lib/systemd/network/99-default.link":      "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n",
				"image/usr/lib/udev/rules.d/80-net-setup-link.rules": "IMPORT{builtin}=\"net_setup_link\"\n",
				"image/var/lib/dpkg/status":                          "Package: udev\nStatus: install ok installed\nVersion: 252.39-1~deb12u1\n",
			} {
				name = filepath.Join(env.WorkDir, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// exampleScript is the page's blocks for the runner "manual" as a testscript.
func exampleScript(t *testing.T, page *manual.Page) string {
	t.Helper()
	text, err := os.ReadFile("../../" + page.File)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := doccmd.Parse(page.File, string(text))
	if err != nil {
		t.Fatal(err)
	}
	var script, files strings.Builder
	for _, l := range page.Literals("ini") {
		if _, name, ok := strings.Cut(l.Info, " "); ok {
			fmt.Fprintf(&files, "-- %s --\n%s\n", name, strings.Join(l.Literal, "\n"))
		}
	}
	stderr := page.Literals("text stderr")
	for _, b := range blocks {
		if b.Runner != "manual" {
			continue
		}
		for _, c := range b.Commands {
			// The configuration of the test machine may have mistakes.
			c.Text = strings.Replace(c.Text, "linkaudit lint ", "linkaudit lint --no-config ", 1)
			fmt.Fprintf(&script, "# %s:%d\nstatus %d bash -c '%s'\n", b.File, c.Line, c.Status, strings.ReplaceAll(c.Text, "'", "''"))
		}
		if len(stderr) > 0 && stderr[0].Line < b.Line+10 {
			script.WriteString("cmp stderr expected\n")
			fmt.Fprintf(&files, "-- expected --\n%s\n", strings.Join(stderr[0].Literal, "\n"))
			stderr = stderr[1:]
		}
	}
	if script.Len() == 0 || len(stderr) > 0 {
		t.Fatalf("%s: no command, or output without a command", page.File)
	}
	return script.String() + "\n" + files.String()
}

// Every command of the manual does something, and every action is in the manual.
func TestEveryCommandHasAnAction(t *testing.T) {
	for _, c := range commandTexts {
		if commands[c.name].action == nil {
			t.Errorf("%s is in the manual, and does nothing", c.name)
		}
	}
	for name := range commands {
		if textOf(name) == nil {
			t.Errorf("%s is not in the manual", name)
		}
	}
}

// The flags that the code reads are those of the manual: urfave/cli returns the zero value
// for a flag that does not exist.
func TestTheCodeReadsTheFlagsOfTheManual(t *testing.T) {
	read := map[string]token.Position{}
	fset := token.NewFileSet()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "help_generated.go" {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				read[s] = fset.Position(lit.Pos())
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"String", "Bool", "Int", "StringSlice", "IsSet"}, sel.Sel.Name) {
				return true
			}
			lit, ok := call.Args[0].(*ast.BasicLit)
			if on, isContext := sel.X.(*ast.Ident); !ok || !isContext || on.Name != "c" {
				return true
			}
			flag, _ := strconv.Unquote(lit.Value)
			if !flagExists(flag) {
				t.Errorf("%s: the manual has no --%s", fset.Position(lit.Pos()), flag)
			}
			return true
		})
	}
	for _, c := range append([]commandText{programText}, commandTexts...) {
		for _, f := range c.flags {
			if _, ok := read[f.name]; !ok {
				t.Errorf("the manual has --%s of %q, and nothing reads it", f.name, c.name)
			}
		}
	}
}

func flagExists(name string) bool {
	for _, c := range append([]commandText{programText}, commandTexts...) {
		if c.flagNamed(name) != nil {
			return true
		}
	}
	return false
}

// The manual has the numbers and names of the code.
func TestTheManualSaysWhatTheCodeHas(t *testing.T) {
	page := pages(t)[0].Mdoc()
	for _, want := range []string{
		fmt.Sprintf("%d to %d", linkfiles.OldestRelease, linkfiles.NewestRelease),
		".It Ev NO_COLOR\n", ".It Ev TERM\n", ".It Ev GOGC\n", ".It Ev " + traceVariable + "\n",
		override.Dir,
		strings.ReplaceAll(override.DropInName, "-", `\-`),
		fmt.Sprintf(".It No %d\n", exitClean), fmt.Sprintf(".It No %d\n", exitFindings), fmt.Sprintf(".It No %d\n", exitFailed),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("linkaudit(1) does not have %q", want)
		}
	}
}

// The usage of a flag with a few values names each of them, or else the description does.
func TestTheUsageNamesTheValues(t *testing.T) {
	for _, c := range commandTexts {
		for _, f := range c.flags {
			for _, v := range f.choices {
				if !regexp.MustCompile(`\b` + v + `\b`).MatchString(f.usage + "\n" + c.description) {
					t.Errorf("%s --%s: the usage does not name %s", c.name, f.name, v)
				}
			}
		}
	}
}
