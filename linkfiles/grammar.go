package linkfiles

import (
	"bytes"
	"fmt"
	"strings"
)

// The grammar of systemd.syntax(7) as config_parse() of conf-parser.c has it. It is not INI:
// comments are only at the start of a line, a backslash at the end continues, and comment
// lines inside a continuation are skipped.

const (
	// longLineMax is LONG_LINE_MAX of systemd's fileio.h: a line, or several joined ones,
	// must have fewer bytes.
	longLineMax = 1 << 20

	whitespace    = " \t\n\r"
	byteOrderMark = "\xef\xbb\xbf"
)

// parser reads the main file and the drop-ins of one .link file, in this order.
type parser struct {
	rel    Release
	format *format
	q      *quirks
	// mode is the permission bits of the file being read.
	mode uint32
	// assign is called for every "key = value" in a known section.
	assign func(Assignment)
	// complain records what udevd would log.
	complain func(Pos, Code, Level, string)
}

// parse reads one file. It returns false, after a complaint, if udevd gives up the whole
// .link file.
func (p *parser) parse(path string, content []byte) bool {
	s := parseState{parser: p, path: path}
	return s.run(content)
}

// parseState is the state of config_parse() within one file.
type parseState struct {
	*parser
	path    string
	line    int
	section string
	header  int // line of the section's header
	inside  bool
	ignored bool
}

func (s *parseState) say(code Code, level Level, format string, args ...any) {
	s.complain(Pos{s.path, s.line}, code, level, fmt.Sprintf(format, args...))
}

func (s *parseState) run(content []byte) bool {
	var (
		continuation []byte
		continued    bool
		bomSeen      bool
	)
	for len(content) > 0 {
		raw, rest := readLine(s.q, content)
		if len(raw) >= longLineMax {
			// udevd names the line before: it counts a line only when it is complete.
			s.say(CodeLineTooLong, LevelError, "line too long: %d bytes or more, the whole file is ignored", longLineMax)
			return false
		}
		content = rest
		if !s.q.logicalLines {
			s.line++
		}
		if isComment(s.q, raw) {
			continue
		}
		l := raw
		if !bomSeen {
			if after, ok := bytes.CutPrefix(raw, []byte(byteOrderMark)); ok {
				l, bomSeen = after, true
			}
		}
		// A continuation ends in a space, so only its last line decides; to look at all of
		// it each time would take hours for 1 MiB of backslashes.
		more := endsInBackslash(l)
		if continued {
			if len(continuation)+len(l) > longLineMax {
				s.say(CodeLineTooLong, LevelError, "continuation line too long: more than %d bytes, the whole file is ignored", longLineMax)
				return false
			}
			continuation = append(continuation, l...)
			l = continuation
		}
		if more {
			if !continued {
				continuation = append(make([]byte, 0, 2*len(l)), l...)
				continued = true
			}
			continuation[len(continuation)-1] = ' '
			continue
		}
		if s.q.logicalLines {
			s.line++
		}
		if !s.logicalLine(l) {
			return false
		}
		continuation, continued = nil, false
	}
	if continued {
		s.line++
		return s.logicalLine(continuation)
	}
	return true
}

// readLine splits off one line as read_line() of systemd's fileio.c does: "\n", "\r" and NUL
// end a line, alone or each of them once in any order, but nothing is combined with a NUL
// before it.
func readLine(q *quirks, b []byte) (line, rest []byte) {
	if !q.returnEndsLine {
		n := bytes.IndexAny(b, "\n\x00")
		if n < 0 {
			return b, nil
		}
		return b[:n], b[n+1:]
	}
	n := bytes.IndexAny(b, "\n\r\x00")
	if n < 0 {
		return b, nil
	}
	line = b[:n]
	var seen [3]bool
	for i := n; i < len(b); i++ {
		k := 0
		switch b[i] {
		case '\n':
		case '\r':
			k = 1
		case 0:
			k = 2
		default:
			return line, b[i:]
		}
		if seen[2] || seen[k] {
			return line, b[i:]
		}
		seen[k] = true
	}
	return line, nil
}

func isComment(q *quirks, line []byte) bool {
	switch q.commentLine {
	case 0:
		return false
	case 2:
		line = bytes.TrimLeft(line, whitespace)
	}
	if len(line) == 0 {
		return q.blankIsComment
	}
	return line[0] == '#' || line[0] == ';'
}

// endsInBackslash reports whether the line ends in a backslash that no other one escapes.
func endsInBackslash(l []byte) bool {
	escaped := false
	for _, c := range l {
		escaped = !escaped && c == '\\'
	}
	return escaped
}

// logicalLine is parse_line(): one header, assignment or nuisance.
func (s *parseState) logicalLine(raw []byte) bool {
	l := strings.Trim(string(raw), whitespace)
	if l == "" {
		return true
	}
	if s.q.commentLine == 0 && (l[0] == '#' || l[0] == ';') {
		return true
	}
	if s.q.includeLine && (l == ".include" || strings.HasPrefix(l, ".include") && strings.IndexByte(whitespace, l[8]) >= 0) {
		s.say(CodeInvalidValue, LevelError, ".include is not allowed in a %s file, ignoring the line", s.format.suffix)
		return true
	}
	if !validUTF8Value(l) {
		s.say(CodeInvalidUTF8, LevelWarning, "the line is not valid UTF-8, the whole file is ignored")
		return false
	}
	if l[0] == '[' {
		return s.sectionHeader(l)
	}
	if !s.inside {
		if !s.ignored {
			s.say(CodeOutsideSection, LevelWarning, "assignment outside of a section, ignoring it")
		}
		return true
	}
	key, value, ok := strings.Cut(l, "=")
	switch {
	case !ok:
		if s.q.missingEqualsFatal {
			s.say(CodeMissingEquals, LevelWarning, "missing \"=\", the whole file is ignored")
			return false
		}
		s.say(CodeMissingEquals, LevelWarning, "missing \"=\", ignoring the line")
		return true
	case key == "" && s.q.missingKey:
		s.say(CodeMissingKey, LevelWarning, "missing key name before \"=\", ignoring the line")
		return true
	}
	s.assign(Assignment{
		Section:    s.section,
		Key:        strings.Trim(key, whitespace),
		Value:      strings.Trim(value, whitespace),
		Pos:        Pos{s.path, s.line},
		SectionPos: Pos{s.path, s.header},
	})
	return true
}

func (s *parseState) sectionHeader(l string) bool {
	if l[len(l)-1] != ']' {
		s.say(CodeBadSectionHeader, LevelError, "invalid section header %q, the whole file is ignored", l)
		return false
	}
	// "[" alone cannot come here: its last byte is no "]". For "[]" the name
	// is empty.
	name := l[1 : len(l)-1]
	if !safeSectionName(s.q.sectionSafe, name) {
		s.say(CodeBadSectionHeader, LevelError, "bad characters in section header %q, the whole file is ignored", l)
		return false
	}
	if s.format.knowsSection(s.rel, name) {
		s.section, s.header, s.inside, s.ignored = name, s.line, true, false
		return true
	}
	if !strings.HasPrefix(name, "X-") && !s.format.partial {
		s.say(CodeUnknownSection, LevelWarning, "unknown section [%s], ignoring it%s", name, newerSection(s.rel, name))
	}
	s.section, s.header, s.inside, s.ignored = "", 0, false, true
	return true
}

// safeSectionName is string_is_safe() of string-util.c.
func safeSectionName(strictness int, name string) bool {
	switch strictness {
	case 0:
		return true
	case 2:
		if name == "" || strings.ContainsAny(name, "*?[") {
			return false
		}
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < ' ' || c == 0x7f || c == '"' || c == '\'' || c == '\\' {
			return false
		}
	}
	return true
}
