// Package fact is linkfiles.Fact under a short name, for the packages of this
// module: values that are known, absent, or unknown for a reason.
package fact

import "linkaudit/linkfiles"

// Fact is linkfiles.Fact.
type Fact[T any] = linkfiles.Fact[T]

// Known returns a Fact that holds v.
func Known[T any](v T) Fact[T] { return linkfiles.Known(v) }

// Absent returns a Fact that is known to have no value: no such attribute, no
// such property.
func Absent[T any]() Fact[T] { return linkfiles.Absent[T]() }

// Unknown returns a Fact that could not be found out, and why.
func Unknown[T any](reason string) Fact[T] { return linkfiles.Unknown[T](reason) }

// Text returns a Fact of a text of which "" means that there is none.
func Text(s string) Fact[string] { return linkfiles.Text(s) }
