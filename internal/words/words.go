// Package words has all sentences of linkaudit about files, devices and addresses. It
// turns the statements of other packages into text. To change a word, look up the
// statement's code in the tables of this package.
//
// A sentence is text with details of the statement in braces:
//
//	{port}             the detail "port"
//	{port?text}        text, which may contain braces, if there is a port
//	{port!text}        text if there is no port
//	{ports| or }       the elements of the list "ports", joined by " or "
//	{name:q}           the detail "name" in quotes
//
// A detail that is "", 0, false, an empty list or nil counts as missing.
package words

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"

	"linkaudit/linkfiles"
)

// entry is a code and its sentence.
type entry struct{ code, text string }

// tables are all sentences.
var tables = [][]entry{matching, deriving, reasons, outcomes, giving, watching, remedies, sets,
	deviceFindings, fileFindings, futureFindings, managerFindings, imageFindings, evidenceFindings, guestFindings,
}

// sentence is the text for a code. A whole one has no braces.
type sentence struct {
	text  string
	whole bool
}

// sentences are all sentences by code.
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

// Of returns the text of a statement, "" for nil.
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

// scratch are buffers for building sentences. Without them, growing buffers took a
// third of the memory of an audit of many devices.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// Error is a statement as an error.
func Error(s *linkfiles.Statement) error { return errors.New(Of(s)) }

// sentenceFor returns the sentence for a statement. A statement that was made from text
// is its own sentence.
func sentenceFor(s *linkfiles.Statement) sentence {
	if text, ok := s.Text(); ok {
		return sentence{text, true}
	}
	found, ok := sentences()[s.Code]
	if !ok {
		return sentence{s.String(), true} // a test finds each missing one
	}
	return found
}

// Pasted is a command to paste into a shell.
type Pasted interface {
	fmt.Stringer
	Pasted()
}

// Commands returns the commands in the sentence for a statement.
func Commands(s *linkfiles.Statement) (all []string) {
	for value := range details(s) {
		if command, is := value.(Pasted); is {
			all = append(all, command.String())
		}
	}
	return all
}

// Names reports whether the sentence for a statement names the device.
func Names(s *linkfiles.Statement, device string) bool {
	for value := range details(s) {
		if value == device {
			return true
		}
	}
	return false
}

// details are the values of all details, without the statements among them but with the
// details of those.
func details(s *linkfiles.Statement) iter.Seq[any] {
	return func(yield func(any) bool) { eachDetail(s, yield) }
}

func eachDetail(s *linkfiles.Statement, yield func(any) bool) bool {
	if s == nil {
		return true
	}
	for _, d := range s.Details {
		nested, is := d.Value.(*linkfiles.Statement)
		if is && !eachDetail(nested, yield) || !is && !yield(d.Value) {
			return false
		}
	}
	return true
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

// appendText appends text and replaces each pair of braces by details of s.
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

// closing returns the index of the brace that closes the one before text.
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

// appendHole appends the replacement for one pair of braces.
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

// is reports whether a detail has a value; see the package documentation.
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

// appendValue appends a detail. separator is put between the elements of a list.
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
