package guard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
)

// A figure may differ from the recorded one by a part of 1/bound.
const bound = 10

// Figures are what one run of the program took, by name.
type Figures map[string]int64

// The names of figures. CallsOf is followed by the name of a system call.
const (
	Calls            = "system calls"
	CallsOf          = "system call "
	FileBytes        = "bytes read from files"
	SysfsBytes       = "bytes read from sysfs"
	MessagesSent     = "netlink messages sent"
	BytesSent        = "netlink bytes sent"
	MessagesReceived = "netlink messages received"
	Allocations      = "allocations"
	AllocatedBytes   = "bytes allocated"
)

// Record is the content of a file of recorded figures.
type Record struct {
	// Go is the release of Go that built the program: its run time makes system calls
	// of its own, and the compiler decides what is allocated.
	Go string `json:"go"`
	// Runs are the runs, by description, with their figures.
	Runs map[string]Figures `json:"runs"`
}

// Load reads recorded figures.
func Load(file string) (Record, error) {
	var r Record
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Save writes the figures of runs, one a line.
func Save(file string, runs map[string]Figures) error {
	text, err := json.MarshalIndent(Record{Go: runtime.Version(), Runs: runs}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// Measure returns the figures of a run. If some differ from the record, it measures
// again, up to the given number of times, and takes the recorded value if one of the
// runs is as recorded: a disturbance adds to a run, and a figure with two values, by
// how threads are scheduled or when garbage is collected, rarely has the lower one. So
// a figure rose or fell only if it did in every run. A run without a record is measured
// as often, and the least counts.
func (r Record) Measure(run string, times int, measure func() Figures) Figures {
	recorded, ok := r.Runs[run]
	least := measure()
	most := least
	for range times - 1 {
		if ok && len(r.compareRun(run, recorded, nearest(recorded, least, most))) == 0 {
			break
		}
		next := measure()
		least, most = Least(least, next), larger(most, next)
	}
	if !ok {
		return least
	}
	return nearest(recorded, least, most)
}

// nearest is the value between the least and the most that is nearest to the record.
func nearest(recorded, least, most Figures) Figures {
	f := Figures{}
	for name := range most {
		if n := min(max(recorded[name], least[name]), most[name]); n != 0 || !strings.HasPrefix(name, CallsOf) {
			f[name] = n
		}
	}
	return f
}

// larger keeps the higher of two runs' figures.
func larger(a, b Figures) Figures {
	most := maps.Clone(a)
	for name, n := range b {
		most[name] = max(most[name], n)
	}
	return most
}

// Least keeps the lower of two runs' figures.
func Least(a, b Figures) Figures {
	least := maps.Clone(a)
	for name, n := range b {
		if m, ok := least[name]; !ok || n < m {
			least[name] = n
		}
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			delete(least, name) // a system call that need not be made
		}
	}
	return least
}

// Difference is how a run differs from its record.
type Difference struct {
	Run string
	// Rose: it took more.
	Rose bool
	// Calls are the names of the system calls that are made more often.
	Calls []string
	text  string
}

func (d Difference) String() string { return d.Run + ": " + d.text }

// Compare returns what differs by more than the bound. A fall is a difference too:
// otherwise a later rise up to the old figure would not be seen. For the same reason
// each run must be in both.
func (r Record) Compare(measured map[string]Figures) []Difference {
	var all []Difference
	for _, run := range slices.Sorted(maps.Keys(measured)) {
		recorded, ok := r.Runs[run]
		if !ok {
			all = append(all, Difference{Run: run, text: "nothing is recorded of it; record it"})
			continue
		}
		all = append(all, r.compareRun(run, recorded, measured[run])...)
	}
	for _, run := range slices.Sorted(maps.Keys(r.Runs)) {
		if _, ok := measured[run]; !ok {
			all = append(all, Difference{Run: run, text: "is recorded and was not run; record again"})
		}
	}
	return all
}

// compareRun returns one difference for all that rose and one for all that fell.
func (r Record) compareRun(run string, recorded, measured Figures) (differences []Difference) {
	both := maps.Clone(recorded)
	maps.Copy(both, measured)
	rose, fell := Difference{Run: run, Rose: true}, Difference{Run: run}
	var more, less []string
	for _, name := range slices.Sorted(maps.Keys(both)) {
		was, is := recorded[name], measured[name]
		switch {
		case beyond(name, is-was, was):
			more = append(more, change(name, was, is))
			if call, ok := strings.CutPrefix(name, CallsOf); ok {
				rose.Calls = append(rose.Calls, call)
			}
		case beyond(name, was-is, was):
			less = append(less, change(name, was, is))
		}
	}
	if len(more) > 0 {
		rose.text = "more than is recorded: " + strings.Join(more, "; ") + r.otherGo()
		differences = append(differences, rose)
	}
	if len(less) > 0 {
		fell.text = "less than is recorded: " + strings.Join(less, "; ") + "; record again, or a rise up to the old figure would not be seen" + r.otherGo()
		differences = append(differences, fell)
	}
	return differences
}

// slack is by how many bytes a figure may differ anyway.
var slack = map[string]int64{
	// The run time starts threads when it wants, and allocates some 5 kB for each.
	AllocatedBytes: 32 << 10,
	// udevd's process ID, which is read, has one to seven digits.
	SysfsBytes: 6,
}

// beyond reports whether the change is more than the bound allows.
func beyond(name string, change, of int64) bool {
	return change*bound > of && change > slack[name]
}

func change(name string, was, is int64) string {
	if was == 0 {
		return fmt.Sprintf("%s from none to %d", name, is)
	}
	return fmt.Sprintf("%s from %d to %d (%+.0f %%)", name, was, is, 100*float64(is-was)/float64(was))
}

// otherGo says that Go may be the reason.
func (r Record) otherGo() string {
	if r.Go == runtime.Version() {
		return ""
	}
	return fmt.Sprintf(" (recorded with %s, and this is %s)", r.Go, runtime.Version())
}
