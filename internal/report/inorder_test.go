package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
)

func TestPiecesOfAReportStandInOrder(t *testing.T) {
	for _, n := range []int{0, 1, batch, batch + 1, 20*batch + 7} {
		var got, want bytes.Buffer
		for i := range n {
			fmt.Fprintln(&want, i)
		}
		if err := inOrder(&got, n, func(b []byte, from, until int) ([]byte, error) {
			for i := from; i < until; i++ {
				b = fmt.Appendln(b, i)
			}
			return b, nil
		}); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%d devices: the text is not in order", n)
		}
	}
}

func TestAPieceThatFailsEndsTheReport(t *testing.T) {
	failed := errors.New("failed")
	if err := inOrder(&bytes.Buffer{}, 10*batch, func(_ []byte, from, _ int) ([]byte, error) {
		if from >= 3*batch {
			return nil, failed
		}
		return []byte("text"), nil
	}); !errors.Is(err, failed) {
		t.Errorf("the error of a piece: %v", err)
	}
	if err := inOrder(failingWriter{}, 10*batch, func([]byte, int, int) ([]byte, error) { return []byte("text"), nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the error of a write: %v", err)
	}
	defer func() {
		if p := recover(); p != "fault" {
			t.Errorf("the panic of a piece arrived as %v", p)
		}
	}()
	inOrder(&bytes.Buffer{}, 10*batch, func([]byte, int, int) ([]byte, error) { panic("fault") })
	t.Error("the panic of a piece did not arrive")
}
