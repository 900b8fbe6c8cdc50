package linkfiles

import (
	"errors"
	"strings"
	"unicode/utf8"
)

var errSplit = errors.New("unbalanced quotes, or a backslash at the end or before an unknown letter")

// wordSyntax says which of extract_first_word()'s features a list uses.
type wordSyntax struct {
	separators string
	unquote    bool // quotes group and vanish (EXTRACT_UNQUOTE)
	unescape   bool // C escapes are resolved (EXTRACT_CUNESCAPE)
	// literal leaves a backslash alone (EXTRACT_RETAIN_ESCAPE); relaxed ends
	// unbalanced quotes at the end (EXTRACT_RELAX).
	literal, relaxed bool
}

// nextWord takes the first word from s like extract_first_word() of extract-word.c. A
// backslash takes the character after it literally, or as a C escape if the syntax says so.
// ok is false at the end of the list.
func (w wordSyntax) nextWord(rel Release, s string) (word, rest string, ok bool, err error) {
	p := strings.TrimLeft(s, w.separators)
	if p == "" {
		return "", "", false, nil
	}
	var b []byte
	var quote byte
	for p != "" {
		c := p[0]
		switch {
		case c == '\\' && !w.literal:
			p = p[1:]
			if p == "" {
				if w.relaxed {
					return string(b), "", true, nil
				}
				return "", "", false, errSplit
			}
			if !w.unescape {
				b, p = append(b, p[0]), p[1:]
				continue
			}
			var n int
			if b, n = appendEscape(rel, b, p); n == 0 {
				return "", "", false, errSplit
			}
			p = p[n:]
			continue
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b = append(b, c)
		case w.unquote && (c == '"' || c == '\''):
			quote = c
		case strings.IndexByte(w.separators, c) >= 0:
			return string(b), strings.TrimLeft(p, w.separators), true, nil
		default:
			b = append(b, c)
		}
		p = p[1:]
	}
	if quote != 0 && !w.relaxed {
		return "", "", false, errSplit
	}
	return string(b), "", true, nil
}

// plainWords is the syntax of most lists: white space between words, quotes
// without a meaning.
var plainWords = wordSyntax{separators: valueSpace}

// quotedWords is the same with quotes.
var quotedWords = wordSyntax{separators: valueSpace, unquote: true}

// splitPlain splits at white space and ignores backslashes, as lists of policies were split
// before policiesUnescape.
func splitPlain(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(valueSpace, r) })
}

// each calls f for the words in turn, and returns the error of the first one that cannot be
// split off.
func (w wordSyntax) each(rel Release, s string, f func(word string)) error {
	for {
		word, rest, ok, err := w.nextWord(rel, s)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		f(word)
		s = rest
	}
}

// appendEscape appends the character of the C escape at the start of s (after the backslash),
// like cunescape_one() of escape.c, and returns the length of the escape, 0 if it is none.
func appendEscape(rel Release, b []byte, s string) ([]byte, int) {
	const letters, meaning = `abfnrtv\"'s`, "\a\b\f\n\r\t\v\\\"' "
	if i := strings.IndexByte(letters, s[0]); i >= 0 {
		return append(b, meaning[i]), 1
	}
	number := func(s string, n int, base uint64) (uint32, bool) {
		if len(s) < n {
			return 0, false
		}
		var v uint32
		for i := range n {
			if digit(s[i]) >= base {
				return 0, false
			}
			v = v*uint32(base) + uint32(digit(s[i]))
		}
		return v, v != 0
	}
	switch s[0] {
	case 'x':
		if v, ok := number(s[1:], 2, 16); ok {
			return append(b, byte(v)), 3
		}
	case 'u':
		if v, ok := number(s[1:], 4, 16); ok && !(surrogatesAreBadEscapes.has(rel) && 0xd800 <= v && v <= 0xdfff) {
			return appendCodePoint(b, v), 5
		}
	case 'U':
		if v, ok := number(s[1:], 8, 16); ok && validCodePoint(v) {
			return appendCodePoint(b, v), 9
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		if v, ok := number(s, 3, 8); ok && v <= 255 {
			return append(b, byte(v)), 3
		}
	}
	return b, 0
}

// appendCodePoint encodes like utf8_encode_unichar(): surrogates get three bytes like their
// neighbours.
func appendCodePoint(b []byte, v uint32) []byte {
	if 0xd800 <= v && v <= 0xdfff {
		return append(b, 0xe0|byte(v>>12), 0x80|byte(v>>6)&0xbf, 0x80|byte(v)&0xbf)
	}
	return utf8.AppendRune(b, rune(v))
}

// validCodePoint is unichar_is_valid() of utf8.c: no surrogates and, unlike in
// Go, no noncharacters.
func validCodePoint(v uint32) bool {
	return v < 0x110000 && (v < 0xd800 || v > 0xdfff) && (v < 0xfdd0 || v > 0xfdef) && v&0xfffe != 0xfffe
}

// validUTF8Value is utf8_is_valid() of utf8.c.
func validUTF8Value(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !validCodePoint(uint32(r)) {
			return false
		}
	}
	return true
}
