package guard

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatDiffersByMoreThanATenthIsTold(t *testing.T) {
	recorded := Figures{
		Calls: 200, CallsOf + "openat": 100, CallsOf + "read": 100,
		FileBytes: 1000, SysfsBytes: 14, MessagesReceived: 10, Allocations: 5000, AllocatedBytes: 90_000,
	}
	for name, c := range map[string]struct {
		change Figures // -1: not measured
		want   []string
		calls  []string
	}{
		"nothing": {},
		"a rise and a fall of 10 %": {
			change: Figures{FileBytes: 1100, Allocations: 4500, Calls: 220, CallsOf + "openat": 110, CallsOf + "read": 90},
		},
		"a rise of 11 %": {
			change: Figures{FileBytes: 1110},
			want:   []string{"check: more than is recorded: bytes read from files from 1000 to 1110 (+11 %)"},
		},
		"a fall of 11 %": {
			change: Figures{Allocations: 4450},
			want:   []string{"check: less than is recorded: allocations from 5000 to 4450 (-11 %); record again, or a rise up to the old figure would not be seen"},
		},
		"bytes for six threads": {
			change: Figures{AllocatedBytes: 90_000 + slack[AllocatedBytes]},
		},
		"bytes for more threads than are started": {
			change: Figures{AllocatedBytes: 90_001 + slack[AllocatedBytes]},
			want:   []string{"check: more than is recorded: bytes allocated from 90000 to 122769 (+36 %)"},
		},
		"a process number of seven digits instead of one": {
			change: Figures{SysfsBytes: 14 + 6},
		},
		"a byte more than a process number has": {
			change: Figures{SysfsBytes: 14 + 7},
			want:   []string{"check: more than is recorded: bytes read from sysfs from 14 to 21 (+50 %)"},
		},
		"one of a few": {
			change: Figures{MessagesReceived: 12},
			want:   []string{"check: more than is recorded: netlink messages received from 10 to 12 (+20 %)"},
		},
		"all calls and one of them": {
			change: Figures{Calls: 225, CallsOf + "openat": 125},
			want:   []string{"check: more than is recorded: system call openat from 100 to 125 (+25 %); system calls from 200 to 225 (+12 %)"},
			calls:  []string{"openat"},
		},
		"one call for another, with the same sum": {
			change: Figures{CallsOf + "openat": 80, CallsOf + "read": 120},
			want: []string{
				"check: more than is recorded: system call read from 100 to 120 (+20 %)",
				"check: less than is recorded: system call openat from 100 to 80 (-20 %); record again, or a rise up to the old figure would not be seen",
			},
			calls: []string{"read"},
		},
		"a call that was never made": {
			change: Figures{CallsOf + "execve": 1},
			want:   []string{"check: more than is recorded: system call execve from none to 1"},
			calls:  []string{"execve"},
		},
		"a figure that no longer exists": {
			change: Figures{FileBytes: -1},
			want:   []string{"check: less than is recorded: bytes read from files from 1000 to 0 (-100 %); record again, or a rise up to the old figure would not be seen"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			measured := Figures{}
			for name, n := range recorded {
				measured[name] = n
			}
			for name, n := range c.change {
				if measured[name] = n; n < 0 {
					delete(measured, name)
				}
			}
			r := Record{Go: runtime.Version(), Runs: map[string]Figures{"check": recorded}}
			var got, calls []string
			for _, d := range r.Compare(map[string]Figures{"check": measured}) {
				got = append(got, d.String())
				calls = append(calls, d.Calls...)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEachRunHasToBeInBoth(t *testing.T) {
	r := Record{Go: runtime.Version(), Runs: map[string]Figures{"check": {Calls: 1}, "gone": {Calls: 1}}}
	var got []string
	for _, d := range r.Compare(map[string]Figures{"check": {Calls: 1}, "new": {Calls: 1}}) {
		got = append(got, d.String())
	}
	want := []string{"new: nothing is recorded of it; record it", "gone: is recorded and was not run; record again"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnotherReleaseOfGoIsNamed(t *testing.T) {
	r := Record{Go: "go1.26.0-other", Runs: map[string]Figures{"check": {Allocations: 100}}}
	for _, n := range []int64{120, 80} {
		t.Run(fmt.Sprintf("%d allocations", n), func(t *testing.T) {
			got := r.Compare(map[string]Figures{"check": {Allocations: n}})
			if len(got) != 1 || !strings.Contains(got[0].String(), "(recorded with go1.26.0-other, and this is "+runtime.Version()+")") {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestTheLeastOfTwoRunsCounts(t *testing.T) {
	got := Least(Figures{Calls: 10, CallsOf + "sendto": 4, CallsOf + "madvise": 1}, Figures{Calls: 9, CallsOf + "sendto": 5})
	if diff := cmp.Diff(Figures{Calls: 9, CallsOf + "sendto": 4}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFileOfFiguresIsReadAsItWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	runs := map[string]Figures{"check": {Calls: 10, CallsOf + "sendto": 4}}
	if err := Save(file, runs); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Record{Go: runtime.Version(), Runs: runs}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatDiffersIsMeasuredAgain(t *testing.T) {
	for name, c := range map[string]struct {
		recorded map[string]Figures
		want     int64
		times    int
	}{
		"the first is as recorded":  {map[string]Figures{"check": {Calls: 100}}, 105, 1},
		"the second is as recorded": {map[string]Figures{"check": {Calls: 93}}, 101, 2},
		"none is as recorded":       {map[string]Figures{"check": {Calls: 80}}, 100, 4},
		"it fell":                   {map[string]Figures{"check": {Calls: 200}}, 105, 4},
		"nothing is recorded":       {nil, 100, 4},
	} {
		t.Run(name, func(t *testing.T) {
			figures := []int64{105, 101, 103, 100, 90}
			times := 0
			got := Record{Go: runtime.Version(), Runs: c.recorded}.Measure("check", 4, func() Figures {
				times++
				return Figures{Calls: figures[times-1]}
			})
			if got[Calls] != c.want || times != c.times {
				t.Errorf("%d after %d times, want %d after %d", got[Calls], times, c.want, c.times)
			}
		})
	}
}

func TestAFigureFellOnlyIfItDidEachTime(t *testing.T) {
	recorded := Figures{Calls: 100, CallsOf + "write": 2}
	r := Record{Go: runtime.Version(), Runs: map[string]Figures{"check": recorded}}
	runs := []Figures{{Calls: 80, CallsOf + "write": 2}, {Calls: 120}, {Calls: 120, CallsOf + "write": 3}}
	times := 0
	got := r.Measure("check", 8, func() Figures { times++; return runs[times-1] })
	if diff := cmp.Diff(recorded, got); diff != "" || times != 2 {
		t.Errorf("after %d runs: %s", times, diff)
	}
}
