package report

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// style is the parameter of an SGR sequence (ECMA-48, 8.3.117); "" is no style.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	yellow style = "33"
	green  style = "32"
	cyan   style = "36"
)

// span is a piece of a paragraph in one style.
type span struct {
	text  string
	style style
}

func text(s string) span { return span{text: s} }

// printer formats paragraphs. It collects text until flush, so few places must check
// for write errors. Only a report about many devices is written in pieces.
type printer struct {
	buf   bytes.Buffer
	width int
	color bool
	word  []span // reused by para
}

func (p *printer) blank() { p.buf.WriteByte('\n') }

// para writes the spans as one paragraph. The first line begins with first, the others
// are indented by hang columns. Lines break at spaces. A word that is longer than a
// line gets a line of its own, unbroken, so a path can be copied.
func (p *printer) para(first string, hang int, spans ...span) {
	p.buf.WriteString(first)
	col := columns(first)
	fresh := true // only the indentation is on this line
	// word is the word read so far. It keeps both styles if it spans two spans.
	word, n := p.word[:0], 0
	flush := func() {
		if len(word) == 0 {
			return
		}
		switch {
		case !fresh && col+1+n > p.width:
			p.buf.WriteByte('\n')
			for range hang {
				p.buf.WriteByte(' ')
			}
			col = hang
		case !fresh:
			p.buf.WriteByte(' ')
			col++
		}
		for _, piece := range word {
			p.put(piece)
		}
		col += n
		fresh = false
		word, n = word[:0], 0
	}
	for _, s := range spans {
		for t := s.text; ; {
			part, rest, space := strings.Cut(t, " ")
			if part != "" {
				word = append(word, span{part, s.style})
				n += columns(part)
			}
			if !space {
				break
			}
			flush()
			t = rest
		}
	}
	flush()
	p.word = word
	p.buf.WriteByte('\n')
}

func (p *printer) put(s span) {
	t := strings.ReplaceAll(s.text, hardSpace, " ")
	if !p.color || s.style == plain || t == "" {
		p.buf.WriteString(t)
		return
	}
	p.buf.WriteString("\x1b[" + string(s.style) + "m" + t + "\x1b[0m")
}

// columns is the number of terminal columns that s needs.
func columns(s string) int {
	if ascii(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
		default:
			switch width.LookupRune(r).Kind() {
			case width.EastAsianWide, width.EastAsianFullwidth:
				n += 2
			default:
				n++
			}
		}
	}
	return n
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
