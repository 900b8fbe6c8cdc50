package linkfiles

import (
	"encoding/json"
	"fmt"
)

type factState uint8

const (
	factUnknown factState = iota
	factAbsent
	factKnown
)

// Fact is a value that is known, known to be absent, or unknown for a reason.
// The zero Fact is unknown with the reason "not collected".
//
// An audit that runs without rights, in a container, or over the tree of an
// image that never booted cannot read everything udevd would read. A Fact
// keeps "there is none" and "it could not be found out" apart, and the second
// always carries its reason, so that no decision is ever built on a guess.
type Fact[T any] struct {
	value  T
	state  factState
	reason string
}

// Known returns a Fact that holds v.
func Known[T any](v T) Fact[T] { return Fact[T]{value: v, state: factKnown} }

// Absent returns a Fact that is known to have no value: no such attribute, no
// such property.
func Absent[T any]() Fact[T] { return Fact[T]{state: factAbsent} }

// Unknown returns a Fact that could not be found out, and why.
func Unknown[T any](reason string) Fact[T] { return Fact[T]{state: factUnknown, reason: reason} }

// Text returns a Fact of a text of which "" means that there is none.
func Text(s string) Fact[string] {
	if s == "" {
		return Absent[string]()
	}
	return Known(s)
}

// Get returns the value and whether there is one. Both an absent and an
// unknown Fact answer false; IsUnknown tells them apart.
func (f Fact[T]) Get() (T, bool) { return f.value, f.state == factKnown }

// Or returns the value, or def where there is none.
func (f Fact[T]) Or(def T) T {
	if f.state == factKnown {
		return f.value
	}
	return def
}

// IsKnown reports whether the Fact holds a value.
func (f Fact[T]) IsKnown() bool { return f.state == factKnown }

// IsAbsent reports whether it is known that there is no value.
func (f Fact[T]) IsAbsent() bool { return f.state == factAbsent }

// IsUnknown reports whether the value could not be found out.
func (f Fact[T]) IsUnknown() bool { return f.state == factUnknown }

// Reason says why the Fact is unknown; it is empty for the two other states.
func (f Fact[T]) Reason() string {
	if f.state != factUnknown {
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
	case factKnown:
		f.value = change(f.value).(T)
	case factUnknown:
		f.reason = change(f.reason).(string)
	}
	return f
}

// String is for people: the value, "(none)" or "(unknown: reason)".
func (f Fact[T]) String() string {
	switch f.state {
	case factKnown:
		return fmt.Sprint(f.value)
	case factAbsent:
		return "(none)"
	}
	return "(unknown: " + f.Reason() + ")"
}

type factJSON[T any] struct {
	Value   *T      `json:"value,omitempty"`
	Unknown *string `json:"unknown,omitempty"`
}

// MarshalJSON writes {"value": V}, null for an absent Fact, and
// {"unknown": "reason"} for an unknown one.
func (f Fact[T]) MarshalJSON() ([]byte, error) {
	switch f.state {
	case factKnown:
		return json.Marshal(factJSON[T]{Value: &f.value})
	case factAbsent:
		return []byte("null"), nil
	}
	reason := f.Reason()
	return json.Marshal(factJSON[T]{Unknown: &reason})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Fact[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Absent[T]()
		return nil
	}
	var e factJSON[T]
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
