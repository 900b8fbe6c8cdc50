package linkfiles

import (
	"fmt"
	"slices"
	"strings"
)

// matchSection is a file's [Match] section: struct NetMatch and the list of
// conditions of link-config.h.
type matchSection struct {
	// device are the conditions of a device, in the order of matchRow.step.
	device []condition
	// system are those of the machine, the last in the file first.
	system []condition
}

// condition is what all lines of a file with one key of [Match] ask for.
type condition struct {
	row *matchRow
	// wants is what the lines say, never empty: the patterns, the properties, the
	// unchanged lines for addresses, or the one parameter of a condition of the machine.
	wants []pattern
	// addrs are the addresses of a condition that compares addresses. One
	// without any never matches.
	addrs map[MAC]bool
}

// pattern is one word that a condition asks for, "KEY=GLOB" for a property.
type pattern struct {
	text   string
	invert bool
	pos    Pos
}

// pos is the last line of the condition.
func (c *condition) pos() Pos { return c.wants[len(c.wants)-1].pos }

// by returns the condition that compares this property of a device, nil if the file has
// none.
func (m *matchSection) by(l lookup) *condition {
	for i := range m.device {
		if m.device[i].row.by == l {
			return &m.device[i]
		}
	}
	return nil
}

// empty is net_match_is_empty() together with the test for conditions: [Match] has nothing
// valid.
func (m *matchSection) empty() bool {
	return len(m.system) == 0 && !slices.ContainsFunc(m.device, func(c condition) bool {
		return c.row.compares != addresses || len(c.addrs) > 0
	})
}

// set handles one assignment of [Match]. It reports whether any of it counts.
func (m *matchSection) set(p *parser, row *matchRow, a Assignment) bool {
	switch {
	case row.system != nil:
		m.setSystem(p, row, a)
		return true
	case a.Value != "":
		return m.setDevice(p, row, a)
	case !row.compares.emptyResets.has(p.rel):
		return false
	}
	m.device = slices.DeleteFunc(m.device, func(c condition) bool { return c.row == row })
	return true
}

// setDevice adds a line to the condition of its key.
func (m *matchSection) setDevice(p *parser, row *matchRow, a Assignment) bool {
	at := slices.IndexFunc(m.device, func(c condition) bool { return c.row == row })
	if at < 0 {
		at = 0
		for at < len(m.device) && m.device[at].row.step <= row.step {
			at++
		}
		if m.device == nil {
			m.device = make([]condition, 0, 2) // more are rare
		}
		m.device = slices.Insert(m.device, at, condition{row: row})
	}
	counts := row.compares.parse(p, a, &m.device[at])
	if len(m.device[at].wants) == 0 {
		m.device = slices.Delete(m.device, at, at+1)
	}
	return counts
}

// setSystem is config_parse_net_condition() of net-condition.c: only the last assignment
// counts, and goes to the front of the list.
func (m *matchSection) setSystem(p *parser, row *matchRow, a Assignment) {
	kept := make([]condition, 0, len(m.system)+1)
	if a.Value != "" || !p.q.conditionReset {
		param, negate := strings.CutPrefix(a.Value, "!")
		kept = append(kept, condition{row: row, wants: []pattern{{param, negate, a.Pos}}})
	}
	for _, old := range m.system {
		if old.row.name() != row.name() {
			kept = append(kept, old)
		}
	}
	m.system = kept
}

func matchLevel(p *parser) Level {
	if p.q.matchErrors {
		return LevelError
	}
	return LevelWarning
}

// parseAddresses is config_parse_hw_addrs() of conf-parser.c.
func parseAddresses(p *parser, a Assignment, c *condition) bool {
	var add []MAC
	broken := false
	for rest := a.Value; ; {
		word, next, more, err := plainWords.nextWord(p.rel, rest)
		if err != nil {
			p.complain(a.Pos, CodeInvalidValue, LevelWarning, fmt.Sprintf("%s=: %v: %q", a.Key, err, a.Value))
			broken = true
			break
		}
		if !more {
			break
		}
		rest = next
		b, ok := parseAddress(p.rel, word)
		if !ok {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("%s=: not a hardware address, ignoring it: %q", a.Key, word))
			continue
		}
		add = append(add, MACOf(b))
	}
	if broken && p.q.hwAddrAllOrNothing || len(add) == 0 && !p.q.macSetEmptyList {
		return false
	}
	if c.addrs == nil {
		c.addrs = map[MAC]bool{}
	}
	for _, addr := range add {
		c.addrs[addr] = true
	}
	c.wants = append(c.wants, pattern{text: a.Value, pos: a.Pos})
	return len(add) > 0
}

// eachWord calls yield for the words of a pattern list; a leading "!" of the line inverts
// all of them.
func eachWord(p *parser, a Assignment, syntax wordSyntax, yield func(word string, invert bool) bool) {
	rest, invert := a.Value, false
	if !p.q.simpleInvert {
		rest, invert = strings.CutPrefix(rest, "!")
	}
	for {
		word, next, more, err := syntax.nextWord(p.rel, rest)
		if err != nil {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("%s=: %v, ignoring the rest: %q", a.Key, err, a.Value))
			return
		}
		if !more || !yield(word, invert) {
			return
		}
		rest = next
	}
}

// parsePatterns is config_parse_match_strv() of net-condition.c.
func parsePatterns(p *parser, a Assignment, c *condition) bool {
	before := len(c.wants)
	eachWord(p, a, wordSyntax{separators: valueSpace, unquote: true, literal: true}, func(word string, invert bool) bool {
		c.wants = append(c.wants, newPattern(p, word, invert, a.Pos))
		return true
	})
	return len(c.wants) > before
}

// newPattern makes the "!" that the releases store before each word: a word that itself
// starts with "!" is an inverted one, too.
func newPattern(p *parser, word string, invert bool, pos Pos) pattern {
	if !p.q.simpleInvert && !invert {
		word, invert = strings.CutPrefix(word, "!")
	}
	return pattern{text: word, invert: invert, pos: pos}
}

// parseNames is config_parse_match_ifnames() of net-condition.c.
func parseNames(p *parser, a Assignment, c *condition) bool {
	before := len(c.wants)
	eachWord(p, a, plainWords, func(word string, invert bool) bool {
		size := nameSize
		if p.q.nameLonger {
			size = alternativeNameSize
		}
		if !validName(p.rel, word, size) {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("%s=: not a valid interface name, or too long, ignoring it: %q", a.Key, word))
			return !p.q.simpleInvert
		}
		c.wants = append(c.wants, newPattern(p, word, invert, a.Pos))
		return true
	})
	return len(c.wants) > before
}

// parseProperties is config_parse_match_property() of net-condition.c.
func parseProperties(p *parser, a Assignment, c *condition) bool {
	before := len(c.wants)
	eachWord(p, a, wordSyntax{separators: valueSpace, unquote: true, unescape: true}, func(word string, invert bool) bool {
		if !validEnvAssignment(p.q, word) {
			p.complain(a.Pos, CodeInvalidValue, matchLevel(p), fmt.Sprintf("Property=: not a valid \"key=value\", ignoring it: %q", word))
			return true
		}
		c.wants = append(c.wants, pattern{text: word, invert: invert, pos: a.Pos})
		return true
	})
	return len(c.wants) > before
}

// parseWireless keeps conditions that only a wireless device can meet unchanged.
func parseWireless(_ *parser, a Assignment, c *condition) bool {
	c.wants = append(c.wants, pattern{text: a.Value, pos: a.Pos})
	return true
}

// validEnvAssignment is env_assignment_is_valid() of env-util.c.
func validEnvAssignment(q *quirks, s string) bool {
	key, val, ok := strings.Cut(s, "=")
	if !ok || !validEnvName(key) || !validUTF8Value(val) {
		return false
	}
	if q.envValueCC {
		for i := 0; i < len(val); i++ {
			if c := val[i]; c != '\t' && c != '\n' && (c < ' ' || c == 0x7f) {
				return false
			}
		}
	}
	return true
}

// OnlyName reports whether the file can apply only to the device called name: its
// OriginalName= has that name and nothing else.
func (f *File) OnlyName(name string) bool { return f.match.by(byName).only(name) }

// Names returns the names that the file's [Match] asks for, without patterns.
func (f *File) Names() []string {
	c := f.match.by(byName)
	if c == nil {
		return nil
	}
	var names []string
	for _, p := range c.wants {
		if p.literal() {
			names = append(names, p.text)
		}
	}
	return names
}

// MatchesAddress reports whether MACAddress= of [Match] has the address, and on which line.
func (f *File) MatchesAddress(mac MAC) (Pos, bool) {
	c := f.match.by(byAddress)
	if c == nil || !c.addrs[mac] {
		return Pos{}, false
	}
	return c.pos(), true
}

// OnlyKind reports whether Kind= has this kind and nothing else, and no other device setting
// of [Match] narrows it down.
func (f *File) OnlyKind(kind string) bool {
	return len(f.match.device) == 1 && f.match.by(byKind).only(kind)
}

// only reports whether the condition matches this text and no other.
func (c *condition) only(text string) bool {
	return c != nil && len(c.wants) == 1 && c.wants[0].literal() && c.wants[0].text == text
}

// literal reports whether the pattern matches exactly its own text. fnmatch does not know
// "!", but it inverts a list in some releases.
func (p pattern) literal() bool { return !p.invert && !strings.ContainsAny(p.text, `*?[\!`) }

func hasStar(ps []pattern) bool {
	return slices.ContainsFunc(ps, func(p pattern) bool { return p.text == "*" && !p.invert })
}
