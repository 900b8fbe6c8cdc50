package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Corpus compares the verdicts on existing files. Each .link file below the
// directories, and each file in a directory with "fuzz" in its name, makes a tree of
// its own, with its drop-in directory if it has one.
func Corpus(o Options, dirs []string) error {
	var cases []*Case
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			if !strings.HasSuffix(p, ".link") && !strings.Contains(filepath.Dir(p), "fuzz-link-parser") {
				return nil
			}
			c, err := corpusCase(p)
			if err == nil {
				cases = append(cases, c)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(cases) == 0 {
		return fmt.Errorf("no .link files in %s", strings.Join(dirs, ", "))
	}
	return o.eachSuite("%d disagreements with udevd", func(o Options, suite string) (int, error) { return corpusSuite(o, suite, cases) })
}

// corpusCase is the file as a host would have it.
func corpusCase(file string) (*Case, error) {
	name := filepath.Base(file)
	if !strings.HasSuffix(name, ".link") {
		name += ".link"
	}
	c := &Case{About: name}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c.Tree = Tree{{Path: "/etc/systemd/network/" + name, Kind: NodeFile, Content: content}}
	dropIns, err := filepath.Glob(file + ".d/*.conf")
	if err != nil {
		return nil, err
	}
	for _, d := range dropIns {
		content, err := os.ReadFile(d)
		if err != nil {
			return nil, err
		}
		c.Tree = append(c.Tree, Node{Path: "/etc/systemd/network/" + name + ".d/" + filepath.Base(d), Kind: NodeFile, Content: content})
	}
	return c, nil
}

func corpusSuite(o Options, suite string, cases []*Case) (failures int, err error) {
	var (
		mu      sync.Mutex
		asked   int
		release int
	)
	work := func(oracle *Oracle, piece int) error {
		c := *cases[piece] // another suite has it at the same time
		c.Devices = []Device{{Name: "br0"}, {Name: "veth0"}, {Name: "tap0"}}
		if err := c.complete(oracle); err != nil {
			return err
		}
		udevd, err := oracle.Ask(&c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.About, err)
		}
		ours := Ours(oracle.Root(), &c, oracle.Release)
		mu.Lock()
		defer mu.Unlock()
		release = oracle.Release
		for i := range udevd {
			asked++
			if diff := Difference(udevd[i], comparable(oracle.Release, ours[i])); diff != "" {
				failures++
				fmt.Fprintf(o.Log, "--- disagreement: udev %d, %s, device %s\n%s", oracle.Release, c.About, c.Devices[i].Name, diff)
			}
		}
		return nil
	}
	if err := o.oracles(suite, work).Work(len(cases)); err != nil {
		return failures, err
	}
	fmt.Fprintf(o.Log, "udev %d (%s): %d existing files, %d cases; %d disagreements\n", release, suite, len(cases), asked, failures)
	return failures, nil
}
