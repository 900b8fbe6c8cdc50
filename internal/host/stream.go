package host

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// Documents reads the JSON documents of a stream one after the other, each on a
// line of its own (NDJSON) or over many, as Save writes them and cat joins them.
// It calls yield with each, for Parse, and with the line that it begins in. The
// bytes are yield's to keep.
//
// It finds where a document ends and no more: whether one is sound is for Parse
// to say. Text between documents and one without an end are errors that name the
// line, and so is one of more than 256 MiB.
func Documents(r io.Reader, yield func(line int, raw []byte) error) error {
	return documents(r, maxSnapshotSize, yield)
}

func documents(r io.Reader, limit int, yield func(line int, raw []byte) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	var (
		doc   []byte
		scan  scanner
		line  = 1 // of what is read next
		start = 1 // of doc
	)
	for {
		part, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		ended := err == io.EOF
		for len(part) > 0 {
			if len(doc) == 0 {
				rest := bytes.TrimLeft(part, " \t\r\n")
				line += bytes.Count(part[:len(part)-len(rest)], []byte("\n"))
				if part = rest; len(part) == 0 {
					break
				}
				if part[0] != '{' {
					return fmt.Errorf("line %d: a snapshot begins with {", line)
				}
				start = line
			}
			n, whole := scan.next(part)
			doc = append(doc, part[:n]...)
			line += bytes.Count(part[:n], []byte("\n"))
			part = part[n:]
			if len(doc) > limit {
				return fmt.Errorf("line %d: larger than %d MiB", start, limit>>20)
			}
			if whole {
				if err := yield(start, doc); err != nil {
					return err
				}
				doc, scan = make([]byte, 0, len(doc)), scanner{}
			}
		}
		if ended {
			if len(doc) > 0 {
				return fmt.Errorf("line %d: the snapshot that begins here has no end", start)
			}
			return nil
		}
	}
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
