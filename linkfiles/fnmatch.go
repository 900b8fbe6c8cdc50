package linkfiles

// glob holds what fnmatch(3) can be asked to do differently.
type glob struct {
	// fold ignores case, as FNM_CASEFOLD does.
	fold bool
	// unclosedFails: a bracket that is never closed matches nothing once one
	// of its parts has fitted; so until glibc 2.32.
	unclosedFails bool
}

func (g glob) lower(c byte) byte {
	if g.fold && c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// match is fnmatch(3) of the GNU C library in the C locale (udevd sets no
// other), with flags 0 or, where fold is set, FNM_CASEFOLD. It is not
// path.Match: "*" and "?" match "/" and a leading dot, "[!" and "[^" negate,
// brackets know classes, equivalence classes and collating symbols, and a
// bracket that is never closed is an ordinary character.
//
// testdata/fnmatch.json, captured from the library itself, is the proof.
//
// It goes back to the last star on a mismatch, which takes at most
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

// one matches the first element of a pattern, which is no star, against one
// byte and returns the bytes the element takes.
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

// bracket matches a bracket expression. closed is false where the expression
// never ends, so that its "[" stands for itself. width is 0 where the library
// gives the whole match up.
func (g glob) bracket(p string, c byte) (ok bool, width int, closed bool) {
	raw := c
	c = g.lower(c)
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
		var lo byte
		same := c // what lo is compared with where it is no range
		switch {
		case p[i] == '\\':
			if i+1 >= len(p) {
				return false, 0, true
			}
			lo = g.lower(p[i+1])
			i += 2
		case p[i] == '[' && i+1 < len(p) && p[i+1] == ':':
			class, next, kind := className(p, i)
			if kind == classBad {
				return false, 0, true
			}
			if kind == classGood {
				in, known := inClass(class, raw)
				if !known {
					return false, 0, true
				}
				i = next
				if in {
					return g.matched(p, i, not)
				}
				continue
			}
			lo = '['
			i++
		case p[i] == '[' && i+1 < len(p) && p[i+1] == '=' && i+4 < len(p) && p[i+3] == '=' && p[i+4] == ']':
			equal := p[i+2] == raw
			i += 5
			if equal {
				return g.matched(p, i, not)
			}
			continue
		case p[i] == '[' && i+1 < len(p) && p[i+1] == '.':
			sym, next, good := collating(p, i)
			if !good {
				return false, 0, true
			}
			i = next
			if i+1 < len(p) && p[i] == '-' && p[i+1] == ']' {
				// The library takes this for a range, does not compare the
				// symbol, and then finds no range: "[[.a.]-]" is "[-]".
				continue
			}
			lo, same = sym, raw
		default:
			lo = g.lower(p[i])
			i++
		}
		isRange := i+1 < len(p) && p[i] == '-' && p[i+1] != ']'
		if !isRange {
			if lo == same {
				return g.matched(p, i, not)
			}
			if i+1 == len(p) && p[i] == '-' {
				// A range without an end: the library gives up rather
				// than taking "[" for itself.
				return false, 0, true
			}
			continue
		}
		i++
		var hi byte
		switch {
		case p[i] == '[' && i+1 < len(p) && p[i+1] == '.':
			sym, next, good := collating(p, i)
			if !good {
				return false, 0, true
			}
			hi, i = sym, next
		case p[i] == '\\':
			if i+1 >= len(p) {
				return false, 0, true
			}
			hi = p[i+1]
			i += 2
		default:
			hi = p[i]
			i++
		}
		if lo <= c && c <= g.lower(hi) {
			return g.matched(p, i, not)
		}
	}
}

// matched skips the rest of a bracket expression after one of its parts fitted.
func (g glob) matched(p string, i int, not bool) (ok bool, width int, closed bool) {
	for {
		if i >= len(p) {
			return false, 0, g.unclosedFails
		}
		switch {
		case p[i] == ']':
			return !not, i + 1, true
		case p[i] == '\\':
			if i+1 >= len(p) {
				return false, 0, true
			}
			i += 2
		case p[i] == '[' && i+1 < len(p) && p[i+1] == ':':
			_, next, kind := className(p, i)
			if kind == classBad {
				return false, 0, true
			}
			if kind == classGood {
				i = next
			} else {
				i++
			}
		case p[i] == '[' && i+1 < len(p) && p[i+1] == '=':
			if i+4 < len(p) && p[i+3] == '=' && p[i+4] == ']' {
				i += 5
				continue
			}
			return false, 0, true
		case p[i] == '[' && i+1 < len(p) && p[i+1] == '.':
			j := i + 2
			for ; j+1 < len(p) && !(p[j] == '.' && p[j+1] == ']'); j++ {
			}
			if j+1 >= len(p) {
				return false, 0, true
			}
			i = j + 2
		default:
			i++
		}
	}
}

type classKind uint8

const (
	classNone classKind = iota // not a class at all: "[" is a character
	classGood
	classBad // too long: nothing matches any more
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

// inClass asks for the byte as it is: FNM_CASEFOLD does not reach into classes.
func inClass(name string, c byte) (in, known bool) {
	upper, lower := c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z'
	digit := c >= '0' && c <= '9'
	graph := c > ' ' && c < 0x7f
	switch name {
	case "alpha":
		return upper || lower, true
	case "upper":
		return upper, true
	case "lower":
		return lower, true
	case "digit":
		return digit, true
	case "alnum":
		return upper || lower || digit, true
	case "xdigit":
		return digit || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F', true
	case "space":
		return c == ' ' || c >= '\t' && c <= '\r', true
	case "blank":
		return c == ' ' || c == '\t', true
	case "cntrl":
		return c < ' ' || c == 0x7f, true
	case "graph":
		return graph, true
	case "print":
		return graph || c == ' ', true
	case "punct":
		return graph && !(upper || lower || digit), true
	}
	return false, false
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
