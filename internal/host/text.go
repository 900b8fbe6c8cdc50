package host

import (
	"bytes"
	"reflect"
	"strings"
	"unicode/utf8"
)

// JSON has only UTF-8, but names of devices and files may have other bytes. A saved snapshot
// has such a byte 0xNN as the private-use character U+10FENN. Characters that look the same,
// U+10FE80 to U+10FEFF, become their four UTF-8 bytes in that form. Every text comes back
// unchanged, and names that differ also differ in the snapshot.
const (
	byteChar  = 0x10fe00
	firstByte = byteChar + 0x80
	lastByte  = byteChar + 0xff
)

// toUTF8 is the text as a saved snapshot holds it.
func toUTF8(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, standsForByte) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || standsForByte(r) {
			for _, b := range []byte(s[i : i+n]) {
				out.WriteRune(byteChar + rune(b))
			}
		} else {
			out.WriteRune(r)
		}
		i += n
	}
	return out.String()
}

// fromUTF8 undoes toUTF8.
func fromUTF8(s string) string {
	if !strings.ContainsFunc(s, standsForByte) {
		return s
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if standsForByte(r) {
			out = append(out, byte(r-byteChar))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

func standsForByte(r rune) bool { return firstByte <= r && r <= lastByte }

// mayHoldBytes reports whether a snapshot may have a character that stands for a byte: as
// four bytes that begin like this, or as two \u escapes of UTF-16. Hardly any has.
func mayHoldBytes(snapshot []byte) bool {
	return bytes.Contains(snapshot, []byte("\xf4\x8f")) || bytes.Contains(snapshot, []byte(`\ud`)) || bytes.Contains(snapshot, []byte(`\uD`))
}

// mapText returns a deep copy of v with f applied to every string, so that no later field is
// forgotten. A fact.Fact passes on its own fields; other unexported fields are copied.
func mapText[T any](v T, f func(string) string) T {
	return mapValue(reflect.ValueOf(&v).Elem(), f).Interface().(T)
}

func mapValue(v reflect.Value, f func(string) string) reflect.Value {
	if fact, ok := v.Interface().(interface{ Map(func(any) any) any }); ok {
		return reflect.ValueOf(fact.Map(func(x any) any {
			return mapValue(reflect.ValueOf(x), f).Interface()
		}))
	}
	if !holdsText(v) {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(f(v.String()))
	case reflect.Struct:
		mapFields(out, v, f)
	case reflect.Slice:
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(mapValue(v.Index(i), f))
		}
	case reflect.Map:
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for key, value := range v.Seq2() {
			out.SetMapIndex(mapValue(key, f), mapValue(value, f))
		}
	case reflect.Pointer:
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(mapValue(v.Elem(), f))
	}
	return out
}

// holdsText reports whether a value may have a string in it; bytes are no text.
func holdsText(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Struct:
		return true
	case reflect.Slice:
		return !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8
	case reflect.Map, reflect.Pointer:
		return !v.IsNil()
	}
	return false
}

// mapFields copies the fields of v to out.
func mapFields(out, v reflect.Value, f func(string) string) {
	out.Set(v)
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			out.Field(i).Set(mapValue(v.Field(i), f))
		}
	}
}
