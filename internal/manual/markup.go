package manual

import (
	"regexp"
	"strings"
)

// kind is the kind of a token.
type kind int

const (
	kindText     kind = iota
	kindLiteral       // `words`
	kindFlag          // --root
	kindArgument      // FILE
	kindVariable      // $TERM
	kindPage          // systemd.link(5)
	kindLink          // https://...
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
	linkWord     = regexp.MustCompile(`^https://`)
	// around separates the punctuation from a word. A page's section stays with the
	// word.
	around        = regexp.MustCompile(`^([("\[]*)(.*?(?:\([1-8]\))?)([)".,;:?!\]]*)$`)
	literalsAfter = regexp.MustCompile(`^[)".,;:?!\]]*$`)
)

// tokens splits a paragraph; ok is false if a literal has no end or is glued to a word.
// values are the names of arguments and of values of options.
func tokens(text string, values map[string]bool) (out []token, ok bool) {
	words := strings.Split(text, " ")
	for len(words) > 0 {
		word := words[0]
		if open, rest := splitOpen(word); strings.HasPrefix(rest, "`") {
			t, n := literalToken(open, words)
			if n == 0 {
				return nil, false
			}
			out, words = append(out, t), words[n:]
			continue
		}
		if strings.Contains(word, "`") {
			return nil, false
		}
		out, words = append(out, wordToken(word, values)), words[1:]
	}
	return out, true
}

// literalToken returns the literal at the start of words, after the punctuation open,
// and how many words it takes. That is 0 if it has no end, is empty or is glued to a
// word.
func literalToken(open string, words []string) (t token, n int) {
	inside := words[0][len(open)+1:]
	for n = 1; !strings.Contains(inside, "`"); n++ {
		if n == len(words) {
			return t, 0
		}
		inside += " " + words[n]
	}
	inside, after, _ := strings.Cut(inside, "`")
	if inside == "" || !literalsAfter.MatchString(after) {
		return t, 0
	}
	return token{kindLiteral, open, after, inside}, n
}

// wordToken returns the token for a word outside a literal. Plain text keeps its
// punctuation.
func wordToken(word string, values map[string]bool) token {
	m := around.FindStringSubmatch(word)
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
	case linkWord.MatchString(t.text):
		t.kind = kindLink
	default:
		return token{text: word}
	}
	return t
}

func splitOpen(word string) (open, rest string) {
	rest = strings.TrimLeft(word, `("[`)
	return word[:len(word)-len(rest)], rest
}

var capitals = regexp.MustCompile(`[A-Z]+`)

// values returns the names of arguments and values on the page.
func (p *Page) values() map[string]bool {
	all := map[string]bool{}
	options := p.Shared[:len(p.Shared):len(p.Shared)]
	for _, c := range p.Commands() {
		for _, a := range c.Arguments {
			all[capitals.FindString(a)] = true
		}
		options = append(options, c.Options...)
	}
	for _, o := range options {
		all[o.Value] = true
	}
	for _, part := range p.Parts {
		for _, s := range part.Sections {
			all[capitals.FindString(s.Name)] = true
		}
	}
	delete(all, "") // from switches, and from sections without a pattern
	return all
}

// options returns the names of all options on the page.
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

// checkMarkup fails at the first text with wrong markup. In a command, a flag outside
// `words` must be one of that command.
func (p *reader) checkMarkup(page *Page, known map[string]bool) {
	m := markup{p, page.values(), known}
	if page.Program != nil {
		m.command(page.Program)
	}
	for _, o := range page.Shared {
		m.text(o.Line, o.Usage, known)
		m.blocks(o.Text, known)
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

// text checks one text; flags are those that it may use.
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
			m.literalFlags(line, t.text)
		}
	}
}

// literalFlags checks the flags in a literal.
func (m markup) literalFlags(line int, text string) {
	for _, word := range strings.Fields(text) {
		if flagWord.MatchString(word) && !m.known[word] {
			m.fail(line, "no command has %s", word)
		}
	}
}
