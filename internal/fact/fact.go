// Package fact holds values that may be impossible to know.
//
// An audit that runs without rights, in a container, or over the tree of an
// image that never booted cannot read everything udevd would read. A Fact
// keeps "there is none" and "it could not be found out" apart, and the second
// always carries its reason, so that no decision is ever built on a guess.
package fact

import (
	"encoding/json"
	"fmt"
)

type state uint8

const (
	unknown state = iota
	absent
	known
)

// Fact is a value that is known, known to be absent, or unknown for a reason.
// The zero Fact is unknown with the reason "not collected".
type Fact[T any] struct {
	value  T
	state  state
	reason string
}

// Known returns a Fact that holds v.
func Known[T any](v T) Fact[T] { return Fact[T]{value: v, state: known} }

// Absent returns a Fact that is known to have no value: no such attribute, no
// such property.
func Absent[T any]() Fact[T] { return Fact[T]{state: absent} }

// Unknown returns a Fact that could not be found out, and why.
func Unknown[T any](reason string) Fact[T] { return Fact[T]{state: unknown, reason: reason} }

// Text returns a Fact of a text of which "" means that there is none.
func Text(s string) Fact[string] {
	if s == "" {
		return Absent[string]()
	}
	return Known(s)
}

// Get returns the value and whether there is one. Both an absent and an
// unknown Fact answer false; IsUnknown tells them apart.
func (f Fact[T]) Get() (T, bool) { return f.value, f.state == known }

// Or returns the value, or def where there is none.
func (f Fact[T]) Or(def T) T {
	if f.state == known {
		return f.value
	}
	return def
}

// IsKnown reports whether the Fact holds a value.
func (f Fact[T]) IsKnown() bool { return f.state == known }

// IsAbsent reports whether it is known that there is no value.
func (f Fact[T]) IsAbsent() bool { return f.state == absent }

// IsUnknown reports whether the value could not be found out.
func (f Fact[T]) IsUnknown() bool { return f.state == unknown }

// Reason says why the Fact is unknown; it is empty for the two other states.
func (f Fact[T]) Reason() string {
	if f.state != unknown {
		return ""
	}
	if f.reason == "" {
		return "not collected"
	}
	return f.reason
}

// Map returns the Fact, as a Fact[T], with its value or, where it is unknown,
// its reason replaced by what change makes of it; change returns the type that
// it gets.
func (f Fact[T]) Map(change func(any) any) any {
	switch f.state {
	case known:
		f.value = change(f.value).(T)
	case unknown:
		f.reason = change(f.reason).(string)
	}
	return f
}

func (f Fact[T]) String() string {
	switch f.state {
	case known:
		return fmt.Sprint(f.value)
	case absent:
		return "(none)"
	}
	return "(unknown: " + f.Reason() + ")"
}

type encoded[T any] struct {
	Value   *T      `json:"value,omitempty"`
	Unknown *string `json:"unknown,omitempty"`
}

// MarshalJSON writes {"value": V}, null for an absent Fact, and
// {"unknown": "reason"} for an unknown one.
func (f Fact[T]) MarshalJSON() ([]byte, error) {
	switch f.state {
	case known:
		return json.Marshal(encoded[T]{Value: &f.value})
	case absent:
		return []byte("null"), nil
	}
	reason := f.Reason()
	return json.Marshal(encoded[T]{Unknown: &reason})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Fact[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Absent[T]()
		return nil
	}
	var e encoded[T]
	if err := json.Unmarshal(b, &e); err != nil {
		return err
	}
	switch {
	case e.Value != nil:
		*f = Known(*e.Value)
	case e.Unknown != nil:
		*f = Unknown[T](*e.Unknown)
	default:
		return fmt.Errorf("a fact needs \"value\" or \"unknown\"")
	}
	return nil
}
