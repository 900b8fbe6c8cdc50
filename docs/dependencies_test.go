package docs

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// tableOf returns the rows of the first table below a heading of a page.
func tableOf(t *testing.T, page, heading string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n#")
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| ") && strings.HasSuffix(line, " |") {
			cells := strings.Split(line[2:len(line)-2], " | ")
			if len(rows) == 0 {
				rows = append(rows, nil) // the heading
			} else if !strings.HasPrefix(line, "| ---") {
				rows = append(rows, cells)
			}
		}
	}
	if len(rows) < 2 {
		t.Fatalf("%s: there is no table below %q", page, heading)
	}
	return rows[1:]
}

// linked returns the directories of the modules in the program, by path. It asks the go
// command once per architecture.
func linked(t *testing.T, arch string) map[string]string {
	t.Helper()
	if _, asked := askedFor[arch]; !asked {
		askedFor[arch] = askForLinked(t, arch)
	}
	return askedFor[arch]
}

var askedFor = map[string]map[string]string{}

func askForLinked(t *testing.T, arch string) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=Module", "-tags", "urfave_cli_no_docs", "linkaudit/cmd/linkaudit")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			Module *struct {
				Path, Dir string
				Main      bool
			}
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && !p.Module.Main {
			modules[p.Module.Path] = p.Module.Dir
		}
	}
	return modules
}

// The page names exactly the modules in the program.
func TestTheModulesOfTheBinaryAreNamed(t *testing.T) {
	var named []string
	for _, cells := range tableOf(t, "dependencies.md", "## In the binary") {
		if len(cells) != 5 || slices.Contains(cells, "") {
			t.Errorf("a row of %d cells: %v", len(cells), cells)
		}
		named = append(named, cells[0])
	}
	slices.Sort(named)
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			var want []string
			for module := range linked(t, arch) {
				want = append(want, module)
			}
			if slices.Sort(want); !slices.Equal(named, want) {
				t.Errorf("the page names\n%s\nand these are linked\n%s", strings.Join(named, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// The program itself (go version -m) lists what go list lists.
func TestTheProgramSaysWhatItIsMadeOf(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing for the race detector: other programs do the work")
	}
	program := filepath.Join(t.TempDir(), "linkaudit")
	// Without -trimpath, which would compile every package again for the same list.
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "urfave_cli_no_docs", "-ldflags", "-s -w", "-o", program, "linkaudit/cmd/linkaudit")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOOS=", "GOARCH=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var said, want []string
	for _, m := range info.Deps {
		said = append(said, m.Path)
		if m.Sum == "" {
			t.Errorf("%s has no checksum", m.Path)
		}
	}
	for module := range linked(t, runtime.GOARCH) {
		want = append(want, module)
	}
	slices.Sort(said)
	slices.Sort(want)
	if !slices.Equal(said, want) {
		t.Errorf("%v, not %v", said, want)
	}
}

// licences are texts that only this licence has.
var licences = map[string]*regexp.Regexp{
	"Apache-2.0":   regexp.MustCompile(`Apache License\s+Version 2\.0`),
	"MIT":          regexp.MustCompile(`Permission is hereby granted, free of charge`),
	"BSD-3-Clause": regexp.MustCompile(`(?s)Redistribution and use in source and binary forms.*to\s+endorse or promote`),
	"BSD-2-Clause": regexp.MustCompile(`(?s)Redistribution and use in source and binary forms`),
	"CC0-1.0":      regexp.MustCompile(`CC0`),
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|readme)`)

// The module's own files have the licence that its row begins with.
func TestLicencesAreThoseOfTheModules(t *testing.T) {
	dirs := linked(t, "amd64")
	for _, cells := range tableOf(t, "dependencies.md", "## In the binary") {
		t.Run(cells[0], func(t *testing.T) {
			module, licence := cells[0], strings.Fields(cells[2])[0]
			words := licences[licence]
			if words == nil {
				t.Errorf("%q is no licence that is known here", licence)
				return
			}
			entries, err := os.ReadDir(dirs[module])
			if err != nil {
				t.Error(err)
				return
			}
			text := ""
			for _, e := range entries {
				if licenceFile.MatchString(e.Name()) && !e.IsDir() {
					b, err := os.ReadFile(filepath.Join(dirs[module], e.Name()))
					if err != nil {
						t.Fatal(err)
					}
					text += string(b)
				}
			}
			if !words.MatchString(text) {
				t.Errorf("its files do not say %s", licence)
			}
			if licence == "BSD-2-Clause" && licences["BSD-3-Clause"].MatchString(text) {
				t.Error("it has three clauses")
			}
		})
	}
}

// Every module of go.sum is in one of the tables.
func TestEveryModuleOfGoSumIsExplained(t *testing.T) {
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, cells := range tableOf(t, "dependencies.md", "## In the binary") {
		explained[cells[0]] = true
	}
	elsewhere, unseen := map[string]bool{}, map[string]bool{}
	for _, cells := range tableOf(t, "dependencies.md", "## In go.sum, and not in the binary") {
		for _, module := range strings.Split(cells[0], ", ") {
			if explained[module] {
				t.Errorf("%s is linked", module)
			}
			elsewhere[module], unseen[module] = true, true
		}
	}
	for line := range strings.Lines(string(sums)) {
		module, _, _ := strings.Cut(line, " ")
		if !explained[module] && !elsewhere[module] {
			t.Errorf("%s is in go.sum, and the page does not say why", module)
		}
		delete(unseen, module)
	}
	for module := range unseen {
		t.Errorf("%s is not in go.sum", module)
	}
}
