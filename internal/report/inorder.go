package report

import (
	"io"
	"runtime"
)

// batch is how many devices make a piece of a report of many.
const batch = 128

// inOrder writes the text of n devices, of which text appends those from one index
// up to another to what it is given. Pieces of the report of many devices are made on
// all processors, no further ahead of what is written than there are processors.
func inOrder(w io.Writer, n int, text func(to []byte, from, until int) ([]byte, error)) error {
	if n <= batch {
		b, err := text(nil, 0, n)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	}
	type piece struct {
		text  []byte
		err   error
		panic any
	}
	var ahead []chan piece
	var written []byte // its memory is used again
	for begun, done := 0, 0; done < n; done += batch {
		for ; begun < n && len(ahead) < runtime.GOMAXPROCS(0); begun += batch {
			from, until, made := begun, min(begun+batch, n), make(chan piece, 1)
			room := written[:0]
			written = nil
			ahead = append(ahead, made)
			go func() {
				var p piece
				defer func() {
					p.panic = recover()
					made <- p
				}()
				p.text, p.err = text(room, from, until)
			}()
		}
		p := <-ahead[0]
		ahead = ahead[1:]
		if p.panic != nil {
			panic(p.panic) // where the caller can catch it
		}
		if p.err != nil {
			return p.err
		}
		if _, err := w.Write(p.text); err != nil {
			return err
		}
		written = p.text
	}
	return nil
}
