package linkfiles

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Statement is something that is said about a file, a device or a value, as data: a code and
// details. Programs read the code; words for people are made from it when it is shown. A nil
// Statement says nothing. Statements never change.
type Statement struct {
	// Code says what it means, in kebab-case: "no-such-device".
	Code string
	// Details are the parts of the sentence.
	Details []Detail

	// text is that of Told, "" for a Statement with a code of its own.
	text string
}

// Detail is one detail of a Statement: a string, an int, a [Pos], a bool, a *Statement, a
// []string, a []*Statement or [Statements], or something with a String method.
type Detail struct {
	Name  string
	Value any
}

// Statements are several that are made only when they are read: most are never shown.
type Statements interface{ Statements() []*Statement }

// toldCode is the code of a Statement with its own words.
const toldCode = "told"

// Say returns the Statement of a code and details, a name and a value each in turn.
//
// Put into its 350 callers, as the compiler would, it is 4 % of the program.
//
//go:noinline
func Say(code string, details ...any) *Statement {
	s := withRoom(len(details) / 2)
	s.Code = code
	for i := 0; i+1 < len(details); i += 2 {
		s.Details = append(s.Details, Detail{details[i].(string), details[i+1]})
	}
	return s
}

// withRoom returns an empty Statement in one piece of memory with its details. An audit of
// many devices has several for each, most with one or two details.
func withRoom(details int) *Statement {
	switch {
	case details == 0:
		return new(Statement)
	case details == 1:
		var s struct {
			Statement
			room [1]Detail
		}
		s.Details = s.room[:0]
		return &s.Statement
	case details == 2:
		var s struct {
			Statement
			room [2]Detail
		}
		s.Details = s.room[:0]
		return &s.Statement
	}
	var s struct {
		Statement
		room [4]Detail
	}
	s.Details = s.room[:0]
	return &s.Statement
}

// Told returns the Statement of a text without a code: what the kernel, a program or a file
// says.
func Told(text string) *Statement { return &Statement{Code: toldCode, text: text} }

// Text returns the text of a Statement made by Told, false for any other.
func (s *Statement) Text() (text string, ok bool) {
	if !s.Is(toldCode) {
		return "", false
	}
	return s.text, true
}

// Is reports whether the Statement has the code.
func (s *Statement) Is(code string) bool { return s != nil && s.Code == code }

// Detail returns a detail by its name, nil if there is none.
func (s *Statement) Detail(name string) any {
	if s == nil {
		return nil
	}
	for _, d := range s.Details {
		if d.Name == name {
			return d.Value
		}
	}
	return nil
}

// String is the text of Told, and otherwise the code with its details:
// "match-differs(asked=Kind=bridge, has=bond)".
func (s *Statement) String() string {
	if s == nil {
		return ""
	}
	if text, ok := s.Text(); ok {
		return text
	}
	if len(s.Details) == 0 {
		return s.Code
	}
	var b strings.Builder
	b.WriteString(s.Code)
	for i, d := range s.Details {
		b.WriteString([...]string{"(", ", "}[min(i, 1)])
		fmt.Fprintf(&b, "%s=%v", d.Name, d.Value)
	}
	b.WriteByte(')')
	return b.String()
}

// Equal reports whether both mean the same.
func (s *Statement) Equal(other *Statement) bool { return s == other || s.Compare(other) == 0 }

// Compare orders Statements: by their codes, then by their details.
func (s *Statement) Compare(other *Statement) int {
	switch {
	case s == other:
		return 0
	case s == nil:
		return -1
	case other == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(s.Code, other.Code), cmp.Compare(s.text, other.text), slices.CompareFunc(s.Details, other.Details, compareDetails))
}

func compareDetails(x, y Detail) int {
	if c := cmp.Compare(x.Name, y.Name); c != 0 {
		return c
	}
	switch a := x.Value.(type) {
	case string:
		if b, ok := y.Value.(string); ok {
			return cmp.Compare(a, b)
		}
	case *Statement:
		if b, ok := y.Value.(*Statement); ok {
			return a.Compare(b)
		}
	case []*Statement:
		if b, ok := y.Value.([]*Statement); ok {
			return slices.CompareFunc(a, b, (*Statement).Compare)
		}
	case Statements:
		if b, ok := y.Value.(Statements); ok {
			return slices.CompareFunc(a.Statements(), b.Statements(), (*Statement).Compare)
		}
	}
	return cmp.Compare(fmt.Sprint(x.Value), fmt.Sprint(y.Value))
}
