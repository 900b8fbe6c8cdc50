package soak

import (
	"fmt"
	"slices"
	"strings"
)

// A Series is the measurements of one thing, in order of time, each made while nothing
// happened.
type Series []int

// enough is how many values can be judged: three in each third.
const enough = 9

// Level returns an error if the series rises: if the median of its last third is above
// that of its middle third by more than slack. Memory with a garbage collector goes up
// and down, but the median of many moments does not; a leak only goes up. The first
// third is warm-up.
//
// No value after the warm-up may be above most: a series that jumps once and stays
// there is not level either.
func (s Series) Level(slack, most int) error {
	if len(s) < enough {
		return fmt.Errorf("%d values are too few to judge: %v", len(s), []int(s))
	}
	third := len(s) / 3
	middle, last := s[third:2*third], s[2*third:]
	if from, to := median(middle), median(last); to > from+slack {
		return fmt.Errorf("it grows: the median is %d in the middle third and %d in the last, %d are allowed: %v", from, to, slack, []int(s))
	}
	if peak := slices.Max(s[third:]); peak > most {
		return fmt.Errorf("it reaches %d, %d are allowed: %v", peak, most, []int(s))
	}
	return nil
}

// Constant returns an error if the values after the warm-up differ.
func (s Series) Constant() error {
	if len(s) < enough {
		return fmt.Errorf("%d values are too few to judge: %v", len(s), []int(s))
	}
	rest := s[len(s)/3:]
	if low, high := slices.Min(rest), slices.Max(rest); low != high {
		return fmt.Errorf("it is between %d and %d: %v", low, high, []int(s))
	}
	return nil
}

// String has the medians of the thirds and the highest value of all.
func (s Series) String() string {
	third := len(s) / 3
	if third == 0 {
		return fmt.Sprint([]int(s))
	}
	var b strings.Builder
	for i, part := range []Series{s[:third], s[third : 2*third], s[2*third:]} {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, median(part))
	}
	return fmt.Sprintf("%s (medians of the thirds), at most %d", b.String(), slices.Max(s))
}

func median(s Series) int {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}
