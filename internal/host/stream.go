package host

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// Documents reads the JSON documents of a stream, each on a line of its own (NDJSON) or over
// many, as Save writes them and cat joins them. It calls yield with each, for Parse, and with
// the line that it begins on. yield may keep the bytes.
//
// It only finds where a document ends; Parse checks it. Text between documents, a document
// without an end and one of more than 256 MiB are errors that name the line.
func Documents(r io.Reader, yield func(line int, raw []byte) error) error {
	return documents(r, maxSnapshotSize, yield)
}

func documents(r io.Reader, limit int, yield func(line int, raw []byte) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	s := splitter{limit: limit, yield: yield, line: 1}
	for {
		part, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		for len(part) > 0 {
			var failed error
			if part, failed = s.take(part); failed != nil {
				return failed
			}
		}
		if err != io.EOF {
			continue
		}
		if len(s.doc) > 0 {
			return fmt.Errorf("line %d: the snapshot that begins here is incomplete", s.start)
		}
		return nil
	}
}

// splitter puts documents together.
type splitter struct {
	limit int
	yield func(line int, raw []byte) error
	doc   []byte
	scan  scanner
	start int // the line that doc begins in
	line  int // of what is read next
}

// take reads on to the end of a document, or of part, and returns what is left of that.
func (s *splitter) take(part []byte) (rest []byte, err error) {
	if len(s.doc) == 0 {
		if part, err = s.begin(part); err != nil || len(part) == 0 {
			return nil, err
		}
	}
	n, whole := s.scan.next(part)
	s.doc = append(s.doc, part[:n]...)
	s.line += bytes.Count(part[:n], []byte("\n"))
	if len(s.doc) > s.limit {
		return nil, fmt.Errorf("line %d: larger than %d MiB", s.start, s.limit>>20)
	}
	if whole {
		if err := s.yield(s.start, s.doc); err != nil {
			return nil, err
		}
		s.doc, s.scan = make([]byte, 0, len(s.doc)), scanner{}
	}
	return part[n:], nil
}

// begin passes over white space to the start of a document.
func (s *splitter) begin(part []byte) ([]byte, error) {
	doc := bytes.TrimLeft(part, " \t\r\n")
	s.line += bytes.Count(part[:len(part)-len(doc)], []byte("\n"))
	s.start = s.line
	if len(doc) > 0 && doc[0] != '{' {
		return nil, fmt.Errorf("line %d: not a snapshot (it must begin with {)", s.line)
	}
	return doc, nil
}

// scanner finds the end of a JSON object.
type scanner struct {
	depth   int
	text    bool // in a string
	escaped bool // after a backslash in one
}

// next goes on with the next bytes, and returns how many of them belong to the
// object and whether it ends there.
func (s *scanner) next(b []byte) (n int, whole bool) {
	for i := 0; i < len(b); i++ {
		switch {
		case s.escaped:
			s.escaped = false
		case s.text:
			j := bytes.IndexAny(b[i:], `"\`)
			if j < 0 {
				return len(b), false
			}
			i += j
			s.text, s.escaped = b[i] == '\\', b[i] == '\\'
		default:
			switch b[i] {
			case '"':
				s.text = true
			case '{', '[':
				s.depth++
			case '}', ']':
				if s.depth--; s.depth == 0 {
					return i + 1, true
				}
			}
		}
	}
	return len(b), false
}
