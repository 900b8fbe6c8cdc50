package report

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// style is the parameter of an SGR sequence (ECMA-48, 8.3.117); "" is none.
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

// printer lays paragraphs out. It collects what flush writes, so that a report has few
// errors to look at: only that of many devices is written in pieces.
type printer struct {
	buf   bytes.Buffer
	width int
	color bool
	word  []span // para's, kept for its memory
}

func (p *printer) blank() { p.buf.WriteByte('\n') }

// para writes the spans as one paragraph: the first line begins with first,
// the others are indented by hang columns. Lines break at spaces; a word that
// is too long for a line stands on one of its own, unbroken, so that a path
// can be copied.
func (p *printer) para(first string, hang int, spans ...span) {
	p.buf.WriteString(first)
	col := columns(first)
	fresh := true // nothing but the indentation on this line yet
	// word is what was read of a word so far: one that reaches over the
	// border of two spans keeps both styles.
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

// columns is how many columns of a terminal s takes.
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
