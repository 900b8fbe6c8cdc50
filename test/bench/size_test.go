//go:build bench

package bench

import (
	"fmt"
	"os"
	"time"
)

// size is how much is measured, and how often.
type size struct {
	counts     []int // bridges, and bonds, among so many other links
	others     int
	handled    int // bridges, and bonds, that udev itself handles
	many       int // and again: many among very many
	manyOthers int
	files      int           // .link files, each with a drop-in
	names      int           // for mac
	snapshots  int           // for check --from
	pairs      int           // of veth devices that are watched
	idle       time.Duration // for which a watcher is watched while nothing happens

	// A command runs as often as fits into budget, at least atLeast times and at most
	// atMost; only once if a single run takes longer than long.
	atLeast, atMost int
	budget, long    time.Duration
	benchArgs       []string // of the Go benchmarks
}

var sizes = map[string]size{
	"full": {
		counts: []int{1, 100, 1000}, others: 16000, handled: 1000, many: 10000, manyOthers: 50000,
		files: 1000, names: 1000000, snapshots: 100000, pairs: 2000,
		idle:    5 * time.Second,
		atLeast: 3, atMost: 11, budget: time.Second, long: 5 * time.Second,
		benchArgs: []string{"-test.benchtime=100ms", "-test.count=3"},
	},
	// All rows and columns, to see that they work.
	"short": {
		counts: []int{1, 10, 50}, others: 1000, handled: 50, many: 200, manyOthers: 2000,
		files: 100, names: 10000, snapshots: 500, pairs: 100,
		idle:    time.Second,
		atLeast: 1, atMost: 3, budget: 50 * time.Millisecond, long: time.Second,
		benchArgs: []string{"-test.benchtime=1x", "-test.count=1"},
	},
}

// sizeAsked is the value of BENCH in the environment.
func sizeAsked() (size, error) {
	name := os.Getenv("BENCH")
	if name == "" {
		name = "full"
	}
	s, ok := sizes[name]
	if !ok {
		return size{}, fmt.Errorf("BENCH is full or short, not %q", name)
	}
	return s, nil
}
