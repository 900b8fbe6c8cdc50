package parallel

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
)

func TestEachHandlesEveryOneOnce(t *testing.T) {
	for _, n := range []int{0, 1, 7, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			seen := make([]atomic.Int32, n)
			Each(n, 100, func() func(int) { return func(i int) { seen[i].Add(1) } })
			for i := range seen {
				if seen[i].Load() != 1 {
					t.Errorf("%d was handled %d times", i, seen[i].Load())
				}
			}
		})
	}
}

func TestInOrderKeepsTheOrder(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var got []int
			if err := InOrder(n, func(part int) int { return part * part }, func(v int) error { got = append(got, v); return nil }); err != nil {
				t.Fatal(err)
			}
			var want []int
			for i := range n {
				want = append(want, i*i)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestInOrderEndsWithTheFirstError(t *testing.T) {
	full, used := errors.New("full"), 0
	err := InOrder(100, func(part int) int { return part }, func(v int) error {
		if used++; v == 3 {
			return full
		}
		return nil
	})
	if err != full || used != 4 {
		t.Errorf("%v after %d", err, used)
	}
}

func TestAPanicReachesTheCaller(t *testing.T) {
	for name, run := range map[string]func(){
		"Each":    func() { Each(1000, 1, func() func(int) { return func(i int) { _ = []int{}[i] } }) },
		"InOrder": func() { _ = InOrder(1000, func(i int) int { return []int{}[i] }, func(int) error { return nil }) },
		"one":     func() { _ = InOrder(1, func(i int) int { return []int{}[i] }, func(int) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			run()
		})
	}
}
