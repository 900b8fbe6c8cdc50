// Package parallel shares work among the processors.
package parallel

import (
	"runtime"
	"sync"
)

// Each handles 0 to n-1 independently, on all processors if there are at least from of them.
// Each thread calls worker once, and calls what it returned alone. A panic is passed on to
// the caller, who can catch it.
func Each(n, from int, worker func() func(i int)) {
	workers := 1
	if n >= from {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	panics := make([]any, workers)
	for w := range workers {
		share := func() {
			defer func() { panics[w] = recover() }()
			do := worker()
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				do(i)
			}
		}
		if w == workers-1 {
			share()
		} else {
			wg.Go(share)
		}
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

// InOrder makes n parts on all processors; the caller's thread uses them in order. No more
// are made ahead than there are processors. It ends with the first error of use; a panic of
// produce is passed on to the caller.
func InOrder[T any](n int, produce func(part int) T, use func(T) error) error {
	if n == 1 {
		return use(produce(0))
	}
	type made struct {
		part  T
		panic any
	}
	var ahead []chan made
	for begun, done := 0, 0; done < n; done++ {
		for ; begun < n && len(ahead) < runtime.GOMAXPROCS(0); begun++ {
			part := begun
			result := make(chan made, 1) // so that its sender never waits
			ahead = append(ahead, result)
			go func() {
				var m made
				defer func() {
					m.panic = recover()
					result <- m
				}()
				m.part = produce(part)
			}()
		}
		m := <-ahead[0]
		ahead = ahead[1:]
		if m.panic != nil {
			panic(m.panic)
		}
		if err := use(m.part); err != nil {
			return err
		}
	}
	return nil
}
