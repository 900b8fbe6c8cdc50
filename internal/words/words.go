// Package words holds every sentence that linkaudit says about files, devices and
// addresses, and makes text of the statements that the other packages make. Who wants to
// change a word finds it in one of the tables of this package by its code, and nowhere
// else.
//
// A sentence is text with details of the statement in braces:
//
//	{port}             the detail "port"
//	{port?text}        the text if there is a port, which may have braces of its own
//	{port!text}        the text if there is none
//	{ports| or }       the detail "ports", which is a list, joined by " or "
//	{name:q}           the detail "name" in quotes
//
// There is none of a detail that is "", 0, false, an empty list or nil.
package words

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"linkaudit/linkfiles"
)

// entry is a code and its sentence.
type entry struct{ code, text string }

// tables are all sentences there are.
var tables = [][]entry{matching, deriving, reasons, outcomes, giving, watching, remedies, gives,
	deviceFindings, fileFindings, futureFindings, managerFindings, imageFindings, evidenceFindings, guestFindings,
}

// sentence is what is said for a code. One that is whole has no braces.
type sentence struct {
	text  string
	whole bool
}

// sentences are all of them by their codes.
var sentences = sync.OnceValue(func() map[string]sentence {
	n := 0
	for _, table := range tables {
		n += len(table)
	}
	all := make(map[string]sentence, n)
	for _, table := range tables {
		for _, e := range table {
			all[e.code] = sentence{e.text, !strings.Contains(e.text, "{")}
		}
	}
	return all
})

// Of returns the words for a statement, "" for none.
func Of(s *linkfiles.Statement) string {
	if s == nil {
		return ""
	}
	said := sentenceFor(s)
	if said.whole {
		return said.text
	}
	b := scratch.Get().(*[]byte)
	*b = appendText((*b)[:0], said.text, s)
	words := string(*b)
	scratch.Put(b)
	return words
}

// scratch is where sentences are put together: an audit of many devices has many, and a
// third of its memory was that of growing ones.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// Error is a statement as an error.
func Error(s *linkfiles.Statement) error { return errors.New(Of(s)) }

// sentenceFor is the sentence for a statement: its own text, where it was told.
func sentenceFor(s *linkfiles.Statement) sentence {
	if text, ok := s.Text(); ok {
		return sentence{text, true}
	}
	found, ok := sentences()[s.Code]
	if !ok {
		return sentence{s.String(), true} // a test finds each of them
	}
	return found
}

func appendWords(b []byte, s *linkfiles.Statement) []byte {
	if s == nil {
		return b
	}
	said := sentenceFor(s)
	if said.whole {
		return append(b, said.text...)
	}
	return appendText(b, said.text, s)
}

// appendText adds the text with the details of s in place of what is in braces.
func appendText(b []byte, text string, s *linkfiles.Statement) []byte {
	for {
		before, rest, found := strings.Cut(text, "{")
		b = append(b, before...)
		if !found {
			return b
		}
		n := closing(rest)
		b = appendHole(b, rest[:n], s)
		text = rest[n+1:]
	}
}

// closing is the place of the brace that ends what text begins with.
func closing(text string) int {
	for depth, i := 0, 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	panic("words: no closing brace in " + text)
}

// appendHole adds what one pair of braces stands for.
func appendHole(b []byte, hole string, s *linkfiles.Statement) []byte {
	name, how, rest := hole, byte(0), ""
	if i := strings.IndexAny(hole, "?!|:"); i >= 0 {
		name, how, rest = hole[:i], hole[i], hole[i+1:]
	}
	value := s.Detail(name)
	switch how {
	case '?', '!':
		if is(value) == (how == '?') {
			return appendText(b, rest, s)
		}
		return b
	case '|':
		return appendValue(b, value, rest)
	case ':':
		return strconv.AppendQuote(b, string(appendValue(nil, value, "")))
	}
	return appendValue(b, value, ", ")
}

// is reports whether there is anything in a detail.
func is(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case string:
		return v != ""
	case *linkfiles.Statement:
		return v != nil
	case []string:
		return len(v) > 0
	case []*linkfiles.Statement:
		return len(v) > 0
	case linkfiles.Statements:
		return len(v.Statements()) > 0
	case linkfiles.Pos:
		return v != linkfiles.Pos{}
	case fmt.Stringer:
		return v.String() != ""
	}
	return true
}

func appendAll(b []byte, all []*linkfiles.Statement, separator string) []byte {
	for i, one := range all {
		if i > 0 {
			b = append(b, separator...)
		}
		b = appendWords(b, one)
	}
	return b
}

// appendValue adds a detail; those of a list with what separates them.
func appendValue(b []byte, value any, separator string) []byte {
	switch v := value.(type) {
	case nil:
		return b
	case string:
		return append(b, v...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case *linkfiles.Statement:
		return appendWords(b, v)
	case []string:
		return append(b, strings.Join(v, separator)...)
	case []*linkfiles.Statement:
		return appendAll(b, v, separator)
	case linkfiles.Statements:
		return appendAll(b, v.Statements(), separator)
	case fmt.Stringer:
		return append(b, v.String()...)
	}
	return fmt.Append(b, value)
}
