package linkfiles

import "strings"

// glob is how fnmatch(3) can differ.
type glob struct {
	// fold ignores case, as FNM_CASEFOLD does.
	fold bool
	// unclosedFails: a bracket without an end matches nothing after one of its parts
	// matched; until glibc 2.32.
	unclosedFails bool
}

func (g glob) lower(c byte) byte {
	if g.fold && c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// match is fnmatch(3) of the GNU C library in the C locale (udevd sets no other), with flags 0
// or, with fold, FNM_CASEFOLD. It is not path.Match: "*" and "?" match "/" and a leading dot,
// "[!" and "[^" negate, brackets know classes, equivalence classes and collating symbols, and
// a bracket without an end is an ordinary character.
//
// testdata/fnmatch.json, captured from the library itself, is the proof.
//
// On a mismatch it goes back to the last star, which takes at most
// len(pattern) * len(name) steps.
func (g glob) match(pattern, name string) bool {
	p, n := 0, 0
	starP, starN := -1, 0
	for {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			starP, starN = p, n
			continue
		}
		if p == len(pattern) && n == len(name) {
			return true
		}
		if n < len(name) && p < len(pattern) {
			if ok, width := g.one(pattern[p:], name[n]); ok {
				p += width
				n++
				continue
			}
		}
		if starP < 0 || starN >= len(name) {
			return false
		}
		starN++
		p, n = starP, starN
	}
}

// one matches the first element of a pattern, not a star, against one byte and returns the
// length of the element.
func (g glob) one(p string, c byte) (ok bool, width int) {
	switch p[0] {
	case '?':
		return true, 1
	case '\\':
		if len(p) == 1 {
			return false, 1
		}
		return g.lower(p[1]) == g.lower(c), 2
	case '[':
		if ok, width, closed := g.bracket(p, c); closed {
			return ok, width
		}
	}
	return g.lower(p[0]) == g.lower(c), 1
}

// bracket matches a bracket expression. closed is false if the expression has no end; then
// its "[" is an ordinary character. width is 0 if the library gives up.
func (g glob) bracket(p string, c byte) (ok bool, width int, closed bool) {
	i := 1
	not := i < len(p) && (p[i] == '!' || p[i] == '^')
	if not {
		i++
	}
	for first := true; ; first = false {
		if i >= len(p) {
			return false, 0, false
		}
		if p[i] == ']' && !first {
			// Nothing matched.
			return not, i + 1, true
		}
		part, next := g.part(p, i, c)
		i = next
		fits := part.fits
		switch {
		case part.kind == partBad:
			return false, 0, true
		case part.kind == partWhole:
		case i+1 < len(p) && p[i] == '-' && p[i+1] != ']':
			hi, next, good := rangeEnd(p, i+1)
			if !good {
				return false, 0, true
			}
			i = next
			fits = part.char <= g.lower(c) && g.lower(c) <= g.lower(hi)
		case !fits && i+1 == len(p) && p[i] == '-':
			// A range without an end: the library gives up instead of taking "[" as a
			// character.
			return false, 0, true
		}
		if fits {
			return g.matched(p, i, not)
		}
	}
}

// bracketPart is one part of a bracket expression.
type bracketPart struct {
	kind partKind
	// fits says whether the part matches.
	fits bool
	// char is what a range begins with.
	char byte
}

type partKind uint8

const (
	partChar  partKind = iota // a character, which may begin a range
	partWhole                 // a class or the like, which cannot
	partBad                   // the library gives up
)

// part reads the part of a bracket expression at p[i], as far as a "-" may follow.
func (g glob) part(p string, i int, c byte) (part bracketPart, next int) {
	bad := bracketPart{kind: partBad}
	inner := byte(0) // what follows "["
	if p[i] == '[' && i+1 < len(p) {
		inner = p[i+1]
	}
	switch {
	case p[i] == '\\':
		if i+1 >= len(p) {
			return bad, i
		}
		i++
	case inner == ':':
		class, next, kind := className(p, i)
		if kind == classNone {
			break
		}
		in, known := inClass(class, c)
		if kind == classBad || !known {
			return bad, i
		}
		return bracketPart{kind: partWhole, fits: in}, next
	case inner == '=' && i+4 < len(p) && p[i+3] == '=' && p[i+4] == ']':
		return bracketPart{kind: partWhole, fits: p[i+2] == c}, i + 5
	case inner == '.':
		sym, next, good := collating(p, i)
		if !good {
			return bad, i
		}
		if next+1 < len(p) && p[next] == '-' && p[next+1] == ']' {
			// The library takes this for a range, does not compare the symbol, and then
			// finds no range: "[[.a.]-]" is "[-]".
			return bracketPart{kind: partWhole}, next
		}
		return bracketPart{fits: sym == c, char: sym}, next
	}
	char := g.lower(p[i])
	return bracketPart{fits: char == g.lower(c), char: char}, i + 1
}

// rangeEnd reads the character at p[i] with which a range ends.
func rangeEnd(p string, i int) (hi byte, next int, ok bool) {
	switch {
	case p[i] == '[' && i+1 < len(p) && p[i+1] == '.':
		return collating(p, i)
	case p[i] != '\\':
		return p[i], i + 1, true
	case i+1 >= len(p):
		return 0, 0, false
	}
	return p[i+1], i + 2, true
}

// matched skips the rest of a bracket expression after one of its parts matched.
func (g glob) matched(p string, i int, not bool) (ok bool, width int, closed bool) {
	for i < len(p) {
		if p[i] == ']' {
			return !not, i + 1, true
		}
		next, good := skipPart(p, i)
		if !good {
			return false, 0, true
		}
		i = next
	}
	return false, 0, g.unclosedFails
}

// skipPart skips the part at p[i] of a bracket expression; false if the library gives up.
func skipPart(p string, i int) (next int, ok bool) {
	if i+1 >= len(p) {
		return i + 1, p[i] != '\\'
	}
	if p[i] == '\\' {
		return i + 2, true
	}
	if p[i] != '[' {
		return i + 1, true
	}
	switch p[i+1] {
	case ':':
		_, next, kind := className(p, i)
		if kind == classNone {
			return i + 1, true
		}
		return next, kind == classGood
	case '=':
		return i + 5, i+4 < len(p) && p[i+3] == '=' && p[i+4] == ']'
	case '.':
		end := strings.Index(p[i+2:], ".]")
		return i + 2 + end + 2, end >= 0
	}
	return i + 1, true
}

type classKind uint8

const (
	classNone classKind = iota // not a class at all: "[" is a character
	classGood
	classBad // too long: nothing matches
)

// maxClass is CHAR_CLASS_MAX_LENGTH of the library.
const maxClass = 2048

// className reads "[:name:]" at p[i].
func className(p string, i int) (name string, next int, kind classKind) {
	start := i + 2
	for j := start; j < len(p); j++ {
		if j-start == maxClass {
			return "", 0, classBad
		}
		if p[j] == ':' && j+1 < len(p) && p[j+1] == ']' {
			return p[start:j], j + 2, classGood
		}
		if p[j] < 'a' || p[j] >= 'z' {
			return "", 0, classNone
		}
	}
	return "", 0, classNone
}

// classes are the classes of <ctype.h> in the C locale.
var classes = map[string]func(c byte) bool{
	"alpha":  isAlpha,
	"upper":  isUpper,
	"lower":  func(c byte) bool { return isAlpha(c) && !isUpper(c) },
	"digit":  isDigit,
	"alnum":  isAlnum,
	"xdigit": func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' },
	"space":  func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' },
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"graph":  isGraph,
	"print":  func(c byte) bool { return isGraph(c) || c == ' ' },
	"punct":  func(c byte) bool { return isGraph(c) && !isAlnum(c) },
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
func isGraph(c byte) bool { return c > ' ' && c < 0x7f }

// inClass asks for the byte as it is: FNM_CASEFOLD does not reach into classes.
func inClass(name string, c byte) (in, known bool) {
	has := classes[name]
	return has != nil && has(c), has != nil
}

// collating reads "[.x.]" at p[i]; in the C locale a symbol is one character.
func collating(p string, i int) (sym byte, next int, ok bool) {
	start := i + 2
	for j := start; j+1 < len(p); j++ {
		if p[j] == '.' && p[j+1] == ']' && j > start {
			if j-start != 1 {
				return 0, 0, false
			}
			return p[start], j + 2, true
		}
	}
	return 0, 0, false
}
