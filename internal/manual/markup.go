package manual

import (
	"regexp"
	"strings"
)

// kind is what a token of a paragraph is.
type kind int

const (
	kindText     kind = iota
	kindLiteral       // `words`
	kindFlag          // --root
	kindArgument      // FILE
	kindVariable      // $TERM
	kindPage          // systemd.link(5)
)

// token is a word, or the words of one literal, with the punctuation around it.
type token struct {
	kind        kind
	open, close string
	text        string
}

var (
	flagWord     = regexp.MustCompile(`^--[a-z][a-z-]*$`)
	variableWord = regexp.MustCompile(`^\$[A-Z_]+$`)
	pageWord     = regexp.MustCompile(`^[a-z][a-z0-9._-]*\([1-8]\)$`)
	// around takes the punctuation off a word; a page's section stays.
	around        = regexp.MustCompile(`^([("\[]*)(.*?(?:\([1-8]\))?)([)".,;:?!\]]*)$`)
	literalsAfter = regexp.MustCompile(`^[)".,;:?!\]]*$`)
)

// tokens takes a paragraph apart; ok is false where a literal has no end or is
// glued to a word. values are the words that stand for the value of an option
// or for an argument.
func tokens(text string, values map[string]bool) (out []token, ok bool) {
	words := strings.Split(text, " ")
	for i := 0; i < len(words); i++ {
		open, rest := splitOpen(words[i])
		if strings.HasPrefix(rest, "`") {
			inside := rest[1:]
			for !strings.Contains(inside, "`") {
				if i++; i == len(words) {
					return nil, false
				}
				inside += " " + words[i]
			}
			inside, after, _ := strings.Cut(inside, "`")
			if inside == "" || !literalsAfter.MatchString(after) {
				return nil, false
			}
			out = append(out, token{kindLiteral, open, after, inside})
			continue
		}
		if strings.Contains(words[i], "`") {
			return nil, false
		}
		m := around.FindStringSubmatch(words[i])
		t := token{kindText, m[1], m[3], m[2]}
		switch {
		case flagWord.MatchString(t.text):
			t.kind = kindFlag
		case values[t.text]:
			t.kind = kindArgument
		case variableWord.MatchString(t.text):
			t.kind = kindVariable
		case pageWord.MatchString(t.text):
			t.kind = kindPage
		default:
			t = token{text: words[i]}
		}
		out = append(out, t)
	}
	return out, true
}

func splitOpen(word string) (open, rest string) {
	rest = strings.TrimLeft(word, `("[`)
	return word[:len(word)-len(rest)], rest
}

var capitals = regexp.MustCompile(`[A-Z]+`)

// values are the words of the page that stand for something.
func (p *Page) values() map[string]bool {
	all := map[string]bool{}
	add := func(o *Option) {
		if o.Value != "" {
			all[o.Value] = true
		}
	}
	for _, o := range p.Shared {
		add(o)
	}
	for _, part := range p.Parts {
		if c := part.Command; c != nil {
			for _, a := range c.Arguments {
				all[capitals.FindString(a)] = true
			}
			for _, o := range c.Options {
				add(o)
			}
		}
		for _, s := range part.Sections {
			if v := capitals.FindString(s.Name); v != "" {
				all[v] = true
			}
		}
	}
	return all
}

// options are all of the page by name.
func (p *Page) options() map[string]bool {
	all := map[string]bool{}
	commands := p.Commands()
	if p.Program != nil {
		commands = append(commands, p.Program)
	}
	for _, c := range commands {
		for _, o := range c.Options {
			all["--"+o.Name] = true
		}
	}
	return all
}

// checkMarkup fails at the first text that is not as it should be. In a
// command a flag outside of `words` has to be one of its own.
func (p *reader) checkMarkup(page *Page, known map[string]bool) {
	m := markup{p, page.values(), known}
	if page.Program != nil {
		m.command(page.Program)
	}
	for _, part := range page.Parts {
		m.blocks(part.Body, known)
		if part.Command != nil {
			m.command(part.Command)
		}
		for _, s := range part.Sections {
			m.blocks(s.Body, known)
			for _, k := range s.Keys {
				m.blocks(k.Body, known)
			}
		}
	}
}

// markup checks texts.
type markup struct {
	*reader
	values map[string]bool
	// known are the flags of all commands.
	known map[string]bool
}

func (m markup) command(c *Command) {
	own := map[string]bool{}
	for _, o := range c.Options {
		own["--"+o.Name] = true
	}
	if c.Name == "" {
		own = m.known
	}
	m.text(c.Line, c.Summary, m.known)
	m.blocks(c.Help, own)
	m.blocks(c.More, own)
	m.blocks(c.Examples, own)
	for _, s := range c.Statuses {
		m.text(c.Line, s.Meaning, own)
	}
	for _, o := range c.Options {
		m.text(o.Line, o.Usage, own)
		m.blocks(o.Text, own)
	}
}

func (m markup) blocks(bs []Block, flags map[string]bool) {
	for _, b := range bs {
		m.text(b.Line, b.Text, flags)
		for _, i := range b.Items {
			m.text(i.Line, i.Tag, flags)
			m.text(i.Line, i.Text, flags)
		}
	}
}

// text checks one; flags are those that may stand in it.
func (m markup) text(line int, text string, flags map[string]bool) {
	for _, r := range text {
		if r < ' ' || r > '~' {
			m.fail(line, "%q is not in ASCII", r)
		}
	}
	ts, ok := tokens(text, m.values)
	if !ok {
		m.fail(line, "a ` without its other, or within a word: %s", text)
	}
	for _, t := range ts {
		switch t.kind {
		case kindFlag:
			if !flags[t.text] {
				m.fail(line, "there is no %s here", t.text)
			}
		case kindLiteral:
			for _, word := range strings.Fields(t.text) {
				if flagWord.MatchString(word) && !m.known[word] {
					m.fail(line, "no command has %s", word)
				}
			}
		}
	}
}
