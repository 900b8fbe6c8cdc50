package suites

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// allTags are the build tags of the suites: the imports of all of them count.
const allTags = "conformance,namespace,soak,guard,bench,vm,ecosystem"

// A Tree is the files of the project and their packages.
type Tree struct {
	Top   string
	files []string // those of git, and new ones that it does not ignore
	// imports has for each package, by its directory, the directories of all packages
	// that it and its tests depend on, including itself.
	imports map[string][]string
	// embedded are the files that packages and their tests embed.
	embedded map[string]bool
}

// ReadTree reads the tree with git and go.
func ReadTree(top string) (*Tree, error) {
	out, err := git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	t := &Tree{Top: top, imports: map[string][]string{}, embedded: map[string]bool{}}
	for name := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		t.files = append(t.files, name)
	}
	slices.Sort(t.files)
	t.files = slices.Compact(t.files)
	return t, t.readImports()
}

// readImports asks "go list" which packages each package depends on.
func (t *Tree) readImports() error {
	cmd := exec.Command("go", "list", "-test", "-deps", "-tags", allTags, "-json=ImportPath,Dir,Deps,Module,EmbedFiles,TestEmbedFiles,XTestEmbedFiles", "./...")
	cmd.Dir = t.Top
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w: %s", err, complaint.String())
	}
	type pkg struct {
		ImportPath, Dir string
		Deps            []string

		EmbedFiles, TestEmbedFiles, XTestEmbedFiles []string

		Module *struct{ Main bool }
	}
	dirs := map[string]string{} // of packages of this module, by import path
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		dir, err := filepath.Rel(t.Top, p.Dir)
		if err != nil {
			return err
		}
		dirs[p.ImportPath] = filepath.ToSlash(dir)
		for _, name := range slices.Concat(p.EmbedFiles, p.TestEmbedFiles, p.XTestEmbedFiles) {
			t.embedded[path.Join(dir, name)] = true
		}
		all = append(all, p)
	}
	for _, p := range all {
		dir := dirs[p.ImportPath]
		t.imports[dir] = append(t.imports[dir], dir)
		for _, dep := range p.Deps {
			if of, ok := dirs[dep]; ok {
				t.imports[dir] = append(t.imports[dir], of)
			}
		}
	}
	for dir, of := range t.imports {
		slices.Sort(of)
		t.imports[dir] = slices.Compact(of)
	}
	return nil
}

// packageOf is the directory of the package that a file belongs to: the nearest package
// above it. So files in testdata belong to their package. It is "" for a file without a
// package, and for a page that no package embeds.
func (t *Tree) packageOf(file string) string {
	if path.Ext(file) == ".md" && !t.embedded[file] {
		return ""
	}
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if _, ok := t.imports[dir]; ok {
			return dir
		}
	}
	return ""
}

// Inputs are the files that are a reason to run the suite if they change.
func (t *Tree) Inputs(s *Suite) ([]string, error) {
	if slices.Contains(s.Files, ".") {
		return t.files, nil
	}
	packages := map[string]bool{}
	for _, dir := range s.Of {
		of, ok := t.imports[dir]
		if !ok {
			return nil, fmt.Errorf("suite %s: there is no package in %s", s.Name, dir)
		}
		for _, d := range of {
			packages[d] = true
		}
	}
	var out []string
	for _, file := range t.files {
		belongs := file == "go.mod" || file == "go.sum" || packages[t.packageOf(file)]
		for _, f := range s.Files {
			belongs = belongs || file == f || strings.HasPrefix(file, f+"/")
		}
		if belongs {
			out = append(out, file)
		}
	}
	for _, f := range s.Files {
		if !slices.ContainsFunc(out, func(file string) bool { return file == f || strings.HasPrefix(file, f+"/") }) {
			return nil, fmt.Errorf("suite %s: there is no file %s", s.Name, f)
		}
	}
	return out, nil
}

// key identifies what a suite would prove: its commands and the content of its inputs.
func (t *Tree) key(s *Suite, tier Tier) (string, error) {
	inputs, err := t.Inputs(s)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", s.In(tier))
	for _, file := range inputs {
		name := filepath.Join(t.Top, file)
		info, err := os.Lstat(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not committed yet
		} else if err != nil {
			return "", err
		}
		var content []byte
		if info.Mode()&os.ModeSymlink != 0 {
			to, err := os.Readlink(name)
			if err != nil {
				return "", err
			}
			content = []byte(to)
		} else if content, err = os.ReadFile(name); err != nil {
			return "", err
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(h, "%q %v %x\n", file, info.Mode()&0o100, sum)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Changed are the files that differ from a commit, including new ones.
func (t *Tree) Changed(since string) ([]string, error) {
	out, err := git(t.Top, "diff", "--no-ext-diff", "--name-only", "-z", "--no-renames", since, "--")
	if err != nil {
		return nil, err
	}
	fresh, err := git(t.Top, "ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	var files []string
	for name := range strings.SplitSeq(out+fresh, "\x00") {
		if name != "" {
			files = append(files, name)
		}
	}
	return files, nil
}

// Affected are the suites to run because of a change of the files, each with the first
// of those files. A deleted file counts by the directory that it was in.
func (t *Tree) Affected(table []Suite, files []string) (affected []Suite, why []string, err error) {
	for _, s := range table {
		if s.Prepares {
			continue
		}
		inputs, err := t.Inputs(&s)
		if err != nil {
			return nil, nil, err
		}
		packages := map[string]bool{}
		for _, file := range inputs {
			packages[t.packageOf(file)] = true
		}
		i := slices.IndexFunc(files, func(file string) bool {
			p := t.packageOf(file)
			return slices.Contains(inputs, file) || p != "" && packages[p]
		})
		if i >= 0 {
			affected, why = append(affected, s), append(why, files[i])
		}
	}
	return affected, why, nil
}
