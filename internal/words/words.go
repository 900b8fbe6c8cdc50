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

// sentences are all of them by their codes.
var sentences = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, table := range tables {
		for _, e := range table {
			all[e.code] = e.text
		}
	}
	return all
})

func byCode(code string) (text string, ok bool) {
	text, ok = sentences()[code]
	return text, ok
}

// Of returns the words for a statement, "" for none.
func Of(s *linkfiles.Statement) string {
	if s == nil {
		return ""
	}
	text, whole := sentence(s)
	if whole {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 32)
	writeText(&b, text, s)
	return b.String()
}

// Error is a statement as an error.
func Error(s *linkfiles.Statement) error { return errors.New(Of(s)) }

// sentence is the sentence for a statement, and whether it has no braces.
func sentence(s *linkfiles.Statement) (text string, whole bool) {
	if text, ok := s.Text(); ok {
		return text, true
	}
	text, ok := byCode(s.Code)
	if !ok {
		return s.String(), true // a test finds each of them
	}
	return text, !strings.Contains(text, "{")
}

func write(b *strings.Builder, s *linkfiles.Statement) {
	if s == nil {
		return
	}
	text, whole := sentence(s)
	if whole {
		b.WriteString(text)
		return
	}
	writeText(b, text, s)
}

// writeText writes the text with the details of s in place of what is in braces.
func writeText(b *strings.Builder, text string, s *linkfiles.Statement) {
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return
		}
		n := closing(rest)
		writeHole(b, rest[:n], s)
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

// writeHole writes what one pair of braces stands for.
func writeHole(b *strings.Builder, hole string, s *linkfiles.Statement) {
	name, how, rest := hole, byte(0), ""
	if i := strings.IndexAny(hole, "?!|:"); i >= 0 {
		name, how, rest = hole[:i], hole[i], hole[i+1:]
	}
	value := s.Detail(name)
	switch how {
	case '?', '!':
		if is(value) == (how == '?') {
			writeText(b, rest, s)
		}
	case '|':
		writeValue(b, value, rest)
	case ':':
		var plain strings.Builder
		writeValue(&plain, value, "")
		b.WriteString(strconv.Quote(plain.String()))
	default:
		writeValue(b, value, ", ")
	}
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

func writeAll(b *strings.Builder, all []*linkfiles.Statement, separator string) {
	for i, one := range all {
		if i > 0 {
			b.WriteString(separator)
		}
		write(b, one)
	}
}

// writeValue writes a detail; those of a list with what separates them.
func writeValue(b *strings.Builder, value any, separator string) {
	switch v := value.(type) {
	case nil:
	case string:
		b.WriteString(v)
	case int:
		b.WriteString(strconv.Itoa(v))
	case *linkfiles.Statement:
		write(b, v)
	case []string:
		b.WriteString(strings.Join(v, separator))
	case []*linkfiles.Statement:
		writeAll(b, v, separator)
	case linkfiles.Statements:
		writeAll(b, v.Statements(), separator)
	case fmt.Stringer:
		b.WriteString(v.String())
	default:
		fmt.Fprint(b, v)
	}
}
