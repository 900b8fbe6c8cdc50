// Package fact is linkfiles.Fact under a short name, for the packages of this
// module: values that are known, absent, or unknown for a reason.
package fact

import "linkaudit/linkfiles"

// Fact is linkfiles.Fact.
type Fact[T any] = linkfiles.Fact[T]

// Statement is linkfiles.Statement.
type Statement = linkfiles.Statement

// Say is linkfiles.Say.
func Say(code string, details ...any) *Statement { return linkfiles.Say(code, details...) }

// Told is linkfiles.Told.
func Told(text string) *Statement { return linkfiles.Told(text) }

// Known returns a Fact that holds v.
func Known[T any](v T) Fact[T] { return linkfiles.Known(v) }

// Absent returns a Fact that is known to have no value: no such attribute, no
// such property.
func Absent[T any]() Fact[T] { return linkfiles.Absent[T]() }

// Unknown returns a Fact that could not be found out, and why.
func Unknown[T any](reason *Statement) Fact[T] { return linkfiles.Unknown[T](reason) }

// Text returns a Fact of a text; "" means that there is none.
func Text[T ~string](s T) Fact[T] { return linkfiles.Text(s) }
