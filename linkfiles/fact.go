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
// An audit without rights, in a container, or of an image that never booted cannot read
// everything that udevd would read. A Fact keeps "there is none" and "it could not be found
// out" apart, and the second always has its reason, so no decision is based on a guess.
type Fact[T any] struct {
	value  T
	state  factState
	reason *Statement
}

// Known returns a Fact that holds v.
func Known[T any](v T) Fact[T] { return Fact[T]{value: v, state: factKnown} }

// Absent returns a Fact that is known to have no value: no such attribute, no
// such property.
func Absent[T any]() Fact[T] { return Fact[T]{state: factAbsent} }

// Unknown returns a Fact that could not be found out, and why. Without a reason it was not
// collected.
func Unknown[T any](reason *Statement) Fact[T] { return Fact[T]{state: factUnknown, reason: reason} }

// Text returns a Fact of a text; "" means that there is none.
func Text[T ~string](s T) Fact[T] {
	if s == "" {
		return Absent[T]()
	}
	return Known(s)
}

// Get returns the value and whether there is one. It is false for both an absent and an
// unknown Fact; IsUnknown tells them apart.
func (f Fact[T]) Get() (T, bool) { return f.value, f.state == factKnown }

// Or returns the value, or def if there is none.
func (f Fact[T]) Or(def T) T {
	if f.state == factKnown {
		return f.value
	}
	return def
}

// IsKnown reports whether the Fact has a value.
func (f Fact[T]) IsKnown() bool { return f.state == factKnown }

// IsAbsent reports whether it is known that there is no value.
func (f Fact[T]) IsAbsent() bool { return f.state == factAbsent }

// IsUnknown reports whether the value could not be found out.
func (f Fact[T]) IsUnknown() bool { return f.state == factUnknown }

// notCollected is the reason of a Fact that was not requested.
var notCollected = Told("not collected")

// Reason says why the Fact is unknown; it is nil for the two other states.
func (f Fact[T]) Reason() *Statement {
	if f.IsUnknown() && f.reason == nil {
		return notCollected
	}
	return f.reason
}

// Collected is false for a Fact that is unknown because it was not requested.
func (f Fact[T]) Collected() bool { return !f.IsUnknown() || f.reason != nil }

// Map returns the Fact, as a Fact[T], with its value replaced by what change returns or, if it
// is unknown for a reason in words, with those replaced; change returns the type that it
// gets.
func (f Fact[T]) Map(change func(any) any) any {
	switch f.state {
	case factKnown:
		f.value = change(f.value).(T)
	case factUnknown:
		if text, ok := f.reason.Text(); ok {
			if changed := change(text).(string); changed != text {
				f.reason = Told(changed)
			}
		}
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
	return "(unknown: " + f.Reason().String() + ")"
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
	reason := f.Reason().String()
	return json.Marshal(factJSON[T]{Unknown: &reason})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Fact[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Absent[T]()
		return nil
	}
	var e struct {
		Value   *T     `json:"value"`
		Unknown string `json:"unknown"`
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return err
	}
	switch {
	case e.Value != nil:
		*f = Known(*e.Value)
	case e.Unknown != "":
		*f = Unknown[T](reasonSaved(e.Unknown))
	default:
		return fmt.Errorf("a fact needs \"value\" or \"unknown\"")
	}
	return nil
}

// reasonSaved is the reason of an unknown Fact by its text, as MarshalJSON wrote it.
func reasonSaved(text string) *Statement {
	if text == "" || text == notCollected.String() {
		return nil
	}
	return Told(text)
}
