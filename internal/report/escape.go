package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes s harmless for a terminal and keeps it on one line. It replaces control
// characters, bytes that are not UTF-8, and characters that are invisible or change the
// direction of the text by \n, \t, \r, \xNN or \u{NNNN}. The latter characters are
// Unicode's Cf, Zl, Zp and every space except U+0020. Backslashes stay, so the path of
// a file such as foo\x2dbar.link can be copied from a report.
func Escape(s string) string {
	if printable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%04x}`, r)
		}
		i += n
	}
	return b.String()
}

func printable(s string) bool {
	for i := 0; i < len(s); {
		if s[i] >= ' ' && s[i] < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsPrint(r) || r == utf8.RuneError && n == 1 {
			return false
		}
		i += n
	}
	return true
}

// word is Escape for a name or path within a sentence. It quotes s if s is empty or
// contains spaces, and marks the spaces, so no line breaks there.
func word[S ~string](s S) string {
	e := Escape(string(s))
	if e == "" || strings.ContainsAny(e, ` "`) {
		e = `"` + strings.ReplaceAll(e, `"`, `\"`) + `"`
	}
	return strings.ReplaceAll(e, " ", hardSpace)
}

// unbrokenLine is Escape for a command to copy: no line breaks in it.
func unbrokenLine(s string) string { return strings.ReplaceAll(Escape(s), " ", hardSpace) }

// hardSpace stands for a space within a word. Escape leaves no NUL in a text, so it is
// unambiguous.
const hardSpace = "\x00"

// escapeJSON replaces characters in a JSON text that unicode.IsPrint refuses by \u
// escapes. The JSON value stays the same, and the text is harmless on a terminal.
// Outside strings, JSON has only ASCII.
func escapeJSON(b []byte) []byte {
	harmless := func(c byte) bool { return c >= ' ' && c < 0x7f || c == '\n' }
	i := 0
	for i < len(b) && harmless(b[i]) {
		i++
	}
	if i == len(b) {
		return b
	}
	out := append(make([]byte, 0, len(b)+len(b)/8), b[:i]...)
	for i < len(b) {
		if harmless(b[i]) {
			out = append(out, b[i])
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, b[i:i+n]...)
		case r > 0xffff:
			hi := 0xd800 + (r-0x10000)>>10
			lo := 0xdc00 + (r-0x10000)&0x3ff
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += n
	}
	return out
}
