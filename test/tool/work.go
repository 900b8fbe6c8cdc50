package tool

import (
	"errors"
	"sync"
)

// ErrEnough is what [Workers.Do] returns if no further piece is needed: the work ends
// without an error.
var ErrEnough = errors.New("enough")

// Workers do pieces of work side by side. Each has one resource for all of its pieces:
// a process that it asks, or a namespace.
type Workers[R any] struct {
	// Count is the number of workers, at least 1.
	Count int
	// Open makes the resource of a worker for its first piece, and Close ends it, also
	// after errors. Both may be nil.
	Open  func() (R, error)
	Close func(R) error
	// Do does the piece with the number.
	Do func(r R, piece int) error
}

// Work does the pieces 0 to pieces-1, in that order if there is one worker. After the
// first error no further piece begins, and those under way are finished. It returns all
// errors, including those of Close.
func (w Workers[R]) Work(pieces int) error {
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		next int
		over bool
		errs []error
	)
	take := func() (piece int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if over || next >= pieces {
			return 0, false
		}
		next++
		return next - 1, true
	}
	end := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		over = true
		if err != ErrEnough {
			errs = append(errs, err)
		}
	}
	work := func() {
		piece, ok := take()
		if !ok {
			return
		}
		var r R
		if w.Open != nil {
			var err error
			if r, err = w.Open(); err != nil {
				end(err)
				return
			}
		}
		if w.Close != nil {
			defer func() {
				if err := w.Close(r); err != nil {
					end(err)
				}
			}()
		}
		for ; ok; piece, ok = take() {
			if err := w.Do(r, piece); err != nil {
				end(err)
				return
			}
		}
	}
	for range max(1, w.Count) {
		wg.Go(work)
	}
	wg.Wait()
	return errors.Join(errs...)
}
