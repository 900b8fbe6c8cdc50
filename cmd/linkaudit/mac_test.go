package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"linkaudit/internal/report"
)

var macTestID = [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}

func newMACList(w io.Writer, format string) *macList {
	l := &macList{machines: []idMachine{{id: macTestID}}}
	l.out = report.FormatNamed(format).MACs(w, []report.MACMachine{{Label: "id1"}}, report.ByUdev)
	return l
}

// A million names must cost no allocations each, so memory does not depend on their number.
func TestAMillionNamesCostNoMemory(t *testing.T) {
	const names = 1_000_000
	for _, format := range formatNames("mac") {
		t.Run(format, func(t *testing.T) {
			allocs := testing.AllocsPerRun(1, func() {
				l := newMACList(io.Discard, format)
				in := &oneLine{line: []byte("veth12345\n"), left: names}
				if err := l.read(context.Background(), in); err != nil {
					t.Fatal(err)
				}
				if err := l.out.Close(); err != nil {
					t.Fatal(err)
				}
			})
			// Each piece of 64 KiB of input costs some.
			if allocs > names/1000 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

// oneLine is one line over and over.
type oneLine struct {
	line []byte
	left int
}

func (r *oneLine) Read(p []byte) (int, error) {
	n := 0
	for ; r.left > 0 && len(p)-n >= len(r.line); r.left-- {
		n += copy(p[n:], r.line)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// endless is a line without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestALineWithoutAnEndIsGivenUpEarly(t *testing.T) {
	in := &endless{}
	err := newMACList(io.Discard, "text").read(context.Background(), in)
	if err == nil || !strings.HasPrefix(err.Error(), "standard input:1: ") || !strings.HasSuffix(err.Error(), "longer than 127 bytes") {
		t.Errorf("%v", err)
	}
	if in.read > 1<<20 {
		t.Errorf("%d bytes were read", in.read)
	}
}

// A program that asks name by name gets each answer before its next question.
func TestAnswersComeBeforeMoreIsWaitedFor(t *testing.T) {
	questions, ask := io.Pipe()
	hear, answers := io.Pipe()
	done := make(chan error, 1)
	go func() {
		l := newMACList(answers, "text")
		done <- l.read(context.Background(), questions)
	}()
	in := bufio.NewReader(hear)
	for _, name := range []string{"bond0 96:85:c5:ce:a2:4b", "br0 2e:51:d4:17:b5:1e"} {
		io.WriteString(ask, strings.Fields(name)[0]+"\n")
		if got, err := in.ReadString('\n'); got != name+"\n" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	ask.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestASignalEndsTheWaitForNames(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	questions, _ := io.Pipe()
	if err := newMACList(io.Discard, "text").read(ctx, questions); err == nil || err.Error() != "standard input: interrupted" {
		t.Errorf("%v", err)
	}
}

func FuzzNamesFromInput(f *testing.F) {
	f.Add([]byte("bond0\nbr0"))
	f.Add([]byte("\n\x00\r\nx"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		l := newMACList(&out, "text")
		err := l.read(context.Background(), bytes.NewReader(in))
		l.out.Close()
		lines := bytes.Count(out.Bytes(), []byte("\n"))
		want := bytes.Count(in, []byte("\n"))
		if len(in) > 0 && in[len(in)-1] != '\n' {
			want++
		}
		if err == nil && lines != want || err != nil && lines >= want {
			t.Errorf("%d answers to %d names: %v", lines, want, err)
		}
	})
}
