package soak

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sawtooth is the memory of a program with a garbage collector: it keeps what is live
// and adds garbage up to twice as much, measured at moments unrelated to the
// collections.
func sawtooth(n, live, leak int) Series {
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	var s Series
	for i := range n {
		s = append(s, live+leak*i+rnd.IntN(live))
	}
	return s
}

func TestLevel(t *testing.T) {
	warm := slices.Concat(Series{100, 900, 2000}, slices.Repeat(Series{4000}, 6))
	late := slices.Concat(slices.Repeat(Series{100}, 14), Series{5000})
	for _, test := range []struct {
		name        string
		s           Series
		slack, most int
		want        string
	}{
		{"a flat one", slices.Repeat(Series{10}, 12), 0, 10, ""},
		{"a sawtooth", sawtooth(240, 10000, 0), 2000, 20000, ""},
		{"a long sawtooth, with less slack", sawtooth(24000, 10000, 0), 200, 20000, ""},
		{"a sawtooth that rises", sawtooth(240, 10000, 100), 2000, 1 << 30, "it grows"},
		{"one more each time", sawtooth(30, 1, 1), 5, 1 << 30, "it grows"},
		{"it falls", sawtooth(240, 40000, -50), 0, 1 << 30, ""},
		{"it warms up", warm, 0, 4000, ""},
		{"it warms up to too much", warm, 0, 3999, "it reaches 4000"},
		{"a jump at the end", late, 0, 4999, "it reaches 5000"},
		{"a step in the last third", slices.Concat(slices.Repeat(Series{5}, 8), slices.Repeat(Series{6}, 4)), 0, 10, "it grows"},
		{"few values", Series{1, 1, 1, 1, 1, 1, 1, 1}, 0, 10, "too few"},
		{"none", nil, 0, 10, "too few"},
	} {
		t.Run(test.name, func(t *testing.T) { says(t, test.s.Level(test.slack, test.most), test.want) })
	}
}

func TestConstant(t *testing.T) {
	for _, test := range []struct {
		name string
		s    Series
		want string
	}{
		{"it is", slices.Repeat(Series{7}, 9), ""},
		{"it is after the warm-up", slices.Concat(Series{4, 5, 6}, slices.Repeat(Series{7}, 6)), ""},
		{"one more at the very end", slices.Concat(slices.Repeat(Series{7}, 11), Series{8}), "between 7 and 8"},
		{"one less", slices.Concat(slices.Repeat(Series{7}, 11), Series{6}), "between 6 and 7"},
		{"few values", slices.Repeat(Series{7}, 8), "too few"},
	} {
		t.Run(test.name, func(t *testing.T) { says(t, test.s.Constant(), test.want) })
	}
}

// says: the error has these words; "" is for none.
func says(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && err == nil:
		t.Errorf("no error, want %q", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("%v, want %q", err, want)
	}
}

func TestASeriesIsToldInShort(t *testing.T) {
	s := Series{9, 1, 2, 3, 4, 5, 6, 7, 8}
	if got, want := s.String(), "2, 4, 7 (medians of the thirds), at most 9"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}
