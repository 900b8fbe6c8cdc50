package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// indented is for people, onOneLine for one document of many.
const (
	indented  = "  "
	onOneLine = ""
)

// writeJSON writes a whole document with one Write call, so a line never appears in
// part.
func writeJSON(w io.Writer, v any, indent string) error {
	s := newJSONStream(w, indent)
	s.value(v)
	return s.end()
}

// jsonStream writes one document exactly as json.Encoder does with this indentation,
// but in pieces, so the whole text need not be in memory. encoding/json encodes names
// and values; jsonStream adds only the brackets, commas and line breaks between them.
// flush and end return the first error.
type jsonStream struct {
	w      io.Writer
	indent string
	// text is what has not been written to w yet.
	text bytes.Buffer
	// prefix is a line break and the indentation at the current depth.
	prefix string
	// more: the innermost object or array already has an element. bare: nothing
	// precedes the next value. That is the document itself, or the value after a name.
	more, bare bool

	encoded bytes.Buffer
	encoder *json.Encoder
	err     error
}

func newJSONStream(w io.Writer, indent string) *jsonStream {
	s := &jsonStream{w: w, indent: indent, bare: true}
	if indent != "" {
		s.prefix = "\n"
	}
	s.encoder = json.NewEncoder(&s.encoded)
	s.encoder.SetEscapeHTML(false)
	return s
}

// begin writes what separates a value or name from the one before.
func (s *jsonStream) begin() {
	if s.bare {
		s.bare = false
		return
	}
	if s.more {
		s.text.WriteByte(',')
	}
	s.more = true
	s.text.WriteString(s.prefix)
}

// open begins an object, "{", or an array, "[".
func (s *jsonStream) open(bracket byte) {
	s.begin()
	s.text.WriteByte(bracket)
	s.prefix += s.indent
	s.more = false
}

// shut ends what open began. The surrounding object or array now has an element.
func (s *jsonStream) shut(bracket byte) {
	s.prefix = s.prefix[:len(s.prefix)-len(s.indent)]
	if s.more {
		s.text.WriteString(s.prefix)
	}
	s.text.WriteByte(bracket)
	s.more = true
}

// name begins a member of an object. Its value must follow.
func (s *jsonStream) name(name string) {
	s.value(name)
	s.text.WriteByte(':')
	if s.indent != "" {
		s.text.WriteByte(' ')
	}
	s.bare = true
}

// member writes a name and its value.
func (s *jsonStream) member(name string, v any) {
	s.name(name)
	s.value(v)
}

// value writes a value of any type that encoding/json supports.
func (s *jsonStream) value(v any) {
	s.begin()
	s.encoded.Reset()
	if s.indent != "" {
		s.encoder.SetIndent(s.prefix[1:], s.indent)
	}
	if err := s.encoder.Encode(v); err != nil {
		if s.err == nil {
			s.err = fmt.Errorf("encoding the report: %w", err)
		}
		return
	}
	s.encoded.Truncate(s.encoded.Len() - 1) // the line break at the end of Encode's output
	s.text.Write(escapeJSON(s.encoded.Bytes()))
}

// flush writes all collected text and returns the first error.
func (s *jsonStream) flush() error {
	if s.err != nil || s.text.Len() == 0 {
		return s.err
	}
	_, s.err = s.w.Write(s.text.Bytes())
	s.text.Reset()
	return s.err
}

// end ends the document with a line break.
func (s *jsonStream) end() error {
	s.text.WriteByte('\n')
	return s.flush()
}

// values writes n values. Many are encoded on all processors.
func (s *jsonStream) values(n int, of func(i int) any) error {
	if n <= batch {
		for i := range n {
			s.value(of(i))
		}
		return s.err
	}
	more := s.more
	again := sync.Pool{New: func() any { return newJSONStream(nil, s.indent) }} // reuses memory
	return inBatches(n, func(from, until int) *jsonStream {
		p := again.Get().(*jsonStream)
		p.prefix, p.bare, p.more = s.prefix, false, more || from > 0
		for i := from; i < until; i++ {
			p.value(of(i))
		}
		return p
	}, func(p *jsonStream) error {
		if s.err == nil {
			s.err = p.err
		}
		s.more = true
		if err := s.flush(); err != nil {
			return err
		}
		_, s.err = s.w.Write(p.text.Bytes())
		p.text.Reset()
		again.Put(p)
		return s.err
	})
}
