package tool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// counted is a resource that counts how many were opened and closed.
type counted struct {
	mu             sync.Mutex
	opened, closed int
	done           []int
}

func (c *counted) workers(count int, do func(piece int) error) Workers[int] {
	return Workers[int]{
		Count: count,
		Open: func() (int, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.opened++
			return c.opened, nil
		},
		Close: func(int) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.closed++
			return nil
		},
		Do: func(_ int, piece int) error {
			c.mu.Lock()
			c.done = append(c.done, piece)
			c.mu.Unlock()
			return do(piece)
		},
	}
}

func TestEveryPieceOfWorkIsDoneOnce(t *testing.T) {
	for _, count := range []int{0, 1, 3, 50} {
		t.Run(fmt.Sprintf("%d workers", count), func(t *testing.T) {
			var c counted
			if err := c.workers(count, func(int) error { return nil }).Work(20); err != nil {
				t.Fatal(err)
			}
			slices.Sort(c.done)
			if len(c.done) != 20 || c.done[0] != 0 || c.done[19] != 19 || len(slices.Compact(c.done)) != 20 {
				t.Errorf("they did %v", c.done)
			}
			if c.opened != c.closed || c.opened < 1 || c.opened > min(20, max(1, count)) {
				t.Errorf("they opened %d and closed %d", c.opened, c.closed)
			}
		})
	}
}

func TestNothingIsOpenedWithoutWork(t *testing.T) {
	var c counted
	if err := c.workers(2, func(int) error { return nil }).Work(0); err != nil || c.opened != 0 {
		t.Errorf("%d opened: %v", c.opened, err)
	}
}

func TestWorkEndsAfterTheFirstErrorAndLosesNone(t *testing.T) {
	var c counted
	var both sync.WaitGroup
	both.Add(2)
	err := c.workers(2, func(piece int) error {
		both.Done() // a third piece would panic here
		both.Wait()
		return []error{errors.New("the first"), errors.New("the second")}[piece]
	}).Work(100)
	if err == nil || !strings.Contains(err.Error(), "the first") || !strings.Contains(err.Error(), "the second") {
		t.Errorf("the errors are %v", err)
	}
	if c.opened != 2 || c.closed != 2 {
		t.Errorf("opened %d, closed %d", c.opened, c.closed)
	}
}

func TestWorkEndsWhenItIsEnough(t *testing.T) {
	var c counted
	err := c.workers(1, func(piece int) error {
		if piece == 3 {
			return ErrEnough
		}
		return nil
	}).Work(100)
	if err != nil || !slices.Equal(c.done, []int{0, 1, 2, 3}) || c.closed != 1 {
		t.Errorf("did %v, closed %d: %v", c.done, c.closed, err)
	}
}

func TestErrorsOfOpenAndCloseAreErrorsOfTheWork(t *testing.T) {
	w := Workers[int]{Count: 2, Open: func() (int, error) { return 0, errors.New("not opened") }, Do: func(int, int) error {
		t.Error("worked without the resource")
		return nil
	}}
	if err := w.Work(5); err == nil || !strings.Contains(err.Error(), "not opened") {
		t.Error(err)
	}
	w = Workers[int]{Count: 1, Close: func(int) error { return errors.New("not closed") }, Do: func(int, int) error { return nil }}
	if err := w.Work(5); err == nil || err.Error() != "not closed" {
		t.Error(err)
	}
}
