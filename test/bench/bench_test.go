//go:build bench

package bench

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const resultsDir = "results"

// bench is one run: the machine, and the measurements so far.
type bench struct {
	stage
	self string // the program
	rows []*row
	said []string // about floors and watching, for below the tables

	dir  string
	out  io.Writer // standard output and table.txt
	raw  *csv.Writer
	null *os.File
}

func TestBench(t *testing.T) {
	size, err := sizeAsked()
	if err != nil {
		t.Fatal("make bench: ", err)
	}
	b := &bench{stage: stage{t: t, size: size}}
	b.note = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	b.self, err = filepath.Abs(program)
	b.must(err)
	b.results()
	b.set()
	b.header()

	b.measure("start of the program", "nothing else", version(b.self))
	b.ordinary()
	b.measure("ordinary host", "3 cards, 1 bridge", runAudit(b.self, "bridge", deviceNames("bridge", 0, 1)))
	b.measure("one device explained", "ordinary host", explain(b.self, "br1"))
	b.watch()
	b.measure("addresses made", "of "+plural(b.size.names, "name"), b.mac(b.size.names))
	b.measure("hosts' snapshots", thousands(b.size.snapshots)+" in a file", b.fleet(b.size.snapshots))

	kinds := []string{"bridge"}
	if why := b.bondingMissing(); why == "" {
		kinds = append(kinds, "bond")
	} else {
		b.said = append(b.said, fmt.Sprintf("\nno rows for bonds: this kernel has no driver for them (ip link add type bond: %s)", why))
	}
	b.veths(0, b.size.others)
	for _, kind := range kinds {
		b.crowd(kind, b.size.counts, b.size.others)
		if kind == "bridge" {
			b.measure("one device explained", "the same host", explain(b.self, "br1"))
			b.withFiles(b.made)
		}
	}
	b.veths(b.size.others, b.size.manyOthers)
	for _, kind := range kinds {
		b.crowd(kind, []int{b.size.many}, b.size.manyOthers)
	}
	b.tables()
	for _, s := range b.said {
		b.say("%s", s)
	}
	b.rooms()
}

// crowd audits more and more devices of a kind among other links.
func (b *bench) crowd(kind string, counts []int, others int) {
	where := "among " + plural(others, "link")
	for _, n := range counts {
		b.devices(kind, n)
		r := b.measure(plural(n, kind), where, runAudit(b.self, kind, deviceNames(kind, 0, n)))
		if kind == "bridge" && n == counts[len(counts)-1] {
			b.floor(r, n)
		}
	}
}

// withFiles audits a crowd of bridges again, with .link files of the site's own.
func (b *bench) withFiles(bridges int) {
	b.files(b.size.files)
	where := "and " + plural(b.size.files, ".link file")
	b.measure(plural(bridges, "bridge"), where, runAudit(b.self, "bridge", deviceNames("bridge", 0, bridges)))
	b.measure("the .link files alone", where, b.lint("br1"))
	b.files(0)
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

// results opens the output files of the run.
func (b *bench) results() {
	var err error
	b.dir, err = filepath.Abs(filepath.Join(resultsDir, time.Now().UTC().Format("20060102T150405Z")))
	b.must(err)
	b.must(os.MkdirAll(b.dir, 0o755))
	table, err := os.Create(filepath.Join(b.dir, "table.txt"))
	b.must(err)
	b.out = io.MultiWriter(os.Stdout, table)
	raw, err := os.Create(filepath.Join(b.dir, "runs.csv"))
	b.must(err)
	b.raw = csv.NewWriter(raw)
	b.raw.Write([]string{"work", "tool", "device", "wall_us", "cpu_us", "peak_kb", "error"})
	b.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
	b.must(err)
	b.t.Cleanup(func() {
		b.raw.Flush()
		b.must(b.raw.Error())
		b.must(raw.Close())
		b.must(table.Close())
		fmt.Printf("\nResults: %s\n", b.dir)
	})
}

// rooms runs the Go benchmarks of this package and keeps their output for benchstat.
func (b *bench) rooms() {
	f, err := os.Create(filepath.Join(b.dir, "gobench.txt"))
	b.must(err)
	defer f.Close()
	fmt.Println("\nthe rooms below the program, by themselves (for benchstat: gobench.txt)")
	cmd := exec.Command("/proc/self/exe", append([]string{"-test.run=^$", "-test.bench=."}, b.size.benchArgs...)...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, f), os.Stderr
	b.must(cmd.Run())
}
